"""OTLP/JSON, both ways: what the collector's file exporter, SDKs, Tempo and Jaeger's v3 API write.

Shape: OpenTelemetry protocol file exporter, and the protobuf JSON mapping of opentelemetry-proto `trace.proto`. Ids
are hex there; Tempo writes base64, told apart by length. 64-bit integers are strings, other writers use numbers.
"""

import base64
import binascii
import json
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal, TypeAlias, cast

from groundwire.model import LogEvent, SpanEvent, SpanLink, SpanRecord

Complaint: TypeAlias = Callable[[str], None]
"""Takes what was wrong with a part that is left out."""
_Kind: TypeAlias = Literal["internal", "server", "client", "producer", "consumer"]
_Status: TypeAlias = Literal["unset", "ok", "error"]

_KINDS: tuple[_Kind, ...] = ("internal", "internal", "server", "client", "producer", "consumer")
"""By number; 0 is `unspecified`, which the protocol tells to read as internal."""
_STATUSES: tuple[_Status, ...] = ("unset", "ok", "error")
_WRAPPERS = ("result", "trace", "traces")
"""Keys under which HTTP APIs put a whole trace."""
_OTHER_SIGNALS = {"resourceMetrics": "metrics", "resourceProfiles": "profiles"}
_INT64 = range(-(2**63), 2**63)


# --- reading --------------------------------------------------------------------------------------------------------


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
        complain(f"expected an object with resourceSpans, found {_kind_of_json(document)}")
        return
    resources = _first(document, "resourceSpans", "resource_spans", "batches")
    logs = _first(document, "resourceLogs", "resource_logs")
    if logs is not None:
        yield from _log_events(logs, complain)
    elif resources is None:
        for key in _WRAPPERS:
            if isinstance(document.get(key), Mapping | list):
                yield from decode(document[key], complain)
                return
        complain(_not_a_trace(document))
        return
    for resource_spans in _objects(resources):
        resource = _attributes(_first(_object(resource_spans.get("resource")), "attributes"))
        scopes = _first(resource_spans, "scopeSpans", "scope_spans", "instrumentationLibrarySpans")
        for scope_spans in _objects(scopes):
            scope = _object(_first(scope_spans, "scope", "instrumentationLibrary"))
            name, version = _text(scope.get("name")), _text(scope.get("version"))
            for span in _objects(scope_spans.get("spans")):
                try:
                    yield _span(span, resource, name, version)
                except (ValueError, TypeError) as error:
                    complain(f"span {_text(span.get('name'))[:60]!r} left out: {error}")


def _log_events(resources: Any, complain: Complaint) -> Iterator[LogEvent]:
    for resource_logs in _objects(resources):
        for scope_logs in _objects(_first(resource_logs, "scopeLogs", "scope_logs", "instrumentationLibraryLogs")):
            for record in _objects(_first(scope_logs, "logRecords", "log_records", "logs")):
                try:
                    yield _log_event(record)
                except (ValueError, TypeError) as error:
                    complain(f"log record left out: {error}")


def _log_event(record: Mapping[str, Any]) -> LogEvent:
    attributes = _attributes(record.get("attributes"))
    name = _text(_first(record, "eventName", "event_name")) or _text(attributes.pop("event.name", None))
    body = _value(record.get("body"))
    if body is not None:
        attributes["body"] = body
    time_ns = _integer(_first(record, "timeUnixNano", "time_unix_nano"))
    if not time_ns:
        time_ns = _integer(_first(record, "observedTimeUnixNano", "observed_time_unix_nano"))
    return LogEvent(
        _id(_first(record, "traceId", "trace_id", "traceID"), 16) or "",
        _id(_first(record, "spanId", "span_id", "spanID"), 8) or "",
        SpanEvent(name, time_ns or 0, attributes),
    )


def is_otlp(document: Any) -> bool:
    """Whether a parsed JSON document has the shape that `decode` reads."""
    if isinstance(document, list):
        return any(is_otlp(entry) for entry in document[:3])
    if not isinstance(document, Mapping):
        return False
    if _first(document, "resourceSpans", "resource_spans", "batches", "resourceLogs", "resource_logs") is not None:
        return True
    return any(is_otlp(document[key]) for key in _WRAPPERS if isinstance(document.get(key), Mapping | list))


def _not_a_trace(document: Mapping[str, Any]) -> str:
    for key, signal in _OTHER_SIGNALS.items():
        if key in document:
            return f"holds {signal}, not traces"
    keys = ", ".join(str(key)[:40] for key in list(document)[:5])
    return f"expected resourceSpans, found {'the keys ' + keys if keys else 'an empty object'}"


