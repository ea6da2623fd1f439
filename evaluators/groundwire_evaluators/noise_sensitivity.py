"""Noise sensitivity: do the passages mislead the answer into saying what is wrong?"""

from dataclasses import dataclass, field, replace

from groundwire.model import Evaluator, Evidence, Passage, RagChain, Score, Skipped
from groundwire_evaluators.context_relevance import ContextRelevance
from groundwire_evaluators.faithfulness import Faithfulness
from groundwire_evaluators.verdicts import checkable, declines_wholly, judged, judging, passage_verdicts, shorten


@dataclass(frozen=True, slots=True)
class NoiseSensitivity:
    """1 minus the share, in [0, 1], of the answer's sentences that passages support and the reference does not.

        value = 1 - wrong and supported sentences / checkable sentences

    A sentence is wrong where the reference, taken as the only passage, does not support it: so this needs a reference
    that says all that a right answer may say. Peers report the share itself, where lower is better; here higher is
    better, as everywhere. The details split it by the passage that supports the sentence best: `relevant_noise` and
    `irrelevant_noise` (both absent where relevance cannot be judged); `wrong` is the share of sentences that are wrong,
    supported or not, and `sentences` the number of checkable ones.

    Evidence is about the sentences of the answer: a misled one is `unsupported` or `contradicted`, and names the
    passage that misled it. Labels: `robust` (none misled), `sensitive`. Skipped: `no_reference`, `no_passages`,
    `empty_answer`, `refusal`, `reference_refuses`, `nothing_checkable`, `language`.

    Source: RAGChecker (Ru et al. 2024), relevant and irrelevant noise sensitivity, with the relevance of a passage
    judged by the question, not by the reference; ragas has the same figure.

    >>> from groundwire.model import Passage, RagChain
    >>> passages = (Passage("The Eiffel Tower is 330 metres tall."), Passage("Bananas are rich in potassium."))
    >>> answer = "The Eiffel Tower is 330 metres tall. Bananas are rich in potassium."
    >>> right = "The Eiffel Tower is 330 metres tall."
    >>> score = NoiseSensitivity().evaluate(RagChain("How tall is the Eiffel Tower?", passages, answer, right))
    >>> score.value, score.details["irrelevant_noise"], score.details["relevant_noise"]
    (0.5, 0.5, 0.0)
    """

    support: Evaluator = field(default_factory=Faithfulness)
    """Judges each sentence of the answer, against the passages and against the reference."""
    relevance: Evaluator = field(default_factory=ContextRelevance)
    """Judges each passage."""
    name: str = "noise_sensitivity"
    version: str = "1"

    def evaluate(self, chain: RagChain, /) -> Score | Skipped:
        """Judge one chain; costs the support judge twice, the second time on the reference alone, and relevance."""
        if chain.reference is None or not chain.reference.strip():
            return Skipped("no_reference")
        if declines_wholly(chain.reference):
            return Skipped("reference_refuses")
        support = judged(self.support, chain)
        if isinstance(support, Skipped):
            return support
        right = judged(self.support, replace(chain, passages=(Passage(chain.reference),), reference=None))
        if isinstance(right, Skipped):
            return right
        by_reference = {(e.start, e.end): e for e in checkable(right)}
        rows = [e for e in checkable(support) if (e.start, e.end) in by_reference]
        if not rows:
            return Skipped("no_evidence", f"{self.support.name} judges no single sentence")
        wrong = [e for e in rows if by_reference[e.start, e.end].verdict != "supported"]
        misled = [e for e in wrong if e.verdict == "supported"]
        n = len(rows)
        details = {"wrong": len(wrong) / n, "sentences": float(n)}
        relevance = judged(self.relevance, chain)
        if isinstance(relevance, Score) and passage_verdicts(relevance):
            relevant = {e.passage for e in passage_verdicts(relevance) if e.verdict == "relevant"}
            details["relevant_noise"] = sum(e.passage in relevant for e in misled) / n
            details["irrelevant_noise"] = sum(e.passage not in relevant for e in misled) / n
        explanation = f"{len(misled)} of {n} sentences come from the passages and are not in the reference"
        if misled:
            explanation += f': "{shorten(misled[0].text)}"'
        took = judging(support, right, *([relevance] if isinstance(relevance, Score) else []))
        return Score(
            1.0 - len(misled) / n, "sensitive" if misled else "robust", explanation,
            tuple(_beside(e, by_reference[e.start, e.end]) if e in misled else e for e in rows), details, None,
            took.model, took.usage, took.cost_usd,
        )  # fmt: skip


def _beside(misled: Evidence, by_reference: Evidence) -> Evidence:
    """The verdict of the reference, with the passage that supports the sentence."""
    return replace(misled, verdict=by_reference.verdict, probability=by_reference.probability, flaws=by_reference.flaws)
