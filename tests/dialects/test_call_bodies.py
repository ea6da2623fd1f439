"""Requests and responses as clients and frameworks write them, beyond what the dialects' own tests show."""

import json

import pytest

from dialects.spans import said
from groundwire.dialects.call_bodies import asked, rendered, replied
from groundwire.dialects.token_counts import usage
from groundwire.model import Usage


@pytest.mark.parametrize(
    "chunks",
    [
        ["It runs ", "for ", "14 hours."],
        [
            {"choices": [{"delta": {"role": "assistant", "content": ""}}]},
            {"choices": [{"delta": {"content": "It runs for "}}]},
            {"choices": [{"delta": {"content": "14 hours."}}]},
            {"choices": [{"delta": {}, "finish_reason": "stop"}]},
            {"choices": [], "usage": {"prompt_tokens": 1}},
        ],
    ],
)
def test_the_chunks_of_a_stream_are_one_message(chunks: list[object]) -> None:
    assert said(replied(chunks)) == [("assistant", ["It runs for 14 hours."])]
    assert said(replied({"output": chunks})) == [("assistant", ["It runs for 14 hours."])]


def test_several_choices_are_several_messages() -> None:
    choices = [{"message": {"role": "assistant", "content": text}} for text in ("a", "b")]
    assert said(replied({"choices": choices})) == [("assistant", ["a"]), ("assistant", ["b"])]
    assert said(replied([{"role": "assistant", "content": "a"}, {"role": "assistant", "content": "b"}])) == [
        ("assistant", ["a"]),
        ("assistant", ["b"]),
    ]


def test_json_that_was_cut_is_nobodys_words() -> None:
    whole = json.dumps({"choices": [{"message": {"role": "assistant", "content": "It runs for 14 hours."}}]})
    assert replied(whole)
    assert replied(whole[:-10]) == []
    assert asked(json.dumps([{"role": "user", "content": "How long?"}])[:-3]) == []
    # A text may begin so too.
    assert said(replied("[1] says: 14 hours.")) == [("assistant", ["[1] says: 14 hours."])]
    assert said(replied("{braces}")) == [("assistant", ["{braces}"])]


def test_a_refusal_keeps_its_mark() -> None:
    (message,) = replied({"choices": [{"message": {"role": "assistant", "content": None, "refusal": "I cannot."}}]})
    assert message["parts"] == [{"type": "text", "content": "I cannot.", "refusal": True}]


def test_calls_of_tools_are_no_text() -> None:
    call = {"id": "c", "type": "function", "function": {"name": "search", "arguments": '{"q": 1}'}}
    (message,) = replied({"choices": [{"message": {"role": "assistant", "content": None, "tool_calls": [call]}}]})
    assert message["parts"] == [{"type": "tool_call", "name": "search", "arguments": {"q": 1}, "id": "c"}]


def test_blocks_of_llama_index_are_parts() -> None:
    blocks = [{"block_type": "text", "text": "Hi"}, {"block_type": "image", "url": "x"}]
    assert said(asked({"messages": [{"role": "user", "blocks": blocks}]})) == [("user", ["Hi", None])]


def test_a_template_without_variables_is_no_prompt() -> None:
    assert rendered("Use {context}.", None) == []
    assert rendered("Use {context}.", "{}") == []
    assert rendered(None, {"context": "a"}) == []
    assert said(rendered("Use {context}, {missing}.", '{"context": "a"}')) == [("user", ["Use a, {missing}."])]


@pytest.mark.parametrize("nothing", [None, "", [], {}, [None], [[]], 3, True, {"messages": None}, {"choices": []}])
def test_nothing_gives_nothing(nothing: object) -> None:
    assert asked(nothing) == []
    assert replied(nothing) == []


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        ({"prompt_tokens": 10, "completion_tokens": 2, "total_tokens": 12}, Usage(10, 2)),
        ({"input_tokens": 10, "output_tokens": 2, "input_token_details": {"cache_creation": 3}}, Usage(10, 2, None, 3)),
        # Anthropic's cached tokens are beside the others; a total that says otherwise is believed.
        ({"input_tokens": 10, "output_tokens": 2, "cache_creation_input_tokens": 5}, Usage(15, 2, None, 5)),
        (
            {"input_tokens": 10, "output_tokens": 2, "cache_read_input_tokens": 5, "total_tokens": 12},
            Usage(10, 2, 5),
        ),
        ({"inputTokens": 10, "outputTokens": 2, "totalTokens": 12}, Usage(10, 2)),
        ({"prompt_token_count": 10, "candidates_token_count": 2}, Usage(10, 2)),
        ({"prompt_tokens": 0, "completion_tokens": 0}, Usage(0, 0)),
        ({"prompt_tokens": None, "completion_tokens": None}, None),
        ({"prompt_tokens": -1, "completion_tokens": float("nan")}, None),
        ("null", None),
    ],
)
def test_tokens_of_providers_are_counted_alike(counts: object, expected: Usage | None) -> None:
    assert usage(counts) == expected
