"""OTLP in protobuf as it is sent: for endpoints that take no JSON."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from groundwire.budget import encodable
from groundwire.model import SpanRecord
from groundwire.traces.otlp_json import KINDS, STATUSES

_INT64 = range(-(2**63), 2**63)


def encode(spans: Iterable[SpanRecord]) -> bytes:
    """An `ExportTraceServiceRequest`. Order is kept: neighbours share their resource and scope.

    `otlp_proto.decode` of it gives the same records, with lists as tuples. What protobuf cannot hold becomes what it
    can: lone surrogates the replacement character, integers beyond 64 bits text.
    """
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

    request = ExportTraceServiceRequest()
    last: tuple[Mapping[str, Any], str, str] | None = None
    for span in spans:
        place = (span.resource, span.scope, span.scope_version)
        if last is None or place[0] != last[0]:
            _add(request.resource_spans.add().resource.attributes, span.resource)
        if place != last:
            scope = request.resource_spans[-1].scope_spans.add().scope
            scope.name, scope.version = encodable(span.scope), encodable(span.scope_version)
        last = place
        _span(request.resource_spans[-1].scope_spans[-1].spans.add(), span)
    written: bytes = request.SerializeToString()
    return written


def _span(written: Any, span: SpanRecord) -> None:
    written.trace_id, written.span_id = bytes.fromhex(span.trace_id), bytes.fromhex(span.span_id)
    if span.parent_id:
        written.parent_span_id = bytes.fromhex(span.parent_id)
    written.name = encodable(span.name)
    written.kind = KINDS.index(span.kind, 1)
    written.start_time_unix_nano, written.end_time_unix_nano = span.start_ns, span.end_ns
    written.status.code = STATUSES.index(span.status)
    written.status.message = encodable(span.status_message)
    _add(written.attributes, span.attributes)
    for event in span.events:
        one = written.events.add(name=encodable(event.name), time_unix_nano=event.time_ns)
        _add(one.attributes, event.attributes)
    for link in span.links:
        one = written.links.add(trace_id=bytes.fromhex(link.trace_id), span_id=bytes.fromhex(link.span_id))
        _add(one.attributes, link.attributes)


def _add(pairs: Any, attributes: Mapping[str, Any]) -> None:
    for key, value in attributes.items():
        _set(pairs.add(key=encodable(str(key))).value, value)


def _set(written: Any, value: Any) -> None:
    match value:
        case str():
            written.string_value = encodable(value)
        case bool():  # before int: every bool is one
            written.bool_value = value
        case int() if value in _INT64:
            written.int_value = value
        case float():
            written.double_value = value
        case None:
            return
        case bytes() | bytearray():
            written.bytes_value = bytes(value)
        case Mapping():
            written.kvlist_value.SetInParent()
            _add(written.kvlist_value.values, value)
        case Sequence() | set() | frozenset():
            written.array_value.SetInParent()
            for entry in value:
                _set(written.array_value.values.add(), entry)
        case _:
            written.string_value = encodable(str(value))
