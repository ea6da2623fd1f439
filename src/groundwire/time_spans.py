"""Lengths of time as users write them: `90m`, `24h`, `7d`."""

import re

_UNITS_S = {"s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800}
_SPAN = re.compile(r"(\d+(?:\.\d+)?)([smhdw])")
_WHOLE = re.compile(r"(\d{1,6})([smhdw])")


def seconds(text: str) -> float | None:
    """The length in seconds; None where it is none.

    >>> seconds("90m"), seconds("1.5h"), seconds("soon")
    (5400.0, 5400.0, None)
    """
    match = _SPAN.fullmatch(text.strip())
    return None if match is None else float(match[1]) * _UNITS_S[match[2]]


def whole_seconds(text: str) -> int | None:
    """The same for whole numbers of at most six digits, as trace stores are asked by."""
    match = _WHOLE.fullmatch(text.strip())
    return None if match is None else int(match[1]) * _UNITS_S[match[2]]
