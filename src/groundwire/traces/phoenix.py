"""Spans as Phoenix gives them: rows of its data frame, objects of its REST API; and of the SDK's console exporter.

Shapes: `phoenix.client` `get_spans_dataframe` (dotted columns) and `/v1/projects/ID/spans` (phoenix 20.26), and
`ReadableSpan.to_json` of the OpenTelemetry SDK, which differ in little. Attributes may be flat or nested: they are
flattened into those of OpenInference, as its instrumentations write them.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any, Literal, TypeAlias, cast

from groundwire.model import SpanEvent, SpanLink, SpanRecord
from groundwire.traces.foreign import event_of, from_text, interval, nested, parent_id, span_id, trace_id, typed
from groundwire.traces.otlp_values import Complaint, attributes_of, part, parts, text

_Kind: TypeAlias = Literal["internal", "server", "client", "producer", "consumer"]
_KINDS = frozenset({"internal", "server", "client", "producer", "consumer"})
_WHOLE = ("metadata", "tool.parameters", "llm.prompt_template.variables", "llm.invocation_parameters")
"""Attributes that are one JSON text for OpenInference, and that Phoenix parses."""
_NESTED = ("documents", "messages", "embeddings", "metadata", "llm.tools", "tag.tags")
"""Attributes that tables of text hold as JSON, or as the Python of them."""
_PREFIX = "attributes."


def decode(document: Mapping[str, Any], complain: Complaint) -> Iterator[SpanRecord]:
    """The span of one row or object."""
    try:
        span = _span(document)
    except (ValueError, TypeError, KeyError) as error:
        complain(f"span {text(document.get('name'))[:60]!r} left out: {error}")
        return
    yield span


def _span(document: Mapping[str, Any]) -> SpanRecord:
    context = part(from_text(document.get("context")), "the context")
    attributes = dict(_flat(from_text(document.get("attributes")), ""))
    for key, value in document.items():
        if key.startswith(_PREFIX):
            attributes.update(_flat(value, key.removeprefix(_PREFIX)))
    openinference_kind = text(document.get("span_kind"))
    if openinference_kind:
        attributes.setdefault("openinference.span.kind", openinference_kind)
    kind = text(document.get("kind")).rpartition(".")[2].lower()
    status = from_text(document.get("status"))
    code, message = document.get("status_code"), document.get("status_message")
    if isinstance(status, Mapping):
        code, message = status.get("status_code"), status.get("description")
    code = text(code).rpartition(".")[2].rpartition("_")[2].lower()
    start_ns, end_ns = interval(document.get("start_time"), document.get("end_time"))
    events = nested(document.get("events"))
    if isinstance(events, str):  # what a table of text made of them
        attributes["events"], events = events, None
    return SpanRecord(
        trace_id=trace_id(document.get("context.trace_id") or context.get("trace_id")),
        span_id=span_id(document.get("context.span_id") or context.get("span_id")),
        name=text(document.get("name")),
        start_ns=start_ns,
        end_ns=end_ns,
        parent_id=parent_id(document.get("parent_id")),
        kind=cast(_Kind, kind) if kind in _KINDS else "internal",
        status="error" if code == "error" else "ok" if code == "ok" else "unset",
        status_message=text(message),
        attributes=attributes,
        events=tuple(_events(events)),
        links=tuple(_links(from_text(document.get("links")))),
        resource=attributes_of(part(from_text(document.get("resource")), "the resource").get("attributes")),
    )


def _flat(value: Any, key: str) -> Iterator[tuple[str, Any]]:
    """Attributes with dotted names, the entries of lists of objects by number; what is unknown is left out."""
    if not key or key.endswith(_NESTED):
        value = nested(value)
    if value is None:
        return
    if isinstance(value, Mapping):
        if key.endswith(_WHOLE):
            yield key, json.dumps(value, ensure_ascii=False, default=str)
            return
        for name, inner in value.items():
            yield from _flat(inner, f"{key}.{name}" if key else str(name))
    elif isinstance(value, list | tuple):
        if any(isinstance(entry, Mapping) for entry in value):
            for n, entry in enumerate(value):
                yield from _flat(entry, f"{key}.{n}")
        else:
            yield key, tuple(value)
    elif not key:
        raise ValueError("the attributes are no object")
    else:
        yield key, typed(key, value)


def _events(value: Any) -> Iterator[SpanEvent]:
    for event in parts(value or None, "the events"):
        yield event_of(event)


def _links(value: Any) -> Iterator[SpanLink]:
    for link in parts(value or None, "the links"):
        context = part(link.get("context"), "the context of a link") or link
        yield SpanLink(
            trace_id(context.get("trace_id")), span_id(context.get("span_id")), attributes_of(link.get("attributes"))
        )
