"""`groundwire dataset build`: what was chosen becomes cases, and what became of the rest is told."""

import sys
from pathlib import Path
from typing import Any

from groundwire.cli.reading import counted, report
from groundwire.errors import ConfigurationError, SourceError
from groundwire.figures import plural
from groundwire.terminal import escaped, inert, json_line


def build(
    *,
    source: str | None,
    out: str | None,
    where: list[str] | None,
    only: list[str] | None,
    evaluators: list[str] | None,
    seed: int,
    redact: list[str] | None,
    redact_names: list[str] | None,
    answers_as_reference: bool,
    no_passages: bool,
    tags: list[str] | None,
    slices: list[str] | None,
    as_json: bool,
) -> int:
    """Make cases of stored answers; the exit code."""
    from groundwire.datasets.building import build as cases_of
    from groundwire.datasets.choosing import Choice
    from groundwire.datasets.file import addable, added, lines
    from groundwire.datasets.streamed import StoredAnswers
    from groundwire.filters import conditions

    source, only, redact = _source(source, only, redact)
    choice = Choice.of(only, seed=seed, evaluators=tuple(evaluators or ()), where=conditions(where))
    redactor = _redactor(redact, redact_names)
    if out not in (None, "-"):
        addable(out)
    stored = StoredAnswers(source)
    built = cases_of(
        counted(stored, "answers read"), choice, source=source, redactor=redactor, passages=not no_passages,
        answers_as_reference=answers_as_reference, tags=tags or (), slices=slices or (),
    )  # fmt: skip
    problems = stored.problems
    if not built.answers:
        report(problems)
        raise SourceError(
            f"{source}: no RAG answer in it, {stored.summary.spans} spans; groundwire chains {source} tells more"
        )
    fresh = None
    if out == "-":
        sys.stdout.write(escaped(lines(built.cases)))
    elif out is not None:
        fresh = added(out, built.cases)
    told: dict[str, Any] = {
        "source": source,
        "answers": built.answers,
        "cases": len(built.cases),
        "not_chosen": dict(built.not_chosen),
        "redacted": None if redactor is None else dict(sorted(redactor.counts.items())),
        "written": None if out is None else {"to": out, "new": len(built.cases) if fresh is None else fresh},
    }
    stream = sys.stderr if out == "-" else sys.stdout
    if as_json:
        print(json_line(told), file=stream)
    else:
        print("\n".join(_told(told, fresh)), file=stream)
    report(problems)
    if not built.cases:
        print("groundwire dataset: no answer was chosen", file=sys.stderr)
        return 2
    return 3 if problems else 0


def _source(
    source: str | None, only: list[str] | None, redact: list[str] | None
) -> tuple[str, list[str] | None, list[str] | None]:
    """The source, also where an option before it took it for its own: `--redact traces.jsonl`."""
    if source is not None:
        return source, only, redact
    if only and len(only) > 1 and only[-1] not in ("failed", "passed") and not only[-1].isdigit():
        return only[-1], only[:-1], redact
    taken = [r for r in redact or () if r and (":" not in r or Path(r).exists() or "://" in r)]
    if len(taken) == 1:
        return taken[0], only, [r if r != taken[0] else "" for r in redact or ()]
    raise ConfigurationError("which traces? groundwire dataset build TRACES -o cases.jsonl")


def _redactor(redact: list[str] | None, name_files: list[str] | None) -> Any:
    if redact is None and name_files is None:
        return None
    from groundwire.redaction import Redactor, hook

    names: list[str] = []
    for file in name_files or ():
        try:
            names += [line.strip() for line in Path(file).read_text(encoding="utf-8-sig").splitlines() if line.strip()]
        except (OSError, UnicodeError) as error:
            raise ConfigurationError(f"--redact-names {file}: cannot be read ({error})") from error
    return Redactor(names, [(spelling, hook(spelling)) for spelling in redact or () if spelling])


def _told(told: dict[str, Any], fresh: int | None) -> list[str]:
    cases, written = told["cases"], told["written"]
    lines = [f"{cases} {plural('case', cases)} of {told['answers']} {plural('answer', told['answers'])}"]
    if told["not_chosen"]:
        lines.append("not chosen: " + ", ".join(f"{n} {why}" for why, n in told["not_chosen"].items()))
    if told["redacted"] is not None:
        kinds = ", ".join(f"{n} {kind}" for kind, n in told["redacted"].items()) or "nothing found"
        lines.append(f"redacted: {kinds}")
        lines.append("a pattern finds what has its shape: look before you share it")
    if written is None:
        lines.append(f"nothing was written; next: groundwire dataset build {inert(told['source'])} -o cases.jsonl")
    elif fresh is not None:
        kept = f", {cases - fresh} were there already" if cases > fresh else ""
        lines.append(f"{fresh} written to {written['to']}{kept}")
        lines.append(f"next: groundwire dataset show {written['to']}")
    return lines
