"""Requests to and responses of language models as their clients and frameworks write them down.

OpenAI (chat completions, responses), Anthropic, Gemini, Bedrock, Cohere, Ollama, and LangChain's runs. Everything here
is total: what cannot be read is left out.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from groundwire.dialects.chat_messages import from_json, message, messages
from groundwire.model import Message

_PROMPTS = ("messages", "input", "contents", "prompts", "prompt", "inputs")
_SYSTEM = ("system", "instructions", "system_instruction", "systemInstruction")
_VARIABLE = re.compile(r"\{\{\s*(\w+)\s*\}\}|\{(\w+)\}")
_REPLIES = ("message", "output", "content", "text", "completion", "response", "answer", "result", "generated_text")


def asked(value: Any, depth: int = 0) -> list[Message]:
    """The prompt of a request: its messages, system instructions first; a text is one message of the user.

    Of a batch of prompts the first is taken. An object without any of the usual keys is one message with its texts.
    """
    value = from_json(value)
    if value is None or depth > _DEEPEST or _is_cut(value):
        return []
    if isinstance(value, list | tuple):
        if value and isinstance(value[0], list | tuple):
            return asked(value[0], depth + 1)
        return [m for entry in value if (m := _message(entry, "user")) is not None]
    if not isinstance(value, Mapping):
        return messages(value)
    if value and set(value) <= {"args", "kwargs"}:  # how decorators write what a function was given
        return asked(value.get("kwargs"), depth + 1) or asked(value.get("args"), depth + 1)
    if _is_message(value):
        return [m] if (m := _message(value, "user")) is not None else []
    key = next((k for k in _PROMPTS if value.get(k)), None)
    if key is None:
        text = "\n\n".join(_texts(value, 0))
        return messages(text)
    found = asked(value[key], depth + 1)
    system: list[Message] = []
    for source in (value, value.get("config")):
        if isinstance(source, Mapping):
            given = next((source[k] for k in _SYSTEM if source.get(k)), None)
            given = given.get("parts") if isinstance(given, Mapping) else given
            one = message({"role": "system", "content": given}, "system")
            system += [] if one is None else [one]
    return [*system, *found]


def replied(value: Any, depth: int = 0) -> list[Message]:
    """The messages that a response carries, one for each choice; a text is one message of the assistant.

    The chunks of a stream are one message.
    """
    value = from_json(value)
    if value is None or depth > _DEEPEST or _is_cut(value):
        return []
    if isinstance(value, list | tuple):
        if value and isinstance(value[0], list | tuple):
            return replied(value[0], depth + 1)
        if len(value) > 1 and (pieces := [_piece(entry) for entry in value]) and None not in pieces:
            return messages("".join(piece for piece in pieces if piece), "assistant")
        return [m for entry in value for m in _reply(entry, depth)]
    return _reply(value, depth)


def rendered(template: Any, variables: Any) -> list[Message]:
    """The prompt that a template makes of its variables, `{name}` or `{{name}}`; empty where either is missing."""
    variables = from_json(variables)
    if not isinstance(template, str) or not isinstance(variables, Mapping) or not variables:
        return []
    return messages(_VARIABLE.sub(lambda found: str(variables.get(found[1] or found[2], found[0])), template))


def _reply(value: Any, depth: int) -> list[Message]:
    if not isinstance(value, Mapping):
        return messages(value, "assistant") if isinstance(value, str) else []
    choices = next((c for k in ("choices", "generations", "candidates") if (c := _several(value.get(k)))), None)
    if choices is not None:
        if isinstance(choices[0], list | tuple):
            choices = choices[0]
        return [m for choice in choices if (m := _choice(choice)) is not None]
    if _is_message(value):
        return [m] if (m := _message(value, "assistant")) is not None else []
    history = _several(value.get("messages"))  # a graph returns the whole conversation
    if history is not None:
        said = [m for m in replied(history, depth + 1) if m.get("role") == "assistant"]
        return said[-1:]
    key = next((k for k in _REPLIES if value.get(k)), None)
    return [] if key is None else replied(value[key], depth + 1)


def _piece(chunk: Any) -> str | None:
    """The text of one chunk of a stream, of the first choice; None where it is no chunk."""
    if isinstance(chunk, str):
        return chunk
    choices = chunk.get("choices") if isinstance(chunk, Mapping) else None
    if not isinstance(choices, list | tuple):
        return None
    first = choices[0] if choices else {"delta": {}}  # the last chunk has the usage, and no choice
    delta = first.get("delta") if isinstance(first, Mapping) else None
    if not isinstance(delta, Mapping):
        return None
    return delta["content"] if isinstance(delta.get("content"), str) else ""


def _is_cut(value: Any) -> bool:
    """Whether a text is JSON that was cut at a limit of length: what is left is nobody's words."""
    return isinstance(value, str) and value.lstrip().startswith(_CUT)


def _choice(choice: Any) -> Message | None:
    if not isinstance(choice, Mapping):
        return _message(choice, "assistant")
    for key in ("message", "delta", "content"):
        if isinstance(choice.get(key), Mapping) and (found := _message(choice[key], "assistant")) is not None:
            return found
    text = choice.get("text")
    return message(text, "assistant") if isinstance(text, str) else _message(choice, "assistant")


def _message(value: Any, role: str) -> Message | None:
    """One message; LangChain wraps one as `{"type": "human", "data": {...}}`."""
    if isinstance(value, Mapping):
        inner = value.get("data")
        if isinstance(inner, Mapping) and "content" in inner and isinstance(value.get("type"), str):
            return message({**inner, "type": value["type"].removesuffix("MessageChunk").lower()}, role)
        value = {k: v for k, v in value.items() if not (k == "role" and not isinstance(v, str))}
        blocks = value.get("blocks")  # LlamaIndex
        if isinstance(blocks, list | tuple) and not value.get("content"):
            value["content"] = [{"type": b.get("block_type"), **b} for b in blocks if isinstance(b, Mapping)]
    return message(value, role)


def _is_message(value: Mapping[str, Any]) -> bool:
    if "lc" in value or isinstance(value.get("role"), str):
        return True
    kind = value.get("type")
    return isinstance(kind, str) and ("data" in value or "content" in value or kind in ("function_call", "tool_use"))


def _several(value: Any) -> Sequence[Any] | None:
    return value if isinstance(value, list | tuple) and value else None


def _texts(value: Any, depth: int) -> list[str]:
    if isinstance(value, str):
        return [value] if value.strip() else []
    if depth > _DEEPEST:
        return []
    inner = value.values() if isinstance(value, Mapping) else value if isinstance(value, list | tuple) else ()
    return [text for entry in inner for text in _texts(entry, depth + 1)]


_CUT = ('{"', '[{"', '["', "[[")
_DEEPEST = 8
