"""Dates with a month: whether day, month and year stand together anywhere in the passages, not each for itself."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from groundwire_evaluators.tokens import listed, stem

MONTHS = {
    stem(m): i
    for i, m in enumerate(
        listed("january february march april may june july august september october november december"), 1
    )
}
"""Stem of a month to its number."""
_ISO = re.compile(r"-(?<=\b\d\d\d\d-)(\d\d)-(\d\d)(?!\d)")  # begins with its rarest character
_STROKES = re.compile(r"/(?<=\d/)(\d{1,2})/(\d{4}|\d\d)(?!\d)")


@dataclass(frozen=True, slots=True)
class Day:
    """A date, or the part of one that is given. Two readings of `May 21` are two of them."""

    month: int
    day: int | None = None
    year: int | None = None

    def agrees(self, other: "Day") -> bool:
        """True where nothing that both give differs, and both give more than the month or one gives nothing else."""
        return (
            self.month == other.month
            and (self.day is None or other.day is None or self.day == other.day)
            and (self.year is None or other.year is None or self.year == other.year)
        )


@dataclass(frozen=True, slots=True)
class Dated:
    """A date among tokens, `[start, end)`, and what it may mean."""

    start: int
    end: int
    readings: tuple[Day, ...]


def dates(raw: Sequence[str], stems: Sequence[str]) -> list[Dated]:
    """Dates that name their month and a day or a year: `3rd of May 2021`, `May 3, 2021`, `May '21`, `May 2021`."""
    if MONTHS.keys().isdisjoint(stems):
        return []
    found: list[Dated] = []
    for at, s in enumerate(stems):
        month = MONTHS.get(s)
        if month is None or not raw[at][0].isupper():
            continue
        start, end = at, at + 1
        day: int | None = None
        before = at - 1
        while before >= 0 and before > at - 3 and stems[before] in ("of", "st", "nd", "rd", "th"):
            before -= 1
        if before >= 0 and (day := _day(raw[before])) is not None:
            start = before
        short = None
        if day is None and end < len(raw) and (short := _day(raw[end])) is not None:
            day, end = short, end + 1
            end += end < len(raw) and stems[end] in ("st", "nd", "rd", "th")
        year = _year(raw[end]) if end < len(raw) else None
        end += year is not None
        if day is None and year is None:
            continue
        readings = [Day(month, day, year)]
        if short is not None and year is None and end < len(raw) + 1 and len(raw[at + 1]) == 2:
            readings.append(Day(month, None, 2000 + short))
        found.append(Dated(start, end, tuple(readings)))
    return found


def _day(token: str) -> int | None:
    return int(token) if token.isdecimal() and len(token) <= 2 and 1 <= int(token) <= 31 else None


def _year(token: str) -> int | None:
    return int(token) if token.isdecimal() and len(token) == 4 and 1000 <= int(token) < 2200 else None


def numeric_dates(text: str) -> list[Day]:
    """Dates written in digits alone: `2021-05-03`, `5/3/2021` (read both ways where both can be)."""
    found: list[Day] = []
    for match in _ISO.finditer(text):
        month, day = int(match.group(1)), int(match.group(2))
        if 1 <= month <= 12:
            found.append(Day(month, day, int(text[match.start() - 4 : match.start()])))
    for match in _STROKES.finditer(text):
        at = match.start()
        first = int(text[at - 2 : at] if text[max(0, at - 2) : at].isdecimal() and at > 1 else text[at - 1 : at])
        second, year = int(match.group(1)), int(match.group(2))
        year += 0 if year >= 100 else 2000 if year < 50 else 1900
        found += [Day(month, day, year) for month, day in {(first, second), (second, first)} if 1 <= month <= 12]
    return found


def unsupported_dates(claimed: Iterable[Dated], known: Iterable[Day]) -> list[Dated]:
    """Those whose month the passages date, but never so."""
    known = list(known)
    months = {day.month for day in known}
    return [
        d
        for d in claimed
        if d.readings[0].month in months and not any(reading.agrees(day) for reading in d.readings for day in known)
    ]
