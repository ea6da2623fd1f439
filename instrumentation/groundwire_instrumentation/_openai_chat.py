"""Chats in OpenAI's protocol: messages and tools, and whole answers; texts from bare prompts too."""

from collections.abc import Mapping
from typing import Any

from groundwire.media import blob_part, document_part, file_part, uri_part
from groundwire.model import Message, Response
from groundwire.wire import members
from groundwire_instrumentation import _anthropic_blocks
from groundwire_instrumentation._openai_usage import failure, tier, usage_of, whole

_MAPPINGS = (dict, Mapping)
"""A dictionary is told at once, others take longer."""


def tool(tool: Any) -> Mapping[str, Any]:
    """A definition of a tool."""
    if not isinstance(tool, _MAPPINGS):
        return {"type": str(tool)}
    function = tool.get("function")
    return {"type": "function", **function} if isinstance(function, Mapping) else tool


def message(message: Any) -> Message:
    """A message of a prompt."""
    if not isinstance(message, _MAPPINGS):
        return {"role": "user", "parts": parts_of(message)}
    role = message.get("role") or "user"
    content = message.get("content")
    if role == "tool" or role == "function":  # as it was called before there were tools
        return {"role": "tool", "parts": [tool_result(message.get("tool_call_id"), content)]}
    if isinstance(content, str) and len(message) == 2:
        return {"role": role, "parts": [{"type": "text", "content": content}]}
    return {"role": role, "parts": said_in(message)}


def shown(document: Any) -> dict[str, Any]:
    """A document beside the messages, as Groq and servers such as vLLM take them: a text, or fields."""
    given = members(document) or {"text": str(document)}
    source = members(given.get("source")) or given
    text = source.get("text") or source.get("content")
    if not isinstance(text, str):
        text = "\n".join(f"{key}: {value}" for key, value in members(source.get("data") or source).items())
    return document_part(text, id=given.get("id"), title=given.get("title"))


def said_in(message: Mapping[str, Any]) -> list[dict[str, Any]]:
    """A message of a prompt or of an answer: thoughts, which other makers' servers add, text, sound, calls."""
    parts: list[dict[str, Any]] = []
    if thought := thought_in(message):
        parts.append({"type": "reasoning", "content": thought})
    parts += parts_of(message.get("content"))
    if refusal := message.get("refusal"):
        parts.append({"type": "text", "content": refusal, "refusal": True})
    if audio := members(message.get("audio")):
        spoken = audio.get("transcript")
        parts.append({"type": "text", "content": spoken} if spoken else file_part("audio", audio.get("id")))
    if called := message.get("function_call"):
        parts.append(tool_call(None, members(called)))
    for call in map(members, message.get("tool_calls") or ()):
        parts.append(tool_call(call.get("id"), members(call.get("function") or call.get("custom"))))
    return parts


def thought_in(message: Mapping[str, Any]) -> str:
    """What was thought before a message or a piece of one was said; empty where nothing was."""
    thought = message.get("reasoning_content") or message.get("reasoning")
    return thought if isinstance(thought, str) else ""


def tool_result(identity: Any, content: Any) -> dict[str, Any]:
    """What a tool returned."""
    if not isinstance(content, str | None):
        # Apart, as several passages are: run together they would be one that nobody wrote.
        content = "\n\n".join(part["content"] for part in parts_of(content) if part.get("content"))
    return {"type": "tool_call_response", "id": identity, "response": content}


def tool_call(identity: Any, function: Mapping[str, Any]) -> dict[str, Any]:
    """A call of a tool."""
    arguments = function.get("arguments") if "arguments" in function else function.get("input")
    return {"type": "tool_call", "id": identity, "name": function.get("name"), "arguments": arguments}


def parts_of(content: Any) -> list[dict[str, Any]]:
    """The parts of a content: one text, or a list."""
    if content is None:
        return []
    return [_part(part) for part in (content if isinstance(content, list | tuple) else (content,))]


def _part(given: Any) -> dict[str, Any]:
    """One content part of either API, by its `type`."""
    if isinstance(given, str) or not (part := members(given)):
        return {"type": "text", "content": str(given)}
    kind = part.get("type")
    if kind in ("text", "input_text", "output_text", "refusal"):
        text = {"type": "text", "content": part.get("text") or part.get("refusal") or ""}
        return text | {"refusal": True} if kind == "refusal" else text
    if kind == "thinking":
        return {"type": "reasoning", "content": "".join(t.get("content") or "" for t in parts_of(part.get("thinking")))}
    if kind in ("image_url", "input_image"):
        image = part.get("image_url")
        url = image.get("url") if isinstance(image, Mapping) else image
        return uri_part("image", url) if url else file_part("image", part.get("file_id"))
    if kind == "input_audio":
        audio = part.get("input_audio") or {}
        return blob_part("audio", f"audio/{audio.get('format', 'unknown')}", audio.get("data") or "")
    if kind in ("file", "input_file"):
        file = part.get("file") or part
        url = file.get("file_data") or file.get("file_url")
        return uri_part("document", url) if url else file_part("document", file.get("file_id"))
    if kind in ("document", "search_result"):  # to be cited by Claude, behind a gateway
        return _anthropic_blocks.part_of(part)
    said = part.get("text")
    return {"type": "text", "content": said} if isinstance(said, str) else {"type": str(kind)}


FINISH: Mapping[str, str] = {"tool_calls": "tool_call", "function_call": "tool_call", "eos": "stop"}
"""Why a choice ended, in the words of the conventions."""


def answered(result: Any) -> Response:
    """Of a whole chat completion, or of a text that goes on from a bare prompt."""
    said = whole(result)
    choices = [members(c) for c in said.get("choices") or () if c is not None]
    messages: list[Message] = []
    for choice in choices:
        message = members(choice.get("message")) or {"content": choice.get("text")}
        messages.append({"role": message.get("role") or "assistant", "parts": said_in(message)})
    return Response(
        model=said.get("model"),
        id=said.get("id"),
        messages=messages,
        finish_reasons=[FINISH.get(reason, reason) for c in choices if (reason := c.get("finish_reason"))],
        usage=usage_of(said.get("usage"), said),
        error=failure(said),
        attributes=tier(said),
    )
