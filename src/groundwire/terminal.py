"""Text on a terminal: how wide it is, where to cut it, and that it cannot steer the terminal.

Plain strings and our own escape codes: importing a rendering library would cost more than the whole first trace.
"""

import json
import os
import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal, TypeAlias

Style: TypeAlias = Literal["", "good", "bad", "doubt", "dim", "strong", "flaw"]
Segment: TypeAlias = tuple[str, Style]

_CODES: Final[Mapping[Style, str]] = {
    "good": "32", "bad": "31", "doubt": "33", "dim": "2", "strong": "1", "flaw": "1;4;31",
}  # fmt: skip
Mark: TypeAlias = Literal["good", "bad", "doubt", "none"]
_MARKS: Final[Mapping[Mark, tuple[str, str, Style]]] = {
    "good": ("✓", "+", "good"),
    "bad": ("✗", "x", "bad"),
    "doubt": ("!", "!", "doubt"),
    "none": ("·", "-", "dim"),
}
"""With Unicode, without, and how either is styled."""
_STEERING = re.compile(
    r"[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufeff]"
)
"""Control characters (C0, C1), marks that reorder text, and surrogates, which have no encoding."""
_BLANKS = frozenset("\t\n\v\f\r\x85\u2028\u2029")


def inert(text: str) -> str:
    """The same text, character for character, with nothing in it that a terminal would obey.

    Line breaks and tabs become blanks. Its length stays, so that offsets keep pointing at the same characters.
    """
    if text.isascii() and text.isprintable():
        return text
    return _STEERING.sub(lambda match: " " if match[0] in _BLANKS else "\ufffd", text)


def json_line(value: Any, *, allow_nan: bool = True, indent: int | None = None) -> str:
    r"""A value as JSON that can be printed: what a terminal would obey is escaped, and nothing is lost.

    >>> print(json_line({"told": "é \x9b31m"}))
    {"told": "é \u009b31m"}
    """
    return escaped(json.dumps(value, ensure_ascii=False, allow_nan=allow_nan, indent=indent))


def escaped(text: str) -> str:
    """JSON with nothing in it that a terminal would obey, line breaks between values excepted."""
    return _STEERING.sub(lambda match: match[0] if match[0] == "\n" else f"\\u{ord(match[0]):04x}", text)


def columns(text: str) -> int:
    """Columns that inert text takes: two for wide East Asian characters and emoji, none for combining ones."""
    return len(text) if text.isascii() else sum(map(_columns_of, text))


def _columns_of(character: str) -> int:
    if character < "\u0300":
        return 1
    if unicodedata.category(character) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def cut(text: str, width: int, ellipsis: str) -> str:
    """At most `width` columns of inert text, the last of them an ellipsis where something was left out."""
    if len(text) <= 8 * width and columns(text) <= width:
        return text
    room = width - len(ellipsis)
    if room <= 0:
        return ellipsis[: max(0, width)]
    at = used = 0
    # Combining characters take no column: without a bound on characters a line of them would never end.
    while at < min(len(text), 8 * width) and (used := used + _columns_of(text[at])) <= room:
        at += 1
    return text[:at].rstrip() + ellipsis


def window(text: str, start: int, end: int, width: int, ellipsis: str) -> tuple[int, int]:
    """Which characters of inert text to show so that those from `start` to `end` are among them, if they fit.

    They take `width` columns at most, with an ellipsis at each end.
    """
    if columns(text) <= width:
        return 0, len(text)
    room = max(1, width - 2 * len(ellipsis))
    first, last = min(start, len(text)), min(start, len(text))
    used = 0
    while last < len(text) and used + _columns_of(text[last]) <= room and last < end:
        used += _columns_of(text[last])
        last += 1
    grown = True
    while grown:
        grown = False
        if first > 0 and used + _columns_of(text[first - 1]) <= room:
            first -= 1
            used += _columns_of(text[first])
            grown = True
        if last < len(text) and used + _columns_of(text[last]) <= room:
            used += _columns_of(text[last])
            last += 1
            grown = True
    return first, last


def wrapped(text: str, width: int) -> list[tuple[int, int]]:
    """Character ranges of the lines of inert text, broken at blanks where there are any."""
    lines: list[tuple[int, int]] = []
    start, used, blank = 0, 0, -1
    at = 0
    while at < len(text):
        size = _columns_of(text[at])
        if used + size > width and at > start:
            stop = blank if blank > start else at
            lines.append((start, stop))
            start = stop
            while start < len(text) and text[start] == " ":
                start += 1
            at, used, blank = start, 0, -1
            continue
        if text[at] == " ":
            blank = at
        used += size
        at += 1
    if start < len(text):
        lines.append((start, len(text)))
    return lines


@dataclass(slots=True)
class Line:
    """One line under construction: pieces of inert text with styles, and perhaps a part at the right margin."""

    segments: list[Segment] = field(default_factory=list[Segment])
    right: list[Segment] = field(default_factory=list[Segment])

    @classmethod
    def of(cls, *segments: Segment, right: Iterable[Segment] = ()) -> "Line":
        """A line of these pieces."""
        return cls(list(segments), list(right))


@dataclass(frozen=True, slots=True)
class Page:
    """What a terminal can show."""

    width: int = 80
    color: bool = False
    unicode: bool = True

    @property
    def ellipsis(self) -> str:
        """One column where possible."""
        return "…" if self.unicode else "..."

    def mark(self, kind: Mark) -> Segment:
        """A sign for good or bad, told apart by shape as well as by colour."""
        rich, plain, style = _MARKS[kind]
        return (rich if self.unicode else plain), style

    def cut(self, text: str, width: int) -> str:
        """Foreign text made inert and cut to columns."""
        return cut(inert(text[: 16 * max(1, width)]), width, self.ellipsis)

    def draw(self, line: Line) -> str:
        """The line with its escape codes, never wider than the page: the left part gives way, then the far right."""
        right = list(line.right)
        while len(right) > 1 and self._width_of(right) > self.width - 10:
            right.pop()
        if self._width_of(right) > self.width - 10:
            right = []
        tail = self._width_of(right)
        room = self.width - tail - (2 if right else 0)
        drawn: list[str] = []
        used = 0
        for text, style in line.segments:
            if used + columns(text) > room:
                text = cut(text, room - used, self.ellipsis)
            drawn.append(self._styled(text, style))
            used += columns(text)
            if used >= room:
                break
        if right:
            drawn.append(" " * (self.width - tail - used))
            drawn.extend(self._styled(text, style) for text, style in right)
        return "".join(drawn) if self.color else "".join(drawn).rstrip()

    @staticmethod
    def _width_of(segments: Iterable[Segment]) -> int:
        return sum(columns(text) for text, _ in segments)

    def _styled(self, text: str, style: Style) -> str:
        return f"\x1b[{_CODES[style]}m{text}\x1b[0m" if self.color and style and text else text


def page_of(stream: Any, variables: Mapping[str, str] = os.environ) -> Page:
    """What the terminal behind a stream can show; 80 plain columns where it is no terminal."""
    encoding = str(getattr(stream, "encoding", None) or "ascii").lower().replace("_", "-")
    unicode = encoding.startswith("utf")
    width, color = 80, False
    try:
        if stream.isatty():
            width = max(40, min(120, os.get_terminal_size(stream.fileno()).columns))
            # https://no-color.org: set and not empty
            color = not variables.get("NO_COLOR") and variables.get("TERM") != "dumb"
    except (AttributeError, OSError, ValueError):
        pass
    return Page(width, color, unicode)
