"""Hugging Face's `InferenceClient` over a faked wire: documents, and server-sent events as TGI writes them."""

import json
import types
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from itertools import count
from typing import Any

import httpx
from huggingface_hub import AsyncInferenceClient, InferenceClient, set_async_client_factory, set_client_factory

from conformance.cases import ANY, Case, Mode
from conformance.http_client import http_of
from conformance.httpx_wire import Answer, Wire, document, pieces
from groundwire_instrumentation.huggingface import PROVIDER

http = http_of("huggingface_hub")
MODEL = "meta-llama/Llama-3.3-70B-Instruct"
ENDPOINT = "https://mine.endpoints.test"
QUESTION = "How high is Everest?"
ANSWER = "Everest is 8,849 m high."
REFUSED = {"error": "no such model", "error_type": "validation"}
CUT = 3

# --- the wire: the library has one client for the process, so a header says whose answer it is ----------------------

HUB = {
    "id": MODEL,
    "pipeline_tag": "feature-extraction",
    "inferenceProviderMapping": {"together": {"status": "live", "providerId": MODEL, "task": "conversational"}},
}
_wires: dict[str, Wire] = {}
_clients: dict[str, Any] = {}
"""A client that is dropped closes its streams."""
_numbers = count()


class _Body(http.SyncByteStream, http.AsyncByteStream):
    def __init__(self, body: Any) -> None:
        self._body = body

    def __iter__(self) -> Iterator[bytes]:
        yield from self._body

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for piece in self._body:
            yield piece


class _Transport(http.BaseTransport, http.AsyncBaseTransport):
    @staticmethod
    def _converted(answer: httpx.Response) -> http.Response:
        headers = [(k, v) for k, v in answer.headers.items() if k != "content-length"]
        return http.Response(answer.status_code, headers=headers, stream=_Body(answer.stream))

    def handle_request(self, request: http.Request) -> http.Response:
        if request.method == "GET":  # the library asks the hub, once, who serves the model
            return http.Response(200, json=HUB)
        return self._converted(_wires[request.headers["x-wire"]].handle_request(None))  # type: ignore[arg-type]

    async def handle_async_request(self, request: http.Request) -> http.Response:
        wire = _wires[request.headers["x-wire"]]
        return self._converted(await wire.handle_async_request(None))  # type: ignore[arg-type]


def _opens(answer: Answer, asynchronous: bool, **settings: Any) -> Callable[[Mode, Callable[[], None]], Any]:
    def client(mode: Mode, served: Callable[[], None]) -> Any:
        set_client_factory(lambda: http.Client(transport=_Transport()))
        set_async_client_factory(lambda: http.AsyncClient(transport=_Transport()))
        key = str(next(_numbers) % 64)
        _wires[key] = Wire(mode, served, answer, document(REFUSED, 400))
        make = AsyncInferenceClient if asynchronous else InferenceClient
        _clients[key] = make(**{"token": "hf_never_on_a_span", "headers": {"x-wire": key}, **settings})
        return _clients[key]

    return client


# --- calls ----------------------------------------------------------------------------------------------------------

