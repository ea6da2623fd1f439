"""Messages, answers and events of Cohere's v2 chat, as the GenAI conventions have them."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from groundwire.documents import passage
from groundwire.media import apart, document_part, uri_part
from groundwire.model import Message, Response, Usage
from groundwire.wire import members, parse_document
from groundwire_instrumentation._joining import Joining

_FINISH: Mapping[str, str] = {
    "COMPLETE": "stop",
    "STOP_SEQUENCE": "stop",
    "MAX_TOKENS": "length",
    "TOOL_CALL": "tool_call",
    "ERROR": "error",
    "ERROR_LIMIT": "error",
    "ERROR_TOXIC": "content_filter",
    "TIMEOUT": "error",
}


_LISTS = (list, tuple)


def rows(value: Any) -> Sequence[Any]:
    """A list; nothing where it was left out, for which this SDK has an ellipsis."""
    return value if isinstance(value, _LISTS) else ()


def plain(value: Any) -> Mapping[str, Any]:
    """A message, tool or document as a mapping: applications pass objects of the SDK or dictionaries."""
    if isinstance(value, (dict, Mapping)):
        return value
    dump = getattr(value, "model_dump", None)  # a row of pandas has none: the SDK sends what is in it
    return dict(value) if dump is None else dump(exclude_none=True, warnings=False)


def tool(given: Any) -> Mapping[str, Any]:
    """A definition of a tool."""
    return {"type": "function", **(plain(given).get("function") or {})}


def shown(document: Any) -> dict[str, Any]:
    """A document of a chat: its text, or all its fields where it has more than that."""
    if isinstance(document, str):
        return document_part(document)
    given = plain(document)
    data = given.get("data", {key: value for key, value in given.items() if key != "id"})  # v1 has no `data`
    if isinstance(data, str) and isinstance(told := parse_document(data), Mapping):
        data = told
    if isinstance(data, Mapping):
        text, rest = passage(data)
        data = text if text is not None and not rest else "\n".join(f"{key}: {value}" for key, value in data.items())
    return document_part(str(data), id=given.get("id"))


def message_of(message: Mapping[str, Any]) -> Message:
    role, content = message.get("role") or "user", message.get("content")
    if isinstance(content, str) and len(message) == 2 and role != "tool":
        return {"role": role, "parts": [{"type": "text", "content": content}]}
    items = [content] if isinstance(content, str) else rows(content)
    if role == "tool":
        returned = [shown(_document(item)) for item in items]
        result = returned[0]["content"] if len(returned) == 1 else apart(returned)
        return {
            "role": role,
            "parts": [{"type": "tool_call_response", "id": message.get("tool_call_id"), "response": result}],
        }
    plan = message.get("tool_plan")
    parts = [_reasoning(plan)] if plan else []
    parts += [_part(item) for item in items]
    parts += [_tool_call(members(call)) for call in message.get("tool_calls") or ()]
    return {"role": role, "parts": parts}


def _document(item: Any) -> Any:
    """What a tool returned, out of its content block."""
    block = item if isinstance(item, str) else plain(item)
    return block if isinstance(block, str) else block.get("document") or block.get("text") or ""


def _reasoning(text: str) -> dict[str, Any]:
    return {"type": "reasoning", "content": text}


def _part(item: Any) -> dict[str, Any]:
    """One content block of a message."""
    if isinstance(item, str):
        return {"type": "text", "content": item}
    block = members(item)
    kind = block.get("type")
    if kind == "thinking":
        return _reasoning(block.get("thinking") or "")
    if kind == "image_url":
        return uri_part("image", members(block.get("image_url")).get("url"))
    return {"type": "text", "content": block.get("text") or ""} if kind == "text" else {"type": str(kind)}


def _tool_call(call: Mapping[str, Any]) -> dict[str, Any]:
    function = members(call.get("function"))
    named = {"name": function.get("name"), "arguments": function.get("arguments")}
    return {"type": "tool_call", "id": call.get("id"), **named}


def usage_of(given: Any) -> Usage | None:
    """Billed tokens; where the bill names none, those that were used. The SDK has them as floats."""
    counts = members(given)
    billed = members(counts.get("billed_units"))
    inputs, outputs = billed.get("input_tokens"), billed.get("output_tokens")
    if inputs is None or outputs is None:
        used = members(counts.get("tokens"))
        inputs = used.get("input_tokens") if inputs is None else inputs
        outputs = used.get("output_tokens") if outputs is None else outputs
        if inputs is None and outputs is None:
            return None
    return Usage(_count(inputs), _count(outputs), _count(counts.get("cached_tokens")))


def _count(tokens: Any) -> int | None:
    return None if tokens is None else int(tokens)


def fields(value: Any) -> Mapping[str, Any]:
    return {} if value is None else plain(value)


def chat_response(result: Any) -> Response:
    answer = result.data
    return Response(
        id=answer.id,
        messages=[message_of(members(answer.message))],
        finish_reasons=finish(answer.finish_reason),
        usage=usage_of(answer.usage),
        error=failure(answer.finish_reason),
    )


def finish(reason: Any) -> Sequence[str]:
    """Why an answer ended."""
    return (_FINISH.get(reason, str(reason).lower()),) if reason else ()


def failure(reason: Any) -> str | None:
    """The reason, where it is a failure: the API answers as if all were well."""
    return str(reason) if _FINISH.get(reason) == "error" else None


_OF_TOOLS = ("tool-plan-delta", "tool-call-start", "tool-call-delta")


class ChatEvents:
    """Events of one streamed chat: blocks of text and thought by index, a plan, tool calls by index."""

    def __init__(self) -> None:
        self._id: str | None = None
        self._plan: list[str] = []
        self._blocks: defaultdict[int, Joining] = defaultdict(Joining)
        self._calls: dict[int, tuple[Any, list[str]]] = {}
        self._end: Any = None

    def add(self, event: Any) -> None:
        try:
            if event.type == "content-delta":
                content = event.delta.message.content
                if (text := content.text) and content.thinking is None:  # nearly always
                    self._blocks[event.index or 0].text.append(text)
                    return
        except (AttributeError, TypeError):
            pass
        self._add(event)

    def _add(self, event: Any) -> None:
        kind = event.type
        if kind == "content-delta" or kind == "content-start":
            index, content = event.index or 0, members(event.delta.message.content)
            block = self._blocks[index]
            if thought := content.get("thinking"):
                block.add("reasoning", thought)
            if text := content.get("text"):
                block.add("text", text)
        elif kind == "message-start":
            self._id = event.id
        elif kind == "message-end":
            self._end = event.delta
        elif kind in _OF_TOOLS and (message := event.delta.message) is not None:
            if kind == "tool-plan-delta":
                self._plan.append(message.tool_plan or "")
                return
            called, index = message.tool_calls, event.index or 0
            if kind == "tool-call-start":
                self._calls[index] = (called, [])
            self._calls[index][1].append(called.function.arguments or "")

    def response(self) -> Response:
        parts = [_reasoning("".join(self._plan))] if self._plan else []
        for _, block in sorted(self._blocks.items()):
            parts += block.parts()
        for _, (call, pieces) in sorted(self._calls.items()):
            parts.append({**_tool_call(members(call)), "arguments": "".join(pieces)})
        reason = getattr(self._end, "finish_reason", None)
        return Response(
            id=self._id,
            messages=[{"role": "assistant", "parts": parts}] if parts else None,
            finish_reasons=finish(reason),
            usage=usage_of(getattr(self._end, "usage", None)),
            error=failure(reason),
        )
