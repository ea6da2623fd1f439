"""What a function said about an answer, as a `Score`: True, 0.7, "polite", a pair with an explanation, or nothing."""

from collections.abc import Sequence
from typing import Any

from groundwire.model import Score, Skipped

NOT_APPLICABLE = Skipped("not_applicable")
"""A function that returns None has nothing to say about this answer."""


def outcome(returned: Any, *, labels: Sequence[str], threshold: float) -> Score | Skipped:
    """What a function returned, as a score.

    >>> outcome(True, labels=("rude", "polite"), threshold=0.5)
    Score(value=1.0, label='polite', explanation='', evidence=(), details=mappingproxy({}), passed=True, model=None, \
usage=None, cost_usd=None)
    >>> outcome((0.25, "two insults"), labels=("rude", "polite"), threshold=0.5).explanation
    'two insults'
    >>> outcome("fair", labels=("poor", "fair", "good"), threshold=0.5).value
    0.5
    >>> outcome(None, labels=("rude", "polite"), threshold=0.5).reason
    'not_applicable'

    Args:
        returned: a bool, a number in [0, 1], one of the labels, a pair of one of these and an explanation, a finished
            `Score` or `Skipped`, or None.
        labels: from the worst to the best. A label's value is its place in them, 0 for the first and 1 for the last.
        threshold: lower values do not pass. Of two labels it decides; of more, each has an equal part of [0, 1].

    Raises:
        TypeError: it is none of these.
        ValueError: a number outside [0, 1], or a text that is no label.
    """
    if isinstance(returned, Score | Skipped):
        return returned
    if returned is None:
        return NOT_APPLICABLE
    explanation = ""
    if isinstance(returned, tuple):
        returned, explanation = _pair(returned)
    if isinstance(returned, str):
        return _labelled(returned, explanation, labels, threshold)
    value = _number(returned)
    return Score(value, _label(value, labels, threshold), explanation, passed=value >= threshold)


def _pair(returned: tuple[Any, ...]) -> tuple[Any, str]:
    if len(returned) != 2 or not isinstance(returned[1], str | None):
        raise TypeError(f"returned a tuple of {_kinds(returned)}; a tuple is (value, explanation)")
    if returned[0] is None or isinstance(returned[0], tuple | Score | Skipped):
        raise TypeError(f"returned {type(returned[0]).__name__} with an explanation; {_WOULD_DO}")
    return returned[0], returned[1] or ""


def _labelled(label: str, explanation: str, labels: Sequence[str], threshold: float) -> Score:
    if label not in labels:
        known = ", ".join(map(repr, labels))
        raise ValueError(f"returned {label[:100]!r}, which is none of its labels, from worst to best: {known}")
    value = labels.index(label) / (len(labels) - 1)
    return Score(value, label, explanation, passed=value >= threshold)


def _number(returned: Any) -> float:
    # A scalar of numpy or torch is a bool or a number in all but name.
    plain = returned.item() if getattr(returned, "shape", None) == () and hasattr(returned, "item") else returned
    if not isinstance(plain, bool | int | float):
        raise TypeError(f"returned {type(returned).__name__}; {_WOULD_DO}")
    if not 0 <= plain <= 1:  # also NaN
        raise ValueError(f"returned {plain!r}; a value is in [0, 1] and higher is better")
    return float(plain)


def _label(value: float, labels: Sequence[str], threshold: float) -> str:
    if len(labels) == 2:
        return labels[value >= threshold]
    return labels[min(int(value * len(labels)), len(labels) - 1)]


def _kinds(returned: tuple[Any, ...]) -> str:
    return "(" + ", ".join(type(part).__name__ for part in returned[:5]) + ")"


_WOULD_DO = "a bool, a number in [0, 1], a label, a pair (value, explanation), Score, Skipped or None would do"
