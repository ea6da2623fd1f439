"""Two evaluators on the same rows: which is better, and whether the rows suffice to say so."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from groundwire.agreement.figures import Interval
from groundwire.agreement.judged import Judged
from groundwire.agreement.measured import Figures
from groundwire.agreement.resampling import middle, resamples

_DRAWS = 1000


@dataclass(frozen=True, slots=True)
class Difference:
    """A figure of one evaluator less that of another, on the same rows."""

    one: float | None
    other: float | None
    interval: Interval | None
    """95 % of the difference; None where it is not defined in half of the resamples."""

    @property
    def value(self) -> float | None:
        """One less other."""
        return None if self.one is None or self.other is None else self.one - self.other

    @property
    def excludes_zero(self) -> bool | None:
        """Whether the interval lies on one side of 0: None where there is no interval."""
        return None if self.interval is None else not self.interval[0] <= 0 <= self.interval[1]


@dataclass(frozen=True, slots=True)
class Comparison:
    """Differences by figure: `auc`, `f1`, `balanced_accuracy`, `kappa`, `span_f1`, `map`, where defined for both."""

    one: str
    other: str
    n: int
    sources: int
    differences: Mapping[str, Difference]
    same_verdict: float | None
    """Share of rows on which both flag or both pass."""

    def as_json(self) -> dict[str, Any]:
        """Ready for `json.dumps`."""
        return {
            "one": self.one, "other": self.other, "n": self.n, "sources": self.sources,
            "same_verdict": self.same_verdict,
            "differences": {
                name: {
                    "one": d.one, "other": d.other, "difference": d.value,
                    "interval": list(d.interval) if d.interval else None, "excludes_zero": d.excludes_zero,
                }
                for name, d in self.differences.items()
            },
        }  # fmt: skip


def compare(one: Judged, other: Judged, names: Sequence[str] | None = None) -> Comparison:
    """Paired bootstrap by source: each resample is drawn once and both evaluators are measured on it.

    What is hard for both cancels out, so the interval is much narrower than two separate ones suggest (Efron and
    Tibshirani 1993, chapter 16, for the pairing; sources are drawn, not rows).

    Args:
        one: An evaluator's outcomes.
        other: Another's, on the same rows in the same order.
        names: What to call the two; by default names and versions.

    Raises:
        ValueError: the rows are not the same.
    """
    if [(r.file, r.line, r.answer) for r in one.rows] != [(r.file, r.line, r.answer) for r in other.rows]:
        raise ValueError(f"{one.evaluator} and {other.evaluator} were not judged on the same rows")
    if not np.array_equal(one.good, other.good):
        raise ValueError(f"{one.evaluator} and {other.evaluator} were compared with different labels")
    a, b = Figures(one), Figures(other)
    everything = np.arange(len(one.rows))
    ones, others = a(everything), b(everything)
    drawn: dict[str, list[float]] = {name: [] for name in ones}
    draws = 0
    for indices in resamples(one.sources, _DRAWS):
        draws += 1
        left, right = a(indices), b(indices)
        for name in drawn:
            x, z = left[name], right[name]
            if x is not None and z is not None:
                drawn[name].append(x - z)
    differences = {
        name: Difference(ones[name], others[name], middle(d) if draws and len(d) * 2 >= draws else None)
        for name, d in drawn.items()
        if ones[name] is not None and others[name] is not None
    }
    called = names or [f"{j.evaluator} v{j.version}" for j in (one, other)]
    both = one.has_verdicts and other.has_verdicts
    same = float((one.flagged == other.flagged).mean()) if both else None
    return Comparison(called[0], called[1], len(one.rows), len(set(one.sources)), differences, same)
