"""What goes into and comes out of a request, as text that a person can read."""

import dataclasses
import json
from typing import Any

from groundwire.budget import encodable


def readable(values: list[Any], limit: int) -> str:
    """Texts one after the other; anything else as JSON; at most `limit` characters."""
    if all(isinstance(value, str) for value in values):
        text = "".join(values)
    else:
        whole = values[0] if len(values) == 1 else values
        try:
            text = _encode(whole)
        except Exception:  # circular, too deep, or with keys that JSON does not know
            text = str(whole)
    return encodable(text[:limit])


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: getattr(value, f.name) for f in dataclasses.fields(value)}
    dump = getattr(value, "model_dump", None)  # pydantic
    return dump() if callable(dump) else str(value)


_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), default=_plain).encode
