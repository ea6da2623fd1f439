"""Numbers, clock times and measures: read from tokens, and compared the way a reader would compare them."""

import re
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from math import isfinite
from typing import Literal, NamedTuple, TypeAlias

from groundwire_evaluators.numerals import (
    ABOVE,
    BELOW,
    CURRENCIES,
    LOOSELY,
    MAGNITUDES,
    NUMBER_WORDS,
    ORDINALS,
    PARTS,
    SPEEDS,
    UNITS,
    read_fraction,
    read_number_words,
)
from groundwire_evaluators.tokens import Remembered, listed, plain

Hedge: TypeAlias = Literal["", "about", "above", "below"]
_HALF_DAY = 720
_ALIKE = 0.06
"""How far, as a share of it, `about` a number may be from the one meant."""
_BEYOND = 1.5
"""How many times a number something may be to be `over` it, and the other way round `under` it."""
_LONGEST = 40


class Quantity(NamedTuple):
    """One number of a text. Token indices count from the first token that was read."""

    start: int
    """First token."""
    end: int
    """One past the last token, magnitude, unit and half of the day included."""
    value: float | None
    """None for a clock time and for what is no plain number (`3:1`, `1.2.3`)."""
    keys: frozenset[str]
    """Spellings that are equal to it beside the value: minutes since midnight as `t1020`, or the raw text."""
    unit: str = ""
    """`share` for a fraction such as `two thirds`; "" where none is given."""
    step: float = 1.0
    """Half of it is the rounding that the way it is written allows: 0.1 for `2.5`, 1e5 for `2.5 million`."""
    hedge: Hedge = ""
    """How loosely it is meant: `over 100` is `above`."""
    in_words: bool = False
    parts: tuple[float, ...] = ()
    """The numbers of a fraction or date in digits (`4/5`, `3/14/2021`), which may stand apart elsewhere."""


def quantities(raw: Sequence[str], *, ordinals: bool = False) -> list[Quantity]:
    """The numbers among tokens as `tokens.TOKEN` cuts them, in order.

    A lone `one` is left out, and so are ordinals in words unless asked for: they are rarely quantities. Clock times
    without am/pm stand for both halves. Numbers of sources (`Passage 2`) are no quantities.
    """
    kinds = [_KINDS[w] for w in raw]
    if not any(kinds):
        return []
    low = [_LOWER[w] for w in raw]
    low += ("", "", "")  # so that there is a next one
    found: list[Quantity] = []
    past = 0
    for at, kind in enumerate(kinds):
        if kind and at >= past:
            if kind == 1 and low[at + 1] not in _AFTER and low[at - 1] not in _BEFORE and low[at - 2] not in _BEFORE:
                value, step = _PLAIN[low[at]]
                if value is not None:
                    found.append(Quantity(at, at + 1, value, _NO_KEYS, "", step))
                    continue
            item = (
                _digits(low, at) if kind == 1
                else (_in_words(low, at) if kind == 2 else None) or (_ordinal(low, at) if ordinals else None)
            )  # fmt: skip
            if item is not None:
                found.append(item)
                past = item.end
    return found


def _kind(token: str) -> int:
    """1: written in digits; 2: a word that may begin a number; 3: an ordinal; 0: anything else."""
    if token[0].isdecimal() or not token.isascii():
        first = plain(token)[:1]
        if first.isdecimal() and not token[0].isalpha():
            return 1
    low = token.lower()
    if len(low) > 2 and (low in NUMBER_WORDS or low in MAGNITUDES or low in _BEGIN):
        return 2
    return 3 if low in ORDINALS else 0


def _plain_number(text: str) -> tuple[float | None, float]:
    """Value and step of digits that need no look at their neighbours; (None, ...) for all others."""
    return _value(text) if len(text) <= _LONGEST and text.isascii() and _SIMPLE.fullmatch(text) else (None, 1.0)


