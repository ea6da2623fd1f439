"""JSON documents in a stream of bytes: one a line, or over many lines, one after the other, or in one huge list.

Nothing but the document at hand is held. What is no JSON is told with its line, and what follows is read.
"""

import re
from collections.abc import Callable, Iterator
from typing import IO, Any

from groundwire.traces.json_lists import elements
from groundwire.traces.json_values import Broken, Parsed, concatenated, parsed, why_not_json

_LINE = 16 * 1024 * 1024
"""A longer line that opens a list is read element by element."""
_LONGEST = 512 * 1024 * 1024
"""Beyond this a line is no document, but what a broken or hostile file unpacks to."""
_TOKENS = re.compile(rb'"(?:[^"\\]|\\.)*"|[][{}"]')
_WEIGHTS = {b"{": 1, b"[": 1, b"}": -1, b"]": -1}
_BOM = b"\xef\xbb\xbf"


def documents(stream: IO[bytes], known: Callable[[Any], bool] = bool) -> Iterator[Parsed | Broken]:
    """All documents of a stream, and what is none.

    Args:
        stream: JSON in UTF-8.
        known: whether a value is a document by itself, and not a part of one that lies over many lines.
    """
    gathered = _Gathered(known)
    for number, line in _numbered(stream):
        if line is None:
            yield Broken(number, f"a line of more than {_LONGEST >> 20} MiB")
            continue
        if not line.strip():
            continue
        opens = not gathered.lines and line.lstrip().startswith(b"[")
        if opens and len(line) >= _LINE:
            yield from elements(number, line, stream)
            continue
        value = parsed(line)
        if value is None and opens and (_depth(line) or 0) > 0:
            yield from elements(number, line, stream)
            continue
        if not gathered.lines:
            if value is not None:
                yield Parsed(number, value)
            elif (_depth(line) or 0) > 0:
                gathered.add(number, line, None)
            else:
                yield from _one_after_the_other(number, line)
            continue
        gathered.add(number, line, value)
        if gathered.is_whole:
            yield from gathered.flush()
        elif gathered.is_lines:
            yield from gathered.line_by_line()
    yield from gathered.flush()


class _Gathered:
    """Lines that may make up one document: they do when every bracket is closed and the whole is JSON."""

    def __init__(self, known: Callable[[Any], bool]) -> None:
        self.lines: list[tuple[int, bytes]] = []
        self._known = known
        self._depth: int | None = 0
        self._alone = 0

    def add(self, number: int, line: bytes, value: Any) -> None:
        """One more line, and its value if it has one by itself."""
        depth = _depth(line)
        if self.lines and (self._known(value) if isinstance(value, dict | list) else line.startswith(b'{"') and depth):
            self._alone += 1
        self.lines.append((number, line))
        self._depth = None if depth is None or self._depth is None else self._depth + depth

    @property
    def is_whole(self) -> bool:
        """Whether every bracket is closed, or one can never be: text does not go over the end of a line."""
        return self._depth is None or self._depth <= 0

    @property
    def is_lines(self) -> bool:
        """Whether these are documents of a line each, of which the first was broken.

        The last element of a list that is written an element a line looks like one too, but only that.
        """
        return self._alone >= 2

    def flush(self) -> Iterator[Parsed | Broken]:
        """The documents; where the whole is no JSON, those that lines hold by themselves."""
        if not self.lines:
            return
        whole = b"".join(line for _, line in self.lines)
        try:
            values = list(concatenated(whole.decode()))
        except (ValueError, RecursionError):
            if self._alone:
                yield from self.line_by_line()
            else:
                yield Broken(self.lines[0][0], why_not_json(whole))
                self._clear()
        else:
            self._clear()
            for value in values:
                yield Parsed(None, value)

    def line_by_line(self) -> Iterator[Parsed | Broken]:
        """Every line for itself."""
        lines = self.lines
        self._clear()
        for number, line in lines:
            value = parsed(line)
            yield Broken(number, why_not_json(line)) if value is None else Parsed(number, value)

    def _clear(self) -> None:
        self.lines, self._depth, self._alone = [], 0, 0


def _one_after_the_other(number: int, line: bytes) -> Iterator[Parsed | Broken]:
    try:
        values = list(concatenated(line.decode()))
    except (ValueError, RecursionError):
        values = []
    if len(values) < 2:
        yield Broken(number, why_not_json(line))
    else:
        for value in values:
            yield Parsed(number, value)


def _numbered(stream: IO[bytes]) -> Iterator[tuple[int, bytes | None]]:
    """Lines with their numbers; None for one that is too long. Of one that opens a long list only the beginning."""
    number = 0
    while line := stream.readline(_LINE):
        number += 1
        if number == 1:
            line = line.removeprefix(_BOM)
        if len(line) >= _LINE and not line.endswith(b"\n") and not line.lstrip().startswith(b"["):
            yield number, _rest_of_line(line, stream)
        else:
            yield number, line


def _rest_of_line(start: bytes, stream: IO[bytes]) -> bytes | None:
    parts, size = [start], len(start)
    while part := stream.readline(_LINE):
        size += len(part)
        if size <= _LONGEST:
            parts.append(part)
        if part.endswith(b"\n"):
            break
    return b"".join(parts) if size <= _LONGEST else None


def _depth(line: bytes) -> int | None:
    """Opened brackets less closed ones, those in text left out; None where a text does not end."""
    depth = 0
    for token in _TOKENS.findall(line):
        if token == b'"':
            return None
        depth += _WEIGHTS.get(token, 0)
    return depth
