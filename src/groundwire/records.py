"""A live span of the OpenTelemetry SDK as a neutral, immutable record."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal, cast

from opentelemetry.sdk.trace import ReadableSpan

from groundwire.dialects import canonical, is_foreign
from groundwire.model import SpanEvent, SpanLink, SpanRecord

_Kind = Literal["internal", "server", "client", "producer", "consumer"]
_Status = Literal["unset", "ok", "error"]


def hex_trace_id(trace_id: int) -> str:
    """32 lower-case hex digits."""
    return f"{trace_id:032x}"


def hex_span_id(span_id: int) -> str:
    """16 lower-case hex digits."""
    return f"{span_id:016x}"


def outline(span: ReadableSpan, keys: Sequence[str], extra: Mapping[str, Any] | None = None) -> SpanRecord:
    """A record with only these attributes, and neither events nor resource: quick to make."""
    context = span.get_span_context()
    assert context is not None
    source = span.attributes or {}
    attributes = {key: source[key] for key in keys if key in source}
    if extra:
        attributes.update(extra)
    scope = span.instrumentation_scope
    return SpanRecord(
        trace_id=hex_trace_id(context.trace_id),
        span_id=hex_span_id(context.span_id),
        parent_id=None if span.parent is None else hex_span_id(span.parent.span_id),
        name=span.name,
        start_ns=span.start_time or 0,
        end_ns=span.end_time or span.start_time or 0,
        attributes=attributes,
        links=_links(span),
        scope=scope.name if scope is not None else "",
    )


def _links(span: ReadableSpan) -> tuple[SpanLink, ...]:
    return tuple(
        SpanLink(hex_trace_id(link.context.trace_id), hex_span_id(link.context.span_id), dict(link.attributes or {}))
        for link in span.links
    )


def by_another(span: ReadableSpan) -> bool:
    """Whether an ended span may be in the dialect of another SDK; quick."""
    scope = span.instrumentation_scope
    return is_foreign(scope.name if scope is not None else "", span.attributes or {})


def foreign_record(span: ReadableSpan) -> SpanRecord | None:
    """The record of an ended span of another SDK, read as if it followed our conventions; None for one of ours."""
    return canonical(from_readable(span)) if by_another(span) else None


def from_readable(span: ReadableSpan, extra: Mapping[str, Any] | None = None) -> SpanRecord:
    """The record of an ended span.

    Args:
        span: an ended span.
        extra: attributes to add, for instance content that is not exported.
    """
    context = span.get_span_context()
    assert context is not None
    scope = span.instrumentation_scope
    attributes: dict[str, Any] = dict(span.attributes or {})
    if extra:
        attributes.update(extra)
    return SpanRecord(
        trace_id=hex_trace_id(context.trace_id),
        span_id=hex_span_id(context.span_id),
        parent_id=None if span.parent is None else hex_span_id(span.parent.span_id),
        name=span.name,
        kind=cast(_Kind, span.kind.name.lower()),
        start_ns=span.start_time or 0,
        end_ns=span.end_time or span.start_time or 0,
        status=cast(_Status, span.status.status_code.name.lower()),
        status_message=span.status.description or "",
        attributes=attributes,
        events=tuple(SpanEvent(e.name, e.timestamp, dict(e.attributes or {})) for e in span.events),
        links=_links(span),
        scope=scope.name if scope is not None else "",
        scope_version=(scope.version or "") if scope is not None else "",
        resource=dict(span.resource.attributes),
    )
