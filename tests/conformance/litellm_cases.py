"""LiteLLM over OpenAI's real client, and over its own for the others, on faked wires."""

import json
import os
import time
from collections.abc import Callable, Mapping
from typing import Any

os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")  # else it fetches prices when it is imported

import httpx
import litellm
from litellm.llms.custom_httpx.http_handler import AsyncHTTPHandler, HTTPHandler

from conformance import openai_wire as wire
from conformance.cases import ANY, Case, Mode
from conformance.httpx_wire import Answer, Wire, document
from groundwire_instrumentation.litellm import PROVIDER

MODEL = "gpt-4o-mini"
QUESTION, ANSWER = wire.QUESTION, wire.ANSWER
CUT = 3
litellm.suppress_debug_info = True
litellm.telemetry = False
litellm.num_retries = 0


class _StoppedClock:
    """Chunks tell when they were made, and are compared between two runs."""

    time = staticmethod(lambda: 1_750_000_000.0)

    def __getattr__(self, name: str) -> Any:
        return getattr(time, name)


litellm.types.utils.time = _StoppedClock()

CHAT: Mapping[str, Any] = {
    "messages": [{"role": "system", "content": "Be short."}, {"role": "user", "content": QUESTION}],
    "temperature": 0.5,
    "max_tokens": 64,
}
ASKED_MESSAGES = {
    "gen_ai.request.temperature": 0.5,
    "gen_ai.request.max_tokens": 64,
    "gen_ai.input.messages": [
        {"role": "system", "parts": [{"type": "text", "content": "Be short."}]},
        {"role": "user", "parts": [{"type": "text", "content": QUESTION}]},
    ],
}


def _at(provider: str, model: str, kind: str = "chat") -> dict[str, Any]:
    return {"gen_ai.operation.name": kind, "gen_ai.provider.name": provider, "gen_ai.request.model": model}


def _said(text: str, **rest: Any) -> dict[str, Any]:
    return {"gen_ai.output.messages": [{"role": "assistant", "parts": [{"type": "text", "content": text}]}]} | rest


STOPPED = {"gen_ai.response.finish_reasons": ("stop",)}
ANSWERED = _said(
    ANSWER,
    **STOPPED,
    **{
        "gen_ai.response.id": "chatcmpl-1",
        "gen_ai.response.model": "gpt-4o-mini-2024-07-18",
        "openai.response.service_tier": "default",
        "openai.response.system_fingerprint": "fp_1",
        "gen_ai.usage.input_tokens": 120,
        "gen_ai.usage.output_tokens": 34,
        "gen_ai.usage.cache_read.input_tokens": 100,
        "gen_ai.usage.reasoning.output_tokens": 20,
    },
)
FIRST_CHUNK = {"gen_ai.response.time_to_first_chunk": ANY}
TEXT: dict[str, Any] = {
    "id": "cmpl-1",
    "object": "text_completion",
    "created": 1,
    "model": "gpt-3.5-turbo-instruct",
    "choices": [{"index": 0, "text": ANSWER, "finish_reason": "stop", "logprobs": None}],
    "usage": {"prompt_tokens": 5, "completion_tokens": 8, "total_tokens": 13},
}
DOCUMENTS = ["K2 is 8,611 m high.", ANSWER]
RANKED = {
    "id": "r1",
    "results": [{"index": 1, "relevance_score": 0.9}, {"index": 0, "relevance_score": 0.2}],
    "meta": {"billed_units": {"search_units": 1}},
}


def _openai(answer: Callable[[Mode], Any], asynchronous: bool) -> Callable[[Mode, Callable[[], None]], Any]:
    def client(mode: Mode, served: Callable[[], None]) -> Any:
        def respond(_: Any) -> Any:
            if mode == "error":
                return wire.document(wire.REFUSED, 400)
            if mode == "interrupt":
                raise KeyboardInterrupt
            return answer(mode)

        played = wire.Wire(respond, served)
        played.hangs = mode == "hang"
        return wire.client_on(played, asynchronous=asynchronous)

    return client


def _whole(request: httpx.Request) -> None:
    """What can be read but once reaches the server all the same."""
    assert json.loads(request.content).get("documents", DOCUMENTS) == DOCUMENTS


def _own(answer: Answer, asynchronous: bool) -> Callable[[Mode, Callable[[], None]], Any]:
    def client(mode: Mode, served: Callable[[], None]) -> Any:
        played = Wire(mode, served, answer, document({"error": {"message": "no such model"}}, 400))
        if asynchronous:
            handler = AsyncHTTPHandler()
            handler.client = httpx.AsyncClient(transport=played)
            return handler
        return HTTPHandler(client=httpx.Client(transport=played, event_hooks={"request": [_whole]}))

    return client


