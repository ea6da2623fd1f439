"""The client that DSPy brings along, on a faked transport: OpenAI's, Anthropic's and Google's wire."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from typing import Any

from dspy.clients.engines.lm15_engine import AsyncLM15Engine, LM15Engine
from dspy.lm15 import Config, FunctionTool, Message, Request, RouterConfig, ToolCallPart

from conformance import openai_wire as wire
from conformance.cases import ANY, Case, Mode
from groundwire_instrumentation.dspy_lm15 import PROVIDER

QUESTION, ANSWER = wire.QUESTION, wire.ANSWER
CUT = 3
"""Pieces that arrive before the wire breaks or stalls: of OpenAI's, the start and two words."""


class Answer:
    """What a server says, in pieces, and what becomes of the connection then."""

    http_version, reason = "HTTP/1.1", "OK"

    def __init__(self, status: int, pieces: Sequence[bytes], then: Mode) -> None:
        self.status = status
        self.headers = [("content-type", "application/json")]
        self._pieces = pieces
        self._then = then

    def header(self, name: str) -> str | None:
        return dict(self.headers).get(name)

    def __enter__(self) -> "Answer":
        return self

    def __exit__(self, *_: object) -> None: ...

    async def __aenter__(self) -> "Answer":
        return self

    async def __aexit__(self, *_: object) -> None: ...

    def __iter__(self) -> Iterator[bytes]:
        yield from self._pieces
        if self._then == "break":
            raise ConnectionError("connection lost")

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in self:
            yield piece
        if self._then == "stall":
            await asyncio.Event().wait()


class Body(Answer):
    """One that is read at once."""

    def read(self) -> Any:
        return b"".join(self._pieces)


class LaterBody(Answer):
    """Likewise, of an asynchronous client; it may never come."""

    async def read(self) -> Any:
        if self._then == "hang":
            await asyncio.Event().wait()
        return b"".join(self._pieces)


class Transport:
    """Answers every request alike."""

    def __init__(self, mode: Mode, served: Callable[[], None], payload: Any, asynchronous: bool) -> None:
        self._mode = mode
        self._served = served
        self._payload = payload
        self._body = LaterBody if asynchronous else Body

    def stream(self, _: Any) -> Any:
        self._served()
        if self._mode == "interrupt":
            raise KeyboardInterrupt
        if self._mode == "error":
            return self._body(400, [json.dumps(wire.REFUSED).encode()], self._mode)
        if not isinstance(self._payload, list):
            return self._body(200, [json.dumps(self._payload).encode()], self._mode)
        pieces = [b"data: " + json.dumps(each).encode() + b"\n\n" for each in self._payload]
        return self._body(200, pieces[:CUT] if self._mode in ("break", "stall") else pieces, self._mode)


def opener(payload: Any, asynchronous: bool) -> Callable[[Mode, Callable[[], None]], Any]:
    def opened(mode: Mode, served: Callable[[], None]) -> Any:
        keys = dict.fromkeys(("openai-chat", "openai", "anthropic", "gemini"), wire.KEY)
        transport = Transport(mode, served, payload, asynchronous)
        return (AsyncLM15Engine if asynchronous else LM15Engine)(RouterConfig(api_keys=keys, transport=transport))

    return opened


def request(model: str) -> Request:
    return Request(
        model=model,
        system="Be short.",
        messages=(Message.user(QUESTION),),
        config=Config(temperature=0.5, max_tokens=64, stop=("END",)),
    )


HEIGHT = FunctionTool("height", "How high.", {"type": "object"})
CONVERSATION = Request(
    model="anthropic/claude-sonnet-4-5",
    messages=(
        Message.user(QUESTION),
        Message.assistant(ToolCallPart("t1", "height", {"mountain": "Everest"})),
        Message.tool("t1", "8,849 m"),
    ),
    tools=(HEIGHT,),
)
ASKED = {
    "gen_ai.operation.name": "chat",
    "gen_ai.request.temperature": 0.5,
    "gen_ai.request.max_tokens": 64,
    "gen_ai.request.stop_sequences": ("END",),
    "gen_ai.system_instructions": [{"type": "text", "content": "Be short."}],
    "gen_ai.input.messages": [{"role": "user", "parts": [{"type": "text", "content": QUESTION}]}],
}


def asked(provider: str, model: str, **rest: Any) -> dict[str, Any]:
    return ASKED | {"gen_ai.provider.name": provider, "gen_ai.request.model": model} | rest


def said(*parts: Mapping[str, Any]) -> dict[str, Any]:
    return {"gen_ai.output.messages": [{"role": "assistant", "parts": list(parts)}]}


def used(**counts: int) -> dict[str, Any]:
    names = {"read": "cache_read.input", "created": "cache_creation.input", "thought": "reasoning.output"}
    return {f"gen_ai.usage.{names.get(name, name)}_tokens": count for name, count in counts.items()}


