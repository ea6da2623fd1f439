"""Keeping attributes within a size that backends accept, without breaking the JSON inside them.

The SDK's own limit cuts a JSON string in the middle; Elasticsearch-backed stores then drop the whole span, and a
gRPC batch above 4 MiB is refused. Here the longest texts *inside* the JSON are cut instead, and each cut text says
how long it was and what its SHA-256 is.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

DEFAULT_LIMIT = 256 * 1024
"""Characters an attribute may have. 100 passages of 2 KB fit; a 4 MiB batch still holds several."""

_FLOOR = 256
"""A text is never cut below this many characters."""


def encodable(text: str) -> str:
    """The text, with lone surrogates replaced: protobuf refuses them and would lose the whole batch."""
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-8", "replace").decode()
    return text


def cut_messages(messages: Sequence[Mapping[str, Any]], limit: int) -> list[dict[str, Any]]:
    """A copy of the messages whose JSON has at most about `limit` characters."""
    copy: list[dict[str, Any]] = json.loads(json.dumps(list(messages), default=str))
    slots: list[tuple[dict[str, Any], str]] = [
        (part, key)
        for message in copy
        for part in message.get("parts", ())
        if isinstance(part, dict)
        for key in ("content", "arguments", "response")
        if isinstance(part.get(key), str)
    ]
    _cut(slots, limit, len(json.dumps(copy, ensure_ascii=False)))
    return copy


def cut_documents(rows: Sequence[Mapping[str, Any]], limit: int) -> list[dict[str, Any]]:
    """A copy of the document rows whose JSON has at most about `limit` characters."""
    copy: list[dict[str, Any]] = json.loads(json.dumps(list(rows), default=str))
    size = len(json.dumps(copy, ensure_ascii=False))
    if size > limit and any("metadata" in row for row in copy):
        for row in copy:
            row.pop("metadata", None)
        size = len(json.dumps(copy, ensure_ascii=False))
    _cut([(row, "content") for row in copy if isinstance(row.get("content"), str)], limit, size)
    return copy


def _cut(slots: Sequence[tuple[dict[str, Any], str]], limit: int, size: int) -> None:
    """Shorten the longest texts to one common length, found so that the whole fits."""
    excess = size - limit
    if excess <= 0 or not slots:
        return
    # Escapes make the JSON longer than the text: assume that they are spread evenly.
    lengths = sorted((len(holder[key]) for holder, key in slots), reverse=True)
    total = sum(lengths)
    target = max(0, total - int(excess * max(1.0, total / max(1, size))) - 120 * len(slots))
    ceiling = _common_ceiling(lengths, target)
    for holder, key in slots:
        text: str = holder[key]
        if len(text) > ceiling:
            holder[key] = text[:ceiling]
            holder["groundwire.original_length"] = len(text)
            holder["groundwire.sha256"] = hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()


def _common_ceiling(lengths: Sequence[int], target: int) -> int:
    """The length c, at least the floor, with sum(min(length, c)) <= target; `lengths` descending."""
    rest = sum(lengths)
    for taken, length in enumerate(lengths, start=1):
        rest -= length
        following = lengths[taken] if taken < len(lengths) else 0
        if following * taken + rest <= target:
            return max(_FLOOR, (target - rest) // taken)
    return _FLOOR
