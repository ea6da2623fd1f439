"""OpenAI in the conformance suite: chat completions, responses and embeddings, in every shape the client has."""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import openai
from pydantic import BaseModel

from conformance.cases import ANY, Case, Mode
from conformance.openai_wire import (
    ANSWER,
    CHUNKS,
    CHUNKS_WITH_USAGE,
    COMPLETION,
    EMBEDDINGS,
    EVENTS,
    QUESTION,
    REFUSED,
    client_on,
    document,
    http,
    playing,
    response,
    stream,
)
from groundwire_instrumentation.openai import PROVIDER

Client = Callable[[Mode, Callable[[], None]], Any]

ASKED = {
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "openai",
    "gen_ai.request.model": "gpt-4o-mini",
    "gen_ai.request.temperature": 0.5,
    "server.address": "api.openai.com",
    "gen_ai.input.messages": [{"role": "user", "parts": [{"type": "text", "content": QUESTION}]}],
}
ASKED_STREAM = ASKED | {"gen_ai.request.stream": True}
USAGE = {
    "gen_ai.usage.input_tokens": 120,
    "gen_ai.usage.output_tokens": 34,
    "gen_ai.usage.cache_read.input_tokens": 100,
    "gen_ai.usage.reasoning.output_tokens": 20,
}
TIER = {"openai.response.service_tier": "default"}
ANSWERED_CHAT = (
    USAGE
    | TIER
    | {
        "gen_ai.response.model": "gpt-4o-mini-2024-07-18",
        "gen_ai.response.id": "chatcmpl-1",
        "gen_ai.response.finish_reasons": ("stop",),
        "openai.response.system_fingerprint": "fp_1",
        "gen_ai.output.messages": [{"role": "assistant", "parts": [{"type": "text", "content": ANSWER}]}],
    }
)
ANSWERED_RESPONSES = (
    USAGE
    | TIER
    | {
        "gen_ai.response.model": "gpt-4o-mini-2024-07-18",
        "gen_ai.response.id": "resp_1",
        "gen_ai.response.finish_reasons": ("stop",),
        "gen_ai.output.messages": [{"role": "assistant", "parts": [{"type": "text", "content": ANSWER}]}],
    }
)
STREAMED = {"gen_ai.response.time_to_first_chunk": ANY}
ESTIMATED = {
    "groundwire.usage.source": "estimated",
    "gen_ai.usage.input_tokens": 5,
    "gen_ai.usage.output_tokens": ANY,
}
PARTIAL_CHAT = {
    "gen_ai.response.model": "gpt-4o-mini-2024-07-18",
    "gen_ai.response.id": "chatcmpl-1",
    "openai.response.service_tier": "default",
    "openai.response.system_fingerprint": "fp_1",
    "gen_ai.output.messages": [{"role": "assistant", "parts": [{"type": "text", "content": "Everest is "}]}],
    "gen_ai.usage.input_tokens": 5,
    "gen_ai.usage.output_tokens": 2,
} | STREAMED
PARTIAL_RESPONSES = {
    "gen_ai.response.model": "gpt-4o-mini-2024-07-18",
    "gen_ai.response.id": "resp_1",
    "openai.response.service_tier": "default",
    "gen_ai.output.messages": [{"role": "assistant", "parts": [{"type": "text", "content": "Everest is "}]}],
    "gen_ai.usage.input_tokens": 5,
    "gen_ai.usage.output_tokens": 2,
} | STREAMED
PARTIAL_CHUNKS = {"chat": 3, "responses": 5}

CHAT = {"model": "gpt-4o-mini", "temperature": 0.5, "messages": [{"role": "user", "content": QUESTION}]}
RESPONSES = {"model": "gpt-4o-mini", "temperature": 0.5, "input": QUESTION}
INCLUDE_USAGE = {"stream_options": {"include_usage": True}}


class Height(BaseModel):
    """What the application parses an answer into."""

    metres: int


PARSED = '{"metres": 8849}'


