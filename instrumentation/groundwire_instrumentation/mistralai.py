"""Mistral: chats, agents' completions, conversations, responses, code filled in; whole and streamed; embeddings."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from groundwire.hosts import COMPATIBLE, server
from groundwire.model import Message, Operation, Provider, Request, Response, Usage
from groundwire_instrumentation import _mistral_conversations as conversations
from groundwire_instrumentation import _openai_responses
from groundwire_instrumentation._joining import Joining
from groundwire_instrumentation._mistral_messages import get, listed, message, parts_of, tool, tool_call, usage

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
_TEXT = {"content", "role"}
_SCALARS = (int, float, str)
_FINISH: Mapping[str, str] = {"tool_calls": "tool_call", "model_length": "length"}


def _targets(*methods: str) -> tuple[str, ...]:
    return tuple(f"mistralai.client.{method}{how}" for method in methods for how in ("", "_async"))


# --- what was asked -------------------------------------------------------------------------------------------------


def _common(resource: Any, arguments: Mapping[str, Any]) -> dict[str, Any]:
    attributes: dict[str, Any] = {
        _PARAMETERS[name]: value
        for name, value in arguments.items()
        if name in _PARAMETERS and isinstance(value, _SCALARS)
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


def _request(resource: Any, arguments: Mapping[str, Any], *, stream: bool = False) -> Request:
    return Request(
        messages=[message(one) for one in listed(arguments.get("messages"))],
        tools=[tool(one) for one in listed(arguments.get("tools"))],
        stream=stream,
        **_common(resource, arguments),
    )


def _fim_request(resource: Any, arguments: Mapping[str, Any], *, stream: bool = False) -> Request:
    """What stands before the gap, and after it."""
    given = (arguments.get("prompt"), arguments.get("suffix"))
    parts = [{"type": "text", "content": text} for text in given if isinstance(text, str)]
    return Request(messages=[{"role": "user", "parts": parts}], stream=stream, **_common(resource, arguments))


def _responses_request(resource: Any, arguments: Mapping[str, Any]) -> Request:
    body = {name: _plain(arguments.get(name)) for name in ("input", "instructions", "tools")}
    stream = arguments.get("stream") is True
    return Request(**_openai_responses.asked(body), stream=stream, **_common(resource, arguments))


def _conversation(resource: Any, arguments: Mapping[str, Any], *, stream: bool = False) -> Request:
    given = conversations.settings(arguments)
    return Request(**conversations.asked(given), stream=stream, **_common(resource, given))


def _plain(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    if hasattr(value, "model_dump"):
        return value.model_dump(by_alias=True)
    return None if type(value).__name__ == "Unset" else value


def _embed_request(resource: Any, arguments: Mapping[str, Any]) -> Request:
    return Request(**_common(resource, arguments))


# --- what came back -------------------------------------------------------------------------------------------------


class _Events:
    """Chunks of one answer, of which a whole one is the only one."""

    def __init__(self) -> None:
        self._last: Any = None
        self._usage: Any = None
        self._parts: dict[int, Joining] = {}
        self._calls: dict[tuple[int, int], dict[str, Any]] = {}
        self._finish: dict[int, str] = {}

    def add(self, event: Any) -> None:
        self.take(event.data)

    def take(self, chunk: Any) -> None:
        """One chunk, without the event around it."""
        self._last = chunk
        said = chunk.__dict__  # every attribute of these models is asked for in vain first
        if usage := said.get("usage"):  # what is not set is false
            self._usage = usage
        try:
            (choice,) = said["choices"]
            of_choice = choice.__dict__
            delta = of_choice["delta"]
            text = delta.__dict__["content"]
            if text and type(text) is str and delta.__pydantic_fields_set__ <= _TEXT and not of_choice["finish_reason"]:
                self._parts[of_choice["index"]].text.append(text)  # nearly always
                return
        except (AttributeError, KeyError, TypeError, ValueError):
            pass
        for choice in said.get("choices") or ():
            self._add(choice)

    def _add(self, choice: Any) -> None:
        index, reason = choice.index, choice.finish_reason
        parts = self._parts.get(index) or self._parts.setdefault(index, Joining())
        if reason:
            self._finish[index] = _FINISH.get(reason, reason)
        message = get(choice, "delta") or get(choice, "message")
        for one in (message,) if message is not None else listed(get(choice, "messages")):
            for part in parts_of(get(one, "content")):
                if part["type"] in ("text", "reasoning"):
                    parts.add(part["type"], part["content"])
                else:
                    parts.put(part)
            for place, call in enumerate(listed(get(one, "tool_calls"))):
                self._add_call((index, get(call, "index") or place), tool_call(call))

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
            messages.append({"role": "assistant", "parts": [*parts.parts(), *calls]})
        return Response(
            model=get(self._last, "model"),
            id=get(self._last, "id"),
            messages=messages or None,
            finish_reasons=[self._finish[index] for index in sorted(self._finish)],
            usage=usage(self._usage),
            error="error" if "error" in self._finish.values() else None,
        )


class _ResponseEvents(_openai_responses.Events):
    """Frames of a streamed response, each around an event."""

    def add(self, event: Any) -> None:
        super().add(event.data)


def _response(result: Any) -> Response:
    events = _Events()
    events.take(result)
    return events.response()


def _embed_response(result: Any) -> Response:
    used = usage(result.usage)
    return Response(model=result.model, id=result.id, usage=used and Usage(used.input_tokens))


_TURNS = ("start", "append", "restart")
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
            partial(_request, stream=True),
            _response,
            stream=_Events,
            iterables=("messages", "tools"),
        ),
        Operation("chat", _targets("fim:Fim.complete"), _fim_request, _response),
        Operation("chat", _targets("fim:Fim.stream"), partial(_fim_request, stream=True), _response, stream=_Events),
        Operation(
            "chat",
            _targets("responses:Responses.create"),
            _responses_request,
            _openai_responses.answered,
            stream=_ResponseEvents,
            iterables=("input", "tools"),
        ),
        Operation(
            "chat",
            _targets(*(f"conversations:Conversations.{how}" for how in _TURNS)),
            _conversation,
            conversations.answered,
            iterables=("inputs", "tools"),
        ),
        Operation(
            "chat",
            _targets(*(f"conversations:Conversations.{how}_stream" for how in _TURNS)),
            partial(_conversation, stream=True),
            conversations.answered,
            stream=conversations.Events,
            iterables=("inputs", "tools"),
        ),
        Operation("embeddings", _targets("embeddings:Embeddings.create"), _embed_request, _embed_response),
    ),
)
