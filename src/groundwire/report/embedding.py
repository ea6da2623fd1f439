"""Data inside a page: JSON that no parser of HTML can take for anything else."""

import base64
import hashlib
import json
from collections.abc import Mapping
from math import isfinite
from typing import Any

_ESCAPES = str.maketrans({c: f"\\u{ord(c):04x}" for c in "<>&\u2028\u2029\x7f"})
"""JSON may spell any character of a string as an escape, and none of these stands outside of strings."""


def embedded(value: Any) -> str:
    r"""JSON for a `script` element of a data type: it holds no `<`, so it can neither close nor open an element.

    >>> embedded({"a": "</script>"})
    '{"a":"\\u003c/script\\u003e"}'
    """
    try:
        text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    except ValueError:
        text = json.dumps(_finite(value), ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return text.translate(_ESCAPES).encode("utf-8", "replace").decode()


def _finite(value: Any) -> Any:
    """The same with None for numbers that JSON cannot hold: a sum may overflow where its parts did not."""
    if isinstance(value, float):
        return value if isfinite(value) else None
    if isinstance(value, Mapping):
        return {key: _finite(entry) for key, entry in value.items()}
    return [_finite(entry) for entry in value] if isinstance(value, list | tuple) else value


def digest(text: str) -> str:
    """What a content security policy names the text by, for instance `'sha256-...'`."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