def _opens(answer: Callable[[Mode], http.Response], asynchronous: bool) -> Client:
    """A client whose server answers with `answer(mode)`, unless the mode says otherwise."""

    def client(mode: Mode, served: Callable[[], None]) -> Any:
        wire = playing(mode, served, answer, REFUSED)
        return client_on(wire, asynchronous=asynchronous)

    return client


def _streams(events: Sequence[Mapping[str, Any]], cut: int) -> Callable[[Mode], http.Response]:
    return lambda mode: stream(events, mode, cut if mode in ("break", "stall") else None)


def _text(events: Sequence[Mapping[str, Any]]) -> str:
    return "".join(f"data: {json.dumps(e)}\n\n" for e in events)


def _case(
    name: str,
    call: Callable[[Any], Any],
    answer: Callable[[Mode], http.Response],
    *,
    asynchronous: bool,
    asked: Mapping[str, Any],
    answered: Mapping[str, Any],
    **rest: Any,
) -> Case:
    modes: set[Mode] = {"answer", "error", "interrupt"}
    if asynchronous:
        modes |= {"hang"}
    if rest.get("streams"):
        modes |= {"break", "stall"} if asynchronous else {"break"}
    kind = asked["gen_ai.operation.name"]
    return Case(
        name=f"{name}, async" if asynchronous else name,
        provider=PROVIDER,
        client=_opens(answer, asynchronous),
        call=call,
        span=f"{kind} {asked.get('gen_ai.request.model') or asked['gen_ai.data_source.id']}",
        asked=asked,
        answered=answered,
        modes=modes,
        asynchronous=asynchronous,
        **rest,
    )


# --- calls whose shape differs between the two clients --------------------------------------------------------------


def _raw(resource: Callable[[Any], Any], **arguments: Any) -> Callable[[Any], Any]:
    return lambda client: resource(client).with_raw_response.create(**arguments).parse()


def _raw_async(resource: Callable[[Any], Any], **arguments: Any) -> Callable[[Any], Any]:
    async def call(client: Any) -> Any:
        return (await resource(client).with_raw_response.create(**arguments)).parse()

    return call


def _read(resource: Callable[[Any], Any], take: Callable[[Any], Any], **arguments: Any) -> Callable[[Any], Any]:
    """`with_streaming_response`, the body taken by `take`."""

    def call(client: Any) -> Any:
        with resource(client).with_streaming_response.create(**arguments) as answer:
            return take(answer)

    return call


def _read_async(resource: Callable[[Any], Any], take: Callable[[Any], Any], **arguments: Any) -> Callable[[Any], Any]:
    async def call(client: Any) -> Any:
        async with resource(client).with_streaming_response.create(**arguments) as answer:
            taken = take(answer)
            return [piece async for piece in taken] if hasattr(taken, "__aiter__") else await taken

    return call


def _managed(resource: Callable[[Any], Any], final: str, **arguments: Any) -> Callable[[Any], Any]:
    """`with client. ... .stream()`: events are iterated, then the whole is asked for."""

    def call(client: Any) -> Any:
        with resource(client).stream(**arguments) as events:
            seen = [event.type for event in events]
            return seen, getattr(events, final)()

    return call


def _managed_async(resource: Callable[[Any], Any], final: str, **arguments: Any) -> Callable[[Any], Any]:
    async def call(client: Any) -> Any:
        async with resource(client).stream(**arguments) as events:
            seen = [event.type async for event in events]
            return seen, await getattr(events, final)()

    return call


def _with(resource: Callable[[Any], Any], **arguments: Any) -> Callable[[Any], Any]:
    def call(client: Any) -> Any:
        with resource(client).create(stream=True, **arguments) as events:
            return list(events)

    return call


def _with_async(resource: Callable[[Any], Any], **arguments: Any) -> Callable[[Any], Any]:
    async def call(client: Any) -> Any:
        async with await resource(client).create(stream=True, **arguments) as events:
            return [event async for event in events]

    return call


def _parsed_stream(resource: Callable[[Any], Any], **arguments: Any) -> Callable[[Any], Any]:
    return lambda client: resource(client).with_raw_response.create(stream=True, **arguments).parse()


