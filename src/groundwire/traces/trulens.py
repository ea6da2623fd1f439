"""Rows of TruLens' event table: one span each, with its attributes as an object, ids as decimal numbers.

Shape: `trulens.experimental.otel_tracing.core.exporter.utils` of trulens-core 2.16.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from groundwire.model import SpanRecord
from groundwire.traces.foreign import event_of, from_text, interval, span_id, trace_id
from groundwire.traces.otlp_values import Complaint, attributes_of, part, parts, text


def decode(document: Mapping[str, Any], complain: Complaint) -> Iterator[SpanRecord]:
    """The span of one row."""
    try:
        record = part(from_text(document.get("record")), "the record")
        context = part(from_text(document.get("trace")), "the trace")
        start_ns, end_ns = interval(document.get("start_timestamp"), document.get("timestamp"))
        parent = context.get("parent_id") or record.get("parent_span_id")
        span = SpanRecord(
            trace_id=trace_id(_hex(context.get("trace_id"), 32)),
            span_id=span_id(_hex(context.get("span_id"), 16)),
            name=text(record.get("name")),
            start_ns=start_ns,
            end_ns=end_ns,
            parent_id=span_id(_hex(parent, 16)) if parent else None,
            status="error" if text(record.get("status")).endswith("ERROR") else "unset",
            attributes=attributes_of(from_text(document.get("record_attributes"))),
            events=tuple(event_of(event) for event in parts(record.get("events"), "the events")),
            scope="trulens",
            resource=attributes_of(from_text(document.get("resource_attributes"))),
        )
    except (ValueError, TypeError) as error:
        complain(f"event {text(document.get('event_id'))[:40]!r} left out: {error}")
        return
    yield span


def _hex(value: Any, digits: int) -> Any:
    """A decimal number in hex; what is hex already as it is."""
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if isinstance(value, str) and value.isdecimal() and len(value) < 40 and int(value) < 16**digits:
        return f"{int(value):0{digits}x}"
    return value
