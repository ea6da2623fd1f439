"""Bootstrap intervals of means over independent questions or requests: seeded, so that equal runs give equal gates."""

from statistics import NormalDist

import numpy as np

from groundwire.agreement.figures import Interval, Numbers
from groundwire.agreement.resampling import SEED

LEAST = 5
"""Fewer values than this get no interval, whatever `min_n` says: five differences of one sign have p = .06."""
_CELLS = 20_000_000
"""Rows drawn in all: some 0.2 s. Large samples need fewer draws, their means vary little."""
_CHUNK = 2_000_000


def draws_for(n: int) -> int:
    """Resamples for n rows: 10,000, fewer from 2,000 rows on, never below 2,000."""
    return min(10_000, max(2_000, _CELLS // max(1, n)))


def drawn_sums(columns: Numbers, draws: int, seed: int = SEED) -> Numbers:
    """Sums of columns over rows drawn with replacement, as many as there are; all columns see the same rows.

    Args:
        columns: Shape (n > 0, k), no NaN.
        draws: Number of resamples.
        seed: Of the generator: equal seeds give equal sums.

    Returns:
        Shape (draws, k).
    """
    n = len(columns)
    rng = np.random.default_rng(seed)
    at_once = max(1, _CHUNK // n)
    sums: list[Numbers] = []
    for start in range(0, draws, at_once):
        size = min(at_once, draws - start)
        rows = rng.integers(n, size=(size, n)) + np.arange(size)[:, None] * n
        counts = np.bincount(rows.ravel(), minlength=size * n).reshape(size, n)
        sums.append(counts.astype(float) @ columns)  # as integers it would not be a BLAS product
    return np.concatenate(sums)


def ends(drawn: Numbers, n: int, alpha: float) -> Interval | None:
    """The interval of level 1 - alpha from values drawn by bootstrap over n rows.

    Percentiles, moved outwards as a t interval is wider than a normal one and a variance over n smaller than one over
    n - 1: without that, intervals of few values are too narrow ("expanded percentile interval", Hesterberg 2015, What
    Teachers Should Know About the Bootstrap, section 5.4). The level of the tails is
    Phi(-sqrt(n / (n - 1)) * t(1 - alpha / 2, n - 1)).

    Args:
        drawn: Shape (draws,); NaN where a resample has no value.
        n: Rows that each resample was drawn from.
        alpha: Chance, in (0, 1), that the truth lies outside: half of it on each side.

    Returns:
        None for fewer than `LEAST` rows, or where more than half of the draws have no value.
    """
    known = drawn[np.isfinite(drawn)]
    if n < LEAST or 2 * len(known) < len(drawn):
        return None
    tail = NormalDist().cdf(-((n / (n - 1)) ** 0.5) * _student(1 - alpha / 2, n - 1))
    low, high = np.quantile(known, [tail, 1 - tail])
    return float(low), float(high)


def _student(level: float, freedom: int) -> float:
    """Quantile of Student's t by its expansion around the normal (Abramowitz and Stegun 26.7.5): 3 digits from 4 on."""
    z = NormalDist().inv_cdf(level)
    return (
        z
        + (z**3 + z) / (4 * freedom)
        + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * freedom**2)
        + (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / (384 * freedom**3)
        + (79 * z**9 + 776 * z**7 + 1482 * z**5 - 1920 * z**3 - 945 * z) / (92160 * freedom**4)
    )
