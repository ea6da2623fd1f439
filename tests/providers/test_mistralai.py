"""Mistral beyond the call shapes: contents of chunks, tools, odd answers, usage and cost, hosts."""

import json
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import genai_prices
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mistralai.client import errors
from mistralai.client import models as said
from opentelemetry.trace import StatusCode

from conformance.cases import decoded, plain
from conformance.harness import Tracing, traced
from conformance.mistralai_cases import (
    ANSWER,
    ARGUMENTS,
    CALL,
    CHUNKS,
    MODEL,
    QUESTION,
    TOOL_CALL,
    USAGE,
    WHOLE,
    chunk,
    chunks,
    client_on,
    completion,
)
from conformance.openai_wire import Wire, document, http
from groundwire.chain import chains
from groundwire.records import from_readable
from groundwire_instrumentation.mistralai import PROVIDER

ASK: dict[str, Any] = {"model": MODEL, "messages": [{"role": "user", "content": QUESTION}]}


@pytest.fixture
def tracing() -> Iterator[Tracing]:
    with traced(PROVIDER) as tracing:
        yield tracing


def attributes(tracing: Tracing) -> dict[str, Any]:
    return decoded(tracing.spans[-1].attributes)


def asking(answer: Any = WHOLE, **settings: Any) -> Any:
    """A client whose server gives that answer to everything."""
    return client_on(Wire(lambda _: answer if isinstance(answer, http.Response) else document(answer)), **settings)


def test_a_tool_loop_is_read_as_mappings_and_as_the_sdk_s_own_objects(tracing: Tracing) -> None:
    first = asking().chat.complete(**CALL)
    answer = first.choices[0].message
    for returned in (
        {"role": "tool", "tool_call_id": "call_1", "name": "look_up", "content": "8,849 m"},
        said.ToolMessage(tool_call_id="call_1", content="8,849 m"),
        said.ToolMessage(tool_call_id="call_1", content=[said.TextChunk(text="8,849 m")]),
    ):
        asking().chat.complete(model=MODEL, messages=[said.UserMessage(content=QUESTION), answer, returned])
        asked = attributes(tracing)["gen_ai.input.messages"]
        assert [m["role"] for m in asked] == ["user", "assistant", "tool"]
        assert asked[1]["parts"][1:] == [
            {"type": "text", "content": ANSWER},
            {"type": "tool_call", "id": "call_1", "name": "look_up", "arguments": ARGUMENTS},
        ]
        assert asked[2]["parts"] == [{"type": "tool_call_response", "id": "call_1", "response": "8,849 m"}]


def test_chunks_of_a_prompt_are_told_by_their_kind_without_their_bytes(tracing: Tracing) -> None:
    content = [
        {"type": "text", "text": "What is this?"},
        {"type": "image_url", "image_url": "data:image/png;base64,aGFsbG8="},
        {"type": "image_url", "image_url": {"url": "https://pictures.example/1.png"}},
        {"type": "document_url", "document_url": "https://papers.example/1.pdf"},
        {"type": "input_audio", "input_audio": "aGFsbG8="},
        {"type": "file", "file_id": "file_1"},
        {"type": "reference", "reference_ids": [1]},
    ]
    asking().chat.complete(model=MODEL, messages=[{"role": "user", "content": content}])
    (asked,) = attributes(tracing)["gen_ai.input.messages"]
    assert [(p["type"], p.get("modality")) for p in asked["parts"]] == [
        ("text", None),
        ("blob", "image"),
        ("uri", "image"),
        ("uri", "document"),
        ("blob", "audio"),
        ("file", "document"),
        ("reference", None),
    ]
    assert [p["size"] for p in asked["parts"] if p["type"] == "blob"] == [5, 5]
    assert "aGFsbG8" not in tracing.span.to_json()


def test_settings_are_on_the_span(tracing: Tracing) -> None:
    asking().chat.complete(**ASK, random_seed=7, n=2, stop="END", top_p=None, reasoning_effort="high")
    got = attributes(tracing)
    assert (got["gen_ai.request.seed"], got["gen_ai.request.choice.count"]) == (7, 2)
    assert got["gen_ai.request.stop_sequences"] == ("END",)
    assert got["gen_ai.request.reasoning.level"] == "high"
    assert "gen_ai.request.top_p" not in got


ODD = {
    "no choices": WHOLE | {"choices": []},
    "content null": completion(None),
    "content empty": completion(""),
    "finish unknown": completion(ANSWER, finish="bored"),
    "unknown fields": WHOLE | {"hologram": 1},
}


@pytest.mark.parametrize("answer", ODD.values(), ids=ODD)
def test_an_odd_answer_keeps_what_can_be_read(tracing: Tracing, answer: Any) -> None:
    client = asking(answer)
    result = client.chat.complete(**ASK)
    got = attributes(tracing)
    assert tracing.span.status.status_code is StatusCode.UNSET
    assert (got["gen_ai.usage.input_tokens"], got["gen_ai.usage.output_tokens"]) == (400, 34)
    assert got["gen_ai.usage.cost"] > 0
    tracing.engine.uninstrument()
    assert plain(client.chat.complete(**ASK)) == plain(result)


def test_counts_that_are_not_there_are_unknown_and_not_zero(tracing: Tracing) -> None:
    asking(WHOLE | {"usage": {}}).chat.complete(**ASK)
    assert not {name for name in attributes(tracing) if "usage" in name}


