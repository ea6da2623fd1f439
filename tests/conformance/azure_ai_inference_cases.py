"""Azure AI Inference in the conformance suite: chats and embeddings of real clients."""

from collections.abc import Callable, Mapping
from typing import Any

from azure.ai.inference import ChatCompletionsClient, EmbeddingsClient
from azure.ai.inference import aio as azure_aio
from azure.ai.inference import models as azure

from conformance.azure_wire import CUT, Answer, opens
from conformance.cases import ANY, Case, Mode
from groundwire_instrumentation.azure_ai_inference import PROVIDER

ENDPOINT = "https://peaks.services.ai.azure.com/models"
MODEL = "gpt-4o-mini"
QUESTION = "How high is Everest?"
ANSWER = "Everest is 8,849 m high."


SCHEMA = {"type": "object", "properties": {"name": {"type": "string"}}}
TOOL = azure.ChatCompletionsToolDefinition(
    function=azure.FunctionDefinition(name="altitude", description="Height", parameters=SCHEMA)
)
CALL = {"id": "t1", "type": "function", "function": {"name": "altitude", "arguments": '{"name": "K2"}'}}
CALL_PART = {"type": "tool_call", "id": "t1", "name": "altitude", "arguments": '{"name": "K2"}'}
MESSAGES: list[Any] = [
    azure.SystemMessage("Be short."),
    azure.UserMessage(QUESTION),
    azure.AssistantMessage(tool_calls=[azure.ChatCompletionsToolCall(CALL)]),
    azure.ToolMessage(content="8611", tool_call_id="t1"),
]
ASKED_CHAT = {
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "azure.ai.inference",
    "gen_ai.request.model": MODEL,
    "gen_ai.request.temperature": 0.5,
    "gen_ai.request.max_tokens": 64,
    "gen_ai.request.stop_sequences": ("END",),
    "server.address": "peaks.services.ai.azure.com",
    "gen_ai.tool.definitions": [
        {"type": "function", "name": "altitude", "description": "Height", "parameters": SCHEMA}
    ],
    "gen_ai.input.messages": [
        {"role": "system", "parts": [{"type": "text", "content": "Be short."}]},
        {"role": "user", "parts": [{"type": "text", "content": QUESTION}]},
        {"role": "assistant", "parts": [CALL_PART]},
        {"role": "tool", "parts": [{"type": "tool_call_response", "id": "t1", "response": "8611"}]},
    ],
}
BODY = {"model": MODEL, "messages": [{"role": "user", "content": QUESTION}], "max_tokens": 64}
ASKED_BODY = {
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "azure.ai.inference",
    "gen_ai.request.model": MODEL,
    "gen_ai.request.max_tokens": 64,
    "server.address": "peaks.services.ai.azure.com",
    "gen_ai.input.messages": [{"role": "user", "parts": [{"type": "text", "content": QUESTION}]}],
}
USAGE = {
    "prompt_tokens": 120,
    "completion_tokens": 34,
    "total_tokens": 154,
    "prompt_tokens_details": {"cached_tokens": 100},
    "completion_tokens_details": {"reasoning_tokens": 20},
}
MESSAGE = {"role": "assistant", "content": ANSWER, "reasoning_content": "A height.", "tool_calls": [CALL]}
HEAD = {"id": "c1", "created": 1_750_000_000, "model": "gpt-4o-mini-2024-07-18"}
COMPLETION = HEAD | {"choices": [{"index": 0, "finish_reason": "tool_calls", "message": MESSAGE}], "usage": USAGE}
DELTAS: list[dict[str, Any]] = [
    {"role": "assistant", "reasoning_content": "A height."},
    {"content": "Everest is "},
    {"content": "8,849 m "},
    {"content": "high."},
    {"tool_calls": [CALL | {"function": {"name": "altitude", "arguments": '{"name": '}}]},
    {"tool_calls": [{"id": None, "function": {"arguments": '"K2"}'}}]},
]
CHUNKS = [HEAD | {"choices": [{"index": 0, "delta": delta, "finish_reason": None}]} for delta in DELTAS]
CHUNKS += [HEAD | {"choices": [{"index": 0, "delta": {}, "finish_reason": "tool_calls"}]}]
CHUNKS += [HEAD | {"choices": [], "usage": USAGE}]


def _said(*parts: Mapping[str, Any], **rest: Any) -> dict[str, Any]:
    return {
        "gen_ai.response.id": "c1",
        "gen_ai.response.model": "gpt-4o-mini-2024-07-18",
        "gen_ai.output.messages": [{"role": "assistant", "parts": list(parts)}],
    } | rest


