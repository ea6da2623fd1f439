"""Azure AI Inference: chat completions and embeddings of the `azure-ai-inference` clients, sync, async and streamed.

What a client was made with holds for all of its calls, unless a call says otherwise.
"""

from collections.abc import Mapping
from typing import Any

from groundwire.hosts import server
from groundwire.model import Operation, Provider, Request
from groundwire_instrumentation import _chat_shaped, _openai_chat, _openai_chunks
from groundwire_instrumentation.openai import embeddings_response

_CHAT = (
    "model",
    "temperature",
    "top_p",
    "max_tokens",
    "frequency_penalty",
    "presence_penalty",
    "seed",
    "stop",
    "tools",
)
_EMBED = ("model", "dimensions", "encoding_format")

_PROVIDER = "azure.ai.inference"
"""As the conventions call it."""


def _targets(*methods: str) -> tuple[str, ...]:
    return tuple(f"azure.ai.inference{package}:{method}" for method in methods for package in ("", ".aio"))


def _body(client: Any, arguments: Mapping[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    """The body of the call: as it was given, or out of arguments and the client's own settings."""
    if (given := arguments.get("body")) is not None:
        return _chat_shaped.plain(given) if isinstance(given, Mapping) else {}
    settings = {name: getattr(client, f"_{name}", None) for name in names}
    settings |= {name: arguments[name] for name in names if arguments.get(name) is not None}
    extras = arguments.get("model_extras") or getattr(client, "_model_extras", None)
    return {**settings, **(extras or {}), "messages": arguments.get("messages")}


def _chat(client: Any, arguments: Mapping[str, Any]) -> Request:
    body = _body(client, arguments, _CHAT)
    stream = bool(arguments.get("stream") or body.get("stream"))
    return _chat_shaped.asked(body, client._config.endpoint, stream=stream, provider=_PROVIDER)


def _embed(client: Any, arguments: Mapping[str, Any]) -> Request:
    body = _body(client, arguments, _EMBED)
    _, address, port = server(client._config.endpoint)
    attributes: dict[str, Any] = {}
    if body.get("dimensions") is not None:
        attributes["gen_ai.embeddings.dimension.count"] = body["dimensions"]
    if isinstance(encoding := body.get("encoding_format"), str):
        attributes["gen_ai.request.encoding_formats"] = (str(getattr(encoding, "value", encoding)),)
    return Request(
        model=body.get("model"), provider=_PROVIDER, server_address=address, server_port=port, attributes=attributes
    )


PROVIDER = Provider(
    name="azure_ai_inference",
    module="azure.ai.inference",
    distribution="azure-ai-inference",
    operations=(
        Operation(
            "chat",
            _targets("ChatCompletionsClient.complete"),
            _chat,
            _openai_chat.answered,
            stream=_openai_chunks.Chunks,
            iterables=("messages", "tools"),
        ),
        Operation(
            "embeddings",
            _targets("EmbeddingsClient.embed", "ImageEmbeddingsClient.embed"),
            _embed,
            embeddings_response,
        ),
    ),
)
