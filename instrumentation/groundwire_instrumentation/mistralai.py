"""Mistral: chats, agents' completions, responses and code filled in, whole, parsed and streamed; embeddings.

Contents may be lists of chunks, in prompts and in answers: texts, thoughts, images, documents, references.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from groundwire.hosts import COMPATIBLE, server
from groundwire.media import blob_part, file_part, uri_part
from groundwire.model import Message, Operation, Provider, Request, Response, Usage
from groundwire_instrumentation import _openai_responses
from groundwire_instrumentation._openai_usage import members, usage_of

_PARAMETERS: Mapping[str, str] = {
    "temperature": "gen_ai.request.temperature",
    "top_p": "gen_ai.request.top_p",
    "top_k": "gen_ai.request.top_k",
    "max_tokens": "gen_ai.request.max_tokens",
    "max_output_tokens": "gen_ai.request.max_tokens",
    "frequency_penalty": "gen_ai.request.frequency_penalty",
    "presence_penalty": "gen_ai.request.presence_penalty",
    "random_seed": "gen_ai.request.seed",
    "reasoning_effort": "gen_ai.request.reasoning.level",
    "agent_id": "gen_ai.agent.id",
    "output_dimension": "gen_ai.embeddings.dimension.count",
}
_FINISH: Mapping[str, str] = {"tool_calls": "tool_call", "model_length": "length"}


def _targets(*methods: str) -> tuple[str, ...]:
    return tuple(f"mistralai.client.{method}{how}" for method in methods for how in ("", "_async"))


def _get(value: Any, name: str) -> Any:
    """A member of a model of the SDK, or of the mapping that stands for one; None where it is not set."""
    found = value.get(name) if isinstance(value, dict) else getattr(value, name, None)
    return None if type(found).__name__ == "Unset" else found


# --- what was asked -------------------------------------------------------------------------------------------------


def _common(resource: Any, arguments: Mapping[str, Any]) -> dict[str, Any]:
    attributes: dict[str, Any] = {
        _PARAMETERS[name]: value
        for name, value in arguments.items()
        if name in _PARAMETERS and isinstance(value, int | float | str)
    }
    if isinstance(count := arguments.get("n"), int) and count != 1:
        attributes["gen_ai.request.choice.count"] = count
    if isinstance(stop := arguments.get("stop"), str | list | tuple):
        attributes["gen_ai.request.stop_sequences"] = (stop,) if isinstance(stop, str) else tuple(stop)
    if isinstance(encoding := arguments.get("encoding_format"), str):
        attributes["gen_ai.request.encoding_formats"] = (encoding,)
    url = arguments.get("server_url") or resource.sdk_configuration.get_server_details()[0]
    provider, address, port = server(url)
    return {
        "model": arguments.get("model"),
        "provider": "mistral_ai" if provider == COMPATIBLE else provider,
        "server_address": address,
        "server_port": port,
        "attributes": attributes,
    }


def _request(resource: Any, arguments: Mapping[str, Any]) -> Request:
    return Request(
        messages=[_message(message) for message in _listed(arguments.get("messages"))],
        tools=[_tool(tool) for tool in _listed(arguments.get("tools"))],
        **_common(resource, arguments),
    )


def _stream_request(resource: Any, arguments: Mapping[str, Any]) -> Request:
    return replace(_request(resource, arguments), stream=True)


def _fim_request(resource: Any, arguments: Mapping[str, Any]) -> Request:
    """What stands before the gap, and after it."""
    given = (arguments.get("prompt"), arguments.get("suffix"))
    parts = [{"type": "text", "content": text} for text in given if isinstance(text, str)]
    return Request(messages=[{"role": "user", "parts": parts}], **_common(resource, arguments))


def _fim_stream_request(resource: Any, arguments: Mapping[str, Any]) -> Request:
    return replace(_fim_request(resource, arguments), stream=True)


def _responses_request(resource: Any, arguments: Mapping[str, Any]) -> Request:
    body = {name: _plain(arguments.get(name)) for name in ("input", "instructions", "tools")}
    stream = arguments.get("stream") is True
    return Request(**_openai_responses.asked(body), stream=stream, **_common(resource, arguments))


def _plain(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    if hasattr(value, "model_dump"):
        return value.model_dump(by_alias=True)
    return None if type(value).__name__ == "Unset" else value


def _embed_request(resource: Any, arguments: Mapping[str, Any]) -> Request:
    return Request(**_common(resource, arguments))


def _listed(value: Any) -> list[Any] | tuple[Any, ...]:
    return value if isinstance(value, list | tuple) else ()


def _tool(tool: Any) -> Mapping[str, Any]:
    function = _get(tool, "function")
    if function is None:
        return {"type": str(_get(tool, "type"))}
    named = {name: _get(function, name) for name in ("name", "description", "parameters")}
    return {"type": "function", **{name: value for name, value in named.items() if value is not None}}


def _message(message: Any) -> Message:
    role = _get(message, "role") or "user"
    parts = list(_parts(_get(message, "content")))
    if role == "tool":
        answer = "".join(part.get("content") or "" for part in parts)
        return {
            "role": role,
            "parts": [{"type": "tool_call_response", "id": _get(message, "tool_call_id"), "response": answer}],
        }
    parts += [_tool_call(call) for call in _listed(_get(message, "tool_calls"))]
    return {"role": role, "parts": parts}


def _tool_call(call: Any) -> dict[str, Any]:
    function = _get(call, "function")
    identity = _get(call, "id")  # where it is not set the SDK says "null"
    arguments = _get(function, "arguments")
    name = _get(function, "name")
    return {"type": "tool_call", "id": None if identity == "null" else identity, "name": name, "arguments": arguments}


def _parts(content: Any) -> Iterator[dict[str, Any]]:
    if isinstance(content, str):
        if content:
            yield {"type": "text", "content": content}
    else:
        yield from map(_part, _listed(content))


def _part(chunk: Any) -> dict[str, Any]:
    """One chunk of a content, by its `type`."""
    kind = str(_get(chunk, "type"))
    if kind == "text":
        return {"type": "text", "content": _get(chunk, "text") or ""}
    if kind == "thinking":
        thoughts = (_get(one, "text") for one in _listed(_get(chunk, "thinking")))
        return {"type": "reasoning", "content": "".join(text for text in thoughts if text)}
    if kind in ("image_url", "document_url"):
        source = _get(chunk, kind)
        return uri_part(kind.removesuffix("_url"), source if isinstance(source, str) else _get(source, "url"))
    if kind == "input_audio":
        audio = _get(chunk, kind)
        sound = audio if isinstance(audio, str | bytes) else _get(audio, "data") or ""
        is_url = isinstance(sound, str) and sound.startswith(("http", "data:"))
        return uri_part("audio", sound) if is_url else blob_part("audio", "audio/unknown", sound)
    return file_part("document", _get(chunk, "file_id")) if kind == "file" else {"type": kind}


# --- what came back -------------------------------------------------------------------------------------------------


class _Events:
    """Chunks of one answer, of which a whole one is the only one."""

    def __init__(self) -> None:
        self._last: Any = None
        self._usage: Any = None
        self._parts: dict[int, list[dict[str, Any]]] = {}
        self._calls: dict[tuple[int, int], dict[str, Any]] = {}
        self._finish: dict[int, str] = {}

    def add(self, event: Any) -> None:
        self.take(event.data)

    def take(self, chunk: Any) -> None:
        """One chunk, without the event around it."""
        self._last = chunk
        self._usage = _get(chunk, "usage") or self._usage
        for choice in chunk.choices or ():
            index = choice.index
            parts = self._parts.setdefault(index, [])
            if reason := _get(choice, "finish_reason"):
                self._finish[index] = _FINISH.get(reason, reason)
            message = _get(choice, "delta") or _get(choice, "message")
            for one in (message,) if message is not None else _listed(_get(choice, "messages")):
                for part in _parts(_get(one, "content")):
                    if parts and "content" in part and part["type"] == parts[-1]["type"]:
                        parts[-1]["content"] += part["content"]
                    else:
                        parts.append(part)
                for place, call in enumerate(_listed(_get(one, "tool_calls"))):
                    self._add_call((index, _get(call, "index") or place), _tool_call(call))

    def _add_call(self, place: tuple[int, int], call: dict[str, Any]) -> None:
        known = self._calls.get(place)
        if known is None:
            self._calls[place] = call
            return
        known["id"] = known["id"] or call["id"]
        known["name"] = known["name"] or call["name"]
        if isinstance(known["arguments"], str) and isinstance(call["arguments"], str):
            known["arguments"] += call["arguments"]

    def response(self) -> Response:
        messages: list[Message] = []
        for index, parts in sorted(self._parts.items()):
            calls = [call for (choice, _), call in sorted(self._calls.items()) if choice == index]
            messages.append({"role": "assistant", "parts": [*parts, *calls]})
        return Response(
            model=_get(self._last, "model"),
            id=_get(self._last, "id"),
            messages=messages or None,
            finish_reasons=[self._finish[index] for index in sorted(self._finish)],
            usage=_usage(self._usage),
        )


def _usage(usage: Any) -> Usage | None:
    """Cached tokens are a part of the prompt's. The SDK makes 0 of a count that is not there: that is none."""
    if usage is None:
        return None
    told = {name: count for name, count in members(usage).items() if name in usage.model_fields_set}
    return usage_of(told, told)


