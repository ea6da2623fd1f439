"""Clients of their own make, whose chats are shaped as OpenAI's are: Hugging Face, Azure AI Inference, LiteLLM."""

from collections.abc import Mapping
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

from groundwire.model import Message, Request, Response
from groundwire.wire import fields
from groundwire_instrumentation import openai

_THOUGHTS = ("reasoning_content", "reasoning")


def plain(value: Any) -> Any:
    """An object of an SDK as the mapping that it stands for."""
    if isinstance(value, dict):
        return value
    if hasattr(value, "model_dump"):
        return value.model_dump(warnings=False)  # the serializer's would come out in the application
    if hasattr(value, "as_dict"):
        return value.as_dict()
    return dict(value) if isinstance(value, Mapping) else value


def asked(body: Mapping[str, Any], url: Any, *, stream: bool, provider: str | None) -> Request:
    """A chat, out of a body in OpenAI's words, which may hold objects of the SDK."""
    given = {key: value for key, value in body.items() if value is not None}
    given["messages"] = [plain(message) for message in given.get("messages") or ()]
    given["tools"] = [plain(tool) for tool in given.get("tools") or ()]
    options = SimpleNamespace(json_data=given)
    request = openai.chat_request(SimpleNamespace(base_url=url), {"options": options, "stream": stream})
    return replace(request, provider=provider)


def answered(result: Any) -> Response:
    """A whole answer, what the model thought before its text."""
    whole = fields(plain(result))
    response = openai.chat_response(whole)
    thoughts = [_thought(choice.message) for choice in whole.choices or () if choice is not None]
    return _thinking(response, thoughts)


def _thought(message: Any) -> str:
    return next((text for name in _THOUGHTS if isinstance(text := message and message.get(name), str)), "")


def _thinking(response: Response, thoughts: list[str]) -> Response:
    messages: list[Message] = []
    for message, thought in zip(response.messages or (), thoughts, strict=False):
        said = [{"type": "reasoning", "content": thought}] if thought else []
        messages.append({**message, "parts": [*said, *message["parts"]]})
    return replace(response, messages=messages or response.messages)


class Chunks(openai.ChatChunks):
    """Chunks of a streamed answer."""

    def __init__(self) -> None:
        super().__init__()
        self._thoughts: dict[int, list[str]] = {}

    def add(self, chunk: Any) -> None:
        whole = fields(plain(chunk))
        super().add(whole)
        for choice in whole.choices or ():
            self._thoughts.setdefault(choice.index or 0, []).append(_thought(choice.delta))

    def response(self) -> Response:
        return _thinking(super().response(), ["".join(pieces) for _, pieces in sorted(self._thoughts.items())])
