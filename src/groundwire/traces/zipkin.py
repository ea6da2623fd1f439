"""Spans of Zipkin v2, as its API gives them and OpenTelemetry writes them.

Shape: zipkin-api `zipkin2-api.yaml`; what has no place there comes back from tags, as the collector's
`translator/zipkin` puts it: status, scope, links, and events as annotations `name|{attributes}|dropped`. Times are in
microseconds, so nanoseconds are lost, and every tag is text: what the name of an attribute promises to be a number is
read as one.
"""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Literal, TypeAlias, cast

from groundwire.model import SpanEvent, SpanLink, SpanRecord
from groundwire.traces.foreign import typed
from groundwire.traces.otlp_values import Complaint, identity, integer, part, parts, text

_Kind: TypeAlias = Literal["internal", "server", "client", "producer", "consumer"]
_KINDS = frozenset({"server", "client", "producer", "consumer"})
_EVENT = re.compile(r"(?P<name>[^|]*)\|(?P<attributes>\{.*\})\|\d+", re.DOTALL)
_LINK = re.compile(r"(?P<trace>[0-9a-f]{32})\|(?P<span>[0-9a-f]{16})\|.*")


def decode(document: Mapping[str, Any], complain: Complaint) -> Iterator[SpanRecord]:
    """One span."""
    try:
        span = _span(document)
    except (ValueError, TypeError) as error:
        complain(f"span {text(document.get('name'))[:60]!r} left out: {error}")
        return
    yield span


def _span(span: Mapping[str, Any]) -> SpanRecord:
    tags = {str(key): typed(str(key), value) for key, value in part(span.get("tags"), "the tags").items()}
    kind = text(span.get("kind") or tags.pop("span.kind", "")).lower()
    status = str(tags.pop("otel.status_code", "")).removeprefix("STATUS_CODE_").lower()
    error = tags.get("error")
    message = text(tags.pop("otel.status_description", "")) or (text(error) if error not in (None, "true", "") else "")
    start_ns = (integer(span.get("timestamp")) or 0) * 1000
    service = part(span.get("localEndpoint"), "the local endpoint").get("serviceName")
    scope = _popped(tags, "otel.scope.name", "otel.library.name")
    version = _popped(tags, "otel.scope.version", "otel.library.version")
    written = [text(tags.pop(key)) for key in list(tags) if key.startswith("otlp.link.")]
    links = [match for link in written if (match := _LINK.match(link))]
    found, own = _id(span.get("traceId"), 16), _id(span.get("id"), 8)
    if found is None or own is None:
        raise ValueError("no trace id" if found is None else "no span id")
    return SpanRecord(
        trace_id=found,
        span_id=own,
        name=text(span.get("name")),
        start_ns=start_ns,
        end_ns=start_ns + (integer(span.get("duration")) or 0) * 1000,
        parent_id=_id(span.get("parentId"), 8),
        kind=cast(_Kind, kind) if kind in _KINDS else "internal",
        status="error" if status == "error" or error is not None else "ok" if status == "ok" else "unset",
        status_message=message,
        attributes=tags,
        events=tuple(_event(entry) for entry in parts(span.get("annotations"), "the annotations")),
        links=tuple(SpanLink(link["trace"], link["span"]) for link in links),
        scope=scope,
        scope_version=version,
        resource={} if service is None else {"service.name": text(service)},
    )


def _id(value: Any, n_bytes: int) -> str | None:
    """Hex digits; zeros at the beginning, and the first half of a trace id, may be missing."""
    return identity(value.zfill(2 * n_bytes) if isinstance(value, str) and value else value, n_bytes)


def _popped(tags: dict[str, Any], *keys: str) -> str:
    values = [text(tags.pop(key, None)) for key in keys]
    return next((value for value in values if value), "")


def _event(annotation: Mapping[str, Any]) -> SpanEvent:
    time_ns = (integer(annotation.get("timestamp")) or 0) * 1000
    value = text(annotation.get("value"))
    match = _EVENT.fullmatch(value)
    name, written = (match["name"], match["attributes"]) if match else (value, value)
    try:
        attributes = json.loads(written) if written.startswith("{") else {}
    except (ValueError, RecursionError):
        attributes = {}
    if not match and isinstance(attributes, dict) and len(attributes) == 1:  # the Python exporter: {name: attributes}
        [(name, inner)] = attributes.items()
        attributes = inner if isinstance(inner, dict) else {}
    return SpanEvent(name, time_ns, {str(key): entry for key, entry in attributes.items()})
