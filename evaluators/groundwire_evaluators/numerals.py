"""The vocabulary of amounts: number words, ordinals, fractions, magnitudes and units, and how number words add up."""

from collections.abc import Sequence

from groundwire_evaluators.tokens import listed

NUMBER_WORDS = {
    w: float(i)
    for i, w in enumerate(
        listed(
            "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen "
            "sixteen seventeen eighteen nineteen"
        )
    )
} | {w: 10.0 * i for i, w in enumerate(listed("twenty thirty forty fifty sixty seventy eighty ninety"), 2)}
ORDINALS = {
    w: float(i)
    for i, w in enumerate(
        listed(
            "first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth fourteenth "
            "fifteenth sixteenth seventeenth eighteenth nineteenth twentieth"
        ),
        1,
    )
} | {"thirtieth": 30.0, "fortieth": 40.0, "fiftieth": 50.0, "hundredth": 100.0}
MAGNITUDES = {
    "hundred": 1e2, "thousand": 1e3, "million": 1e6, "billion": 1e9, "trillion": 1e12, "dozen": 12.0,
    "k": 1e3, "mn": 1e6, "bn": 1e9, "tn": 1e12, "mln": 1e6, "lakh": 1e5, "crore": 1e7,
}  # fmt: skip
PARTS = {
    "half": 2.0, "halves": 2.0, "third": 3.0, "thirds": 3.0, "quarter": 4.0, "quarters": 4.0, "fourth": 4.0,
    "fourths": 4.0, "fifth": 5.0, "fifths": 5.0, "sixth": 6.0, "sixths": 6.0, "eighth": 8.0, "eighths": 8.0,
    "tenth": 10.0, "tenths": 10.0,
}  # fmt: skip
"""Names of fractions: into how many parts."""
_UNITS = {
    "meter": "m meter metre meters metres", "kilometer": "km kms kilometer kilometre kilometers kilometres",
    "centimeter": "cm cms centimeter centimetre centimeters centimetres",
    "millimeter": "mm millimeter millimetre millimeters millimetres",
    "foot": "ft foot feet", "inch": "inch inches", "mile": "mi mile miles", "yard": "yd yds yard yards",
    "acre": "acre acres", "hectare": "ha hectare hectares",
    "kilogram": "kg kgs kilogram kilograms kilo kilos", "gram": "g gram grams",
    "milligram": "mg milligram milligrams", "microgram": "mcg \u03bcg microgram micrograms",
    "pound": "lb lbs pound pounds \u00a3", "ounce": "oz ounce ounces", "ton": "ton tons tonne tonnes",
    "liter": "l liter litre liters litres", "milliliter": "ml milliliter millilitre milliliters millilitres",
    "gallon": "gal gallon gallons", "quart": "qt quart quarts", "pint": "pint pints", "cup": "cup cups",
    "tablespoon": "tbsp tablespoon tablespoons", "teaspoon": "tsp teaspoon teaspoons",
    "second": "sec secs second seconds", "minute": "min mins minute minutes", "hour": "hr hrs hour hours h",
    "day": "day days", "week": "week weeks", "month": "month months", "year": "yr yrs year years",
    "decade": "decade decades",
    "percent": "% percent pct", "degree": "\u00b0 degree degrees", "dollar": "$ dollar dollars usd",
    "euro": "\u20ac euro euros eur", "yen": "\u00a5 yen jpy", "cent": "cent cents",
    "mph": "mph", "kmh": "kmh kph", "watt": "w watt watts", "kilowatt": "kw kilowatt kilowatts",
    "megawatt": "mw megawatt megawatts", "kwh": "kwh", "volt": "volt volts", "hertz": "hz hertz", "megahertz": "mhz",
    "gigahertz": "ghz", "calorie": "kcal calorie calories",
    "byte": "byte bytes", "kilobyte": "kb", "megabyte": "mb megabyte megabytes",
    "gigabyte": "gb gigabyte gigabytes", "terabyte": "tb terabyte terabytes",
}  # fmt: skip
UNITS = {alias: unit for unit, aliases in _UNITS.items() for alias in aliases.split()}
"""Spelling to unit. Units are told apart, never converted."""
SPEEDS = {"mile": "mph", "kilometer": "kmh"}
"""Unit of length to that of speed, where `per hour` follows."""
CURRENCIES = frozenset("$\u20ac\u00a3\u00a5")
LOOSELY = frozenset(
    listed("about around approximately roughly some close ca approx circa estimated nearly almost approaching nearing")
)
ABOVE = frozenset(listed("over exceeding exceeds exceeded above surpassing least"))
BELOW = frozenset(listed("under below nearly almost approaching nearing most up"))
"""Words before a number that let it stand for others, near it, above it and below it."""
_LONGEST = 24
"""Words of one number: no longer run is read as one, which keeps reading linear."""


def read_number_words(low: Sequence[str], at: int) -> tuple[float, int]:
    """The number written in words from `at` on: (value, one past its last word). Words must be in lower case.

    >>> read_number_words("two hundred and five people".split(), 0)
    (205.0, 4)
    """
    total = part = 0.0
    end = at
    stop = min(len(low), at + _LONGEST)
    while end < stop:
        word = low[end]
        if word in NUMBER_WORDS:
            if end > at and not _continues(part, NUMBER_WORDS[word], low[end - 1]):
                break
            part += NUMBER_WORDS[word]
        elif len(word) > 2 and word in MAGNITUDES:
            part = max(part, 1.0) * MAGNITUDES[word]
            if MAGNITUDES[word] >= 1000:
                total, part = total + part, 0.0
        elif not (
            word == "and"
            and end > at
            and low[end - 1] in MAGNITUDES
            and end + 1 < stop
            and low[end + 1] in NUMBER_WORDS
        ):
            break
        end += 1
    return total + part, end


def _continues(part: float, value: float, before: str) -> bool:
    return before == "and" or before in MAGNITUDES or (part % 100 >= 20 and part % 10 == 0 and 0 < value < 10)


def read_fraction(low: Sequence[str], at: int) -> tuple[float, int] | None:
    """A fraction in words from `at` on: (value in (0, 1), one past its last word), or None.

    Read are `two thirds`, `one third`, `a third of`, `half of`, `half the` and `half a`; not `the third`, `in half`.
    """
    word, before = low[at], low[at - 1] if at else ""
    following = low[at + 1] if at + 1 < len(low) else ""
    if word == "half" and before not in ("first", "second", "other", "in", "latter", "better", "last", "and"):
        return (0.5, at + 1) if following in ("of", "the", "a", "an", "all", "its", "their", "his", "her") else None
    count = 1.0 if word in ("a", "an") else NUMBER_WORDS.get(word, 0.0)
    parts = PARTS.get(following, 0.0)
    after = low[at + 2] if at + 2 < len(low) else ""
    if not 0 < count < parts or (word in ("a", "an") and after not in ("of", "the")):
        return None
    return (count / parts, at + 2) if count == 1 or following.endswith("s") else None