_SIMPLE = re.compile(r"\d+(?:[.,]\d+)*")
_PLAIN = Remembered(_plain_number)
_LOWER = Remembered(lambda token: plain(token).lower())
_NO_KEYS = frozenset[str]()
_BEGIN = frozenset(listed("half couple noon midnight quarter third"))
_KINDS = Remembered(_kind)
SOURCES = frozenset(listed("passage passages source sources document documents doc docs citation citations"))


def _at(low: Sequence[str], at: int) -> str:
    return low[at] if 0 <= at < len(low) else ""


def _hedge(low: Sequence[str], at: int) -> Hedge:
    for word in (_at(low, at - 1), _at(low, at - 2)):
        if word == "than":
            before = _at(low, at - 2)
            return "above" if before in _MORE else "below" if before in _LESS else ""
        if word in ABOVE:
            return "above"
        if word in BELOW:
            return "below"
        if word in LOOSELY:
            return "about"
    return ""


_MORE = frozenset(listed("more greater higher larger longer older bigger taller"))
_LESS = frozenset(listed("less fewer lower smaller shorter younger"))


def _half_day(low: Sequence[str], at: int) -> tuple[int | None, int]:
    """(0 for am, 720 for pm, None where not said; one past the tokens it took)."""
    word = _at(low, at)
    if word in ("am", "pm"):
        return (0 if word == "am" else _HALF_DAY), at + 1
    if word in ("a", "p") and _at(low, at + 1) == "m":
        return (0 if word == "a" else _HALF_DAY), at + 2
    return None, at


def _clock(hour: int, minute: int, half: int | None, lenient: bool) -> frozenset[str]:
    if half is not None:
        return frozenset({f"t{hour % 12 * 60 + minute + half}"})
    keys = {f"t{hour % 24 * 60 + minute}"}
    if lenient and hour <= 12:
        keys.add(f"t{hour % 12 * 60 + minute + _HALF_DAY}")
    return frozenset(keys)


def _digits(low: Sequence[str], at: int) -> Quantity | None:
    text = low[at]
    if len(text) > _LONGEST or not text.isascii():
        return Quantity(at, at + 1, None, frozenset({text}))
    if text.isdecimal():
        following = _at(low, at + 1)
        if following in _TIME_FOLLOWS and int(text) <= 12:
            half, after = _half_day(low, at + 1)
            if half is not None:
                return Quantity(at, after, None, _clock(int(text), 0, half, lenient=False))
            if following == "o'clock" or _ends_in_half_day(low, at + 1):
                return Quantity(at, at + 1 + (following == "o'clock"), None, _clock(int(text), 0, None, lenient=True))
        if len(text) <= 2 and _at(low, at - 1) in SOURCES:
            return None
        return _measured(low, at, at + 1, float(text), 1.0, in_words=False)
    if ":" in text:
        return _with_colon(low, at)
    if "/" in text:
        return _with_stroke(text, at)
    half, after = _half_day(low, at + 1)
    if half is not None and len(parts := text.split(".")) == 2 and _is_clock(parts):
        return Quantity(at, after, None, _clock(int(parts[0]), int(parts[1]), half, lenient=False))
    value, step = _value(text)
    if value is None:
        return Quantity(at, at + 1, None, frozenset({text}))
    return _measured(low, at, at + 1, value, step, in_words=False)


_TO = frozenset(listed("to until till through and"))
_TIME_FOLLOWS = frozenset(listed("am pm a p o'clock")) | _TO | frozenset(map(str, range(13)))


def _ends_in_half_day(low: Sequence[str], at: int) -> bool:
    """True for the `to 9 pm` in `5 to 9 pm`, and for the `9 pm` in `5-9 pm`."""
    at += _at(low, at) in _TO
    until = _at(low, at)
    return until[:1].isdecimal() and _half_day(low, at + 1)[0] is not None


def _is_clock(parts: Sequence[str]) -> bool:
    return (
        len(parts) >= 2
        and all(p.isdecimal() and len(p) <= 2 for p in parts)
        and int(parts[0]) <= 24
        and int(parts[1]) < 60
    )


