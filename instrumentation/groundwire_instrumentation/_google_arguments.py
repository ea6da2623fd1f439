"""Arguments of a function's call that Gemini streams in pieces, each of which says where among them it belongs."""

import re
from collections.abc import Sequence
from typing import Any

_STEP = re.compile(r"\.([^.\[\]]+)|\[(\d+)\]|\[['\"](.*?)['\"]\]")
"""One step of a JSON path: `.name`, `[0]` or `['a name']`."""
_VALUES = ("string_value", "number_value", "bool_value")


def grow(call: dict[str, Any], pieces: Sequence[Any]) -> None:
    """Put pieces of arguments where they belong in a part that is a call; texts of one place are joined."""
    for piece in pieces:
        value = next((given for name in _VALUES if (given := getattr(piece, name)) is not None), None)
        steps = [
            int(place) if place else name or quoted for name, place, quoted in _STEP.findall(piece.json_path or "")
        ]
        holder: Any = call
        key: Any = "arguments"
        for step in steps:
            inner = _at(holder, key)
            if inner is None:
                inner = [] if isinstance(step, int) else {}
                _put(holder, key, inner)
            holder, key = inner, step
        before = _at(holder, key)
        _put(holder, key, before + value if isinstance(before, str) and isinstance(value, str) else value)


def _at(holder: Any, key: Any) -> Any:
    if isinstance(holder, list):
        return holder[key] if key < len(holder) else None
    return holder.get(key)


def _put(holder: Any, key: Any, value: Any) -> None:
    if isinstance(holder, list):
        holder += [None] * (key + 1 - len(holder))
    holder[key] = value
