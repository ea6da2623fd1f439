"""Population stability index: how far the shape of one sample is from that of another.

    PSI = sum over bins of (q - p) * ln(q / p)

with p and q the shares of a bin. Of two normal distributions with equal spread it is the square of their distance in
standard deviations: .1 is a shift by .32 of them, .25 by .5. That is where the usual words come from (Siddiqi 2006):
below .1 nothing much, from .25 on a large change.

Without any drift it is not 0: with B bins and n and m values (B - 1) * (1/n + 1/m) are to be expected, since times
1 / (1/n + 1/m) it has a chi-squared distribution with B - 1 degrees of freedom (Yurdakul and Naranjo 2020). With 100
and 100 values and ten bins that is .18, more than "moderate" by pure chance. It is taken off here, and named beside.
"""

from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from groundwire.agreement.figures import Interval, Numbers
from groundwire.agreement.resampling import SEED

MOST_BINS = 10
_LEAST_IN_BIN = 10
"""Of the smaller sample, on average: fewer make the index a measure of chance."""
_SMOOTHING = 0.5
"""Added to every count, so that a bin that is empty in one sample has a logarithm (Haldane's correction)."""
_DRAWS = 4000
Counts: TypeAlias = npt.NDArray[np.integer[Any]]


@dataclass(frozen=True, slots=True)
class Psi:
    """The index of two samples."""

    raw: float
    """As defined, from smoothed counts."""
    expected: float
    """What it would be on average if nothing had drifted."""
    interval: Interval
    """Of the value; its lower end is 0 where no drift is as good an explanation."""
    bins: int

    @property
    def value(self) -> float:
        """Less what is expected by chance; never below 0."""
        return max(0.0, self.raw - self.expected)


def psi(one: Numbers, other: Numbers, alpha: float = 0.05, seed: int = SEED) -> Psi:
    """The index of two samples of at least two values each, with a bootstrap interval of level 1 - alpha.

    Args:
        one: Shape (n,), no NaN.
        other: Shape (m,).
        alpha: Chance that the truth lies outside of the interval, half of it on each side.
        seed: Of the draws.
    """
    cuts = _cuts(one, other)
    counts = [np.bincount(np.searchsorted(cuts, v, side="right"), minlength=len(cuts) + 1) for v in (one, other)]
    raw = float(_index(counts[0][None, :], counts[1][None, :])[0])
    expected = len(cuts) * (1 / len(one) + 1 / len(other))
    # Counts of values drawn with replacement are multinomial: no value need be drawn.
    rng = np.random.default_rng(seed)
    drawn = [rng.multinomial(count.sum(), count / count.sum(), size=_DRAWS) for count in counts]
    # A resample adds as much chance to the index as the sample has already added to the truth.
    low, high = np.quantile(_index(drawn[0], drawn[1]) - 2 * expected, [alpha / 2, 1 - alpha / 2])
    return Psi(raw, expected, (max(0.0, float(low)), max(0.0, float(high))), len(cuts) + 1)


def _cuts(one: Numbers, other: Numbers) -> Numbers:
    """Where a bin ends and the next begins: a value on a cut belongs to the upper bin.

    Few different values are a bin each. Else bins hold equal shares of both samples, each sample counting as much as
    the other: with those of the first alone, as is usual, one without spread would have no bins to drift between.
    """
    pooled = np.concatenate([one, other])
    values = np.unique(pooled)
    bins = min(MOST_BINS, max(2, min(len(one), len(other)) // _LEAST_IN_BIN))
    if len(values) <= bins:
        return values[1:]
    order = np.argsort(pooled, kind="stable")
    weights = np.concatenate([np.full(len(one), 0.5 / len(one)), np.full(len(other), 0.5 / len(other))])[order]
    reached = np.cumsum(weights)
    places = np.searchsorted(reached, np.arange(1, bins) / bins * (1 - 1e-12), side="left")
    cuts = np.unique(pooled[order][np.minimum(places + 1, len(pooled) - 1)])
    inner: Numbers = cuts[cuts > values[0]]
    return inner


def _index(one: Counts, other: Counts) -> Numbers:
    """The index from counts of shape (k, bins) each; shape (k,)."""
    shares = [
        (counts + _SMOOTHING) / (counts.sum(axis=1, keepdims=True) + _SMOOTHING * counts.shape[1])
        for counts in (one, other)
    ]
    index: Numbers = ((shares[1] - shares[0]) * np.log(shares[1] / shares[0])).sum(axis=1)
    return index
