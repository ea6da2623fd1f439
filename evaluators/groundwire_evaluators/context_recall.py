"""Context recall: do the passages hold what a right answer needs?"""

from dataclasses import dataclass, field, replace

from groundwire.model import Evaluator, RagChain, Score, Skipped
from groundwire_evaluators.faithfulness import Faithfulness
from groundwire_evaluators.verdicts import (
    checkable,
    judged,
    judging,
    mean_chance,
    reference_within,
    shorten,
    skipped_for_reference,
    supported,
)


@dataclass(frozen=True, slots=True)
class ContextRecall:
    """Share, in [0, 1], of the reference's checkable sentences that the passages in the prompt support.

        value = supported sentences of the reference / checkable sentences of the reference

    Evidence is about the reference: offsets count its characters. `mean` in the details is the mean chance of its
    sentences to be supported; `retrieved` is the value over all that was retrieved, where some of it never reached the
    prompt: what lies between the two was lost on the way.

    Labels: `complete`, `partial`, `missing`. Skipped: `no_reference`, `no_passages`, `reference_refuses` (it declines
    itself, so nothing needs to be there), `nothing_checkable`, `language`.

    Source: context recall of ragas (Es et al. 2024) and claim recall of RAGChecker (Ru et al. 2024), by sentences.

    >>> from groundwire.model import Passage, RagChain
    >>> passage = Passage("The Eiffel Tower is 330 metres tall.")
    >>> right = "The Eiffel Tower is 330 metres tall. Gustave Eiffel designed it in 1884."
    >>> score = ContextRecall().evaluate(RagChain("How tall is it?", (passage,), "330 m", reference=right))
    >>> score.value, score.label
    (0.5, 'partial')
    """

    support: Evaluator = field(default_factory=Faithfulness)
    """Judges each sentence of the reference."""
    name: str = "context_recall"
    version: str = "1"

    def evaluate(self, chain: RagChain, /) -> Score | Skipped:
        """Judge one chain: costs what the support judge costs on the reference; twice where passages were dropped."""
        asked = reference_within(chain, chain.passages)
        if isinstance(asked, Skipped):
            return asked
        support = judged(self.support, asked)
        if isinstance(support, Skipped):
            return skipped_for_reference(support)
        sentences = checkable(support)
        if not sentences:
            return Skipped("no_evidence", f"{self.support.name} judges no single sentence")
        found, n = supported(sentences), len(sentences)
        scores = [support]
        details = {"supported": float(found), "sentences": float(n), "mean": mean_chance(sentences)}
        if any(not p.in_prompt for p in chain.passages):
            # apart from those in the prompt: what was kept must not lose support where more passages compete
            dropped = tuple(replace(p, in_prompt=True) for p in chain.passages if not p.in_prompt)
            missed = judged(self.support, replace(asked, passages=dropped))
            if isinstance(missed, Score):
                scores.append(missed)
                also = {(e.start, e.end) for e in checkable(missed) if e.verdict == "supported"}
                both = sum(e.verdict == "supported" or (e.start, e.end) in also for e in sentences)
                details["retrieved"] = both / n
        label = "complete" if found == n else "partial" if found else "missing"
        lost = [e for e in sentences if e.verdict != "supported"]
        explanation = f"{found} of {n} sentences of the reference supported"
        if lost:
            explanation += f'; not "{shorten(lost[0].text)}"'
        took = judging(*scores)
        return Score(found / n, label, explanation, sentences, details, None, took.model, took.usage, took.cost_usd)
