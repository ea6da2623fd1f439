"""Plain functions that their authors call a search: most applications name them so, and give no kind."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from groundwire.dialects import canonical
from groundwire.dialects.gen_ai import CallView, view
from groundwire.model import SpanRecord

DOCUMENTS = [{"id": "a", "content": "The pump runs for 14 hours."}, {"id": "b", "content": "It makes 52 decibels."}]
TEXTS = [str(d["content"]) for d in DOCUMENTS]
WAYS: dict[str, Any] = {
    "langfuse": lambda given, returned: {
        "langfuse.observation.type": "span",
        "langfuse.observation.input": json.dumps({"args": [given], "kwargs": {}}),
        "langfuse.observation.output": json.dumps(returned),
    },
    "langsmith": lambda given, returned: {
        "langsmith.span.kind": "chain",
        "gen_ai.prompt": json.dumps({"query": given}).encode(),
        "gen_ai.completion": json.dumps(returned if isinstance(returned, dict) else {"output": returned}).encode(),
    },
    "mlflow": lambda given, returned: {
        "mlflow.spanType": '"UNKNOWN"',
        "mlflow.spanInputs": json.dumps({"query": given}),
        "mlflow.spanOutputs": json.dumps(returned),
    },
    "openinference": lambda given, returned: {
        "openinference.span.kind": "CHAIN",
        "input.value": json.dumps({"query": given}),
        "output.value": json.dumps(returned),
    },
}

each = pytest.mark.parametrize("way", WAYS)


def read(way: str, name: str, returned: Any) -> CallView | None:
    attributes: Mapping[str, Any] = WAYS[way]("How long?", returned)
    return view(canonical(SpanRecord("a" * 32, "b" * 16, name, 1, 2, attributes=attributes)))


@each
@pytest.mark.parametrize("name", ["retrieve", "search_docs", "VectorSearch", "Retriever.run"])
def test_what_it_returned_is_what_it_found(way: str, name: str) -> None:
    for returned in (DOCUMENTS, TEXTS):
        call = read(way, name, returned)
        assert call is not None
        assert (call.kind, call.query, [d.text for d in call.documents]) == ("retrieval", "How long?", TEXTS)


@each
def test_a_reranker_is_one(way: str) -> None:
    call = read(way, "rerank_results", DOCUMENTS)
    assert call is not None
    assert (call.kind, [d.id for d in call.documents]) == ("rerank", ["a", "b"])


@each
@pytest.mark.parametrize(
    ("name", "returned"),
    [
        ("answer", DOCUMENTS),
        ("search_and_answer", {"answer": "14 hours.", "documents": DOCUMENTS}),
        ("search_queries", []),
        ("research", "The pump runs for 14 hours."),
    ],
)
def test_what_answers_or_finds_nothing_is_no_search(way: str, name: str, returned: Any) -> None:
    assert read(way, name, returned) is None


def test_a_prompt_of_langsmith_in_bytes_is_read() -> None:
    """As it exported them until 0.5 or so."""
    asked = {"messages": [{"role": "user", "content": "How long?"}]}
    said = {"choices": [{"index": 0, "message": {"role": "assistant", "content": "14 hours."}}], "model": "gpt-4o-mini"}
    attributes = {
        "langsmith.span.kind": "llm",
        "gen_ai.system": "langchain",
        "gen_ai.prompt": json.dumps(asked).encode(),
        "gen_ai.completion": json.dumps(said).encode(),
    }
    call = view(canonical(SpanRecord("a" * 32, "b" * 16, "ChatOpenAI", 1, 2, attributes=attributes)))
    assert call is not None
    assert [m["parts"][0]["content"] for m in (*call.prompt, *call.output)] == ["How long?", "14 hours."]
    assert call.provider is None


def test_bytes_that_are_no_text_are_no_content() -> None:
    attributes = {"langsmith.span.kind": "llm", "gen_ai.prompt": b"\xff\xfe", "gen_ai.completion": b"\xff"}
    call = view(canonical(SpanRecord("a" * 32, "b" * 16, "ChatOpenAI", 1, 2, attributes=attributes)))
    assert call is not None
    assert not call.has_content
