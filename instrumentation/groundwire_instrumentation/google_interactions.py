"""Interactions of Google's Gen AI SDK: models and agents, whole or as events. Sync and async.

They are a part of the SDK that is imported when it is first used, and so a provider of their own. An answer that the
SDK asks to be continued is one call, with the tokens of all its requests. Thoughts and what tools returned are counted
beside the rest, and are added up here, as for `generate_content`.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from groundwire.hosts import server
from groundwire.media import blob_part, uri_part
from groundwire.model import Message, Operation, Provider, Request, Response, Usage
from groundwire.wire import members, parse_document
from groundwire_instrumentation._openai_usage import failure

_MODULE = "google.genai._gaos.google_genai"
_TARGETS = tuple(f"{_MODULE}:{how}GeminiNextGenInteractions.create" for how in ("", "Async"))
_PARAMETERS: Mapping[str, str] = {
    "temperature": "gen_ai.request.temperature",
    "top_p": "gen_ai.request.top_p",
    "max_output_tokens": "gen_ai.request.max_tokens",
    "seed": "gen_ai.request.seed",
    "thinking_level": "gen_ai.request.reasoning.level",
}
_ROLES: Mapping[str, str] = {"user_input": "user", "user": "user"}
_FINISH: Mapping[str, str] = {
    "completed": "stop",
    "requires_action": "tool_call",
    "incomplete": "length",
    "requires_continuation": "length",
    "failed": "error",
}
_MEDIA = ("image", "audio", "video", "document")


# --- what was asked -------------------------------------------------------------------------------------------------


def _request(interactions: Any, arguments: Mapping[str, Any]) -> Request:
    body = members(members(arguments.get("request")).get("body")) or arguments
    config = members(body.get("generation_config"))
    attributes: dict[str, Any] = {
        name: value for key, name in _PARAMETERS.items() if isinstance(value := config.get(key), int | float | str)
    }
    if stop := config.get("stop_sequences"):
        attributes["gen_ai.request.stop_sequences"] = tuple(stop)
    named = {"gen_ai.agent.id": "agent", "gen_ai.request.previous_response.id": "previous_interaction_id"}
    attributes |= {name: value for name, key in named.items() if isinstance(value := body.get(key), str)}
    _, address, port = server(interactions.sdk_configuration.get_server_details()[0])
    model, tier, system = body.get("model"), body.get("service_tier"), body.get("system_instruction")
    vertex = getattr(getattr(interactions, "_api_client", None), "vertexai", False)
    return Request(
        model=model.rpartition("models/")[2] if isinstance(model, str) else None,
        messages=list(_messages(body.get("input"))),
        instructions=[{"type": "text", "content": system}] if isinstance(system, str) else None,
        tools=[dict(members(tool)) for tool in body.get("tools") or ()],
        provider="gcp.vertex_ai" if vertex else "gcp.gemini",
        server_address=address,
        server_port=port,
        stream=body.get("stream") is True,
        terms={"service_tier": tier} if tier in ("flex", "priority") else {},
        attributes=attributes,
    )


def _messages(given: Any) -> Iterator[Message]:
    """A text, contents that follow each other in one message, or steps, each a message."""
    loose: list[dict[str, Any]] = []
    for one in given if isinstance(given, list | tuple) else () if given is None else (given,):
        step = {"type": "text", "text": one} if isinstance(one, str) else members(one)
        kind = str(step.get("type"))
        if kind == "text" or kind in _MEDIA:
            loose.append(_content(step))
            continue
        if loose:
            yield {"role": "user", "parts": loose}
            loose = []
        role = _ROLES.get(step.get("role") or kind, "tool" if kind.endswith("_result") else "assistant")
        yield {"role": role, "parts": _parts(step)}
    if loose:
        yield {"role": "user", "parts": loose}


def _parts(step: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The parts of one step, by its `type`."""
    kind = str(step.get("type"))
    if kind == "thought":
        texts = [members(one).get("text") for one in step.get("summary") or ()]
        return [{"type": "reasoning", "content": "".join(text for text in texts if text)}]
    if kind.endswith("_call"):
        name = step.get("name") or kind.removesuffix("_call")
        arguments = step.get("arguments")
        if not isinstance(arguments, str | dict | None):
            arguments = dict(members(arguments))
        return [{"type": "tool_call", "id": step.get("id"), "name": name, "arguments": arguments}]
    if kind.endswith("_result"):
        answer = {"id": step.get("call_id"), "name": step.get("name") or kind.removesuffix("_result")}
        return [{"type": "tool_call_response", **answer, "response": _plain(step.get("result"))}]
    content = step.get("content")
    return [_content(part) for part in ([content] if isinstance(content, str) else content or ())]