def _kind_of_json(value: Any) -> str:
    if value is None:
        return "null"
    return "text" if isinstance(value, str) else "true or false" if isinstance(value, bool) else "a number"


def _span(span: Mapping[str, Any], resource: Mapping[str, Any], scope: str, scope_version: str) -> SpanRecord:
    trace_id = _id(_first(span, "traceId", "trace_id", "traceID"), 16)
    span_id = _id(_first(span, "spanId", "span_id", "spanID"), 8)
    if trace_id is None or span_id is None:
        raise ValueError("no trace id" if trace_id is None else "no span id")
    start_ns = _integer(_first(span, "startTimeUnixNano", "start_time_unix_nano"))
    end_ns = _integer(_first(span, "endTimeUnixNano", "end_time_unix_nano"))
    status = _object(span.get("status"))
    return SpanRecord(
        trace_id=trace_id,
        span_id=span_id,
        parent_id=_id(_first(span, "parentSpanId", "parent_span_id", "parentSpanID"), 8),
        name=_text(span.get("name")),
        kind=_word(span.get("kind"), "SPAN_KIND_", _KINDS, "internal"),
        start_ns=start_ns or 0,
        end_ns=(start_ns or 0) if end_ns is None else end_ns,
        status=_word(status.get("code"), "STATUS_CODE_", _STATUSES, "unset"),
        status_message=_text(status.get("message")),
        attributes=_attributes(span.get("attributes")),
        events=tuple(
            SpanEvent(
                _text(event.get("name")),
                _integer(_first(event, "timeUnixNano", "time_unix_nano")) or 0,
                _attributes(event.get("attributes")),
            )
            for event in _objects(span.get("events"))
        ),
        links=tuple(_links(span.get("links"))),
        scope=scope,
        scope_version=scope_version,
        resource=resource,
    )


def _links(value: Any) -> Iterator[SpanLink]:
    for link in _objects(value):
        trace_id = _id(_first(link, "traceId", "trace_id", "traceID"), 16)
        span_id = _id(_first(link, "spanId", "span_id", "spanID"), 8)
        if trace_id is not None and span_id is not None:
            yield SpanLink(trace_id, span_id, _attributes(link.get("attributes")))


def _id(value: Any, n_bytes: int) -> str | None:
    """Lower-case hex, from hex or base64; None where it is absent or all zeros."""
    if value is None or value == "":
        return None
    if not isinstance(value, str):
        raise ValueError(f"id {value!r} is no text")
    digits = value.lower()
    if len(value) != 2 * n_bytes:
        try:
            raw = base64.b64decode(value, altchars=b"-_" if "-" in value or "_" in value else None, validate=True)
        except (binascii.Error, ValueError):
            raw = b""
        if len(raw) != n_bytes:
            raise ValueError(f"id {value[:40]!r} is neither {2 * n_bytes} hex digits nor base64 of {n_bytes} bytes")
        digits = raw.hex()
    if digits.strip("0123456789abcdef"):
        raise ValueError(f"id {value[:40]!r} is not hexadecimal")
    return digits if digits.strip("0") else None


def _word(value: Any, prefix: str, words: tuple[Any, ...], default: Any) -> Any:
    """An enum given as number, as digits, or by name."""
    if isinstance(value, str):
        name = value.upper().removeprefix(prefix).lower()
        if name in words:
            return name
        value = int(name) if name.isdecimal() else None
    if isinstance(value, int | float) and 0 <= value < len(words):
        return words[int(value)]
    return default


def _attributes(value: Any) -> dict[str, Any]:
    if isinstance(value, Mapping):  # some writers flatten the list into an object
        return {str(key): _plain(entry) for key, entry in value.items()}
    return {_text(entry.get("key")): _value(entry.get("value")) for entry in _objects(value)}


def _value(value: Any) -> Any:
    """An AnyValue as a plain one: lists become tuples, as on spans of the SDK."""
    if not isinstance(value, Mapping):
        return _plain(value)
    for key, content in value.items():
        match key:
            case "stringValue" | "string_value":
                return _text(content)
            case "boolValue" | "bool_value":
                return content if isinstance(content, bool) else str(content).lower() == "true"
            case "intValue" | "int_value":
                return _integer(content)
            case "doubleValue" | "double_value":
                return float(content)  # also "NaN", "Infinity", "-Infinity"
            case "arrayValue" | "array_value":
                return tuple(_value(entry) for entry in _list(_object(content).get("values")))
            case "kvlistValue" | "kvlist_value":
                return _attributes(_object(content).get("values"))
            case "bytesValue" | "bytes_value":
                return base64.b64decode(_text(content))
            case _:
                continue
    return None


