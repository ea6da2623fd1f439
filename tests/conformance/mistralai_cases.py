"""Mistral in the conformance suite: chats, agents, streams and embeddings."""

import json
from collections.abc import Callable, Mapping
from typing import Any

from mistralai.client import Mistral
from mistralai.client.utils.eventstreaming import EventStream, EventStreamAsync
from pydantic import BaseModel

from conformance.cases import ANY, Case, Mode
from conformance.openai_wire import EVENTS, KEY, Body, Wire, document, http, playing, response
from groundwire_instrumentation.mistralai import PROVIDER

MODEL = "mistral-small-latest"
QUESTION = "How high is Everest?"
ANSWER = "Everest is 8,849 m high."
THOUGHT = "The survey of 2020 says 8,849 m."
FUNCTION = {
    "name": "look_up",
    "description": "Looks a mountain up.",
    "parameters": {"type": "object", "properties": {"name": {"type": "string"}}},
}
CALL: dict[str, Any] = {
    "model": MODEL,
    "temperature": 0.5,
    "max_tokens": 1000,
    "messages": [{"role": "user", "content": QUESTION}],
    "tools": [{"type": "function", "function": FUNCTION}],
}
USAGE = {
    "prompt_tokens": 400,
    "completion_tokens": 34,
    "total_tokens": 434,
    "prompt_tokens_details": {"cached_tokens": 300},
}
THINKING = {"type": "thinking", "thinking": [{"type": "text", "text": THOUGHT}]}
TOOL_CALL = {"id": "call_1", "type": "function", "index": 0}
ARGUMENTS = '{"name": "Everest"}'


def completion(content: Any, **rest: Any) -> dict[str, Any]:
    """A whole answer."""
    message = {"role": "assistant", "content": content, "tool_calls": rest.pop("tool_calls", None)}
    choice = {"index": 0, "finish_reason": rest.pop("finish", "stop"), "message": message}
    return {
        "id": "cmpl_1",
        "object": "chat.completion",
        "created": 1_750_000_000,
        "model": MODEL,
        "choices": [choice],
        "usage": USAGE,
    } | rest


WHOLE = completion(
    [THINKING, {"type": "text", "text": ANSWER}],
    tool_calls=[TOOL_CALL | {"function": {"name": "look_up", "arguments": ARGUMENTS}}],
    finish="tool_calls",
)


def chunk(delta: Mapping[str, Any], finish: str | None = None, **rest: Any) -> dict[str, Any]:
    """One chunk of a streamed answer."""
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return {"id": "cmpl_1", "object": "chat.completion.chunk", "model": MODEL, "choices": [choice]} | rest


CHUNKS = [
    chunk({"role": "assistant", "content": ""}),
    chunk({"content": [THINKING | {"thinking": [{"type": "text", "text": "The survey of 2020 "}]}]}),
    chunk({"content": [THINKING | {"thinking": [{"type": "text", "text": "says 8,849 m."}]}]}),
    *(chunk({"content": word}) for word in ("Everest ", "is ", "8,849 m ", "high.")),
    chunk({"tool_calls": [TOOL_CALL | {"function": {"name": "look_up", "arguments": '{"name": '}}]}),
    chunk(
        {"tool_calls": [TOOL_CALL | {"function": {"name": "", "arguments": '"Everest"}'}}]}, "tool_calls", usage=USAGE
    ),
]
CUT = 5
EMBEDDINGS = {
    "id": "emb_1",
    "object": "list",
    "model": "mistral-embed",
    "data": [{"object": "embedding", "index": 0, "embedding": [0.25, -0.5, 1.0]}],
    "usage": {"prompt_tokens": 8, "completion_tokens": 0, "total_tokens": 8},
}
REFUSED = {"object": "error", "message": "no such model", "type": "invalid_model", "code": "1500"}
PARSED = '{"metres": 8849}'


def _text(content: str) -> dict[str, Any]:
    return {"type": "text", "content": content}


