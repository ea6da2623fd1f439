"""OTLP in protobuf: what is sent over OTLP/HTTP, what the collector's file exporter writes, what Tempo answers.

`TracesData` and `ExportTraceServiceRequest` are the same on the wire: any number of `ResourceSpans` in field 1; logs
likewise. A file is one such message, or many, each behind its length: the collector writes four bytes, the highest
first (contrib `exporter/fileexporter/file_writer.go`), and packs each message with zstd where it is told to. Files with
the lowest byte first and with protobuf's own lengths are read as well.
"""

from collections.abc import Callable, Iterator
from typing import IO, Any, Literal, TypeAlias

from groundwire.model import LogEvent, SpanEvent, SpanLink, SpanRecord
from groundwire.traces import shapes
from groundwire.traces.compression import ZSTD, zstd
from groundwire.traces.json_values import parsed
from groundwire.traces.otlp_json import KINDS, STATUSES
from groundwire.traces.otlp_values import Complaint
from groundwire.traces.source import Item

Framing: TypeAlias = Literal["none", "big", "little", "varint"]

_FIELD_1 = 0x0A
"""Field 1, with a length: how every message of OTLP begins."""
_INNER = frozenset({0x0A, 0x12, 0x1A})
"""How what is in field 1 begins: resource, scopes, schema."""
_LARGEST = 1 << 30


def framing(head: bytes) -> Framing | None:
    """How the messages of a file are told apart, by its first bytes; None where it is no OTLP in protobuf."""
    if len(head) < 4:
        return None
    # The same bytes may make sense in several ways: messages are small rather than large.
    found: dict[Framing, int] = {}
    if _is_message(head[4:]):
        found = {"big": int.from_bytes(head[:4], "big"), "little": int.from_bytes(head[:4], "little")}
    if _is_message(head):
        found["none"] = _varint(head, 1)[0]
    length, at = _varint(head, 0)
    if _is_message(head[at:]):
        found["varint"] = length
    likely: list[Framing] = [how for how, length in found.items() if 0 < length <= _LARGEST]
    if not likely:
        return None
    best: Framing = min(likely, key=found.__getitem__)
    return best


def _is_message(head: bytes) -> bool:
    if head.startswith((ZSTD, b'{"resource', b'{ "resource')):
        return True
    if head[:1] != bytes((_FIELD_1,)):
        return False
    length, at = _varint(head, 1)
    return 0 < length <= _LARGEST and (at >= len(head) or head[at] in _INNER)


def decode_stream(stream: IO[bytes], how: Framing, complain: Complaint) -> Iterator[Item]:
    """The spans and log records of a stream of messages. What breaks off is told, what came before is read."""
    if how == "none":
        yield from _fields(stream.read, complain)
        return
    while (length := _length(stream, how)) is not None:
        message = stream.read(length) if 0 < length <= _LARGEST else b""
        if len(message) < length or length == 0:
            complain(f"a message of {length} bytes breaks off: {len(message)} are there, and the rest cannot be told")
            return
        yield from decode(message, complain)


def _length(stream: IO[bytes], how: Framing) -> int | None:
    """Of the next message; None at the end."""
    if how == "varint":
        first = stream.read(1)
        if not first:
            return None
        length = _read_varint(_after(first, stream))
        return _LARGEST + 1 if length is None else length
    prefix = stream.read(4)
    if not prefix:
        return None
    return int.from_bytes(prefix, "little" if how == "little" else "big") if len(prefix) == 4 else _LARGEST + 1


def _after(first: bytes, stream: IO[bytes]) -> Callable[[int], bytes]:
    def read(size: int) -> bytes:
        nonlocal first
        taken, first = first, b""
        return taken or stream.read(size)

    return read


def decode(message: bytes, complain: Complaint) -> Iterator[Item]:
    """The spans and log records of one message: in protobuf, in JSON, or either packed with zstd."""
    if message.startswith(ZSTD):
        library = zstd("a message packed with zstd")
        try:
            message = library.decompress(message)
        except Exception as error:
            complain(f"a message cannot be unpacked: {error}")
            return
    if message[:1] in (b"{", b"["):
        document = parsed(message)
        if document is None:
            complain("a message is no JSON")
        else:
            yield from shapes.decode(document, complain)
        return
    at = 0

    def read(size: int) -> bytes:
        nonlocal at
        at += size
        return message[at - size : at]

    yield from _fields(read, complain)


def wrapped_trace(message: bytes, complain: Complaint) -> Iterator[Item]:
    """The spans of Tempo's answer to `/api/v2/traces/ID`: the trace, whether it is all of it (3), and why not (4)."""
    at, partial, why = 0, False, ""
    while at < len(message):
        tag = message[at]
        length, at = _varint(message, at + 1)
        if tag & 7 == 0:
            partial = partial or (tag >> 3 == 3 and length == 1)
        elif tag & 7 != 2 or length < 0 or at + length > len(message):
            complain("the answer breaks off")
            break
        else:
            content, at = message[at : at + length], at + length
            if tag >> 3 == 1:
                yield from decode(content, complain)
            elif tag >> 3 == 4:
                why = content.decode(errors="replace")
    if partial:
        complain(f"the trace is not whole: {why or 'Tempo does not say why'}")