def _content(given: Any) -> dict[str, Any]:
    part = {"type": "text", "text": given} if isinstance(given, str) else members(given)
    kind = str(part.get("type"))
    if kind == "text":
        return {"type": "text", "content": part.get("text") or ""}
    if data := part.get("data"):
        return blob_part(kind, part.get("mime_type") or f"{kind}/unknown", data)
    return uri_part(kind, part["uri"]) if part.get("uri") else {"type": kind}


def _plain(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    return value.model_dump() if hasattr(value, "model_dump") else value


# --- what came back -------------------------------------------------------------------------------------------------


def _answer(told: Mapping[str, Any], parts: list[dict[str, Any]]) -> Response:
    status = told.get("status")
    return Response(
        model=told.get("model"),
        id=told.get("id") or None,
        messages=[{"role": "assistant", "parts": parts}] if parts else None,
        finish_reasons=[_FINISH.get(status, status)] if status not in (None, "in_progress", "queued") else (),
        usage=_usage(members(told.get("usage"))),
        error=failure(told),
    )


def _usage(counts: Mapping[str, Any]) -> Usage | None:
    def total(*names: str) -> int | None:
        known = [count for name in names if (count := counts.get(f"total_{name}_tokens")) is not None]
        return sum(known) if known else None

    apart: dict[str, int] = {}
    for way, name in (("input", "input_{}_tokens"), ("output", "output_{}_tokens"), ("cached", "cache_{}_read_tokens")):
        for row in map(members, counts.get(f"{way}_tokens_by_modality") or ()):
            if (kind := row.get("modality")) in _MEDIA and row.get("tokens"):
                kind = "image" if kind == "document" else kind
                apart[name.format(kind)] = apart.get(name.format(kind), 0) + row["tokens"]
    given, made = total("input", "tool_use"), total("output", "thought")
    if given is None and made is None:
        return None
    return Usage(given, made, total("cached"), reasoning_tokens=total("thought"), apart=apart)


def _response(result: Any) -> Response:
    told = members(result)
    steps = [step for step in map(members, told.get("steps") or ()) if step.get("type") != "user_input"]
    return _answer(told, [part for step in steps for part in _parts(step)])


class _Events:
    """Events of one interaction: steps begin, grow and end; the last event tells how it went."""

    def __init__(self) -> None:
        self._steps: dict[int, tuple[Mapping[str, Any], list[str]]] = {}
        self._told: Mapping[str, Any] = {}
        self._counts: dict[str, Any] = {}
        self._before = 0
        """Steps of earlier requests: each begins to number them anew."""

    def add(self, event: Any) -> None:
        kind = event.event_type
        if kind == "step.delta":
            delta = members(event.delta)
            piece = delta.get("text") or delta.get("arguments") or members(delta.get("content")).get("text")
            if isinstance(piece, str):
                self._steps.setdefault(self._before + event.index, ({"type": "model_output"}, []))[1].append(piece)
        elif kind == "step.start":
            self._steps[self._before + event.index] = (members(event.step), [])
        elif kind == "error":
            self._told = {**self._told, "error": event.error or {"code": None}}
        elif kind in ("interaction.created", "interaction.completed"):
            self._before = len(self._steps)
            told = {name: value for name, value in members(event.interaction).items() if value is not None}
            self._told = {**self._told, **told}
            for name, count in members(told.get("usage")).items():  # of each request, where there were several
                if isinstance(count, int | list):
                    self._counts[name] = self._counts[name] + count if name in self._counts else count

    def response(self) -> Response:
        parts = [part for _, step in sorted(self._steps.items()) for part in _grown(*step)]
        return _answer({**self._told, "usage": self._counts}, parts)


def _grown(step: Mapping[str, Any], pieces: list[str]) -> list[dict[str, Any]]:
    """A step with what came after its start."""
    text, parts = "".join(pieces), _parts(step)
    if not text:
        return parts
    if step.get("type") == "thought":
        return [{"type": "reasoning", "content": parts[0]["content"] + text}]
    if parts and parts[0]["type"] == "tool_call":
        return [parts[0] | {"arguments": parsed if (parsed := parse_document(text)) is not None else text}]
    return [*parts, {"type": "text", "content": text}]


PROVIDER = Provider(
    name="google_interactions",
    module=_MODULE,
    distribution="google-genai",
    operations=(Operation("chat", _TARGETS, _request, _response, stream=_Events, iterables=("input", "tools")),),
)
