"""What Anthropic's API answers, whole or as events.

It counts cached tokens beside `input_tokens`: they are added up here.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from groundwire.model import Response, Usage
from groundwire.wire import fields, is_body, member, parse_document
from groundwire_instrumentation._anthropic_blocks import listed, part_of

_FINISH: Mapping[str, str] = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool_call",
    "refusal": "content_filter",
}


def answered(result: Any) -> Response:
    if isinstance(result, dict):  # a bare `client.post` gives whatever its `cast_to` says
        result = fields(result)
    elif is_body(result):
        result = parse_document(result.text)
    return _answer(result, [part_of(block) for block in result.content or ()], result.stop_reason, result.usage)


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
    rows = [usage, *(one for one in listed(member(usage, "iterations")) if member(one, "type") == "compaction")]
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


class Events:
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
    part = part_of(block)
    text = "".join(pieces)
    if part["type"] == "tool_call" and text:
        return part | {"arguments": parsed if (parsed := parse_document(text)) is not None else text}
    return part | {"content": part["content"] + text} if "content" in part else part
