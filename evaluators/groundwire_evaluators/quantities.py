"""Numbers, clock times and measures: read from tokens, and compared the way a reader would compare them."""

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from math import isfinite

from groundwire_evaluators.tokens import Remembered, listed

_WORDS = {
    w: float(i)
    for i, w in enumerate(
        listed(
            "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen "
            "sixteen seventeen eighteen nineteen"
        )
    )
} | {w: 10.0 * i for i, w in enumerate(listed("twenty thirty forty fifty sixty seventy eighty ninety"), 2)}
_MAGNITUDES = {
    "hundred": 1e2, "thousand": 1e3, "million": 1e6, "billion": 1e9, "trillion": 1e12, "dozen": 12.0,
    "k": 1e3, "mn": 1e6, "bn": 1e9, "tn": 1e12, "mln": 1e6,
}  # fmt: skip
_UNITS = {
    alias: unit
    for unit, aliases in {
        "meter": "m meter metre meters metres", "kilometer": "km kilometer kilometre kilometers kilometres",
        "centimeter": "cm centimeter centimetre centimeters centimetres",
        "millimeter": "mm millimeter millimetre millimeters millimetres",
        "foot": "ft foot feet", "inch": "inch inches", "mile": "mi mile miles", "yard": "yd yard yards",
        "kilogram": "kg kilogram kilograms kilo kilos", "gram": "g gram grams", "milligram": "mg milligram milligrams",
        "pound": "lb lbs pound pounds", "ounce": "oz ounce ounces", "ton": "ton tons tonne tonnes",
        "liter": "l liter litre liters litres", "milliliter": "ml milliliter millilitre milliliters millilitres",
        "second": "sec secs second seconds", "minute": "min mins minute minutes", "hour": "hr hrs hour hours h",
        "day": "day days", "week": "week weeks", "month": "month months", "year": "yr yrs year years",
        "percent": "% percent pct", "degree": "\u00b0 degree degrees", "dollar": "dollar dollars usd",
        "euro": "euro euros eur",
        "mph": "mph", "kmh": "kmh kph", "watt": "w watt watts", "kilowatt": "kw kilowatt kilowatts",
        "byte": "byte bytes", "kilobyte": "kb", "megabyte": "mb megabyte megabytes",
        "gigabyte": "gb gigabyte gigabytes",
    }.items()
    for alias in aliases.split()
}  # fmt: skip
_APPROXIMATE = frozenset(
    listed(
        "about around approximately roughly nearly almost over under circa some more less than least most "
        "up to estimated exceeding close ca approx"
    )
)
_HALF_DAY = 720


@dataclass(frozen=True, slots=True)
class Quantity:
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
    step: float = 1.0
    """Half of it is the rounding that the way it is written allows: 0.1 for `2.5`, 1e5 for `2.5 million`."""
    approximate: bool = False
    in_words: bool = False


def quantities(raw: Sequence[str]) -> list[Quantity]:
    """The numbers among tokens as `tokens.TOKEN` cuts them, in order.

    A lone `one` and ordinals are left out: they are rarely quantities. Clock times without am/pm stand for both halves.
    """
    found: list[Quantity] = []
    past = 0
    for at, kind in enumerate([_KINDS[w] for w in raw]):
        if kind and at >= past:
            item = _digits(raw, at) if kind == 1 else _in_words(raw, at)
            if item is not None:
                found.append(item)
                past = item.end
    return found


def _kind(token: str) -> int:
    """1: written in digits; 2: a number word; 0: anything else."""
    if token[0].isdigit():
        return 1
    low = token.lower()
    return 2 if len(low) > 2 and (low in _WORDS or low in _MAGNITUDES) else 0


_KINDS = Remembered(_kind)


def _lower(raw: Sequence[str], at: int) -> str:
    return raw[at].lower() if 0 <= at < len(raw) else ""


def _is_approximate(raw: Sequence[str], at: int) -> bool:
    return any(_lower(raw, i) in _APPROXIMATE for i in range(at - 2, at) if i >= 0)


def _half_day(raw: Sequence[str], at: int) -> tuple[int | None, int]:
    """(0 for am, 720 for pm, None where not said; one past the tokens it took)."""
    word = _lower(raw, at)
    if word in ("am", "pm"):
        return (0 if word == "am" else _HALF_DAY), at + 1
    if word in ("a", "p") and _lower(raw, at + 1) == "m":
        return (0 if word == "a" else _HALF_DAY), at + 2
    return None, at


def _clock(hour: int, minute: int, half: int | None, lenient: bool) -> frozenset[str]:
    if half is not None:
        return frozenset({f"t{hour % 12 * 60 + minute + half}"})
    keys = {f"t{hour * 60 + minute}"}
    if lenient and hour <= 12:
        keys.add(f"t{hour % 12 * 60 + minute + _HALF_DAY}")
    return frozenset(keys)


