"""Chains -> scores -> what stands on spans. One road for live and for stored traces."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, replace
from time import perf_counter_ns
from typing import Any

from groundwire import semconv
from groundwire.budget import encodable
from groundwire.model import Evaluation, Evaluator, Evidence, Failed, RagChain, Score, Skipped, SpanRecord

_EVIDENCE_LIMIT = 64 * 1024


def score(chains: Iterable[RagChain], evaluators: Sequence[Evaluator]) -> Iterator[Evaluation]:
    """Every evaluator on every chain, in order. An evaluator that raises gives `Failed` and stops nothing."""
    for chain in chains:
        for evaluator in evaluators:
            yield evaluate(chain, evaluator)


def evaluate(chain: RagChain, evaluator: Evaluator) -> Evaluation:
    """One evaluator on one chain; never raises an `Exception`."""
    started = perf_counter_ns()
    result: Score | Skipped | Failed
    threshold: Any = None
    try:
        result = evaluator.evaluate(chain)
        threshold = getattr(evaluator, "threshold", None)
        if not isinstance(result, Score | Skipped):
            result = Failed("TypeError", f"evaluate() returned {type(result).__name__}, not Score or Skipped")
    except Exception as error:
        result = Failed(type(error).__qualname__, str(error)[:500])
    duration_ms = (perf_counter_ns() - started) / 1e6
    limit = float(threshold) if isinstance(threshold, int | float) else None
    return Evaluation(chain, evaluator.name, evaluator.version, result, duration_ms, limit)


def status_of(result: Score | Skipped | Failed) -> str:
    """`scored`, `skipped: <reason>` or `failed: <error type>`."""
    if isinstance(result, Score):
        return "scored"
    return f"skipped: {result.reason}" if isinstance(result, Skipped) else f"failed: {result.error_type}"


def score_attributes(evaluations: Sequence[Evaluation], *, content: bool = True) -> dict[str, Any]:
    """What goes onto the answer span.

    Args:
        evaluations: outcomes for this answer.
        content: whether explanations, which quote the answer, may leave the process.
    """
    attributes: dict[str, Any] = {}
    for evaluation in evaluations:
        prefix = f"{semconv.EVALUATION}.{evaluation.name}"
        result = evaluation.result
        if isinstance(result, Score):
            attributes[f"{prefix}.score.value"] = result.value
            attributes[f"{prefix}.score.label"] = result.label
            if content and result.explanation:
                attributes[f"{prefix}.explanation"] = encodable(result.explanation)
        else:
            attributes[f"groundwire.evaluation.{evaluation.name}.status"] = status_of(result)
    if evaluations:
        outcomes = {type(e.result) for e in evaluations}
        done = Score in outcomes
        attributes[semconv.EVALUATION_STATUS] = "scored" if done else status_of(evaluations[0].result)
    return attributes


def scored(answer: SpanRecord, evaluations: Sequence[Evaluation], *, content: bool = True) -> SpanRecord:
    """The answer span with its scores on it; earlier scores of the same evaluators are replaced."""
    names = {e.name for e in evaluations}
    kept = {
        key: value
        for key, value in answer.attributes.items()
        if not any(key.startswith((f"{semconv.EVALUATION}.{n}.", f"groundwire.evaluation.{n}.")) for n in names)
    }
    return replace(answer, attributes={**kept, **score_attributes(evaluations, content=content)})


def evaluation_span_id(trace_id: str, span_id: str, name: str, version: str) -> str:
    """16 hex digits derived from answer span, evaluator and version: scoring again writes the same span."""
    import hashlib  # brings OpenSSL along: no need for it at import

    digest = hashlib.sha256(f"{trace_id}/{span_id}/{name}/{version}".encode()).hexdigest()[:16]
    return digest if int(digest, 16) else "0000000000000001"


def evaluation_attributes(evaluation: Evaluation, *, content: bool = True) -> dict[str, Any]:
    """Attributes of an `evaluate <name>` span: the exact keys of the conventions, then ours."""
    result = evaluation.result
    attributes: dict[str, Any] = {
        semconv.OPERATION: semconv.EVALUATE,
        semconv.SPAN_KIND: "EVALUATOR",
        semconv.EVALUATION_NAME: evaluation.name,
        semconv.EVALUATION_VERSION: evaluation.version,
        semconv.EVALUATION_STATUS: status_of(result),
    }
    if isinstance(result, Score):
        attributes[semconv.EVALUATION_VALUE] = result.value
        attributes[semconv.EVALUATION_LABEL] = result.label
        if result.passed is not None:
            attributes[semconv.EVALUATION_PASSED] = result.passed
        if evaluation.threshold is not None:
            attributes[semconv.EVALUATION_THRESHOLD] = float(evaluation.threshold)
        attributes.update(_judging(result))
        if content and result.explanation:
            attributes[semconv.EVALUATION_EXPLANATION] = encodable(result.explanation)
        if result.details:
            attributes[semconv.EVALUATION_DETAILS] = semconv.dumps(dict(result.details))
        if result.evidence:
            attributes[semconv.EVALUATION_EVIDENCE] = evidence_json(result.evidence, content=content)
    elif isinstance(result, Failed):
        attributes[semconv.ERROR_TYPE] = result.error_type
    return attributes


def _judging(result: Score) -> dict[str, Any]:
    """What judged, and what that took. Not `gen_ai.usage.*`: backends would add it to the application's own tokens."""
    figures = {
        semconv.EVALUATION_MODEL: result.model,
        semconv.EVALUATION_INPUT_TOKENS: result.usage.input_tokens if result.usage else None,
        semconv.EVALUATION_OUTPUT_TOKENS: result.usage.output_tokens if result.usage else None,
        semconv.EVALUATION_COST: result.cost_usd,
    }
    return {key: value for key, value in figures.items() if value is not None}


def evaluation_record(evaluation: Evaluation, answer: SpanRecord, *, content: bool = True) -> SpanRecord:
    """The `evaluate <name>` child span of the answer. Its times say nothing: it starts where the answer ended."""
    result = evaluation.result
    return SpanRecord(
        trace_id=answer.trace_id,
        span_id=evaluation_span_id(answer.trace_id, answer.span_id, evaluation.name, evaluation.version),
        parent_id=answer.span_id,
        name=f"evaluate {evaluation.name}",
        start_ns=answer.end_ns,
        end_ns=answer.end_ns,
        status="error" if isinstance(result, Failed) else "unset",
        status_message=result.message if isinstance(result, Failed) else "",
        attributes=evaluation_attributes(evaluation, content=content),
        scope="groundwire.evaluation",
        resource=answer.resource,
    )


def evidence_json(evidence: Sequence[Evidence], *, content: bool) -> str:
    """Evidence as a JSON list; without the texts where content may not leave, and cut to whole entries if long."""
    rows: list[dict[str, Any]] = []
    for entry in evidence:
        row: dict[str, Any] = {
            "text": entry.text,
            "start": entry.start,
            "end": entry.end,
            "verdict": entry.verdict,
            "probability": round(entry.probability, 4),
            "passage": entry.passage,
            "passage_start": entry.passage_start,
            "passage_end": entry.passage_end,
            "flaws": [asdict(flaw) for flaw in entry.flaws],
        }
        if not content:
            del row["text"]
        rows.append({key: value for key, value in row.items() if value is not None and value != []})
    text = semconv.dumps(rows)
    while len(text) > _EVIDENCE_LIMIT and len(rows) > 1:
        rows = rows[: len(rows) // 2]
        text = semconv.dumps(rows)
    return text
