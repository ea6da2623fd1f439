"""Cohere over a faked wire: server-sent events and JSON, as its API reference gives them."""

import json
import types
from collections.abc import Callable, Mapping
from typing import Any

import cohere
import httpx

from conformance.cases import ANY, Case, Mode
from conformance.httpx_wire import Answer, Wire, document, pieces
from groundwire_instrumentation.cohere import PROVIDER

KEY = "co-never-on-a-span-0123456789"
MODEL = "command-r-plus-08-2024"
QUESTION = "How high is Everest?"
TOOL = {
    "type": "function",
    "function": {"name": "altitude", "description": "Height", "parameters": {"type": "object", "properties": {}}},
}
CALL = {"id": "t1", "type": "function", "function": {"name": "altitude", "arguments": '{"of": "Everest"}'}}
CALL_PART = {"type": "tool_call", "id": "t1", "name": "altitude", "arguments": '{"of": "Everest"}'}
CHAT: Mapping[str, Any] = {
    "model": MODEL,
    "messages": [
        {"role": "system", "content": "Be short."},
        cohere.UserChatMessageV2(content=QUESTION),
        {"role": "assistant", "tool_plan": "I look it up.", "tool_calls": [CALL]},
        {"role": "tool", "tool_call_id": "t1", "content": [{"type": "document", "document": {"data": {"m": "8849"}}}]},
    ],
    "documents": ["Everest is in Nepal.", {"id": "d2", "data": {"text": "Everest is 8,849 m high."}}],
    "tools": [TOOL],
    "temperature": 0.5,
    "p": 0.9,
    "stop_sequences": ["END"],
}
ASKED_CHAT = {
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "cohere",
    "gen_ai.request.model": MODEL,
    "gen_ai.request.temperature": 0.5,
    "gen_ai.request.top_p": 0.9,
    "gen_ai.request.stop_sequences": ("END",),
    "server.address": "api.cohere.com",
    "gen_ai.input.messages": [
        {
            "role": "tool",
            "parts": [
                {"type": "document", "content": "Everest is in Nepal."},
                {"type": "document", "content": "Everest is 8,849 m high.", "id": "d2"},
            ],
        },
        {"role": "system", "parts": [{"type": "text", "content": "Be short."}]},
        {"role": "user", "parts": [{"type": "text", "content": QUESTION}]},
        {"role": "assistant", "parts": [{"type": "reasoning", "content": "I look it up."}, CALL_PART]},
        {"role": "tool", "parts": [{"type": "tool_call_response", "id": "t1", "response": "m: 8849"}]},
    ],
    "gen_ai.tool.definitions": [
        {
            "type": "function",
            "name": "altitude",
            "description": "Height",
            "parameters": {"type": "object", "properties": {}},
        }
    ],
}
USAGE = {
    "billed_units": {"input_tokens": 31.0, "output_tokens": 12.0},
    "tokens": {"input_tokens": 96.0, "output_tokens": 14.0},
    "cached_tokens": 16.0,
}
MESSAGE = {
    "role": "assistant",
    "tool_plan": "First I look.",
    "content": [{"type": "thinking", "thinking": "Hm. "}, {"type": "text", "text": "8,849 m."}],
    "tool_calls": [CALL],
}
ANSWERED_CHAT = {
    "gen_ai.response.id": "c-1",
    "gen_ai.response.finish_reasons": ("stop",),
    "gen_ai.usage.input_tokens": 31,
    "gen_ai.usage.output_tokens": 12,
    "gen_ai.usage.cache_read.input_tokens": 16,
    "gen_ai.output.messages": [
        {
            "role": "assistant",
            "parts": [
                {"type": "reasoning", "content": "First I look."},
                {"type": "reasoning", "content": "Hm. "},
                {"type": "text", "content": "8,849 m."},
                CALL_PART,
            ],
        }
    ],
}
EVENTS: list[dict[str, Any]] = [
    {"type": "message-start", "id": "c-1", "delta": {"message": {"role": "assistant"}}},
    {"type": "tool-plan-delta", "delta": {"message": {"tool_plan": "First "}}},
    {"type": "tool-plan-delta", "delta": {"message": {"tool_plan": "I look."}}},
    {"type": "content-start", "index": 0, "delta": {"message": {"content": {"type": "thinking", "thinking": ""}}}},
    {"type": "content-delta", "index": 0, "delta": {"message": {"content": {"thinking": "Hm. "}}}},
    {"type": "content-end", "index": 0},
    {"type": "content-start", "index": 1, "delta": {"message": {"content": {"type": "text", "text": ""}}}},
    {"type": "content-delta", "index": 1, "delta": {"message": {"content": {"text": "8,849 "}}}},
    {"type": "content-delta", "index": 1, "delta": {"message": {"content": {"text": "m."}}}},
    {"type": "content-end", "index": 1},
    {
        "type": "tool-call-start",
        "index": 0,
        "delta": {"message": {"tool_calls": {**CALL, "function": {"name": "altitude", "arguments": ""}}}},
    },
    {
        "type": "tool-call-delta",
        "index": 0,
        "delta": {"message": {"tool_calls": {"function": {"arguments": '{"of": '}}}},
    },
    {
        "type": "tool-call-delta",
        "index": 0,
        "delta": {"message": {"tool_calls": {"function": {"arguments": '"Everest"}'}}}},
    },
    {"type": "tool-call-end", "index": 0},
    {"type": "message-end", "delta": {"finish_reason": "COMPLETE", "usage": USAGE}},
]
CUT = 5
PARTIAL = {
    "gen_ai.response.id": "c-1",
    "gen_ai.response.time_to_first_chunk": ANY,
    "gen_ai.output.messages": [
        {
            "role": "assistant",
            "parts": [
                {"type": "reasoning", "content": "First I look."},
                {"type": "reasoning", "content": "Hm. "},
            ],
        }
    ],
    "gen_ai.usage.input_tokens": 92,
    "gen_ai.usage.output_tokens": 6,
}
META = {"api_version": {"version": "2"}, "billed_units": {"input_tokens": 6.0}}
EMBED: Mapping[str, Any] = {"texts": [QUESTION], "model": "embed-v4.0", "input_type": "search_query"}
EMBEDDING = {
    "id": "e-1",
    "texts": [QUESTION],
    "embeddings": {"float": [[0.25, -0.5]]},
    "meta": META,
    "response_type": "embeddings_by_type",
}
ASKED_EMBED = {
    "gen_ai.operation.name": "embeddings",
    "gen_ai.provider.name": "cohere",
    "gen_ai.request.model": "embed-v4.0",
    "gen_ai.request.encoding_formats": ("float",),
    "server.address": "api.cohere.com",
}
ANSWERED_EMBED = {"gen_ai.response.id": "e-1", "gen_ai.usage.input_tokens": 6}
FUJI, EVEREST, LAKE = "Fuji is 3,776 m high.", "Everest is 8,849 m high.", "A lake."
RERANKED = {
    "id": "r-1",
    "results": [{"index": 1, "relevance_score": 0.98}, {"index": 0, "relevance_score": 0.21}],
    "meta": {"api_version": {"version": "2"}, "billed_units": {"search_units": 1.0}},
}
RERANK: Mapping[str, Any] = {
    "model": "rerank-v3.5",
    "query": QUESTION,
    "documents": [FUJI, EVEREST, LAKE],
    "top_n": 2,
}
ASKED_RERANK = {
    "gen_ai.operation.name": "rerank",
    "gen_ai.provider.name": "cohere",
    "gen_ai.request.model": "rerank-v3.5",
    "gen_ai.retrieval.top_k": 2,
    "gen_ai.retrieval.query.text": QUESTION,
    "groundwire.rerank.input_documents": [{"content": FUJI}, {"content": EVEREST}, {"content": LAKE}],
    "server.address": "api.cohere.com",
}
ANSWERED_RERANK = {
    "gen_ai.response.id": "r-1",
    "gen_ai.retrieval.documents": [{"score": 0.98, "content": EVEREST}, {"score": 0.21, "content": FUJI}],
    "groundwire.retrieval.higher_is_better": True,
    "cohere.usage.search_units": 1.0,
}
RECORDS = [{"id": "f", "text": FUJI, "page": "7"}, {"id": "e", "text": EVEREST}]
RECORDS_BEFORE = [{"id": "f", "content": FUJI, "metadata": {"page": "7"}}, {"id": "e", "content": EVEREST}]


