"""Could a difference be chance? Permutation tests, and what several of them at once are worth."""

from collections.abc import Sequence
from statistics import NormalDist

import numpy as np

from groundwire.agreement.figures import Numbers
from groundwire.agreement.resampling import SEED
from groundwire.comparing.intervals import draws_for

_EXACT = 16
"""Up to so many differences that are not 0 all assignments of signs are counted: 32,768 by symmetry."""
_MOST_PERMUTED = 20_000
_CHUNK = 2_000_000
_TIE = 1e-9
"""Sums within this share of the observed one are the same sum: rounding must not decide."""


def sign_flip_p(differences: Numbers, seed: int = SEED) -> float:
    """Two-sided p of paired differences, under the hypothesis that each might as well have had the other sign.

    Exact for up to 16 differences that are not 0 (a difference of 0 has no sign); beyond that from 2,000 to 10,000
    seeded draws, as (1 + as extreme) / (1 + draws), which is never 0 (Phipson and Smyth 2010).

    Args:
        differences: Shape (n,), no NaN. Empty, or all 0: p is 1.
        seed: Of the draws.
    """
    moved = differences[differences != 0]
    n = len(moved)
    if not n:
        return 1.0
    total = float(moved.sum())
    observed = abs(total)
    enough = observed - _TIE * float(np.abs(moved).sum())
    if n <= _EXACT:
        bits = (np.arange(2 ** (n - 1))[:, None] >> np.arange(n)) & 1  # the last sign stays: the test is two-sided
        sums = (1 - 2 * bits) @ moved
        return float((np.abs(sums) >= enough).mean())
    rng = np.random.default_rng(seed)
    draws, hits = draws_for(n), 0
    at_once = max(1, _CHUNK // n)
    for start in range(0, draws, at_once):
        flips = rng.integers(2, size=(min(at_once, draws - start), n), dtype=np.int8).astype(float)
        hits += int((np.abs(total - 2 * (flips @ moved)) >= enough).sum())
    return (1 + hits) / (1 + draws)


def two_sample_p(one: Numbers, other: Numbers, seed: int = SEED) -> float:
    """Two-sided p of a difference of means between two independent samples, by drawing who belongs to which.

    From 20,000 values on Welch's statistic against the normal distribution, which is the same there.

    Args:
        one: Shape (n > 1,), no NaN.
        other: Shape (m > 1,), no NaN.
        seed: Of the draws.
    """
    pooled = np.concatenate([one, other])
    n, total = len(one), len(pooled)
    observed = abs(float(one.mean() - other.mean()))
    if total > _MOST_PERMUTED:
        error = float(np.sqrt(one.var(ddof=1) / n + other.var(ddof=1) / len(other)))
        return 1.0 if observed == 0 else 2 * NormalDist().cdf(-observed / error) if error else 0.0
    enough = observed - _TIE * max(1e-300, float(np.abs(pooled).max()))
    rng = np.random.default_rng(seed)
    draws, hits, everything = draws_for(total), 0, float(pooled.sum())
    at_once = max(1, _CHUNK // total)
    for start in range(0, draws, at_once):
        size = min(at_once, draws - start)
        shuffled = rng.permuted(np.broadcast_to(pooled, (size, total)), axis=1)
        sums = shuffled[:, :n].sum(axis=1)
        hits += int((np.abs(sums / n - (everything - sums) / (total - n)) >= enough).sum())
    return (1 + hits) / (1 + draws)


def holm(ps: Sequence[float | None]) -> list[float | None]:
    """Each p corrected for having looked at all of them (Holm 1979); None stays None and does not count.

    The chance that any of them falls below alpha, where nothing differs at all, is at most alpha.

    >>> holm([0.01, None, 0.04, 0.03])
    [0.03, None, 0.06, 0.06]
    """
    order = sorted((p, i) for i, p in enumerate(ps) if p is not None)
    corrected: list[float | None] = [None] * len(ps)
    least = 0.0
    for rank, (p, place) in enumerate(order):
        least = max(least, min(1.0, p * (len(order) - rank)))
        corrected[place] = least
    return corrected
