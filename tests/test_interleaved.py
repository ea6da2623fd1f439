"""Several questions in one trace, answered at the same time: each keeps to its own search."""

import pytest

from built import ANSWER, BANANA, LOUVRE, QUESTION, TOWER, Trace, prompt
from dialects.recorded import facts, live_chains
from groundwire.model import RagChain

OTHER, OTHER_ANSWER = "Which museum in Paris is visited most?", "The Louvre is."


def both(trace: Trace) -> dict[str, RagChain]:
    found = {c.answer: c for c in trace.assembly.chains}
    assert set(found) == {ANSWER, OTHER_ANSWER}
    assert facts(live_chains(trace.spans)) == facts(trace.assembly.chains)
    return found


def told(chain: RagChain) -> list[tuple[str, bool, int | None]]:
    return [(p.text, p.in_prompt, p.retrieved_rank) for p in chain.passages]


def test_each_answer_has_the_search_beside_it() -> None:
    one, other = "00000000000000f1", "00000000000000f2"
    trace = Trace()
    trace.retrieval(TOWER, LOUVRE, query="height", parent_id=one)
    trace.retrieval(LOUVRE, TOWER, BANANA, query="museum", parent_id=other)
    trace.chat(prompt(TOWER), parent_id=one)
    trace.chat(prompt(LOUVRE, TOWER, question=OTHER), OTHER_ANSWER, parent_id=other)
    trace.span({}, span_id=one, parent_id="00000000000000f0")
    trace.span({}, span_id=other, parent_id="00000000000000f0")
    found = both(trace)
    assert told(found[ANSWER]) == [(TOWER, True, 1), (LOUVRE, False, 2)]
    assert told(found[OTHER_ANSWER]) == [(LOUVRE, True, 1), (TOWER, True, 2), (BANANA, False, 3)]


def test_where_the_tree_does_not_tell_the_query_does() -> None:
    trace = Trace()
    trace.retrieval(TOWER, LOUVRE, query=QUESTION, parent_id="00000000000000f1")
    trace.retrieval(LOUVRE, TOWER, query=OTHER, parent_id="00000000000000f2")
    trace.chat(prompt(TOWER, LOUVRE), parent_id="00000000000000f3")
    trace.chat(prompt(LOUVRE, TOWER, question=OTHER), OTHER_ANSWER, parent_id="00000000000000f4")
    found = both(trace)
    assert told(found[ANSWER]) == [(TOWER, True, 1), (LOUVRE, True, 2)]
    assert told(found[OTHER_ANSWER]) == [(LOUVRE, True, 1), (TOWER, True, 2)]


def test_a_search_inside_the_answer_is_its_own() -> None:
    trace = Trace()
    trace.retrieval(TOWER, LOUVRE, start_ns=2_010, end_ns=2_020, parent_id="00000000000000aa")
    trace.chat(prompt(TOWER), start_ns=2_000, end_ns=2_100, span_id="00000000000000aa")
    assert told(trace.chain) == [(TOWER, True, 1), (LOUVRE, False, 2)]
    assert facts(live_chains(trace.spans)) == facts(trace.assembly.chains)


@pytest.mark.parametrize("parents", [(None, None), ("00000000000000f1", "00000000000000f1")])
def test_two_searches_for_one_question_both_count(parents: tuple[str | None, str | None]) -> None:
    trace = Trace()
    trace.retrieval(TOWER, BANANA, query=QUESTION, parent_id=parents[0])
    trace.retrieval(LOUVRE, TOWER, query="Paris sights", parent_id=parents[1])
    trace.chat(prompt(TOWER))
    assert told(trace.chain) == [(TOWER, True, 1), (BANANA, False, 2), (LOUVRE, False, 1)]


def test_a_far_search_counts_where_it_gave_what_no_nearer_one_has() -> None:
    trace = Trace()
    trace.retrieval(BANANA, TOWER, query="fruit")
    trace.retrieval(LOUVRE, query="museum", parent_id="00000000000000f1")
    trace.chat(prompt(TOWER, LOUVRE), parent_id="00000000000000f1")
    assert told(trace.chain) == [(TOWER, True, 2), (LOUVRE, True, 1), (BANANA, False, 1)]


def test_a_rerank_of_another_question_drops_nothing_of_this_one() -> None:
    one, other = "00000000000000f1", "00000000000000f2"
    trace = Trace()
    for parent, texts in ((one, (TOWER, LOUVRE)), (other, (BANANA, LOUVRE))):
        trace.retrieval(*texts, query="?", parent_id=parent)
    trace.retrieval(TOWER, query="?", kind="rerank", parent_id=one)
    trace.retrieval(LOUVRE, query="?", kind="rerank", parent_id=other)
    trace.chat(prompt(TOWER), parent_id=one)
    trace.chat(prompt(LOUVRE, question=OTHER), OTHER_ANSWER, parent_id=other)
    found = both(trace)
    assert told(found[ANSWER]) == [(TOWER, True, 1), (LOUVRE, False, 2)]
    assert told(found[OTHER_ANSWER]) == [(LOUVRE, True, 2), (BANANA, False, 1)]