def _with_colon(low: Sequence[str], at: int) -> Quantity:
    text = low[at]
    parts = text.split(":")
    if not _is_clock(parts):
        return Quantity(at, at + 1, None, frozenset({text}))
    half, after = _half_day(low, at + 1)
    keys = _clock(int(parts[0]), int(parts[1]), half, lenient=len(parts[1]) == 2)
    return Quantity(at, after, None, keys | {text})


def _with_stroke(text: str, at: int) -> Quantity:
    """A fraction, a date, or two numbers side by side."""
    numbers = [float(p) for p in text.split("/") if p.isdecimal()]
    if len(numbers) == 2 and 0 < numbers[0] < numbers[1] <= 100:
        return Quantity(at, at + 1, numbers[0] / numbers[1], frozenset({text}), "share", 0.01, parts=tuple(numbers))
    if len(numbers) == 3 and numbers[2] < 100:
        numbers[2] += 2000.0 if numbers[2] < 50 else 1900.0
    return Quantity(at, at + 1, None, frozenset({text}), parts=tuple(numbers))


def _value(text: str) -> tuple[float | None, float]:
    if text.count(".") > 1 and all(len(g) == 3 for g in text.split(".")[1:]) and "," not in text:
        text = text.replace(".", ",")  # 1.234.567 as written in much of Europe
    whole, dot, fraction = (
        text.replace(",", "").partition(".") if _is_grouped(text) else text.replace(",", ".").partition(".")
    )
    if "." in fraction:
        return None, 1.0
    try:
        value = float(f"{whole}.{fraction or 0}")
    except ValueError:  # a superscript before letters, once it is made plain: "2a"
        return None, 1.0
    return (value if isfinite(value) else None), (10.0 ** -len(fraction) if dot else 1.0)


def _is_grouped(text: str) -> bool:
    if "," not in text:
        return True
    head, *groups = text.partition(".")[0].split(",")
    return bool(groups) and len(head) <= 3 and len(groups[-1]) == 3 and all(len(g) in (2, 3) for g in groups)


def _ordinal(low: Sequence[str], at: int) -> Quantity | None:
    value = ORDINALS.get(low[at])
    return None if value is None else Quantity(at, at + 1, value, _NO_KEYS, in_words=True)


def _in_words(low: Sequence[str], at: int) -> Quantity | None:
    word, before = low[at], _at(low, at - 1)
    if word in ("noon", "midnight"):
        return Quantity(at, at + 1, None, frozenset({"t720" if word == "noon" else "t0"}), in_words=True)
    if word == "couple":
        return _measured(low, at, at + 1, 2.0, 1.0, in_words=True) if before == "a" else None
    if word in PARTS:
        begin = at - 1 if before in ("a", "an") and word != "half" else at
        return _fraction(low, at, begin)
    fraction = _fraction(low, at, at)
    if fraction:
        return fraction
    if word in MAGNITUDES and before not in ("a", "an"):
        return None  # "thousands of people" is no figure
    value, end = read_number_words(low, at)
    if end == at + 1 and word == "one":
        return None
    return _measured(low, at, end, value, 1.0, in_words=True)


def _fraction(low: Sequence[str], at: int, begin: int) -> Quantity | None:
    found = read_fraction(low, begin)
    if found is None:
        return None
    value, end = found
    return Quantity(at, end, value, _NO_KEYS, "share", 0.01, _hedge(low, begin), in_words=True)


def _measured(low: Sequence[str], at: int, end: int, value: float, step: float, *, in_words: bool) -> Quantity:
    following = _at(low, end)
    currency = _at(low, at - 1) if _at(low, at - 1) in CURRENCIES else ""
    unit = UNITS[currency] if currency else ""
    if following:
        magnitude = MAGNITUDES.get(following) or (_MONEY.get(following) if currency else None)
        if magnitude and not in_words:
            value, step, end = value * magnitude, step * magnitude, end + 1
            following = _at(low, end)
        if following in _FRACTIONS:
            value, step, end = value + _FRACTIONS[following], 0.01, end + 1
            following = _at(low, end)
        elif following == "and" and low[end : end + 3] == ["and", "a", "half"]:
            value, step, end = value + 0.5, 0.1, end + 3
            following = _at(low, end)
        if following in UNITS:
            unit, end = UNITS[following], end + 1
            if unit in SPEEDS and (_at(low, end) == "h" or low[end : end + 2] == ["per", "hour"]):
                unit, end = SPEEDS[unit], end + (1 if low[end] == "h" else 2)
        elif following == "per" and _at(low, end + 1) == "cent":
            unit, end = "percent", end + 2
    if not isfinite(value):
        return Quantity(at, end, None, frozenset({low[at]}), in_words=in_words)
    return Quantity(at, end, value, frozenset(), unit, step, _hedge(low, at - 1 if currency else at), in_words)


