"""The difference of one figure between two runs: how large, how certain, and for how many questions better or worse."""

import math
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np

from groundwire.agreement.figures import Interval, Numbers
from groundwire.agreement.resampling import SEED
from groundwire.comparing.intervals import drawn_sums, draws_for, ends
from groundwire.comparing.measures import Measure, Unit
from groundwire.comparing.pairing import Column
from groundwire.comparing.significance import sign_flip_p, two_sample_p

Trend: TypeAlias = Literal["worse", "better", "unclear", "same"]
_EQUAL = 1e-9
"""Differences smaller than this share of the values are rounding."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One figure in two runs. Means are over questions; a difference is candidate less base."""

    name: str
    unit: Unit
    better: str
    """`higher` or `lower`."""
    paired: bool
    n: tuple[int, int]
    """Questions with the figure: paired, those that have it in both runs, twice; else of each run."""
    missing: tuple[int, int]
    """Questions of each run (paired: of the pairs) that lack it."""
    lost: int
    """Pairs that have it in the base and lack it in the candidate."""
    means: tuple[float | None, float | None] = (None, None)
    interval: Interval | None = None
    """Of the difference, of level 1 - alpha; None below the least n."""
    relative_interval: Interval | None = None
    """Of the difference over the base's mean; None likewise, and where that mean is not positive."""
    p: float | None = None
    """Two-sided; None below the least n."""
    p_holm: float | None = None
    """Corrected for all figures that were compared."""
    counts: tuple[int, int, int] | None = None
    """Questions that became worse, better, or stayed; None where nothing is paired."""
    alpha: float = 0.05
    """1 less the level of the intervals."""
    constant: bool = False
    """All differences are the same: no spread to be uncertain about, however few they are."""

    @property
    def value(self) -> float | None:
        """Candidate less base."""
        base, candidate = self.means
        return None if base is None or candidate is None else candidate - base

    @property
    def relative(self) -> float | None:
        """The difference as a share of the base's mean; None where that is not positive."""
        base, value = self.means[0], self.value
        share = None if base is None or value is None or base <= 0 else value / base
        return share if share is not None and math.isfinite(share) else None

    @property
    def trend(self) -> Trend:
        """On which side of 0 the interval lies, if the corrected p also says that it is not chance."""
        if self.interval is None:
            return "unclear"
        low, high = self.interval
        if low == high == 0:
            return "same"
        p = self.p if self.p_holm is None else self.p_holm
        if low <= 0 <= high or p is None or p >= self.alpha:
            return "unclear"
        return "better" if (low > 0) == (self.better == "higher") else "worse"

    def as_json(self) -> dict[str, Any]:
        """Ready for `json.dumps`."""
        worse, better, equal = self.counts or (None, None, None)
        return {
            "name": self.name, "unit": self.unit, "direction": self.better, "paired": self.paired,
            "n_base": self.n[0], "n_candidate": self.n[1],
            "missing_base": self.missing[0], "missing_candidate": self.missing[1], "lost": self.lost,
            "base": self.means[0], "candidate": self.means[1], "difference": self.value, "relative": self.relative,
            "interval": list(self.interval) if self.interval else None,
            "relative_interval": list(self.relative_interval) if self.relative_interval else None,
            "p": self.p, "p_holm": self.p_holm, "trend": self.trend, "constant": self.constant,
            "worse": worse, "better": better, "equal": equal,
        }  # fmt: skip


def paired_difference(measure: Measure, base: Column, candidate: Column, *, alpha: float, min_n: int) -> Difference:
    """Compare question by question: what makes a question hard is the same in both runs and cancels out.

    Args:
        measure: What the columns hold.
        base: The figure of each paired question in the first run.
        candidate: The same in the second, in the same order.
        alpha: 1 less the level of the interval.
        min_n: With fewer pairs there is neither interval nor p.
    """
    rows = list(zip(base.values, candidate.values, strict=True))
    both = np.array([(b, c) for b, c in rows if b is not None and c is not None], float).reshape(-1, 2)
    n = len(both)
    missing = (_missing(base), _missing(candidate))
    lost = sum(
        b is not None and c is None and expected for (b, c), expected in zip(rows, candidate.expected, strict=True)
    )
    if not n:
        return Difference(measure.name, measure.unit, measure.better, True, (0, 0), missing, lost)
    moved = _without_rounding(both[:, 1] - both[:, 0], both)
    worse = int((moved < 0).sum() if measure.better == "higher" else (moved > 0).sum())
    equal = int((moved == 0).sum())
    absolute, relative, p = None, None, None
    if n >= min_n:
        sums = drawn_sums(np.column_stack([both[:, 0], moved]), draws_for(n))
        absolute = ends(sums[:, 1] / n, n, alpha)
        relative = _relative(sums[:, 1], sums[:, 0], n, alpha)
        p = sign_flip_p(moved)
    means = (float(both[:, 0].mean()), float(both[:, 1].mean()))
    return Difference(
        measure.name, measure.unit, measure.better, True, (n, n), missing, lost, means, absolute, relative, p,
        counts=(worse, n - worse - equal, equal), alpha=alpha,
        constant=bool(n > 1 and np.ptp(moved) <= _EQUAL * np.abs(both).max()),
    )  # fmt: skip


def unpaired_difference(measure: Measure, base: Column, candidate: Column, *, alpha: float, min_n: int) -> Difference:
    """Compare two independent sets of questions: wider intervals, since hard questions may be in one of them alone."""
    ones, others = (np.array([v for v in column.values if v is not None], float) for column in (base, candidate))
    n = (len(ones), len(others))
    missing = (_missing(base), _missing(candidate))
    if not all(n):
        means = tuple(float(v.mean()) if len(v) else None for v in (ones, others))
        return Difference(measure.name, measure.unit, measure.better, False, n, missing, 0, (means[0], means[1]))
    absolute, relative, p = None, None, None
    if min(n) >= min_n:
        # Two seeds: with one, runs of equal size would draw the same rows of both, and that is no independence.
        draws = max(draws_for(n[0]), draws_for(n[1]))
        first, second = (
            drawn_sums(v[:, None], draws, SEED + i)[:, 0] / len(v) for i, v in enumerate((ones, others))
        )  # fmt: skip
        absolute = ends(second - first, min(n), alpha)
        relative = _relative(second - first, first, min(n), alpha)
        p = two_sample_p(ones, others)
    return Difference(
        measure.name, measure.unit, measure.better, False, n, missing, 0, (float(ones.mean()), float(others.mean())),
        absolute, relative, p, alpha=alpha, constant=bool(np.ptp(ones) == 0 and np.ptp(others) == 0 and min(n) > 1),
    )  # fmt: skip


def _missing(column: Column) -> int:
    return sum(v is None and expected for v, expected in zip(column.values, column.expected, strict=True))


def _without_rounding(moved: Numbers, both: Numbers) -> Numbers:
    """Differences of equal values that only rounding made differ are 0: they would count as better or worse."""
    return np.where(np.abs(moved) <= _EQUAL * np.abs(both).max(axis=1), 0.0, moved)


def _relative(changes: Numbers, bases: Numbers, n: int, alpha: float) -> Interval | None:
    shares = np.full(len(changes), np.nan)
    positive = bases > 0
    with np.errstate(over="ignore"):  # a base next to nothing; `ends` leaves out what is not finite
        shares[positive] = changes[positive] / bases[positive]
    return ends(shares, n, alpha) if positive.all() else None
