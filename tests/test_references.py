"""What an application says itself: the right answer, and the passages of an answer whose calls nobody traced."""

import json
from dataclasses import replace
from typing import Any

import pytest

from groundwire.chain import chains
from groundwire.model import SpanRecord
from stored import ANSWER, CHAT, QUESTION, chat, messages, request


def declared(documents: Any, question: str | None = QUESTION, **more: Any) -> SpanRecord:
    attributes: dict[str, Any] = {
        "gen_ai.input.messages": messages("user", "What then?"),
        "gen_ai.retrieval.documents": documents,
    }
    if question is not None:
        attributes["gen_ai.retrieval.query.text"] = question
    return chat(attributes=attributes | more)


def test_the_reference_on_the_root_is_that_of_its_answer() -> None:
    root, *rest = request()
    root = replace(root, attributes={**root.attributes, "groundwire.reference": "330 metres."})

    assert [c.reference for c in chains([root, *rest]).chains] == ["330 metres."]
    assert [c.reference for c in chains(rest).chains] == [None]


def test_the_reference_on_the_answer_itself_goes_first() -> None:
    root, *rest, answer = request()
    root = replace(root, attributes={**root.attributes, "groundwire.reference": "of the root"})
    answer = replace(answer, attributes={**answer.attributes, "groundwire.reference": "of the answer"})

    assert [c.reference for c in chains([root, *rest, answer]).chains] == ["of the answer"]


@pytest.mark.parametrize("odd", ["", "  ", 7, None, ["x"]])
def test_an_odd_reference_is_none(odd: Any) -> None:
    root, *rest = request()
    root = replace(root, attributes={**root.attributes, "groundwire.reference": odd})

    assert [c.reference for c in chains([root, *rest]).chains] == [None]


def test_a_reference_of_another_trace_is_none_of_ours() -> None:
    root, *_ = request()
    other = replace(root, trace_id="f" * 32, attributes={"groundwire.reference": "elsewhere"})

    assert [c.reference for c in chains([other, *request()]).chains] == [None]


def test_an_answer_that_lists_its_documents_has_exactly_these() -> None:
    rows = json.dumps([{"id": "a", "content": "It is 330 m tall.", "score": 0.5}, {"id": "b", "content": "Bananas."}])
    (chain,) = chains([declared(rows)]).chains

    assert [(p.id, p.text, p.score, p.in_prompt, p.source) for p in chain.passages] == [
        ("a", "It is 330 m tall.", 0.5, True, "given"),
        ("b", "Bananas.", None, True, "given"),
    ]
    assert chain.question == QUESTION
    assert (chain.answer, chain.span_id) == (ANSWER, CHAT)


@pytest.mark.parametrize("none", ["[]", ()])
def test_an_answer_that_lists_no_documents_is_a_chain_without_passages(none: Any) -> None:
    (chain,) = chains([declared(none)]).chains

    assert chain.passages == ()
    assert chain.question == QUESTION


@pytest.mark.parametrize("odd", ['[{"id": "a"}]', "not JSON", 7, '{"id": "a"}'])
def test_documents_without_texts_say_nothing(odd: Any) -> None:
    assembly = chains([declared(odd)])

    assert [r.reason for r in assembly.rejected] == ["no_passages"]


def test_without_a_query_the_question_is_the_users() -> None:
    (chain,) = chains([declared("[]", question=None)]).chains

    assert chain.question == "What then?"