ASKED = {
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "mistral_ai",
    "gen_ai.request.model": MODEL,
    "gen_ai.request.temperature": 0.5,
    "gen_ai.request.max_tokens": 1000,
    "server.address": "api.mistral.ai",
    "gen_ai.tool.definitions": [{"type": "function", **FUNCTION}],
    "gen_ai.input.messages": [{"role": "user", "parts": [_text(QUESTION)]}],
}
AGENT = {k: v for k, v in ASKED.items() if k not in ("gen_ai.request.model", "gen_ai.request.temperature")} | {
    "gen_ai.agent.id": "ag_1"
}
ANSWERED = {
    "gen_ai.usage.input_tokens": 400,
    "gen_ai.usage.cache_read.input_tokens": 300,
    "gen_ai.usage.output_tokens": 34,
    "gen_ai.response.model": MODEL,
    "gen_ai.response.id": "cmpl_1",
    "gen_ai.response.finish_reasons": ("tool_call",),
    "gen_ai.output.messages": [
        {
            "role": "assistant",
            "parts": [
                {"type": "reasoning", "content": THOUGHT},
                _text(ANSWER),
                {"type": "tool_call", "id": "call_1", "name": "look_up", "arguments": ARGUMENTS},
            ],
        }
    ],
}
STREAMED = {"gen_ai.response.time_to_first_chunk": ANY}
PARTIAL = STREAMED | {
    "gen_ai.usage.input_tokens": 77,
    "gen_ai.usage.output_tokens": 12,
    "gen_ai.response.model": MODEL,
    "gen_ai.response.id": "cmpl_1",
    "gen_ai.output.messages": [
        {"role": "assistant", "parts": [{"type": "reasoning", "content": THOUGHT}, _text("Everest is ")]}
    ],
}
ANSWERED_PARSED = ANSWERED | {
    "gen_ai.response.finish_reasons": ("stop",),
    "gen_ai.output.messages": [{"role": "assistant", "parts": [_text(PARSED)]}],
}
EMBED = {"model": "mistral-embed", "inputs": [QUESTION], "output_dimension": 3}
ASKED_EMBED = {
    "gen_ai.operation.name": "embeddings",
    "gen_ai.provider.name": "mistral_ai",
    "gen_ai.request.model": "mistral-embed",
    "gen_ai.embeddings.dimension.count": 3,
    "server.address": "api.mistral.ai",
}
ANSWERED_EMBED = {
    "gen_ai.response.model": "mistral-embed",
    "gen_ai.response.id": "emb_1",
    "gen_ai.usage.input_tokens": 8,
}


class Height(BaseModel):
    """What the application parses an answer into."""

    metres: int


def client_on(wire: Wire, **settings: Any) -> Mistral:
    """The real client over that wire."""
    return Mistral(
        api_key=KEY,
        client=http.Client(transport=wire),
        async_client=http.AsyncClient(transport=wire),
        **settings,
    )


def chunks(events: list[Any], then: Mode = "answer", stop_after: int | None = None) -> http.Response:
    """A stream of chunks, whole or cut off."""
    pieces = [f"data: {json.dumps(one)}\n\n".encode() for one in events[:stop_after]]
    if stop_after is None:
        pieces.append(b"data: [DONE]\n\n")
    return live(pieces, then)


def live(pieces: list[bytes], then: Mode) -> http.Response:
    """A stream of events in these pieces."""
    return http.Response(200, headers={"content-type": "text/event-stream"}, stream=Body(pieces, then))


def _opens(answer: Callable[[Mode], http.Response]) -> Callable[[Mode, Callable[[], None]], Any]:
    def client(mode: Mode, served: Callable[[], None]) -> Any:
        wire = playing(mode, served, answer, REFUSED)
        return client_on(wire)

    return client


def _case(
    name: str,
    call: Callable[[Any], Any],
    *,
    a: bool = False,
    answer: Any = WHOLE,
    asked: Mapping[str, Any] = ASKED,
    answered: Mapping[str, Any] = ANSWERED,
) -> Case:
    model = asked.get("gen_ai.request.model")
    modes: set[Mode] = {"answer", "error", "interrupt", *(("hang",) if a else ())}
    return Case(
        name=f"{name}, async" if a else name,
        provider=PROVIDER,
        client=_opens(lambda _: document(answer)),
        call=call,
        span=f"{asked['gen_ai.operation.name']} {model}" if model else "chat",
        asked=asked,
        answered=answered,
        modes=modes,
        asynchronous=a,
    )


