"""What MLflow's tracing writes beyond the recordings, after its source."""

import json
from typing import Any

import pytest

from dialects.spans import FROST, HERON, PROMPT, one_chain, read, said, span
from groundwire.chain import chains
from groundwire.dialects import canonical
from groundwire.model import Usage


def traced(kind: str, inputs: Any = None, outputs: Any = None, **attributes: Any) -> dict[str, Any]:
    """A span of MLflow: every attribute is JSON."""
    told = {"mlflow.spanType": kind, "mlflow.spanInputs": inputs, "mlflow.spanOutputs": outputs}
    told |= {f"mlflow.{name.replace('__', '.')}": value for name, value in attributes.items()}
    return {key: json.dumps(value) for key, value in told.items() if value is not None}


def test_text_is_taken_out_of_its_quotes() -> None:
    call = read(traced("LLM", 'Say "hi".\nNow.', '"Hi"', llm__model="m", llm__provider="p"))
    assert said(call.prompt) == [("user", ['Say "hi".\nNow.'])]
    assert said(call.output) == [("assistant", ['"Hi"'])]
    assert (call.model, call.provider) == ("m", "p")


def test_a_type_without_quotes_is_read_as_well() -> None:
    assert read({"mlflow.spanType": "RETRIEVER", "mlflow.spanOutputs": json.dumps([HERON])}).kind == "retrieval"


def test_anthropic_is_read_with_its_system_and_its_blocks() -> None:
    inputs = {
        "model": "claude",
        "system": "Be kind.",
        "messages": [
            {"role": "user", "content": "How long?"},
            {"role": "assistant", "content": [{"type": "tool_use", "id": "t", "name": "search", "input": {"q": 1}}]},
            {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t", "content": HERON}]},
        ],
    }
    outputs = {"role": "assistant", "content": [{"type": "text", "text": "14 hours."}], "model": "claude-served"}
    call = read(traced("CHAT_MODEL", inputs, outputs, message__format="anthropic"))
    assert [[p["type"] for p in m["parts"]] for m in call.prompt] == [
        ["text"],
        ["text"],
        ["tool_call"],
        ["tool_call_response"],
    ]
    assert said(call.output) == [("assistant", ["14 hours."])]
    assert (call.model, call.provider) == ("claude-served", "anthropic")


@pytest.mark.parametrize(
    ("usage", "expected"),
    [
        ({"input_tokens": 10, "output_tokens": 2, "total_tokens": 12}, Usage(10, 2)),
        ({"input_tokens": 10, "output_tokens": 2, "cache_read_input_tokens": 8}, Usage(10, 2, 8)),
        (
            {"input_tokens": 10, "output_tokens": 2, "cache_read_input_tokens": 8, "cache_creation_input_tokens": 9},
            None,
        ),
        (None, None),
    ],
)
def test_tokens_include_what_was_cached(usage: Any, expected: Usage | None) -> None:
    if usage is not None and "cache_creation_input_tokens" in usage:
        expected = Usage(27, 2, 8, 9)  # 8 and 9 cannot both be among 10
    assert read(traced("CHAT_MODEL", "Hi", "Hello", chat__tokenUsage=usage)).usage == expected


def test_cost_is_the_one_that_was_worked_out() -> None:
    priced = traced("CHAT_MODEL", "Hi", "Hello", llm__cost={"input_cost": 0.1, "output_cost": 0.2, "total_cost": 0.3})
    assert canonical(span(priced)).attributes["gen_ai.usage.cost"] == 0.3
    unknown = traced("CHAT_MODEL", "Hi", "Hello", llm__cost={"input_cost": 0.1})
    assert "gen_ai.usage.cost" not in canonical(span(unknown)).attributes


def test_embedding_tokens_are_in_the_response() -> None:
    call = read(traced("EMBEDDING", {"input": "a"}, {"usage": {"prompt_tokens": 3, "total_tokens": 3}}, llm__model="e"))
    assert (call.kind, call.model, call.usage) == ("embeddings", "e", Usage(3))


@pytest.mark.parametrize(
    "kind", ["CHAIN", "AGENT", "TOOL", "PARSER", "WORKFLOW", "TASK", "GUARDRAIL", "EVALUATOR", "X"]
)
def test_what_stands_around_a_model_is_no_second_answer(kind: str) -> None:
    inner = span(traced("CHAT_MODEL", {"messages": [{"role": "user", "content": PROMPT}]}, "14 hours."), start=2, end=3)
    around = span(traced(kind, {"question": "How long?"}, "14 hours."), start=1, end=4)
    found = chains([inner, around])
    assert [c.span_id for c in found.chains] == [inner.span_id]
    assert found.rejected == ()
    assert canonical(around).attributes["input.value"] == "How long?"


def test_a_reranker_has_a_type_of_its_own() -> None:
    chain = one_chain(
        (traced("RETRIEVER", {"query": "How long?"}, [{"page_content": FROST}, {"page_content": HERON}]), "search"),
        (traced("RERANKER", {"query": "How long?"}, [{"page_content": HERON, "metadata": {"score": 0.9}}]), "second"),
        (traced("LLM", PROMPT, "14 hours."), "answer"),
    )
    assert [(p.text, p.score, p.source) for p in chain.passages] == [
        (HERON, 0.9, "rerank"),
        (FROST, None, "retrieval"),
    ]


def test_a_span_without_a_type_is_around_others() -> None:
    record = canonical(span({"mlflow.traceRequestId": '"tr-1"', "mlflow.spanInputs": '{"question": "Hi"}'}))
    assert record.attributes["gen_ai.operation.name"] == "invoke_workflow"
