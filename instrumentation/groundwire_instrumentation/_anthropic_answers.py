"""What Anthropic's API answers, whole or as events.

It counts cached tokens beside `input_tokens`: they are added up here.
"""

from collections.abc import Mapping, Set
from dataclasses import replace
from typing import Any

from groundwire.model import NOTHING, Response, Usage
from groundwire.wire import fields, is_body, member, members, parse_document
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
    said, counts = members(message), members(usage)
    served = members(said.get("usage"))
    attributes: dict[str, Any] = {}
    if tier := served.get("service_tier"):
        attributes["anthropic.response.service_tier"] = tier
    if speed := served.get("speed"):
        attributes["anthropic.response.speed"] = speed
    if kept := members(counts.get("cache_creation")).get("ephemeral_1h_input_tokens"):
        attributes["anthropic.usage.cache_creation.ephemeral_1h_input_tokens"] = kept
    if stop == "refusal":
        parts = [part | {"refusal": True} for part in parts] or [{"type": "text", "content": "", "refusal": True}]
    return Response(
        model=said.get("model"),
        id=said.get("id"),
        messages=[{"role": "assistant", "parts": parts}] if parts else None,
        finish_reasons=[_FINISH.get(stop, stop)] if stop else (),
        usage=_usage(counts, kept) if usage else None,
        attributes=attributes,
    )


def _usage(counts: Mapping[str, Any], kept: int | None) -> Usage:
    ask = counts.get
    summed = [count if isinstance(count, int) else None for count in map(ask, _SUMMED)]
    # Where the service made the conversation shorter first, that is billed, and not part of the counts above it.
    for row in map(members, listed(ask("iterations"))):
        if row.get("type") == "compaction":
            summed = [_sum(count, row.get(name)) for count, name in zip(summed, _SUMMED, strict=True)]
    fresh, read, created, made = summed
    searches = members(ask("server_tool_use")).get("web_search_requests")
    return Usage(
        None if fresh is None else fresh + (read or 0) + (created or 0),
        made,
        read,
        created,
        members(ask("output_tokens_details")).get("thinking_tokens"),
        kept,
        apart={"web_searches": searches} if searches else NOTHING,
        terms={"speed": "fast"} if ask("speed") == "fast" else NOTHING,
    )


_SUMMED = ("input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens", "output_tokens")


def _sum(known: int | None, count: Any) -> int | None:
    return known if not isinstance(count, int) else count if known is None else known + count


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
            kind = delta.type
            piece = delta.text if kind == "text_delta" else member(delta, _PIECES.get(kind, ""))
            if isinstance(piece, str):
                self._blocks[event.index][1].append(piece)
        elif kind == "content_block_start":
            self._blocks[event.index] = (event.content_block, [])
            if event.content_block.type == "fallback":  # another model goes on
                self._model = member(member(event.content_block, "to"), "model")
        elif kind == "message_start":
            self._message = event.message
            self._count(event.message.usage, _ASKED)
        elif kind == "message_delta":
            self._stop = event.delta.stop_reason or self._stop
            self._count(event.usage, _COUNTS)

    def _count(self, usage: Any, names: Set[str]) -> None:
        for name, count in members(usage).items():
            if count is not None and name in names:
                self._usage[name] = count

    def response(self) -> Response:
        parts = [_streamed(*block) for _, block in sorted(self._blocks.items())]
        answer = _answer(self._message, parts, self._stop, self._usage)
        return answer if self._model is None else replace(answer, model=self._model)


_PIECES: Mapping[str, str] = {"thinking_delta": "thinking", "input_json_delta": "partial_json"}
_COUNTS = {*_SUMMED, "output_tokens_details", "cache_creation", "iterations", "server_tool_use", "speed"}
_ASKED = _COUNTS - {"output_tokens", "output_tokens_details"}


def _streamed(block: Any, pieces: list[str]) -> dict[str, Any]:
    """A content block with what came after its start."""
    text = "".join(pieces)
    if block.type == "text":
        return {"type": "text", "content": (getattr(block, "text", None) or "") + text}
    part = part_of(block)
    if part["type"] == "tool_call" and text:
        return part | {"arguments": parsed if (parsed := parse_document(text)) is not None else text}
    return part | {"content": part["content"] + text} if "content" in part else part