def _stream_case(name: str, call: Callable[[Any], Any], *, a: bool) -> Case:
    modes: set[Mode] = {"answer", "error", "interrupt", "break", *(("hang", "stall") if a else ())}
    return Case(
        name=f"{name}, async" if a else name,
        provider=PROVIDER,
        client=_opens(lambda mode: chunks(CHUNKS, mode, CUT if mode in ("break", "stall") else None)),
        call=call,
        span=f"chat {MODEL}",
        asked=ASKED | {"gen_ai.request.stream": True},
        answered=ANSWERED | STREAMED,
        modes=modes,
        asynchronous=a,
        streams=True,
        kind=EventStreamAsync if a else EventStream,
        partial_chunks=CUT,
        partial=PARTIAL,
    )


FIM = {"model": "codestral-latest", "prompt": "def height():", "suffix": "return metres", "max_tokens": 1000}
ASKED_FIM = {
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "mistral_ai",
    "gen_ai.request.model": "codestral-latest",
    "gen_ai.request.max_tokens": 1000,
    "server.address": "api.mistral.ai",
    "gen_ai.input.messages": [{"role": "user", "parts": [_text("def height():"), _text("return metres")]}],
}
RESPONSES = {"model": MODEL, "instructions": "Be short.", "temperature": 0.5}


def _responses_case(streamed: bool) -> Case:
    """The responses API, whose events and items are OpenAI's."""
    answer = response(model=MODEL, service_tier=None) | {"text": None, "reasoning": None}
    answer["usage"] = answer["usage"] | {"input_tokens_details": {"cached_tokens": 100, "cache_write_tokens": 10}}
    events = [event for event in EVENTS if event["type"] != "response.output_text.done"]
    last = events[-1] | {"response": answer}
    first = events[0] | {"response": answer | {"status": "in_progress", "output": [], "usage": None}}
    sent = [first, *events[1:-1], last]
    framed = [f"event: {e['type']}\ndata: {json.dumps(e)}\n\n".encode() for e in sent]
    asked = {k: ASKED[k] for k in ASKED if k not in ("gen_ai.request.max_tokens", "gen_ai.tool.definitions")}
    answered = {
        "gen_ai.response.model": MODEL,
        "gen_ai.response.id": "resp_1",
        "gen_ai.response.finish_reasons": ("stop",),
        "gen_ai.usage.input_tokens": 120,
        "gen_ai.usage.output_tokens": 34,
        "gen_ai.usage.cache_read.input_tokens": 100,
        "gen_ai.usage.cache_creation.input_tokens": 10,
        "gen_ai.usage.reasoning.output_tokens": 20,
        "gen_ai.output.messages": [{"role": "assistant", "parts": [_text(ANSWER)]}],
    }

    def call(client: Any) -> Any:
        arguments = RESPONSES | {"input": iter([{"role": "user", "content": QUESTION}]), "stream": streamed}
        answered = client.responses.create(**arguments)
        return [frame.event for frame in answered] if streamed else answered

    return Case(
        name="responses stream" if streamed else "responses",
        provider=PROVIDER,
        client=_opens(lambda mode: live(framed, mode) if streamed else document(answer)),
        call=call,
        span=f"chat {MODEL}",
        asked=asked
        | {"gen_ai.system_instructions": [_text("Be short.")]}
        | ({"gen_ai.request.stream": True} if streamed else {}),
        answered=answered | (STREAMED if streamed else {}),
        modes={"answer", "error"},
    )


CONVERSATION: dict[str, Any] = {
    "model": MODEL,
    "instructions": "Be short.",
    "completion_args": {"temperature": 0.5, "max_tokens": 1000},
    "tools": [{"type": "function", "function": FUNCTION}],
}
ENTRIES = [
    {"type": "message.input", "role": "user", "content": QUESTION},
    {"type": "function.result", "tool_call_id": "call_0", "result": "8,848 m"},
]
ASKED_CONVERSATION = ASKED | {
    "gen_ai.system_instructions": [_text("Be short.")],
    "gen_ai.input.messages": [
        {"role": "user", "parts": [_text(QUESTION)]},
        {"role": "tool", "parts": [{"type": "tool_call_response", "id": "call_0", "response": "8,848 m"}]},
    ],
}
CALLED = {"type": "tool_call", "id": "call_1", "name": "look_up", "arguments": ARGUMENTS}
CONVERSED = {
    "gen_ai.response.model": MODEL,
    "gen_ai.response.id": "conv_1",
    "gen_ai.usage.input_tokens": 400,
    "gen_ai.usage.output_tokens": 34,
    "gen_ai.output.messages": [{"role": "assistant", "parts": [_text(ANSWER), CALLED]}],
}
CONVERSATION_USAGE = {"prompt_tokens": 400, "completion_tokens": 34, "total_tokens": 434}
OUTPUTS = [
    {"type": "message.output", "role": "assistant", "model": MODEL, "content": ANSWER},
    {"type": "function.call", "tool_call_id": "call_1", "name": "look_up", "arguments": ARGUMENTS},
]
TALKED = {
    "object": "conversation.response",
    "conversation_id": "conv_1",
    "outputs": OUTPUTS,
    "usage": CONVERSATION_USAGE,
}


