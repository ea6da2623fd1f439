"""The calls that `clients.py` measures: one chat of a client, as an application makes it and as it would trace it.

All chats carry the same: a system message, a question with 4 KB of context, an answer of 600 characters, streamed in 60
pieces; counts of tokens. Each client is the real SDK over the wire that its conformance cases play. What is written by
hand (`asked`, `answered`, `piece`) is what a developer would write who knows the SDK: the same fifteen attributes for
all, as far as the SDK tells them, prompt and answer as JSON among them. Here are the clients that answer in OpenAI's
shape; `maker_calls.py` has those of makers with shapes of their own, `store_calls.py` searches and a rerank.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

PARAGRAPH = (
    "The warranty covers manufacturing defects for twenty-four months from the date of purchase, provided that the "
    "serial number is registered within ninety days. "
)
CONTEXT = "\n\n".join(f"[{n}] {PARAGRAPH * 3}" for n in range(1, 9))
SYSTEM = "You are a support assistant. Answer only from the context given."
QUESTION = f"Context:\n{CONTEXT}\n\nQuestion: How long is the warranty?"
USER = {"role": "user", "content": QUESTION}
MESSAGES = [{"role": "system", "content": SYSTEM}, USER]
ANSWER = ("The warranty lasts twenty-four months from the date of purchase [1]. " * 9)[:600]
PIECES = [ANSWER[at : at + 10] for at in range(0, 600, 10)]
INPUT, OUTPUT = 1104, 131
NAMES = ("temperature", "max_tokens", "top_p")
SETTINGS: Mapping[str, Any] = {"temperature": 0.2, "max_tokens": 512, "top_p": 0.9}
_PARAMETERS = ("gen_ai.request.temperature", "gen_ai.request.max_tokens", "gen_ai.request.top_p")


@dataclass
class Kept:
    """What somebody who traces by hand keeps of a stream."""

    texts: list[str] = field(default_factory=list)
    finish: Any = None
    usage: Any = None
    last: Any = None


@dataclass(frozen=True)
class Calls:
    """One client: its calls, and what a hand would write of them."""

    provider: str
    """Name of its entry point."""
    model: str
    whole: Callable[[], Any]
    asked: Callable[[], dict[str, Any]]
    answered: Callable[[Any], dict[str, Any]]
    streamed: Callable[[], Iterable[Any]] | None = None
    piece: Callable[[Any, Kept], None] | None = None
    ended: Callable[[Kept], dict[str, Any]] | None = None
    what: str = "chat"


def asked(
    provider: str, host: str, model: str, request: Mapping[str, Any], names: tuple[str, str, str] = NAMES
) -> Callable[[], dict[str, Any]]:
    """Writes the request down: its parameters under these names (temperature, most tokens, top p)."""
    parameters = [(attribute, name) for attribute, name in zip(_PARAMETERS, names, strict=True) if name in request]

    def write() -> dict[str, Any]:
        return {
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": provider,
            "gen_ai.request.model": model,
            **{name: request[key] for name, key in parameters},
            "server.address": host,
            "gen_ai.input.messages": json.dumps(MESSAGES),
        }

    return write


def described(
    identity: Any, model: Any, finish: Any, tokens_in: Any, tokens_out: Any, text: str, **more: Any
) -> dict[str, Any]:
    """Writes the answer down."""
    return {
        "gen_ai.response.id": identity,
        "gen_ai.response.model": model,
        "gen_ai.response.finish_reasons": (finish,),
        "gen_ai.usage.input_tokens": tokens_in,
        "gen_ai.usage.output_tokens": tokens_out,
        "gen_ai.output.messages": json.dumps([{"role": "assistant", "content": text}]),
        **more,
    }


def _mapping_calls(
    provider: str,
    host: str,
    model: str,
    open_client: Callable[[Any, Any], tuple[Callable[..., Any], Callable[..., Any]]],
    *,
    pick: Callable[[Any], Any] = lambda result: result,
) -> Calls:
    """A client whose requests and answers are those of OpenAI."""
    head = {"id": "chatcmpl-1", "created": 1, "model": model, "system_fingerprint": "fp"}
    usage = {
        "prompt_tokens": INPUT,
        "completion_tokens": OUTPUT,
        "total_tokens": INPUT + OUTPUT,
        "prompt_tokens_details": {"cached_tokens": 1024},
    }
    message = {"role": "assistant", "content": ANSWER}
    body = head | {"object": "chat.completion", "usage": usage}
    body["choices"] = [{"index": 0, "message": message, "finish_reason": "stop"}]

    def chunk(delta: dict[str, Any], finish: str | None = None) -> dict[str, Any]:
        choice = {"index": 0, "delta": delta, "finish_reason": finish}
        return head | {"object": "chat.completion.chunk", "choices": [choice], "usage": None}

    chunks = [chunk({"role": "assistant", "content": ""}), *(chunk({"content": piece}) for piece in PIECES)]
    chunks += [chunk({}, "stop"), head | {"object": "chat.completion.chunk", "choices": [], "usage": usage}]
    whole, streamed = open_client(body, chunks)
    request = {"model": model, "messages": MESSAGES, **SETTINGS}

    def answered(result: Any) -> dict[str, Any]:
        choice = result.choices[0]
        used = result.usage
        return described(
            result.id,
            result.model,
            choice.finish_reason,
            used.prompt_tokens,
            used.completion_tokens,
            choice.message.content,
        )

    def piece(chunk: Any, kept: Kept) -> None:
        chunk = pick(chunk)
        if chunk.choices:
            choice = chunk.choices[0]
            kept.texts.append(choice.delta.content or "")
            kept.finish = choice.finish_reason or kept.finish
        kept.usage = getattr(chunk, "usage", None) or kept.usage  # LiteLLM's have none but at the end
        kept.last = chunk

    def ended(kept: Kept) -> dict[str, Any]:
        last, used = kept.last, kept.usage
        text = "".join(kept.texts)
        return described(last.id, last.model, kept.finish, used.prompt_tokens, used.completion_tokens, text)

    return Calls(
        provider,
        model,
        lambda: whole(**request),
        asked(provider, host, model, request),
        answered,
        lambda: streamed(**request),
        piece,
        ended,
    )


def _sent(events: Iterable[Any], done: bool = True) -> list[bytes]:
    return [b"data: " + json.dumps(e).encode() + b"\n\n" for e in events] + [b"data: [DONE]\n\n"] * done


def openai() -> Calls:
    from conformance import openai_wire as wire

    def opened(body: Any, chunks: Any) -> Any:
        whole = wire.answering(lambda _: wire.document(body)).chat.completions.create
        streaming = wire.answering(lambda _: wire.stream(chunks)).chat.completions.create
        return whole, lambda **k: streaming(stream=True, stream_options={"include_usage": True}, **k)

    return _mapping_calls("openai", "api.openai.com", "gpt-4o-mini-2024-07-18", opened)


def _by_httpx(make: Callable[..., Any]) -> Callable[[Any, Any], Any]:
    import httpx

    from conformance.httpx_wire import Wire, document, pieces

    def opened(body: Any, chunks: Any) -> Any:
        said = pieces(_sent(chunks), 0, "text/event-stream")
        clients = [
            make(
                api_key="k" * 30, http_client=httpx.Client(transport=Wire("answer", int, answer, answer)), max_retries=0
            )
            for answer in (document(body), said)
        ]
        return clients[0].chat.completions.create, lambda **k: clients[1].chat.completions.create(stream=True, **k)

    return opened


def groq() -> Calls:
    from groq import Groq

    return _mapping_calls("groq", "api.groq.com", "llama-3.3-70b-versatile", _by_httpx(Groq))


def together() -> Calls:
    from together import Together

    return _mapping_calls("together", "api.together.ai", "openai/gpt-oss-20b", _by_httpx(Together))


def mistralai() -> Calls:
    from conformance import mistralai_cases as cases

    def opened(body: Any, chunks: Any) -> Any:
        answering = cases.client_on(cases.Wire(lambda _: cases.document(body)))
        streaming = cases.client_on(cases.Wire(lambda _: cases.chunks(chunks)))
        return lambda **k: answering.chat.complete(**k), lambda **k: streaming.chat.stream(**k)

    return _mapping_calls("mistralai", "api.mistral.ai", "mistral-small-latest", opened, pick=lambda event: event.data)


def huggingface() -> Calls:
    from conformance import huggingface_cases as cases

    def opened(body: Any, chunks: Any) -> Any:
        answers = cases.document(body), cases._events(chunks)
        whole, streaming = (cases._opens(a, False, provider="together")("answer", int) for a in answers)
        return lambda **k: whole.chat_completion(**k), lambda **k: streaming.chat_completion(stream=True, **k)

    return _mapping_calls("huggingface", "router.huggingface.co", "meta-llama/Llama-3.3-70B-Instruct", opened)


def azure_ai_inference() -> Calls:
    from conformance import azure_ai_inference_cases as cases

    def opened(body: Any, chunks: Any) -> Any:
        answers = cases.Answer(body), cases.Answer(events=chunks)
        make, place = cases.ChatCompletionsClient, cases.ENDPOINT
        whole, streaming = (cases.opens(make, a, False, endpoint=place)("answer", int) for a in answers)
        return lambda **k: whole.complete(**k), lambda **k: streaming.complete(stream=True, **k)

    return _mapping_calls("azure_ai_inference", "peaks.services.ai.azure.com", "gpt-4o-mini", opened)


def litellm() -> Calls:
    from conformance import litellm_cases as cases

    def opened(body: Any, chunks: Any) -> Any:
        wire = cases.wire
        clients = [wire.answering(lambda _: wire.document(body)), wire.answering(lambda _: wire.stream(chunks))]
        client = cases.litellm
        return (
            lambda **k: client.completion(client=clients[0], **k),
            lambda **k: client.completion(client=clients[1], stream=True, stream_options={"include_usage": True}, **k),
        )

    return _mapping_calls("litellm", "api.openai.com", "gpt-4o-mini-2024-07-18", opened)