def _opens(answer: Answer, a: bool, version: int) -> Callable[[Mode, Callable[[], None]], Any]:
    def client(mode: Mode, served: Callable[[], None]) -> Any:
        wire = Wire(mode, served, answer, document({"message": "no such model"}, 400))
        make = getattr(cohere, ("Async" if a else "") + ("ClientV2" if version == 2 else "Client"))
        http: Any = httpx.AsyncClient(transport=wire) if a else httpx.Client(transport=wire)
        return make(api_key=KEY, httpx_client=http, max_retries=0)

    return client


def _case(
    name: str,
    call: Callable[[Any], Any],
    answer: Answer,
    asked: Mapping[str, Any],
    answered: Mapping[str, Any],
    *,
    a: bool,
    version: int = 2,
    **rest: Any,
) -> Case:
    modes: set[Mode] = {"answer", "error", "interrupt"} | ({"hang"} if a else set())
    if a and version == 1:
        modes -= {"interrupt"}  # batches are tasks, and out of a task asyncio throws it through the loop
    if rest.get("streams"):  # a generator hangs when it is read, not when it is made
        modes -= {"hang"}
        modes |= {"break", "stall"} if a else {"break"}
    return Case(
        name=f"{name}, async" if a else name,
        provider=PROVIDER,
        client=_opens(answer, a, version),
        call=call,
        span=f"{asked['gen_ai.operation.name']} {asked['gen_ai.request.model']}",
        asked=asked,
        answered=answered,
        modes=modes,
        asynchronous=a,
        **rest,
    )


