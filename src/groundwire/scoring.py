"""Chains -> scores -> what stands on spans. One road for live and for stored traces."""

import logging
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import islice
from time import perf_counter_ns
from typing import Any

from groundwire import semconv
from groundwire.budget import encodable, to_json
from groundwire.model import (
    BatchEvaluator,
    Evaluation,
    Evaluator,
    Evidence,
    Failed,
    RagChain,
    Score,
    Skipped,
    SpanRecord,
)
from groundwire.untraced import untraced

_log = logging.getLogger(__name__)

_EVIDENCE_LIMIT = 64 * 1024
_BATCH = 32
"""Chains handed to `evaluate_many`: enough to fill a model or a rate limit, little to lose."""


def score(chains: Iterable[RagChain], evaluators: Sequence[Evaluator]) -> Iterator[Evaluation]:
    """Every evaluator on every chain, in order. An evaluator that raises gives `Failed` and stops nothing.

    Chains are taken one by one as their evaluations are asked for; thirty-two at a time if an evaluator has
    `evaluate_many`.
    """
    remaining = iter(chains)
    size = _BATCH if any(isinstance(evaluator, BatchEvaluator) for evaluator in evaluators) else 1
    while batch := list(islice(remaining, size)):
        columns = [evaluate_many(batch, evaluator) for evaluator in evaluators]
        for row in zip(*columns, strict=True):
            yield from row


def evaluate_many(chains: Sequence[RagChain], evaluator: Evaluator) -> list[Evaluation]:
    """One evaluator on some chains, at once where it can do that; never raises an `Exception`.

    A batch that breaks, or has not one outcome for each chain, is judged again chain by chain: one of them may be at
    fault, and the others are not. Each chain's time is an equal share of its batch's.
    """
    if len(chains) < 2 or not isinstance(evaluator, BatchEvaluator):
        return [evaluate(chain, evaluator) for chain in chains]
    started = perf_counter_ns()
    try:
        with untraced():
            results = list(evaluator.evaluate_many(tuple(chains)))
        if len(results) != len(chains):
            raise ValueError(f"evaluate_many() returned {len(results)} outcomes for {len(chains)} chains")
        duration_ms = (perf_counter_ns() - started) / 1e6 / len(chains)
        return [_evaluation(c, evaluator, r, duration_ms) for c, r in zip(chains, results, strict=True)]
    except Exception as error:
        _log.warning("evaluator %s broke on a batch and judges its chains one by one: %s", evaluator.name, error)
        return [evaluate(chain, evaluator) for chain in chains]


def evaluate(chain: RagChain, evaluator: Evaluator) -> Evaluation:
    """One evaluator on one chain; never raises an `Exception`."""
    started = perf_counter_ns()
    result: Any
    try:
        with untraced():
            result = evaluator.evaluate(chain)
    except Exception as error:
        result = error
    return _evaluation(chain, evaluator, result, (perf_counter_ns() - started) / 1e6)


def _evaluation(chain: RagChain, evaluator: Evaluator, result: Any, duration_ms: float) -> Evaluation:
    limit: float | None = None
    try:
        threshold: Any = getattr(evaluator, "threshold", None)
        limit = float(threshold) if isinstance(threshold, int | float) else None
    except Exception as error:  # a property of somebody else's
        result = error
    if isinstance(result, Exception):
        result = Failed(type(result).__qualname__, str(result)[:500])
    elif not isinstance(result, Score | Skipped):
        result = Failed("TypeError", f"evaluate() returned {type(result).__name__}, not Score or Skipped")
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
            attributes[semconv.EVALUATION_DETAILS] = to_json(dict(result.details))
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
            "flaws": [{"start": f.start, "end": f.end, "reason": f.reason} for f in entry.flaws],
        }
        if not content:
            del row["text"]
        rows.append({key: value for key, value in row.items() if value is not None and value != []})
    text = to_json(rows)
    while len(text) > _EVIDENCE_LIMIT and len(rows) > 1:
        rows = rows[: len(rows) // 2]
        text = to_json(rows)
    return text
