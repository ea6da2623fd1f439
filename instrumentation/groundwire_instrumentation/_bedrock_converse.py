"""What `converse` of Bedrock is asked and answers; models of Amazon's own write their bodies like it.

Bedrock counts cached tokens beside `inputTokens`: they are added up here.
"""

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from groundwire.media import apart, blob_part, document_part, uri_part
from groundwire.model import Message, Response, Usage
from groundwire_instrumentation import _bedrock_answers as bedrock_answers
from groundwire_instrumentation._bedrock_bodies import told_apart

_PARAMETERS: Mapping[str, str] = {
    "temperature": "gen_ai.request.temperature",
    "topP": "gen_ai.request.top_p",
    "topK": "gen_ai.request.top_k",
    "maxTokens": "gen_ai.request.max_tokens",
    # in bodies of Nova's, either way
    "top_p": "gen_ai.request.top_p",
    "top_k": "gen_ai.request.top_k",
    "max_new_tokens": "gen_ai.request.max_tokens",
}


def conversation(asked: Mapping[str, Any]) -> dict[str, Any]:
    """Messages, instructions, tools and parameters of a request in the shape of `converse`."""
    tools = asked.get("toolConfig")
    messages: list[Message] = []
    for message in asked.get("messages") or ():
        messages += told_apart(message.get("role"), [_part(block) for block in message.get("content") or ()])
    return {
        "messages": messages,
        "instructions": [_part(block) for block in asked.get("system") or ()],
        "tools": [_tool(tool) for tool in tools.get("tools") or ()] if tools else None,
        "attributes": parameters(asked.get("inferenceConfig") or {}),
    }


def parameters(settings: Mapping[str, Any]) -> dict[str, Any]:
    """How a model is to answer, as attributes."""
    attributes = {_PARAMETERS[k]: v for k, v in settings.items() if k in _PARAMETERS}
    if stop := settings.get("stopSequences"):
        attributes["gen_ai.request.stop_sequences"] = tuple(stop)
    return attributes


def _tool(tool: Mapping[str, Any]) -> Mapping[str, Any]:
    spec = tool.get("toolSpec")
    if spec is None:
        return tool
    parameters = (spec.get("inputSchema") or {}).get("json")
    return {
        "type": "function",
        "name": spec.get("name"),
        "description": spec.get("description"),
        "parameters": parameters,
    }


def _part(block: Mapping[str, Any]) -> dict[str, Any]:
    """One content block: a mapping of its one kind to its content."""
    if "text" in block or not block:
        return {"type": "text", "content": block.get("text", "")}
    kind: str = next(iter(block))
    value: Any = block[kind]
    if kind == "toolUse":
        return {**_called(value), "arguments": value.get("input")}
    if kind == "toolResult":
        return {"type": "tool_call_response", "id": value.get("toolUseId"), "response": _returned(value)}
    if kind == "reasoningContent":
        return {"type": "reasoning", "content": (value.get("reasoningText") or {}).get("text") or ""}
    if kind == "citationsContent":
        return {"type": "text", "content": _text(value.get("content") or ())}
    if kind == "searchResult":
        text = _text(value.get("content") or ())
        return document_part(text, "search_result", id=value.get("source"), title=value.get("title"))
    if kind == "guardContent":
        guarded = value.get("text") or {}
        text = guarded.get("text") or ""
        is_source = "grounding_source" in (guarded.get("qualifiers") or ())
        return document_part(text) if is_source else {"type": "text", "content": text}
    if kind in ("image", "document", "video", "audio"):
        source = value.get("source") or {}
        if "text" in source or "content" in source:  # what the answer rests on
            text = source.get("text") or _text(source.get("content") or ())
            return document_part(text, title=value.get("name"), context=value.get("context"))
        if "bytes" in source:
            return blob_part(kind, f"{kind}/{value.get('format', 'unknown')}", source["bytes"])
        return uri_part(kind, (source.get("s3Location") or {}).get("uri"))
    return {"type": kind}


def _called(tool: Mapping[str, Any]) -> dict[str, Any]:
    return {"type": "tool_call", "id": tool.get("toolUseId"), "name": tool.get("name")}


