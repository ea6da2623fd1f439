"""Citations in an answer: which numbers it cites, where, and for which statement."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from groundwire_evaluators.sentences import Span, sentences

_NUMBERS = r"\d{1,3}(?:\s?[-\u2010-\u2015]\s?\d{1,3})?"
_SEVERAL = rf"{_NUMBERS}(?:(?:\s?[,;&]\s?|,? (?:and|or) ){{1,2}}{_NUMBERS}){{0,20}}"
_NOUN = r"(?:passages?|documents?|docs?\.?|sources?|excerpts?|snippets?|chunks?|contexts?|references?|refs?\.?)"
_BRACKETS = re.compile(
    rf"\[\^?(?:{_NOUN}[ :#]{{0,2}})?({_SEVERAL})\](?:\([^()\s]{{1,2000}}\))?"
    rf"|[\u3010](?:{_NOUN}[ :#]{{0,2}})?({_SEVERAL})(?:\u2020[^\u3011\n]{{0,100}})?[\u3011]"
    rf"|\((?:(?:see|from|cf\.?|e\.g\.,?|according to|as per|in|source:)\s){{0,2}}(?:the )?{_NOUN}[ :#]{{0,2}}\[?"
    rf"({_SEVERAL})\]?\)",
    re.IGNORECASE,
)
_SUPERSCRIPT = re.compile(
    r"(?:(?<=[^\W\d_]{3})|(?<=[.,;:!?\"'\u201d\u2019)]))[\u2070\u00b9\u00b2\u00b3\u2074-\u2079]{1,3}(?![\u207a-\u207f])"
)
_PROSE = re.compile(  # "documents 3 days old" cites nothing
    rf"(?<!\w)(?:(?i:passages?|excerpts?|snippets?|chunks?)|Doc(?:ument)?s?|Sources?|Contexts?|References?)"
    rf"[ #]{{1,2}}({_SEVERAL})(?![\w%]|[.,]\d)"
)
_HIDDEN = re.compile(  # code, whose brackets cite nothing; footnotes and lists of sources, which say what a number is
    r"(?ms)^[ \t]*(?P<fence>```|~~~).*?(?:^[ \t]*(?P=fence)[^\n]*$|\Z)|`[^`\n]{1,500}`"
    r"|^[ \t]*\[\^?\d{1,3}\]:[^\n]*$"
    r"|^[\W_]{0,8}(?:sources?|references?|citations?|footnotes?|bibliography|works cited)[\W_]{0,8}"
    r"(?:$|(?=[\[(\u3010]))[^\n]*(?:\n[ \t]*(?:$|(?:[-*\u2022\[\u3010]|\(?\d)[^\n]*))*",
    re.IGNORECASE,
)
_DIGITS = str.maketrans("\u2070\u00b9\u00b2\u00b3\u2074\u2075\u2076\u2077\u2078\u2079", "0123456789")
_LONGEST_RANGE = 50


@dataclass(frozen=True, slots=True)
class Marker:
    """One mark of a citation, `[1, 3]`; end exclusive."""

    start: int
    end: int
    numbers: tuple[int, ...]
    """As written, ranges spelt out, without repeats."""
    in_prose: bool = False
    """Part of the sentence ("Passage 2 says"), which would not read without it."""


@dataclass(frozen=True, slots=True)
class Statement:
    """A sentence of the answer, with what it cites."""

    start: int
    end: int
    """Of the sentence and its marks together."""
    text: str
    """Of the sentence, the marks taken out; of those in prose only the numbers."""
    markers: tuple[Marker, ...] = ()


def markers(text: str) -> list[Marker]:
    """All citations of a text in order, in linear time; none overlap. Code and lists of sources cite nothing.

    >>> [m.numbers for m in markers("It is tall [1, 3]. (Passage 2) Source 4 agrees [2-4].")]
    [(1, 3), (2,), (4,), (2, 3, 4)]
    """
    shown = _HIDDEN.sub(lambda m: " " * len(m.group()), text)
    found = [*_found(shown, _BRACKETS), *_found(shown, _SUPERSCRIPT)]
    taken = bytearray(len(text))
    for marker in found:
        taken[marker.start : marker.end] = b"\1" * (marker.end - marker.start)
    found += [m for m in _found(shown, _PROSE) if not any(taken[m.start : m.end])]
    return sorted(found, key=lambda m: m.start)


def _found(text: str, pattern: re.Pattern[str]) -> Iterator[Marker]:
    for match in pattern.finditer(text):
        written = next(filter(None, match.groups()), None) or match.group().translate(_DIGITS)
        yield Marker(match.start(), match.end(), _numbers(written), pattern is _PROSE)


def _numbers(written: str) -> tuple[int, ...]:
    numbers: dict[int, None] = {}
    for part in re.findall(r"(\d+)(?:\s?[-\u2010-\u2015]\s?(\d+))?", written):
        first, last = int(part[0]), int(part[1] or part[0])
        numbers.update(dict.fromkeys(range(first, min(last, first + _LONGEST_RANGE) + 1)) if first <= last else {})
        numbers.update(dict.fromkeys((first, last)))
    return tuple(numbers)


def statements(text: str) -> list[Statement]:
    """The sentences of an answer with their citations, in order.

    A mark belongs to the sentence that it stands in or behind ("It is tall. [1] It is old."), or before, at the
    beginning of a line. Code and lists of sources make no statement.
    """
    found = markers(text)
    bare = list(_HIDDEN.sub(lambda m: re.sub(r"[^\n]", " ", m.group()), text))
    for marker in found:
        first = marker.start if not marker.in_prose else _first_digit(text, marker)
        bare[first : marker.end] = " " * (marker.end - first)
    plain = "".join(bare)
    spans = sentences(plain)
    held: list[list[Marker]] = [[] for _ in spans]
    at = 0
    for marker in found:
        while at + 1 < len(spans) and spans[at + 1][0] <= marker.start:
            at += 1
        if spans:
            held[_owner(text, spans, at, marker)].append(marker)
    return [_statement(plain, span, tuple(marks)) for span, marks in zip(spans, held, strict=True)]


def _first_digit(text: str, marker: Marker) -> int:
    return next(i for i in range(marker.start, marker.end) if text[i].isdigit())


def _owner(text: str, spans: list[Span], at: int, marker: Marker) -> int:
    """The sentence that a mark belongs to; `at` is the last that begins before it, or the first of all."""
    start, end = spans[at]
    if marker.start < start:
        return at  # before the first sentence
    following = at + 1 < len(spans) and not text[marker.end : spans[at + 1][0]].strip(" \t")
    if marker.start >= end and following and "\n" in text[end : marker.start]:
        return at + 1
    return at


def _statement(plain: str, span: Span, marks: tuple[Marker, ...]) -> Statement:
    start, end = span
    text = re.sub(r"[ \t]{2,}", " ", plain[start:end])
    text = re.sub(r" (?=[.,;:!?](?:\s|$))", "", text)
    return Statement(min([start, *(m.start for m in marks)]), max([end, *(m.end for m in marks)]), text, marks)
