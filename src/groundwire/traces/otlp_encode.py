"""OTLP/JSON as it is written: one line of it, in the shape of the collector's file exporter.

It is put together as text: building the nested objects first, to have `json` walk them, takes twice as long.
"""

import base64
import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import groupby
from typing import Any, TypeAlias

from groundwire.model import SpanEvent, SpanLink, SpanRecord

_INT64 = range(-(2**63), 2**63)
_KINDS = ("unspecified", "internal", "server", "client", "producer", "consumer")
_STATUSES = ("unset", "ok", "error")
_Quote: TypeAlias = Callable[[str], str]
_AS_IT_IS: _Quote = json.JSONEncoder(ensure_ascii=False).encode
_ESCAPED: _Quote = json.JSONEncoder().encode


def encode(spans: Iterable[SpanRecord]) -> str:
    """One line of OTLP/JSON, without the line break. Order is kept: neighbours share their resource and scope.

    `otlp_json.decode` of it gives the same records, with lists as tuples. An integer beyond 64 bits, which the protocol
    cannot hold, becomes text.
    """
    spans = list(spans)
    text = _document(spans, _AS_IT_IS)
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:  # lone surrogates have no UTF-8, but they have an escape
        return _document(spans, _ESCAPED)
    return text


def _document(spans: Sequence[SpanRecord], quote: _Quote) -> str:
    resources = [
        f'{{"resource":{{"attributes":{resource}}},"scopeSpans":[{_scopes(some, quote)}]}}'
        for resource, some in groupby(spans, lambda span: _pairs(span.resource, quote))
    ]
    return f'{{"resourceSpans":[{",".join(resources)}]}}'


def _scopes(spans: Iterable[SpanRecord], quote: _Quote) -> str:
    return ",".join([
        f'{{"scope":{{"name":{quote(name)},"version":{quote(version)}}},'
        f'"spans":[{",".join([_span(span, quote) for span in some])}]}}'
        for (name, version), some in groupby(spans, lambda span: (span.scope, span.scope_version))
    ])  # fmt: skip


def _span(span: SpanRecord, quote: _Quote) -> str:
    parent = f'"parentSpanId":{quote(span.parent_id)},' if span.parent_id else ""
    events = f',"events":[{",".join([_event(e, quote) for e in span.events])}]' if span.events else ""
    links = f',"links":[{",".join([_link(link, quote) for link in span.links])}]' if span.links else ""
    code = f'"code":{_STATUSES.index(span.status)}' if span.status != "unset" else ""
    message = f'"message":{quote(span.status_message)}' if span.status_message else ""
    return (
        f'{{"traceId":{quote(span.trace_id)},"spanId":{quote(span.span_id)},{parent}"name":{quote(span.name)},'
        f'"kind":{_KINDS.index(span.kind)},"startTimeUnixNano":"{span.start_ns}","endTimeUnixNano":"{span.end_ns}",'
        f'"attributes":{_pairs(span.attributes, quote)}{events}{links},'
        f'"status":{{{code}{"," if code and message else ""}{message}}}}}'
    )


def _event(event: SpanEvent, quote: _Quote) -> str:
    attributes = _pairs(event.attributes, quote)
    return f'{{"timeUnixNano":"{event.time_ns}","name":{quote(event.name)},"attributes":{attributes}}}'


def _link(link: SpanLink, quote: _Quote) -> str:
    attributes = _pairs(link.attributes, quote)
    return f'{{"traceId":{quote(link.trace_id)},"spanId":{quote(link.span_id)},"attributes":{attributes}}}'


def _pairs(attributes: Mapping[str, Any], quote: _Quote) -> str:
    told = [f'{{"key":{quote(str(key))},"value":{_value(value, quote)}}}' for key, value in attributes.items()]
    return f"[{','.join(told)}]"


def _value(value: Any, quote: _Quote) -> str:
    if isinstance(value, str):
        return f'{{"stringValue":{quote(value)}}}'
    if isinstance(value, bool):  # before int: every bool is one
        return '{"boolValue":true}' if value else '{"boolValue":false}'
    if isinstance(value, int):
        return f'{{"{"intValue" if value in _INT64 else "stringValue"}":"{int(value)}"}}'
    if isinstance(value, float):
        if math.isfinite(value):
            return f'{{"doubleValue":{float.__repr__(value)}}}'
        return f'{{"doubleValue":"{"NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"}"}}'
    if value is None:
        return "{}"
    if isinstance(value, bytes | bytearray):
        return f'{{"bytesValue":"{base64.b64encode(value).decode()}"}}'
    if isinstance(value, Mapping):
        return f'{{"kvlistValue":{{"values":{_pairs(value, quote)}}}}}'
    if isinstance(value, Sequence | set | frozenset):
        return f'{{"arrayValue":{{"values":[{",".join([_value(entry, quote) for entry in value])}]}}}}'
    return f'{{"stringValue":{quote(str(value))}}}'
