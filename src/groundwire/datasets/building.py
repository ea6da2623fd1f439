"""Cases out of stored answers: which of them, in what order, with what of theirs, and without what must not leave."""

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal, TypeAlias
from urllib.parse import urlsplit, urlunsplit

from groundwire import semconv
from groundwire.answers import Answer
from groundwire.checks import Check
from groundwire.datasets.case import Case, Slice, case_id
from groundwire.errors import ConfigurationError
from groundwire.filters import Condition, hold
from groundwire.model import Passage
from groundwire.redaction import Redactor

Which: TypeAlias = Literal["all", "failed", "passed", "worst", "random"]
_SLICES: Mapping[str, str] = {"model": "", "service.name": "service.name", "app.version": "app.version"}
"""Slices that every case gets, where its answer has them; the model is the chain's."""


@dataclass(frozen=True, slots=True)
class Choice:
    """Which answers become cases."""

    which: Which = "all"
    number: int | None = None
    """How many of the worst, or at random."""
    seed: int = 0
    evaluators: tuple[str, ...] = ()
    """The scores that decide; empty: all of them."""
    where: tuple[Condition, ...] = ()

    @classmethod
    def of(cls, text: Sequence[str] | None, **more: Any) -> "Choice":
        """Read `failed`, `passed`, `worst 20` or `random 50` (also `worst:20`), in words as given to `--only`.

        Raises:
            ConfigurationError: it is none of these.
        """
        words = [w for part in text or ["all"] for w in part.replace(":", " ").replace("=", " ").split()]
        match words:
            case ["all" | "failed" | "passed" as which]:
                return cls(which, **more)
            case ["worst" | "random" as which, count] if count.isascii() and count.isdigit() and int(count) > 0:
                return cls(which, int(count), **more)
            case _:
                said = " ".join(text or ())
                raise ConfigurationError(f"--only {said}: use failed, passed, worst N or random N (N from 1 on)")


@dataclass(slots=True)
class Built:
    """Cases, and what became of the other answers."""

    cases: list[Case] = field(default_factory=list[Case])
    answers: int = 0
    not_chosen: Counter[str] = field(default_factory=Counter[str])
    """Why answers became no case: `where`, `passed`, `not scored`, `same question` ..."""


def build(
    answers: Iterable[Answer],
    choice: Choice,
    *,
    source: str = "",
    redactor: Redactor | None = None,
    answers_as_reference: bool = False,
    passages: bool = True,
    tags: Sequence[str] = (),
    slices: Sequence[str] = (),
) -> Built:
    """Cases of answers, each question once.

    Of several answers to one question the worst is taken where the worst or the failed ones are asked for, else the
    latest. The order is that of time; for the worst, the worst first; at random, by case id.

    Args:
        answers: in any order.
        choice: which of them.
        source: where they are from, for the provenance. Passwords in it are left out.
        redactor: takes private data out of every text, before questions are compared and ids are made.
        answers_as_reference: take answers for right ones. Only where somebody has looked at them.
        passages: keep what the answers rested on.
        tags: put on every case.
        slices: further attributes to keep as slices.

    Raises:
        ConfigurationError: scores decide and no answer has any, or a hook broke.
    """
    built = Built()
    rows: list[tuple[_Rank, Answer]] = []
    scored = False
    for answer in answers:
        built.answers += 1
        rank = _rank(answer, choice.evaluators)
        scored = scored or rank.value is not None
        why = _refused(answer, rank, choice)
        if why is None:
            rows.append((rank, answer))
        else:
            built.not_chosen[why] += 1
    if built.answers and not scored and choice.which in ("failed", "passed", "worst"):
        raise ConfigurationError(_unscored(choice, source))
    rows.sort(key=lambda row: (row[1].span.end_ns, row[1].chain.trace_id, row[1].chain.span_id))
    if choice.which in ("failed", "worst"):
        rows.sort(key=lambda row: (not row[0].failed, row[0].value if row[0].value is not None else 2.0))
    else:
        rows.reverse()  # the latest first: it is the one that stays
    cases: dict[str, tuple[int, Case]] = {}
    for _, answer in rows:
        case = _case(answer, source, redactor, answers_as_reference, passages, tags, slices)
        if case.id in cases:
            built.not_chosen["same question"] += 1
        else:
            cases[case.id] = answer.span.end_ns, case
    found = list(cases.values())
    if choice.which == "worst":
        chosen = found[: choice.number]
    elif choice.which == "random":
        chosen = sorted(found, key=lambda row: _lot(choice.seed, row[1].id))[: choice.number]
        chosen.sort(key=lambda row: row[1].id)
    else:
        chosen = sorted(found, key=lambda row: (row[0], row[1].id))
    if len(chosen) < len(found):
        built.not_chosen["beyond the number asked for"] += len(found) - len(chosen)
    built.cases = [case for _, case in chosen]
    return built


# --- which ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Rank:
    failed: bool
    value: float | None
    """The lowest of the scores that decide; None: none of them was given."""


def _rank(answer: Answer, names: Sequence[str]) -> _Rank:
    deciding = [c for c in answer.checks.values() if c.value is not None and (not names or c.name in names)]
    failing = [c.value for c in deciding if c.failed and c.value is not None]
    values = failing or [c.value for c in deciding if c.value is not None]
    return _Rank(bool(failing), min(values, default=None))


