"""Prompts as applications build them: the passages come out of each, whether a span lists them or not."""

import json
from typing import Any

import pytest

from built import ANSWER, BANANA, LOUVRE, QUESTION, TOWER, Trace, message
from groundwire.dialects.chat_messages import message as as_message

PASSAGES = (TOWER, LOUVRE)


def documents(*texts: str) -> list[dict[str, Any]]:
    source = [{"type": "text", "media_type": "text/plain", "data": text} for text in texts]
    return [{"type": "document", "source": one, "title": f"t{n}"} for n, one in enumerate(source)]


def search_results(*texts: str) -> list[dict[str, Any]]:
    return [
        {"type": "search_result", "source": "s", "title": "t", "content": [{"type": "text", "text": text}]}
        for text in texts
    ]


def parts(*given: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"role": "user", "parts": list(given)}]


def text(content: str) -> dict[str, Any]:
    return {"type": "text", "content": content}


SHAPES = {
    "documents handed over": parts(*documents(*PASSAGES), text(QUESTION)),
    "search results handed over": parts(*search_results(*PASSAGES), text(QUESTION)),
    "an image among the parts": parts(
        text(f"Context:\n{TOWER}\n\n{LOUVRE}"), {"type": "image_url"}, text(f"Question: {QUESTION}")
    ),
}


@pytest.mark.parametrize("listed", [True, False], ids=["listed", "cut"])
@pytest.mark.parametrize("name", SHAPES)
def test_passages_and_question_come_out_of_the_prompt(name: str, listed: bool) -> None:
    shape = SHAPES[name]
    trace = Trace()
    if listed:
        trace.retrieval(*PASSAGES, BANANA)
    trace.chat([message("user", shape)] if isinstance(shape, str) else shape)
    chain = trace.chain
    assert chain.question == QUESTION
    assert [p.text for p in chain.context] == list(PASSAGES)
    assert [p.text for p in chain.passages if not p.in_prompt] == ([BANANA] if listed else [])


def test_a_file_that_is_handed_over_has_no_text() -> None:
    pdf = {"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": "JVBERi0xLjcK"}}
    trace = Trace()
    trace.chat(parts(pdf, text(QUESTION)))
    assert trace.reasons == ["no_passages"]


def test_documents_stay_documents_where_another_sdk_wrote_the_message() -> None:
    told = as_message({"role": "user", "content": [*documents(TOWER), *search_results(LOUVRE)]})
    assert told is not None
    assert told["parts"] == [{"type": "document", "content": TOWER}, {"type": "search_result", "content": LOUVRE}]


@pytest.mark.parametrize(
    "said",
    [
        f"[[ ## reasoning ## ]]\nThe context says so.\n\n[[ ## response ## ]]\n{ANSWER}\n\n[[ ## completed ## ]]",
        f"[[ ## reasoning ## ]]\nThe context says so.\n\n[[ ## verdict ## ]]\n{ANSWER}\n\n[[ ## completed ## ]]",
        json.dumps({"reasoning": "The context says so.", "response": ANSWER}),
    ],
)
def test_the_answer_is_one_of_several_fields(said: str) -> None:
    trace = Trace()
    trace.chat(f"Context:\n{TOWER}\n\nQuestion: {QUESTION}", said)
    assert trace.chain.answer == ANSWER
