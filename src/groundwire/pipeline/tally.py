"""What a run did, counted: by bucket, and added up."""

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from groundwire.model import Failed, Score, Skipped
from groundwire.pipeline.judgement import Judgement


@dataclass(slots=True)
class Figures:
    """What one evaluator did."""

    version: str = ""
    scored: int = 0
    total: float = 0.0
    """Sum of the scores."""
    passed: int = 0
    """Scores that passed the evaluator's own threshold."""
    below: int = 0
    """Scores that did not."""
    under: Counter[float] = field(default_factory=Counter[float])
    """How many scores were below each of the minimums that gates ask about."""
    skipped: Counter[str] = field(default_factory=Counter[str])
    failed: Counter[str] = field(default_factory=Counter[str])
    first_error: str = ""

    @property
    def mean(self) -> float | None:
        """Of the scores; None where there are none."""
        return self.total / self.scored if self.scored else None

    @property
    def answers(self) -> int:
        """Answers that it was asked about."""
        return self.scored + self.skipped.total() + self.failed.total()


@dataclass(slots=True)
class Planned:
    """What one evaluator would do."""

    answers: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    usd: float | None = 0.0
    """None: no price is known."""
    asks_a_model: bool = False


@dataclass(slots=True)
class Tally:
    """What was done with some spans. Tallies of buckets are added in the order of the buckets."""

    spans: int = 0
    repeated: int = 0
    """Spans that came more than once: the last one counts."""
    unmatched: int = 0
    """Log records of no span."""
    traces: int = 0
    answers: int = 0
    """Answers that were chosen, and have at least one judgement, or would have."""
    left: Counter[str] = field(default_factory=Counter[str])
    """RAG answers that were not scored, by what left them out: `where`, `sample`, `since`, `until`, `limit`, or what
    stopped the run."""
    rejected: Counter[str] = field(default_factory=Counter[str])
    """Chat calls that are no RAG answers, by reason."""
    evaluators: dict[str, Figures] = field(default_factory=dict[str, Figures])
    planned: dict[str, Planned] = field(default_factory=dict[str, Planned])
    written: int = 0
    """New `evaluate` spans."""
    unchanged: int = 0
    """Judgements that were in the source already."""
    resumed: int = 0
    """Judgements that an earlier, broken-off run had made."""
    usd: float = 0.0
    """What the judgements cost that were made now or by the run that was broken off."""

    def count(self, judgements: Sequence[Judgement], minimums: dict[str, tuple[float, ...]]) -> None:
        """Count the judgements of one answer."""
        self.answers += 1
        for judgement in judgements:
            evaluation = judgement.evaluation
            figures = self.evaluators.setdefault(evaluation.name, Figures(evaluation.version))
            match evaluation.result:
                case Score() as result:
                    figures.scored += 1
                    figures.total += result.value
                    figures.passed += result.passed is True
                    figures.below += result.passed is False
                    for minimum in minimums.get(evaluation.name, ()):
                        figures.under[minimum] += result.value < minimum
                case Skipped() as result:
                    figures.skipped[result.reason] += 1
                case Failed() as result:
                    figures.failed[result.error_type] += 1
                    figures.first_error = figures.first_error or f"{result.error_type}: {result.message}"

    @property
    def broke(self) -> int:
        """Judgements that broke."""
        return sum(f.failed.total() for f in self.evaluators.values())

    @property
    def scored(self) -> int:
        """Scores, of all evaluators."""
        return sum(f.scored for f in self.evaluators.values())


def added(tallies: Iterable[Tally]) -> Tally:
    """The sum. Sums of scores are exact, so the order of the buckets does not show."""
    found = list(tallies)
    total = Tally()
    sums: dict[str, list[float]] = {}
    for one in found:
        for name in ("spans", "repeated", "unmatched", "traces", "answers", "written", "unchanged", "resumed"):
            setattr(total, name, getattr(total, name) + getattr(one, name))
        total.left += one.left
        total.rejected += one.rejected
        for name, figures in one.evaluators.items():
            into = total.evaluators.setdefault(name, Figures(figures.version))
            into.scored += figures.scored
            into.passed += figures.passed
            into.below += figures.below
            into.under.update(figures.under)
            into.skipped += figures.skipped
            into.failed += figures.failed
            into.first_error = into.first_error or figures.first_error
            sums.setdefault(name, []).append(figures.total)
        for name, plan in one.planned.items():
            _add_plan(total.planned.setdefault(name, Planned()), plan)
    for name, values in sums.items():
        total.evaluators[name].total = math.fsum(values)
    total.usd = math.fsum(one.usd for one in found)
    return total


def _add_plan(into: Planned, plan: Planned) -> None:
    into.answers += plan.answers
    into.input_tokens += plan.input_tokens
    into.output_tokens += plan.output_tokens
    into.usd = None if into.usd is None or plan.usd is None else into.usd + plan.usd
    into.asks_a_model = into.asks_a_model or plan.asks_a_model
