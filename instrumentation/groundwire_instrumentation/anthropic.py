"""Anthropic: messages, plain, beta, parsed, raw and streamed, sync and async; direct, on Bedrock, Vertex and Foundry.

As with OpenAI (docs/adr/006), every call passes `request`, whose options hold the path and the body. Anthropic counts
cached tokens beside `input_tokens`: they are added up here. Batches and token counts generate nothing, and are no
calls. Since 1.0 the SDK makes a span of its own for every call, with the same tokens: ours takes its place.
"""

from collections.abc import Mapping
from dataclasses import replace
from itertools import groupby
from typing import Any

from groundwire.hosts import COMPATIBLE, server
from groundwire.media import blob_part, file_part, uri_part
from groundwire.model import Message, Operation, Provider, Request, Response, Usage
from groundwire.wire import fields, is_body, member, parse_document

_CLIENTS = ("Anthropic", "AnthropicBedrock", "AnthropicBedrockMantle", "AnthropicVertex")
_PARAMETERS: Mapping[str, str] = {
    "temperature": "gen_ai.request.temperature",
    "top_p": "gen_ai.request.top_p",
    "top_k": "gen_ai.request.top_k",
    "max_tokens": "gen_ai.request.max_tokens",
    "service_tier": "anthropic.request.service_tier",
}
_SCALARS = (int, float, str)
_PLATFORMS: Mapping[str, str] = {"Bedrock": "aws.bedrock", "Vertex": "gcp.vertex_ai"}
"""By the client's class: they are so behind any gateway."""
_FINISH: Mapping[str, str] = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool_call",
    "refusal": "content_filter",
}


def _applies(arguments: Mapping[str, Any]) -> bool:
    options = arguments["options"]
    return bool(options.method.lower() == "post" and options.url.partition("?")[0].rstrip("/").endswith("/messages"))


def _quiet(arguments: Mapping[str, Any]) -> None:
    if getattr(arguments["options"], "span_name", None) is not None:
        arguments["options"].span_name = None  # then the SDK makes none


# --- what was asked -------------------------------------------------------------------------------------------------


def _request(client: Any, arguments: Mapping[str, Any]) -> Request:
    options = arguments["options"]
    body = {**(options.json_data or {}), **(options.extra_json or {})}
    attributes: dict[str, Any] = {
        _PARAMETERS[k]: v for k, v in body.items() if k in _PARAMETERS and isinstance(v, _SCALARS)
    }
    if isinstance(stop := body.get("stop_sequences"), list | tuple):
        attributes["gen_ai.request.stop_sequences"] = tuple(stop)
    if effort := member(body.get("output_config"), "effort"):
        attributes["gen_ai.request.reasoning.level"] = effort
    provider, address, port = server(client.base_url)
    for kind, name in _PLATFORMS.items():
        if kind in type(client).__name__:
            provider = name
    return Request(
        model=body.get("model"),
        messages=[one for message in _listed(body.get("messages")) for one in _messages(message)],
        instructions=_parts(body.get("system")),
        tools=[_tool(tool) for tool in _listed(body.get("tools"))],
        provider=None if provider == COMPATIBLE else provider,
        server_address=address,
        server_port=port,
        stream=bool(arguments.get("stream")),
        attributes=attributes,
    )


def _listed(value: Any) -> list[Any] | tuple[Any, ...]:
    return value if isinstance(value, list | tuple) else ()


def _tool(tool: Any) -> Any:
    schema = member(tool, "input_schema")
    if schema is None:  # one of Anthropic's own
        return tool
    described = {"type": "function", "name": member(tool, "name"), "description": member(tool, "description")}
    return {**{k: v for k, v in described.items() if v is not None}, "parameters": schema}


def _messages(message: Any) -> list[Message]:
    """One message; what tools answered is a message of its own, as the conventions have it."""
    role = member(message, "role") or "user"
    content = member(message, "content")
    if isinstance(content, str):
        return [{"role": role, "parts": [{"type": "text", "content": content}]}]
    runs = groupby(_parts(content), lambda part: part["type"] == "tool_call_response")
    found: list[Message] = [
        {"role": "tool" if answers and role == "user" else role, "parts": list(run)} for answers, run in runs
    ]
    return found or [{"role": role, "parts": []}]


def _parts(content: Any) -> list[dict[str, Any]]:
    if isinstance(content, str):
        return [{"type": "text", "content": content}]
    return [_part(block) for block in _listed(content)]


def _part(block: Any) -> dict[str, Any]:
    """One content block, of a prompt or of an answer, by its `type`."""
    kind = str(member(block, "type"))
    if kind == "text":
        return {"type": "text", "content": member(block, "text") or ""}
    if kind == "thinking":
        return {"type": "reasoning", "content": member(block, "thinking") or ""}
    if kind in ("tool_use", "server_tool_use", "mcp_tool_use"):
        return {
            "type": "tool_call",
            "id": member(block, "id"),
            "name": member(block, "name"),
            "arguments": member(block, "input"),
        }
    if kind.endswith("tool_result"):
        answer = _text(member(block, "content"))
        return {"type": "tool_call_response", "id": member(block, "tool_use_id"), "response": answer}
    if kind == "search_result":
        return {"type": "text", "content": _text(member(block, "content"))}
    if kind in ("image", "document"):
        return _source(kind, member(block, "source"))
    return {"type": kind}


def _source(modality: str, source: Any) -> dict[str, Any]:
    kind, data = member(source, "type"), member(source, "data")
    if kind in ("text", "content"):  # a document to be cited: what the answer rests on
        return {"type": "text", "content": data if kind == "text" else _text(member(source, "content"))}
    if kind == "url":
        return uri_part(modality, member(source, "url"))
    if kind == "base64" and isinstance(data, str | bytes):
        return blob_part(modality, member(source, "media_type"), data)
    return file_part(modality, member(source, "file_id"))