TOOL = {"type": "function", "function": {"name": "altitude", "description": "Height", "parameters": {"type": "object"}}}
CALL = {"id": "t1", "type": "function", "function": {"name": "altitude", "arguments": '{"name": "K2"}'}}
CALL_PART = {"type": "tool_call", "id": "t1", "name": "altitude", "arguments": '{"name": "K2"}'}
CHAT: Mapping[str, Any] = {
    "messages": [{"role": "system", "content": "Be short."}, {"role": "user", "content": QUESTION}],
    "model": MODEL,
    "max_tokens": 64,
    "temperature": 0.5,
    "stop": ["END"],
    "tools": [TOOL],
}
AT = {
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "huggingface_together",
    "gen_ai.request.model": MODEL,
    "server.address": "router.huggingface.co",
}
ASKED_CHAT = AT | {
    "gen_ai.request.max_tokens": 64,
    "gen_ai.request.temperature": 0.5,
    "gen_ai.request.stop_sequences": ("END",),
    "gen_ai.input.messages": [
        {"role": "system", "parts": [{"type": "text", "content": "Be short."}]},
        {"role": "user", "parts": [{"type": "text", "content": QUESTION}]},
    ],
    "gen_ai.tool.definitions": [{"type": "function", **TOOL["function"]}],  # type: ignore[dict-item]
}
HEAD = {"id": "c1", "created": 1, "model": MODEL, "system_fingerprint": "fp"}
USAGE: Mapping[str, Any] = {
    "prompt_tokens": 31,
    "completion_tokens": 12,
    "total_tokens": 43,
    "prompt_tokens_details": {"cached_tokens": 16},  # of whoever answers: unknown to the library
    "completion_tokens_details": {"reasoning_tokens": 5},
}
MESSAGE = {"role": "assistant", "content": ANSWER, "reasoning": "A height.", "tool_calls": [CALL]}
COMPLETION = HEAD | {"choices": [{"index": 0, "finish_reason": "stop", "message": MESSAGE}], "usage": USAGE}
DELTAS: list[dict[str, Any]] = [
    {"role": "assistant", "reasoning_content": "A height."},  # DeepSeek's word, unknown to the library as well
    {"role": "assistant", "content": "Everest is "},
    {"role": "assistant", "content": "8,849 m "},
    {"role": "assistant", "content": "high."},
    {"role": "assistant", "tool_calls": [CALL | {"index": 0}]},
]
CHUNKS = [HEAD | {"choices": [{"index": 0, "delta": delta, "finish_reason": None}]} for delta in DELTAS]
CHUNKS += [HEAD | {"choices": [{"index": 0, "delta": {"role": "assistant"}, "finish_reason": "stop"}]}]
CHUNKS += [HEAD | {"choices": [], "usage": USAGE}]
TEXT = {"type": "text", "content": ANSWER}
THOUGHT = {"type": "reasoning", "content": "A height."}


def _said(*parts: Mapping[str, Any], **rest: Any) -> dict[str, Any]:
    return {"gen_ai.output.messages": [{"role": "assistant", "parts": list(parts)}]} | rest


RESPONSE = {
    "gen_ai.response.id": "c1",
    "gen_ai.response.model": MODEL,
    "openai.response.system_fingerprint": "fp",
}
STOPPED = {"gen_ai.response.finish_reasons": ("stop",)}
COUNTED = {"gen_ai.usage.input_tokens": 31, "gen_ai.usage.output_tokens": 12}
COUNTED_APART = {
    "gen_ai.usage.cache_read.input_tokens": 16,
    "gen_ai.usage.reasoning.output_tokens": 5,
}
FIRST_CHUNK = {"gen_ai.response.time_to_first_chunk": ANY}
ANSWERED_CHAT = _said(THOUGHT, TEXT, CALL_PART, **RESPONSE, **STOPPED, **COUNTED, **COUNTED_APART)
PARTIAL_CHAT = _said(
    THOUGHT,
    {"type": "text", "content": "Everest is 8,849 m "},
    **RESPONSE,
    **{"gen_ai.usage.input_tokens": 54, "gen_ai.usage.output_tokens": 9},
)

ASKED_TEXT = {
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "huggingface",
    "gen_ai.request.max_tokens": 64,
    "server.address": "mine.endpoints.test",
    "gen_ai.input.messages": [{"role": "user", "parts": [{"type": "text", "content": QUESTION}]}],
}
TOKENS = ["Everest is ", "8,849 m ", "high."]
TEXT_CHUNKS: list[dict[str, Any]] = [
    {"index": n, "token": {"id": n, "logprob": -0.5, "special": False, "text": text}, "details": None}
    for n, text in enumerate(TOKENS)
]
TEXT_CHUNKS += [
    {
        "index": 3,
        "token": {"id": 3, "logprob": 0.0, "special": True, "text": "</s>"},
        "generated_text": ANSWER,
        "details": {"finish_reason": "eos_token", "generated_tokens": 12, "input_length": 31, "seed": None},
    }
]
DETAILS = {"finish_reason": "length", "generated_tokens": 12, "seed": None, "prefill": [], "tokens": []}