def _parsed_stream_async(resource: Callable[[Any], Any], **arguments: Any) -> Callable[[Any], Any]:
    async def call(client: Any) -> Any:
        return (await resource(client).with_raw_response.create(stream=True, **arguments)).parse()

    return call


def _chat(client: Any) -> Any:
    return client.chat.completions


def _responses(client: Any) -> Any:
    return client.responses


def _embeddings(client: Any) -> Any:
    return client.embeddings


def _chat_cases(a: bool) -> list[Case]:
    def whole(_: Mode) -> http.Response:
        return document(COMPLETION)

    def structured(_: Mode) -> http.Response:
        message = COMPLETION["choices"][0]["message"] | {"content": PARSED}
        return document(COMPLETION | {"choices": [COMPLETION["choices"][0] | {"message": message}]})

    structured_output = {
        "gen_ai.output.messages": [{"role": "assistant", "parts": [{"type": "text", "content": PARSED}]}]
    }
    cut = PARTIAL_CHUNKS["chat"]
    said = _streams(CHUNKS_WITH_USAGE, cut)
    silent = _streams(CHUNKS, cut)
    plain = {"asynchronous": a, "asked": ASKED, "answered": ANSWERED_CHAT}
    streamed = {"asynchronous": a, "asked": ASKED_STREAM, "answered": ANSWERED_CHAT | STREAMED}
    stream_type = openai.AsyncStream if a else openai.Stream
    live = {"streams": True, "kind": stream_type, "partial_chunks": cut, "partial": PARTIAL_CHAT}
    unknown = {k: v for k, v in ANSWERED_CHAT.items() if k not in USAGE} | STREAMED
    estimated = unknown | {
        "groundwire.usage.source": "estimated",
        "gen_ai.usage.input_tokens": 5,
        "gen_ai.usage.output_tokens": 8,
    }
    raw, read, managed = (_raw_async, _read_async, _managed_async) if a else (_raw, _read, _managed)
    within, parsed = (_with_async, _parsed_stream_async) if a else (_with, _parsed_stream)
    usage = CHAT | INCLUDE_USAGE
    return [
        _case("chat", lambda c: c.chat.completions.create(**CHAT), whole, **plain),
        _case(
            "chat parse",
            lambda c: c.chat.completions.parse(response_format=Height, **CHAT),
            structured,
            **plain | {"answered": ANSWERED_CHAT | structured_output},
        ),
        _case("chat raw", raw(_chat, **CHAT), whole, **plain),
        _case("chat body parsed", read(_chat, lambda r: r.parse(), **CHAT), whole, **plain),
        _case("chat body read", read(_chat, lambda r: r.read(), **CHAT), whole, **plain),
        _case("chat body as json", read(_chat, lambda r: r.json(), **CHAT), whole, **plain),
        _case(
            "chat body in bytes",
            read(_chat, lambda r: r.iter_bytes(7) if a else list(r.iter_bytes(7)), **CHAT),
            whole,
            **plain,
        ),
        _case("chat stream", lambda c: c.chat.completions.create(stream=True, **usage), said, **streamed, **live),
        _case(
            "chat stream without usage",
            lambda c: c.chat.completions.create(stream=True, **CHAT),
            silent,
            **streamed | {"answered": estimated},
            **live,
        ),
        _case("chat stream in with", within(_chat, **usage), said, **streamed),
        _case("chat stream raw", parsed(_chat, **usage), said, **streamed, **live),
        _case(
            "chat stream in lines",
            read(_chat, lambda r: r.iter_lines() if a else list(r.iter_lines()), stream=True, **usage),
            said,
            **streamed,
        ),
        _case(
            "chat stream read at once",
            read(_chat, lambda r: r.text(), stream=True, **usage),
            said,
            **streamed,
        ),
        _case("chat stream managed", managed(_chat, "get_final_completion", **usage), said, **streamed),
    ]


