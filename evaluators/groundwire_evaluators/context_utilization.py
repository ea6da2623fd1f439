"""Context utilization: which of the passages did the answer use, and which never reached the prompt?"""

from dataclasses import dataclass, field

from groundwire.model import Evaluator, Evidence, Passage, PassageVerdict, RagChain, Score, Skipped
from groundwire_evaluators.faithfulness import Faithfulness
from groundwire_evaluators.verdicts import checkable, judged, judging


@dataclass(frozen=True, slots=True)
class ContextUtilization:
    """Share, in [0, 1], of the passages in the prompt that the answer used.

        value = distinct passages that are the best support of a supported sentence / distinct passages in the prompt

    A low value is no fault of the answer: it says that a smaller `top_k` would have done. Equal texts count once, and
    are used or unused together. The details tell more: `characters` is the share of the prompt's passage text that
    supports some sentence (utilization as RAGBench defines it, by the statements that support rather than by tokens);
    `used` and `passages` are the counts behind the value; `dropped` counts retrieved passages that never reached the
    prompt, and `reached` is the share of the retrieved that did.

    Evidence is one entry a passage: `used` (with the chance of the sentence that it supports best), `unused`,
    `dropped`. Labels: `all_used`, `some_used`, `none_used`. Skipped as the support judge skips: `no_passages`,
    `empty_answer`, `refusal`, `nothing_checkable`, `language`; `no_evidence` where it names no passage.

    Source: RAGBench (Friel et al. 2024), utilization. RAGChecker (Ru et al. 2024) gives the name to another figure, of
    the reference's claims.

    >>> from groundwire.model import Passage, RagChain
    >>> passages = (
    ...     Passage("The Eiffel Tower is 330 metres tall."),
    ...     Passage("Bananas are rich in potassium."),
    ...     Passage("The tower was repainted.", in_prompt=False),
    ... )
    >>> score = ContextUtilization().evaluate(RagChain("How tall is it?", passages, "It is 330 metres tall."))
    >>> score.value, [e.verdict for e in score.evidence]
    (0.5, ['used', 'unused', 'dropped'])
    """

    support: Evaluator = field(default_factory=Faithfulness)
    """Judges each sentence of the answer, and names the passage that supports it."""
    name: str = "context_utilization"
    version: str = "1"

    def evaluate(self, chain: RagChain, /) -> Score | Skipped:
        """Judge one chain; costs what the support judge costs, and nothing where that has judged already."""
        support = judged(self.support, chain)
        if isinstance(support, Skipped):
            return support
        sentences = checkable(support)
        resting = [e for e in sentences if e.verdict == "supported" and e.passage is not None]
        if not sentences or (not resting and any(e.verdict == "supported" for e in sentences)):
            return Skipped("no_evidence", f"{self.support.name} names no passage")
        chances: dict[str, float] = {}
        stretches: dict[str, list[tuple[int, int]]] = {}
        for e in resting:
            text = chain.passages[e.passage or 0].text
            chances[text] = max(e.probability, chances.get(text, 0.0))
            if e.passage_start is not None and e.passage_end is not None:
                stretches.setdefault(text, []).append((e.passage_start, e.passage_end))
        seen = {p.text for p in chain.context if p.text.strip()}
        value = len(chances) / len(seen)
        details = {
            "used": float(len(chances)), "passages": float(len(seen)),
            "characters": sum(map(_covered, stretches.values())) / sum(map(len, seen)),
            "dropped": float(sum(not p.in_prompt for p in chain.passages)),
            "reached": sum(p.in_prompt for p in chain.passages) / len(chain.passages),
        }  # fmt: skip
        label = "none_used" if not chances else "all_used" if len(chances) == len(seen) else "some_used"
        evidence = tuple(_evidence(p, i, chances) for i, p in enumerate(chain.passages) if p.text.strip())
        took = judging(support)
        return Score(
            value, label, _explain(evidence, details), evidence, details, None, took.model, took.usage, took.cost_usd
        )


def _evidence(passage: Passage, place: int, chances: dict[str, float]) -> Evidence:
    verdict: PassageVerdict = "dropped"
    if passage.in_prompt:
        verdict = "used" if passage.text in chances else "unused"
    chance = chances.get(passage.text, 0.0) if passage.in_prompt else 0.0
    return Evidence(passage.text, 0, len(passage.text), verdict, chance, place)


def _covered(stretches: list[tuple[int, int]]) -> int:
    """Characters that at least one stretch covers."""
    total = reach = 0
    for start, end in sorted(stretches):
        total += max(0, end - max(start, reach))
        reach = max(reach, end)
    return total


def _explain(evidence: tuple[Evidence, ...], details: dict[str, float]) -> str:
    used = ", ".join(str((e.passage or 0) + 1) for e in evidence if e.verdict == "used")
    said = f"{details['used']:.0f} of {details['passages']:.0f} passages used" + (f": {used}" if used else "")
    return said + (f"; {details['dropped']:.0f} more never reached the prompt" if details["dropped"] else "")
