"""Messages as chat APIs take and give them, and frameworks dump them, told as messages of the GenAI conventions.

Read are the wire formats of OpenAI (chat completions and responses) and Anthropic, LangChain's dumps, and the
conventions' own form, as structure or as JSON text. Everything here is total: what cannot be read is left out.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from groundwire.dialects.gen_ai import document_text
from groundwire.model import Message

_ROLES = {"human": "user", "ai": "assistant", "model": "assistant", "chatbot": "assistant", "function": "tool"}
_CLASSES = {"HumanMessage": "user", "AIMessage": "assistant", "SystemMessage": "system", "ToolMessage": "tool"}
"""LangChain's; those of a stream end in `Chunk`."""
_SPEAKERS = ("human", "ai", "system", "tool", "user", "assistant")
_KEYS = frozenset(("role", "content", "parts", "type", "text", "tool_calls", "lc"))
_TEXTS = ("text", "input_text", "output_text", "summary_text")
_THOUGHTS = ("thinking", "reasoning", "redacted_thinking", "reasoning_content")
_CALLS = ("tool_call", "tool_use", "function_call", "function")
_RESULTS = ("tool_call_response", "tool_result", "function_call_output", "tool_response")


def from_json(value: Any) -> Any:
    """The structure behind JSON text; the value itself where it is none. Bytes are text where they can be."""
    if isinstance(value, bytes):  # LangSmith until 0.5 or so
        try:
            value = value.decode()
        except UnicodeDecodeError:
            return value
    if isinstance(value, str) and value.lstrip()[:1] in ("{", "["):
        try:
            return json.loads(value)
        except (ValueError, RecursionError):
            return value
    return value


def structured(value: Any) -> Any:
    """The same where it holds a message, a block of one, or several; other text stays text, JSON or not."""
    found = from_json(value)
    entries: Sequence[Any] = found if isinstance(found, list | tuple) else (found,)
    if found is not value and entries and all(isinstance(e, Mapping) and not _KEYS.isdisjoint(e) for e in entries):
        return found
    return value


def messages(value: Any, role: str = "user") -> list[Message]:
    """All messages in a value; empty where it holds none.

    Args:
        value: a list of messages, one message, or a text, which is one message; JSON text of these.
        role: of what tells none.
    """
    value = structured(value)
    entries: Sequence[Any] = value if isinstance(value, list | tuple) else (value,)
    return [found for entry in entries if (found := message(entry, role)) is not None]


def message(value: Any, role: str = "user") -> Message | None:
    """One message; None where there is nothing in it."""
    if isinstance(value, str):
        return {"role": role, "parts": [{"type": "text", "content": value}]} if value else None
    if not isinstance(value, Mapping):
        return None
    kwargs = value.get("kwargs")
    if "lc" in value and isinstance(
        kwargs, Mapping
    ):  # LangChain's dump of an object: its class, and what it was made of
        name = str((value.get("id") or [""])[-1]) if isinstance(value.get("id"), list | tuple) else ""
        role = _CLASSES.get(name.removesuffix("Chunk"), role)
        value = kwargs
    role = _role(value, role)
    content = value.get("content")
    if isinstance(content, Mapping) and isinstance(content.get("parts"), list | tuple):  # Google's
        value = content
    found = parts(value["parts"] if isinstance(value.get("parts"), list | tuple) else content)
    if role == "tool" and not any(part.get("type") == "tool_call_response" for part in found):
        found = [_result(value.get("tool_call_id", value.get("id")), value.get("content"))] if found else []
    if not found and value.get("type") in (*_CALLS, *_RESULTS):  # an item of the responses API that is no message
        found = parts([value])
    calls = value.get("tool_calls")
    for call in calls if isinstance(calls, list | tuple) else ():
        if isinstance(call, Mapping):
            found.append(_call(call))
    refusal = value.get("refusal")
    if isinstance(refusal, str) and refusal:
        found.append({"type": "text", "content": refusal, "refusal": True})
    return {"role": role, "parts": found} if found else None


