"""Context precision: of the passages in the prompt, how many are relevant, and do they stand first?"""

from dataclasses import dataclass, field
from itertools import accumulate

from groundwire.model import Evaluator, RagChain, Score, Skipped
from groundwire_evaluators.context_relevance import ContextRelevance
from groundwire_evaluators.verdicts import judged, judging, passage_verdicts


@dataclass(frozen=True, slots=True)
class ContextPrecision:
    """Average precision, in [0, 1], of the passages that reached the prompt, in their order.

    With v(i) = 1 where passage i of n is relevant, else 0, and P(i) = (v(1) + ... + v(i)) / i:

        value = sum of P(i) * v(i) / sum of v(i);  0 where no passage is relevant

    It is 1 where every relevant passage stands before every other. `precision` in the details is the plain share,
    sum of v(i) / n, which order does not change; `relevant` and `passages` are the counts, `first_relevant` the rank
    (from 1) of the first relevant one, absent where there is none.

    Labels: `all_relevant`, `relevant_first` (no relevant passage behind another), `mixed`, `none_relevant`. Skipped as
    the relevance judge skips: `no_question`, `no_passages`, `language`; `no_evidence` where it rates no passage.

    Source: average precision as in Manning, Raghavan, Schütze, Introduction to Information Retrieval (2008), 8.4; over
    relevance that is judged, without a reference, as ragas uses it (Es et al. 2024).

    >>> from groundwire.model import Passage, RagChain
    >>> passages = (
    ...     Passage("Bananas are rich in potassium."),
    ...     Passage("The Eiffel Tower is 330 metres tall."),
    ... )
    >>> score = ContextPrecision().evaluate(RagChain("How tall is the Eiffel Tower?", passages, "330 m"))
    >>> score.value, score.label, score.details["precision"]  # v = (0, 1): P(2) = 1/2
    (0.5, 'mixed', 0.5)
    """

    relevance: Evaluator = field(default_factory=ContextRelevance)
    """Judges each passage."""
    name: str = "context_precision"
    version: str = "1"

    def evaluate(self, chain: RagChain, /) -> Score | Skipped:
        """Judge one chain; costs what the relevance judge costs, and nothing where that has judged already."""
        relevance = judged(self.relevance, chain)
        if isinstance(relevance, Skipped):
            return relevance
        evidence = passage_verdicts(relevance)
        if not evidence:
            return Skipped("no_evidence", f"{self.relevance.name} rates no single passage")
        hits = [e.verdict == "relevant" for e in evidence]
        relevant, n = sum(hits), len(hits)
        found = [sofar / rank for rank, (hit, sofar) in enumerate(zip(hits, accumulate(hits), strict=True), 1) if hit]
        value = sum(found) / relevant if relevant else 0.0
        details = {"precision": relevant / n, "relevant": float(relevant), "passages": float(n)}
        if relevant:
            details["first_relevant"] = float(hits.index(True) + 1)
        label = (
            "none_relevant" if not relevant
            else "all_relevant" if relevant == n
            else "relevant_first" if all(hits[:relevant])
            else "mixed"
        )  # fmt: skip
        ranks = ", ".join(str(rank) for rank, hit in enumerate(hits, 1) if hit)
        explanation = f"{relevant} of {n} passages relevant" + (f", at rank {ranks}" if relevant and n > 1 else "")
        took = judging(relevance)
        return Score(
            min(1.0, value), label, explanation, evidence, details, None, took.model, took.usage, took.cost_usd
        )