_MONEY = {"m": 1e6, "b": 1e9}
_FRACTIONS = {
    f"{a}/{b}": a / b
    for a, b in [(1, 2), (1, 3), (2, 3), (1, 4), (3, 4), (1, 5), (2, 5), (3, 5), (4, 5), (1, 8), (3, 8)]
}


_AFTER = frozenset([*_TIME_FOLLOWS, *MAGNITUDES, *_MONEY, *_FRACTIONS, *UNITS, "per", "and"])
_BEFORE = frozenset([*ABOVE, *BELOW, *LOOSELY, *CURRENCIES, *SOURCES, "than"])
"""Words beside a number that may change what it means."""


@dataclass(slots=True)
class QuantityIndex:
    """Every number of the passages, for look-up by value, by clock time and by nearness."""

    _keys: set[str] = field(default_factory=set[str])
    _units: dict[float, set[str]] = field(default_factory=dict[float, set[str]])
    _sorted: list[float] | None = None

    def add(self, found: Iterable[Quantity]) -> None:
        """Take the numbers of one more passage."""
        for quantity in found:
            self._keys |= quantity.keys
            if quantity.value is not None:
                self._put(quantity.value, quantity.unit)
                if quantity.unit == "percent":
                    self._put(quantity.value / 100, "share")
                elif quantity.unit == "share":
                    self._put(100 * quantity.value, "percent")
            for part in quantity.parts:
                self._put(part, "")
        self._sorted = None

    def _put(self, value: float, unit: str) -> None:
        self._units.setdefault(round(value, 6), set()).add(unit)

    def any(self) -> bool:
        """True where there is any number at all."""
        return bool(self._keys or self._units)

    def supports(self, quantity: Quantity) -> bool:
        """True where the passages hold that number, or one that it rounds, in a unit that does not clash."""
        if quantity.keys and not self._keys.isdisjoint(quantity.keys):
            return True
        if quantity.parts and all(part in self._units for part in quantity.parts):
            return True
        return quantity.value is not None and any(self._fits(v, quantity.unit) for v in self._near(quantity))

    def clashes_in_unit(self, quantity: Quantity) -> bool:
        """True where the number is there, but only in other units (330 feet for 330 metres)."""
        if quantity.value is None or not quantity.unit:
            return False
        near = self._near(quantity)
        return bool(near) and not any(self._fits(v, quantity.unit) for v in near)

    def _fits(self, value: float, unit: str) -> bool:
        units = self._units[value]
        return not unit or unit in units or "" in units

    def _near(self, quantity: Quantity) -> list[float]:
        """The numbers that this one may stand for: itself, else the nearest few that it rounds."""
        value, hedge = quantity.value or 0.0, quantity.hedge
        exact = round(value, 6)
        if exact in self._units:
            return [exact]
        if value < 10 and quantity.step >= 1 and not hedge:
            return []
        if not hedge and value == int(value) and 1000 <= value < 2200 and not quantity.unit:
            return []  # a year is not rounded
        if self._sorted is None:
            self._sorted = sorted(self._units)
        slack = max(0.5 * quantity.step, _ALIKE * value if hedge else 0.0)
        wide = value >= 10 or quantity.unit == "share"
        low = min(value - slack, value / _BEYOND if hedge == "below" and wide else value)
        high = max(value + slack, value * _BEYOND if hedge == "above" and wide else value)
        at = bisect_left(self._sorted, low)
        return [v for v in self._sorted[at : at + _TRIED] if v <= high]


_TRIED = 8