def parts(content: Any) -> list[dict[str, Any]]:
    """The parts of a message's content: a text, a list of blocks, or one block."""
    if isinstance(content, str):
        return [{"type": "text", "content": content}] if content else []
    blocks: Sequence[Any] = content if isinstance(content, list | tuple) else (content,)
    return [found for block in blocks if (found := _part(block)) is not None]


def text_of(content: Any) -> str:
    """The prose of a content."""
    return "".join(part["content"] for part in parts(content) if part["type"] == "text" and not part.get("refusal"))


def _part(block: Any) -> dict[str, Any] | None:
    if isinstance(block, str):
        return {"type": "text", "content": block} if block else None
    if not isinstance(block, Mapping):
        return None
    kind = block.get("type")
    if kind == "document" or kind == "search_result":
        handed = document_text(block)
        return {"type": kind} if handed is None else {"type": kind, "content": handed}
    text = next((block[k] for k in ("text", "content", "thinking", "reasoning") if isinstance(block.get(k), str)), None)
    if kind is None and text is None:
        return _unnamed(block)
    if kind in _TEXTS or (kind is None and text is not None):
        if text is None:
            return None
        refusal = {"refusal": True} if block.get("refusal") is True else {}
        return {"type": "text", "content": text, **refusal}
    if kind in _CALLS:
        return _call(block)
    if kind in _RESULTS:
        answer = next((block[k] for k in ("response", "result", "content", "output") if block.get(k) is not None), None)
        return _result(block.get("tool_use_id", block.get("call_id", block.get("id"))), answer)
    if kind == "refusal":
        refused = block.get("refusal", text)
        return {"type": "text", "content": refused, "refusal": True} if isinstance(refused, str) else None
    if kind in _THOUGHTS:
        return {"type": "reasoning", "content": text or ""}
    return {"type": kind} if isinstance(kind, str) else None  # an image, a file: that there was one


def _unnamed(block: Mapping[str, Any]) -> dict[str, Any] | None:
    """Blocks that are told by their only key: Bedrock's and Gemini's calls of tools, and what these returned."""
    for key in ("toolUse", "functionCall", "function_call"):
        if isinstance(inner := block.get(key), Mapping):
            return _call({"id": inner.get("toolUseId"), **inner})
    for key in ("toolResult", "functionResponse", "function_response"):
        if isinstance(inner := block.get(key), Mapping):
            content = inner.get("content", inner.get("response"))
            if isinstance(content, list | tuple):
                content = [{"type": "text", **b} if isinstance(b, Mapping) and "text" in b else b for b in content]
            return _result(inner.get("toolUseId", inner.get("id")), content)
    return None


def _call(call: Mapping[str, Any]) -> dict[str, Any]:
    inner = call.get("function")
    named: Mapping[str, Any] = inner if isinstance(inner, Mapping) else call
    arguments = next((named[k] for k in ("arguments", "args", "input") if named.get(k) is not None), None)
    identity = call.get("call_id", call.get("id"))
    found: dict[str, Any] = {"type": "tool_call", "name": named.get("name"), "arguments": from_json(arguments)}
    return found if identity is None else {**found, "id": identity}


def _result(identity: Any, content: Any) -> dict[str, Any]:
    """A tool's answer; blocks of text become one text."""
    if isinstance(content, list | tuple) and all(isinstance(b, Mapping) and b.get("type") in _TEXTS for b in content):
        content = text_of(content)
    found: dict[str, Any] = {"type": "tool_call_response", "response": content}
    return found if identity is None else {**found, "id": identity}


def _role(value: Mapping[str, Any], otherwise: str) -> str:
    told, kind = value.get("role"), value.get("type")
    if isinstance(told, str) and told:
        return _ROLES.get(told.lower(), told.lower())
    if isinstance(kind, str) and kind in _SPEAKERS:  # LangChain
        return _ROLES.get(kind, kind)
    return "tool" if kind in _RESULTS else "assistant" if kind in _CALLS else otherwise
