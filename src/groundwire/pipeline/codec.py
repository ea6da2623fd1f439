"""Spans and log records as bytes, for our own eyes: what is spooled, and what workers are sent.

`marshal` packs plain values fast, shares what is repeated (the resource of a batch), and runs no code on reading. Its
format belongs to one Python: no file of it is read by another.
"""

import marshal
from collections.abc import Iterable, Iterator, Mapping
from struct import Struct
from typing import IO, Any, TypeAlias, cast

from groundwire.model import LogEvent, SpanEvent, SpanLink, SpanRecord
from groundwire.traces.otlp_json import decode, encode

Item: TypeAlias = SpanRecord | LogEvent
Packed: TypeAlias = tuple[Any, ...]
"""An item as plain values."""

_LENGTH = Struct("<Q")


def pack(item: Item) -> Packed:
    """An item as plain values. A span with values that no attribute may hold is packed as it would be written."""
    if isinstance(item, LogEvent):
        event = item.event
        return item.trace_id, item.span_id, event.name, event.time_ns, _plain(event.attributes)
    return (
        item.trace_id, item.span_id, item.parent_id, item.name, item.start_ns, item.end_ns, item.kind, item.status,
        item.status_message, _plain(item.attributes),
        tuple((e.name, e.time_ns, _plain(e.attributes)) for e in item.events) if item.events else (),
        tuple((k.trace_id, k.span_id, _plain(k.attributes)) for k in item.links) if item.links else (),
        item.scope, item.scope_version, _plain(item.resource),
    )  # fmt: skip


def unpack(packed: Packed) -> Item:
    """The item that was packed."""
    match len(packed):
        case 1:
            return cast(SpanRecord, next(decode(_json(packed[0]), lambda _: None)))
        case 5:
            trace_id, span_id, name, time_ns, attributes = packed
            return LogEvent(trace_id, span_id, SpanEvent(name, time_ns, attributes))
        case _:
            (
                trace_id, span_id, parent_id, name, start_ns, end_ns, kind, status, message, attributes, events, links,
                scope, scope_version, resource,
            ) = packed  # fmt: skip
            return SpanRecord(
                trace_id, span_id, name, start_ns, end_ns, parent_id, kind, status, message, attributes,
                tuple(SpanEvent(*event) for event in events) if events else (),
                tuple(SpanLink(*link) for link in links) if links else (),
                scope, scope_version, resource,
            )  # fmt: skip


def dumps(rows: list[Any]) -> bytes:
    """Rows of (position, packed item) as one chunk of bytes."""
    try:
        return marshal.dumps(rows)
    except ValueError:  # a value of a foreign type, or nested too deeply
        return marshal.dumps([row if _is_plain(row) else _written(row) for row in rows])


def loads(chunk: bytes) -> list[Any]:
    """The rows of a chunk."""
    return cast(list[Any], marshal.loads(chunk))


def write_chunk(file: IO[bytes], chunk: bytes) -> None:
    """A chunk, with its length before it."""
    file.write(_LENGTH.pack(len(chunk)))
    file.write(chunk)


def read_chunks(file: IO[bytes]) -> Iterator[bytes]:
    """The chunks of a file that was written to its end."""
    while head := file.read(_LENGTH.size):
        (length,) = _LENGTH.unpack(head)
        chunk = file.read(length)
        if len(chunk) < length:
            raise EOFError("a chunk breaks off")
        yield chunk


def size_of(packed: Packed) -> int:
    """About how many bytes a packed item takes: its texts, and what goes with them."""
    match len(packed):
        case 1:
            return len(packed[0])
        case 5:
            return 200 + _texts(packed[4].values())
        case _:
            size = 500 + _texts(packed[9].values())
            for event in packed[10]:
                size += 100 + _texts(event[2].values())
            return size


def _texts(values: Iterable[Any]) -> int:
    size = 0
    for value in values:
        size += len(value) if type(value) is str else 24 if isinstance(value, int | float) else len(str(value))
    return size


def _plain(attributes: Mapping[str, Any]) -> dict[str, Any]:
    return cast(dict[str, Any], attributes) if type(attributes) is dict else dict(attributes)


def _is_plain(value: Any) -> bool:
    try:
        marshal.dumps(value)
    except ValueError:
        return False
    return True


def _written(row: Any) -> Any:
    """A row (position, packed item) whose item holds odd values: as OTLP has it, where there is a form for anything."""
    position, packed = row
    item = unpack(packed)
    if isinstance(item, SpanRecord):
        return position, (encode([item]),)
    told = {key: value if _is_plain(value) else str(value) for key, value in item.event.attributes.items()}
    return position, (*packed[:4], told)


def _json(text: str) -> Any:
    import json

    return json.loads(text)
