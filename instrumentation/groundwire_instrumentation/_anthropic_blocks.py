"""Anthropic's messages, content blocks and tools, as the GenAI conventions have them."""

from itertools import groupby
from typing import Any

from groundwire.media import apart, blob_part, document_part, file_part, uri_part
from groundwire.model import Message
from groundwire.wire import member, members


def listed(value: Any) -> list[Any] | tuple[Any, ...]:
    return value if isinstance(value, list | tuple) else ()


def tool_of(tool: Any) -> Any:
    schema = member(tool, "input_schema")
    if schema is None:  # one of Anthropic's own
        return tool
    described = {"type": "function", "name": member(tool, "name"), "description": member(tool, "description")}
    return {**{k: v for k, v in described.items() if v is not None}, "parameters": schema}


def messages_of(message: Any) -> list[Message]:
    """One message; what tools answered is a message of its own, as the conventions have it."""
    said = members(message)
    role, content = said.get("role") or "user", said.get("content")
    if isinstance(content, str):
        return [{"role": role, "parts": [{"type": "text", "content": content}]}]
    runs = groupby(parts_of(content), lambda part: part["type"] == "tool_call_response")
    found: list[Message] = [
        {"role": "tool" if answers and role == "user" else role, "parts": list(run)} for answers, run in runs
    ]
    return found or [{"role": role, "parts": []}]


def parts_of(content: Any) -> list[dict[str, Any]]:
    if isinstance(content, str):
        return [{"type": "text", "content": content}]
    return [part_of(block) for block in listed(content)]


def part_of(block: Any) -> dict[str, Any]:
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
        return {"type": "tool_call_response", "id": member(block, "tool_use_id"), "response": _returned(block)}
    if kind == "search_result":
        source, title = member(block, "source"), member(block, "title")
        return document_part(prose(member(block, "content")), "search_result", id=source, title=title)
    if kind in ("image", "document"):
        return _source(kind, member(block, "source"), block)
    return {"type": kind}


def _source(modality: str, source: Any, block: Any) -> dict[str, Any]:
    kind, data = member(source, "type"), member(source, "data")
    if kind in ("text", "content"):  # what the answer rests on
        text = data if kind == "text" else prose(member(source, "content"))
        return document_part(text or "", title=member(block, "title"), context=member(block, "context"))
    if kind == "url":
        return uri_part(modality, member(source, "url"))
    if kind == "base64":
        return blob_part(modality, member(source, "media_type"), data)
    return file_part(modality, member(source, "file_id"))


def _returned(block: Any) -> Any:
    content = member(block, "content")
    return apart([part_of(one) for one in listed(content)]) or prose(content)


def prose(content: Any) -> str:
    """The prose of a tool's answer or of a document."""
    if isinstance(content, str):
        return content
    found = [member(one, "title") if member(one, "url") else part_of(one).get("content") for one in listed(content)]
    texts = found or [member(content, name) for name in ("stdout", "stderr", "error_code")]
    return "\n".join(text for text in texts if isinstance(text, str) and text)
