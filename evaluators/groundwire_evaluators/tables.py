"""Tables in a text: Markdown's, tab-separated ones and CSV, as rows under the names of their columns."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

_RULE = re.compile(r"[\s|:+=-]+$")
_CSV_CELL = re.compile(r"(?:^|,)\s*(?:\"((?:[^\"]|\"\")*+)\"|([^,\"]*+))\s*(?=,|$)")
_CSV_COMMA = re.compile(r",(?=(?:[^\"]*\"[^\"]*\"){0,20}[^\"]*$)")
_LONG_CELL = 60
_LONG_HEADER = 400
_LONGEST_CELL = 300
"""Characters; a longer one is prose beside the `|` of a page's title."""


@dataclass(frozen=True, slots=True)
class Row:
    """One row."""

    start: int
    """First character of the line in the text."""
    end: int
    text: str
    """The line, commas of CSV as blanks: `330,1889` are two numbers."""
    header: str
    """Names of the columns in one string; "" for the row that holds them."""
    cells: tuple[str, ...]


def table_rows(text: str) -> list[Row]:
    """The rows of a text that is mostly one table, the header first; [] where it is none. Linear."""
    if "|" in text:
        return _rows(text, _piped)
    if "\t" in text:
        return _rows(text, _tabbed)
    return _rows(text, _comma_separated) if _is_csv(text) else []


def _piped(line: str) -> Sequence[str]:
    return line.strip().strip("|").split("|") if "|" in line[1:-1] else ()


def _tabbed(line: str) -> Sequence[str]:
    return line.strip().split("\t") if "\t" in line.strip() else ()


def _comma_separated(line: str) -> Sequence[str]:
    return [a or b for a, b in _CSV_CELL.findall(line)]


def _is_csv(text: str) -> bool:
    """Three lines or more with the same three short cells or more, none of which ends like a sentence."""
    first, *others = [line for line in text[:2_000].split("\n") if line.strip()][:6] or [""]
    if len(others) < 2 or "," not in first or len(first) > _LONG_HEADER:
        return False
    header = _comma_separated(first)
    if len(header) < 3 or any(not 0 < len(name.strip()) <= 40 for name in header) or first.rstrip()[-1] in ".!?:;":
        return False
    lines = others if len(text) <= 2_000 else others[:-1]  # the last may be cut
    cells = [_comma_separated(line) for line in lines]
    return all(len(row) == len(header) and all(len(cell) <= _LONG_CELL for cell in row) for row in cells)


def _rows(text: str, cut: Callable[[str], Sequence[str]]) -> list[Row]:
    lines: list[tuple[int, str]] = []
    at = 0
    for line in text.split("\n"):
        if line.strip():
            lines.append((at, line))
        at += len(line) + 1
    cells = [cut(line) for _, line in lines]
    count = sum(len(row) > 1 and max(map(len, row)) <= _LONGEST_CELL for row in cells)
    if count < 2 or count * 2 < len(lines):
        return []
    header = ""
    found: list[Row] = []
    for (start, line), row in zip(lines, cells, strict=True):
        if _RULE.match(line):
            continue
        shown = _CSV_COMMA.sub(" ", line) if cut is _comma_separated else line
        found.append(Row(start, start + len(line), shown, header, tuple([cell.strip() for cell in row])))
        if not header:
            header = " ".join(re.split(r"[|\t]+", shown)).strip()[:_LONG_HEADER]
    return found
