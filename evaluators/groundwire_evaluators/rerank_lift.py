"""Rerank lift: is the order after reranking better than the order of the retrieval?"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import log2

from groundwire.model import Evaluator, RagChain, Score, Skipped
from groundwire_evaluators.context_relevance import ContextRelevance
from groundwire_evaluators.verdicts import all_in_prompt, judged, judging, passage_verdicts


@dataclass(frozen=True, slots=True)
class RerankLift:
    """How much reranking gained, as (1 + nDCG after - nDCG before) / 2, in [0, 1]: 0.5 is no change.

    Of the passages whose place in the retrieval is known, k reached the prompt. With g(i) the chance of passage i to be
    relevant where it is judged relevant, else 0:

        DCG@k = sum of g(i) / log2(i + 1) over the first k of an order;  nDCG@k = DCG@k / DCG@k of the best order

    The order after is that of the prompt, the order before that of the retrieval (`Passage.retrieved_rank`): so k
    passages that were promoted are compared with the k that the retriever alone would have sent. Where several
    retrievals fed one reranker, ties of their ranks go to the order after. Details: `before`, `after` (nDCG@k), `lift`
    (their difference, in [-1, 1]), `k`, `passages`.

    Labels: `improved`, `unchanged`, `worsened`. Skipped: `no_rerank` (live: no passage comes from a rerank span; given:
    nothing says in which order they were retrieved), `one_passage`, `none_relevant`, and as the relevance judge skips.

    Source: nDCG of Järvelin and Kekäläinen (2002), with judged relevance.

    >>> from groundwire.model import Passage, RagChain
    >>> passages = (
    ...     Passage("The Eiffel Tower is 330 metres tall.", source="rerank", retrieved_rank=3),
    ...     Passage("Bananas are rich in potassium.", source="rerank", retrieved_rank=1),
    ...     Passage("The Louvre is a museum.", source="retrieval", in_prompt=False, retrieved_rank=2),
    ... )
    >>> score = RerankLift().evaluate(RagChain("How tall is the Eiffel Tower?", passages, "330 m"))
    >>> score.value, score.details["before"], score.details["after"]  # the third of three would not have been sent
    (1.0, 0.0, 1.0)
    """

    relevance: Evaluator = field(default_factory=ContextRelevance)
    """Judges each passage."""
    name: str = "rerank_lift"
    version: str = "1"

    def evaluate(self, chain: RagChain, /) -> Score | Skipped:
        """Judge one chain; costs what the relevance judge costs on everything that was retrieved."""
        ranks = {i: p.retrieved_rank for i, p in enumerate(chain.passages) if p.retrieved_rank is not None}
        kept = [i for i in ranks if chain.passages[i].in_prompt]
        if not any(chain.passages[i].source in ("rerank", "given") for i in kept):
            return Skipped("no_rerank")
        if len(ranks) < 2:
            return Skipped("one_passage")
        relevance = judged(self.relevance, all_in_prompt(chain))
        if isinstance(relevance, Skipped):
            return relevance
        evidence = passage_verdicts(relevance)
        gains = {e.passage: e.probability for e in evidence if e.verdict == "relevant" and e.passage is not None}
        after = list(ranks)
        before = sorted(ranks, key=lambda i: (ranks[i], i))
        k = len(kept)
        best = _dcg(sorted((gains.get(i, 0.0) for i in ranks), reverse=True)[:k])
        if best <= 0.0:
            return Skipped("none_relevant", "no order is better than another")
        reached = _dcg([gains.get(i, 0.0) for i in after[:k]]) / best
        without = _dcg([gains.get(i, 0.0) for i in before[:k]]) / best
        lift = reached - without
        label = "unchanged" if abs(lift) < 1e-9 else "improved" if lift > 0 else "worsened"
        details = {"before": without, "after": reached, "lift": lift, "k": float(k), "passages": float(len(ranks))}
        explanation = f"nDCG@{k} {without:.2f} as retrieved, {reached:.2f} as reranked"
        took = judging(relevance)
        return Score(
            min(1.0, max(0.0, (1.0 + lift) / 2)), label, explanation, evidence, details, None,
            took.model, took.usage, took.cost_usd,
        )  # fmt: skip


def _dcg(gains: Sequence[float]) -> float:
    return sum(g / log2(rank + 1) for rank, g in enumerate(gains, 1))