def _returned(value: Mapping[str, Any]) -> Any:
    given = list(value.get("content") or ())
    return given[0]["json"] if len(given) == 1 and "json" in given[0] else apart(list(map(_part, given)))


def _text(blocks: Any) -> str:
    return "\n".join(part["content"] for part in map(_part, blocks) if part["type"] == "text")


def usage(given: Any) -> Usage | None:
    """Usage of `converse`, and of models that write their bodies like it; cached tokens come beside the input."""
    if not given:
        return None
    ask = given.get
    read, written = ask("cacheReadInputTokens"), ask("cacheWriteInputTokens")
    if read is None:
        read = ask("cacheReadInputTokenCount")
    if written is None:
        written = ask("cacheWriteInputTokenCount")
    plain, hour = ask("inputTokens"), None
    if details := ask("cacheDetails"):
        kept = [entry["inputTokens"] for entry in details if entry.get("ttl") == "1h"]
        hour = sum(kept) if kept else None
    total = None if plain is None else plain + (read or 0) + (written or 0)
    return Usage(total, ask("outputTokens"), read, written, None, hour)


def answer(result: Mapping[str, Any]) -> Response:
    """The answer of `converse`, or of a model whose body is like it."""
    message = (result.get("output") or {}).get("message") or {}
    parts = [_part(block) for block in message.get("content") or ()]
    return _answer(message.get("role"), parts, result.get("stopReason"), result.get("usage"))


def _answer(role: Any, parts: list[dict[str, Any]], reason: Any, counts: Any) -> Response:
    return Response(
        messages=[{"role": role or "assistant", "parts": parts}],
        finish_reasons=(bedrock_answers.FINISH.get(reason, reason),) if reason else (),
        usage=usage(counts),
    )


class Events:
    """Events of a streamed answer; content blocks may come in turns."""

    def __init__(self) -> None:
        self._pieces: defaultdict[int, list[str | None]] = defaultdict(list)
        self._heads: dict[int, dict[str, Any]] = {}
        """Of blocks that are no text, what their pieces are of."""
        self._role: Any = None
        self._reason: Any = None
        self._usage: Any = None

    def add(self, event: Mapping[str, Any]) -> None:
        if "contentBlockDelta" in event:
            try:
                piece = event["contentBlockDelta"]
                self._pieces[piece["contentBlockIndex"]].append(piece["delta"]["text"])  # nearly always
                return
            except (KeyError, TypeError):
                pass
        self._add(event)

    def _add(self, event: Mapping[str, Any]) -> None:
        for kind, given in event.items():
            if given is None:
                continue
            if kind == "messageStart":
                self._role = given.get("role")
            elif kind == "messageStop":
                self._reason = given.get("stopReason")
            elif kind == "metadata":
                self._usage = given.get("usage")
            elif kind == "contentBlockDelta":
                self._add_delta(given.get("contentBlockIndex", 0), given.get("delta") or {})
            elif kind == "contentBlockStart" and (tool := (given.get("start") or {}).get("toolUse")) is not None:
                self._begin(given.get("contentBlockIndex", 0), _called(tool))

    def _add_delta(self, index: int, delta: Mapping[str, Any]) -> None:
        head: dict[str, Any] | None = None
        if "text" in delta:
            piece = delta["text"]
        elif (tool := delta.get("toolUse")) is not None:
            piece, head = tool.get("input"), _called({})
        elif (thought := delta.get("reasoningContent")) is not None:
            piece, head = thought.get("text"), {"type": "reasoning"}
        else:
            return
        if head is not None and index not in self._heads and not self._pieces[index]:
            self._begin(index, head)
        self._pieces[index].append(piece)

    def _begin(self, index: int, head: dict[str, Any]) -> None:
        self._heads[index] = head
        self._pieces[index] = []

    def response(self) -> Response:
        parts: list[dict[str, Any]] = []
        for index in sorted(self._pieces):
            head, pieces = self._heads.get(index), self._pieces[index]
            text = "".join(filter(None, pieces))
            if head is None and pieces:
                parts.append({"type": "text", "content": text})
            elif head is not None:
                parts.append({**head, "arguments" if head["type"] == "tool_call" else "content": text})
        return _answer(self._role, parts, self._reason, self._usage)
