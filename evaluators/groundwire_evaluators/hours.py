"""Opening hours: what an answer says about days and times, against `Monday: 17:30-23:0` leaves."""

import re
from typing import TypeAlias

from groundwire_evaluators.flatten import Statement

_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_DAY = r"(monday|tuesday|wednesday|thursday|friday|saturday|sunday|mon|tues?|wed|thurs?|fri|sat|sun)s?\b"
_DAY_WORDS = re.compile(
    rf"\b(?:{_DAY}\s{{0,3}}(?:to|through|thru|until|till|-|\u2013|\u2014)\s{{0,3}}{_DAY}|{_DAY}|(weekdays|"
    rf"weekends?|every ?day|daily|(?:seven|7) days)\b)",
    re.IGNORECASE,
)
_TIME = r"(\d{1,2})(?:[:.](\d{1,2}))?\s{0,3}([ap]\.?\s?m\b\.?)?"
_RANGE = re.compile(
    rf"(?<![\d:.$]){_TIME}\s{{0,3}}(?:to|until|till|-|\u2013|\u2014|and)\s{{0,3}}{_TIME}(?![\d%])", re.IGNORECASE
)
_LEAF = re.compile(r"\s*(\d{1,2}):(\d{1,2})\s*-\s*(\d{1,2}):(\d{1,2})\s*")

Hours: TypeAlias = dict[int, frozenset[tuple[int, int]]]
"""Day of the week (Monday is 0) to the ranges in minutes since midnight."""


def opening_hours(leaves: list[Statement]) -> Hours:
    """The hours of structured passages; {} where there are none."""
    found: dict[int, set[tuple[int, int]]] = {}
    for leaf in leaves:
        key = leaf.key.lower()
        if key in _DAYS and (match := _LEAF.fullmatch(leaf.text)):
            a, b, c, d = map(int, match.groups())
            found.setdefault(_DAYS.index(key), set()).add((a * 60 + b, c * 60 + d))
    return {day: frozenset(ranges) for day, ranges in found.items()}


def hours_clashes(hours: Hours, text: str, start: int, end: int) -> tuple[int, list[tuple[int, int]]]:
    """Compare the hours a sentence gives: (number of day-and-time groups that agree, spans of those that do not).

    A time range goes with the days named since the previous range. Days without a range are not judged.
    """
    ranges_given = list(_RANGE.finditer(text, start, end)) if hours else []
    if not ranges_given:
        return 0, []
    agree = 0
    clashes: list[tuple[int, int]] = []
    marks = sorted(
        [(m.start(), m, True) for m in _DAY_WORDS.finditer(text, start, end)]
        + [(m.start(), m, False) for m in ranges_given],
        key=lambda x: x[0],
    )
    days: set[int] = set()
    first = last_end = None
    after_range = False
    for at, match, is_day in marks:
        if is_day:
            if after_range:
                days, first, after_range = set(), None, False
            days |= _days(match)
            first = at if first is None else first
            continue
        ranges = _readings(match)
        if not ranges or not days or first is None:
            continue
        after_range = True
        last_end = match.end()
        if all(not ranges.isdisjoint(hours.get(d, frozenset())) for d in days):
            agree += 1
        else:
            clashes.append((first, last_end))
    return agree, clashes


def _days(match: re.Match[str]) -> set[int]:
    first, last, single, group = match.groups()
    if single:
        return {_number(single)}
    if group:
        low = group.lower()
        return {0, 1, 2, 3, 4} if low == "weekdays" else {5, 6} if low.startswith("weekend") else set(range(7))
    a, b = _number(first), _number(last)
    return {d % 7 for d in range(a, (b if b >= a else b + 7) + 1)}


def _number(name: str) -> int:
    return next(i for i, d in enumerate(_DAYS) if d.startswith(name.lower()[:3]))


def _readings(match: re.Match[str]) -> frozenset[tuple[int, int]]:
    """What a range can mean: 5-9 is 05-09, 05-21, 17-21 ...; empty where it is no time of day."""
    h1, m1, half1, h2, m2, half2 = match.groups()
    if not (m1 or m2 or half1 or half2):
        return frozenset()
    opens, closes = _minutes(h1, m1, half1), _minutes(h2, m2, half2)
    return frozenset((a, b) for a in opens for b in closes)


def _minutes(hour: str, minute: str | None, half: str | None) -> set[int]:
    h, m = int(hour), int(minute or 0)
    if h > 24 or m > 59:
        return set()
    if half:
        late = half[0] in "pP"
        at = h % 12 * 60 + m + (720 if late else 0)
        return {at, 1440} if at == 0 else {at}
    return {h * 60 + m} | ({h % 12 * 60 + m + 720, h % 12 * 60 + m} if h <= 12 else set()) | ({0} if h == 24 else set())
