"""Answerability: do the passages hold an answer to the question at all?"""

from dataclasses import dataclass, field

from groundwire.model import Evaluator, RagChain, Score, Skipped
from groundwire_evaluators.context_relevance import ContextRelevance
from groundwire_evaluators.verdicts import all_in_prompt, judged, judging, passage_verdicts


@dataclass(frozen=True, slots=True)
class Answerability:
    """Chance, in [0, 1], that a passage in the prompt answers the question, whatever the answer made of it.

        value = max over the passages in the prompt of the chance that it holds what is asked for

    It is the value of context relevance, read as a property of the question: where it is low, declining is right. What
    was retrieved and dropped before the prompt is looked at as well: `retrieved` in the details is the maximum over
    all of it, `rank` the place (from 1) of the best passage in the prompt.

    Labels: `answerable`; `dropped`, where only a passage that never reached the prompt answers; `unanswerable`.
    `passed` is the first. Skipped as the relevance judge skips: `no_question`, `no_passages`, `language`.

    Source: unanswerable questions as in SQuAD 2.0 (Rajpurkar et al. 2018) and CLAPNQ (Rosenthal et al. 2025).

    >>> from groundwire.model import Passage, RagChain
    >>> passages = (
    ...     Passage("Bananas are rich in potassium."),
    ...     Passage("The Eiffel Tower is 330 metres tall.", in_prompt=False),
    ... )
    >>> Answerability().evaluate(RagChain("How tall is the Eiffel Tower?", passages, "I do not know.")).label
    'dropped'
    """

    relevance: Evaluator = field(default_factory=ContextRelevance)
    """Judges each passage."""
    name: str = "answerability"
    version: str = "1"

    @property
    def threshold(self) -> float | None:
        """That of the relevance judge: lower values are not `answerable`."""
        return getattr(self.relevance, "threshold", None)

    def evaluate(self, chain: RagChain, /) -> Score | Skipped:
        """Judge one chain; costs what the relevance judge costs, at most twice where passages were dropped."""
        relevance = judged(self.relevance, chain)
        if isinstance(relevance, Skipped):
            return relevance
        evidence = passage_verdicts(relevance)
        if not evidence:
            return Skipped("no_evidence", f"{self.relevance.name} rates no single passage")
        best = max(evidence, key=lambda e: (e.probability, -(e.passage or 0)))
        details = {
            "rank": float(evidence.index(best) + 1), "passages": float(len(evidence)), "retrieved": relevance.value,
        }  # fmt: skip
        scores = [relevance]
        answerable = any(e.verdict == "relevant" for e in evidence)
        label = "answerable" if answerable else "unanswerable"
        verb = "holds" if answerable else "comes nearest to"
        explanation = f"passage {(best.passage or 0) + 1} {verb} an answer ({relevance.value:.2f})"
        lost = judged(self.relevance, all_in_prompt(chain)) if any(not p.in_prompt for p in chain.passages) else None
        if isinstance(lost, Score):
            scores.append(lost)
            dropped = tuple(e for e in passage_verdicts(lost) if not chain.passages[e.passage or 0].in_prompt)
            details["retrieved"] = max([relevance.value, *(e.probability for e in dropped)])
            hits = [e for e in dropped if e.verdict == "relevant"]
            if hits and not answerable:
                label = "dropped"
                explanation = f"only passage {(hits[0].passage or 0) + 1} holds an answer, and never reached the prompt"
            evidence = (*evidence, *dropped)
        took = judging(*scores)
        return Score(
            relevance.value, label, explanation, evidence, details, answerable, took.model, took.usage, took.cost_usd
        )
