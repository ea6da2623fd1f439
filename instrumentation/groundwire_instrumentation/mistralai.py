"""Mistral: chats, agents' completions, conversations, responses, code filled in; whole and streamed; embeddings."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from groundwire.hosts import COMPATIBLE, server
from groundwire.model import Operation, Provider, Request, Response, Usage
from groundwire_instrumentation import _mistral_conversations as conversations
from groundwire_instrumentation import _openai_responses
from groundwire_instrumentation._mistral_chunks import Events, answered
from groundwire_instrumentation._mistral_messages import listed, message, tool, usage

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
_SCALARS = (int, float, str)


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


class _ResponseEvents(_openai_responses.Events):
    """Frames of a streamed response, each around an event."""

    def add(self, event: Any) -> None:
        super().add(event.data)


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
            answered,
            iterables=("messages", "tools"),
        ),
        Operation(
            "chat",
            _targets(*(f"{chat}.stream" for chat in _CHATS)),
            partial(_request, stream=True),
            answered,
            stream=Events,
            iterables=("messages", "tools"),
        ),
        Operation("chat", _targets("fim:Fim.complete"), _fim_request, answered),
        Operation("chat", _targets("fim:Fim.stream"), partial(_fim_request, stream=True), answered, stream=Events),
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