def _plain(value: Any) -> Any:
    if isinstance(value, list):
        return tuple(_plain(entry) for entry in value)
    if isinstance(value, Mapping):
        return _value(value) if any(str(key).endswith(("Value", "_value")) for key in value) else dict(value)
    return value


def _integer(value: Any) -> int | None:
    if value is None or value == "":
        return None
    if isinstance(value, float):
        if not math.isfinite(value):
            raise ValueError(f"{value} is no integer")
        return round(value)
    return int(value)


def _first(mapping: Mapping[str, Any], *keys: str) -> Any:
    return next((mapping[key] for key in keys if mapping.get(key) is not None), None)


def _object(value: Any) -> Mapping[str, Any]:
    return cast(Mapping[str, Any], value) if isinstance(value, Mapping) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _objects(value: Any) -> Iterator[Mapping[str, Any]]:
    return (entry for entry in _list(value) if isinstance(entry, Mapping))


def _text(value: Any) -> str:
    return value if isinstance(value, str) else "" if value is None else str(value)


# --- writing --------------------------------------------------------------------------------------------------------


def encode(spans: Iterable[SpanRecord]) -> str:
    """One line of OTLP/JSON, without the line break. Order is kept: neighbours share their resource and scope.

    `decode(encode(spans))` gives the same records, with lists as tuples. An integer beyond 64 bits, which the protocol
    cannot hold, becomes text.
    """
    resources: list[dict[str, Any]] = []
    for span in spans:
        resource = {"attributes": _pairs(span.resource)}
        if not resources or resources[-1]["resource"] != resource:
            resources.append({"resource": resource, "scopeSpans": []})
        scopes: list[dict[str, Any]] = resources[-1]["scopeSpans"]
        scope = {"name": span.scope, "version": span.scope_version}
        if not scopes or scopes[-1]["scope"] != scope:
            scopes.append({"scope": scope, "spans": []})
        scopes[-1]["spans"].append(_span_object(span))
    document = {"resourceSpans": resources}
    text = json.dumps(document, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:  # lone surrogates have no UTF-8, but they have an escape
        return json.dumps(document, separators=(",", ":"), allow_nan=False)
    return text


def _span_object(span: SpanRecord) -> dict[str, Any]:
    written: dict[str, Any] = {"traceId": span.trace_id, "spanId": span.span_id}
    if span.parent_id:
        written["parentSpanId"] = span.parent_id
    written |= {
        "name": span.name,
        "kind": _KINDS.index(span.kind, 1),
        "startTimeUnixNano": str(span.start_ns),
        "endTimeUnixNano": str(span.end_ns),
        "attributes": _pairs(span.attributes),
    }
    if span.events:
        written["events"] = [
            {"timeUnixNano": str(e.time_ns), "name": e.name, "attributes": _pairs(e.attributes)} for e in span.events
        ]
    if span.links:
        written["links"] = [
            {"traceId": link.trace_id, "spanId": link.span_id, "attributes": _pairs(link.attributes)}
            for link in span.links
        ]
    status: dict[str, Any] = {}
    if span.status != "unset":
        status["code"] = _STATUSES.index(span.status)
    if span.status_message:
        status["message"] = span.status_message
    written["status"] = status
    return written


def _pairs(attributes: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [{"key": str(key), "value": _any_value(value)} for key, value in attributes.items()]


def _any_value(value: Any) -> dict[str, Any]:
    if isinstance(value, str):
        return {"stringValue": value}
    if isinstance(value, bool):  # before int: every bool is one
        return {"boolValue": value}
    if isinstance(value, int):
        return {"intValue": str(value)} if value in _INT64 else {"stringValue": str(value)}
    if isinstance(value, float):
        if math.isfinite(value):
            return {"doubleValue": value}
        return {"doubleValue": "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"}
    if value is None:
        return {}
    if isinstance(value, bytes | bytearray):
        return {"bytesValue": base64.b64encode(value).decode()}
    if isinstance(value, Mapping):
        return {"kvlistValue": {"values": _pairs(value)}}
    if isinstance(value, Sequence | set | frozenset):
        return {"arrayValue": {"values": [_any_value(entry) for entry in value]}}
    return {"stringValue": str(value)}
