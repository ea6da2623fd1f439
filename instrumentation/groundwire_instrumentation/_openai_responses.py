"""The responses API in OpenAI's protocol: what is asked, whole answers, and the events of streamed ones."""

from collections.abc import Mapping, Sequence
from typing import Any

from groundwire.model import Document, Message, Response
from groundwire.wire import members
from groundwire_instrumentation._openai_chat import parts_of, tool_call, tool_result
from groundwire_instrumentation._openai_usage import failure, tier, usage_of, whole


def asked(body: Mapping[str, Any]) -> dict[str, Any]:
    """Messages, instructions and tools of a request with that body."""
    given, instructions = body.get("input"), body.get("instructions")
    items = [{"role": "user", "content": given}] if isinstance(given, str) else given or ()
    return {
        "messages": [_item(_plain(item)) for item in items],
        "instructions": [{"type": "text", "content": instructions}] if isinstance(instructions, str) else None,
        "tools": body.get("tools") or (),
    }


def _item(item: Mapping[str, Any]) -> Message:
    """One input or output item of the responses API."""
    kind = item.get("type") or "message"
    if kind == "message":
        return {"role": item.get("role") or "assistant", "parts": parts_of(item.get("content"))}
    if kind in ("function_call", "custom_tool_call"):
        return {"role": "assistant", "parts": [tool_call(item.get("call_id"), item)]}
    if kind in ("function_call_output", "custom_tool_call_output"):
        return {"role": "tool", "parts": [tool_result(item.get("call_id"), item.get("output"))]}
    if kind == "reasoning":
        # OpenAI's says what was thought in short, others' say all of it.
        told = item.get("summary") or item.get("content") or ()
        thought = "\n".join(part.get("text") or "" for part in told)
        return {"role": "assistant", "parts": [{"type": "reasoning", "content": thought}]}
    return {"role": "assistant", "parts": [{"type": str(kind), "id": item.get("id")}]}


def _plain(value: Any) -> Any:
    """An SDK object as plain data."""
    # The SDK types parsed items as plain ones; its serializer would warn about that, in the application.
    return value if isinstance(value, Mapping) or not hasattr(value, "model_dump") else value.model_dump(warnings=False)


def _finish(said: Mapping[str, Any], parts: Sequence[Mapping[str, Any]]) -> Sequence[str]:
    status, reason = said.get("status"), members(said.get("incomplete_details")).get("reason")
    if status == "completed":
        return ("tool_call",) if any(p["type"] == "tool_call" for p in parts) else ("stop",)
    if reason is not None:
        return ("length" if reason == "max_output_tokens" else reason,)
    return ("error",) if status == "failed" else ()


def _found(items: Sequence[Mapping[str, Any]]) -> list[Document] | None:
    """What OpenAI's own search of files found for the answer, where `include` asked to be told."""
    rows = [row for item in items if item.get("type") == "file_search_call" for row in item.get("results") or ()]
    found = [
        Document(row.get("text"), row.get("file_id"), row.get("score"), {"filename": row.get("filename")})
        for row in map(_plain, rows)
    ]
    return found or None


def answered(result: Any) -> Response:
    """A whole answer."""
    said = whole(result)
    output = [_plain(item) for item in said.get("output") or ()]
    # Of a conversation that was made shorter, what the user said comes back.
    items = [item for item in map(_item, output) if item["role"] != "user"]
    parts = [part for item in items for part in item["parts"]]
    return Response(
        model=said.get("model"),
        id=said.get("id"),
        messages=[{"role": "assistant", "parts": parts}] if parts else None,
        finish_reasons=_finish(said, parts),
        usage=usage_of(said.get("usage"), said),
        documents=_found(output),
        error=failure(said),
        attributes=tier(said),
    )


class Events:
    """Events of one streamed response. The last one holds the whole; before it there are only deltas."""

    def __init__(self) -> None:
        self._whole: Any = None
        self._error: Any = None
        self._texts: dict[tuple[int, int], list[str]] = {}
        self._refusals: list[str] = []
        self._calls: dict[int, list[Any]] = {}

    def add(self, event: Any) -> None:
        kind = event.type
        if kind == "response.output_text.delta":
            self._texts.setdefault((event.output_index, event.content_index), []).append(event.delta)
        elif kind == "response.refusal.delta":
            self._refusals.append(event.delta)
        elif kind == "response.output_item.added" and event.item.type in (
            "function_call",
            "custom_tool_call",
        ):
            self._calls[event.output_index] = [event.item.call_id, event.item.name, []]
        elif kind in ("response.function_call_arguments.delta", "response.custom_tool_call_input.delta"):
            self._calls.setdefault(event.output_index, [None, None, []])[2].append(event.delta)
        elif getattr(event, "response", None) is not None:
            self._whole = event.response
        elif kind == "error":
            self._error = event

    def response(self) -> Response:
        last = members(self._whole)
        if last.get("output"):
            return answered(last)
        parts: list[dict[str, Any]] = [{"type": "text", "content": "".join(t)} for _, t in sorted(self._texts.items())]
        if self._refusals:
            parts.append({"type": "text", "content": "".join(self._refusals), "refusal": True})
        for _, (identity, name, pieces) in sorted(self._calls.items()):
            parts.append(tool_call(identity, {"name": name, "arguments": "".join(pieces)}))
        return Response(
            model=last.get("model"),
            id=last.get("id"),
            messages=[{"role": "assistant", "parts": parts}] if parts else None,
            finish_reasons=_finish(last, parts),
            usage=usage_of(last.get("usage"), last),
            error=failure(last) or failure({"error": self._error}),
            attributes=tier(last),
        )