def _events(chunks: list[dict[str, Any]]) -> Answer:
    sent = [f"data: {json.dumps(chunk)}\n\n".encode() for chunk in chunks]
    return pieces([*sent, b"data: [DONE]\n\n"], CUT, "text/event-stream")


def _case(
    name: str,
    call: Callable[[Any], Any],
    answer: Answer,
    asked: Mapping[str, Any],
    answered: Mapping[str, Any],
    *,
    asynchronous: bool = False,
    partial: Mapping[str, Any] | None = None,
    **settings: Any,
) -> Case:
    modes: set[Mode] = {"answer", "error", "interrupt"}
    rest: dict[str, Any] = {}
    if asynchronous:
        modes |= {"hang"}
    if partial is not None:
        modes |= {"break", "stall"} if asynchronous else {"break"}
        kind: type = types.AsyncGeneratorType if asynchronous else types.GeneratorType
        rest = {"streams": True, "bare": True, "kind": kind, "partial_chunks": CUT}
        rest["partial"] = {**partial, **FIRST_CHUNK}
        asked, answered = {**asked, "gen_ai.request.stream": True}, {**answered, **FIRST_CHUNK}
    model = asked.get("gen_ai.request.model")
    return Case(
        name=f"{name}, async" if asynchronous else name,
        provider=PROVIDER,
        client=_opens(answer, asynchronous, **settings),
        call=call,
        span=asked["gen_ai.operation.name"] + (f" {model}" if model else ""),
        asked=asked,
        answered=answered,
        modes=modes,
        asynchronous=asynchronous,
        **rest,
    )


def _chat_cases(a: bool) -> list[Case]:
    partner = {"provider": "together", "asynchronous": a}
    return [
        _case(
            "chat",
            lambda c: c.chat.completions.create(**CHAT),
            document(COMPLETION),
            ASKED_CHAT,
            ANSWERED_CHAT,
            **partner,
        ),
        _case(
            "chat stream",
            lambda c: c.chat_completion(stream=True, **CHAT),
            _events(CHUNKS),
            ASKED_CHAT,
            ANSWERED_CHAT,
            partial=PARTIAL_CHAT,
            **partner,
        ),
    ]


CASES = [
    *_chat_cases(False),
    *_chat_cases(True),
    _case(
        "text generation, bare",
        lambda c: c.text_generation(QUESTION, max_new_tokens=64),
        document([{"generated_text": ANSWER}]),
        ASKED_TEXT,
        _said(TEXT),
        model=ENDPOINT,
    ),
    _case(
        "text generation stream with details",
        lambda c: c.text_generation(QUESTION, max_new_tokens=64, stream=True, details=True),
        _events(TEXT_CHUNKS),
        ASKED_TEXT,
        _said(TEXT, **STOPPED, **COUNTED),
        partial=_said(TEXT, **{"gen_ai.usage.input_tokens": 5, "gen_ai.usage.output_tokens": 8}),
        model=ENDPOINT,
    ),
    _case(
        "embeddings",
        lambda c: c.feature_extraction(QUESTION, model="BAAI/bge-small-en-v1.5"),
        document([[0.5, 0.25]]),
        AT
        | {
            "gen_ai.operation.name": "embeddings",
            "gen_ai.provider.name": "huggingface",
            "gen_ai.request.model": "BAAI/bge-small-en-v1.5",
        },
        {},
        provider="hf-inference",
    ),
]