class _ResponseEvents(_openai_responses.Events):
    """Frames of a streamed response, each around an event."""

    def add(self, frame: Any) -> None:
        super().add(frame.data)


def _response(result: Any) -> Response:
    events = _Events()
    events.take(result)
    return events.response()


def _embed_response(result: Any) -> Response:
    usage = _usage(result.usage)
    return Response(model=result.model, id=result.id, usage=usage and Usage(usage.input_tokens))


_CHATS = ("chat:Chat", "agents:Agents")
PROVIDER = Provider(
    name="mistralai",
    module="mistralai.client",
    distribution="mistralai",
    operations=(
        Operation(
            "chat",
            _targets(*(f"{chat}.complete" for chat in _CHATS)),
            _request,
            _response,
            iterables=("messages", "tools"),
        ),
        Operation(
            "chat",
            _targets(*(f"{chat}.stream" for chat in _CHATS)),
            _stream_request,
            _response,
            stream=_Events,
            iterables=("messages", "tools"),
        ),
        Operation("chat", _targets("fim:Fim.complete"), _fim_request, _response),
        Operation("chat", _targets("fim:Fim.stream"), _fim_stream_request, _response, stream=_Events),
        Operation(
            "chat",
            _targets("responses:Responses.create"),
            _responses_request,
            _openai_responses.answered,
            stream=_ResponseEvents,
            iterables=("input", "tools"),
        ),
        Operation("embeddings", _targets("embeddings:Embeddings.create"), _embed_request, _embed_response),
    ),
)
