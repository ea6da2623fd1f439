"""Keeping attributes within a size that backends accept, without breaking the JSON inside them.

The SDK's own limit cuts a JSON string in the middle; Elasticsearch-backed stores then drop the whole span, and a
gRPC batch above 4 MiB is refused. Here the longest texts *inside* the JSON are cut instead, and each cut text says
how long it was and what its SHA-256 is. Where even that does not do, rows are left out and counted.
"""

import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

DEFAULT_LIMIT = 256 * 1024
"""Characters an attribute may have. 100 passages of 2 KB fit; a 4 MiB batch still holds several."""

_FLOOR = 256
"""A text is never cut below this many characters."""
_DEPTH = 32

_JSON = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), check_circular=False, allow_nan=False, default=str)


def _encoder() -> Callable[[Any, int], Iterable[str]]:
    """What writes JSON. The library makes its compiled encoder anew for every text: ours is made once."""
    make = getattr(json.encoder, "c_make_encoder", None)
    try:
        write = make(None, str, json.encoder.encode_basestring, None, ":", ",", False, False, False)  # type: ignore[misc]
        if "".join(write(_SAMPLE, 0)) == _JSON.encode(_SAMPLE):
            return write  # type: ignore[no-any-return]
    except TypeError:  # another interpreter, or a later one
        pass
    return lambda value, _: _JSON.encode(value)


_SAMPLE = [{"text": 'a "ü"\n', "n": [1, 2.5, None, True]}, set[str]()]
_write = _encoder()

Slot = tuple[dict[str, Any], str]
"""A text that may be cut: its holder and its key there."""


def encodable(text: str) -> str:
    """The text, with lone surrogates replaced: protobuf refuses them and would lose the whole batch."""
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-8", "replace").decode()
    return text


def to_json(value: Any) -> str:
    """Compact JSON of anything, encodable; what JSON has no word for is written as text, NaN and infinities as null."""
    try:
        text = "".join(_write(value, 0))
    except (TypeError, ValueError, RecursionError):
        text = "".join(_write(_plain(value, 0), 0))
    return text if text.isascii() else encodable(text)


def bounded_messages(messages: Sequence[Mapping[str, Any]], limit: int) -> str:
    """Messages as JSON of at most about `limit` characters."""
    text = to_json(messages)
    if len(text) <= limit:
        return text
    copy: list[dict[str, Any]] = json.loads(text)
    slots: list[Slot] = [
        (part, key)
        for message in copy
        for part in message.get("parts") or ()
        if isinstance(part, dict)
        for key in ("content", "arguments", "response")
        if isinstance(part.get(key), str)
    ]

    def drop(count: int) -> list[dict[str, Any]]:
        # The first message holds instructions or passages, the last ones the question: the middle goes.
        return [*copy[:1], {"role": "system", "groundwire.dropped_messages": count, "parts": []}, *copy[1 + count :]]

    return _fitted(copy, slots, limit, drop, len(copy) - 2)


def bounded_rows(rows: Sequence[Mapping[str, Any]], limit: int) -> str:
    """Documents as JSON of at most about `limit` characters: metadata goes first, then the ends of long texts."""
    lengths = [len(content) for row in rows if isinstance(content := row.get("content"), str)]
    plain: Sequence[Mapping[str, Any]] = rows
    if sum(lengths) <= limit:
        text = to_json(rows)
        if len(text) <= limit:
            return text
        plain = json.loads(text)
    copy = [{k: v for k, v in row.items() if k != "metadata"} for row in plain]
    slots: list[Slot] = [(row, "content") for row in copy if isinstance(row.get("content"), str)]
    if plain is rows:  # far too long: not even written as JSON before it is cut, as that takes seconds for 100 MB
        _shorten(slots, _common_length(lengths, [1.0] * len(lengths), 0, limit))

    def drop(count: int) -> list[dict[str, Any]]:
        return [*copy[: len(copy) - count], {"groundwire.dropped_documents": count}]

    return _fitted(copy, slots, limit, drop, len(copy))


def _fitted(
    copy: list[dict[str, Any]],
    slots: Sequence[Slot],
    limit: int,
    drop: Callable[[int], list[dict[str, Any]]],
    most: int,
) -> str:
    size = len(to_json(copy))
    if size > limit and slots:
        _cut(slots, limit, size)
        size = len(to_json(copy))
    if size <= limit or most <= 0:
        return to_json(copy)
    # About as many rows as are too long; then more, until it fits.
    count = min(most, max(1, math.ceil(len(copy) * (1 - limit / size))))
    while len(text := to_json(drop(count))) > limit and count < most:
        count = min(most, count + max(1, (len(copy) - count) // 10))
    return text


def _cut(slots: Sequence[Slot], limit: int, size: int) -> None:
    """Shorten the longest texts to one common length, the greatest with which the whole fits."""
    texts = [str(holder[key]) for holder, key in slots]
    # Escapes make the JSON of a text longer than it is: each text has a rate of its own.
    rates = [max(1.0, len(to_json(text)) / max(1, len(text))) for text in texts]
    marks = 130 * sum("groundwire.sha256" not in holder for holder, _ in slots)
    rest = size - sum(len(text) * rate for text, rate in zip(texts, rates, strict=True)) + marks
    _shorten(slots, _common_length([len(text) for text in texts], rates, rest, limit))


def _common_length(lengths: Sequence[int], rates: Sequence[float], rest: float, limit: int) -> int:
    """The greatest length to which texts can be cut so that they and the rest fit; never less than the floor."""
    low, high = _FLOOR, max(lengths)
    while low < high:
        middle = (low + high + 1) // 2
        if rest + sum(min(n, middle) * rate for n, rate in zip(lengths, rates, strict=True)) <= limit:
            low = middle
        else:
            high = middle - 1
    return low


def _shorten(slots: Sequence[Slot], length: int) -> None:
    """Cut the texts that are longer, and say how long they were and what they were, once."""
    import hashlib  # brings OpenSSL along, for the rare text that is cut

    for holder, key in slots:
        text = str(holder[key])
        if len(text) > length:
            holder[key] = text[:length]
            if "groundwire.sha256" not in holder:
                holder["groundwire.original_length"] = len(text)
                holder["groundwire.sha256"] = hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()


def _plain(value: Any, depth: int) -> Any:
    """Plain data that JSON has words for."""
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if depth >= _DEPTH:
        return "..."
    if isinstance(value, Mapping):
        return {str(key): _plain(entry, depth + 1) for key, entry in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(entry, depth + 1) for entry in value]
    return str(value)
