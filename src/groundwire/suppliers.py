"""Which searches of a trace supplied an answer, and which worked for another one."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from groundwire.dialects.gen_ai import CallView
from groundwire.prompt import words
from groundwire.span_tree import Place


def strangers_among(
    suppliers: Sequence[CallView], gave: Mapping[str, set[str]], places: Mapping[str, Place], prompt: str
) -> set[str]:
    """Ids of suppliers that worked for another answer of the trace: a nearer one gave all that they could have.

    Two questions that are answered at the same time may find the same passages. Nearer is who shares more of the tree
    with the answer; of those of whom this is not known, and which have no span in common, who searched for words of the
    prompt.

    Args:
        suppliers: retrievals and reranks.
        gave: by their span ids, what each could have given: the passages of its own that are in the prompt.
        places: by the same, where they stand.
        prompt: the text that the answer was asked with.
    """
    if not places:
        return set()
    asked: set[str] | None = None
    found: set[str] = set()
    giving = [s for s in suppliers if gave[s.record.span_id]]  # few of many: a trace may hold hundreds of searches
    for one in suppliers:
        here = places.get(one.record.span_id)
        covered: set[str] = set()
        nearer = False
        for other in giving if here is not None else ():
            there = places.get(other.record.span_id)
            if there is None or here is None or other.kind != one.kind:
                continue
            if there.steps != here.steps:
                closer = there.steps is not None and (here.steps is None or there.steps < here.steps)
            elif here.steps is None and _apart(here, there):
                asked = _asked(suppliers, prompt) if asked is None else asked
                closer = other.record.span_id in asked and one.record.span_id not in asked
            else:
                closer = False
            if closer:
                nearer = True
                covered |= gave[other.record.span_id]
        if nearer and gave[one.record.span_id] <= covered:
            found.add(one.record.span_id)
    return found


def _apart(one: Place, other: Place) -> bool:
    """Whether both are held by spans, and by none in common, as far as these are known."""
    return one.outermost is not None and other.outermost is not None and one.outermost != other.outermost


def _asked(suppliers: Sequence[CallView], prompt: str) -> set[str]:
    """Ids of those whose query is in the prompt."""
    whole = words(prompt)
    queries = {v.record.span_id: words(v.query) for v in suppliers if v.query}
    return {span_id for span_id, query in queries.items() if len(query) > 2 and query in whole}


def ranks_in(retrievals: Iterable[CallView]) -> dict[str, int]:
    """Words of each document to its best place, from 1, in what these retrievals returned."""
    best: dict[str, int] = {}
    for retrieval in retrievals:
        for rank, document in enumerate(retrieval.documents, 1):
            if document.text:
                key = words(document.text)
                best[key] = min(rank, best.get(key, rank))
    return best


def unseen_before(reranked: Sequence[CallView], retrieved: Sequence[CallView]) -> list[CallView]:
    """For each rerank before which no retrieval ended, what it was given: a retrieval that nobody traced found that."""
    return [
        replace(rerank, kind="retrieval", documents=rerank.candidates, candidates=())
        for rerank in reranked
        if rerank.candidates and not any(v.record.end_ns <= rerank.record.start_ns for v in retrieved)
    ]


def feeds(retrieval: CallView, reranked: Sequence[CallView], used: set[str]) -> bool:
    """Whether a retrieval ended before a rerank that supplied the answer started."""
    return any(v.record.span_id in used and retrieval.record.end_ns <= v.record.start_ns for v in reranked)
