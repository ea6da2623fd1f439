"""Which shape a parsed document has, whatever its file is called, and who reads it.

A shape is one module with `decode(document, complain)`, and one line in `SHAPES`: the keys by which a document of it is
known. Documents are JSON objects, or the rows of a table. Lists and the envelopes of HTTP APIs are looked into.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib import import_module
from typing import Any, TypeAlias, cast

from groundwire.traces import otlp_json
from groundwire.traces.otlp_values import Complaint, kind_of_json
from groundwire.traces.source import Item

Decode: TypeAlias = Callable[[Mapping[str, Any], Complaint], Iterator[Item]]
Fits: TypeAlias = Callable[[Mapping[str, Any]], bool]

_ENVELOPES = ("data", "runs", "observations", "traces", "spans", "items", "results", "rows")
"""Keys under which APIs and exports put a list of what they have."""
_DEEP = 8


@dataclass(frozen=True, slots=True)
class Shape:
    """One way to write spans into an object or a row."""

    module: str
    """Below `groundwire.traces`, with `decode`."""
    fits: Fits


def _has(*keys: str) -> Fits:
    wanted = frozenset(keys)
    return lambda document: wanted <= document.keys()


def _jaeger(document: Mapping[str, Any]) -> bool:
    return isinstance(document.get("spans"), list) and ("processes" in document or "traceID" in document)


def _mlflow(document: Mapping[str, Any]) -> bool:
    data = document.get("data")
    return isinstance(document.get("info"), Mapping) and isinstance(data, Mapping) and "spans" in data


def _phoenix(document: Mapping[str, Any]) -> bool:
    if "context.span_id" in document and "context.trace_id" in document:
        return not isinstance(document["context.span_id"], Mapping)  # a whole data frame otherwise
    context = document.get("context")
    return isinstance(context, Mapping) and "span_id" in context and "trace_id" in context


def _one_otlp_span(document: Mapping[str, Any]) -> bool:
    return not _TRACE_IDS.isdisjoint(document) and not _STARTS.isdisjoint(document)


def _answer_row(document: Mapping[str, Any]) -> bool:
    return document.keys() >= _ANSWER and ("passages" in document or "request_ms" in document)


def _zipkin(document: Mapping[str, Any]) -> bool:
    return document.keys() >= _ZIPKIN and not _ZIPKIN_FIELDS.isdisjoint(document) and "startTime" not in document


_TRACE_IDS = frozenset({"traceId", "trace_id"})
_STARTS = frozenset({"startTimeUnixNano", "start_time_unix_nano"})
_ANSWER = frozenset({"trace_id", "span_id", "answer"})
_ZIPKIN = frozenset({"traceId", "id"})
_ZIPKIN_FIELDS = frozenset({"localEndpoint", "remoteEndpoint", "timestamp", "duration", "annotations", "tags", "kind"})

SHAPES: tuple[Shape, ...] = (
    Shape("jaeger_ui", _jaeger),
    Shape("otlp_span", _one_otlp_span),
    Shape("phoenix", _phoenix),
    Shape("langsmith", lambda document: "run_type" in document and ("id" in document or "run_id" in document)),
    Shape("langfuse", lambda document: "observations" in document and "id" in document),
    Shape("langfuse", lambda document: {"id", "type", "startTime"} <= document.keys()),
    Shape("langfuse", lambda document: {"id", "type", "start_time", "trace_id"} <= document.keys()),
    Shape("mlflow", _mlflow),
    Shape("trulens", _has("record_attributes", "trace")),
    Shape("answer_rows", _answer_row),
    Shape("zipkin", _zipkin),
)
"""In the order in which they are asked, OTLP before all of them."""


def decode(document: Any, complain: Complaint, depth: int = 0) -> Iterator[Item]:
    """The spans and log records of a document of any known shape.

    Args:
        document: a parsed JSON document, or a row.
        complain: called with one line for everything that had to be left out.
        depth: of the lists and envelopes around it.
    """
    if isinstance(document, list):
        if depth > _DEEP:
            complain("nested too deeply")
            return
        for entry in document:
            yield from decode(entry, complain, depth + 1)
        return
    if not isinstance(document, Mapping):
        complain(f"expected an object with resourceSpans, found {kind_of_json(document)}")
        return
    if otlp_json.is_otlp(document):
        yield from otlp_json.decode(document, complain)
        return
    shape = shape_of(document)
    if shape is not None:
        yield from _decode(shape.module)(document, complain)
        return
    rows = _rows(document)
    if rows is not None and depth <= _DEEP:
        yield from decode(rows, complain, depth + 1)
        return
    yield from otlp_json.decode(document, complain)  # complains


def is_trace(document: Any, depth: int = 0) -> bool:
    """Whether a document has any known shape."""
    if depth > _DEEP:
        return False
    if isinstance(document, list):
        return any(is_trace(entry, depth + 1) for entry in document[:3])
    if not isinstance(document, Mapping):
        return False
    if otlp_json.is_otlp(document) or shape_of(document) is not None:
        return True
    rows = _rows(document)
    return rows is not None and (rows == [] or is_trace(rows, depth + 1))


def shape_of(document: Mapping[str, Any]) -> Shape | None:
    """The shape of an object or a row; None where it has none, or is OTLP."""
    return next((shape for shape in SHAPES if shape.fits(document)), None)


def _rows(document: Mapping[str, Any]) -> list[Any] | None:
    """What an envelope or a data frame holds; None where it is neither."""
    columns = document.get("columns")
    if isinstance(columns, list) and isinstance(document.get("data"), list):  # a data frame, orient="split"
        return [dict(zip(columns, row, strict=False)) for row in document["data"] if isinstance(row, list)]
    for key in _ENVELOPES:
        value = document.get(key)
        if isinstance(value, list):
            return value
        if isinstance(value, Mapping) and any(isinstance(value.get(inner), list) for inner in _ENVELOPES):
            return [value]
    values = list(document.values())
    if values and all(isinstance(value, Mapping) for value in values):
        if "context.span_id" in document:  # a data frame, orient="columns"
            return _of_columns(cast(Mapping[str, Mapping[str, Any]], document))
        if all(shape_of(value) is not None for value in values[:3]):  # orient="index", or objects by id
            return values
    return None


def _of_columns(columns: Mapping[str, Mapping[str, Any]]) -> list[Any]:
    rows: dict[str, dict[str, Any]] = {}
    for name, column in columns.items():
        for index, value in column.items():
            rows.setdefault(index, {})[name] = value
    return list(rows.values())


@lru_cache
def _decode(module: str) -> Decode:
    return cast(Decode, import_module(f"groundwire.traces.{module}").decode)
