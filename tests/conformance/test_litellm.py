"""LiteLLM's streams where the application did not ask for tokens, which LiteLLM then keeps from it."""

import os
from collections.abc import Mapping, Sequence
from typing import Any

import httpx
import pytest

os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")  # else it fetches prices when it is imported
pytest.importorskip("litellm", reason="make test-litellm")

import litellm
from litellm.llms.custom_httpx.http_handler import AsyncHTTPHandler, HTTPHandler

from conformance import openai_wire as wire
from conformance.harness import traced
from groundwire_instrumentation.litellm import PROVIDER

MODEL = "claude-sonnet-4-5-20250929"
USED = {"input_tokens": 25, "cache_read_input_tokens": 100, "cache_creation_input_tokens": 10, "output_tokens": 1}
START = {"id": "m1", "type": "message", "role": "assistant", "model": MODEL, "content": [], "usage": USED}
EVENTS: list[dict[str, Any]] = [
    {"type": "message_start", "message": START},
    {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "8,849 m."}},
    {"type": "content_block_stop", "index": 0},
    {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 15}},
    {"type": "message_stop"},
]


def _server(events: Sequence[Mapping[str, Any]]) -> httpx.MockTransport:
    body = b"".join(map(wire.event, events))
    return httpx.MockTransport(
        lambda _: httpx.Response(200, headers={"content-type": "text/event-stream"}, content=body)
    )


async def _stream(model: str, events: Sequence[Mapping[str, Any]], asynchronous: bool) -> list[Any]:
    asked: dict[str, Any] = {"messages": [{"role": "user", "content": wire.QUESTION}], "api_key": "k", "stream": True}
    if not asynchronous:
        client = HTTPHandler(client=httpx.Client(transport=_server(events)))
        return list(litellm.completion(model, client=client, **asked))
    handler = AsyncHTTPHandler()
    handler.client = httpx.AsyncClient(transport=_server(events))
    return [chunk async for chunk in await litellm.acompletion(model, client=handler, **asked)]


@pytest.mark.parametrize("asynchronous", [False, True])
@pytest.mark.parametrize(
    ("model", "events", "counts"),
    [
        ("anthropic/claude-sonnet-4-5", EVENTS, (135, 15, 100)),
        # These come after the last chunk that the application sees.
        ("deepseek/deepseek-chat", wire.CHUNKS_WITH_USAGE, (120, 34, 100)),
    ],
    ids=["anthropic", "deepseek"],
)
async def test_tokens_that_nobody_asked_for_are_told_all_the_same(
    model: str, events: Sequence[Mapping[str, Any]], counts: tuple[int, ...], asynchronous: bool
) -> None:
    with traced(PROVIDER) as tracing:
        seen = await _stream(model, events, asynchronous)
        assert all(getattr(chunk, "usage", None) is None for chunk in seen)
        got = tracing.span.attributes
    names = ("input", "output", "cache_read.input")
    assert tuple(got[f"gen_ai.usage.{name}_tokens"] for name in names) == counts
    assert "groundwire.usage.source" not in got


async def test_tokens_written_to_a_cache_have_their_price() -> None:
    with traced(PROVIDER) as tracing:
        await _stream("anthropic/claude-sonnet-4-5", EVENTS, False)
        # 25 new at 3, 10 written at 3.75, 100 read at 0.3, 15 made at 15 USD a million.
        assert tracing.span.attributes["gen_ai.usage.cost"] == pytest.approx((75 + 37.5 + 30 + 225) / 1e6)