TEXT = {"type": "text", "content": ANSWER}
STOPPED = {"gen_ai.response.finish_reasons": ("stop",)}
OPENAI = asked("openai", "gpt-4o-mini")
COUNTED = used(input=120, output=34, read=100, thought=20)
COMPLETED = said(TEXT) | STOPPED | COUNTED
COMPLETED |= {"gen_ai.response.id": "chatcmpl-1", "gen_ai.response.model": "gpt-4o-mini-2024-07-18"}
FIRST_CHUNK = {"gen_ai.response.time_to_first_chunk": ANY}
STARTED = {"gen_ai.response.model": "gpt-4o-mini"}
CACHED = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "claude-sonnet-4-5-20250929",
    "stop_reason": "tool_use",
    "content": [
        {"type": "thinking", "thinking": "Look it up.", "signature": "s"},
        {"type": "text", "text": ANSWER},
        {"type": "tool_use", "id": "t2", "name": "height", "input": {"mountain": "K2"}},
    ],
    "usage": {
        "input_tokens": 20,
        "output_tokens": 34,
        "cache_read_input_tokens": 100,
        "cache_creation_input_tokens": 50,
        "cache_creation": {"ephemeral_1h_input_tokens": 30, "ephemeral_5m_input_tokens": 20},
    },
}
CLAUDE = {
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "anthropic",
    "gen_ai.request.model": "claude-sonnet-4-5",
    "gen_ai.tool.definitions": [
        {"type": "function", "name": "height", "description": "How high.", "parameters": {"type": "object"}}
    ],
    "gen_ai.input.messages": [
        {"role": "user", "parts": [{"type": "text", "content": QUESTION}]},
        {
            "role": "assistant",
            "parts": [{"type": "tool_call", "id": "t1", "name": "height", "arguments": {"mountain": "Everest"}}],
        },
        {"role": "tool", "parts": [{"type": "tool_call_response", "id": "t1", "response": "8,849 m"}]},
    ],
}
GEMINI = {
    "responseId": "r1",
    "modelVersion": "gemini-2.5-flash",
    "candidates": [{"content": {"role": "model", "parts": [{"text": ANSWER}]}, "finishReason": "STOP"}],
    "usageMetadata": {
        "promptTokenCount": 120,
        "candidatesTokenCount": 14,
        "thoughtsTokenCount": 20,
        "cachedContentTokenCount": 100,
        "totalTokenCount": 154,
    },
}


def case(name: str, payload: Any, given: Request, request: Mapping[str, Any], answer: Mapping[str, Any]) -> Case:
    asynchronous, streams = name.startswith("async"), isinstance(payload, list)
    modes: set[Mode] = {"answer", "error"}
    rest: dict[str, Any] = {}
    if streams:
        modes |= {"break"} | ({"stall"} if asynchronous else set())
        partial = said({"type": "text", "content": "Everest is "}) | STARTED | FIRST_CHUNK
        rest = {"streams": True, "bare": True, "partial_chunks": 3, "unread_input_tokens": 8}
        rest["partial"] = partial | used(input=8, output=2)
    else:
        modes |= {"hang"} if asynchronous else {"interrupt"}
    return Case(
        name,
        PROVIDER,
        opener(payload, asynchronous),
        (lambda engine: engine.stream(given)) if streams else (lambda engine: engine.complete(given)),
        f"chat {request['gen_ai.request.model']}",
        {**request, "gen_ai.request.stream": True} if streams else request,
        answer,
        modes,
        asynchronous=asynchronous,
        **rest,
    )


ASK = request("openai/gpt-4o-mini")
STREAMED = said(TEXT) | STOPPED | COUNTED | STARTED | FIRST_CHUNK
CASES = [
    case("complete", wire.COMPLETION, ASK, OPENAI, COMPLETED),
    case("async complete", wire.COMPLETION, ASK, OPENAI, COMPLETED),
    case("stream", wire.CHUNKS_WITH_USAGE, ASK, OPENAI, STREAMED),
    case("async stream", wire.CHUNKS_WITH_USAGE, ASK, OPENAI, STREAMED),
    case(
        "complete with Anthropic's caches",
        CACHED,
        CONVERSATION,
        CLAUDE,
        said(
            {"type": "reasoning", "content": "Look it up."},
            TEXT,
            {"type": "tool_call", "id": "t2", "name": "height", "arguments": {"mountain": "K2"}},
        )
        | used(input=170, output=34, read=100, created=50)
        | {
            "anthropic.usage.cache_creation.ephemeral_1h_input_tokens": 30,
            "gen_ai.response.finish_reasons": ("tool_call",),
            "gen_ai.response.id": "msg_1",
            "gen_ai.response.model": "claude-sonnet-4-5-20250929",
        },
    ),
    case(
        "complete with Google's thoughts",
        GEMINI,
        request("gemini/gemini-2.5-flash"),
        asked("gcp.gemini", "gemini-2.5-flash"),
        said(TEXT) | STOPPED | COUNTED | {"gen_ai.response.id": "r1", "gen_ai.response.model": "gemini-2.5-flash"},
    ),
]
