"""What detectors and NLI models have in common: sentences of an answer, each with a chance of being supported."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from groundwire.model import Evidence, Flaw, RagChain, Score, Skipped, Verdict
from groundwire_evaluators.refusal import abstention, is_padding
from groundwire_evaluators.sentences import Span, sentences

_LONGEST = 20_000
"""Characters of an answer up to which it is asked whether it declines: what declines is short."""
_QUOTED = 2
_SHOWN = 80


@dataclass(frozen=True, slots=True)
class Question:
    """What is to be judged of a chain."""

    answer: str
    sentences: tuple[Span, ...]
    """Those that say something."""
    padding: tuple[Span, ...]
    """Those that do not: "I hope this helps!"."""
    passages: tuple[tuple[int, str], ...]
    """(index into the chain's passages, text) of those that the model saw."""


@dataclass(frozen=True, slots=True)
class Support:
    """How well one sentence is supported."""

    probability: float
    """In [0, 1]."""
    passage: int | None = None
    contradicted: bool = False
    flaws: tuple[Flaw, ...] = ()


def checkable(chain: RagChain) -> Question | Skipped:
    """What of a chain can be judged by its passages, or why nothing can."""
    if not chain.answer.strip():
        return Skipped("empty_answer")
    if chain.refused:
        return Skipped("refusal", "marked by the provider")
    passages = tuple((i, p.text) for i, p in enumerate(chain.passages) if p.in_prompt and p.text.strip())
    if not passages:
        return Skipped("no_passages")
    spans = sentences(chain.answer)
    texts = [chain.answer[a:b] for a, b in spans]
    if len(chain.answer) < _LONGEST and abstention(texts) == "whole":
        return Skipped("refusal")
    said = tuple(span for span, text in zip(spans, texts, strict=True) if not is_padding(text))
    if not said:
        return Skipped("nothing_checkable")
    return Question(chain.answer, said, tuple(s for s in spans if s not in said), passages)


def supported(question: Question, found: Sequence[Support], *, threshold: float, model: str) -> Score:
    """The score of an answer: its value is the chance of its weakest sentence.

    Labels: `unfaithful` where a sentence is below the threshold, else `faithful`. The details hold `supported_ratio`
    (supported over checkable sentences), `checkable` and `unsupported`.
    """
    bad = [s.probability < threshold for s in found]
    judged = [
        _evidence(question, span, support, unsupported)
        for span, support, unsupported in zip(question.sentences, found, bad, strict=True)
    ]
    padding = [Evidence(question.answer[a:b], a, b, "not_checkable", 1.0) for a, b in question.padding]
    count = len(found)
    value = min(s.probability for s in found)
    weak = [entry for entry, unsupported in zip(judged, bad, strict=True) if unsupported]
    details = {
        "supported_ratio": (count - len(weak)) / count, "checkable": float(count), "unsupported": float(len(weak)),
    }  # fmt: skip
    return Score(
        value, "unfaithful" if weak else "faithful", "; ".join(_explanation(weak, count)),
        tuple(sorted([*judged, *padding], key=lambda e: e.start)), details, not weak, model,
    )  # fmt: skip


def _evidence(question: Question, span: Span, support: Support, unsupported: bool) -> Evidence:
    start, end = span
    verdict: Verdict = "supported"
    if unsupported:
        verdict = "contradicted" if support.contradicted else "unsupported"
    return Evidence(
        question.answer[start:end], start, end, verdict, support.probability, support.passage,
        flaws=support.flaws if unsupported else (),
    )  # fmt: skip


def _explanation(weak: Sequence[Evidence], count: int) -> Iterator[str]:
    if not weak:
        yield f"{count} of {count} sentences supported"
        return
    yield f"{len(weak)} of {count} sentences not supported"
    for entry in weak[:_QUOTED]:
        text = " ".join(entry.text.split())
        yield f'"{text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"}"'
    if len(weak) > _QUOTED:
        yield f"and {len(weak) - _QUOTED} more"


def fitting(text: str, tokens: Callable[[str], int], limit: int) -> list[Span]:
    """Parts of a text of at most `limit` tokens, cut as `pieces` cuts. A single character is never cut.

    >>> fitting("One. Two three", len, 9)
    [(0, 5), (5, 14)]
    """
    count = tokens(text)
    if count <= limit or len(text) < 2:
        return [(0, len(text))]
    characters = max(1, min(len(text) * limit // count, len(text) - 1))
    return [
        (start + a, start + b)
        for start, end in pieces(text, characters)
        for a, b in fitting(text[start:end], tokens, limit)
    ]


def pieces(text: str, limit: int) -> list[Span]:
    """Parts of a text of at most `limit` characters, cut at the end of a sentence or at white space where there is one.

    >>> [("One. Two three"[a:b]) for a, b in pieces("One. Two three", 9)]
    ['One. ', 'Two three']
    """
    if len(text) <= limit:
        return [(0, len(text))]
    ends = [b for _, b in sentences(text)]
    found: list[Span] = []
    start = 0
    while start < len(text):
        stop = start + limit
        if stop >= len(text):
            cut = len(text)
        else:
            cut = max((e for e in ends if start + limit // 2 <= e <= stop), default=0)
            space = max((text.rfind(mark, start + 1, stop) for mark in " \n\t"), default=-1)
            cut = cut or (space if space > start else stop)
            while cut < stop and text[cut].isspace():
                cut += 1
        found.append((start, cut))
        start = cut
    return found
