"""Anthropic in the conformance suite: messages and beta messages, in every shape the client has."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import anthropic
from pydantic import BaseModel

from conformance.cases import ANY, Case, Mode
from conformance.openai_wire import KEY, Wire, document, http, playing, stream
from groundwire_instrumentation.anthropic import PROVIDER

MODEL = "claude-sonnet-4-6"
SYSTEM = "Answer from the sources."
QUESTION = "How high is Everest?"
ANSWER = "Everest is 8,849 m high."
THOUGHT = "The survey of 2020 says 8,849 m."
TOOL = {
    "name": "look_up",
    "description": "Looks a mountain up.",
    "input_schema": {"type": "object", "properties": {"name": {"type": "string"}}},
}
CALL = {
    "model": MODEL,
    "max_tokens": 1000,
    "system": SYSTEM,
    "tools": [TOOL],
    "messages": [{"role": "user", "content": QUESTION}],
}
USAGE = {
    "input_tokens": 20,
    "cache_read_input_tokens": 300,
    "cache_creation_input_tokens": 80,
    "cache_creation": {"ephemeral_5m_input_tokens": 50, "ephemeral_1h_input_tokens": 30},
    "output_tokens": 34,
    "output_tokens_details": {"thinking_tokens": 12},
    "service_tier": "standard",
}
CONTENT = [
    {"type": "thinking", "thinking": THOUGHT, "signature": "c2lnbmVk"},
    {"type": "text", "text": ANSWER, "citations": None},
    {"type": "tool_use", "id": "toolu_1", "name": "look_up", "input": {"name": "Everest"}},
]


def message(**rest: Any) -> dict[str, Any]:
    """A whole answer."""
    return {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": MODEL,
        "content": CONTENT,
        "stop_reason": "tool_use",
        "stop_sequence": None,
        "usage": USAGE,
    } | rest


def _block(index: int, start: Mapping[str, Any], *deltas: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [
        {"type": "content_block_start", "index": index, "content_block": start},
        *({"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas),
        {"type": "content_block_stop", "index": index},
    ]


# At the start the count of generated tokens is a placeholder, and details are missing: so the service does it.
STARTED = {k: v for k, v in USAGE.items() if k != "output_tokens_details"} | {"output_tokens": 1}
ENDED = {"output_tokens": 34, "output_tokens_details": {"thinking_tokens": 12}}
EVENTS = [
    {"type": "message_start", "message": message(content=[], stop_reason=None, usage=STARTED)},
    {"type": "ping"},
    *_block(
        0,
        {"type": "thinking", "thinking": "", "signature": ""},
        {"type": "thinking_delta", "thinking": "The survey of 2020 "},
        {"type": "thinking_delta", "thinking": "says 8,849 m."},
        {"type": "signature_delta", "signature": "c2lnbmVk"},
    ),
    *_block(
        1,
        {"type": "text", "text": ""},
        *({"type": "text_delta", "text": word} for word in ("Everest ", "is ", "8,849 m ", "high.")),
    ),
    *_block(
        2,
        {"type": "tool_use", "id": "toolu_1", "name": "look_up", "input": {}},
        {"type": "input_json_delta", "partial_json": ""},
        {"type": "input_json_delta", "partial_json": '{"name": '},
        {"type": "input_json_delta", "partial_json": '"Everest"}'},
    ),
    {"type": "message_delta", "delta": {"stop_reason": "tool_use", "stop_sequence": None}, "usage": ENDED},
    {"type": "message_stop"},
]
REFUSED = {"type": "error", "error": {"type": "invalid_request_error", "message": "no such model"}}


def _text(content: str) -> dict[str, Any]:
    return {"type": "text", "content": content}


ASKED = {
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "anthropic",
    "gen_ai.request.model": MODEL,
    "gen_ai.request.max_tokens": 1000,
    "server.address": "api.anthropic.com",
    "gen_ai.system_instructions": [_text(SYSTEM)],
    "gen_ai.tool.definitions": [
        {
            "type": "function",
            "name": "look_up",
            "description": "Looks a mountain up.",
            "parameters": TOOL["input_schema"],
        }
    ],
    "gen_ai.input.messages": [{"role": "user", "parts": [_text(QUESTION)]}],
}
ASKED_STREAM = ASKED | {"gen_ai.request.stream": True}
PROMPT_USAGE = {
    "gen_ai.usage.input_tokens": 400,
    "gen_ai.usage.cache_read.input_tokens": 300,
    "gen_ai.usage.cache_creation.input_tokens": 80,
    "anthropic.usage.cache_creation.ephemeral_1h_input_tokens": 30,
    "anthropic.response.service_tier": "standard",
}
ANSWERED = PROMPT_USAGE | {
    "gen_ai.usage.output_tokens": 34,
    "gen_ai.usage.reasoning.output_tokens": 12,
    "gen_ai.response.model": MODEL,
    "gen_ai.response.id": "msg_1",
    "gen_ai.response.finish_reasons": ("tool_call",),
    "gen_ai.output.messages": [
        {
            "role": "assistant",
            "parts": [
                {"type": "reasoning", "content": THOUGHT},
                _text(ANSWER),
                {"type": "tool_call", "id": "toolu_1", "name": "look_up", "arguments": {"name": "Everest"}},
            ],
        }
    ],
}
STREAMED = {"gen_ai.response.time_to_first_chunk": ANY}
CUT = 9
"""Events until the broken-off answer reads "Everest is"; the ping, which the client keeps to itself, is one more."""
PARTIAL = (
    PROMPT_USAGE
    | STREAMED
    | {
        "gen_ai.usage.output_tokens": 12,
        "gen_ai.response.model": MODEL,
        "gen_ai.response.id": "msg_1",
        "gen_ai.output.messages": [
            {"role": "assistant", "parts": [{"type": "reasoning", "content": THOUGHT}, _text("Everest is ")]}
        ],
    }
)
PARSED = '{"metres": 8849}'


class Height(BaseModel):
    """What the application parses an answer into."""

    metres: int


def client_on(wire: Wire, *, asynchronous: bool = False, kind: str = "Anthropic", **settings: Any) -> Any:
    """The real client over that wire."""
    settings = {"max_retries": 0} | ({"api_key": KEY} if kind == "Anthropic" else {}) | settings
    if asynchronous:
        return getattr(anthropic, f"Async{kind}")(http_client=http.AsyncClient(transport=wire), **settings)
    return getattr(anthropic, kind)(http_client=http.Client(transport=wire), **settings)


def _opens(answer: Callable[[Mode], http.Response], asynchronous: bool) -> Callable[[Mode, Callable[[], None]], Any]:
    def client(mode: Mode, served: Callable[[], None]) -> Any:
        wire = playing(mode, served, answer, REFUSED)
        return client_on(wire, asynchronous=asynchronous)

    return client


def _whole(_: Mode) -> http.Response:
    return document(message())


def _parsed(_: Mode) -> http.Response:
    return document(message(content=[{"type": "text", "text": PARSED, "citations": None}], stop_reason="end_turn"))


def _stream(mode: Mode) -> http.Response:
    return stream(EVENTS, mode, CUT + 1 if mode in ("break", "stall") else None)


def _case(
    name: str,
    call: Callable[[Any], Any],
    answer: Callable[[Mode], http.Response],
    a: bool,
    answered: Mapping[str, Any] = ANSWERED,
    **rest: Any,
) -> Case:
    modes: set[Mode] = {"answer", "error", "interrupt", *(("hang",) if a else ())}
    if rest.get("streams"):
        modes |= {"break", "stall"} if a else {"break"}
        stream_type = anthropic.AsyncStream if a else anthropic.Stream
        rest |= {"kind": stream_type, "partial_chunks": CUT, "partial": PARTIAL, "unread_input_tokens": 82}
    streamed = answer is _stream
    return Case(
        name=f"{name}, async" if a else name,
        provider=PROVIDER,
        client=_opens(answer, a),
        call=call,
        span=f"chat {MODEL}",
        asked=ASKED_STREAM if streamed else ASKED,
        answered={**answered, **(STREAMED if streamed else {})},
        modes=modes,
        asynchronous=a,
        **rest,
    )


# --- calls whose shape differs between the two clients --------------------------------------------------------------


def _raw(a: bool, **arguments: Any) -> Callable[[Any], Any]:
    async def later(client: Any) -> Any:
        return await (await client.messages.with_raw_response.create(**arguments)).parse()

    return later if a else lambda client: client.messages.with_raw_response.create(**arguments).parse()


def _read(a: bool, take: str, **arguments: Any) -> Callable[[Any], Any]:
    """`with_streaming_response`, the body taken by that method."""

    def call(client: Any) -> Any:
        with client.messages.with_streaming_response.create(**arguments) as answer:
            taken = getattr(answer, take)()
            return list(taken) if take.startswith("iter") else taken

    async def later(client: Any) -> Any:
        async with client.messages.with_streaming_response.create(**arguments) as answer:
            taken = getattr(answer, take)()
            return [piece async for piece in taken] if take.startswith("iter") else await taken

    return later if a else call


def _managed(a: bool, resource: Callable[[Any], Any], texts: bool) -> Callable[[Any], Any]:
    """`with client.messages.stream()`: events (or texts) are read, then the whole message is asked for."""

    def call(client: Any) -> Any:
        with resource(client).stream(**CALL) as events:
            seen = list(events.text_stream) if texts else [event.type for event in events]
            return seen, events.get_final_message()

    async def later(client: Any) -> Any:
        async with resource(client).stream(**CALL) as events:
            if texts:
                return [text async for text in events.text_stream], await events.get_final_message()
            return [event.type async for event in events], await events.get_final_message()

    return later if a else call


def _iterators() -> dict[str, Any]:
    return CALL | {name: iter(CALL[name]) for name in ("messages", "tools")}


def _messages(client: Any) -> Any:
    return client.messages


def _beta(client: Any) -> Any:
    return client.beta.messages


def _cases(a: bool) -> Sequence[Case]:
    parsed = ANSWERED | {
        "gen_ai.response.finish_reasons": ("stop",),
        "gen_ai.output.messages": [{"role": "assistant", "parts": [_text(PARSED)]}],
    }
    once = CALL | {"stream": True}
    plain = _case("messages", lambda c: c.messages.create(**CALL), _whole, a)
    live = _case("messages stream", lambda c: c.messages.create(**once), _stream, a, streams=True)
    raw = _case("messages raw", _raw(a, **CALL), _whole, a)
    if a:
        parse = _case("messages parse", lambda c: c.messages.parse(output_format=Height, **CALL), _parsed, a, parsed)
        return [
            plain,
            live,
            raw,
            parse,
            _case("messages body parsed", _read(a, "parse", **CALL), _whole, a),
            _case("messages stream raw", _raw(a, **once), _stream, a, streams=True),
            _case("beta messages stream, its texts", _managed(a, _beta, texts=True), _stream, a),
        ]
    return [
        plain,
        live,
        raw,
        _case("messages of iterators", lambda c: c.messages.create(**_iterators()), _whole, a),
        _case("messages body in bytes", _read(a, "iter_bytes", **CALL), _whole, a),
        _case("beta messages", lambda c: c.beta.messages.create(betas=["x-1"], **CALL), _whole, a),
        _case("messages stream in lines", _read(a, "iter_lines", **once), _stream, a),
        _case("messages stream managed", _managed(a, _messages, texts=False), _stream, a),
    ]


CASES = [case for a in (False, True) for case in _cases(a)]
