"""OTLP/JSON: what the collector's file exporter, SDKs, Tempo and Jaeger's v3 API write, traces and logs.

Shape: OpenTelemetry protocol file exporter, and the protobuf JSON mapping of opentelemetry-proto `trace.proto` and
`logs.proto`. What the usual writers write is read on a short road; every other spelling on a longer one.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Literal, TypeAlias

from groundwire.model import LogEvent, SpanEvent, SpanLink, SpanRecord
from groundwire.traces.otlp_encode import encode
from groundwire.traces.otlp_values import (
    Complaint,
    any_value,
    attributes_of,
    first,
    identity,
    instant,
    kind_of_json,
    objects,
    part,
    parts,
    text,
    word,
)

__all__ = ["Complaint", "decode", "encode", "is_otlp", "span_of"]

_Kind: TypeAlias = Literal["internal", "server", "client", "producer", "consumer"]
_Status: TypeAlias = Literal["unset", "ok", "error"]

KINDS: tuple[_Kind, ...] = ("internal", "internal", "server", "client", "producer", "consumer")
"""By number; 0 is `unspecified`, which the protocol tells to read as internal."""
STATUSES: tuple[_Status, ...] = ("unset", "ok", "error")
_WRAPPERS = ("result", "trace", "traces")
"""Keys under which HTTP APIs put a whole trace."""
_SPANS = ("resourceSpans", "resource_spans", "batches")
_LOGS = ("resourceLogs", "resource_logs")
_BESIDE = frozenset({
    *("resource", "scope", "schemaUrl", "schema_url", "instrumentationLibrary", "deprecatedScopeSpans"),
    *("scopeSpans", "scope_spans", "spans", "scopeLogs", "scope_logs", "logRecords", "log_records"),
})  # fmt: skip
"""Keys that stand beside the lists of OTLP, or are one that is null."""
_OTHER_SIGNALS = {"resourceMetrics": "metrics", "resourceProfiles": "profiles"}
_UINT64 = 2**64


def decode(document: Any, complain: Complaint) -> Iterator[SpanRecord | LogEvent]:
    """The spans and log records of one parsed JSON document.

    What is missing is taken as empty, what makes no sense is left out.

    Args:
        document: an export request, a trace of an HTTP API, or a list of these.
        complain: called with one line for everything that had to be left out.
    """
    if isinstance(document, list):
        for entry in document:
            yield from decode(entry, complain)
        return
    if not isinstance(document, Mapping):
        complain(f"expected an object with resourceSpans, found {kind_of_json(document)}")
        return
    resources, logs = first(document, *_SPANS), first(document, *_LOGS)
    if logs is not None:
        yield from _log_events(logs, complain)
    elif resources is None:
        for key in _WRAPPERS:
            if isinstance(document.get(key), Mapping | list):
                yield from decode(document[key], complain)
                return
        complain(_not_a_trace(document))
        return
    for resource_spans in objects(resources, "resourceSpans", complain):
        try:
            resource = attributes_of(part(resource_spans.get("resource"), "the resource").get("attributes"))
        except (ValueError, TypeError) as error:
            complain(f"resourceSpans left out: resource: {error}")
            continue
        scopes = first(resource_spans, "scopeSpans", "scope_spans", "instrumentationLibrarySpans")
        if scopes is None:
            _missing(resource_spans, "scopeSpans", complain)
        for scope_spans in objects(scopes, "scopeSpans", complain):
            name, version = _scope(scope_spans)
            spans = scope_spans.get("spans")
            if spans is None:
                _missing(scope_spans, "spans", complain)
            for span in objects(spans, "spans", complain):
                try:
                    yield span_of(span, resource, name, version)
                except (ValueError, TypeError) as error:
                    complain(f"span {text(span.get('name'))[:60]!r} left out: {error}")


def is_otlp(document: Any) -> bool:
    """Whether a parsed JSON document has the shape that `decode` reads."""
    if isinstance(document, list):
        return any(is_otlp(entry) for entry in document[:3])
    if not isinstance(document, Mapping):
        return False
    if first(document, *_SPANS, *_LOGS) is not None:
        return True
    return any(is_otlp(document[key]) for key in _WRAPPERS if isinstance(document.get(key), Mapping | list))


def _not_a_trace(document: Mapping[str, Any]) -> str:
    for key, signal in _OTHER_SIGNALS.items():
        if key in document:
            return f"holds {signal}, not traces"
    keys = ", ".join(str(key)[:40] for key in list(document)[:5])
    return f"expected resourceSpans, found {'the keys ' + keys if keys else 'an empty object'}"


def _missing(holder: Mapping[str, Any], key: str, complain: Complaint) -> None:
    """Nothing there is an empty list, unless something stands there under another name."""
    unknown = [str(other)[:40] for other in holder if other not in _BESIDE]
    if unknown:
        complain(f"expected {key}, found the keys {', '.join(unknown[:5])}")


def _scope(scope_spans: Mapping[str, Any]) -> tuple[str, str]:
    scope = first(scope_spans, "scope", "instrumentationLibrary")
    return (text(scope.get("name")), text(scope.get("version"))) if isinstance(scope, Mapping) else (text(scope), "")


def span_of(
    span: Mapping[str, Any], resource: Mapping[str, Any], scope: str = "", scope_version: str = ""
) -> SpanRecord:
    """One span object as a record.

    Raises:
        ValueError: it has no ids, or a part of it makes no sense.
        TypeError: likewise.
    """
    trace_id = _short_id(span.get("traceId"), 16) or identity(first(span, "traceId", "trace_id", "traceID"), 16)
    span_id = _short_id(span.get("spanId"), 8) or identity(first(span, "spanId", "span_id", "spanID"), 8)
    if trace_id is None or span_id is None:
        raise ValueError("no trace id" if trace_id is None else "no span id")
    start_ns = _time(span, "startTimeUnixNano", "start_time_unix_nano")
    end_ns = _time(span, "endTimeUnixNano", "end_time_unix_nano")
    status, message = _status(span.get("status"))
    kind = span.get("kind")
    events, links = span.get("events"), span.get("links")
    return SpanRecord(
        trace_id,
        span_id,
        text(span.get("name")),
        start_ns or 0,
        (start_ns or 0) if end_ns is None else end_ns,
        _short_id(span.get("parentSpanId"), 8)
        or identity(first(span, "parentSpanId", "parent_span_id", "parentSpanID"), 8),
        KINDS[kind] if isinstance(kind, int) and 0 <= kind < 6 else word(kind, "SPAN_KIND_", KINDS, "internal"),
        status,
        message,
        _attributes(span.get("attributes")),
        tuple(map(_event, parts(events, "the events"))) if events else (),
        tuple(_links(links)) if links else (),
        scope,
        scope_version,
        resource,
    )


def _short_id(value: Any, n_bytes: int) -> str | None:
    """An id that is written as the protocol wants it; None where it is not, or is all zeros."""
    if isinstance(value, str) and len(value) == 2 * n_bytes:
        try:
            raw = bytes.fromhex(value)
        except ValueError:
            return None
        if len(raw) == n_bytes and any(raw):
            return raw.hex()
    return None


def _time(span: Mapping[str, Any], key: str, other: str) -> int | None:
    value = span.get(key)
    if isinstance(value, str) and value.isdecimal() and len(value) < 20:
        return int(value)
    return instant(first(span, key, other))


def _attributes(value: Any) -> dict[str, Any]:
    try:
        found: dict[str, Any] = {}
        for entry in value:
            content = entry["value"]
            plain = content.get("stringValue")
            found[entry["key"]] = plain if plain.__class__ is str else any_value(content)
        if all(key.__class__ is str for key in found):
            return found
    except (AttributeError, KeyError, TypeError):
        pass
    return attributes_of(value)


def _status(value: Any) -> tuple[_Status, str]:
    if not value:
        return "unset", ""
    if isinstance(value, str | int | float):  # the code alone
        return word(value, "STATUS_CODE_", STATUSES, "unset"), ""
    status = part(value, "the status")
    return word(status.get("code"), "STATUS_CODE_", STATUSES, "unset"), text(status.get("message"))


def _event(event: Mapping[str, Any]) -> SpanEvent:
    time_ns = instant(first(event, "timeUnixNano", "time_unix_nano"))
    return SpanEvent(text(event.get("name")), time_ns or 0, attributes_of(event.get("attributes")))


def _links(value: Any) -> Iterator[SpanLink]:
    for link in parts(value, "the links"):
        trace_id = identity(first(link, "traceId", "trace_id", "traceID"), 16)
        span_id = identity(first(link, "spanId", "span_id", "spanID"), 8)
        if trace_id is not None and span_id is not None:
            yield SpanLink(trace_id, span_id, attributes_of(link.get("attributes")))


def _log_events(resources: Any, complain: Complaint) -> Iterator[LogEvent]:
    for resource_logs in objects(resources, "resourceLogs", complain):
        scopes = first(resource_logs, "scopeLogs", "scope_logs", "instrumentationLibraryLogs")
        if scopes is None:
            _missing(resource_logs, "scopeLogs", complain)
        for scope_logs in objects(scopes, "scopeLogs", complain):
            records = first(scope_logs, "logRecords", "log_records", "logs")
            if records is None:
                _missing(scope_logs, "logRecords", complain)
            for record in objects(records, "logRecords", complain):
                try:
                    yield _log_event(record)
                except (ValueError, TypeError) as error:
                    complain(f"log record left out: {error}")


def _log_event(record: Mapping[str, Any]) -> LogEvent:
    attributes = attributes_of(record.get("attributes"))
    name = text(first(record, "eventName", "event_name")) or text(attributes.pop("event.name", None))
    body = any_value(record.get("body"))
    if body is not None:
        attributes["body"] = body
    time_ns = instant(first(record, "timeUnixNano", "time_unix_nano"))
    if not time_ns:
        time_ns = instant(first(record, "observedTimeUnixNano", "observed_time_unix_nano"))
    return LogEvent(
        identity(first(record, "traceId", "trace_id", "traceID"), 16) or "",
        identity(first(record, "spanId", "span_id", "spanID"), 8) or "",
        SpanEvent(name, time_ns or 0, attributes),
    )
