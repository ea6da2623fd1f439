"""What `groundwire score` did, as a table and as JSON."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from groundwire.cli.reading import as_json as problems_json
from groundwire.figures import plural
from groundwire.model import Evaluation, Failed, Score, Skipped
from groundwire.terminal import inert
from groundwire.traces import Problem


@dataclass(slots=True)
class Figures:
    """What one evaluator did."""

    version: str = ""
    values: list[float] = field(default_factory=list[float])
    below: int = 0
    """Scores that did not pass the evaluator's own threshold."""
    skipped: Counter[str] = field(default_factory=Counter[str])
    failed: Counter[str] = field(default_factory=Counter[str])
    first_error: str = ""

    @property
    def mean(self) -> float | None:
        """Of the scores; None where there are none."""
        return sum(self.values) / len(self.values) if self.values else None


@dataclass(slots=True)
class Summary:
    """What `score` did."""

    source: str
    spans: int
    traces: int
    rejected: Counter[Any]
    problems: Sequence[Problem]
    answers: int = 0
    evaluators: dict[str, Figures] = field(default_factory=dict[str, Figures])
    written: int = 0
    unchanged: int = 0
    written_to: str | None = None

    def add(self, evaluations: Sequence[Evaluation]) -> None:
        """Count the judgements of one answer."""
        self.answers += 1
        for evaluation in evaluations:
            figures = self.evaluators.setdefault(evaluation.name, Figures(evaluation.version))
            match evaluation.result:
                case Score() as result:
                    figures.values.append(result.value)
                    figures.below += result.passed is False
                case Skipped() as result:
                    figures.skipped[result.reason] += 1
                case Failed() as result:
                    figures.failed[result.error_type] += 1
                    figures.first_error = figures.first_error or f"{result.error_type}: {result.message}"

    @property
    def incomplete(self) -> bool:
        """Whether something could not be read or judged."""
        return bool(self.problems) or any(f.failed for f in self.evaluators.values())

    def lines(self) -> list[str]:
        """A table, and what became of the rest."""
        width = max([len("evaluator"), *map(len, self.evaluators)])
        lines = [f"{'evaluator':<{width}}  {'scored':>6}  {'mean':>5}  {'failed':>6}  not scored"]
        for name, figures in self.evaluators.items():
            mean = "" if figures.mean is None else f"{figures.mean:.2f}"
            missing = [f"{count} {reason.replace('_', ' ')}" for reason, count in figures.skipped.most_common()]
            missing += [f"{count} broke ({error})" for error, count in figures.failed.most_common()]
            row = f"{name:<{width}}  {len(figures.values):>6}  {mean:>5}  {figures.below:>6}  {', '.join(missing)}"
            lines.append(row.rstrip())
        answers, traces = plural("answer", self.answers), plural("trace", self.traces)
        lines.append(f"\n{self.answers} {answers} in {self.traces} {traces}, {self.spans} spans")
        lines += [f"{name} broke: {inert(f.first_error)[:200]}" for name, f in self.evaluators.items() if f.failed]
        if self.rejected:
            why = ", ".join(f"{count} {reason.replace('_', ' ')}" for reason, count in self.rejected.most_common())
            lines.append(f"{self.rejected.total()} other chat calls are no RAG answers: {why}")
        if self.written_to is None:
            lines.append(f"nothing was written; next: groundwire score {self.source} -o scored.jsonl")
        else:
            kept = f", {self.unchanged} were there already" if self.unchanged else ""
            lines.append(f"{self.written} evaluate spans written to {self.written_to}{kept}")
            if "://" not in self.written_to and self.written_to != "standard output":
                lines.append(f"next: groundwire show {self.written_to}")
        return lines

    def as_json(self) -> dict[str, Any]:
        """The same, ready for `json.dumps`."""
        return {
            "source": self.source,
            "spans": self.spans,
            "traces": self.traces,
            "answers": self.answers,
            "not_answers": dict(self.rejected),
            "evaluators": {
                name: {
                    "version": f.version,
                    "scored": len(f.values),
                    "mean": f.mean,
                    "below_threshold": f.below,
                    "skipped": dict(f.skipped),
                    "failed": dict(f.failed),
                    "first_error": f.first_error or None,
                }
                for name, f in self.evaluators.items()
            },
            "written": None
            if self.written_to is None
            else {"to": self.written_to, "evaluate_spans": self.written, "unchanged": self.unchanged},
            "complete": not self.incomplete,
            "problems": problems_json(self.problems),
        }
