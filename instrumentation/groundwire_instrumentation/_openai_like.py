"""SDKs made as OpenAI's is, for servers that speak its protocol with words of their own: Groq, Together.

What they add is thoughts beside the text, documents beside the messages, and other places for token counts.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from groundwire.hosts import COMPATIBLE, server
from groundwire.model import Message, Operation, Request, Response, Usage
from groundwire.wire import fields
from groundwire_instrumentation import openai


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


def _embeddings_response(result: Any) -> Response:
    whole = openai.whole(result)
    return Response(model=whole.model, usage=_usage(_values(whole)))


def _chat_request(client: Any, arguments: Mapping[str, Any]) -> Request:
    request = its_own(openai.chat_request(client, arguments), arguments)
    body = arguments["options"].json_data or {}
    shown = [_shown(document) for document in body.get("documents") or ()]
    thoughts = [_thought(m) if isinstance(m, Mapping) else "" for m in body.get("messages") or ()]
    if not shown and not any(thoughts):
        return request
    messages = [_thinking(m, thought) for m, thought in zip(request.messages or (), thoughts, strict=True)]
    return replace(request, messages=[{"role": "tool", "parts": shown}, *messages] if shown else messages)


def _shown(document: Mapping[str, Any]) -> dict[str, Any]:
    """A document beside the messages, as what a tool returned."""
    source = document.get("source") or {}
    text = source.get("text")
    if text is None:
        text = "\n".join(f"{key}: {value}" for key, value in (source.get("data") or {}).items())
    return {"type": "tool_call_response", "id": document.get("id"), "response": text}


def _thinking(message: Message, thought: str) -> Message:
    parts = message["parts"]
    return {**message, "parts": [{"type": "reasoning", "content": thought}, *parts]} if thought else message


# --- reading by mapping: to ask these SDKs' objects for an attribute that they lack takes microseconds a chunk -------


def _values(part: Any) -> Mapping[str, Any]:
    """Everything of an SDK's object, of one that came as JSON, or of nothing."""
    if part is None or isinstance(part, Mapping):
        return part or {}
    extra = getattr(part, "__pydantic_extra__", None)
    return {**vars(part), **extra} if extra else vars(part)


def _thought(values: Mapping[str, Any]) -> str:
    return values.get("reasoning") or values.get("reasoning_content") or ""


def _usage(values: Mapping[str, Any]) -> Usage | None:
    """The counts of an answer or a chunk; Groq has them in its own corner where nobody asked for them."""
    usage = values.get("usage")
    if usage is None and (corner := values.get("x_groq")) is not None:
        usage = _values(corner).get("usage")
    if usage is None:
        return None
    if isinstance(usage, Mapping):
        usage = fields(dict(usage))
    counted = openai.usage_of(usage)
    cached = None if counted is None or counted.cache_read_tokens is not None else _values(usage).get("cached_tokens")
    if counted is None or cached is None:
        return counted
    return replace(counted, cache_read_tokens=cached)  # Together has it beside the others


def _described(response: Response, thoughts: Sequence[str], usage: Usage | None) -> Response:
    """The response, with what these servers add to OpenAI's."""
    messages = response.messages
    if any(thoughts):
        messages = [_thinking(m, thought) for m, thought in zip(messages or (), thoughts, strict=False)]
    return Response(
        response.model,
        response.id,
        messages,
        ["stop" if reason == "eos" else reason for reason in response.finish_reasons],
        usage,
        attributes=response.attributes,
    )


def _chat_response(result: Any) -> Response:
    whole = openai.whole(result)
    thoughts = [_thought(_values(choice.message)) for choice in whole.choices or () if choice is not None]
    return _described(openai.chat_response(whole), thoughts, _usage(_values(whole)))


class _Chunks(openai.ChatChunks):
    """Chunks of one streamed chat completion, with thoughts and counts."""

    def __init__(self) -> None:
        super().__init__()
        self._thoughts: dict[int, list[str]] = {}
        self._counts: Usage | None = None

    def add(self, chunk: Any) -> None:
        self._last = chunk
        values = _values(chunk)
        if values.get("usage") is not None or values.get("x_groq") is not None:
            self._counts = _usage(values) or self._counts
        for choice in chunk.choices or ():
            known = self.choice(choice.index)
            if choice.finish_reason:
                known.finish = choice.finish_reason
            delta = _values(choice.delta)
            if text := delta.get("content"):
                known.text.append(text)
            if thought := _thought(delta):
                self._thoughts.setdefault(choice.index, []).append(thought)
            for call in delta.get("tool_calls") or ():
                known.add_call(call)

    def response(self) -> Response:
        thoughts = ["".join(self._thoughts.get(index, ())) for index in sorted(self._choices)]
        return _described(super().response(), thoughts, self._counts)
