"""Metrics of deepeval that judge one answer."""

import copy
import inspect
import os
import re
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from groundwire.coroutines import completed
from groundwire.errors import ConfigurationError
from groundwire.model import RagChain, Score, Skipped, Usage
from groundwire_evaluators.adapters.library import require

_PARTS = {
    "input": "no_question", "actual_output": "empty_answer", "retrieval_context": "no_passages",
    "context": "no_passages", "expected_output": "no_reference",
}  # fmt: skip
"""What a metric may ask of a test case, and what a chain without it is skipped for."""


@dataclass(frozen=True, slots=True, eq=False)
class DeepEvalMetric:
    """A metric object of deepeval 4 as an evaluator; the model in it is yours, and so are its calls.

    The answer becomes an `LLMTestCase`: question, answer, the passages that the model saw (as `retrieval_context` and
    as `context`), and the reference as the expected output. What the metric requires and a chain lacks is `Skipped`
    (`no_question`, `empty_answer`, `no_passages`, `no_reference`). Score, reason, threshold, judge, tokens and cost
    are the metric's own: in deepeval 4 a higher score is better in all of its metrics.

    A metric object remembers its last verdict; each judgement has a copy of its own, so threads do not meet. Deepeval
    reports its use to its makers; this turns that off, unless `DEEPEVAL_TELEMETRY_OPT_OUT` is set to say otherwise.
    """

    metric: Any
    name: str = ""
    """By default `deepeval_` and the metric's own name in lower case, so that it can run beside ours."""
    version: str = ""
    """By default that of deepeval."""

    def __post_init__(self) -> None:
        require("deepeval", "deepeval", "DeepEvalMetric")
        metric: Any = self.metric
        if isinstance(metric, type) or not hasattr(metric, "a_measure") or not hasattr(metric, "_required_params"):
            raise ConfigurationError(f"DeepEvalMetric wants a metric object with a_measure, got {metric!r:.200}")
        strange = [part for part in _required(metric) if part not in _PARTS]
        if strange:
            raise ConfigurationError(
                f"{type(metric).__name__} requires {', '.join(strange)}, which an answer does not have"
            )
        os.environ.setdefault("DEEPEVAL_TELEMETRY_OPT_OUT", "1")
        if not self.name:
            object.__setattr__(self, "name", f"deepeval_{_spoken(metric)}")
        if not self.version:
            from importlib.metadata import version

            object.__setattr__(self, "version", version("deepeval"))

    @property
    def threshold(self) -> float | None:
        """The metric's own: lower values do not pass; None where it only measures."""
        limit: float | None = self.metric.threshold
        return limit

    def evaluate(self, chain: RagChain, /) -> Score | Skipped:
        """Have a copy of the metric judge one chain, on a loop of our own unless it has `async_mode=False`.

        Raises:
            Exception: whatever the metric raised.
            ValueError: its score is outside [0, 1].
        """
        texts = [p.text for p in chain.context] or None
        parts: dict[str, Any] = {
            "input": chain.question or None,
            "actual_output": chain.answer if chain.answer.strip() else None,
            "retrieval_context": texts,
            "context": texts,
            "expected_output": chain.reference,
        }
        for part in _required(self.metric):
            if parts[part] is None:
                return Skipped(_PARTS[part])
        case: Any = import_module("deepeval.test_case").LLMTestCase(**{**parts, "input": parts["input"] or ""})
        judge: Any = copy.copy(self.metric)
        if judge.async_mode:
            completed(judge.a_measure(case, **_quiet(judge.a_measure)))
        else:
            judge.measure(case, **_quiet(judge.measure))
        return _score(judge)


def _score(judge: Any) -> Score | Skipped:
    if judge.error is not None or judge.score is None:
        if judge.skipped:
            return Skipped("not_applicable", str(judge.reason or "deepeval skipped it"))
        raise ValueError(f"deepeval gave no score: {judge.error or judge.reason}")
    value = float(judge.score)
    passed: bool | None = judge.is_successful()
    usage = None
    if judge.input_tokens or judge.output_tokens:
        usage = Usage(judge.input_tokens, judge.output_tokens)
    return Score(
        value, "fail" if passed is False else "pass" if passed else "measured", judge.reason or "", passed=passed,
        model=judge.evaluation_model, usage=usage, cost_usd=judge.evaluation_cost or None,
    )  # fmt: skip


def _required(metric: Any) -> list[str]:
    """Names of the parts of a test case that a metric cannot do without."""
    found: Any = metric._required_params  # the only place where a metric tells
    return [str(getattr(part, "value", part)) for part in found] if isinstance(found, list | tuple) else []


def _quiet(measure: Any) -> dict[str, bool]:
    """Metrics of the library draw a progress bar, unless told not to; those of users need not know that."""
    parameters = inspect.signature(measure).parameters
    return {"_show_indicator": False} if "_show_indicator" in parameters else {}


def _spoken(metric: Any) -> str:
    """Its name as a part of a span attribute: `Answer Relevancy` is `answer_relevancy`."""
    told = re.sub(r"\W+", "_", str(getattr(metric, "__name__", type(metric).__name__)).lower())
    return told.strip("_")
