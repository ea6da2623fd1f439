"""Cases of SDKs that are made as OpenAI's is: every shape that their clients offer, over a faked wire."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx

from conformance.cases import ANY, Case, Mode
from conformance.httpx_wire import Answer, Wire, document, pieces
from groundwire import Provider

QUESTION = "How high is Everest?"
CALL = {"id": "t1", "type": "function", "function": {"name": "altitude", "arguments": '{"of": "Everest"}'}}
CALL_PART = {"type": "tool_call", "id": "t1", "name": "altitude", "arguments": '{"of": "Everest"}'}
MESSAGES = [
    {"role": "system", "content": "Be short."},
    {"role": "user", "content": QUESTION},
    {"role": "assistant", "reasoning": "I look.", "content": None, "tool_calls": [CALL]},
    {"role": "tool", "tool_call_id": "t1", "content": "8849"},
]
TOOL = {"type": "function", "function": {"name": "altitude", "description": "Height", "parameters": {}}}
ASKED_MESSAGES = [
    {"role": "system", "parts": [{"type": "text", "content": "Be short."}]},
    {"role": "user", "parts": [{"type": "text", "content": QUESTION}]},
    {"role": "assistant", "parts": [{"type": "reasoning", "content": "I look."}, CALL_PART]},
    {"role": "tool", "parts": [{"type": "tool_call_response", "id": "t1", "response": "8849"}]},
]
ANSWER_PARTS = [{"type": "reasoning", "content": "Hm, high."}, {"type": "text", "content": "8,849 m."}, CALL_PART]
MESSAGE = {"role": "assistant", "content": "8,849 m.", "reasoning": "Hm, high.", "tool_calls": [CALL | {"index": 0}]}
DELTAS: list[dict[str, Any]] = [
    {"role": "assistant", "content": ""},
    {"role": "assistant", "reasoning": "Hm, "},
    {"role": "assistant", "reasoning": "high."},
    {"role": "assistant", "content": "8,849 "},
    {"role": "assistant", "content": "m."},
    {"role": "assistant", "tool_calls": [{**CALL, "index": 0, "function": {"name": "altitude", "arguments": ""}}]},
    {
        "role": "assistant",
        "tool_calls": [{**CALL, "index": 0, "function": {"name": "altitude", "arguments": '{"of": "Everest"}'}}],
    },
]
CUT = 4
PARTIAL_PARTS = [{"type": "reasoning", "content": "Hm, high."}, {"type": "text", "content": "8,849 "}]


@dataclass(frozen=True)
class Sdk:
    """What differs between one SDK and the next."""

    provider: Provider
    sync: Callable[..., Any]
    asynchronous: Callable[..., Any]
    stream: type
    async_stream: type
    host: str
    model: str
    embedding_model: str
    finish: str
    """Why its models stop, in the words of its API."""
    usage: Mapping[str, Any]
    counted: Mapping[str, Any]
    """Attributes that the usage gives."""
    last: Mapping[str, Any]
    """The rest of the last chunk, with the usage wherever the API puts it."""
    estimate: tuple[int, int]
    """Tokens of the prompt and of the answer so far, as we count them where a stream broke off."""
    embeddings_host: str = ""
    """Where it is another one."""
    arguments: Mapping[str, Any] = field(default_factory=dict)
    """Arguments that it alone takes."""
    shown: tuple[Mapping[str, Any], ...] = ()
    """Messages that they give, before the others."""


def cases(sdk: Sdk) -> list[Case]:
    """Chat and embeddings, sync and async; each of the shapes that these clients have once."""
    return [case for a in (False, True) for case in (*_chat(sdk, a), *_embeddings(sdk, a))]


def case(
    sdk: Sdk,
    name: str,
    call: Callable[[Any], Any],
    answer: Answer,
    a: bool,
    asked: Mapping[str, Any],
    answered: Mapping[str, Any],
    **rest: Any,
) -> Case:
    """A case over this SDK's wire."""

    def client(mode: Mode, served: Callable[[], None]) -> Any:
        wire = Wire(mode, served, answer, document({"error": {"message": "no such model"}}, 400))
        if a:
            return sdk.asynchronous(api_key="k" * 30, http_client=httpx.AsyncClient(transport=wire), max_retries=0)
        return sdk.sync(api_key="k" * 30, http_client=httpx.Client(transport=wire), max_retries=0)

    modes: set[Mode] = {"answer", "error", "interrupt"} | ({"hang"} if a else set())
    if rest.get("streams"):
        modes |= {"break", "stall"} if a else {"break"}
    return Case(
        name=f"{name}, async" if a else name,
        provider=sdk.provider,
        client=client,
        call=call,
        span=f"{asked['gen_ai.operation.name']} {asked['gen_ai.request.model']}",
        asked=asked,
        answered=answered,
        modes=modes,
        asynchronous=a,
        **rest,
    )


def _raw(**arguments: Any) -> Callable[[Any], Any]:
    return lambda client: client.chat.completions.with_raw_response.create(**arguments).parse()