def _responses_cases(a: bool) -> list[Case]:
    def whole(_: Mode) -> http.Response:
        return document(response())

    def structured(_: Mode) -> http.Response:
        item = response()["output"][0]
        part = item["content"][0] | {"text": PARSED}
        return document(response(output=[item | {"content": [part]}]))

    structured_output = {
        "gen_ai.output.messages": [{"role": "assistant", "parts": [{"type": "text", "content": PARSED}]}]
    }
    cut = PARTIAL_CHUNKS["responses"]
    said = _streams(EVENTS, cut)
    plain = {"asynchronous": a, "asked": ASKED, "answered": ANSWERED_RESPONSES}
    streamed = {"asynchronous": a, "asked": ASKED_STREAM, "answered": ANSWERED_RESPONSES | STREAMED}
    stream_type = openai.AsyncStream if a else openai.Stream
    live = {"streams": True, "kind": stream_type, "partial_chunks": cut, "partial": PARTIAL_RESPONSES}
    raw, read, managed = (_raw_async, _read_async, _managed_async) if a else (_raw, _read, _managed)
    within, parsed = (_with_async, _parsed_stream_async) if a else (_with, _parsed_stream)
    return [
        _case("responses", lambda c: c.responses.create(**RESPONSES), whole, **plain),
        _case(
            "responses parse",
            lambda c: c.responses.parse(text_format=Height, **RESPONSES),
            structured,
            **plain | {"answered": ANSWERED_RESPONSES | structured_output},
        ),
        _case("responses raw", raw(_responses, **RESPONSES), whole, **plain),
        _case("responses body parsed", read(_responses, lambda r: r.parse(), **RESPONSES), whole, **plain),
        _case("responses body read", read(_responses, lambda r: r.read(), **RESPONSES), whole, **plain),
        _case(
            "responses stream in lines",
            read(_responses, lambda r: r.iter_lines() if a else list(r.iter_lines()), stream=True, **RESPONSES),
            said,
            **streamed,
        ),
        _case(
            "responses stream",
            lambda c: c.responses.create(stream=True, **RESPONSES),
            said,
            **streamed,
            **live,
        ),
        _case("responses stream in with", within(_responses, **RESPONSES), said, **streamed),
        _case("responses stream raw", parsed(_responses, **RESPONSES), said, **streamed, **live),
        _case(
            "responses stream managed",
            managed(_responses, "get_final_response", **RESPONSES),
            said,
            **streamed,
        ),
    ]


def _embeddings_cases(a: bool) -> list[Case]:
    def whole(_: Mode) -> http.Response:
        return document(EMBEDDINGS)

    asked = {
        "gen_ai.operation.name": "embeddings",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "text-embedding-3-small",
        "gen_ai.request.encoding_formats": ("float",),
        "gen_ai.embeddings.dimension.count": 3,
        "server.address": "api.openai.com",
    }
    answered = {"gen_ai.response.model": "text-embedding-3-small", "gen_ai.usage.input_tokens": 8}
    arguments = {
        "model": "text-embedding-3-small",
        "input": [QUESTION],
        "encoding_format": "float",
        "dimensions": 3,
    }
    expected = {"asynchronous": a, "asked": asked, "answered": answered}
    raw, read = (_raw_async, _read_async) if a else (_raw, _read)
    return [
        _case("embeddings", lambda c: c.embeddings.create(**arguments), whole, **expected),
        _case("embeddings raw", raw(_embeddings, **arguments), whole, **expected),
        _case("embeddings body parsed", read(_embeddings, lambda r: r.parse(), **arguments), whole, **expected),
    ]


TEXT = {"id": "cmpl-1", "object": "text_completion", "created": 1, "model": "gpt-3.5-turbo-instruct"}