def _text(content: Any) -> str:
    """The prose of a tool's answer or of a document."""
    if isinstance(content, str):
        return content
    found = [member(one, "title") if member(one, "url") else _part(one).get("content") for one in _listed(content)]
    texts = found or [member(content, name) for name in ("stdout", "stderr", "error_code")]
    return "\n".join(text for text in texts if isinstance(text, str) and text)


# --- what came back -------------------------------------------------------------------------------------------------


def _response(result: Any) -> Response:
    if isinstance(result, dict):  # a bare `client.post` gives whatever its `cast_to` says
        result = fields(result)
    elif is_body(result):
        result = parse_document(result.text)
    return _answer(result, [_part(block) for block in result.content or ()], result.stop_reason, result.usage)


def _answer(message: Any, parts: list[dict[str, Any]], stop: str | None, usage: Any) -> Response:
    attributes: dict[str, Any] = {}
    for name in ("service_tier", "speed"):
        if value := member(member(message, "usage"), name):
            attributes[f"anthropic.response.{name}"] = value
    kept = member(member(usage, "cache_creation"), "ephemeral_1h_input_tokens")
    if kept:
        attributes["anthropic.usage.cache_creation.ephemeral_1h_input_tokens"] = kept
    if stop == "refusal":
        parts = [part | {"refusal": True} for part in parts] or [{"type": "text", "content": "", "refusal": True}]
    return Response(
        model=member(message, "model"),
        id=member(message, "id"),
        messages=[{"role": "assistant", "parts": parts}] if parts else None,
        finish_reasons=[_FINISH.get(stop, stop)] if stop else (),
        usage=_usage(usage, kept) if usage else None,
        attributes=attributes,
    )


def _usage(usage: Any, kept: int | None) -> Usage:
    # Where the service made the conversation shorter first, that is billed, and not part of the counts above it.
    rows = [usage, *(one for one in _listed(member(usage, "iterations")) if member(one, "type") == "compaction")]
    fresh, read, created, made = (_sum([member(row, name) for row in rows]) for name in _SUMMED)
    searches = member(member(usage, "server_tool_use"), "web_search_requests")
    return Usage(
        None if fresh is None else fresh + (read or 0) + (created or 0),
        made,
        cache_read_tokens=read,
        cache_creation_tokens=created,
        cache_creation_1h_tokens=kept,
        reasoning_tokens=member(member(usage, "output_tokens_details"), "thinking_tokens"),
        apart={"web_searches": searches} if searches else {},
        terms={"speed": "fast"} if member(usage, "speed") == "fast" else {},
    )


_SUMMED = ("input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens", "output_tokens")


def _sum(counts: list[Any]) -> int | None:
    known = [count for count in counts if isinstance(count, int)]
    return sum(known) if known else None


class _Events:
    """Events of one streamed message. What was generated is counted at the end alone: the start says 1 or so."""

    def __init__(self) -> None:
        self._message: Any = None
        self._model: str | None = None
        self._blocks: dict[int, tuple[Any, list[str]]] = {}
        self._stop: str | None = None
        self._usage: dict[str, Any] = {}

    def add(self, event: Any) -> None:
        kind = event.type
        if kind == "content_block_delta":
            delta = event.delta
            piece = member(delta, _PIECES.get(delta.type, ""))
            if isinstance(piece, str):
                self._blocks[event.index][1].append(piece)
        elif kind == "content_block_start":
            self._blocks[event.index] = (event.content_block, [])
            if event.content_block.type == "fallback":  # another model goes on
                self._model = member(member(event.content_block, "to"), "model")
        elif kind == "message_start":
            self._message = event.message
            self._count(event.message.usage, _GENERATED)
        elif kind == "message_delta":
            self._stop = event.delta.stop_reason or self._stop
            self._count(event.usage, ())

    def _count(self, usage: Any, without: tuple[str, ...]) -> None:
        counts = {name: member(usage, name) for name in _COUNTS if name not in without}
        self._usage |= {name: count for name, count in counts.items() if count is not None}

    def response(self) -> Response:
        parts = [_streamed(*self._blocks[index]) for index in sorted(self._blocks)]
        answer = _answer(self._message, parts, self._stop, self._usage)
        return answer if self._model is None else replace(answer, model=self._model)


_PIECES: Mapping[str, str] = {"text_delta": "text", "thinking_delta": "thinking", "input_json_delta": "partial_json"}
_GENERATED = ("output_tokens", "output_tokens_details")
_COUNTS = (*_SUMMED, "output_tokens_details", "cache_creation", "iterations", "server_tool_use", "speed")


def _streamed(block: Any, pieces: list[str]) -> dict[str, Any]:
    """A content block with what came after its start."""
    part = _part(block)
    text = "".join(pieces)
    if part["type"] == "tool_call" and text:
        return part | {"arguments": parsed if (parsed := parse_document(text)) is not None else text}
    return part | {"content": part["content"] + text} if "content" in part else part


PROVIDER = Provider(
    name="anthropic",
    module="anthropic",
    distribution="anthropic",
    operations=(
        Operation(
            "chat",
            tuple(f"anthropic:{how}{client}.request" for client in _CLIENTS for how in ("", "Async")),
            _request,
            _response,
            stream=_Events,
            applies=_applies,
            iterables=tuple(f"options.json_data.{name}" for name in ("messages", "system", "tools")),
            quiet=_quiet,
        ),
    ),
)
