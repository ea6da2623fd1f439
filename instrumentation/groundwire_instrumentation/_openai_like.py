"""SDKs made as OpenAI's is, for servers that speak its protocol with words of their own: Groq, Together.

What they add is thoughts beside the text, documents beside the messages, and other places for token counts.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from groundwire.hosts import COMPATIBLE, server
from groundwire.model import Message, Operation, Request, Response, Usage
from groundwire.wire import fields
from groundwire_instrumentation import openai

_THOUGHTS = ("reasoning", "reasoning_content")


def operations(targets: tuple[str, ...]) -> tuple[Operation, ...]:
    """Chat completions and embeddings of such an SDK, whose clients' methods `request` are the targets."""
    return (
        Operation(
            "chat",
            targets,
            _chat_request,
            _chat_response,
            stream=_Chunks,
            applies=openai.posted_to("/chat/completions"),
            iterables=tuple(f"options.json_data.{name}" for name in ("messages", "tools", "documents")),
        ),
        Operation(
            "embeddings",
            targets,
            _embeddings_request,
            _embeddings_response,
            applies=openai.posted_to("/embeddings"),
        ),
    )


def its_own(request: Request, arguments: Mapping[str, Any]) -> Request:
    """The request under the SDK's own name, wherever its server is; some paths name a host of their own."""
    url = arguments["options"].url
    if url.startswith("http"):
        _, address, port = server(url)
        request = replace(request, server_address=address, server_port=port)
    return replace(request, provider=None) if request.provider == COMPATIBLE else request


def _embeddings_request(client: Any, arguments: Mapping[str, Any]) -> Request:
    return its_own(openai.embeddings_request(client, arguments), arguments)


def _chat_request(client: Any, arguments: Mapping[str, Any]) -> Request:
    request = its_own(openai.chat_request(client, arguments), arguments)
    body = arguments["options"].json_data or {}
    asked = [m for m in body.get("messages") or () if isinstance(m, Mapping)]
    messages = list(request.messages or ())
    if len(asked) == len(messages):
        messages = [_thinking(message, _thought(given.get)) for message, given in zip(messages, asked, strict=True)]
    if documents := body.get("documents"):
        messages = [{"role": "tool", "parts": [_shown(document) for document in documents]}, *messages]
    return replace(request, messages=messages)


def _shown(document: Mapping[str, Any]) -> dict[str, Any]:
    """A document beside the messages, as what a tool returned."""
    source = document.get("source") or {}
    text = source.get("text")
    if text is None:
        text = "\n".join(f"{key}: {value}" for key, value in (source.get("data") or {}).items())
    return {"type": "tool_call_response", "id": document.get("id"), "response": text}


def _thought(get: Any) -> str:
    return next((text for name in _THOUGHTS if isinstance(text := get(name), str)), "")


def _thinking(message: Message, thought: str) -> Message:
    parts = message["parts"]
    return {**message, "parts": [{"type": "reasoning", "content": thought}, *parts]} if thought else message


def _of(value: Any) -> Any:
    return lambda name: getattr(value, name, None)


def _described(response: Response, thoughts: Iterable[str], usage: Any) -> Response:
    """The response, with what these servers add to OpenAI's."""
    messages = [_thinking(m, thought) for m, thought in zip(response.messages or (), thoughts, strict=False)]
    finish: Sequence[str] = ["stop" if reason == "eos" else reason for reason in response.finish_reasons]
    return replace(response, messages=messages or response.messages, finish_reasons=finish, usage=_counted(usage))


def _counted(usage: Any) -> Usage | None:
    counted = openai.usage_of(usage)
    cached = getattr(usage, "cached_tokens", None)  # Together has it beside the others
    if counted is None or counted.cache_read_tokens is not None or cached is None:
        return counted
    return replace(counted, cache_read_tokens=cached)


def _chat_response(result: Any) -> Response:
    whole = openai.whole(result)
    thoughts = [_thought(_of(choice.message)) for choice in whole.choices or () if choice is not None]
    return _described(openai.chat_response(whole), thoughts, _usage(whole))


def _usage(answer: Any) -> Any:
    """The counts of an answer or a chunk; Groq has them in its own corner where nobody asked for them."""
    usage = getattr(answer, "usage", None)
    usage = usage if usage is not None else getattr(getattr(answer, "x_groq", None), "usage", None)
    return fields(usage)  # a mapping where the SDK's types do not know of it


def _embeddings_response(result: Any) -> Response:
    whole = openai.whole(result)
    return replace(openai.embeddings_response(whole), usage=_counted(_usage(whole)))


class _Chunks(openai.ChatChunks):
    """Chunks of one streamed chat completion, with thoughts and counts."""

    def __init__(self) -> None:
        super().__init__()
        self._thoughts: dict[int, list[str]] = {}
        self._counts: Any = None

    def add(self, chunk: Any) -> None:
        super().add(chunk)
        usage = _usage(chunk)
        self._counts = self._counts if usage is None else usage
        for choice in chunk.choices or ():
            if thought := _thought(_of(choice.delta)):
                self._thoughts.setdefault(choice.index, []).append(thought)

    def response(self) -> Response:
        thoughts = ["".join(self._thoughts.get(index, ())) for index in sorted(self._choices)]
        return _described(super().response(), thoughts, self._counts)
