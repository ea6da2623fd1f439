"""Makes the exports beside this file out of the recordings: `python make.py`, with langfuse, langsmith, mlflow-tracing.

What was asked and answered comes from the spans that each SDK wrote over OpenTelemetry; the shape comes from the SDK's
own models of what its API gives, which check it. `phoenix-*` are answers of a real Phoenix (arize-phoenix 20.26.1) that
`openinference.jsonl` was sent to: the pages of `/v1/projects/default/spans` and `/spans/otlpv1`, and the data frame of
`get_spans_dataframe` as pandas 3.1.1 writes it.
"""

import base64
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from langfuse.api.commons.types.observation_v2 import ObservationV2
from langsmith.schemas import Run
from mlflow.entities import Trace

HERE = Path(__file__).resolve().parent
RECORDINGS = HERE.parent.parent / "recordings"


def spans(name: str) -> list[dict[str, Any]]:
    """The spans of a recording, with plain attributes."""
    found = []
    for line in (RECORDINGS / f"{name}.jsonl").read_text().splitlines():
        for resource in json.loads(line).get("resourceSpans", ()):
            for scope in resource["scopeSpans"]:
                found += [{**s, "attributes": {a["key"]: value(a["value"]) for a in s.get("attributes", ())}}
                          for s in scope["spans"]]  # fmt: skip
    return found


def value(written: dict[str, Any]) -> Any:
    """An attribute."""
    [(kind, content)] = written.items()
    if kind == "arrayValue":
        return [value(entry) for entry in content.get("values", ())]
    return int(content) if kind == "intValue" else content


def time(nanoseconds: str) -> datetime:
    """As APIs give it."""
    return datetime.fromtimestamp(int(nanoseconds) / 1e9, UTC)


def parsed(text: Any) -> Any:
    """JSON in an attribute."""
    return None if text is None else json.loads(text)


def langfuse() -> list[str]:
    """Observations as `/api/public/v2/observations` gives them: input and output are text."""
    lines = []
    for span in spans("langfuse"):
        a = span["attributes"]
        start = "langfuse.observation."
        cost = parsed(a.get(start + "cost_details"))
        observation = ObservationV2(
            id=span["spanId"], trace_id=span["traceId"], parent_observation_id=span.get("parentSpanId") or None,
            start_time=time(span["startTimeUnixNano"]), end_time=time(span["endTimeUnixNano"]), project_id="p1",
            type=str(a.get(start + "type", "span")).upper(), name=span["name"], level="DEFAULT",
            input=a.get(start + "input"), output=a.get(start + "output"), model=a.get(start + "model.name"),
            model_parameters=parsed(a.get(start + "model.parameters")),
            usage_details=counts(parsed(a.get(start + "usage_details"))), cost_details=cost,
            total_cost=sum(cost.values()) if cost else None, environment=a.get("langfuse.environment"),
        )  # fmt: skip
        lines.append(json.dumps(json.loads(observation.json(by_alias=True)), ensure_ascii=False))
    return lines


def counts(usage: dict[str, Any] | None) -> dict[str, int] | None:
    """What the server makes of OpenAI's counts: parts that add up."""
    if usage is None or "prompt_tokens" not in usage:
        return usage
    cached = (usage.get("prompt_tokens_details") or {}).get("cached_tokens") or 0
    found = {"input": usage["prompt_tokens"] - cached, "output": usage.get("completion_tokens") or 0}
    return found | ({"input_cached_tokens": cached} if cached else {}) | {"total": usage["total_tokens"]}


def langsmith() -> list[str]:
    """Runs as `Client.list_runs` gives them."""
    lines = []
    recorded = spans("langsmith")
    for span in recorded:
        a = span["attributes"]
        metadata = {
            key.removeprefix("langsmith.metadata."): v
            for key, v in a.items()
            if key.startswith("langsmith.metadata.ls_")
        }
        parent = span.get("parentSpanId")
        run = Run(
            id=run_id(span["spanId"]), trace_id=UUID(span["traceId"]), name=span["name"],
            parent_run_id=run_id(parent) if parent else None, run_type=a["langsmith.span.kind"],
            start_time=time(span["startTimeUnixNano"]), end_time=time(span["endTimeUnixNano"]),
            inputs=parsed(a.get("gen_ai.prompt")) or {}, outputs=parsed(a.get("gen_ai.completion")),
            extra={"metadata": metadata}, status="success", session_id=UUID(int=7),
            prompt_tokens=a.get("gen_ai.usage.input_tokens"), completion_tokens=a.get("gen_ai.usage.output_tokens"),
        )  # fmt: skip
        lines.append(run.model_dump_json())
    return lines


def run_id(span_id: str) -> UUID:
    """A run's id whose second half is that of the span."""
    return UUID(f"019a0000-0000-7000-{span_id[:4]}-{span_id[4:]}")


def mlflow() -> list[str]:
    """Traces as `Trace.to_json` writes them."""
    by_trace: dict[str, list[dict[str, Any]]] = {}
    for span in spans("mlflow"):
        by_trace.setdefault(span["traceId"], []).append(span)
    lines = []
    for trace_id, members in by_trace.items():
        name = f"tr-{trace_id}"
        rows = [{
            "trace_id": encoded(s["traceId"]), "span_id": encoded(s["spanId"]),
            "parent_span_id": encoded(s["parentSpanId"]) if s.get("parentSpanId") else None, "name": s["name"],
            "start_time_unix_nano": int(s["startTimeUnixNano"]), "end_time_unix_nano": int(s["endTimeUnixNano"]),
            "events": [], "status": {"code": "STATUS_CODE_OK", "message": ""}, "links": [],
            "attributes": {**s["attributes"], "mlflow.traceRequestId": json.dumps(name)},
        } for s in members]  # fmt: skip
        info = {
            "trace_id": name,
            "trace_location": {"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": "0"}},
            "request_time": time(members[0]["startTimeUnixNano"]).isoformat().replace("+00:00", "Z"), "state": "OK",
        }  # fmt: skip
        lines.append(Trace.from_dict({"info": info, "data": {"spans": rows}}).to_json())
    return lines


def encoded(digits: str) -> str:
    """An id in base64."""
    return base64.b64encode(bytes.fromhex(digits)).decode()


for name, lines in {"langfuse": langfuse(), "langsmith": langsmith(), "mlflow": mlflow()}.items():
    (HERE / f"{name}.jsonl").write_text("\n".join(lines) + "\n")
