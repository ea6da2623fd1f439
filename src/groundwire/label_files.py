"""Lines of label files: JSON lines and CSV, plain or gzip, as one object a line."""

import csv
import gzip
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Any, TypeAlias

Object: TypeAlias = Mapping[str, Any]

_JSON_CELLS = frozenset(
    {"passages", "relevant_passages", "spans", "annotations", "votes", "labels", "sentences", "supported"}
)
"""Columns whose cells are JSON always."""
_LISTS = frozenset({"evidence", "distractors", "conversation", "history", "relevant", "claim_tokens", "non_supported"})
"""Columns whose cells are text, or a JSON list where they begin like one."""
_DELIMITERS = ",;\t"
_LONGEST_CELL = 64 * 1024 * 1024


def records(file: Path) -> Iterator[tuple[int, Object | str]]:
    """Line number (from 1) and the object of that line, or what is wrong with the line; blank lines are passed over.

    `.csv` and `.tsv` files (also `.csv.gz`) have a header; comma, semicolon or tab, whichever the header holds most of.
    A row of several lines has the number of its last one. Anything else is read as JSON lines. Bytes that are no UTF-8
    make their line a problem.

    Raises:
        OSError, EOFError: the file cannot be read.
    """
    suffixes = [s.lower() for s in file.suffixes]
    table = next((s for s in reversed(suffixes) if s != ".gz"), "") in (".csv", ".tsv")
    with _opened(file) as stream:
        yield from _cells(stream) if table else _objects(stream)


def _opened(file: Path) -> IO[str]:
    with file.open("rb") as raw:
        zipped = raw.read(2) == b"\x1f\x8b"
    # What is no UTF-8 survives as a lone surrogate until its line is looked at; a byte order mark goes.
    if zipped:
        return gzip.open(file, "rt", encoding="utf-8-sig", errors="surrogateescape", newline="")
    return file.open(encoding="utf-8-sig", errors="surrogateescape", newline="")


def _objects(stream: IO[str]) -> Iterator[tuple[int, Object | str]]:
    for number, line in enumerate(stream, 1):
        if not line.strip():
            continue
        if _undecodable(line):
            yield number, "not UTF-8"
            continue
        try:
            item: Any = json.loads(line)
        except (ValueError, RecursionError) as error:
            yield number, f"no JSON: {error}"
            continue
        yield number, item if isinstance(item, dict) else f"a JSON object is expected, found {_kind(item)}"


def _cells(stream: IO[str]) -> Iterator[tuple[int, Object | str]]:
    header_line, above = stream.readline(), 1
    while header_line and not header_line.strip():
        header_line, above = stream.readline(), above + 1
    delimiter = max(_DELIMITERS, key=header_line.count)
    header = [name.strip().lower() for name in next(csv.reader([header_line], delimiter=delimiter), [])]
    if not header or _undecodable(header_line):
        yield above, "no header" if not header else "not UTF-8"
        return
    if len(set(header)) < len(header):
        yield above, f"the header names a column twice: {', '.join(header)}"
        return
    before = csv.field_size_limit(_LONGEST_CELL)  # a context is easily longer than the 128 KiB that csv allows
    try:
        reader = csv.reader(stream, delimiter=delimiter, strict=True)
        while True:
            try:
                row = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                yield reader.line_num + above, f"no CSV: {error}"
                continue
            if not any(cell.strip() for cell in row):
                continue
            if len(row) != len(header):
                yield reader.line_num + above, f"{len(row)} cells where the header has {len(header)}"
            elif any(map(_undecodable, row)):
                yield reader.line_num + above, "not UTF-8"
            else:
                yield reader.line_num + above, _item(dict(zip(header, row, strict=True)))
    finally:
        csv.field_size_limit(before)


def _item(row: Mapping[str, str]) -> Object | str:
    """The cells as JSON lines would have them: an empty cell is no key, lists are lists."""
    item: dict[str, Any] = {}
    for name, cell in row.items():
        if not cell.strip():
            if name in ("answer", "claim"):
                item[name] = cell
            continue
        if name in _JSON_CELLS or (name in _LISTS and cell.lstrip().startswith("[")):
            try:
                item[name] = json.loads(cell, strict=False)  # cells hold line breaks as they are
            except (ValueError, RecursionError) as error:
                return f"column {name}: no JSON: {error}"
        else:
            item[name] = cell
    return item


def _undecodable(text: str) -> bool:
    return any("\udc80" <= c <= "\udcff" for c in text) if not text.isascii() else False


def _kind(value: Any) -> str:
    if value is None:
        return "null"
    return "a list" if isinstance(value, list) else "a text" if isinstance(value, str) else "a number"