def _pieces() -> list[bytes]:
    said = {"type": "message.output.delta", "id": "m1", "model": MODEL, "role": "assistant"}
    called = {"type": "function.call.delta", "id": "f1", "name": "look_up", "tool_call_id": "call_1"}
    events = [
        {"type": "conversation.response.started", "conversation_id": "conv_1"},
        *(said | {"content": word} for word in ("Everest ", "is ", "8,849 m ", "high.")),
        called | {"arguments": '{"name": '},
        called | {"arguments": '"Everest"}'},
        {"type": "conversation.response.done", "usage": CONVERSATION_USAGE},
    ]
    return [f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode() for event in events]


def _conversation_stream() -> Case:
    partial = {
        "gen_ai.response.model": MODEL,
        "gen_ai.response.id": "conv_1",
        "gen_ai.usage.input_tokens": 84,
        "gen_ai.usage.output_tokens": 2,
        "gen_ai.output.messages": [{"role": "assistant", "parts": [_text("Everest is ")]}],
    }
    return Case(
        name="conversation stream",
        provider=PROVIDER,
        client=_opens(lambda mode: live(_pieces()[:3] if mode == "break" else _pieces(), mode)),
        call=lambda c: c.beta.conversations.start_stream(inputs=iter(ENTRIES), **CONVERSATION),
        span=f"chat {MODEL}",
        asked=ASKED_CONVERSATION | {"gen_ai.request.stream": True},
        answered=CONVERSED | STREAMED,
        modes={"answer", "error", "interrupt", "break"},
        streams=True,
        kind=EventStream,
        partial_chunks=3,
        partial=partial | STREAMED,
    )


def _of_agent() -> dict[str, Any]:
    rest = {name: value for name, value in CALL.items() if name not in ("model", "temperature")}
    return rest | {"agent_id": "ag_1", "messages": iter(CALL["messages"])}


CASES = [
    _case("chat", lambda c: c.chat.complete(**CALL)),
    _case("chat", lambda c: c.chat.complete_async(**CALL), a=True),
    _case(
        "chat parse",
        lambda c: c.chat.parse_async(response_format=Height, **CALL),
        a=True,
        answer=completion(PARSED),
        answered=ANSWERED_PARSED,
    ),
    _case("agent, messages of an iterator", lambda c: c.agents.complete(**_of_agent()), asked=AGENT),
    _stream_case("chat stream", lambda c: c.chat.stream(**CALL), a=False),
    _stream_case("chat stream", lambda c: c.chat.stream_async(**CALL), a=True),
    _case(
        "fill in the middle",
        lambda c: c.fim.complete_async(**FIM),
        a=True,
        answer=completion(ANSWER, model="codestral-latest"),
        asked=ASKED_FIM,
        answered=ANSWERED
        | {
            "gen_ai.response.model": "codestral-latest",
            "gen_ai.response.finish_reasons": ("stop",),
            "gen_ai.output.messages": [{"role": "assistant", "parts": [_text(ANSWER)]}],
        },
    ),
    _case(
        "conversation",
        lambda c: c.beta.conversations.start_async(inputs=iter(ENTRIES), **CONVERSATION),
        a=True,
        answer=TALKED,
        asked=ASKED_CONVERSATION,
        answered=CONVERSED,
    ),
    _conversation_stream(),
    _responses_case(False),
    _responses_case(True),
    _case(
        "embeddings",
        lambda c: c.embeddings.create(**EMBED),
        answer=EMBEDDINGS,
        asked=ASKED_EMBED,
        answered=ANSWERED_EMBED,
    ),
    _case(
        "embeddings",
        lambda c: c.embeddings.create_async(**EMBED),
        a=True,
        answer=EMBEDDINGS,
        asked=ASKED_EMBED,
        answered=ANSWERED_EMBED,
    ),
]
