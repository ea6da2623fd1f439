"""Figures of values against labels. None: not defined for these rows."""

from collections.abc import Iterable, Sequence
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Interval: TypeAlias = tuple[float, float]
"""(low, high) of the middle 95 %."""
Spans: TypeAlias = Sequence[tuple[int, int]]
Numbers: TypeAlias = npt.NDArray[np.float64]
Booleans: TypeAlias = npt.NDArray[np.bool_]
Indices: TypeAlias = npt.NDArray[np.intp]


def auc(values: Sequence[float] | Numbers, good: Sequence[bool] | Booleans) -> float | None:
    """Chance that a good row has a higher value than a bad one, ties counting half; None unless both kinds are there.

    >>> auc([0.9, 0.8, 0.3, 0.8], [True, True, False, False])
    0.875
    """
    v, y = np.asarray(values, float), np.asarray(good, bool)
    if not len(v):
        return None
    place = np.unique(v, return_inverse=True)[1]
    return auc_of_places(place, y)


def auc_of_places(place: Indices, good: Booleans) -> float | None:
    """`auc` where the order of the values is known already: `place` 0 is the lowest. Resamples need no sorting then."""
    n_good = int(good.sum())
    n_bad = len(good) - n_good
    if not n_good or not n_bad:
        return None
    size = int(place.max()) + 1
    above = np.bincount(place[good], minlength=size)
    below = np.bincount(place[~good], minlength=size)
    won = (above * (np.cumsum(below) - below / 2)).sum()
    return float(won / (n_good * n_bad))


def f1(flagged: Sequence[bool] | Booleans, bad: Sequence[bool] | Booleans) -> float | None:
    """Harmonic mean of precision and recall for the class `bad`; None where no row is bad.

    >>> f1([True, True, False, False], [True, False, True, False])
    0.5
    """
    p, y = np.asarray(flagged, bool), np.asarray(bad, bool)
    if not y.any():
        return None
    return float(2 * (p & y).sum() / (p.sum() + y.sum()))


def span_f1(found: Iterable[Spans], marked: Iterable[Spans]) -> float | None:
    """F1 over characters, pooled over the answers; overlapping spans count once. None where nothing is marked.

    >>> round(span_f1([[(0, 4)]], [[(2, 6)]]), 2)
    0.5
    """
    return span_f1_of([shared_characters(a, b) for a, b in zip(found, marked, strict=True)])


def shared_characters(found: Spans, marked: Spans) -> tuple[int, int, int]:
    """Characters in both, in `found`, and in `marked`."""
    a, b = ({i for start, end in spans for i in range(start, end)} for spans in (found, marked))
    return len(a & b), len(a), len(b)


def span_f1_of(counts: Sequence[tuple[int, int, int]] | npt.NDArray[np.int64]) -> float | None:
    """F1 of pooled counts, shape (n, 3), as `shared_characters` gives them."""
    if not len(counts):
        return None
    both, found, marked = (int(n) for n in np.asarray(counts).sum(axis=0))
    return 2 * both / (found + marked) if marked else None


def ece(values: Sequence[float] | Numbers, good: Sequence[bool] | Booleans, bins: int = 10) -> float | None:
    """Expected calibration error: mean gap between value and share of good rows, over equally wide bins. None if empty.

    Naeini, Cooper and Hauskrecht 2015, for the value as the chance of being good.

    >>> round(ece([0.9, 0.9, 0.1], [True, False, False]), 3)
    0.3
    """
    v, y = np.asarray(values, float), np.asarray(good, float)
    if not len(v):
        return None
    place = np.minimum((v * bins).astype(int), bins - 1)
    gaps = [
        abs(v[place == b].mean() - y[place == b].mean()) * (place == b).sum() for b in range(bins) if (place == b).any()
    ]
    return float(sum(gaps) / len(v))


def average_precision(values: Sequence[float] | Numbers, good: Sequence[bool] | Booleans) -> float | None:
    """Mean, over the good rows, of the share of good ones down to them, highest value first. None without a good row.

    Equal values have no order: the figure is the mean over all orders of them (McSherry and Najork 2008), so that it
    neither rewards nor punishes a coarse evaluator by the order of the file.

    >>> round(average_precision([0.9, 0.8, 0.7], [True, False, True]), 3)
    0.833
    >>> average_precision([0.5, 0.5], [True, False])
    0.75
    """
    v, y = np.asarray(values, float), np.asarray(good, bool)
    if not y.any():
        return None
    total, rows_above, good_above = 0.0, 0, 0
    for value in np.unique(v)[::-1]:
        tied = v == value
        n, r = int(tied.sum()), int(y[tied].sum())
        if r:
            at = np.arange(n)
            # A good row on place `at` of the tie has (r - 1) / (n - 1) of the places before it good, on average.
            before = at * (r - 1) / (n - 1) if n > 1 else np.zeros(1)
            total += float((r / n * (good_above + 1 + before) / (rows_above + 1 + at)).sum())
        rows_above, good_above = rows_above + n, good_above + r
    return total / int(y.sum())
