"""Does a value of 0.8 mean that 8 of 10 are good? Bins of the value, and the strip that shows them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from groundwire.agreement.figures import Booleans, Numbers

_STRIP = 41


@dataclass(frozen=True, slots=True)
class Bin:
    """Rows whose values lie in [low, high), the last bin including 1."""

    low: float
    high: float
    n: int
    mean: float
    """Of the values."""
    good: float
    """Share of rows that people found good."""


def reliability(values: Numbers, good: Booleans, bins: int = 10) -> tuple[Bin, ...]:
    """The bins of `ece` that hold a row, lowest first. Values of shape (n,), in [0, 1]."""
    place = np.minimum((values * bins).astype(int), bins - 1)
    found: list[Bin] = []
    for b in range(bins):
        inside = place == b
        if n := int(inside.sum()):
            mean, share = float(values[inside].mean()), float(good[inside].mean())
            found.append(Bin(b / bins, (b + 1) / bins, n, mean, share))
    return tuple(found)


def strips(bins: Sequence[Bin]) -> list[str]:
    """One line a bin, 70 characters wide: `|` is the mean value, `o` the share of good rows, `#` both."""
    lines = [f"{'value':<9} {'rows':>6}  {'mean':>5} {'good':>5}  0{'0.5':^39}1"]
    for b in bins:
        cells = ["·"] * _STRIP
        mean, good = (round(x * (_STRIP - 1)) for x in (b.mean, b.good))
        for at in range(min(mean, good), max(mean, good)):
            cells[at] = "-"
        cells[mean], cells[good] = "|", "o"
        if mean == good:
            cells[mean] = "#"
        lines.append(f"{b.low:.1f} - {b.high:.1f} {b.n:>6}  {b.mean:.3f} {b.good:.3f}  {''.join(cells)}")
    return lines
