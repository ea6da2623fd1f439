"""Verdicts that several metrics of one chain rest on, made once: on the relevance of passages, on support of sentences.

A metric that counts such verdicts takes its judge as a setting (`relevance=`, `support=`: any evaluator that gives
evidence) and asks for them here. What was judged lately is remembered, so ten metrics over one chain cost about as much
as the two judges alone.
"""

import threading
from collections import OrderedDict
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace

from groundwire.model import Evaluator, Evidence, Passage, RagChain, Score, Skipped, Usage
from groundwire_evaluators.refusal import abstention
from groundwire_evaluators.sentences import sentences

_KEPT = 32
"""Judgements remembered: a chain has up to five, and several threads may score at once."""
_LARGEST = 1_000_000
"""Characters of all the chains that are kept alive; a larger one is judged again."""


class _Memory:
    """The latest judgements. Threads may judge the same chain twice; none waits for another's judge."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._found: OrderedDict[Hashable, tuple[int, Score | Skipped]] = OrderedDict()
        self._size = 0

    def get(self, key: Hashable) -> Score | Skipped | None:
        with self._lock:
            if key not in self._found:
                return None
            self._found.move_to_end(key)
            return self._found[key][1]

    def put(self, key: Hashable, size: int, judgement: Score | Skipped) -> None:
        with self._lock:
            if key in self._found:
                return
            self._found[key] = size, judgement
            self._size += size
            while len(self._found) > _KEPT or self._size > _LARGEST:
                _, (freed, _) = self._found.popitem(last=False)
                self._size -= freed


_memory = _Memory()


def judged(judge: Evaluator, chain: RagChain) -> Score | Skipped:
    """What the judge says of the chain, perhaps said before. A remembered judgement has no usage and no cost.

    Chains are the same where question, passages, answer and refusal are: the texts decide, not the spans they are from.
    A judge that has no hash is asked every time.
    """
    texts = tuple((p.text, p.in_prompt) for p in chain.passages)
    size = len(chain.answer) + len(chain.question or "") + sum(len(text) for text, _ in texts)
    try:
        hash(judge)
    except TypeError:
        return judge.evaluate(chain)
    if size > _LARGEST:
        return judge.evaluate(chain)
    key = (type(judge), judge, chain.question, chain.answer, chain.refused, texts)
    known = _memory.get(key)
    if known is not None:
        return known
    judgement = judge.evaluate(chain)
    free = replace(judgement, usage=None, cost_usd=None) if isinstance(judgement, Score) else judgement
    _memory.put(key, size, free)
    return judgement


@dataclass(frozen=True, slots=True)
class Judging:
    """What the judgements behind a metric took, to be handed on with its score."""

    model: str | None = None
    usage: Usage | None = None
    cost_usd: float | None = None


def judging(*scores: Score) -> Judging:
    """Model of the first that names one; tokens and cost of all together, None where none of them knows."""
    model = next((s.model for s in scores if s.model is not None), None)
    usages = [s.usage for s in scores if s.usage is not None]
    costs = [s.cost_usd for s in scores if s.cost_usd is not None]
    usage = None
    if usages:
        usage = Usage(
            _total([u.input_tokens for u in usages]),
            _total([u.output_tokens for u in usages]),
            estimated=any(u.estimated for u in usages),
        )
    return Judging(model, usage, sum(costs) if costs else None)


def _total(counts: Sequence[int | None]) -> int | None:
    known = [c for c in counts if c is not None]
    return sum(known) if known else None


# --- passages -------------------------------------------------------------------------------------------------------


def passage_verdicts(score: Score) -> tuple[Evidence, ...]:
    """The evidence that is about passages, in the order of the passages."""
    about = [e for e in score.evidence if e.verdict in ("relevant", "irrelevant") and e.passage is not None]
    return tuple(sorted(about, key=lambda e: e.passage or 0))


def all_in_prompt(chain: RagChain) -> RagChain:
    """The chain as if every passage that was retrieved had reached the prompt."""
    if all(p.in_prompt for p in chain.passages):
        return chain
    return replace(chain, passages=tuple(replace(p, in_prompt=True) for p in chain.passages))


# --- sentences ------------------------------------------------------------------------------------------------------


def checkable(score: Score) -> tuple[Evidence, ...]:
    """The evidence that is about sentences which claim something."""
    return tuple(e for e in score.evidence if e.verdict in ("supported", "unsupported", "contradicted"))


def supported(evidence: Sequence[Evidence]) -> int:
    """How many of the sentences are supported."""
    return sum(e.verdict == "supported" for e in evidence)


def mean_chance(evidence: Sequence[Evidence]) -> float:
    """Mean of the sentences' chances to be supported; for at least one sentence."""
    return min(1.0, sum(e.probability for e in evidence) / len(evidence))


def declines_wholly(text: str) -> bool:
    """Whether an answer does nothing but decline. Looks at its first 20,000 characters."""
    start = text[:20_000]
    return abstention([start[a:b] for a, b in sentences(start)]) == "whole"


def reference_within(chain: RagChain, passages: Sequence[Passage]) -> RagChain | Skipped:
    """The chain that asks whether passages support the reference, in place of the answer."""
    if chain.reference is None or not chain.reference.strip():
        return Skipped("no_reference")
    return replace(chain, answer=chain.reference, passages=tuple(passages), reference=None, refused=False)


def skipped_for_reference(skipped: Skipped) -> Skipped:
    """Why a reference could not be judged, said of the reference."""
    reasons = {"refusal": "reference_refuses", "empty_answer": "no_reference"}
    return Skipped(reasons.get(skipped.reason, skipped.reason), skipped.detail or "of the reference")


def shorten(text: str, length: int = 80) -> str:
    """The text in one line, cut with an ellipsis; for explanations."""
    line = " ".join(text[: 2 * length].split())
    return line if len(line) <= length else line[: length - 1].rstrip() + "…"