def _raw_stream(client: Any) -> Any:
    with client.with_raw_response.chat_stream(**CHAT) as answer:
        return list(answer.data)


async def _raw_stream_async(client: Any) -> Any:
    async with client.with_raw_response.chat_stream(**CHAT) as answer:
        return [event async for event in answer.data]


def _raw(client: Any) -> Any:
    return client.with_raw_response.chat(**CHAT).data


async def _raw_async(client: Any) -> Any:
    return (await client.with_raw_response.chat(**CHAT)).data


def _cases(a: bool) -> list[Case]:
    whole = document({"id": "c-1", "finish_reason": "COMPLETE", "message": MESSAGE, "usage": USAGE})
    sent = [f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode() for event in EVENTS]
    said = pieces([*sent, b"data: [DONE]\n\n"], CUT, "text/event-stream")
    asked_stream = ASKED_CHAT | {"gen_ai.request.stream": True}
    streamed = ANSWERED_CHAT | {"gen_ai.response.time_to_first_chunk": ANY}
    return [
        _case("chat", lambda c: c.chat(**CHAT), whole, ASKED_CHAT, ANSWERED_CHAT, a=a, kind=cohere.V2ChatResponse),
        _case("chat raw", _raw_async if a else _raw, whole, ASKED_CHAT, ANSWERED_CHAT, a=a),
        _case(
            "chat stream",
            lambda c: c.chat_stream(**CHAT),
            said,
            asked_stream,
            streamed,
            a=a,
            streams=True,
            bare=True,
            lazy=True,
            kind=types.AsyncGeneratorType if a else types.GeneratorType,
            partial_chunks=CUT,
            partial=PARTIAL,
        ),
        _case("chat stream raw", _raw_stream_async if a else _raw_stream, said, asked_stream, streamed, a=a, bare=True),
        _case(
            "embed",
            lambda c: c.embed(embedding_types=["float"], output_dimension=2, **EMBED),
            document(EMBEDDING),
            ASKED_EMBED | {"gen_ai.embeddings.dimension.count": 2},
            ANSWERED_EMBED,
            a=a,
        ),
        _case(
            "embed v1",
            # Batches of the sync client go to threads, where nothing is current.
            lambda c: c.embed(embedding_types=["float"], **EMBED, **({} if a else {"batching": False})),
            document(EMBEDDING),
            ASKED_EMBED,
            ANSWERED_EMBED,
            a=a,
            version=1,
        ),
        _case("rerank", lambda c: c.rerank(**RERANK), document(RERANKED), ASKED_RERANK, ANSWERED_RERANK, a=a),
        _case(
            "rerank v1 of records",
            lambda c: c.rerank(**{**RERANK, "documents": iter(RECORDS)}),
            document(RERANKED),
            ASKED_RERANK | {"groundwire.rerank.input_documents": RECORDS_BEFORE},
            ANSWERED_RERANK
            | {
                "gen_ai.retrieval.documents": [
                    {**RECORDS_BEFORE[1], "score": 0.98},
                    {**RECORDS_BEFORE[0], "score": 0.21},
                ]
            },
            a=a,
            version=1,
        ),
    ]


