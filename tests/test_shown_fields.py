"""Fields of a document that a prompt shows beside its text are a source of the answer too."""

import json
from typing import Any

import pytest

import groundwire
from built import QUESTION, Trace
from groundwire.model import Document
from groundwire.shown_fields import shown_fields

TEXT = "It is 330 metres tall and stands near the river."
ROW: dict[str, Any] = {
    "title": "Eiffel Tower",
    "year": 1889,
    "companyName": "Eiffel et Cie",
    "tags": ["iron", "landmark"],
    "place": {"city": "Paris"},
    "page": 1,
    "lang": "en",
    "hidden": "Nobody shows this",
    "flag": True,
    "_collection": "Answer",
}


@pytest.mark.parametrize(
    ("prompt", "shown"),
    [
        (f"1. Eiffel Tower (1889)\n\n{TEXT}", ["title: Eiffel Tower", "year: 1889"]),
        (
            f"Title: Eiffel Tower, Text: {TEXT}\nCompany name: Eiffel et Cie",
            ["title: Eiffel Tower", "companyName: Eiffel et Cie"],
        ),
        (f"[1] {TEXT} (1 of 1889, in en)", []),
        (f"{TEXT}\nYear: 1889", ["year: 1889"]),
        (f"Is the Eiffel Tower tall?\nContext: {TEXT}", []),
        (
            json.dumps({**ROW["place"], "tags": ROW["tags"], "text": TEXT}),
            ["tags: iron", "tags: landmark", "city: Paris"],
        ),
        (str({"text": TEXT, "place": ROW["place"], "lang": "en"}), ["city: Paris", "lang: en"]),
        (f"{TEXT[:40]} of another.\nTitle: Eiffel Tower (http://tower.test?id=x)\n{TEXT}", ["title: Eiffel Tower"]),
        (f"{TEXT[:40]} of another, said the Eiffel Tower.{'.' * 400}{TEXT}", []),
        (f"Use the iron rule. Paris or not:\n\nAnswer in en, of this landmark.\n{TEXT}", []),
        ("Nothing of it.", []),
    ],
)
def test_fields_are_those_beside_the_text(prompt: str, shown: list[str]) -> None:
    assert shown_fields(Document(TEXT, metadata=ROW), prompt) == shown


def test_documents_without_text_or_fields_have_none() -> None:
    assert shown_fields(Document(TEXT), f"title: {TEXT}") == []
    assert shown_fields(Document(None, metadata=ROW), "Eiffel Tower") == []
    assert shown_fields(Document("Tall", metadata=ROW), "Eiffel Tower: Tall") == ["title: Eiffel Tower"]


def chain_of(prompt: str) -> Any:
    trace = Trace()
    row = {"content": TEXT, "metadata": ROW}
    trace.span({"gen_ai.operation.name": "retrieval", "gen_ai.retrieval.documents": json.dumps([row])})
    trace.chat(prompt, "The Eiffel Tower is 330 metres tall.")
    return trace.chain


def test_a_title_in_the_prompt_supports_the_answer() -> None:
    chain = chain_of(f"Context:\nEiffel Tower:\n{TEXT}\n\nQuestion: {QUESTION}")
    assert chain.question == QUESTION
    assert [p.text for p in chain.context] == [f"{TEXT}\ntitle: Eiffel Tower"]
    for passages, label in ([p.text for p in chain.context], "faithful"), ([TEXT], "unfaithful"):
        score: Any = groundwire.evaluate(
            question=chain.question, passages=passages, answer=chain.answer, evaluators=["faithfulness"]
        )["faithfulness"]
        assert score.label == label


def test_what_the_prompt_does_not_show_is_no_source() -> None:
    assert [p.text for p in chain_of(f"Context:\n{TEXT}\n\nQuestion: {QUESTION}").context] == [TEXT]


def test_rows_in_a_prompt_or_of_a_tool_are_told_whole() -> None:
    rows = json.dumps([{"id": 7, "score": 0.5, "title": "Eiffel Tower", "text": TEXT, "built": {"year": 1889}}])
    whole = f"{TEXT}\ntitle: Eiffel Tower\nyear: 1889"
    given = Trace()
    given.chat(f"Context: {rows}\nQuestion: {QUESTION}")
    called = Trace()
    call = {"type": "tool_call", "id": "1", "name": "search", "arguments": {}}
    told = {"type": "tool_call_response", "id": "1", "response": rows}
    asked = {"role": "user", "parts": [{"type": "text", "content": QUESTION}]}
    called.chat([asked, {"role": "assistant", "parts": [call]}, {"role": "tool", "parts": [told]}])
    for trace in (given, called):
        assert [(p.text, p.id, p.source) for p in trace.chain.passages] == [(whole, "7", "prompt")]
        assert trace.chain.question == QUESTION


@pytest.mark.parametrize(
    "context",
    [
        f"Title: Eiffel Tower\nBuilt: 1889\nContent: {TEXT}",
        f'<document index="1"><title>Eiffel Tower</title><built>1889</built><content>{TEXT}</content></document>',
        f'<document title="Eiffel Tower" built="1889"><source>a.pdf</source><content>{TEXT}</content></document>',
    ],
)
def test_what_stands_around_a_text_in_its_block_is_told_too(context: str) -> None:
    trace = Trace()
    trace.chat(f"Context:\n{context}\n\nQuestion: {QUESTION}")
    (passage,) = trace.chain.passages
    first, *fields = passage.text.splitlines()
    assert (first, sorted(line.lower() for line in fields)) == (TEXT, ["built: 1889", "title: eiffel tower"])
