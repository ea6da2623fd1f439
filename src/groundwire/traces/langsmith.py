"""Runs as LangSmith exports them: JSON, JSON lines, CSV or Parquet, and as its API gives them.

Shape: `Run` of langsmith 0.15.1. They become the spans that its client writes over OpenTelemetry: inputs and outputs as
JSON in `gen_ai.prompt` and `gen_ai.completion`. A run above others repeats their tokens and cost: only those of the LLM
runs themselves are taken.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from groundwire.model import SpanEvent, SpanRecord
from groundwire.traces.foreign import from_text, interval, json_text, parent_id, span_id, time_ns, trace_id, typed
from groundwire.traces.otlp_values import Complaint, first, text

_CALLS = frozenset({"llm", "embedding"})
_UUID_AT_START = re.compile(r"[^.]*?Z([0-9a-fA-F-]{36})")
_FIGURES = {
    "gen_ai.usage.input_tokens": "prompt_tokens",
    "gen_ai.usage.output_tokens": "completion_tokens",
    "gen_ai.usage.total_tokens": "total_tokens",
    "gen_ai.usage.cost": "total_cost",
}


def decode(document: Mapping[str, Any], complain: Complaint) -> Iterator[SpanRecord]:
    """The span of a run, and those of the runs inside it."""
    try:
        yield _span(document)
    except (ValueError, TypeError) as error:
        complain(f"run {text(document.get('name'))[:60]!r} left out: {error}")
    inner = from_text(document.get("child_runs"))
    for run in inner if isinstance(inner, list) else ():
        if isinstance(run, Mapping):
            yield from decode(run, complain)
        else:
            complain("a child run left out: it is no object")


def _span(run: Mapping[str, Any]) -> SpanRecord:
    identity = first(run, "id", "run_id")
    start_ns, end_ns = interval(run.get("start_time"), run.get("end_time"))
    kind = text(run.get("run_type")).lower()
    attributes: dict[str, Any] = {
        "langsmith.span.kind": kind,
        "langsmith.trace.name": text(run.get("name")),
        "langsmith.run.id": text(identity),
    }
    for name, key in {"gen_ai.prompt": "inputs", "gen_ai.completion": "outputs"}.items():
        value = json_text(run.get(key))
        if value and value != "{}":
            attributes[name] = value
    for name, key in {
        "langsmith.trace.session_id": "session_id",
        "langsmith.trace.session_name": "session_name",
    }.items():
        if run.get(key):
            attributes[name] = text(run[key])
    attributes.update(_extra(from_text(run.get("extra"))))
    tags = from_text(run.get("tags"))
    if isinstance(tags, list) and tags:
        attributes["langsmith.span.tags"] = ", ".join(map(text, tags))
    if kind in _CALLS:
        for name, key in _FIGURES.items():
            figure = typed(name, text(run.get(key)))
            if isinstance(figure, int | float) and figure >= 0:
                attributes[name] = figure
        outputs = from_text(run.get("outputs"))
        if isinstance(outputs, Mapping) and isinstance(outputs.get("model"), str):
            attributes["gen_ai.response.model"] = outputs["model"]
    error = text(run.get("error"))
    return SpanRecord(
        trace_id=_trace_id(run, identity),
        span_id=span_id(identity),
        name=text(run.get("name")),
        start_ns=start_ns,
        end_ns=end_ns,
        parent_id=parent_id(run.get("parent_run_id")),
        status="error" if error or run.get("status") == "error" else "unset",
        status_message=error[:2000],
        attributes=attributes,
        events=tuple(_events(from_text(run.get("events")))),
        scope="langsmith",
    )


def _trace_id(run: Mapping[str, Any], identity: Any) -> str:
    """That of the run; else of the first run in its dotted order; else its own: it is alone then."""
    if run.get("trace_id"):
        return trace_id(run["trace_id"])
    first_run = _UUID_AT_START.match(text(run.get("dotted_order")))
    return trace_id(first_run[1] if first_run else identity)


def _extra(extra: Any) -> dict[str, Any]:
    if not isinstance(extra, Mapping):
        return {}
    metadata = from_text(extra.get("metadata"))
    metadata = metadata if isinstance(metadata, Mapping) else {}
    attributes: dict[str, Any] = {
        f"langsmith.metadata.{key}": json_text(v) for key, v in metadata.items() if v is not None
    }
    model = metadata.get("ls_model_name")
    for parameters in (extra.get("invocation_params"), metadata.get("invocation_params")):
        if not model and isinstance(parameters, Mapping):
            model = parameters.get("model") or parameters.get("model_name")
    if model:
        attributes["gen_ai.request.model"] = text(model)
    if metadata.get("ls_provider"):
        attributes["gen_ai.system"] = text(metadata["ls_provider"])
    return attributes


def _events(value: Any) -> Iterator[SpanEvent]:
    for event in value if isinstance(value, list) else ():
        if isinstance(event, Mapping):
            rest = {str(key): json_text(v) for key, v in event.items() if key not in ("name", "time") and v is not None}
            yield SpanEvent(text(event.get("name")), time_ns(event.get("time")) or 0, rest)
