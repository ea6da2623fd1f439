"""OTLP/JSON as it is written: one line of it, in the shape of the collector's file exporter."""

import base64
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from groundwire.model import SpanRecord

_INT64 = range(-(2**63), 2**63)
_KINDS = ("unspecified", "internal", "server", "client", "producer", "consumer")
_STATUSES = ("unset", "ok", "error")


def encode(spans: Iterable[SpanRecord]) -> str:
    """One line of OTLP/JSON, without the line break. Order is kept: neighbours share their resource and scope.

    `otlp_json.decode` of it gives the same records, with lists as tuples. An integer beyond 64 bits, which the protocol
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
        "kind": _KINDS.index(span.kind),
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
