"""From a stored answer to a case: what is kept of it, and what is taken out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from groundwire import semconv
from groundwire.answers import Answer
from groundwire.checks import Check
from groundwire.datasets.case import Case, Slice, case_id
from groundwire.errors import ConfigurationError
from groundwire.model import Passage
from groundwire.redaction import Redactor

_SLICES = ("model", "service.name", "app.version")
"""Slices that every case gets, where its answer has them; the model is the chain's."""


@dataclass(frozen=True, slots=True)
class Draft:
    """What a case needs of an answer, before anything is taken out of it."""

    place: tuple[int, str, str]
    """When it ended, and its ids: the order of time."""
    question: str
    answer: str
    reference: str | None
    passages: tuple[Passage, ...]
    slices: Mapping[str, Slice]
    tags: tuple[str, ...]
    identity: str | None
    """Of the case that it was an answer to, in an experiment."""
    provenance: Mapping[str, Any]


def draft_of(answer: Answer, with_passages: bool, slices: Sequence[str]) -> Draft:
    """What is kept of an answer: texts, and not the trace that it is from."""
    chain = answer.chain
    return Draft(
        place=(answer.span.end_ns, chain.trace_id, chain.span_id),
        question=chain.question or "",
        answer=chain.answer,
        reference=chain.reference,
        passages=tuple(Passage(p.text, p.id, p.score) for p in chain.context) if with_passages else (),
        slices=_slices(answer, slices),
        tags=_known_tags(answer),
        identity=_known_id(answer),
        provenance=_provenance(answer),
    )


def finished(
    draft: Draft, source: str, redactor: Redactor | None, answers_as_reference: bool, tags: Sequence[str]
) -> Case:
    """The case of a draft.

    Raises:
        ConfigurationError: a hook broke, or left nothing of the question.
    """
    words = {name: value for name, value in draft.slices.items() if isinstance(value, str)}
    texts = [
        draft.question, draft.answer, draft.reference or "", *(p.text for p in draft.passages),
        *(p.id or "" for p in draft.passages), *words.values(),
    ]  # fmt: skip
    redacted: Mapping[str, int] = {}
    if redactor is not None:
        texts, redacted = redactor.case(texts)
    question, said, reference, *rest = texts
    n = len(draft.passages)
    passages = tuple(
        Passage(text, identity or None, p.score)
        for p, text, identity in zip(draft.passages, rest[:n], rest[n : 2 * n], strict=True)
    )
    if not question.strip():
        raise ConfigurationError(f"a hook of --redact left nothing of the question of {draft.provenance['trace_id']}")
    return Case(
        question=question,
        reference=reference or (said if answers_as_reference else None),
        id=draft.identity or case_id(question),
        passages=passages,
        previous_answer=said,
        tags=tuple(dict.fromkeys([*draft.tags, *tags])),
        slices={**draft.slices, **dict(zip(words, rest[2 * n :], strict=True))},
        provenance={**draft.provenance, "source": _without_password(source)},
        redacted=redacted,
    )


def _known_id(answer: Answer) -> str | None:
    """That of the case, where the answer is from an experiment."""
    known = answer.trace.root.attributes.get(semconv.CASE_ID)
    return known if isinstance(known, str) and known else None


def _known_tags(answer: Answer) -> tuple[str, ...]:
    known = answer.trace.root.attributes.get(semconv.CASE_TAGS)
    return tuple(map(str, known)) if isinstance(known, list | tuple) else ()


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


def _provenance(answer: Answer) -> dict[str, Any]:
    when = datetime.fromtimestamp(answer.span.end_ns // 1_000_000_000, UTC).isoformat().replace("+00:00", "Z")
    scores = {name: _score(check) for name, check in sorted(answer.checks.items())}
    return {
        "trace_id": answer.chain.trace_id,
        "span_id": answer.chain.span_id,
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
