"""Messages of LangChain where an SDK wrote the `str` of the objects: `content='...' additional_kwargs={} ...`."""

import re
from collections.abc import Mapping
from typing import Any

from groundwire.dialects.chat_messages import from_json
from groundwire.dialects.python_text import TEXT, literal
from groundwire.model import Message

_ONE = re.compile(rf"content=({TEXT})(?= additional_kwargs=)", re.DOTALL)
_SEVERAL = re.compile(rf"\b(System|Human|AI|Tool)Message(?:Chunk)?\(content=({TEXT})(?=, )", re.DOTALL)
_ROLES = {"System": "system", "Human": "user", "AI": "assistant", "Tool": "tool"}
_USAGE = re.compile(r"\busage_metadata=(\{[^{}]*(?:\{[^{}]*\}[^{}]*)*\})")
_MODEL = re.compile(r"'model_name': '([^']{1,200})'")


def reply_in(value: Any) -> list[Message]:
    """The answer in such a text, or in those of the chunks of a stream; empty where it is none."""
    texts = _texts(value)
    found = [_ONE.match(text) for text in texts]
    said = "".join(str(literal(one[1]) or "") for one in found if one is not None)
    return [_message("assistant", said)] if said and all(found) else []


def prompt_in(value: Any) -> list[Message]:
    """The messages of a prompt in such a text; empty where it is none."""
    found = [(_ROLES[name], literal(said)) for text in _texts(value) for name, said in _SEVERAL.findall(text)]
    return [_message(role, content) for role, content in found if isinstance(content, str) and content]


def usage_in(value: Any) -> Mapping[str, Any] | None:
    """The token counts that stand in it."""
    found = next((one for text in reversed(_texts(value)) if (one := _USAGE.search(text))), None)
    counts = None if found is None else literal(found[1])
    return counts if isinstance(counts, Mapping) else None


def model_in(value: Any) -> str | None:
    """The model that answered."""
    found = next((one for text in reversed(_texts(value)) if (one := _MODEL.search(text))), None)
    return None if found is None else found[1]


def _texts(value: Any) -> list[str]:
    value = from_json(value)
    if isinstance(value, str):
        return [value]
    return [text for text in value if isinstance(text, str)] if isinstance(value, list | tuple) else []


def _message(role: str, content: str) -> Message:
    if role == "tool":
        return {"role": role, "parts": [{"type": "tool_call_response", "response": content}]}
    return {"role": role, "parts": [{"type": "text", "content": content}]}
