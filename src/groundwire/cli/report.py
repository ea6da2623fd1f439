"""`groundwire report`: a run, or two, as one HTML file that opens on the worst answer."""

import sys
from argparse import ArgumentParser
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from groundwire.errors import ConfigurationError, SinkError, SourceError
from groundwire.replacing import replace
from groundwire.terminal import json_line

if TYPE_CHECKING:
    from groundwire.comparing import Comparison, Run
    from groundwire.report import Listing

_ABOUT = """\
Write one HTML file about a run: the worst answer beside its passages, the list
of all with filters, scores, times, cost, slices; and what changed, where two
runs are given. It needs no network and no server, and may be sent to anybody
who may read the traces.

A run that has no scores is scored first, in memory.

Exit code 0: written; 2: a mistake in what was asked, or no answer to tell of;
3: written, and an evaluator broke or a part of a source could not be read."""
_EXAMPLE = """\
Example:
  groundwire report v1.jsonl v2.jsonl --by model --by app.version"""
_USUAL = ("model", "app.version", "service.version")
"""By what a run is told apart where nobody says: as far as it differs."""


def options(parser: ArgumentParser) -> None:
    """What the command takes."""
    parser.description, parser.epilog = _ABOUT, _EXAMPLE
    parser.add_argument("source", help="A file, folder or pattern; -; jaeger+http://host:16686?service=NAME.")
    parser.add_argument("candidate", nargs="?", help="A second run: the report is about it, compared with the first.")
    parser.add_argument(
        "-o", "--out", metavar="FILE", default="report.html", help="Where it goes; - is standard output. [%(default)s]"
    )
    parser.add_argument(
        "--by", metavar="ATTR", action="append",
        help="Also tell answers apart by this: model, or any attribute; may be repeated. "
        "[default: model and version, where they differ]",
    )  # fmt: skip
    parser.add_argument(
        "--limit", type=int, default=1000, metavar="N",
        help="List the N worst answers; the figures are over all. [%(default)s]",
    )  # fmt: skip
    parser.add_argument("--key", metavar="ATTR", help="Pair the answers of two runs by this, not by question.")
    parser.add_argument(
        "-e", "--evaluator", dest="evaluators", metavar="NAME", action="append",
        help="Score with it first, where its present version has not; may be repeated.",
    )  # fmt: skip
    parser.add_argument("--no-score", dest="unscored", action="store_true", help="Leave what has no score as it is.")
    parser.add_argument("--title", help="Heading of the page. [default: name of the source]")
    parser.add_argument("--json", dest="as_json", action="store_true", help="Print the summary as one JSON object.")


def report(
    *,
    source: str,
    candidate: str | None,
    out: str,
    by: list[str] | None,
    limit: int,
    key: str | None,
    evaluators: list[str] | None,
    unscored: bool,
    title: str | None,
    as_json: bool,
) -> int:
    """Write one HTML file about a run; the exit code."""
    from groundwire.cli.reading import read
    from groundwire.cli.reading import report as report_problems
    from groundwire.cli.report_summary import Summary
    from groundwire.comparing.runs import run_of_traces
    from groundwire.report import listing, page
    from groundwire.trace import read_traces

    _check(source, candidate, limit, key, evaluators, unscored)
    _writable(out)
    problems: list[Any] = []
    runs: list[Run] = []
    spans: list[Any] = []
    traces: list[Any] = []
    for name in (source,) if candidate is None else (source, candidate):
        spans, found = read(name)
        problems += found
        traces = read_traces(spans)
        runs.append(run_of_traces(name, traces))
    runs = _scored(runs, evaluators, unscored)
    told = listing(runs[-1].name, traces, runs[-1].answers)
    if not told.entries:
        report_problems(problems)
        raise SourceError(
            f"{told.source}: no RAG answer among {len(spans)} spans; groundwire chains {told.source} tells why"
        )
    slices = _slices(told, runs, by)
    comparison = _comparison(runs, key, slices) if candidate is not None else None
    text = page(told, by=slices, limit=limit, title=title, note=_note(runs), comparison=comparison)
    _write(out, text)
    summary = Summary(told, runs, out, len(text.encode()), limit, comparison, problems)
    stream = sys.stderr if out == "-" else sys.stdout
    if as_json:
        print(json_line(summary.as_json()), file=stream)
    else:
        print("\n".join(summary.lines()), file=stream)
        report_problems(problems)
    return 3 if summary.incomplete else 0


