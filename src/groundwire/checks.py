"""What spans say about an answer: the scores on it and in its `evaluate` children, whoever wrote them."""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from groundwire import semconv
from groundwire.dialects.gen_ai import kind_of
from groundwire.finite import finite
from groundwire.model import SpanRecord

AnswerKey: TypeAlias = tuple[str, str | None]
"""(trace id, id of the answer span)."""

_PREFIX, _SUFFIX = f"{semconv.EVALUATION}.", ".score.value"
_FAILING = frozenset(
    {"unfaithful", "irrelevant", "fail", "failed", "incorrect", "hallucinated", "unsupported", "false"}
)
_PASSING = frozenset({"faithful", "partly", "relevant", "pass", "passed", "correct", "supported", "true"})


@dataclass(frozen=True, slots=True)
class Check:
    """The outcome of one evaluator on one answer."""

    name: str
    value: float | None = None
    """None: not scored."""
    label: str = ""
    passed: bool | None = None
    """None: not scored, or nobody said what passes."""
    reason: str = ""
    """Why there is no score."""
    explanation: str = ""
    evidence: tuple[Mapping[str, Any], ...] = field(default=(), compare=False)
    threshold: float | None = None
    version: str = ""
    model: str = ""
    """Of the judge; empty where no model was asked."""
    duration_ms: float | None = None
    judged_by: str = ""
    """What judged, as the evaluator says it: `lexical`, `local`, or the model that was asked."""

    @property
    def failed(self) -> bool:
        """Whether it was scored and did not pass."""
        return self.value is not None and self.passed is False

    @property
    def broke(self) -> bool:
        """Whether the evaluator itself failed: not the same as declining with a reason."""
        return self.value is None and self.reason.startswith("failed")

    @property
    def unsupported(self) -> tuple[Mapping[str, Any], ...]:
        """Evidence against the answer: sentences that nothing supports."""
        return tuple(e for e in self.evidence if e.get("verdict") in ("unsupported", "contradicted"))


def is_evaluation(span: SpanRecord) -> bool:
    """Whether a span is the record of a judgement."""
    return kind_of(span.attributes) == "evaluate" or (
        semconv.EVALUATION_NAME in span.attributes and semconv.OUTPUT_MESSAGES not in span.attributes
    )


def checks(spans: Iterable[SpanRecord]) -> dict[AnswerKey, tuple[Check, ...]]:
    """Checks by answer, failed ones first. An `evaluate` span says more than attributes on its answer, so it wins.

    Of several versions of an evaluator the one counts whose score is on the answer; where that does not tell, the
    latest, and at last the highest version.
    """
    found: dict[AnswerKey, dict[str, Check]] = {}
    spans = list(spans)
    for span in spans:
        for check in _on_answer(span):
            found.setdefault((span.trace_id, span.span_id), {})[check.name] = check
    told = {key: {name: check.value for name, check in by_name.items()} for key, by_name in found.items()}
    for span, check in sorted(
        ((span, _of_evaluation(span)) for span in spans if is_evaluation(span)),
        key=lambda pair: (pair[0].end_ns, _natural(pair[1].version), pair[0].span_id),
    ):
        key = (span.trace_id, span.parent_id)
        by_name = found.setdefault(key, {})
        before, value = by_name.get(check.name), told.get(key, {}).get(check.name)
        if before is None or not before.version or value is None or before.value != value or check.value == value:
            by_name[check.name] = check
    return {key: tuple(sorted(by_name.values(), key=_severity)) for key, by_name in found.items()}


def _natural(version: str) -> list[tuple[int, str]]:
    """Sort key under which 10 comes after 9."""
    return [(int(part), "") if part.isdecimal() else (0, part) for part in re.split(r"(\d+)", version[:100])]


def _severity(check: Check) -> tuple[bool, bool, str]:
    return not check.failed, check.value is None, "" if check.name == "faithfulness" else check.name


def _of_evaluation(span: SpanRecord) -> Check:
    attributes = span.attributes
    name = str(attributes.get(semconv.EVALUATION_NAME) or span.name.removeprefix("evaluate ") or "evaluation")
    value = finite(attributes.get(semconv.EVALUATION_VALUE))
    label = str(attributes.get(semconv.EVALUATION_LABEL) or "")
    passed = attributes.get(semconv.EVALUATION_PASSED)
    duration = finite(attributes.get(semconv.EVALUATION_DURATION))
    return Check(
        name=name,
        value=value,
        label=label,
        passed=None if value is None else passed if isinstance(passed, bool) else _verdict(label),
        reason="" if value is not None else _reason(attributes.get(semconv.EVALUATION_STATUS), span),
        explanation=str(attributes.get(semconv.EVALUATION_EXPLANATION) or ""),
        evidence=_evidence(attributes.get(semconv.EVALUATION_EVIDENCE)),
        threshold=finite(attributes.get(semconv.EVALUATION_THRESHOLD)),
        version=str(attributes.get(semconv.EVALUATION_VERSION) or ""),
        model=_model(attributes),
        judged_by=str(attributes.get(semconv.EVALUATION_MODEL) or "") or _model(attributes),
        duration_ms=duration,
    )


def _model(attributes: Mapping[str, Any]) -> str:
    asked = attributes.get(semconv.RESPONSE_MODEL) or attributes.get(semconv.REQUEST_MODEL)
    if not asked and semconv.EVALUATION_INPUT_TOKENS in attributes:
        asked = attributes.get(semconv.EVALUATION_MODEL)
    return str(asked or "")


def _on_answer(span: SpanRecord) -> Iterable[Check]:
    attributes = span.attributes
    for key in attributes:
        if key.startswith(_PREFIX) and key.endswith(_SUFFIX) and len(key) > len(_PREFIX) + len(_SUFFIX):
            name = key[len(_PREFIX) : -len(_SUFFIX)]
            label = str(attributes.get(f"{_PREFIX}{name}.score.label") or "")
            value = finite(attributes[key])
            explanation = str(attributes.get(f"{_PREFIX}{name}.explanation") or "")
            if value is not None:
                yield Check(name, value, label, _verdict(label), explanation=explanation)
        elif key.startswith("groundwire.evaluation.") and key.endswith(".status") and key != semconv.EVALUATION_STATUS:
            name = key.removeprefix("groundwire.evaluation.").removesuffix(".status")
            yield Check(name, reason=_reason(attributes[key], span))


def _verdict(label: str) -> bool | None:
    word = label.lower()
    return True if word in _PASSING else False if word in _FAILING else None


def _reason(status: Any, span: SpanRecord) -> str:
    words = str(status or "").removeprefix("skipped: ").removeprefix("no_chain: ")
    if words.startswith("failed") and span.status_message:
        words += f": {span.status_message}"
    return words or span.status_message or "no value recorded"


def _evidence(value: Any) -> tuple[Mapping[str, Any], ...]:
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            return ()
    if not isinstance(value, Sequence) or isinstance(value, str):
        return ()
    return tuple(entry for entry in value if isinstance(entry, Mapping))
