"""Mistral's conversations: what is put into one, and what it gives, whole or as events."""

from collections.abc import Iterator, Mapping
from typing import Any

from groundwire.model import Message, Response
from groundwire.wire import members
from groundwire_instrumentation._mistral_messages import get, listed, parts_of, tool, usage


def asked(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Messages, instructions and tools of a request."""
    given, instructions = arguments.get("inputs"), arguments.get("instructions")
    entries = [{"role": "user", "content": given}] if isinstance(given, str) else listed(given)
    return {
        "messages": [_message(entry) for entry in entries],
        "instructions": [{"type": "text", "content": instructions}] if isinstance(instructions, str) else None,
        "tools": [tool(one) for one in listed(arguments.get("tools"))],
    }


def settings(arguments: Mapping[str, Any]) -> Mapping[str, Any]:
    """The arguments, those that are in a corner of their own among them."""
    corner = members(arguments.get("completion_args"))
    return {name: value for name, value in {**corner, **arguments}.items() if type(value).__name__ != "Unset"}


def _message(entry: Any) -> Message:
    kind = get(entry, "type")
    role = "tool" if kind == "function.result" else get(entry, "role") or "assistant"
    return {"role": role, "parts": list(_parts(entry))}


def _parts(entry: Any) -> Iterator[dict[str, Any]]:
    kind = str(get(entry, "type"))
    if kind in ("function.call", "tool.execution"):
        identity = get(entry, "tool_call_id") or get(entry, "id")
        name, arguments = get(entry, "name"), get(entry, "arguments")
        yield {"type": "tool_call", "id": identity, "name": name, "arguments": arguments}
    elif kind == "function.result":
        answer = {"id": get(entry, "tool_call_id"), "response": get(entry, "result")}
        yield {"type": "tool_call_response", **answer}
    elif kind == "agent.handoff":
        yield {"type": kind, "name": get(entry, "next_agent_name")}
    else:
        yield from parts_of(get(entry, "content"))


def _answer(identity: Any, model: Any, parts: list[dict[str, Any]], counts: Any, error: str | None = None) -> Response:
    said: list[Message] = [{"role": "assistant", "parts": parts}] if parts else []
    return Response(model=model, id=identity, messages=said or None, usage=usage(counts), error=error)


def answered(result: Any) -> Response:
    """A whole answer."""
    models = [model for entry in result.outputs if (model := get(entry, "model"))]
    parts = [part for entry in result.outputs for part in _parts(entry)]
    return _answer(result.conversation_id, models[-1] if models else None, parts, result.usage)


class Events:
    """Events of one answer: pieces of messages, calls of functions, tools that ran; the last one counts."""

    def __init__(self) -> None:
        self._id: Any = None
        self._model: Any = None
        self._usage: Any = None
        self._error: str | None = None
        self._parts: list[dict[str, Any]] = []

    def add(self, event: Any) -> None:
        data = event.data
        kind = str(get(data, "type"))
        self._model = get(data, "model") or self._model
        if kind == "message.output.delta":
            content = get(data, "content")
            for part in parts_of(content if isinstance(content, str) else [content]):
                self._grow(part, "content")
        elif kind == "function.call.delta":
            identity, name = get(data, "tool_call_id"), get(data, "name")
            self._grow({"type": "tool_call", "id": identity, "name": name, "arguments": data.arguments}, "arguments")
        elif kind == "tool.execution.started":
            named = {"id": get(data, "id"), "name": get(data, "name"), "arguments": get(data, "arguments")}
            self._parts.append({"type": "tool_call", **named})
        elif kind == "conversation.response.started":
            self._id = get(data, "conversation_id")
        elif kind == "conversation.response.done":
            self._usage = get(data, "usage")
        elif kind == "conversation.response.error":
            self._error = str(get(data, "code"))

    def _grow(self, part: dict[str, Any], name: str) -> None:
        last = self._parts[-1] if self._parts else {}
        if name in part and last.get("type") == part["type"] and last.get("id") == part.get("id"):
            last[name] += part[name]
        else:
            self._parts.append(part)

    def response(self) -> Response:
        return _answer(self._id, self._model, self._parts, self._usage, self._error)
