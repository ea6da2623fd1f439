"""An answer with its scores as one row of a table, and back.

The columns: ids, time, question, answer, passages, model, tokens, cost and latency; then a group for each evaluator,
whose columns begin with its name: the value under the name itself, then `.label`, `.passed`, `.threshold`, `.reason`
(why there is no value), `.explanation`, `.version` and `.model`.

A row that has its content is an answer again: an answer span that lists its passages, and an `evaluate` span for each
score. Passages that never reached the prompt are in the row, and are not read back: nobody can tell their ranking.
"""

import json
import math
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from groundwire import semconv
from groundwire.answers import Answer
from groundwire.budget import encodable, to_json
from groundwire.model import SpanRecord
from groundwire.scoring import evaluation_span_id
from groundwire.traces.foreign import from_text, span_id, time_ns, trace_id
from groundwire.traces.otlp_values import Complaint, text

COLUMNS: Mapping[str, str] = {
    "trace_id": "text",
    "span_id": "text",
    "time": "text",
    "service": "text",
    "question": "text",
    "answer": "text",
    "reference": "text",
    "passages": "json",
    "model": "text",
    "provider": "text",
    "input_tokens": "integer",
    "output_tokens": "integer",
    "request_input_tokens": "integer",
    "request_output_tokens": "integer",
    "request_cost_usd": "number",
    "request_ms": "number",
}
"""The columns that every table has, and what is in them. `request_`: of the whole request, not of this call alone."""

GROUP: Mapping[str, str] = {
    "": "number",
    ".label": "text",
    ".passed": "boolean",
    ".threshold": "number",
    ".reason": "text",
    ".explanation": "text",
    ".version": "text",
    ".model": "text",
}
"""What follows an evaluator's name in its columns."""
_INT64 = range(-(2**63), 2**63)


def row_of(answer: Answer) -> dict[str, Any]:
    """The row of an answer: what is unknown is None, evaluators that said nothing of it have no columns."""
    chain, tokens = answer.chain, answer.tokens
    passages = [
        {"id": p.id, "text": p.text, "score": p.score, "in_prompt": p.in_prompt, "span_id": p.span_id}
        for p in chain.passages
    ]
    row: dict[str, Any] = {
        "trace_id": chain.trace_id,
        "span_id": chain.span_id,
        "time": _written(answer.span.end_ns),
        "service": answer.span.resource.get("service.name"),
        "question": chain.question,
        "answer": chain.answer,
        "reference": chain.reference,
        "passages": passages,
        "model": chain.model,
        "provider": chain.provider,
        "input_tokens": chain.usage.input_tokens if chain.usage else None,
        "output_tokens": chain.usage.output_tokens if chain.usage else None,
        "request_input_tokens": tokens[0] if tokens else None,
        "request_output_tokens": tokens[1] if tokens else None,
        "request_cost_usd": answer.cost_usd,
        "request_ms": answer.duration_ms,
    }
    for name, check in answer.checks.items():
        values = (
            *(check.value, check.label or None, check.passed, check.threshold),
            *(check.reason or None, check.explanation or None, check.version or None, check.judged_by or None),
        )
        row.update({f"{name}{end}": value for end, value in zip(GROUP, values, strict=True)})
    return {key: _typed(value, COLUMNS.get(key, "")) for key, value in row.items()}


def _typed(value: Any, kind: str) -> Any:
    """A value that its column takes: what is no text becomes it, what is no finite figure is unknown."""
    match value:
        case None:
            return None
        case str():
            return encodable(value)
        case list():
            return [{key: _typed(entry, "") for key, entry in passage.items()} for passage in value]
        case _ if kind == "text":
            return encodable(str(value))
        case float() if not math.isfinite(value):
            return None
        case int() if value not in _INT64:
            return None
        case _:
            return value


def _written(nanoseconds: int) -> str:
    seconds, rest = divmod(nanoseconds, 10**9)
    try:
        return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{rest:09d}Z"
    except (OverflowError, ValueError, OSError):  # beyond the year 9999
        return str(nanoseconds)


def decode(row: Mapping[str, Any], complain: Complaint) -> Iterator[SpanRecord]:
    """The spans of one row: the answer, and a judgement for each score."""
    try:
        yield from _spans(row)
    except (ValueError, TypeError) as error:
        complain(f"row of answer {text(row.get('span_id'))[:40]!r} left out: {error}")