def _text_cases(a: bool) -> list[Case]:
    """A bare prompt, as servers of one's own are often asked."""
    counted = {"prompt_tokens": 5, "completion_tokens": 8, "total_tokens": 13}

    def choice(text: str, finish: str | None = None) -> dict[str, Any]:
        return {"index": 0, "text": text, "finish_reason": finish, "logprobs": None}

    def whole(_: Mode) -> http.Response:
        return document(TEXT | {"choices": [choice(ANSWER, "stop")], "usage": counted})

    cut = 2
    words = [TEXT | {"choices": [choice(word)]} for word in ("Everest ", "is ", "8,849 m ", "high.")]
    said = [*words, TEXT | {"choices": [choice("", "stop")]}, TEXT | {"choices": [], "usage": counted}]
    asked = {k: v for k, v in ASKED.items() if k != "gen_ai.request.temperature"}
    asked |= {"gen_ai.request.model": TEXT["model"], "gen_ai.request.max_tokens": 50}
    partial = {"gen_ai.response.model": TEXT["model"], "gen_ai.response.id": "cmpl-1"} | STREAMED
    answered = {
        "gen_ai.response.model": TEXT["model"],
        "gen_ai.response.id": "cmpl-1",
        "gen_ai.response.finish_reasons": ("stop",),
        "gen_ai.usage.input_tokens": 5,
        "gen_ai.usage.output_tokens": 8,
        "gen_ai.output.messages": [{"role": "assistant", "parts": [{"type": "text", "content": ANSWER}]}],
    }
    call = {"model": TEXT["model"], "prompt": QUESTION, "max_tokens": 50}
    if a:
        return [
            _case("text", lambda c: c.completions.create(**call), whole, asynchronous=a, asked=asked, answered=answered)
        ]
    return [
        _case(
            "text stream",
            lambda c: c.completions.create(stream=True, **call),
            _streams(said, cut),
            asynchronous=a,
            asked=asked | {"gen_ai.request.stream": True},
            answered=answered | STREAMED,
            streams=True,
            kind=openai.Stream,
            partial_chunks=cut,
            partial={k: v for k, v in PARTIAL_CHAT.items() if not k.startswith("openai.")} | partial,
        ),
    ]


FOUND = [
    {
        "file_id": "file-1",
        "filename": "everest.txt",
        "score": 0.9,
        "attributes": {"page": 3.0},
        "content": [{"type": "text", "text": ANSWER}, {"type": "text", "text": "It grows."}],
    },
    {"file_id": "file-2", "filename": "k2.txt", "score": 0.25, "attributes": {}, "content": []},
]


def _search_cases(a: bool) -> list[Case]:
    """A vector store that OpenAI keeps; the asynchronous client hands out something to await or to iterate."""

    def whole(_: Mode) -> http.Response:
        return document({"object": "vector_store.search_results.page", "data": FOUND, "has_more": False})

    def search(client: Any) -> Any:
        return client.vector_stores.search("vs_1", query=QUESTION, max_num_results=2)

    async def iterated(client: Any) -> Any:
        return [row async for row in search(client)]

    async def raw_async(client: Any) -> Any:
        return (await client.vector_stores.with_raw_response.search("vs_1", query=QUESTION, max_num_results=2)).parse()

    def raw(client: Any) -> Any:
        return client.vector_stores.with_raw_response.search("vs_1", query=QUESTION, max_num_results=2).parse()

    asked = {
        "gen_ai.operation.name": "retrieval",
        "gen_ai.provider.name": "openai",
        "gen_ai.data_source.id": "vs_1",
        "gen_ai.retrieval.top_k": 2,
        "gen_ai.retrieval.query.text": QUESTION,
        "server.address": "api.openai.com",
    }
    answered = {
        "groundwire.retrieval.higher_is_better": True,
        "gen_ai.retrieval.documents": [
            {
                "id": "file-1",
                "score": 0.9,
                "content": f"{ANSWER}\nIt grows.",
                "metadata": {"filename": "everest.txt", "page": 3.0},
            },
            {"id": "file-2", "score": 0.25, "content": "", "metadata": {"filename": "k2.txt"}},
        ],
    }
    expected = {"asynchronous": a, "asked": asked, "answered": answered}
    return [
        _case("vector store search", search, whole, **expected),
        _case("vector store search iterated", iterated if a else lambda c: list(search(c)), whole, **expected),
        _case("vector store search raw", raw_async if a else raw, whole, **expected),
    ]


MAKERS = (_chat_cases, _responses_cases, _text_cases, _embeddings_cases, _search_cases)
CASES = [case for a in (False, True) for make in MAKERS for case in make(a)]
