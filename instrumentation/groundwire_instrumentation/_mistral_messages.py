"""Mistral's messages, tools and counts as the GenAI conventions have them.

Contents may be lists of chunks, in prompts and in answers: texts, thoughts, images, documents, references.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from groundwire.media import blob_part, document_part, file_part, uri_part
from groundwire.model import Message, Usage
from groundwire.wire import member, members, parse_document
from groundwire_instrumentation._openai_usage import usage_of

_LISTS = (list, tuple)


def get(value: Any, name: str) -> Any:
    """A member of a model of the SDK, or of the mapping that stands for one; None where it is not set."""
    found = member(value, name)
    return None if type(found).__name__ == "Unset" else found


def listed(value: Any) -> list[Any] | tuple[Any, ...]:
    """Rows; none where they are not set."""
    return value if isinstance(value, _LISTS) else ()


def tool(given: Any) -> Mapping[str, Any]:
    """A definition of a tool."""
    function = get(given, "function")
    if function is None:
        return {"type": str(get(given, "type"))}
    named = {name: get(function, name) for name in ("name", "description", "parameters")}
    return {"type": "function", **{name: value for name, value in named.items() if value is not None}}


def message(given: Any) -> Message:
    """A message of a prompt."""
    role = get(given, "role") or "user"
    content = get(given, "content")
    if isinstance(content, str) and content and isinstance(given, dict) and len(given) == 2 and role != "tool":
        return {"role": role, "parts": [{"type": "text", "content": content}]}  # nearly always
    parts = list(parts_of(content))
    if role == "tool":
        # Apart, as several passages are: run together they would be one that nobody wrote.
        answer = "\n\n".join(part["content"] for part in parts if part.get("content"))
        return {
            "role": role,
            "parts": [
                {
                    "type": "tool_call_response",
                    "id": get(given, "tool_call_id"),
                    "response": _references(answer) or answer,
                }
            ],
        }
    parts += [tool_call(call) for call in listed(get(given, "tool_calls"))]
    return {"role": role, "parts": parts}


def _references(answer: str) -> list[dict[str, Any]]:
    """What a tool found, in the form that Mistral's models cite by number; none where it is in another one."""
    found = parse_document(answer) if '"snippets"' in answer else None
    if not isinstance(found, dict) or not all(isinstance(one, dict) and "snippets" in one for one in found.values()):
        return []
    return [
        document_part("\n".join(_snippets(one["snippets"])), id=number, title=one.get("title"))
        for number, one in found.items()
    ]


def _snippets(given: Any) -> Iterator[str]:
    """Texts, or lists of them."""
    if isinstance(given, str):
        yield given
    for one in listed(given):
        yield from _snippets(one)


def tool_call(call: Any) -> dict[str, Any]:
    """A call of a tool."""
    function = get(call, "function")
    identity = get(call, "id")  # where it is not set the SDK says "null"
    arguments = get(function, "arguments")
    name = get(function, "name")
    return {"type": "tool_call", "id": None if identity == "null" else identity, "name": name, "arguments": arguments}


def parts_of(content: Any) -> Iterator[dict[str, Any]]:
    """The parts of a content."""
    if isinstance(content, str):
        if content:
            yield {"type": "text", "content": content}
    else:
        yield from map(_part, listed(content))


def _part(chunk: Any) -> dict[str, Any]:
    """One chunk of a content, by its `type`."""
    kind = str(get(chunk, "type"))
    if kind == "text":
        return {"type": "text", "content": get(chunk, "text") or ""}
    if kind == "thinking":
        thoughts = (get(one, "text") for one in listed(get(chunk, "thinking")))
        return {"type": "reasoning", "content": "".join(text for text in thoughts if text)}
    if kind in ("image_url", "document_url"):
        source = get(chunk, kind)
        return uri_part(kind.removesuffix("_url"), source if isinstance(source, str) else get(source, "url"))
    if kind == "input_audio":
        audio = get(chunk, kind)
        sound = audio if isinstance(audio, str | bytes) else get(audio, "data") or ""
        is_url = isinstance(sound, str) and sound.startswith(("http", "data:"))
        return uri_part("audio", sound) if is_url else blob_part("audio", "audio/unknown", sound)
    return file_part("document", get(chunk, "file_id")) if kind == "file" else {"type": kind}


def usage(given: Any) -> Usage | None:
    """Cached tokens are a part of the prompt's. The SDK makes 0 of a count that is not there: that is none."""
    if given is None:
        return None
    told = {name: count for name, count in members(given).items() if name in given.model_fields_set}
    return usage_of(told, told)