def _refused(answer: Answer, rank: _Rank, choice: Choice) -> str | None:
    """Why an answer becomes no case; None: it may become one."""
    if not (answer.question or "").strip():
        return "no question"
    if not hold(choice.where, lambda name: lookup(answer, name)):
        return "where"
    if choice.which in ("failed", "passed", "worst") and rank.value is None:
        return "not scored"
    if choice.which == "failed" and not rank.failed:
        return "passed"
    if choice.which == "passed" and rank.failed:
        return "failed"
    return None


def lookup(answer: Answer, name: str) -> Any:
    """What a name means in a condition: a word for what every answer has, an attribute, or an evaluator's value."""
    match name:
        case "question":
            return answer.question
        case "answer":
            return answer.chain.answer
        case "model":
            return answer.chain.model
        case "provider":
            return answer.chain.provider
        case "trace_id":
            return answer.chain.trace_id
        case "span_id":
            return answer.chain.span_id
        case "cost_usd":
            return answer.cost_usd
        case "duration_ms":
            return answer.duration_ms
        case _:
            value = answer.attribute(name)
            if value is not None:
                return value
            check = answer.checks.get(name.removesuffix(".label"))
            return None if check is None else check.label if name.endswith(".label") else check.value


def _unscored(choice: Choice, source: str) -> str:
    what = f"scores of {', '.join(choice.evaluators)}" if choice.evaluators else "scores"
    return (
        f"{source}: no {what} in it, and --only {choice.which} goes by them; "
        f"first: groundwire score {source} -o scored.jsonl"
    )


def _lot(seed: int, identity: str) -> str:
    """By lot, and the same lot whatever else is in the source."""
    return hashlib.sha256(f"{seed}/{identity}".encode(errors="surrogatepass")).hexdigest()


# --- a case ---------------------------------------------------------------------------------------------------------


def _case(
    answer: Answer,
    source: str,
    redactor: Redactor | None,
    answers_as_reference: bool,
    with_passages: bool,
    tags: Sequence[str],
    slices: Sequence[str],
) -> Case:
    chain = answer.chain
    kept = chain.context if with_passages else ()
    sliced = _slices(answer, slices)
    words = {name: value for name, value in sliced.items() if isinstance(value, str)}
    texts = [
        chain.question or "", chain.answer, chain.reference or "", *(p.text for p in kept),
        *(p.id or "" for p in kept), *words.values(),
    ]  # fmt: skip
    redacted: Mapping[str, int] = {}
    if redactor is not None:
        texts, redacted = redactor.case(texts)
    question, said, reference, *rest = texts
    n = len(kept)
    passages = tuple(
        Passage(text, identity or None, p.score)
        for p, text, identity in zip(kept, rest[:n], rest[n : 2 * n], strict=True)
    )
    if not question.strip():
        question = chain.question or ""
    return Case(
        question=question,
        reference=reference or (said if answers_as_reference else None),
        id=_known_id(answer) or case_id(question),
        passages=passages,
        previous_answer=said,
        tags=tuple(dict.fromkeys([*_known_tags(answer), *tags])),
        slices={**sliced, **dict(zip(words, rest[2 * n :], strict=True))},
        provenance=_provenance(answer, source),
        redacted=redacted,
    )


def _known_id(answer: Answer) -> str | None:
    """That of the case, where the answer is from an experiment."""
    known = answer.trace.root.attributes.get(semconv.CASE_ID)
    return known if isinstance(known, str) and known else None


def _known_tags(answer: Answer) -> list[str]:
    known = answer.trace.root.attributes.get(semconv.CASE_TAGS)
    return [str(tag) for tag in known] if isinstance(known, list | tuple) else []


def _slices(answer: Answer, names: Sequence[str]) -> dict[str, Slice]:
    found: dict[str, Slice] = {
        key.removeprefix(semconv.CASE_SLICE): value
        for key, value in answer.trace.root.attributes.items()
        if key.startswith(semconv.CASE_SLICE) and isinstance(value, str | int | float | bool)
    }
    for name in dict.fromkeys([*_SLICES, *names]):
        value = answer.chain.model if name == "model" else answer.attribute(name)
        if isinstance(value, str | int | float | bool) and value == value:
            found[name] = value
    return found


def _provenance(answer: Answer, source: str) -> dict[str, Any]:
    when = datetime.fromtimestamp(answer.span.end_ns // 1_000_000_000, UTC).isoformat().replace("+00:00", "Z")
    scores = {name: _score(check) for name, check in sorted(answer.checks.items())}
    return {
        "trace_id": answer.chain.trace_id,
        "span_id": answer.chain.span_id,
        "source": _without_password(source),
        "when": when,
        "scores": scores,
    }


def _score(check: Check) -> dict[str, Any]:
    told: dict[str, Any] = {"value": check.value, "label": check.label or None, "passed": check.passed}
    told |= {
        "version": check.version or None,
        "not_scored": check.reason.partition(":")[0] if check.value is None else None,
    }
    return {key: value for key, value in told.items() if value is not None}


def _without_password(source: str) -> str:
    if "://" not in source:
        return source
    try:
        parts = urlsplit(source)
        host = parts.netloc.rpartition("@")[2]
        return urlunsplit(parts._replace(netloc=host))
    except ValueError:
        return source.partition("://")[0] + "://..."
