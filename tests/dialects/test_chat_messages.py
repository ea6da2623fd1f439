"""Messages in the forms of several APIs become messages of the conventions."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from groundwire.dialects.chat_messages import from_json, message, messages, parts, text_of
from groundwire.dialects.gen_ai import is_refusal, message_text, tool_results

TEXT = {"type": "text", "content": "Hello"}


@pytest.mark.parametrize(
    ("given", "role", "found"),
    [
        ({"role": "user", "content": "Hello"}, "user", [TEXT]),
        ({"role": "user", "content": [{"type": "text", "text": "Hello"}]}, "user", [TEXT]),
        ({"role": "user", "content": [{"type": "input_text", "text": "Hello"}]}, "user", [TEXT]),
        ({"role": "model", "parts": [{"text": "Hello"}]}, "assistant", [TEXT]),
        ({"type": "human", "content": "Hello"}, "user", [TEXT]),
        ({"role": "user", "parts": [TEXT]}, "user", [TEXT]),
        (
            {"lc": 1, "type": "constructor", "id": ["langchain", "AIMessageChunk"], "kwargs": {"content": "Hello"}},
            "assistant",
            [TEXT],
        ),
        (
            {"role": "assistant", "tool_calls": [{"id": "c", "function": {"name": "f", "arguments": '{"q": 1}'}}]},
            "assistant",
            [{"type": "tool_call", "name": "f", "arguments": {"q": 1}, "id": "c"}],
        ),
        (
            {"role": "tool", "tool_call_id": "c", "content": [{"type": "text", "text": "found"}]},
            "tool",
            [{"type": "tool_call_response", "response": "found", "id": "c"}],
        ),
        (
            {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "c", "content": "found"}]},
            "user",
            [{"type": "tool_call_response", "response": "found", "id": "c"}],
        ),
        (
            {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"},
            "assistant",
            [{"type": "tool_call", "name": "f", "arguments": {}, "id": "c"}],
        ),
        (
            {"type": "function_call_output", "call_id": "c", "output": "found"},
            "tool",
            [{"type": "tool_call_response", "response": "found", "id": "c"}],
        ),
        (
            {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:"}}]},
            "user",
            [{"type": "image_url"}],
        ),
        (
            {"role": "user", "content": [{"toolResult": {"toolUseId": "c", "content": [{"text": "found"}]}}]},
            "user",
            [{"type": "tool_call_response", "response": "found", "id": "c"}],
        ),
        (
            {"role": "assistant", "content": [{"toolUse": {"toolUseId": "c", "name": "f", "input": {"q": 1}}}]},
            "assistant",
            [{"type": "tool_call", "name": "f", "arguments": {"q": 1}, "id": "c"}],
        ),
        (
            {"role": "user", "parts": [{"functionResponse": {"name": "f", "response": {"result": "found"}}}]},
            "user",
            [{"type": "tool_call_response", "response": {"result": "found"}}],
        ),
        (
            {"type": "ai", "content": [{"type": "thinking", "thinking": "hm"}, {"type": "text", "text": "Hello"}]},
            "assistant",
            [{"type": "reasoning", "content": "hm"}, TEXT],
        ),
    ],
)
def test_one_message(given: dict[str, Any], role: str, found: list[dict[str, Any]]) -> None:
    assert message(given) == {"role": role, "parts": found}
    assert messages(json.dumps([given])) == [{"role": role, "parts": found}]


def test_a_refusal_is_marked_and_no_prose() -> None:
    (said,) = messages([{"role": "assistant", "content": None, "refusal": "I will not."}])
    assert is_refusal(said)
    assert message_text(said) == ""


def test_what_holds_nothing_is_no_message() -> None:
    assert messages([None, 3, "", {}, {"role": "user", "content": ""}, {"role": "tool", "content": None}]) == []


def test_text_that_is_no_json_stays_what_it_is() -> None:
    assert messages("[1] is cited", "user") == [
        {"role": "user", "parts": [{"type": "text", "content": "[1] is cited"}]}
    ]
    assert from_json("{half") == "{half"


def test_the_prose_of_a_content() -> None:
    assert text_of([{"type": "text", "text": "a"}, {"type": "image_url"}, "b"]) == "ab"


_keys = st.sampled_from(
    ("role", "type", "content", "text", "parts", "tool_calls", "function", "kwargs", "lc", "id", "refusal", "arguments")
)
_odd = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.floats(),
        st.text(max_size=8),
        st.sampled_from(("tool", "text", "tool_use", "[", '{"a":1}')),
    ),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_keys, inner, max_size=4),
    max_leaves=12,
)


@given(_odd)
def test_any_value_is_read_as_far_as_it_goes(value: Any) -> None:
    for found in messages(value):
        assert isinstance(found["role"], str)
        assert found["parts"]
        message_text(found)
        tool_results(found)
    parts(value)
    text_of(value)
