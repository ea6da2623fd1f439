"""Observations as Langfuse exports them, as JSON, JSON lines, CSV or Parquet, and as its API gives them.

Shape: `ObservationV2` and the older `Observation` of langfuse 5.0.4, in camel case, in exports of tables in snake case;
a trace with its observations inside as well. They become the spans that the Langfuse SDK itself writes over
OpenTelemetry, so that both are read alike.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from groundwire.model import SpanRecord
from groundwire.traces.foreign import from_text, interval, json_text, parent_id, span_id, trace_id
from groundwire.traces.otlp_values import Complaint, first, kind_of_json, text

_START = "langfuse.observation."
_TEXTS = {
    "langfuse.trace.name": ("traceName", "trace_name"),
    "user.id": ("userId", "user_id"),
    "session.id": ("sessionId", "session_id"),
    "langfuse.environment": ("environment",),
    "langfuse.release": ("release",),
    "langfuse.version": ("version",),
    _START + "level": ("level",),
    _START + "status_message": ("statusMessage", "status_message"),
    _START + "completion_start_time": ("completionStartTime", "completion_start_time"),
    _START + "model.name": ("model", "providedModelName", "provided_model_name"),
    _START + "prompt.name": ("promptName", "prompt_name"),
}
_JSON = {
    _START + "input": ("input",),
    _START + "output": ("output",),
    _START + "model.parameters": ("modelParameters", "model_parameters"),
}


def decode(document: Mapping[str, Any], complain: Complaint) -> Iterator[SpanRecord]:
    """The span of an observation, or those of a trace with its observations."""
    observations = from_text(document.get("observations"))
    if observations is None or "startTime" in document or "start_time" in document:
        yield from _one(document, {}, complain)
        return
    if not isinstance(observations, list):
        complain(f"trace {text(document.get('id'))[:40]!r}: its observations are {kind_of_json(observations)}")
        return
    common = {
        "traceId": document.get("id"),
        "traceName": document.get("name"),
        **{key: document.get(key) for key in ("userId", "sessionId", "tags", "release", "environment")},
    }
    if not observations:
        complain(f"trace {text(document.get('id'))[:40]!r}: there are no observations in it")
    for observation in observations:
        if isinstance(observation, Mapping):
            yield from _one(observation, common, complain)
        else:
            complain(f"observation {text(observation)[:40]!r} left out: only its id is there")


def _one(observation: Mapping[str, Any], common: Mapping[str, Any], complain: Complaint) -> Iterator[SpanRecord]:
    known = {key: value for key, value in observation.items() if value is not None}
    try:
        yield _span({**common, **known})
    except (ValueError, TypeError) as error:
        complain(f"observation {text(observation.get('name'))[:60]!r} left out: {error}")


def _span(row: Mapping[str, Any]) -> SpanRecord:
    start_ns, end_ns = interval(first(row, "startTime", "start_time"), first(row, "endTime", "end_time"))
    identity = text(row.get("id"))
    attributes: dict[str, Any] = {_START + "type": text(row.get("type")).lower() or "span"}
    for name, keys in _TEXTS.items():
        value = first(row, *keys)
        if value is not None and value != "":
            attributes[name] = text(value)
    for name, keys in _JSON.items():
        value = json_text(first(row, *keys))
        if value:
            attributes[name] = value
    usage, cost = _usage(row), _cost(row)
    if usage:
        attributes[_START + "usage_details"] = json_text(usage)
    if cost:
        attributes[_START + "cost_details"] = json_text(cost)
    metadata = from_text(row.get("metadata"))
    if isinstance(metadata, Mapping):
        attributes.update({f"{_START}metadata.{key}": json_text(value) for key, value in metadata.items()})
    elif metadata:
        attributes[_START + "metadata"] = text(metadata)
    tags = from_text(row.get("tags"))
    if isinstance(tags, list) and tags:
        attributes["langfuse.trace.tags"] = tuple(map(text, tags))
    level = text(row.get("level")).upper()
    found = span_id(row.get("id"))
    if found != identity:
        attributes[_START + "id"] = identity
    return SpanRecord(
        trace_id=trace_id(first(row, "traceId", "trace_id")),
        span_id=found,
        name=text(row.get("name")),
        start_ns=start_ns,
        end_ns=end_ns,
        parent_id=parent_id(first(row, "parentObservationId", "parent_observation_id")),
        status="error" if level == "ERROR" else "unset",
        status_message=text(first(row, "statusMessage", "status_message")) if level == "ERROR" else "",
        attributes=attributes,
        scope="langfuse-sdk",
    )


def _usage(row: Mapping[str, Any]) -> Mapping[str, Any] | None:
    details = _figures(first(row, "usageDetails", "usage_details"))
    if details:
        return details
    older = _figures(row.get("usage"))
    if older:
        return {key: value for key, value in older.items() if key in ("input", "output", "total")}
    counts = {
        "input": _figure(first(row, "promptTokens", "prompt_tokens", "inputUsage")),
        "output": _figure(first(row, "completionTokens", "completion_tokens", "outputUsage")),
        "total": _figure(first(row, "totalTokens", "total_tokens", "totalUsage")),
    }
    # Langfuse has 0 where it does not know.
    return {key: value for key, value in counts.items() if value is not None} if any(counts.values()) else None


def _cost(row: Mapping[str, Any]) -> Mapping[str, Any] | None:
    details = _figures(first(row, "costDetails", "cost_details"))
    if details:
        return details
    total = _figure(first(row, "totalCost", "total_cost", "calculatedTotalCost"))
    return None if not total else {"total": total}


def _figures(value: Any) -> dict[str, float | int]:
    value = from_text(value)
    if not isinstance(value, Mapping):
        return {}
    return {str(key): figure for key, entry in value.items() if (figure := _figure(entry)) is not None}


def _figure(value: Any) -> float | int | None:
    if isinstance(value, str):
        try:
            value = float(value) if not value.strip().isdecimal() else int(value)
        except ValueError:
            return None
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None
