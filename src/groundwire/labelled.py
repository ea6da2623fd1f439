"""Rows with human (or machine) labels, from JSON lines or CSV: docs/labels.md tells the format.

`label_files` reads lines, `label_shapes` makes rows of them, `label_verdicts` reads the labels.
"""

import zlib
from dataclasses import dataclass, field
from pathlib import Path

from groundwire.errors import SourceError
from groundwire.label_files import records
from groundwire.label_shapes import rows as rows_of
from groundwire.labelled_row import Labelled

__all__ = ["ACCEPTED", "Labelled", "LabelledFile", "labelled"]

ACCEPTED = (
    "one JSON object a line (.jsonl or .jsonl.gz), or .csv with a header: answer + context (or passages) + label |"
    " labels | spans | annotations | faithful | votes; claim + context (or evidence) + label; sentences + votes;"
    " right_answer + hallucinated_answer; question + passage (or sentence, passages) + relevant | answerable"
)


@dataclass(frozen=True, slots=True)
class LabelledFile:
    """The rows of a file, and the lines that gave none."""

    rows: tuple[Labelled, ...]
    rejected: tuple[tuple[int, str], ...] = ()
    """Line number (from 1) and why: no JSON, no known shape, no usable label."""
    name: str = field(default="", compare=False)


def labelled(path: str | Path) -> LabelledFile:
    """Read labelled rows from `.jsonl`, `.csv` or `.tsv`, plain or `.gz`.

    A line that cannot be used is reported in `rejected`. Contexts of the form `passage 1: ... passage 2: ...` become
    several passages; a JSON context stays one.

    Raises:
        SourceError: there is no such file, it is not readable, or not one row in it can be used.
    """
    file = Path(path)
    rows: list[Labelled] = []
    rejected: list[tuple[int, str]] = []
    try:
        for number, item in records(file):
            if isinstance(item, str):
                rejected.append((number, item[:200]))
                continue
            try:
                for found in rows_of(item, number, file.name):
                    if isinstance(found, str):
                        rejected.append((number, found[:200]))
                    else:
                        rows.append(found)
            except ValueError as error:
                rejected.append((number, str(error)[:200]))
            except (TypeError, KeyError, AttributeError, RecursionError) as error:
                rejected.append((number, f"{type(error).__name__}: {error}"[:200]))
    except (OSError, EOFError, zlib.error) as error:
        raise SourceError(f"{file}: cannot be read ({error}); expected {ACCEPTED}") from error
    if not rows:
        first = f"; first problem: line {rejected[0][0]}: {rejected[0][1]}" if rejected else ""
        raise SourceError(f"{file}: no usable row{first}; expected {ACCEPTED}")
    return LabelledFile(tuple(rows), tuple(rejected), file.name)