def _digits(raw: Sequence[str], at: int) -> Quantity | None:
    text = raw[at]
    if not text.isascii() or len(text) > 40:
        return Quantity(at, at + 1, None, frozenset({text}))
    half, after = _half_day(raw, at + 1)
    if ":" in text:
        parts = text.split(":")
        if (
            len(parts) >= 2
            and all(p.isdigit() and len(p) <= 2 for p in parts)
            and int(parts[0]) <= 24
            and int(parts[1]) < 60
        ):
            keys = _clock(int(parts[0]), int(parts[1]), half, lenient=len(parts[1]) == 2)
            return Quantity(at, after, None, keys | {text})
        return Quantity(at, at + 1, None, frozenset({text}))
    if half is not None and text.isdigit() and int(text) <= 12:
        return Quantity(at, after, None, _clock(int(text), 0, half, lenient=False))
    value, step = _value(text)
    if value is None:
        return Quantity(at, at + 1, None, frozenset({text}))
    return _measured(raw, at, at + 1, value, step, in_words=False)


def _value(text: str) -> tuple[float | None, float]:
    whole, dot, fraction = (
        text.replace(",", "").partition(".") if _is_grouped(text) else text.replace(",", ".").partition(".")
    )
    if "." in fraction:
        return None, 1.0
    value = float(f"{whole}.{fraction or 0}")
    return (value if isfinite(value) else None), (10.0 ** -len(fraction) if dot else 1.0)


def _is_grouped(text: str) -> bool:
    head, *groups = text.partition(".")[0].split(",")
    return "," not in text or (len(head) <= 3 and all(len(g) == 3 for g in groups))


def _in_words(raw: Sequence[str], at: int) -> Quantity | None:
    total = part = 0.0
    end = at
    if _lower(raw, at) in _MAGNITUDES and _lower(raw, at - 1) not in ("a", "an"):
        return None  # "thousands of people" is no figure
    while end < len(raw):
        word = _lower(raw, end)
        if word in _WORDS:
            if end > at and not _continues(part, _WORDS[word], _lower(raw, end - 1)):
                break
            part += _WORDS[word]
        elif word in _MAGNITUDES and len(word) > 2:
            part = max(part, 1.0) * _MAGNITUDES[word]
            if _MAGNITUDES[word] >= 1000:
                total, part = total + part, 0.0
        elif not (
            word == "and" and end > at and _lower(raw, end - 1) in _MAGNITUDES and _lower(raw, end + 1) in _WORDS
        ):
            break
        end += 1
    if end == at + 1 and _lower(raw, at) == "one":
        return None
    return _measured(raw, at, end, total + part, 1.0, in_words=True)


def _continues(part: float, value: float, before: str) -> bool:
    return before == "and" or before in _MAGNITUDES or (part % 100 >= 20 and part % 10 == 0 and 0 < value < 10)


def _measured(raw: Sequence[str], at: int, end: int, value: float, step: float, *, in_words: bool) -> Quantity:
    magnitude = _MAGNITUDES.get(_lower(raw, end))
    if magnitude and not in_words:
        value, step, end = value * magnitude, step * magnitude, end + 1
    if not isfinite(value):
        return Quantity(at, end, None, frozenset({raw[at]}), in_words=in_words)
    unit = _UNITS.get(_lower(raw, end), "")
    if unit:
        end += 1
    elif _lower(raw, end) == "per" and _lower(raw, end + 1) == "cent":
        unit, end = "percent", end + 2
    return Quantity(at, end, value, frozenset(), unit, step, _is_approximate(raw, at), in_words)


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
                self._units.setdefault(round(quantity.value, 6), set()).add(quantity.unit)
        self._sorted = None

    def any(self) -> bool:
        """True where there is any number at all."""
        return bool(self._keys or self._units)

    def supports(self, quantity: Quantity) -> bool:
        """True where the passages hold that number, or one that it rounds, in a unit that does not clash."""
        if quantity.value is None:
            return not self._keys.isdisjoint(quantity.keys)
        return any(self._fits(v, quantity.unit) for v in self._near(quantity))

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
        value = quantity.value or 0.0
        exact = round(value, 6)
        if exact in self._units:
            return [exact]
        if value < 10 and quantity.step >= 1 and not quantity.approximate:
            return []
        slack = max(0.5 * quantity.step, 0.06 * value if quantity.approximate else 0.0)
        if not quantity.approximate and value == int(value) and 1000 <= value < 2200:
            return []  # a year is not rounded
        if self._sorted is None:
            self._sorted = sorted(self._units)
        at = bisect_left(self._sorted, value - slack)
        near = self._sorted[at : at + 1]
        return [v for v in near if v <= value + slack]
