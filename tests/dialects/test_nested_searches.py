"""A retriever around others has the last word on their order, whoever wrote the spans."""

import json
from dataclasses import replace
from typing import Any

from groundwire.chain import chains
from groundwire.model import RagChain, SpanRecord

ONE, TWO, THREE = (
    "The Heron 3 pump runs for 14 hours on one charge.",
    "Every Heron pump has a warranty of 36 months.",
    "The filter must be rinsed every week.",
)


def search(span_id: int, parent: int | None, start: int, end: int, rows: list[dict[str, Any]]) -> SpanRecord:
    attributes = {"gen_ai.operation.name": "retrieval"}
    if rows:
        attributes["gen_ai.retrieval.documents"] = json.dumps(rows)
    above = None if parent is None else f"{parent:016x}"
    return SpanRecord("a" * 32, f"{span_id:016x}", "search", start, end, parent_id=above, attributes=attributes)


def rows(*texts: str, **more: Any) -> list[dict[str, Any]]:
    return [{"content": text, **more} for text in texts]


def answered(*spans: SpanRecord) -> RagChain:
    return asked_with(f"Context:\n{TWO}\n\n{ONE}\n\nQuestion: How long does it run?", *spans)


def asked_with(prompt: str, *spans: SpanRecord) -> RagChain:
    attributes = {
        "gen_ai.operation.name": "chat",
        "gen_ai.input.messages": json.dumps([{"role": "user", "parts": [{"type": "text", "content": prompt}]}]),
        "gen_ai.output.messages": json.dumps([{"role": "assistant", "parts": [{"type": "text", "content": "14."}]}]),
    }
    chat = SpanRecord("a" * 32, f"{99:016x}", "chat", 90, 95, attributes=attributes)
    (chain,) = chains([*spans, chat]).chains
    return chain


def order(chain: RagChain) -> list[tuple[str, bool, int | None]]:
    return [(p.text, p.in_prompt, p.retrieved_rank) for p in chain.passages]


def test_the_outer_order_holds_and_the_inner_places_are_kept() -> None:
    chain = answered(search(2, 1, 1, 2, rows(ONE, THREE, TWO)), search(1, None, 0, 3, rows(TWO, ONE)))
    assert order(chain) == [(TWO, True, 3), (ONE, True, 1), (THREE, False, 2)]
    assert {p.span_id for p in chain.context} == {f"{1:016x}"}


def test_of_several_around_each_other_the_outermost_holds() -> None:
    chain = answered(
        search(3, 2, 2, 3, rows(ONE, TWO, THREE)),
        search(2, 1, 1, 4, rows(ONE, TWO)),
        search(1, None, 0, 5, rows(TWO, ONE)),
    )
    assert order(chain) == [(TWO, True, 2), (ONE, True, 1), (THREE, False, 3)]


def test_a_search_that_lists_nothing_is_around_nothing() -> None:
    inner = search(2, 1, 1, 2, rows(ONE, TWO))
    assert order(answered(inner, search(1, None, 0, 3, []))) == [(ONE, True, 1), (TWO, True, 2)]


def test_searches_side_by_side_keep_the_order_in_which_they_ended() -> None:
    chain = answered(search(1, None, 0, 9, rows(TWO)), search(2, None, 1, 2, rows(ONE)))
    assert order(chain) == [(ONE, True, 1), (TWO, True, 1)]


def test_ids_and_scores_that_only_the_store_knows_are_not_lost() -> None:
    store = search(2, 1, 1, 2, [{"content": ONE, "id": "a", "score": 0.9}, {"content": TWO, "id": "b", "score": 0.8}])
    chain = answered(store, search(1, None, 0, 3, rows(TWO, ONE)))
    assert [(p.id, p.score) for p in chain.passages] == [("b", 0.8), ("a", 0.9)]


def test_spans_that_are_each_others_parents_do_no_harm() -> None:
    chain = answered(search(2, 1, 1, 2, rows(ONE)), search(1, 2, 0, 3, rows(TWO)))
    assert {p.text for p in chain.context} == {ONE, TWO}


# --- what was found, with more around it ----------------------------------------------------------------------------

PARENT = f"About the pump. {ONE} It is green."
"""The paragraph that a sentence is from."""


def test_a_sentence_that_was_found_and_its_paragraph_that_was_handed_on_are_one_passage() -> None:
    store = search(2, 1, 1, 2, rows(THREE, ONE))
    chain = asked_with(f"Context:\n{PARENT}\n\nQuestion: How long?", store, search(1, None, 0, 3, rows(PARENT)))
    assert order(chain) == [(PARENT, True, 2), (THREE, False, 1)]
    assert [p.prompt_rank for p in chain.passages] == [1, None]


def test_a_postprocessor_that_puts_the_paragraph_in_its_place_hands_on_one_passage() -> None:
    window = search(3, None, 4, 5, rows(PARENT, TWO))
    window = replace(window, attributes={**window.attributes, "gen_ai.operation.name": "rerank"})
    found = search(2, None, 1, 2, rows(TWO, ONE, THREE))
    chain = asked_with(f"Context:\n{PARENT}\n\n{TWO}\n\nQuestion: How long?", found, window)
    assert order(chain) == [(PARENT, True, 2), (TWO, True, 1), (THREE, False, 3)]
    assert [p.prompt_rank for p in chain.passages] == [1, 2, None]


def test_a_paragraph_that_did_not_reach_the_prompt_takes_no_sentence_s_place() -> None:
    chain = asked_with(
        f"Context:\n{ONE}\n\nQuestion: How long?", search(2, 1, 1, 2, rows(ONE)), search(1, None, 0, 3, rows(PARENT))
    )
    assert order(chain) == [(ONE, True, 1)]


def test_a_sentence_and_its_paragraph_of_one_search_are_two_passages() -> None:
    chain = asked_with(f"Context:\n{ONE}\n\n{PARENT}\n\nQuestion: How long?", search(2, None, 1, 2, rows(ONE, PARENT)))
    assert order(chain) == [(ONE, True, 1), (PARENT, True, 2)]


def test_a_paragraph_that_was_found_and_the_sentence_that_a_compressor_left_of_it_are_one_passage() -> None:
    store = search(2, 1, 1, 2, rows(THREE, PARENT))
    chain = asked_with(f"Context:\n{ONE}\n\nQuestion: How long?", store, search(1, None, 0, 3, rows(ONE)))
    assert order(chain) == [(ONE, True, 2), (THREE, False, 1)]


def test_a_word_that_others_hold_by_chance_takes_no_place() -> None:
    chain = asked_with(
        f"Context:\nHeron\n\n{TWO}\n\nQ: How long?",
        search(2, 1, 1, 2, rows(ONE, TWO)),
        search(1, None, 0, 3, rows("Heron", TWO)),
    )
    assert (ONE, False, 1) in order(chain)