def _fields(read: Callable[[int], bytes], complain: Complaint) -> Iterator[Item]:
    """Each field 1 of a message, as it comes: the message as a whole need not be held."""
    while tag := read(1):
        length = _read_varint(read)
        if tag[0] & 7 != 2 or length is None or length > _LARGEST:
            complain("no protobuf of OTLP from here on")
            return
        content = read(length)
        if len(content) < length:
            complain(f"breaks off: {len(content)} of {length} bytes are there")
            return
        if tag[0] == _FIELD_1:
            yield from _resource(content, complain)


def _resource(content: bytes, complain: Complaint) -> Iterator[Item]:
    from opentelemetry.proto.logs.v1.logs_pb2 import ResourceLogs
    from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans

    spans, why = _parsed(ResourceSpans, content)
    if spans is None or not all(s.trace_id or s.span_id for scope in spans.scope_spans for s in scope.spans):
        # The same field holds logs elsewhere, whose ids have other numbers; or metrics, which have none.
        logs, _ = _parsed(ResourceLogs, content)
        if logs and any(_is_log(record) for scope in logs.scope_logs for record in scope.log_records):
            yield from _logs(logs)
            return
    if spans is None:
        complain(f"resourceSpans left out: {why}")
    else:
        yield from _spans(spans, complain)


def _parsed(kind: Any, content: bytes) -> tuple[Any, str]:
    """The message; None and why, where it is none of this kind."""
    from google.protobuf.message import DecodeError  # type: ignore[import-untyped]

    try:
        return kind.FromString(content), ""
    except DecodeError as error:
        return None, " ".join(str(error).split())


def _is_log(record: Any) -> bool:
    return len(record.trace_id) == 16 or record.HasField("body") or bool(record.event_name or record.severity_number)


def _has_unknown(message: Any) -> bool:
    from google.protobuf.unknown_fields import UnknownFieldSet  # type: ignore[import-untyped]

    return len(UnknownFieldSet(message)) > 0


def _spans(resource_spans: Any, complain: Complaint) -> Iterator[SpanRecord]:
    if _has_unknown(resource_spans) or any(map(_has_unknown, resource_spans.scope_spans)):
        complain("resourceSpans holds fields that OTLP does not know: they are left out")
    resource = _attributes(resource_spans.resource.attributes)
    for scope_spans in resource_spans.scope_spans:
        scope = scope_spans.scope
        for span in scope_spans.spans:
            if len(span.trace_id) != 16 or len(span.span_id) != 8 or not any(span.trace_id) or not any(span.span_id):
                wrong = "no trace id" if len(span.trace_id) != 16 or not any(span.trace_id) else "no span id"
                complain(f"span {span.name[:60]!r} left out: {wrong}")
                continue
            yield SpanRecord(
                trace_id=span.trace_id.hex(),
                span_id=span.span_id.hex(),
                name=span.name,
                start_ns=span.start_time_unix_nano,
                end_ns=span.end_time_unix_nano or span.start_time_unix_nano,
                parent_id=span.parent_span_id.hex() if any(span.parent_span_id) else None,
                kind=KINDS[span.kind] if 0 <= span.kind < len(KINDS) else "internal",
                status=STATUSES[span.status.code] if 0 <= span.status.code < len(STATUSES) else "unset",
                status_message=span.status.message,
                attributes=_attributes(span.attributes),
                events=tuple(SpanEvent(e.name, e.time_unix_nano, _attributes(e.attributes)) for e in span.events),
                links=tuple(
                    SpanLink(link.trace_id.hex(), link.span_id.hex(), _attributes(link.attributes))
                    for link in span.links
                    if any(link.trace_id) and any(link.span_id)
                ),
                scope=scope.name,
                scope_version=scope.version,
                resource=resource,
            )


def _logs(resource_logs: Any) -> Iterator[LogEvent]:
    for scope_logs in resource_logs.scope_logs:
        for record in scope_logs.log_records:
            attributes = _attributes(record.attributes)
            name = record.event_name or str(attributes.pop("event.name", ""))
            if record.HasField("body"):
                attributes["body"] = _value(record.body)
            yield LogEvent(
                record.trace_id.hex() if any(record.trace_id) else "",
                record.span_id.hex() if any(record.span_id) else "",
                SpanEvent(name, record.time_unix_nano or record.observed_time_unix_nano, attributes),
            )


def _attributes(pairs: Any) -> dict[str, Any]:
    return {pair.key: _value(pair.value) for pair in pairs}


def _value(value: Any) -> Any:
    match value.WhichOneof("value"):
        case None:
            return None
        case "array_value":
            return tuple(_value(entry) for entry in value.array_value.values)
        case "kvlist_value":
            return _attributes(value.kvlist_value.values)
        case kind:
            return getattr(value, kind)


def _varint(data: bytes, at: int) -> tuple[int, int]:
    """A number of protobuf and where it ends; -1 where there is none."""
    number = 0
    for shift in range(0, 70, 7):
        if at >= len(data):
            return -1, at
        byte = data[at]
        at += 1
        number |= (byte & 0x7F) << shift
        if byte < 0x80:
            return number, at
    return -1, at


def _read_varint(read: Callable[[int], bytes]) -> int | None:
    number = 0
    for shift in range(0, 70, 7):
        byte = read(1)
        if not byte:
            return None
        number |= (byte[0] & 0x7F) << shift
        if byte[0] < 0x80:
            return number
    return None
