"""A JSON list that is not to be held: its elements one by one, and past those that are broken."""

import json
from collections.abc import Iterator
from typing import IO

from groundwire.traces.json_values import Broken, Parsed

_CHUNK = 1024 * 1024
_ELEMENT = 64 * 1024 * 1024
"""No element of a list is longer: what is, is a list that is broken."""


def elements(number: int, start: bytes, stream: IO[bytes]) -> Iterator[Parsed | Broken]:
    """The elements of a list that is not to be held, and the documents after it, lists or not.

    Where one is broken, the next is looked for at a line that begins as that of the first element did.
    """
    decoder = json.JSONDecoder()
    rest, text, at, more = start, "", 0, True
    first: str | None = None
    lost, whole, depth = False, True, 0
    while True:
        cut = _whole_characters(rest) if more else len(rest)
        text, at, rest = text[at:] + rest[:cut].decode(errors="replace"), 0, rest[cut:]
        while True:
            if lost:
                found = -1 if first is None else text.find(first, at)
                lost, at = found < 0, found + len(first or "") - 1 if found >= 0 else max(at, len(text) - 1000)
                if lost:
                    break
            found = _skip(text, at)
            depth += text.count("[", at, found) - text.count("]", at, found)
            at = found
            if at >= len(text):
                break
            if first is None:
                first = _beginning(text, at)
            try:
                value, end = decoder.raw_decode(text, at)
            except ValueError as error:
                if more and _may_go_on(error, text) and len(text) - at <= _ELEMENT:
                    break
                yield Broken(number, f"an element of the list is no JSON: {error}")
                lost, whole, at = True, False, at + 1
            except RecursionError:
                yield Broken(number, "nested too deeply")
                lost, whole, at = True, False, at + 1
            else:
                if end >= len(text) and more:  # a number may go on
                    break
                at = end
                yield Parsed(None, value)
        if not more:
            if whole and depth > 0:
                yield Broken(number, "the list breaks off")
            return
        # Twice what is there already: an element that does not fit is not parsed again and again.
        chunk = stream.read(max(_CHUNK, len(text) - at))
        more = bool(chunk)
        rest += chunk


def _beginning(text: str, at: int) -> str | None:
    """What the lines of elements begin with; None where they are not lines."""
    line = text.rfind("\n", 0, at)
    return text[line : at + 1] if line >= 0 and text[line:at].isspace() else None


def _may_go_on(error: ValueError, text: str) -> bool:
    """Whether JSON is wrong only because its end is not there yet."""
    if not isinstance(error, json.JSONDecodeError):
        return False
    return error.msg.startswith("Unterminated") or error.pos >= len(text) - 16


def _whole_characters(data: bytes) -> int:
    """How many bytes end with a whole character of UTF-8."""
    for back in range(1, min(4, len(data)) + 1):
        byte = data[-back]
        if byte < 0x80:
            return len(data)
        if byte >= 0xC0:  # begins a character of 2, 3 or 4 bytes
            length = 2 if byte < 0xE0 else 3 if byte < 0xF0 else 4
            return len(data) if length == back else len(data) - back
    return len(data)


def _skip(text: str, at: int) -> int:
    while at < len(text) and text[at] in " \t\r\n,[]":
        at += 1
    return at
