"""Which searches of a trace supplied an answer, and which worked for another one."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace

from groundwire.dialects.gen_ai import CallView
from groundwire.prompt import words
from groundwire.span_tree import Place

_FEW = 4
"""Blanks in and around words that any text may hold by chance."""


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
    found: set[str] = set()
    for kind in ("retrieval", "rerank"):
        some = [(v, places[v.record.span_id]) for v in suppliers if v.kind == kind and v.record.span_id in places]
        given: set[str] = set()  # by those that stand nearer
        for steps in sorted({place.steps for _, place in some if place.steps is not None}):
            level = [v.record.span_id for v, place in some if place.steps == steps]
            found |= {span_id for span_id in level if given and gave[span_id] <= given}
            given = given.union(*(gave[span_id] for span_id in level))
        rest = [(v, place) for v, place in some if place.steps is None]
        if given:
            found |= {v.record.span_id for v, _ in rest if gave[v.record.span_id] <= given}
        elif len({place.outermost for _, place in rest}) > 1:
            found |= _not_asked_for(rest, gave, prompt)
    return found


def _not_asked_for(suppliers: Sequence[tuple[CallView, Place]], gave: Mapping[str, set[str]], prompt: str) -> set[str]:
    """Ids of those that did not search for words of the prompt, where such that did gave as much.

    They must be apart: inside spans, and inside none in common.
    """
    whole = words(prompt)
    asked = [
        (gave[v.record.span_id], place.outermost)
        for v, place in suppliers
        if v.query and len(query := words(v.query)) > 2 and query in whole and gave[v.record.span_id]
    ]
    asking = {v.record.span_id for v, _ in suppliers if v.query and words(v.query) in whole}
    found: set[str] = set()
    for v, place in suppliers:
        if v.record.span_id in asking or place.outermost is None:
            continue
        apart = [given for given, outermost in asked if outermost not in (None, place.outermost)]
        if apart and gave[v.record.span_id] <= set().union(*apart):
            found.add(v.record.span_id)
    return found


def ranks_in(retrievals: Iterable[CallView]) -> dict[str, int]:
    """Words of each document to its best place, from 1, in what these retrievals returned."""
    best: dict[str, int] = {}
    for retrieval in retrievals:
        for rank, document in enumerate(retrieval.documents, 1):
            if document.text:
                key = words(document.text)
                best[key] = min(rank, best.get(key, rank))
    return best


def recast(stages: Sequence[Iterable[str]], reached: Collection[str]) -> dict[str, str]:
    """Words of passages to the words of what a later stage made of them: more around it or less of it, it is the same.

    A retriever that finds sentences hands on the paragraphs that they are from, or a postprocessor does; one that
    compresses hands on what answers the question.

    Args:
        stages: words of what each stage gave, the last stage first.
        reached: words of what is in the prompt. A passage that is not has taken none's place.
    """
    found: dict[str, str] = {}
    later: dict[str, None] = {}
    for stage in stages:
        new = dict.fromkeys(key for key in stage if key not in later)
        made = [key for key in later if key in reached and key.count(" ") > _FEW]
        for key in new if made else ():
            larger = (m for m in made if key in m and key.count(" ") > _FEW)
            shorter = (m for m in made if m in key and key not in reached)
            if (other := next(larger, None) or next(shorter, None)) is not None:
                found[key] = other
        later |= new
    return found


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
