"""Cohere's v1 chat as the GenAI conventions have it: one message with its history, and events of a streamed answer."""

from collections.abc import Iterator, Mapping
from typing import Any

from groundwire.model import Message, Response
from groundwire_instrumentation._cohere_chat import failure, finish, plain, rows, shown, usage_of

_ROLES: Mapping[Any, str] = {"CHATBOT": "assistant", "SYSTEM": "system", "TOOL": "tool", "USER": "user"}


def asked(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Messages, instructions and tools of a request; documents come first, as what a tool returned."""
    given = [shown(document) for document in rows(arguments.get("documents"))]
    messages: list[Message] = [{"role": "tool", "parts": given}] if given else []
    messages += [_message(plain(message)) for message in rows(arguments.get("chat_history"))]
    messages.append(_message({"role": "USER", "message": arguments["message"]}))
    if results := rows(arguments.get("tool_results")):
        messages.append(_message({"role": "TOOL", "tool_results": results}))
    preamble = arguments.get("preamble")
    tools = [plain(tool) for tool in rows(arguments.get("tools"))]
    return {
        "messages": messages,
        "instructions": [{"type": "text", "content": preamble}] if isinstance(preamble, str) else None,
        "tools": [
            {
                "type": "function",
                "name": tool.get("name"),
                "description": tool.get("description"),
                "parameters": tool.get("parameter_definitions"),
            }
            for tool in tools
        ],
    }


def _message(message: Mapping[str, Any]) -> Message:
    return {"role": _ROLES.get(message.get("role"), "user"), "parts": list(_parts(message))}


def _parts(message: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    if text := message.get("message"):
        yield {"type": "text", "content": text}
    for call in map(plain, message.get("tool_calls") or ()):
        yield {"type": "tool_call", "id": None, "name": call.get("name"), "arguments": call.get("parameters")}
    for result in map(plain, message.get("tool_results") or ()):
        name = plain(result.get("call") or {}).get("name")
        yield {"type": "tool_call_response", "id": None, "name": name, "response": result.get("outputs")}


def answered(result: Any) -> Response:
    """A whole answer."""
    return _answer(result.data)


def _answer(said: Any) -> Response:
    calls = [plain(call) for call in getattr(said, "tool_calls", None) or ()]
    message = _message({"role": "CHATBOT", "message": said.text, "tool_calls": calls})
    return Response(
        id=said.response_id or said.generation_id,
        messages=[message] if message["parts"] else None,
        finish_reasons=finish(said.finish_reason),
        usage=usage_of(said.meta),
        error=failure(said.finish_reason),
    )


class Events:
    """Events of one streamed answer; the last one holds the whole."""

    def __init__(self) -> None:
        self._id: str | None = None
        self._text: list[str] = []
        self._whole: Any = None

    def add(self, event: Any) -> None:
        kind = event.event_type
        if kind == "text-generation":
            self._text.append(event.text or "")
        elif kind == "stream-start":
            self._id = event.generation_id
        elif kind == "stream-end":
            self._whole = event.response

    def response(self) -> Response:
        if self._whole is not None:
            return _answer(self._whole)
        message = _message({"role": "CHATBOT", "message": "".join(self._text)})
        return Response(id=self._id, messages=[message] if message["parts"] else None)
