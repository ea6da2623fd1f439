"""What LangSmith's exporter writes beyond the recordings, after its source."""

import json
from typing import Any

import pytest

from dialects.spans import FROST, HERON, PROMPT, one_chain, read, said, span
from groundwire.chain import chains
from groundwire.dialects import canonical
from groundwire.model import Usage


def run(kind: str, inputs: Any = None, outputs: Any = None, **attributes: Any) -> dict[str, Any]:
    told: dict[str, Any] = {"langsmith.span.kind": kind, "gen_ai.operation.name": OPERATIONS.get(kind, kind)}
    if inputs is not None:
        told["gen_ai.prompt"] = json.dumps(inputs)
    if outputs is not None:
        told["gen_ai.completion"] = json.dumps(outputs)
    return told | {key.replace("__", "."): value for key, value in attributes.items()}


OPERATIONS = {"llm": "chat", "tool": "execute_tool", "retriever": "embeddings", "embedding": "embeddings"}
OPERATIONS["prompt"] = "chat"


def test_the_operation_that_it_writes_beside_is_corrected() -> None:
    assert read(run("retriever", {"query": "How long?"}, {"documents": [{"page_content": HERON}]})).kind == "retrieval"
    prompt = canonical(span(run("prompt", {"question": "How long?"}, {"output": {"messages": []}})))
    assert prompt.attributes["gen_ai.operation.name"] == "invoke_workflow"


@pytest.mark.parametrize(
    "outputs",
    [
        {"choices": [{"message": {"role": "assistant", "content": "14 hours."}}]},
        {"message": {"role": "assistant", "content": "14 hours."}},
        {"role": "assistant", "content": "14 hours."},
        {"role": "assistant", "content": [{"type": "text", "text": "14 hours."}], "type": "message"},
        {"output": "14 hours."},
        {
            "output": [
                {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "14 hours."}]}
            ]
        },
        {"content": "14 hours."},
        {"generations": [[{"text": "14 hours.", "type": "Generation"}]]},
        {"generations": [{"text": "14 hours.", "type": "Generation"}]},
        {"messages": [{"role": "user", "content": "How long?"}, {"role": "assistant", "content": "14 hours."}]},
        {"candidates": [{"content": {"role": "model", "parts": [{"text": "14 hours."}]}}]},
        {"output": {"message": {"role": "assistant", "content": [{"text": "14 hours."}]}}},
        {"output": {"type": "ai", "data": {"content": "14 hours."}}},
    ],
)
def test_responses_of_many_clients_are_read(outputs: Any) -> None:
    assert said(read(run("llm", {"messages": []}, outputs)).output) == [("assistant", ["14 hours."])]


@pytest.mark.parametrize(
    "inputs",
    [
        {"messages": [{"role": "user", "content": PROMPT}]},
        {"messages": [[{"lc": 1, "id": ["x", "HumanMessage"], "kwargs": {"content": PROMPT}}]]},
        {"messages": [[{"type": "human", "data": {"content": PROMPT}}]]},
        {"messages": [{"type": "human", "content": PROMPT}]},
        {"prompts": [PROMPT]},
        {"prompt": PROMPT},
        {"input": PROMPT, "model": "m"},
        {"contents": [{"role": "user", "parts": [{"text": PROMPT}]}]},
        {"contents": PROMPT, "model": "gemini"},
        {"args": [PROMPT]},
    ],
)
def test_requests_of_many_clients_are_read(inputs: Any) -> None:
    assert said(read(run("llm", inputs, {"output": "14 hours."})).prompt) == [("user", [PROMPT])]


def test_system_instructions_come_first() -> None:
    for inputs in (
        {"system": "Be kind.", "messages": [{"role": "user", "content": "Hi"}]},
        {"system": [{"type": "text", "text": "Be kind."}], "messages": [{"role": "user", "content": "Hi"}]},
        {"instructions": "Be kind.", "input": "Hi"},
        {"config": {"system_instruction": "Be kind."}, "contents": "Hi"},
    ):
        assert said(read(run("llm", inputs)).prompt) == [("system", ["Be kind."]), ("user", ["Hi"])]


def test_an_object_without_the_usual_keys_is_its_texts() -> None:
    call = read(run("llm", {"context": HERON, "wish": "How long?", "temperature": 0.1}))
    assert said(call.prompt) == [("user", [f"{HERON}\n\nHow long?"])]


def test_tokens_come_with_their_details_wherever_they_stand() -> None:
    counts = {"input_tokens": 100, "output_tokens": 20, "total_tokens": 120}
    details = {"input_token_details": {"cache_read": 90}, "output_token_details": {"reasoning": 15}}
    message = {"lc": 1, "id": ["AIMessage"], "kwargs": {"content": "Hi", "usage_metadata": counts | details}}
    for outputs in ({"usage_metadata": counts | details}, {"generations": [[{"text": "Hi", "message": message}]]}):
        assert read(run("llm", {}, outputs)).usage == Usage(100, 20, 90, None, 15)
    plain = run("llm", {}, {}, gen_ai__usage__input_tokens=7, gen_ai__usage__output_tokens=3)
    assert read(plain).usage == Usage(7, 3)
    assert read(run("llm", {}, {})).usage is None


def test_a_chain_with_tokens_is_billed_no_second_time() -> None:
    counted = {"gen_ai.usage.input_tokens": 7, "gen_ai.usage.output_tokens": 3}
    answer = run("llm", {"prompt": PROMPT}, {"output": "14 hours."}) | counted
    inner = span(answer, start=2, end=3)
    around = span(run("chain", {"question": "How long?"}, {"output": "14 hours."}) | counted, start=1, end=4)
    found = chains([inner, around])
    assert [c.span_id for c in found.chains] == [inner.span_id]
    assert found.rejected == ()


def test_hidden_inputs_are_no_content() -> None:
    (rejected,) = chains([span(run("llm", {}, {}, gen_ai__request__model="m"))]).rejected
    assert rejected.reason == "no_content"


def test_a_tool_that_reranks_is_told_by_its_name() -> None:
    chain = one_chain(
        (run("retriever", {"query": "How long?"}, {"output": [FROST, HERON]}), "search"),
        (run("tool", {"query": "How long?"}, {"output": [{"page_content": HERON, "score": 0.9}]}), "Rerank passages"),
        (run("llm", {"messages": [{"role": "user", "content": PROMPT}]}, {"output": "14 hours."}), "llm"),
    )
    assert [(p.text, p.score, p.source) for p in chain.passages] == [
        (HERON, 0.9, "rerank"),
        (FROST, None, "retrieval"),
    ]
