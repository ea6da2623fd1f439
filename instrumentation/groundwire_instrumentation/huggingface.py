"""Hugging Face's `InferenceClient`: chat completions, text generation and embeddings, sync, async and streamed.

Who answers behind the router is part of the provider's name where the client was told whom to ask: prices differ. The
rest of what the client can do (images, audio, classification) is no call of a language model.
"""

from collections.abc import Mapping
from functools import partial
from typing import Any

from groundwire.hosts import server
from groundwire.model import Operation, Provider, Request, Response, Usage
from groundwire_instrumentation import _chat_shaped, _openai_chat, _openai_chunks

_ROUTER = "https://router.huggingface.co"
_BODY = {"temperature", "top_p", "max_tokens", "frequency_penalty", "presence_penalty", "seed", "n", "stop", "tools"}
_GENERATION: Mapping[str, str] = {
    "temperature": "gen_ai.request.temperature",
    "top_p": "gen_ai.request.top_p",
    "top_k": "gen_ai.request.top_k",
    "max_new_tokens": "gen_ai.request.max_tokens",
    "frequency_penalty": "gen_ai.request.frequency_penalty",
    "seed": "gen_ai.request.seed",
}
_FINISH: Mapping[str, str] = {"eos_token": "stop", "stop_sequence": "stop"}


def _targets(method: str) -> tuple[str, ...]:
    return (
        f"huggingface_hub.inference._client:InferenceClient.{method}",
        f"huggingface_hub.inference._generated._async_client:AsyncInferenceClient.{method}",
    )


def _place(client: Any, arguments: Mapping[str, Any]) -> tuple[str | None, str | None, str]:
    """Model, URL where it is known, and provider; a model may be the URL of an endpoint of one's own."""
    model = arguments.get("model") or client.model
    asked = client.provider
    name = "huggingface" if asked in (None, "auto", "hf-inference") else f"huggingface_{asked}"
    if isinstance(model, str) and model.startswith(("http://", "https://")):
        return None, model, "huggingface"
    routed = client.token is None or not isinstance(client.token, str) or client.token.startswith("hf_")
    return model, _ROUTER if routed else None, name


def _chat(client: Any, arguments: Mapping[str, Any]) -> Request:
    model, url, provider = _place(client, arguments)
    given = {name: value for name, value in arguments.items() if name in _BODY}
    body = {**given, **(arguments.get("extra_body") or {}), "model": model, "messages": arguments["messages"]}
    return _chat_shaped.asked(body, url, stream=bool(arguments.get("stream")), provider=provider)


def _common(client: Any, arguments: Mapping[str, Any]) -> dict[str, Any]:
    model, url, provider = _place(client, arguments)
    _, address, port = server(url)
    return {"model": model, "provider": provider, "server_address": address, "server_port": port}


def _generate(client: Any, arguments: Mapping[str, Any]) -> Request:
    attributes = {_GENERATION[k]: v for k, v in arguments.items() if k in _GENERATION and v is not None}
    if stop := arguments.get("stop") or arguments.get("stop_sequences"):
        attributes["gen_ai.request.stop_sequences"] = tuple(stop)
    return Request(
        messages=[{"role": "user", "parts": [{"type": "text", "content": arguments["prompt"]}]}],
        stream=bool(arguments.get("stream")),
        attributes=attributes,
        **_common(client, arguments),
    )


def _embed(client: Any, arguments: Mapping[str, Any]) -> Request:
    dimensions = arguments.get("dimensions")
    attributes = {} if dimensions is None else {"gen_ai.embeddings.dimension.count": dimensions}
    return Request(attributes=attributes, **_common(client, arguments))


class _Text:
    """A generated text, whole or in pieces: bare, or with details, which count the tokens."""

    def __init__(self) -> None:
        self._text: list[str] = []
        self._details: Any = None

    def add(self, piece: Any) -> None:
        if isinstance(piece, str):
            self._text.append(piece)
            return
        self._details = piece.details or self._details
        token = getattr(piece, "token", None)
        if token is None:
            self._text.append(piece.generated_text)
        elif not token.special:
            self._text.append(token.text)

    def response(self) -> Response:
        text, details = "".join(self._text), self._details
        reason = getattr(details, "finish_reason", None)
        prompt = getattr(details, "input_length", None) or len(getattr(details, "prefill", None) or ()) or None
        return Response(
            messages=[{"role": "assistant", "parts": [{"type": "text", "content": text}]}] if text else None,
            finish_reasons=(_FINISH.get(reason, reason),) if reason else (),
            usage=None if details is None else Usage(prompt, details.generated_tokens),
        )


def _generated(result: Any) -> Response:
    text = _Text()
    text.add(result)
    return text.response()


_Chunks = partial(_openai_chunks.Chunks, of_pydantic=False)


PROVIDER = Provider(
    name="huggingface",
    module="huggingface_hub",
    distribution="huggingface-hub",
    operations=(
        Operation("chat", _targets("chat_completion"), _chat, _openai_chat.answered, stream=_Chunks),
        Operation("chat", _targets("text_generation"), _generate, _generated, stream=_Text),
        Operation("embeddings", _targets("feature_extraction"), _embed, lambda _: Response()),
    ),
)
