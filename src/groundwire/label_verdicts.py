"""What people said about an answer, whatever words, numbers, votes or marks they said it with."""

import math
from collections.abc import Iterable, Mapping, Sequence
from statistics import median
from typing import Any

from groundwire.label_files import Object
from groundwire.labelled_row import Spans


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_GOOD = _words(
    "1 1.0 true yes good pass passed supports supported entailment entailed consistent faithful grounded attributable "
    "fully_attributable relevant correct"
)
_BAD = _words(
    "0 0.0 false no bad fail failed refutes refuted contradiction contradicted contradictory hallucination "
    "hallucinated partial partially partly partially_supported not_supported unsupported neutral off-topic "
    "inconsistent unfaithful ungrounded irrelevant incorrect not_enough_info not_fully_attributable not_attributable"
)
_NO_FLAW = _words("misleading other incoherent repetitive")
"""Types of marked spans that say nothing about support."""
_LIKERT_GOOD = 3.5
"""Of four grades; MTRAG's people give 4 to an answer that its passages carry wholly."""


def verdict(value: Any) -> bool | None:
    """True for good (supported, relevant), False for bad; None for what says neither (`generic`, 7, NaN).

    >>> verdict("Supports"), verdict(0), verdict("partly"), verdict("generic")
    (True, False, False, None)
    """
    if isinstance(value, bool):
        return value
    if isinstance(value, int | float):
        return value >= 0.5 if math.isfinite(value) and 0 <= value <= 1 else None
    word = str(value).strip().lower().replace(" ", "_")
    return True if word in _GOOD else False if word in _BAD else None


def judged(item: Object, answer: str) -> tuple[dict[str, bool], Spans | None]:
    """By evaluator's name whether the answer is good, and the unsupported spans, from whichever labels the row has.

    Returns:
        No name where no label can be used. Spans are None where nobody marked any, and where an answer was found bad
        and no place could be marked for it.

    Raises:
        ValueError: a span lies outside the answer, or a label under `labels` says neither good nor bad.
    """
    named = _named(item.get("labels"))
    good, spans = _faithful(item, answer)
    if good is not None:
        named.setdefault("faithfulness", good)
    if spans == () and named.get("faithfulness") is False:
        spans = None
    return named, spans


def _named(labels: Any) -> dict[str, bool]:
    if labels is None:
        return {}
    if not isinstance(labels, Mapping):
        raise ValueError(f"labels must map evaluators to labels, found {type(labels).__name__}")
    found: dict[str, bool] = {}
    for name, label in labels.items():
        if label is None:
            continue
        good = verdict(label)
        if good is None:
            raise ValueError(f"labels.{name} {label!r} is neither good nor bad")
        found[str(name)] = good
    return found


def _faithful(item: Object, answer: str) -> tuple[bool | None, Spans | None]:
    spans: Spans | None = None
    annotations = item.get("annotations")
    if isinstance(item.get("spans"), list):
        spans = marked(item["spans"], answer)
    elif isinstance(annotations, list):
        people = [marked(a, answer) for a in annotations]
        if not people:
            return None, None
        # Half of the people are enough, of words as of answers.
        return sum(map(bool, people)) * 2 < len(people), agreed_spans(people)
    for key in ("faithful", "label"):
        if item.get(key) is not None:
            return verdict(item[key]), spans
    votes = item.get("votes")
    if isinstance(votes, Mapping) and votes.get("faithfulness"):
        return median(votes["faithfulness"]) >= _LIKERT_GOOD, None
    return (None, None) if spans is None else (not spans, spans)


def marked(spans: Sequence[Object], answer: str) -> Spans:
    """(start, end) of the spans whose type says that support is missing; end exclusive. Empty ones mark nothing.

    Raises:
        ValueError: a span is outside the answer, or its `text` does not stand there.
    """
    found: list[tuple[int, int]] = []
    for number, span in enumerate(spans, 1):
        start, end = int(span["start"]), int(span["end"])
        if not 0 <= start <= end <= len(answer):
            raise ValueError(f"span {number}, {start} to {end}, is not inside the answer of {len(answer)} characters")
        text = span.get("text")
        if isinstance(text, str) and answer[start:end] != text:
            raise ValueError(f"span {number}: the answer has {answer[start:end][:40]!r} there, not {text[:40]!r}")
        if start < end and str(span.get("type", "")).lower() not in _NO_FLAW:
            found.append((start, end))
    return tuple(found)


def agreed_spans(people: Sequence[Spans]) -> Spans:
    """Characters that at least half of the people marked.

    >>> agreed_spans([((0, 4),), ((2, 6),), ()])
    ((2, 4),)
    """
    edges = sorted((at, step) for spans in people for a, b in merged(spans) for at, step in ((a, 1), (b, -1)))
    found: list[tuple[int, int]] = []
    depth, opened, need = 0, None, (len(people) + 1) // 2
    for at, step in edges:
        depth += step
        if depth >= need and opened is None:
            opened = at
        elif depth < need and opened is not None:
            if at > opened:
                found.append((opened, at))
            opened = None
    return tuple(found)


def merged(spans: Iterable[tuple[int, int]]) -> Spans:
    """The same characters in order, each once.

    >>> merged([(4, 6), (0, 3), (2, 4)])
    ((0, 6),)
    """
    found: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(end, found[-1][1]))
        else:
            found.append((start, end))
    return tuple(found)


def by_sentence(item: Object) -> tuple[str, Spans]:
    """The answer that labelled sentences make up, and the sentences that fewer than most people found supported.

    Raises:
        ValueError: not as many labels as sentences.
    """
    texts = [str(s) for s in item["sentences"]]
    if "supported" in item:
        fine = [bool(s) for s in item["supported"]]
    else:
        fine = [sum(verdict(v) is True for v in votes) * 2 > len(votes) for votes in item["votes"]]
    if len(fine) != len(texts):
        raise ValueError(f"{len(texts)} sentences and {len(fine)} labels for them")
    spans: list[tuple[int, int]] = []
    at = 0
    for text, ok in zip(texts, fine, strict=True):
        if not ok and text:
            spans.append((at, at + len(text)))
        at += len(text) + 1
    return " ".join(texts), tuple(spans)


def marked_tokens(answer: str, tokens: Sequence[str], flags: Sequence[bool]) -> list[dict[str, int]]:
    """Spans of neighbouring tokens that are flagged as unsupported.

    >>> marked_tokens("HM Prison is here.", ["HM", "Prison", "is", "here", "."], [True, True, False, False, False])
    [{'start': 0, 'end': 9}]

    Raises:
        ValueError: the tokens do not spell the answer, or there are not as many flags.
    """
    if len(tokens) != len(flags):
        raise ValueError(f"{len(tokens)} tokens and {len(flags)} flags")
    spans: list[dict[str, int]] = []
    at, open_ = 0, False
    for token, flagged in zip(tokens, flags, strict=True):
        start = answer.find(token, at)
        if start < 0 or answer[at:start].strip():
            raise ValueError(f"token {token!r} does not follow at character {at} of the answer")
        at = start + len(token)
        if flagged and open_:
            spans[-1]["end"] = at
        elif flagged:
            spans.append({"start": start, "end": at})
        open_ = flagged
    return spans
