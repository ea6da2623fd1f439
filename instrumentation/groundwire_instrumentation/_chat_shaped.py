"""Clients of their own make, whose chats are shaped as OpenAI's are: Hugging Face, Azure AI Inference, LiteLLM."""

from collections.abc import Callable, Mapping
from typing import Any

from groundwire.model import Request
from groundwire_instrumentation import openai


def plain(value: Any) -> Any:
    """An object of an SDK as the mapping that it stands for."""
    if isinstance(value, dict):
        return value
    if hasattr(value, "model_dump"):
        return value.model_dump(warnings=False)  # the serializer's would come out in the application
    if hasattr(value, "as_dict"):
        return value.as_dict()
    return dict(value) if isinstance(value, Mapping) else value


def asked(
    body: Mapping[str, Any],
    url: Any,
    *,
    stream: bool,
    provider: str | None,
    read: Callable[[Mapping[str, Any], Mapping[str, Any]], Request] = openai.chat,
) -> Request:
    """A chat (or what else is to be read), out of a body in OpenAI's words, which may hold objects of the SDK."""
    given = {key: value for key, value in body.items() if value is not None}
    given["messages"] = [plain(message) for message in given.get("messages") or ()]
    given["tools"] = [plain(tool) for tool in given.get("tools") or ()]
    return read(given, openai.described(given, url, stream=stream) | {"provider": provider})
