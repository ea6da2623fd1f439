"""What `converse` of Bedrock is asked and answers; models of Amazon's own write their bodies like it.

Bedrock counts cached tokens beside `inputTokens`: they are added up here.
"""

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from groundwire.media import apart, blob_part, document_part, uri_part
from groundwire.model import Response, Usage
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
    settings = asked.get("inferenceConfig") or {}
    attributes = {_PARAMETERS[k]: v for k, v in settings.items() if k in _PARAMETERS}
    if stop := settings.get("stopSequences"):
        attributes["gen_ai.request.stop_sequences"] = tuple(stop)
    return {
        "messages": [
            one
            for message in asked.get("messages") or ()
            for one in told_apart(message.get("role"), [_part(block) for block in message.get("content") or ()])
        ],
        "instructions": [_part(block) for block in asked.get("system") or ()],
        "tools": [_tool(tool) for tool in (asked.get("toolConfig") or {}).get("tools") or ()],
        "attributes": attributes,
    }


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
        call = {"id": value.get("toolUseId"), "name": value.get("name"), "arguments": value.get("input")}
        return {"type": "tool_call", **call}
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


def _returned(value: Mapping[str, Any]) -> Any:
    given = list(value.get("content") or ())
    return given[0]["json"] if len(given) == 1 and "json" in given[0] else apart(list(map(_part, given)))


def _text(blocks: Any) -> str:
    return "\n".join(part["content"] for part in map(_part, blocks) if part["type"] == "text")


def usage(given: Any) -> Usage | None:
    """Usage of `converse`, and of models that write their bodies like it; cached tokens come beside the input."""
    if not given:
        return None
    read = given.get("cacheReadInputTokens", given.get("cacheReadInputTokenCount"))
    written = given.get("cacheWriteInputTokens", given.get("cacheWriteInputTokenCount"))
    plain = given.get("inputTokens")
    total = None if plain is None else plain + (read or 0) + (written or 0)
    hour = [entry["inputTokens"] for entry in given.get("cacheDetails") or () if entry.get("ttl") == "1h"]
    return Usage(total, given.get("outputTokens"), read, written, cache_creation_1h_tokens=sum(hour) if hour else None)


def answer(result: Mapping[str, Any]) -> Response:
    """The answer of `converse`, or of a model whose body is like it."""
    reason = result.get("stopReason")
    message = (result.get("output") or {}).get("message") or {}
    parts = [_part(block) for block in message.get("content") or ()]
    return Response(
        messages=[{"role": message.get("role") or "assistant", "parts": parts}],
        finish_reasons=(bedrock_answers.FINISH.get(reason, reason),) if reason else (),
        usage=usage(result.get("usage")),
    )


_PIECES = (("text", None), ("toolUse", "input"), ("reasoningContent", "text"))
"""Kinds of deltas, and where in them the text is."""


class Events:
    """Events of a streamed answer; content blocks may come in turns."""

    def __init__(self) -> None:
        self._blocks: defaultdict[int, list[Any]] = defaultdict(lambda: ["text", {}, []])
        self._whole: dict[str, Any] = {}
        self._role = "assistant"

    def add(self, event: Mapping[str, Any]) -> None:
        if "contentBlockDelta" in event:
            try:
                piece = event["contentBlockDelta"]
                text = piece["delta"]["text"] or ""
                self._blocks[piece["contentBlockIndex"]][2].append(text)  # nearly always
                return
            except (KeyError, TypeError):
                pass
        self._add(event)

    def _add(self, event: Mapping[str, Any]) -> None:
        if (given := event.get("contentBlockDelta")) is not None:
            self._add_delta(given.get("contentBlockIndex", 0), given.get("delta") or {})
        elif (start := event.get("messageStart")) is not None:
            self._role = start.get("role") or self._role
        elif (start := event.get("contentBlockStart")) is not None:
            tool = (start.get("start") or {}).get("toolUse")
            if tool is not None:
                self._blocks[start.get("contentBlockIndex", 0)] = ["toolUse", tool, []]
        elif (stop := event.get("messageStop")) is not None:
            self._whole["stopReason"] = stop.get("stopReason")
        elif (metadata := event.get("metadata")) is not None:
            self._whole["usage"] = metadata.get("usage")

    def _add_delta(self, index: int, delta: Mapping[str, Any]) -> None:
        for kind, name in _PIECES:
            if kind in delta:
                piece = delta[kind].get(name) if name else delta[kind]
                block = self._blocks.setdefault(index, [kind, {}, []])
                block[2].append(piece if isinstance(piece, str) else "")
                return

    def response(self) -> Response:
        content: list[Any] = []
        for _, (kind, tool, pieces) in sorted(self._blocks.items()):
            text = "".join(pieces)
            if kind == "toolUse":
                content.append({"toolUse": {**tool, "input": text}})
            else:
                content.append(
                    {"text": text} if kind == "text" else {"reasoningContent": {"reasoningText": {"text": text}}}
                )
        return answer({"output": {"message": {"role": self._role, "content": content}}, **self._whole})
