"""What Langfuse's SDK writes beyond the recordings, after its source."""

import json
from typing import Any

import pytest

from dialects.spans import FROST, HERON, PROMPT, one_chain, read, said, span
from groundwire.chain import chains
from groundwire.dialects import canonical
from groundwire.model import Usage


def observation(kind: str | None, **attributes: Any) -> dict[str, Any]:
    """An observation; what is no text is written as JSON, as the SDK does."""
    told = {} if kind is None else {"langfuse.observation.type": kind}
    for name, value in attributes.items():
        text = value if isinstance(value, str) else json.dumps(value)
        told[f"langfuse.observation.{name.replace('__', '.')}"] = text
    return told


@pytest.mark.parametrize(
    ("details", "expected"),
    [
        ({"input": 10, "output": 2, "total": 12}, Usage(10, 2)),
        # Counts of Langfuse's own add up.
        ({"input": 43, "output": 14, "total": 185, "input_cache_read": 128, "output_reasoning": 0}, None),
        ({"input": 5, "output": 9, "cache_read_input_tokens": 100, "cache_creation_input_tokens": 20}, None),
        ({"input": 10, "output": 2, "input_cached_tokens": 4, "total": 12}, Usage(10, 2, 4)),
        ({"input": 8}, Usage(8, None)),
        # As OpenAI and Anthropic have them.
        ({"prompt_tokens": 10, "completion_tokens": 2, "prompt_tokens_details": {"cached_tokens": 4}}, Usage(10, 2, 4)),
        ({"input_tokens": 10, "output_tokens": 2, "input_tokens_details": {"cached_tokens": 4}}, Usage(10, 2, 4)),
        ({"input_tokens": 10, "output_tokens": 2, "cache_read_input_tokens": 90}, Usage(100, 2, 90)),
        ({"total": 12}, None),
        ({}, None),
    ],
)
def test_tokens_are_counted_as_the_conventions_count(details: dict[str, int], expected: Usage | None) -> None:
    if details.get("input_cache_read"):
        expected = Usage(171, 14, 128, None, 0)
    elif details.get("cache_creation_input_tokens"):
        expected = Usage(125, 9, 100, 20)
    assert read(observation("generation", input="Hi", usage_details=details)).usage == expected


def test_cost_is_the_total_or_all_parts() -> None:
    def cost(**details: Any) -> Any:
        return canonical(span(observation("generation", cost_details=details))).attributes.get("gen_ai.usage.cost")

    assert cost(total=0.5, input=0.1) == 0.5
    assert cost(input=0.25, output=0.5) == 0.75
    assert cost(input=0.25, output="?") is None
    assert cost() is None


def test_a_request_with_tools_is_its_messages() -> None:
    given = {
        "tools": [{"type": "function"}],
        "messages": [{"role": "user", "content": [{"type": "text", "text": "Hi"}]}],
    }
    call = read(observation("generation", input=given, output={"role": "assistant", "content": "Hello"}))
    assert (said(call.prompt), said(call.output)) == ([("user", ["Hi"])], [("assistant", ["Hello"])])


def test_the_responses_api_is_read() -> None:
    given = {"instructions": "Be kind.", "input": [{"role": "user", "content": [{"type": "input_text", "text": "Hi"}]}]}
    made = [
        {"type": "reasoning", "summary": []},
        {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "Hello"}]},
    ]
    call = read(observation("generation", input=given, output=made))
    assert said(call.prompt) == [("system", ["Be kind."]), ("user", ["Hi"])]
    assert said(call.output) == [("assistant", ["Hello"])]


def test_a_function_observed_as_a_generation_is_read_by_its_arguments() -> None:
    call = read(observation("generation", input={"args": [PROMPT], "kwargs": {}}, output="14 hours."))
    assert (said(call.prompt), said(call.output)) == ([("user", [PROMPT])], [("assistant", ["14 hours."])])
    named = read(
        observation("generation", input={"args": [], "kwargs": {"messages": [{"role": "user", "content": "Hi"}]}})
    )
    assert said(named.prompt) == [("user", ["Hi"])]


@pytest.mark.parametrize(
    "returned",
    [
        [HERON, FROST],
        {"documents": [{"page_content": HERON}, {"page_content": FROST}]},
        [[{"page_content": HERON, "metadata": {}}, 0.9], [{"page_content": FROST, "metadata": {}}, 0.8]],
        {"matches": [{"id": "a", "score": 0.9, "metadata": {"text": HERON}}, {"id": "b", "metadata": {"text": FROST}}]},
        [{"node": {"id_": "a", "text": HERON}, "score": 0.9}, {"node": {"id_": "b", "text": FROST}, "score": 0.8}],
        {"ids": [["a", "b"]], "documents": [[HERON, FROST]], "distances": [[0.1, 0.2]]},
    ],
)
def test_a_retriever_may_return_its_documents_in_any_shape(returned: Any) -> None:
    call = read(observation("retriever", input={"args": ["How long?", 2], "kwargs": {}}, output=returned))
    assert call.kind == "retrieval"
    assert call.query == "How long?"
    assert [d.text for d in call.documents] == [HERON, FROST]


def test_a_retriever_that_returns_prose_has_no_documents() -> None:
    call = read(observation("retriever", input="How long?", output="Two passages were found."))
    assert call.documents == ()
    assert call.query == "How long?"


def test_the_reranker_has_the_last_word() -> None:
    chain = one_chain(
        (observation("retriever", input="How long?", output=[FROST, HERON]), "search"),
        (observation("span", input={"args": ["How long?", [FROST, HERON]], "kwargs": {}}, output=[HERON]), "rerank"),
        (observation("generation", input=[{"role": "user", "content": PROMPT}], output="14 hours."), "answer"),
    )
    assert [(p.text, p.source, p.in_prompt) for p in chain.passages] == [
        (HERON, "rerank", True),
        (FROST, "retrieval", False),
    ]


def test_an_observation_without_a_type_is_a_generation_if_it_names_a_model() -> None:
    call = read(observation(None, model__name="m", input="Hi", output="Hello"))
    assert (call.kind, call.model) == ("chat", "m")
    plain = canonical(span(observation(None, input="Hi", output="Hello")))
    assert plain.attributes["gen_ai.operation.name"] == "invoke_workflow"


@pytest.mark.parametrize("kind", ["span", "event", "agent", "tool", "chain", "evaluator", "guardrail", "SPAN", "new"])
def test_what_stands_around_a_generation_is_no_second_answer(kind: str) -> None:
    inner = span(observation("generation", input=PROMPT, output="14 hours."), start=2, end=3)
    around = span(observation(kind, input=PROMPT, output="14 hours."), start=1, end=4)
    found = chains([inner, around])
    assert [c.span_id for c in found.chains] == [inner.span_id]
    assert found.rejected == ()
    attributes = canonical(around).attributes
    assert (attributes["input.value"], attributes["output.value"]) == (PROMPT, "14 hours.")


def test_an_object_in_an_argument_is_no_query() -> None:
    given = {"args": ["<shop.Retriever object at 0x7f0b72992340>", "How long?"], "kwargs": {}}
    assert read(observation("retriever", input=given, output=[HERON])).query == "How long?"
