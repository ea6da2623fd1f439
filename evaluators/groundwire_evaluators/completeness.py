"""Completeness: does the answer say what a right answer says?"""

from dataclasses import dataclass, field, replace

from groundwire.model import Evaluator, Passage, RagChain, Score, Skipped
from groundwire_evaluators.faithfulness import Faithfulness
from groundwire_evaluators.verdicts import (
    checkable,
    declines_wholly,
    judged,
    judging,
    mean_chance,
    reference_within,
    shorten,
    skipped_for_reference,
    supported,
)


@dataclass(frozen=True, slots=True)
class Completeness:
    """Share, in [0, 1], of the reference's checkable sentences that the answer supports.

        value = sentences of the reference that the answer supports / checkable sentences of the reference

    An answer that declines as a whole has 0.0 and the label `refusal`: it holds nothing of what was to be said. What
    the answer says beyond the reference does not count, for or against it. Evidence is about the reference: offsets
    count its characters. `mean` in the details is the mean chance of its sentences to be supported.

    Labels: `complete`, `partial`, `missing`, `refusal`. Skipped: `no_reference`, `empty_answer`, `reference_refuses`
    (the right answer is to decline), `nothing_checkable`, `language`.

    Source: claim recall of RAGChecker (Ru et al. 2024), by sentences.

    >>> from groundwire.model import RagChain
    >>> right = "The Eiffel Tower is 330 metres tall. Gustave Eiffel designed it in 1884."
    >>> answer = "The Eiffel Tower is 330 metres tall."
    >>> score = Completeness().evaluate(RagChain("How tall is it?", (), answer, reference=right))
    >>> score.value, score.label
    (0.5, 'partial')
    """

    support: Evaluator = field(default_factory=Faithfulness)
    """Judges each sentence of the reference, the answer being the only passage."""
    name: str = "completeness"
    version: str = "1"

    def evaluate(self, chain: RagChain, /) -> Score | Skipped:
        """Judge one chain; costs what the support judge costs on two answers, and does not look at the passages."""
        asked = reference_within(chain, (Passage(chain.answer),))
        if isinstance(asked, Skipped):
            return asked
        if not chain.answer.strip():
            return Skipped("empty_answer")
        support = judged(self.support, asked)
        if isinstance(support, Skipped):
            return skipped_for_reference(support)
        rows = checkable(support)
        if not rows:
            return Skipped("no_evidence", f"{self.support.name} judges no single sentence")
        took = judging(support)
        if chain.refused or declines_wholly(chain.answer):
            return Score(
                0.0, "refusal", "the answer declines to answer", (), {"supported": 0.0, "sentences": float(len(rows))},
                None, took.model, took.usage, took.cost_usd,
            )  # fmt: skip
        found, n = supported(rows), len(rows)
        details = {"supported": float(found), "sentences": float(n), "mean": mean_chance(rows)}
        label = "complete" if found == n else "partial" if found else "missing"
        explanation = f"{found} of {n} sentences of the reference are in the answer"
        lost = [e for e in rows if e.verdict != "supported"]
        if lost:
            explanation += f'; not "{shorten(lost[0].text)}"'
        # the passage that these verdicts point into is the answer, which is none of the chain's
        evidence = tuple(replace(e, passage=None, passage_start=None, passage_end=None) for e in rows)
        return Score(
            found / n, label, explanation, evidence, details,
            None, took.model, took.usage, took.cost_usd,
        )  # fmt: skip
