"""The JSON of Jaeger's own UI: `/api/traces`, and what its "Download Results" saves.

Times are in microseconds, so nanoseconds are lost. Kind, status and scope come back from the tags that Jaeger makes of
them (jaeger `internal/uimodel`); arrays arrive as JSON text and stay text.
"""

import base64
from collections.abc import Iterator, Mapping
from typing import Any, Literal, cast

from groundwire.model import SpanEvent, SpanLink, SpanRecord
from groundwire.traces.otlp_values import Complaint, identity, objects

_Kind = Literal["internal", "server", "client", "producer", "consumer"]
_KINDS = frozenset({"internal", "server", "client", "producer", "consumer"})


def is_jaeger_ui(document: Any) -> bool:
    """Whether a parsed JSON document has this shape: the envelope, or one trace of it."""
    if not isinstance(document, Mapping):
        return False
    if isinstance(document.get("spans"), list) and ("processes" in document or "traceID" in document):
        return True
    return isinstance(document.get("data"), list) and any(is_jaeger_ui(entry) for entry in document["data"][:3])


def decode(document: Mapping[str, Any], complain: Complaint) -> Iterator[SpanRecord]:
    """The spans of a document for which `is_jaeger_ui` holds."""
    for trace in objects(document.get("data", [document]), "data", complain):
        processes = trace.get("processes") or {}
        for span in objects(trace.get("spans"), "spans", complain):
            try:
                process = processes.get(span.get("processID")) or span.get("process") or {}
                yield _span(span, process)
            except (ValueError, TypeError, KeyError, AttributeError) as error:
                complain(f"span left out: {type(error).__name__} {error}")


def _span(span: Mapping[str, Any], process: Mapping[str, Any]) -> SpanRecord:
    tags = _tags(span.get("tags"))
    start_ns = int(span.get("startTime") or 0) * 1000
    trace_id, span_id = _id(span["traceID"], 16), _id(span["spanID"], 8)
    parent, links = _references(span, trace_id)
    kind = str(tags.pop("span.kind", "internal"))
    status = str(tags.pop("otel.status_code", "")).lower()
    error = tags.pop("error", None) if status else tags.get("error")
    resource = {"service.name": process.get("serviceName", ""), **_tags(process.get("tags"))}
    return SpanRecord(
        trace_id=trace_id,
        span_id=span_id,
        parent_id=parent,
        name=str(span.get("operationName", "")),
        kind=cast(_Kind, kind) if kind in _KINDS else "internal",
        start_ns=start_ns,
        end_ns=start_ns + int(span.get("duration") or 0) * 1000,
        status="error" if status == "error" or error in (True, "true") else "ok" if status == "ok" else "unset",
        status_message=str(tags.pop("otel.status_description", "")),
        scope=str(tags.pop("otel.scope.name", "")),
        scope_version=str(tags.pop("otel.scope.version", "")),
        attributes=tags,
        events=tuple(_events(span)),
        links=links,
        resource=resource,
    )


def _id(value: Any, n_bytes: int) -> str:
    """Hex digits; Jaeger leaves out zeros at the beginning."""
    found = identity(str(value).zfill(2 * n_bytes), n_bytes)
    if found is None:
        raise ValueError(f"id {value!r:.40} is no id")
    return found


def _references(span: Mapping[str, Any], trace_id: str) -> tuple[str | None, tuple[SpanLink, ...]]:
    """The parent is the first CHILD_OF within the trace; all other references are links."""
    parent = _id(span["parentSpanID"], 8) if span.get("parentSpanID") else None
    links: list[SpanLink] = []
    for reference in span.get("references") or ():
        to_trace, to_span = _id(reference["traceID"], 16), _id(reference["spanID"], 8)
        if parent is None and reference.get("refType") == "CHILD_OF" and to_trace == trace_id:
            parent = to_span
        elif to_span != parent:
            links.append(SpanLink(to_trace, to_span))
    return parent, tuple(links)


def _events(span: Mapping[str, Any]) -> Iterator[SpanEvent]:
    for log in span.get("logs") or ():
        fields = _tags(log.get("fields"))
        yield SpanEvent(str(fields.pop("event", "")), int(log.get("timestamp") or 0) * 1000, fields)


def _tags(tags: Any) -> dict[str, Any]:
    return {str(tag["key"]): _value(str(tag.get("type", "")), tag.get("value")) for tag in tags or ()}


def _value(kind: str, value: Any) -> Any:
    match kind.lower():
        case "bool":
            return value if isinstance(value, bool) else str(value).lower() == "true"
        case "int64" | "long":
            return int(value)
        case "float64" | "double":
            return float(value)
        case "binary":
            return base64.b64decode(str(value))
        case _:
            return value
