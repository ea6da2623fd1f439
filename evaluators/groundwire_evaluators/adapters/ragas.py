"""Metrics of ragas that judge one answer."""

import inspect
import math
import os
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Literal, TypeAlias

from groundwire.coroutines import completed
from groundwire.errors import ConfigurationError
from groundwire.model import RagChain, Score, Skipped
from groundwire.outcomes import outcome
from groundwire_evaluators.adapters.library import require

Better: TypeAlias = Literal["higher", "lower"]
_MISSING = {
    "user_input": "no_question", "response": "empty_answer", "retrieved_contexts": "no_passages",
    "reference": "no_reference",
}  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class RagasMetric:
    """A metric object of ragas 0.4 as an evaluator; the LLM and the embeddings in it are yours, and so are their calls.

    Both kinds are taken: those of `ragas.metrics.collections`, which have `ascore`, and the older ones with
    `single_turn_ascore`. Of the answer they get `user_input`, `response`, `retrieved_contexts` (texts of the passages
    that the model saw) and `reference`, as far as they ask for them. What a chain lacks is `Skipped` (`no_question`,
    `no_passages`, `no_reference`, `empty_answer`), and so is NaN, by which ragas says that it found nothing to judge
    or could not read its judge: `nothing_checkable`.

    A metric for which lower is better (noise sensitivity) is turned round with `better="lower"`: the value is then
    1 - x, and x stands in the details. One with another range than [0, 1] names it in `scale`.

    Ragas reports its use to its makers; this turns that off, unless `RAGAS_DO_NOT_TRACK` is set to say otherwise.
    """

    metric: Any
    threshold: float = 0.5
    """Lower values do not pass."""
    name: str = ""
    """By default `ragas_` and the metric's own name, so that it can run beside ours."""
    version: str = ""
    """By default that of ragas."""
    better: Better = "higher"
    scale: tuple[float, float] = (0.0, 1.0)
    labels: tuple[str, ...] = ()
    """From the worst to the best, for a metric that gives labels."""

    def __post_init__(self) -> None:
        require("ragas", "ragas", "RagasMetric")
        metric: Any = self.metric
        if isinstance(metric, type) or not (hasattr(metric, "ascore") or hasattr(metric, "single_turn_ascore")):
            raise ConfigurationError(
                f"RagasMetric wants a metric object with ascore or single_turn_ascore, got {metric!r:.200}"
            )
        strange = [part for part, required in _asked(metric).items() if required and part not in _MISSING]
        if strange:
            raise ConfigurationError(
                f"{type(metric).__name__} asks for {', '.join(strange)}, which an answer does not have"
            )
        os.environ.setdefault("RAGAS_DO_NOT_TRACK", "true")
        if not self.name:
            object.__setattr__(self, "name", f"ragas_{metric.name}")
        if not self.version:
            from importlib.metadata import version

            object.__setattr__(self, "version", version("ragas"))

    def evaluate(self, chain: RagChain, /) -> Score | Skipped:
        """Have the metric judge one chain, on a loop of our own; as many calls as it makes.

        Raises:
            Exception: whatever the metric raised.
            ValueError: its value is outside `scale`.
            TypeError: its value is a label, and there are no `labels`.
        """
        parts: dict[str, Any] = {
            "user_input": chain.question or None,
            "response": chain.answer if chain.answer.strip() else None,
            "retrieved_contexts": [p.text for p in chain.context] or None,
            "reference": chain.reference,
        }
        asked = _asked(self.metric)
        for part, required in asked.items():
            if required and parts[part] is None:
                return Skipped(_MISSING[part])
        given = {part: parts[part] for part in asked if parts.get(part) is not None}
        if hasattr(self.metric, "ascore"):
            result: Any = completed(self.metric.ascore(**given))
        else:
            sample: Any = import_module("ragas.dataset_schema").SingleTurnSample(**given)
            result = completed(self.metric.single_turn_ascore(sample))
        return self._score(getattr(result, "value", result), getattr(result, "reason", None) or "")

    def _score(self, value: Any, reason: str) -> Score | Skipped:
        if isinstance(value, str):
            if not self.labels:
                raise TypeError(f"ragas gave the label {value!r}; give labels= from the worst to the best")
            return outcome((value, reason), labels=self.labels, threshold=self.threshold)
        number = float(value)
        if math.isnan(number):
            return Skipped("nothing_checkable", "ragas gave NaN")
        low, high = self.scale
        if not low <= number <= high:
            raise ValueError(f"ragas gave {number!r}, outside {low} to {high}; give scale=")
        share = (number - low) / (high - low)
        good = 1.0 - share if self.better == "lower" else share
        passed = good >= self.threshold
        return Score(
            good, "pass" if passed else "fail", reason, details={"ragas": number},
            passed=passed, model=_judge(self.metric),
        )  # fmt: skip


def _asked(metric: Any) -> Mapping[str, bool]:
    """Columns that a metric asks for, and whether it must have them."""
    if hasattr(metric, "ascore"):
        found = list(inspect.signature(metric.ascore).parameters.values())
        named = {p.name: p.default is p.empty for p in found if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)}
        any_name = any(p.kind is p.VAR_KEYWORD for p in found)
        return {**dict.fromkeys(_MISSING, False), **named} if any_name else named
    columns: Mapping[str, set[str]] = metric.required_columns
    names = columns.get("SINGLE_TURN", set())
    return {name.removesuffix(":optional"): not name.endswith(":optional") for name in sorted(names)}


def _judge(metric: Any) -> str | None:
    """Name of the model that judges, where the metric tells."""
    found: Any = getattr(metric, "llm", None)
    for step in ("model", "model_name"):
        if isinstance(name := getattr(found, step, None), str):
            return name
    return None