def _spans(row: Mapping[str, Any]) -> Iterator[SpanRecord]:
    end_ns = time_ns(row.get("time")) or 0
    duration = _number(row.get("request_ms"))
    attributes: dict[str, Any] = {semconv.OPERATION: "chat"}
    for key, column in {
        semconv.RESPONSE_MODEL: "model",
        semconv.PROVIDER: "provider",
        semconv.RETRIEVAL_QUERY: "question",
        semconv.REFERENCE: "reference",
    }.items():
        if row.get(column):
            attributes[key] = text(row[column])
    for key, column in {semconv.INPUT_TOKENS: "input_tokens", semconv.OUTPUT_TOKENS: "output_tokens"}.items():
        count = _number(row.get(column))
        if count is not None:
            attributes[key] = int(count)
    cost = _number(row.get("request_cost_usd"))
    if cost is not None:
        attributes[semconv.COST] = cost
    passages = from_text(row.get("passages"))
    if isinstance(passages, list):
        attributes[semconv.RETRIEVAL_DOCUMENTS] = json.dumps(
            [_document(p) for p in passages if isinstance(p, Mapping) and p.get("in_prompt", True)], ensure_ascii=False
        )
    if row.get("question"):
        attributes[semconv.INPUT_MESSAGES] = _message("user", text(row["question"]))
    if row.get("answer"):
        attributes[semconv.OUTPUT_MESSAGES] = _message("assistant", text(row["answer"]))
    answer = SpanRecord(
        trace_id=trace_id(row.get("trace_id")),
        span_id=span_id(row.get("span_id")),
        name=f"chat {text(row.get('model'))}".rstrip(),
        start_ns=max(0, end_ns - round((duration or 0.0) * 1e6)),
        end_ns=end_ns,
        kind="client",
        attributes=attributes,
        scope="groundwire.table",
        resource={"service.name": text(row["service"])} if row.get("service") else {},
    )
    yield answer
    for key in row:
        if key.endswith(".version") and row[key] is not None:
            yield _judgement(answer, key.removesuffix(".version"), row)


def _document(passage: Mapping[str, Any]) -> dict[str, Any]:
    found = {"id": passage.get("id"), "content": passage.get("text"), "score": passage.get("score")}
    return {key: value for key, value in found.items() if value is not None}


def _judgement(answer: SpanRecord, name: str, row: Mapping[str, Any]) -> SpanRecord:
    version, value = text(row[f"{name}.version"]), _number(row.get(name))
    passed = row.get(f"{name}.passed")
    reason = text(row.get(f"{name}.reason"))
    said: dict[str, Any] = {
        semconv.OPERATION: semconv.EVALUATE,
        semconv.EVALUATION_NAME: name,
        semconv.EVALUATION_VERSION: version,
        semconv.EVALUATION_VALUE: value,
        semconv.EVALUATION_LABEL: row.get(f"{name}.label"),
        semconv.EVALUATION_PASSED: str(passed).lower() == "true" if passed is not None else None,
        semconv.EVALUATION_THRESHOLD: _number(row.get(f"{name}.threshold")),
        semconv.EVALUATION_EXPLANATION: row.get(f"{name}.explanation"),
        semconv.EVALUATION_MODEL: row.get(f"{name}.model"),
        semconv.EVALUATION_STATUS: "scored" if value is not None else _status(reason),
    }
    return SpanRecord(
        trace_id=answer.trace_id,
        span_id=evaluation_span_id(answer.trace_id, answer.span_id, name, version),
        name=f"evaluate {name}",
        start_ns=answer.end_ns,
        end_ns=answer.end_ns,
        parent_id=answer.span_id,
        attributes={key: entry for key, entry in said.items() if entry is not None},
        scope="groundwire.evaluation",
        resource=answer.resource,
    )


def _status(reason: str) -> str:
    return reason if reason.startswith("failed") else f"skipped: {reason}"


def _message(role: str, content: str) -> str:
    return to_json([{"role": role, "parts": [{"type": "text", "content": content}]}])


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or value is None or value == "":
        return None
    number = float(value)
    return number if number == number and abs(number) != float("inf") else None