def test_tool_calls_of_a_stream_keep_apart(tracing: Tracing) -> None:
    calls = [TOOL_CALL | {"id": f"call_{i}", "index": i, "function": {"name": "f", "arguments": "{}"}} for i in (0, 1)]
    with asking(chunks([chunk({"tool_calls": calls}, "tool_calls", usage=USAGE)])).chat.stream(**ASK) as events:
        list(events)
    parts = attributes(tracing)["gen_ai.output.messages"][0]["parts"]
    assert [part["id"] for part in parts] == ["call_0", "call_1"]


counts = st.integers(0, 10**6)


@given(counts, counts, counts, st.booleans())
def test_usage_is_the_payload_s_and_cost_is_what_genai_prices_says(
    fresh: int, cached: int, made: int, streamed: bool
) -> None:
    usage = {
        "prompt_tokens": fresh + cached,
        "completion_tokens": made,
        "total_tokens": fresh + cached + made,
        "prompt_tokens_details": {"cached_tokens": cached},
    }
    with traced(PROVIDER) as tracing:
        if streamed:
            list(asking(chunks([*CHUNKS[:-1], CHUNKS[-1] | {"usage": usage}])).chat.stream(**ASK))
        else:
            asking(WHOLE | {"usage": usage}).chat.complete(**ASK)
        price = genai_prices.calc_price(
            genai_prices.Usage(input_tokens=fresh + cached, output_tokens=made, cache_read_tokens=cached),
            model_ref=MODEL,
            provider_id="mistral",
        )
        got = attributes(tracing)
        assert {k: v for k, v in got.items() if k.startswith("gen_ai.usage.")} == {
            "gen_ai.usage.input_tokens": fresh + cached,
            "gen_ai.usage.output_tokens": made,
            "gen_ai.usage.cache_read.input_tokens": cached,
            "gen_ai.usage.cost": pytest.approx(float(price.total_price)),
        }
        assert "groundwire.usage.source" not in got


def test_the_host_of_one_call_may_be_its_own(tracing: Tracing) -> None:
    asking(server_url="http://localhost:8000").chat.complete(**ASK)
    got = attributes(tracing)
    assert (got["gen_ai.provider.name"], got["server.address"], got["server.port"]) == ("mistral_ai", "localhost", 8000)
    asking().chat.complete(**ASK, server_url="https://gateway.example/v1")
    assert attributes(tracing)["server.address"] == "gateway.example"


@pytest.mark.parametrize("streamed", [False, True])
def test_an_http_error_is_the_error_of_the_span(tracing: Tracing, streamed: bool) -> None:
    chat = asking(http.Response(429, json={"message": "slow down"})).chat
    with pytest.raises(errors.SDKError):
        (chat.stream if streamed else chat.complete)(**ASK)
    assert attributes(tracing)["error.type"] == "SDKError"
    assert not {name for name in attributes(tracing) if "usage" in name}


def test_a_generation_that_fails_midway_says_so(tracing: Tracing) -> None:
    begun = [
        {"type": "conversation.response.started", "conversation_id": "c1"},
        {"type": "message.output.delta", "id": "m1", "content": ANSWER},
        {"type": "conversation.response.error", "message": "later", "code": 503},
    ]
    body = "".join(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n" for event in begun)
    answer = http.Response(200, headers={"content-type": "text/event-stream"}, text=body)
    list(asking(answer).beta.conversations.start_stream(inputs=QUESTION, model=MODEL))
    got = attributes(tracing)
    assert (got["error.type"], tracing.span.status.status_code) == ("503", StatusCode.ERROR)
    assert got["gen_ai.output.messages"][0]["parts"] == [{"type": "text", "content": ANSWER}]


def test_an_answer_that_ended_in_an_error_is_one(tracing: Tracing) -> None:
    asking(completion("Ever", finish="error")).chat.complete(**ASK)
    assert (attributes(tracing)["error.type"], tracing.span.status.status_code) == ("error", StatusCode.ERROR)


def test_what_generates_nothing_is_left_alone(tracing: Tracing) -> None:
    client = asking({"object": "list", "data": []})
    client.models.list()
    assert tracing.spans == []


def test_the_library_may_be_imported_after_instrument() -> None:
    script = (
        "import sys, groundwire\n"
        "groundwire.instrument(export=[], providers=['mistralai'], evaluators=[])\n"
        "assert 'mistralai.client' not in sys.modules\n"
        "from mistralai.client import Mistral\n"
        "print(hasattr(type(Mistral(api_key='x').chat).complete, '__wrapped__'))\n"
    )
    run = subprocess.run([sys.executable, "-W", "ignore", "-c", script], capture_output=True, text=True, timeout=60)
    assert run.stdout.strip() == "True", run.stderr


def test_references_that_a_tool_found_are_passages_under_their_numbers(tracing: Tracing) -> None:
    found = {
        "0": {"title": "Everest", "url": "https://e.example", "snippets": [["It is 8,849 m high.", "It is in Nepal."]]},
        "1": {"title": "K2", "url": "https://k.example", "snippets": ["It is in Pakistan."], "description": None},
    }
    called = {
        "role": "assistant",
        "content": "",
        "tool_calls": [{"id": "t1", "function": {"name": "f", "arguments": "{}"}}],
    }
    answer = {"role": "tool", "tool_call_id": "t1", "name": "f", "content": json.dumps(found)}
    client_on(Wire(lambda _: document(completion(ANSWER)))).chat.complete(
        model=MODEL, messages=[*ASK["messages"], called, answer]
    )
    (chain,) = chains([from_readable(tracing.span)]).chains
    assert chain.question == QUESTION
    assert [(p.id, p.text.splitlines()[:2]) for p in chain.passages] == [
        ("0", ["It is 8,849 m high.", "It is in Nepal."]),
        ("1", ["It is in Pakistan.", "title: K2"]),
    ]
