"""Numbers out of what spans hold: a score or a cost that is no finite number is unknown."""

from math import isfinite
from typing import Any


def finite(value: Any) -> float | None:
    """The number as a float; None for anything else, NaN, infinity and integers that no float can hold too."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return float(value) if isfinite(value) else None
    except OverflowError:
        return None
