"""Two-sample Kolmogorov-Smirnov test: could both samples be of one distribution?"""

from math import comb, exp, log, sqrt

import numpy as np

from groundwire.agreement.figures import Numbers
from groundwire.agreement.resampling import SEED

_EXACT = 250_000
"""Up to so many pairs (n * m) the distribution is counted."""
_MOST_DISTINCT = 1_000
_DRAWS = 10_000
_DRAWN_CELLS = 5_000_000
_ROUNDING = 1e-12


def ks_statistic(one: Numbers, other: Numbers) -> float:
    """The largest distance between the two cumulative distributions, in [0, 1]."""
    values = np.concatenate([one, other])
    below = [np.searchsorted(np.sort(v), values, side="right") / len(v) for v in (one, other)]
    return float(np.abs(below[0] - below[1]).max())


def ks_p(one: Numbers, other: Numbers, seed: int = SEED) -> float:
    """The chance of so large a distance, or a larger one, if both are of one distribution.

    Counted exactly for small samples without equal values; for large ones by Kolmogorov's distribution with Stephens'
    correction (1970). Where values are equal, as in shares and counts, both would be too large: then the samples are
    mixed anew, seeded, up to 1,000 different values; beyond that p is on the safe side.

    Args:
        one: Shape (n > 0,), no NaN.
        other: Shape (m > 0,).
        seed: Of the draws.
    """
    distance = ks_statistic(one, other)
    values, counts = np.unique(np.concatenate([one, other]), return_counts=True)
    n, m = len(one), len(other)
    if len(values) == n + m:
        return _exact(distance, n, m) if n * m <= _EXACT else _asymptotic(distance, n, m)
    if len(values) <= _MOST_DISTINCT:
        return _mixed(distance, counts, n, seed)
    return _asymptotic(distance, n, m)


def _exact(distance: float, n: int, m: int) -> float:
    """One less the share of orders of all values in which the distance stays smaller (Hodges 1957).

    An order is a path from (0, 0) to (n, m); `paths[j]` counts those to (i, j) that never come too far from the
    diagonal, row by row, over a power of e to keep them finite.
    """
    limit = distance - _ROUNDING
    places = np.arange(m + 1) / m
    paths = np.where(places < limit, 1.0, 0.0)
    scale = 0.0
    for i in range(1, n + 1):
        inside = np.abs(places - i / n) < limit
        paths = np.where(inside, np.cumsum(np.where(inside, paths, 0.0)), 0.0)
        largest = float(paths.max())
        if largest == 0:
            return 1.0
        paths /= largest
        scale += log(largest)
    share = exp(log(paths[m]) + scale - log(comb(n + m, n))) if paths[m] > 0 else 0.0
    return float(min(1.0, max(0.0, 1 - share)))


def _mixed(distance: float, counts: "np.ndarray[tuple[int], np.dtype[np.intp]]", n: int, seed: int) -> float:
    """By drawing which of the values, with their repeats, are of the first sample."""
    total = int(counts.sum())
    rng = np.random.default_rng(seed)
    draws = max(1_000, min(_DRAWS, _DRAWN_CELLS // len(counts)))
    drawn = rng.multivariate_hypergeometric(counts, n, size=draws, method="marginals")
    first = np.cumsum(drawn, axis=1)
    both = np.cumsum(counts)[None, :]
    distances = np.abs(first / n - (both - first) / (total - n)).max(axis=1)
    return float((1 + (distances >= distance - _ROUNDING).sum()) / (1 + draws))


def _asymptotic(distance: float, n: int, m: int) -> float:
    size = sqrt(n * m / (n + m))
    x = (size + 0.12 + 0.11 / size) * distance
    if x < 0.2:
        return 1.0  # the series needs ever more terms there, and is 1 in every digit
    terms = (2 * (-1) ** (k - 1) * exp(-2 * (k * x) ** 2) for k in range(1, 101))
    return float(min(1.0, max(0.0, sum(terms))))