def _check(
    source: str, candidate: str | None, limit: int, key: str | None, evaluators: Sequence[str] | None, unscored: bool
) -> None:
    if limit < 1:
        raise ConfigurationError(f"--limit must be at least 1, got {limit}")
    if source == candidate == "-":
        raise ConfigurationError("standard input cannot be both runs")
    if key is not None and candidate is None:
        raise ConfigurationError("--key pairs two runs, and one was given")
    if unscored and evaluators:
        raise ConfigurationError("-e scores, and --no-score does not: choose one")


def _scored(runs: "Sequence[Run]", evaluators: Sequence[str] | None, unscored: bool) -> "list[Run]":
    from groundwire.cli.runs import with_scores

    if unscored:
        return list(runs)
    done = with_scores(runs, evaluators)
    for run in done:
        if run.scored_now:
            names = ", ".join(f"{name} ({count})" for name, count in run.scored_now.items())
            print(f"scored now, in memory: {run.name} by {names}", file=sys.stderr)
    return done


def _note(runs: "Sequence[Run]") -> str:
    names = list(dict.fromkeys(name for run in runs for name in run.scored_now))
    return f"scored for this report by {', '.join(names)}" if names else ""


# --- by what answers are told apart ---------------------------------------------------------------------------------


def _slices(told: "Listing", runs: "Sequence[Run]", by: Sequence[str] | None) -> list[str]:
    """Those asked for, all of which some answer must have; else the usual ones that differ between answers."""
    if by is None:
        return [name for name in _USUAL if len({str(v) for e in told.entries if (v := e.slice(name)) is not None}) > 1]
    from groundwire.comparing.pairing import known_attributes

    for name in by:
        if all(e.slice(name) is None for e in told.entries):
            raise ConfigurationError(f"--by {name}: no answer has that attribute; {known_attributes(runs[-1])}")
    return list(dict.fromkeys(by))


def _comparison(runs: "Sequence[Run]", key: str | None, slices: Sequence[str]) -> "Comparison":
    from groundwire.comparing import compare
    from groundwire.comparing.pairing import attribute_of

    for run in runs:
        if not run.answers:
            raise SourceError(f"{run.name}: no RAG answer to compare; groundwire chains {run.name} tells why")
    answers = [answer for run in runs for answer in run.answers]
    known = [name for name in slices if any(attribute_of(a, name) is not None for a in answers)]
    return compare(runs[0], runs[1], key=key, by=known)


# --- the file -------------------------------------------------------------------------------------------------------


def _writable(out: str) -> None:
    """A file of another kind is not replaced: mostly its name was meant to be read from.

    Raises:
        SinkError: it is, or cannot be, no file of ours.
    """
    from groundwire.report.page import MARK

    path = Path(out)
    if out == "-":
        return
    if path.is_dir():
        raise SinkError(f"{out} is a folder; name a file in it, for instance {path / 'report.html'}")
    if not path.parent.is_dir():
        raise SinkError(f"{out}: there is no folder {path.parent}")
    try:
        if path.is_file() and path.stat().st_size:
            with path.open("rb") as file:
                if MARK.encode() not in file.read(4096):
                    raise SinkError(f"{out} exists and is no report; nothing was written, choose another name")
    except OSError as error:
        raise SinkError(f"{out}: {error.strerror}") from None


def _write(out: str, text: str) -> None:
    """All of it or nothing: who looks at the old report keeps it until the new one is whole."""
    if out == "-":
        sys.stdout.write(text)
        return
    try:
        replace(Path(out), text.encode())
    except OSError as error:
        raise SinkError(f"{out} cannot be written: {error.strerror}") from None
