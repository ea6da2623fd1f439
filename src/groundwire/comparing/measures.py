"""What is measured on an answer, or on the request that it belongs to. None: not known, and never taken for 0."""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal, TypeAlias

from groundwire.answers import Answer
from groundwire.trace import Trace

Better: TypeAlias = Literal["higher", "lower", "neither"]
_LARGEST = 1e100
"""What is larger is no measurement, and its square no number."""
Unit: TypeAlias = Literal["score", "usd", "ms", "tokens", "characters", "count", "share", ""]


@dataclass(frozen=True, slots=True)
class Measure:
    """One figure of an answer."""

    name: str
    unit: Unit
    better: Better
    read: Callable[[Answer], float | None]
    per_request: bool = False
    """Of the whole request: it counts once, however many answers the request gave."""

    def of(self, answer: Answer) -> float | None:
        """The figure; None where it is not known, no finite number, or nothing that can be: a cost below 0."""
        value = self.read(answer)
        if value is None or not math.isfinite(value) or abs(value) > _LARGEST or (value < 0 and self.unit != "score"):
            return None
        return float(value)


def score(name: str) -> Measure:
    """The value of an evaluator, in [0, 1]; higher is better."""
    return Measure(_NAMED_LIKE_OURS.get(name, name), "score", "higher", lambda answer: answer.score(name))


def score_names(answers: Iterable[Answer]) -> list[str]:
    """Evaluators that gave at least one of these answers a value; faithfulness first, then by name."""
    names = {name for answer in answers for name, check in answer.checks.items() if check.value is not None}
    return sorted(names, key=lambda name: (name != "faithfulness", name))


def cost(trace: Trace) -> float | None:
    """USD of a request; None where no price is known, or that of a chat call is not while others' are.

    A total without the dearest call would make a model without a price look cheap.
    """
    calls = [stage for stage in trace.calls if stage.call is not None and not stage.is_error]
    known = any(stage.cost_usd is not None for stage in calls)
    unknown = any(stage.cost_usd is None and stage.call is not None and stage.call.kind == "chat" for stage in calls)
    return None if known and unknown else trace.cost_usd


def tokens(trace: Trace, side: Literal["input", "output"]) -> float | None:
    """Tokens of a request, summed over its innermost calls; None where a chat call does not say."""
    total: int | None = None
    for stage in trace.calls:
        if stage.call is None or stage.is_error or stage.call.kind not in ("chat", "embeddings"):
            continue
        usage = stage.call.usage
        count = None if usage is None else usage.input_tokens if side == "input" else usage.output_tokens
        if count is not None:
            total = (total or 0) + count
        elif stage.call.kind == "chat":
            return None
    return total


COST = Measure("cost", "usd", "lower", lambda answer: cost(answer.trace), per_request=True)
LATENCY = Measure("latency", "ms", "lower", lambda answer: answer.duration_ms, per_request=True)
INPUT_TOKENS = Measure("input_tokens", "tokens", "lower", lambda answer: tokens(answer.trace, "input"), True)
OUTPUT_TOKENS = Measure("output_tokens", "tokens", "lower", lambda answer: tokens(answer.trace, "output"), True)
RESOURCES = (COST, LATENCY, INPUT_TOKENS, OUTPUT_TOKENS)
"""What an answer takes: less is better."""
_NAMED_LIKE_OURS = {measure.name: f"score.{measure.name}" for measure in RESOURCES}