V1_CALL = {"name": "altitude", "parameters": {"of": "Everest"}}
CHAT_V1: Mapping[str, Any] = {
    "model": MODEL,
    "message": QUESTION,
    "preamble": "Be short.",
    "chat_history": [{"role": "USER", "message": "Hi."}, {"role": "CHATBOT", "message": "Yes?"}],
    "documents": [{"id": "d2", "text": "Everest is 8,849 m high."}],
    "tools": [{"name": "altitude", "description": "Height", "parameter_definitions": {}}],
    "tool_results": [{"call": V1_CALL, "outputs": [{"m": 8849}]}],
    "temperature": 0.5,
}
WHOLE_V1 = {
    "text": "8,849 m.",
    "generation_id": "g-1",
    "response_id": "c-1",
    "finish_reason": "COMPLETE",
    "tool_calls": [V1_CALL],
    "meta": USAGE | {"api_version": {"version": "1"}},
}
EVENTS_V1 = [
    {"event_type": "stream-start", "generation_id": "g-1"},
    {"event_type": "text-generation", "text": "8,849 "},
    {"event_type": "text-generation", "text": "m."},
    {"event_type": "stream-end", "finish_reason": "COMPLETE", "response": WHOLE_V1},
]
ASKED_V1 = {k: v for k, v in ASKED_CHAT.items() if not k.endswith(("top_p", "stop_sequences"))} | {
    "gen_ai.system_instructions": [{"type": "text", "content": "Be short."}],
    "gen_ai.tool.definitions": [{"type": "function", "name": "altitude", "description": "Height", "parameters": {}}],
    "gen_ai.input.messages": [
        {
            "role": "tool",
            "parts": [{"type": "document", "content": "Everest is 8,849 m high.", "id": "d2"}],
        },
        {"role": "user", "parts": [{"type": "text", "content": "Hi."}]},
        {"role": "assistant", "parts": [{"type": "text", "content": "Yes?"}]},
        {"role": "user", "parts": [{"type": "text", "content": QUESTION}]},
        {
            "role": "tool",
            "parts": [{"type": "tool_call_response", "id": None, "name": "altitude", "response": [{"m": 8849}]}],
        },
    ],
}
ANSWERED_V1 = ANSWERED_CHAT | {
    "gen_ai.output.messages": [
        {
            "role": "assistant",
            "parts": [
                {"type": "text", "content": "8,849 m."},
                {"type": "tool_call", "id": None, "name": "altitude", "arguments": {"of": "Everest"}},
            ],
        }
    ],
}


def _v1_cases() -> list[Case]:
    said = pieces([json.dumps(event).encode() + b"\n" for event in EVENTS_V1], 2, "application/stream+json")
    first = {"gen_ai.response.time_to_first_chunk": ANY}
    return [
        _case("chat v1", lambda c: c.chat(**CHAT_V1), document(WHOLE_V1), ASKED_V1, ANSWERED_V1, a=True, version=1),
        _case(
            "chat v1 stream",
            lambda c: c.chat_stream(**CHAT_V1),
            said,
            ASKED_V1 | {"gen_ai.request.stream": True},
            ANSWERED_V1 | first,
            a=False,
            version=1,
            streams=True,
            bare=True,
            lazy=True,
            kind=types.GeneratorType,
            partial_chunks=2,
            partial=first
            | {
                "gen_ai.response.id": "g-1",
                "gen_ai.output.messages": [{"role": "assistant", "parts": [{"type": "text", "content": "8,849 "}]}],
                "gen_ai.usage.input_tokens": 59,
                "gen_ai.usage.output_tokens": 3,
            },
        ),
    ]


CASES = [*(case for a in (False, True) for case in _cases(a)), *_v1_cases()]