THOUGHT = {"type": "reasoning", "content": "A height."}
ANSWERED = _said(
    THOUGHT,
    {"type": "text", "content": ANSWER},
    CALL_PART,
    **{
        "gen_ai.response.finish_reasons": ("tool_call",),
        "gen_ai.usage.input_tokens": 120,
        "gen_ai.usage.output_tokens": 34,
        "gen_ai.usage.cache_read.input_tokens": 100,
        "gen_ai.usage.reasoning.output_tokens": 20,
    },
)
FIRST_CHUNK = {"gen_ai.response.time_to_first_chunk": ANY}
PARTIAL = _said(
    THOUGHT,
    {"type": "text", "content": "Everest is 8,849 m "},
    **FIRST_CHUNK,
    **{"gen_ai.usage.input_tokens": 86, "gen_ai.usage.output_tokens": 9},
)
EMBEDDINGS = {
    "id": "e1",
    "model": "text-embedding-3-small",
    "data": [{"index": 0, "embedding": [0.5, 0.25]}],
    "usage": {"prompt_tokens": 8, "total_tokens": 8},
}


def _case(
    name: str,
    call: Callable[[Any], Any],
    answer: Answer,
    asked: Mapping[str, Any] = ASKED_CHAT,
    answered: Mapping[str, Any] = ANSWERED,
    *,
    make: Callable[..., Any] | None = None,
    asynchronous: bool = False,
    streams: bool = False,
    **settings: Any,
) -> Case:
    modes: set[Mode] = {"answer", "error", "interrupt"}
    rest: dict[str, Any] = {}
    if asynchronous:
        modes |= {"hang"}
    if streams:
        modes |= {"break", "stall"} if asynchronous else {"break"}
        kind = azure.AsyncStreamingChatCompletions if asynchronous else azure.StreamingChatCompletions
        rest = {"streams": True, "bare": True, "kind": kind, "partial_chunks": CUT, "partial": PARTIAL}
        asked, answered = {**asked, "gen_ai.request.stream": True}, {**answered, **FIRST_CHUNK}
    make = make or (azure_aio.ChatCompletionsClient if asynchronous else ChatCompletionsClient)
    return Case(
        name=f"{name}, async" if asynchronous else name,
        provider=PROVIDER,
        client=opens(make, answer, asynchronous, endpoint=ENDPOINT, **settings),
        call=call,
        span=f"{asked['gen_ai.operation.name']} {asked['gen_ai.request.model']}",
        asked=asked,
        answered=answered,
        modes=modes,
        asynchronous=asynchronous,
        **rest,
    )


def _asks(**rest: Any) -> Callable[[Any], Any]:
    return lambda c: c.complete(messages=MESSAGES, tools=[TOOL], stop=["END"], max_tokens=64, **rest)


OF_CLIENT = {"model": MODEL, "temperature": 0.5}
CASES = [
    *(_case("complete", _asks(), Answer(COMPLETION), asynchronous=a, **OF_CLIENT) for a in (False, True)),
    *(
        _case("complete stream", _asks(stream=True), Answer(events=CHUNKS), asynchronous=a, streams=True, **OF_CLIENT)
        for a in (False, True)
    ),
    _case("complete with a body", lambda c: c.complete(BODY), Answer(COMPLETION), ASKED_BODY),
    _case(
        "embed",
        lambda c: c.embed(input=[QUESTION], model="text-embedding-3-small", dimensions=2, encoding_format="float"),
        Answer(EMBEDDINGS),
        {
            "gen_ai.operation.name": "embeddings",
            "gen_ai.provider.name": "azure.ai.inference",
            "gen_ai.request.model": "text-embedding-3-small",
            "gen_ai.request.encoding_formats": ("float",),
            "gen_ai.embeddings.dimension.count": 2,
            "server.address": "peaks.services.ai.azure.com",
        },
        {"gen_ai.response.model": "text-embedding-3-small", "gen_ai.usage.input_tokens": 8},
        make=EmbeddingsClient,
    ),
    _case(
        "embed images",
        lambda c: c.embed(input=[azure.ImageEmbeddingInput(image="data:image/png;base64,AAAA")]),
        Answer(EMBEDDINGS | {"model": "embed-v-4-0"}),
        {
            "gen_ai.operation.name": "embeddings",
            "gen_ai.provider.name": "azure.ai.inference",
            "gen_ai.request.model": "embed-v-4-0",
            "server.address": "peaks.services.ai.azure.com",
        },
        {"gen_ai.response.model": "embed-v-4-0", "gen_ai.usage.input_tokens": 8},
        make=azure_aio.ImageEmbeddingsClient,
        asynchronous=True,
        model="embed-v-4-0",
    ),
]
