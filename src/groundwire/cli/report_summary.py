"""What `groundwire report` wrote, as lines and as JSON."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from groundwire.cli.quantities import changed
from groundwire.cli.reading import as_json as problems_json
from groundwire.comparing import Comparison, Run
from groundwire.figures import plural
from groundwire.report import Listing
from groundwire.report.figures import figures, verdicts
from groundwire.terminal import cut, inert
from groundwire.trace import Verdict
from groundwire.traces import Problem

_SAID: Mapping[Verdict, str] = {
    "failed": "failed a check", "error": "ended in an error", "doubtful": "passed with unsupported sentences",
    "not_scored": "not scored", "passed": "passed", "unchecked": "without checks",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Summary:
    """What was written."""

    told: Listing
    runs: Sequence[Run]
    """The run that is told of last; before it the one that it is compared with."""
    out: str
    size: int
    """Bytes."""
    limit: int
    """Answers listed at most."""
    comparison: Comparison | None
    problems: Sequence[Problem]

    @property
    def incomplete(self) -> bool:
        """Whether something could not be read or judged."""
        return bool(self.problems) or any(run.broke for run in self.runs)

    def lines(self) -> list[str]:
        """Where it is, what it opens on, what changed."""
        number = len(self.told.entries)
        counts = verdicts(self.told.entries)
        parts = [f"{number} {plural('answer', number)}", *(f"{counts[v]} {_SAID[v]}" for v in _SAID if v in counts)]
        first = self.told.entries[0]
        question = " ".join((first.answer.question or first.answer.chain.answer or "(no text recorded)").split())
        place = "the report" if self.out == "-" else inert(self.out)
        lines = [
            f"{place}: {', '.join(parts)} ({self.size / 1e6:.1f} MB)",
            cut(inert(f"opens on {first.key[:8]}: {question[:400]}"), 80, "…"),
        ]
        if self.limit < number:
            lines.append(f"the {self.limit} worst are listed, figures are over all; --limit {number} lists all")
        if self.comparison is not None:
            lines += self._changes(self.comparison)
        lines += [
            f"{inert(name)} broke on {count} {plural('answer', count)}"
            for run in self.runs
            for name, count in run.broke.items()
        ]
        return lines

    @staticmethod
    def _changes(comparison: Comparison) -> list[str]:
        told = [d for d in comparison.differences if d.trend in ("worse", "better")]
        lines = [f"{d.trend}: {inert(d.name)} {', '.join(part for part in changed(d) if part)}" for d in told]
        if not comparison.paired:
            lines.append("no question pairs: the runs are compared as two independent sets")
        lines += [f"{inert(name)} is not compared: {inert(why)}" for name, why in comparison.refused.items()]
        few = [d for d in comparison.differences if d.unit == "score" and d.interval is None and min(d.n)]
        lines += [f"{inert(d.name)} {changed(d)[0]} over {min(d.n)} questions: too few to tell more" for d in few]
        return lines or ["nothing changed clearly"]

    def as_json(self) -> dict[str, Any]:
        """The same, ready for `json.dumps`."""
        evaluators = figures(self.told, ())["evaluators"]
        return {
            "out": self.out,
            "bytes": self.size,
            "source": self.told.source,
            "base": None if self.comparison is None else self.comparison.base.name,
            "answers": len(self.told.entries),
            "listed": min(self.limit, len(self.told.entries)),
            "requests": self.told.requests,
            "without_answer": self.told.other,
            "verdicts": verdicts(self.told.entries),
            "worst": self.told.entries[0].key,
            "evaluators": {
                e["name"]: {key: e[key] for key in ("scored", "mean", "failed", "not_scored_total")} for e in evaluators
            },
            "scored_now": {run.name: dict(run.scored_now) for run in self.runs},
            "broke": {run.name: dict(run.broke) for run in self.runs},
            "differences": None if self.comparison is None else [d.as_json() for d in self.comparison.differences],
            "complete": not self.incomplete,
            "problems": problems_json(self.problems),
        }
