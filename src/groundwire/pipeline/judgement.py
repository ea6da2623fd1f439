"""Judgements as they are stored: an `evaluate` span can be read back, and need not be made again.

The key of a judgement is (trace, span, evaluator, version): it names the span. A judgement that broke, or that was not
made for lack of budget, is no judgement.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from groundwire import semconv
from groundwire.checks import is_evaluation
from groundwire.model import Evaluation, Evaluator, Failed, RagChain, Score, Skipped, SpanRecord, Usage
from groundwire.scoring import evaluation_record, evaluation_span_id, scored

_PASSING = frozenset({"budget"})
"""Reasons to skip an answer that another run may not have."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """An outcome and the span that tells it."""

    evaluation: Evaluation
    record: SpanRecord
    found: bool = False
    """It was in the source or in the journal, and nothing was asked for it now."""

    @property
    def stands(self) -> bool:
        """Whether it need not be made again."""
        result = self.evaluation.result
        return not isinstance(result, Failed) and not (isinstance(result, Skipped) and result.reason in _PASSING)


def judged(evaluation: Evaluation, answer: SpanRecord) -> Judgement:
    """A new one."""
    return Judgement(evaluation, evaluation_record(evaluation, answer))


def stored(record: SpanRecord | None, chain: RagChain, evaluator: Evaluator) -> Judgement | None:
    """One that was stored; None where it is none, or must be made again."""
    if record is None or not is_evaluation(record) or record.parent_id != chain.span_id:
        return None
    attributes = record.attributes
    if (attributes.get(semconv.EVALUATION_NAME), attributes.get(semconv.EVALUATION_VERSION)) != (
        evaluator.name,
        evaluator.version,
    ):
        return None
    result = _result(record)
    if result is None:
        return None
    limit = attributes.get(semconv.EVALUATION_THRESHOLD)
    evaluation = Evaluation(
        chain, evaluator.name, evaluator.version, result, threshold=limit if isinstance(limit, int | float) else None
    )
    found = Judgement(evaluation, record, found=True)
    return found if found.stands else None


def same(before: SpanRecord | None, after: SpanRecord) -> bool:
    """Whether a stored judgement says what the new one says; how long it took does not matter."""
    if before is None:
        return False
    said = {key: value for key, value in after.attributes.items() if key != semconv.EVALUATION_DURATION}
    return all(before.attributes.get(key) == value for key, value in said.items())


def with_scores(answer: SpanRecord, judgements: Sequence[Judgement]) -> SpanRecord:
    """The answer span with what was judged on it."""
    return scored(answer, [j.evaluation for j in judgements])


def place_of(chain: RagChain, evaluator: Evaluator) -> str:
    """Id of the span that tells this evaluator's outcome."""
    return evaluation_span_id(chain.trace_id, chain.span_id, evaluator.name, evaluator.version)


def digest(chain: RagChain) -> str:
    """16 hex digits of what evaluators read of a chain: what was said of other words does not hold for these."""
    hashed = hashlib.blake2b(digest_size=8)
    for text in (chain.question, chain.answer, chain.reference, chain.model, str(chain.refused)):
        hashed.update(b"\0" if text is None else text.encode(errors="surrogatepass") + b"\1")
    for passage in chain.passages:
        ranks = f"{passage.id}\2{passage.in_prompt}{passage.retrieved_rank}{passage.prompt_rank}\3"
        hashed.update((passage.text + ranks).encode(errors="surrogatepass"))
    return hashed.hexdigest()


def _result(record: SpanRecord) -> Score | Skipped | Failed | None:
    attributes = record.attributes
    value = attributes.get(semconv.EVALUATION_VALUE)
    status = str(attributes.get(semconv.EVALUATION_STATUS) or "")
    if isinstance(value, int | float) and not isinstance(value, bool):
        if not 0.0 <= value <= 1.0:
            return None
        passed: Any = attributes.get(semconv.EVALUATION_PASSED)
        cost: Any = attributes.get(semconv.EVALUATION_COST)
        return Score(
            float(value),
            str(attributes.get(semconv.EVALUATION_LABEL) or ""),
            str(attributes.get(semconv.EVALUATION_EXPLANATION) or ""),
            passed=passed if isinstance(passed, bool) else None,
            model=_text(attributes.get(semconv.EVALUATION_MODEL)),
            usage=_usage(record),
            cost_usd=float(cost) if isinstance(cost, int | float) else None,
        )
    kind, _, reason = status.partition(": ")
    if kind == "skipped" and reason:
        return Skipped(reason)
    return Failed(reason or "unknown", record.status_message) if kind == "failed" else None


def _usage(record: SpanRecord) -> Usage | None:
    given = record.attributes.get(semconv.EVALUATION_INPUT_TOKENS)
    made = record.attributes.get(semconv.EVALUATION_OUTPUT_TOKENS)
    if not isinstance(given, int) and not isinstance(made, int):
        return None
    return Usage(given if isinstance(given, int) else None, made if isinstance(made, int) else None)


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None
