"""Figures as people read them: durations, prices, counts."""

from math import floor, log10


def milliseconds(value: float) -> str:
    """A duration in the unit that suits it.

    >>> milliseconds(0.42), milliseconds(186.4), milliseconds(12_340)
    ('0.4 ms', '186 ms', '12.3 s')
    """
    if value < 9.95:
        return f"{value:.1f} ms"
    return f"{value:.0f} ms" if value < 9_999.5 else f"{value / 1000:.1f} s"


def price(usd: float | None) -> str:
    """US dollars with two digits that count, however small; empty where unknown.

    >>> price(0.0000412), price(0.0123), price(3.5), price(0.0)
    ('$0.000041', '$0.012', '$3.50', '$0')
    """
    if usd is None:
        return ""
    if usd <= 0:
        return "$0"
    if usd >= 0.1:
        return f"${usd:.2f}"
    return "$" + f"{usd:.{1 - floor(log10(usd))}f}".rstrip("0")


def count(tokens: int) -> str:
    """A number of tokens, shortened from ten thousand on.

    >>> count(128), count(12_345), count(3_200_000)
    ('128', '12.3k', '3.2M')
    """
    return str(tokens) if tokens < 10_000 else f"{tokens / 1000:.1f}k" if tokens < 1_000_000 else f"{tokens / 1e6:.1f}M"


def plural(word: str, number: int) -> str:
    """The word as it stands after a number."""
    return word if number == 1 else f"{word}s"
