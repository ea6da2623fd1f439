"""Foreign text for a browser: bounded, reordering and hiding nothing, with offsets that a script can use."""

import re
from bisect import bisect_left
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

_ODD = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff\ud800-\udfff]")
"""Controls, marks that reorder what stands beside them, and surrogates, which have no encoding."""
_BREAKS = frozenset("\v\f\r\x85\u2028\u2029")


def shown(text: str) -> str:
    r"""The same text, character for character, as a text node may hold it.

    A control character becomes its picture, a mark that reorders text the replacement character.

    >>> shown("a\x1b[31mb\u202ec")
    'a␛[31mb�c'
    """
    if text.isascii() and text.isprintable():
        return text
    return _ODD.sub(lambda match: _picture(match[0]), text.replace("\r\n", " \n"))


def _picture(character: str) -> str:
    if character in _BREAKS:
        return "\n"
    code = ord(character)
    return chr(0x2400 + code) if code < 0x20 else "\u2421" if code == 0x7F else "\ufffd"


def line(value: Any, limit: int) -> str:
    """Any value as one line of at most `limit` characters, the last an ellipsis where something was left out."""
    text = value if isinstance(value, str) else str(value)
    text = " ".join(shown(text[: 4 * limit + 80]).split())
    return text if len(text) <= limit else f"{text[: limit - 1].rstrip()}…"


@dataclass(frozen=True, slots=True)
class Shown:
    """A long text, cut where it has to be."""

    text: str
    """What stands in the page."""
    more: int
    """Characters that were left out at its end."""
    place: Callable[[int], int]
    """From a character of the original to a UTF-16 unit of `text`, which is what scripts count in."""


def long(text: str, limit: int) -> Shown:
    """A text of several lines, its first `limit` characters.

    >>> long("a😀b", 10).place(2)
    3
    """
    kept = shown(text[:limit])
    wide = [i for i, character in enumerate(kept) if character > "\uffff"] if not kept.isascii() else []

    def place(offset: int) -> int:
        at = max(0, min(offset, len(kept)))
        return at + bisect_left(wide, at)

    return Shown(kept, max(0, len(text) - limit), place)
