"""Figures of runs as people read them: values, changes with their sign, intervals."""

import re

from groundwire.agreement.figures import Interval
from groundwire.comparing.difference import Difference
from groundwire.comparing.measures import Unit
from groundwire.figures import milliseconds, price


def quantity(value: float | None, unit: Unit) -> str:
    """A value with its unit; `n/a` where it is not known.

    >>> quantity(0.8123, "score"), quantity(0.00123, "usd"), quantity(None, "ms"), quantity(0.12, "share")
    ('0.812', '$0.0012', 'n/a', '12.0 %')
    """
    if value is None:
        return "n/a"
    if value < 0:
        return f"-{quantity(-value, unit)}"
    match unit:
        case "usd":
            return price(value)
        case "ms":
            return milliseconds(value)
        case "share":
            return f"{value:.1%}".replace("%", " %")
        case "tokens" | "characters" | "count":
            return f"{value:.1f}" if value < 99.95 else f"{value:.0f}" if value < 99_999.5 else f"{value / 1000:.0f}k"
        case _:
            return f"{value:.3f}"


def change(value: float | None, unit: Unit) -> str:
    """A difference, always with its sign.

    >>> change(-0.0684, "score"), change(12.0, "ms"), change(0.0, "score"), change(0.05, "share")
    ('-0.068', '+12 ms', '0', '+5.0 pt')
    """
    if value is None:
        return "n/a"
    told = f"{abs(value) * 100:.1f} pt" if unit == "share" else quantity(abs(value), unit)
    return f"{'+' if value > 0 else '-'}{told}" if re.search("[1-9]", told) else "0"  # not -0.000


def percent(share: float) -> str:
    """A change as a share of what it was.

    >>> percent(0.081), percent(-0.5), percent(12.0), percent(0.0)
    ('+8.1 %', '-50.0 %', '+1200 %', '0 %')
    """
    if share == 0:
        return "0 %"
    return f"{share * 100:+.1f} %" if abs(share) < 9.9995 else f"{share * 100:+.0f} %"


def as_share(difference: Difference) -> bool:
    """Whether a change is told as a share of the base: for all but scores, where there is a base to speak of."""
    return difference.unit != "score" and difference.relative is not None


def changed(difference: Difference) -> tuple[str, str]:
    """Change and interval of a difference; `""` where there is no interval."""
    if as_share(difference) and difference.relative is not None:
        interval = difference.relative_interval
        told = "" if interval is None else " to ".join(percent(end).removesuffix(" %") for end in interval) + " %"
        return percent(difference.relative), told
    return change(difference.value, difference.unit), span(difference.interval, difference.unit)


def span(interval: Interval | None, unit: Unit) -> str:
    """An interval of differences; empty where there is none."""
    return "" if interval is None else f"{change(interval[0], unit)} to {change(interval[1], unit)}"


def chance(p: float | None) -> str:
    """A p value.

    >>> chance(0.0312), chance(0.0002), chance(None)
    ('0.031', '<.001', '')
    """
    return "" if p is None else "<.001" if p < 0.001 else f"{p:.3f}"


def level(alpha: float) -> str:
    """Level of an interval.

    >>> level(0.05), level(0.001)
    ('95 %', '99.9 %')
    """
    return f"{(1 - alpha) * 100:g} %"