def _raw_async(**arguments: Any) -> Callable[[Any], Any]:
    async def call(client: Any) -> Any:
        return await (await client.chat.completions.with_raw_response.create(**arguments)).parse()

    return call


def _lines(**arguments: Any) -> Callable[[Any], Any]:
    def call(client: Any) -> Any:
        with client.chat.completions.with_streaming_response.create(**arguments) as answer:
            return list(answer.iter_lines())

    return call


def _lines_async(**arguments: Any) -> Callable[[Any], Any]:
    async def call(client: Any) -> Any:
        async with client.chat.completions.with_streaming_response.create(**arguments) as answer:
            return [line async for line in answer.iter_lines()]

    return call


def _chat(sdk: Sdk, a: bool) -> list[Case]:
    body = {"id": "c-1", "object": "chat.completion", "created": 1, "model": sdk.model}
    choice = {"index": 0, "finish_reason": sdk.finish, "message": MESSAGE}
    whole = document({**body, "choices": [choice], "usage": sdk.usage})
    chunk = body | {"object": "chat.completion.chunk"}
    chunks = [{**chunk, "choices": [{"index": 0, "delta": delta, "finish_reason": None}]} for delta in DELTAS]
    ended = {"index": 0, "delta": {"role": "assistant"}, "finish_reason": sdk.finish}
    chunks.append({**chunk, "choices": [ended], **sdk.last})
    sent = [f"data: {json.dumps(c)}\n\n".encode() for c in chunks]
    said = pieces([*sent, b"data: [DONE]\n\n"], CUT, "text/event-stream")
    asked = {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": sdk.provider.name,
        "gen_ai.request.model": sdk.model,
        "gen_ai.request.temperature": 0.5,
        "gen_ai.request.stop_sequences": ("END",),
        "server.address": sdk.host,
        "gen_ai.input.messages": [*sdk.shown, *ASKED_MESSAGES],
        "gen_ai.tool.definitions": [{"type": "function", **TOOL["function"]}],  # type: ignore[dict-item]
    }
    answered = {
        "gen_ai.response.model": sdk.model,
        "gen_ai.response.id": "c-1",
        "gen_ai.response.finish_reasons": ("stop",),
        "gen_ai.output.messages": [{"role": "assistant", "parts": ANSWER_PARTS}],
        **sdk.counted,
    }
    first = {"gen_ai.response.time_to_first_chunk": ANY}
    streamed = asked | {"gen_ai.request.stream": True}
    once = {"model": sdk.model, "messages": MESSAGES, "tools": [TOOL], "temperature": 0.5, "stop": ["END"]}
    once |= sdk.arguments
    live: dict[str, Any] = {
        "streams": True,
        "kind": sdk.async_stream if a else sdk.stream,
        "partial_chunks": CUT,
        "partial": {
            "gen_ai.response.model": sdk.model,
            "gen_ai.response.id": "c-1",
            "gen_ai.output.messages": [{"role": "assistant", "parts": PARTIAL_PARTS}],
            "gen_ai.usage.input_tokens": sdk.estimate[0],
            "gen_ai.usage.output_tokens": sdk.estimate[1],
            **first,
        },
    }
    return [
        case(
            sdk,
            "chat of messages that come once",
            lambda c: c.chat.completions.create(**once | {"messages": iter(MESSAGES)}),
            whole,
            a,
            asked,
            answered,
        ),
        case(
            sdk,
            "chat stream",
            lambda c: c.chat.completions.create(stream=True, **once),
            said,
            a,
            streamed,
            answered | first,
            **live,
        ),
        *(
            [
                case(sdk, "chat body in lines", _lines_async(**once), whole, a, asked, answered),
                case(
                    sdk, "chat stream raw", _raw_async(stream=True, **once), said, a, streamed, answered | first, **live
                ),
            ]
            if a
            else [
                case(sdk, "chat raw", _raw(**once), whole, a, asked, answered),
                case(sdk, "chat stream in lines", _lines(stream=True, **once), said, a, streamed, answered | first),
            ]
        ),
    ]


def _embeddings(sdk: Sdk, a: bool) -> list[Case]:
    body = {
        "object": "list",
        "model": sdk.embedding_model,
        "data": [{"object": "embedding", "index": 0, "embedding": [0.25, -0.5]}],
        "usage": {"prompt_tokens": 7, "total_tokens": 7},
    }
    asked = {
        "gen_ai.operation.name": "embeddings",
        "gen_ai.provider.name": sdk.provider.name,
        "gen_ai.request.model": sdk.embedding_model,
        "server.address": sdk.embeddings_host or sdk.host,
    }
    answered = {"gen_ai.response.model": sdk.embedding_model, "gen_ai.usage.input_tokens": 7}
    return [
        case(
            sdk,
            "embeddings",
            lambda c: c.embeddings.create(model=sdk.embedding_model, input=[QUESTION]),
            document(body),
            a,
            asked,
            answered,
        )
    ]
