"""Contents, parts and tools of Google's Gen AI SDK as the GenAI conventions have them, in all their spellings."""

from collections.abc import Iterator, Mapping
from functools import lru_cache
from inspect import cleandoc
from typing import Any

from groundwire.media import blob_part, uri_part
from groundwire.model import Message
from groundwire.wire import member


def get(value: Any, name: str) -> Any:
    """A member of a model of the SDK, or of the mapping that stands for one, in either spelling."""
    if not isinstance(value, dict):
        return None if value is None else member(value, name)
    return value[name] if name in value else value.get(_camel(name))


def given(value: Any) -> Mapping[str, Any]:
    """All that is set of a model of the SDK, or of the mapping that stands for one, under the model's names."""
    if isinstance(value, dict):
        return {_snake(name): one for name, one in value.items() if one is not None}
    own = getattr(value, "__dict__", {})
    names = getattr(value, "__pydantic_fields_set__", own)  # of forty
    return {name: one for name in names if (one := own.get(name)) is not None}


@lru_cache(maxsize=256)
def _snake(name: str) -> str:
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name)


@lru_cache(maxsize=256)
def _camel(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(map(str.capitalize, others))


def messages_of(contents: Any) -> Iterator[Message]:
    """Contents, as the SDK reads them: parts that follow each other without a message around them are one."""
    if isinstance(contents, str):
        yield {"role": "user", "parts": [part_of(contents)]}
        return
    loose: list[dict[str, Any]] = []
    for one in contents if isinstance(contents, list) else () if contents is None else (contents,):
        parts = one if isinstance(one, list) else None if isinstance(one, str) else get(one, "parts")
        if parts is None:
            loose.append(part_of(one))
            continue
        if loose:
            yield _message("user", loose)
            loose = []
        yield _message(get(one, "role"), [part_of(part) for part in parts])
    if loose:
        yield _message("user", loose)


def _message(role: str | None, parts: list[dict[str, Any]]) -> Message:
    kinds = {part["type"] for part in parts}
    if kinds == {"tool_call_response"}:
        role = "tool"
    elif role == "model" or (role is None and "tool_call" in kinds):
        role = "assistant"
    return {"role": role or "user", "parts": parts}


def part_of(part: Any) -> dict[str, Any]:
    """One part, of a prompt or of an answer, by what is in it."""
    if isinstance(part, str):
        return {"type": "text", "content": part}
    if (text := get(part, "text")) is not None:
        return {"type": "reasoning" if get(part, "thought") else "text", "content": text}
    if call := get(part, "function_call") or get(part, "tool_call"):
        name = get(call, "name") or plain(get(call, "tool_type"))
        return {"type": "tool_call", "id": get(call, "id"), "name": name, "arguments": get(call, "args")}
    if answer := get(part, "function_response") or get(part, "tool_response"):
        name = get(answer, "name") or plain(get(answer, "tool_type"))
        returned = get(answer, "response")
        bare = returned.get("result") if isinstance(returned, Mapping) and len(returned) == 1 else None
        response = bare if isinstance(bare, str) else returned
        return {"type": "tool_call_response", "id": get(answer, "id"), "name": name, "response": response}
    if blob := get(part, "inline_data"):
        mime_type = get(blob, "mime_type") or "application/octet-stream"
        return blob_part(_modality(mime_type), mime_type, get(blob, "data") or b"")
    file = get(part, "file_data") or part  # an uploaded file may stand for a part
    if uri := get(file, "file_uri") or get(file, "uri"):
        return uri_part(_modality(get(file, "mime_type") or ""), uri)
    if code := get(part, "executable_code"):
        return {"type": "tool_call", "id": get(code, "id"), "name": "code_execution", "arguments": get(code, "code")}
    if ran := get(part, "code_execution_result"):
        return {"type": "tool_call_response", "id": get(ran, "id"), "response": get(ran, "output")}
    return {"type": type(part).__name__}


def plain(member: Any) -> Any:
    """Of an enumeration, its value."""
    return getattr(member, "value", member)


def _modality(mime_type: str) -> str:
    kind = mime_type.partition("/")[0]
    return kind if kind in ("image", "audio", "video") else "document"


def tools_of(tool: Any) -> Iterator[Mapping[str, Any]]:
    """The functions that one tool stands for; a function of the application is described as the SDK describes it."""
    if callable(tool):
        yield {"type": "function", "name": getattr(tool, "__name__", ""), "description": cleandoc(tool.__doc__ or "")}
        return
    for function in get(tool, "function_declarations") or ():
        schema = get(function, "parameters_json_schema") or get(function, "parameters")
        if hasattr(schema, "model_dump"):
            schema = schema.model_dump(mode="json", exclude_none=True)
        named = {"name": get(function, "name"), "description": get(function, "description"), "parameters": schema}
        yield {"type": "function", **{name: value for name, value in named.items() if value is not None}}
    given = tool if isinstance(tool, Mapping) else getattr(tool, "model_fields_set", ())
    yield from ({"type": name} for name in given if name not in ("function_declarations", "functionDeclarations"))