def _case(
    name: str,
    call: Callable[[Any], Any],
    client: Callable[[Mode, Callable[[], None]], Any],
    asked: Mapping[str, Any],
    answered: Mapping[str, Any],
    *,
    asynchronous: bool = False,
    partial: Mapping[str, Any] | None = None,
) -> Case:
    modes: set[Mode] = {"answer", "error"}
    rest: dict[str, Any] = {}
    if partial is not None:
        rest = {"streams": True, "bare": True, "partial_chunks": CUT, "kind": litellm.CustomStreamWrapper}
        rest["partial"] = {**partial, **FIRST_CHUNK}
        rest["since"] = "1.105.0"  # the tier, and the model that answered
        asked, answered = {**asked, "gen_ai.request.stream": True}, {**answered, **FIRST_CHUNK}
    return Case(
        name=f"{name}, async" if asynchronous else name,
        provider=PROVIDER,
        client=client,
        call=call,
        span=f"{asked['gen_ai.operation.name']} {asked['gen_ai.request.model']}",
        asked=asked,
        answered=answered,
        modes=modes,
        asynchronous=asynchronous,
        **rest,
    )


def _chat_cases(a: bool) -> list[Case]:
    complete = litellm_function("acompletion" if a else "completion")
    asked = _at("openai", MODEL) | ASKED_MESSAGES
    streamed = {"stream": True, "stream_options": {"include_usage": True}}
    return [
        _case(
            "completion",
            lambda c: complete(model=f"openai/{MODEL}", client=c, **CHAT),
            _openai(lambda _: wire.document(wire.COMPLETION), a),
            asked,
            ANSWERED,
            asynchronous=a,
        ),
        _case(
            "completion stream",
            lambda c: complete(model=MODEL, client=c, **CHAT, **streamed),
            _openai(lambda mode: wire.stream(wire.CHUNKS_WITH_USAGE, mode), a),
            asked,
            ANSWERED,
            asynchronous=a,
            partial=_said(
                "Everest is ",
                **{
                    **{key: ANSWERED[key] for key in ANSWERED if key.startswith(("gen_ai.response.id", "openai."))},
                    "gen_ai.response.model": "gpt-4o-mini-2024-07-18",
                    "gen_ai.usage.input_tokens": 8,
                    "gen_ai.usage.output_tokens": 2,
                },
            ),
        ),
    ]


def litellm_function(name: str) -> Callable[..., Any]:
    """The function as it stands when it is called: instrumentation comes later."""
    return lambda **arguments: getattr(litellm, name)(**arguments)


CASES = [
    *_chat_cases(False),
    *_chat_cases(True),
    _case(
        "text completion",
        lambda c: litellm.text_completion(model=TEXT["model"], prompt=QUESTION, max_tokens=64, client=c, api_key="k"),
        _openai(lambda _: wire.document(TEXT), False),
        _at("openai", TEXT["model"])
        | {"gen_ai.request.max_tokens": 64}
        | {"gen_ai.input.messages": ASKED_MESSAGES["gen_ai.input.messages"][1:]},
        _said(
            ANSWER,
            **STOPPED,
            **{"gen_ai.response.id": "cmpl-1", "gen_ai.response.model": TEXT["model"]},
            **{"gen_ai.usage.input_tokens": 5, "gen_ai.usage.output_tokens": 8},
        ),
    ),
    _case(
        "responses",
        lambda c: litellm.responses(
            model=f"openai/{MODEL}", input=QUESTION, instructions="Be short.", client=c, api_key="k"
        ),
        _own(document(wire.response()), False),
        _at("openai", MODEL)
        | {"gen_ai.input.messages": ASKED_MESSAGES["gen_ai.input.messages"][1:]}
        | {"gen_ai.system_instructions": [{"type": "text", "content": "Be short."}]},
        {k: v for k, v in ANSWERED.items() if k != "openai.response.system_fingerprint"} | {"gen_ai.response.id": ANY},
    ),
    _case(
        "embedding",
        lambda c: litellm.embedding(model="text-embedding-3-small", input=[QUESTION], dimensions=3, client=c),
        _openai(lambda _: wire.document(wire.EMBEDDINGS), False),
        _at("openai", "text-embedding-3-small", "embeddings") | {"gen_ai.embeddings.dimension.count": 3},
        {"gen_ai.response.model": "text-embedding-3-small", "gen_ai.usage.input_tokens": 8},
    ),
    _case(
        "rerank",
        lambda c: litellm.rerank(
            model="cohere/rerank-v3.5",
            query=QUESTION,
            documents=iter(DOCUMENTS),
            top_n=2,
            client=c,
            api_key="never-on-a-span",
        ),
        _own(document(RANKED), False),
        _at("cohere", "rerank-v3.5", "rerank")
        | {
            "gen_ai.retrieval.top_k": 2,
            "gen_ai.retrieval.query.text": QUESTION,
            "groundwire.rerank.input_documents": [{"content": text} for text in DOCUMENTS],
        },
        {
            "groundwire.retrieval.higher_is_better": True,
            "gen_ai.retrieval.documents": [
                {"score": 0.9, "content": DOCUMENTS[1]},
                {"score": 0.2, "content": DOCUMENTS[0]},
            ],
        },
    ),
]
