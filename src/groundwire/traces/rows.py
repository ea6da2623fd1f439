"""Tables as traces: the rows of a Parquet or CSV file, each told apart by its columns like any other document.

Cells hold what the writer put there: nested values in Parquet, text in CSV, where an empty cell is none. What else the
text is, JSON for instance, only the reader of the shape knows.
"""

import csv
import io
import json
import math
import sys
from collections.abc import Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from typing import IO, Any

from groundwire.errors import MissingLibrary
from groundwire.traces.json_values import Broken, Parsed

_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_BATCH = 256
_MARKS = frozenset(
    {"trace_id", "traceid", "context.trace_id", "span_id", "context.span_id", "run_type", "parentobservationid", "id"}
)


def of_parquet(name: str, stream: IO[bytes]) -> Iterator[Parsed | Broken]:
    """The rows of a Parquet file, some at a time.

    Raises:
        MissingLibrary: there is no pyarrow.
    """
    try:
        import pyarrow.parquet as pq  # type: ignore[import-untyped]
    except ImportError as error:
        raise MissingLibrary(name, 'pyarrow (or "groundwire[parquet]")') from error
    seekable = stream if stream.seekable() and hasattr(stream, "fileno") else io.BytesIO(stream.read())
    number = 0
    try:
        table = pq.ParquetFile(seekable)
        columns = _index_columns(table.schema_arrow)
        for batch in table.iter_batches(batch_size=_BATCH):
            for row in _with_plain_times(batch).to_pylist():
                number += 1
                yield Parsed(number, {columns.get(key, key): _plain(value) for key, value in row.items()})
    except Exception as error:  # of Arrow, or of what it calls, on bytes of anybody's
        yield Broken(number + 1, f"no Parquet that can be read from this row on: {' '.join(str(error).split())[:200]}")


def _with_plain_times(batch: Any) -> Any:
    """The same rows with times as nanoseconds: Python's own times end at microseconds, and Arrow refuses to cut."""
    import pyarrow as pa

    for n, field in enumerate(batch.schema):
        if pa.types.is_timestamp(field.type):
            times = batch.column(n).cast(pa.timestamp("ns", field.type.tz)).cast(pa.int64())
            batch = batch.set_column(n, field.name, times)
    return batch


def _index_columns(schema: Any) -> Mapping[str, str]:
    """What pandas stored a named index as, by the name it has in the file."""
    try:
        found = json.loads((schema.metadata or {})[b"pandas"])
        return {
            column["field_name"]: column["name"]
            for column in found["columns"]
            if column.get("name") and column["field_name"] in found["index_columns"]
        }
    except (KeyError, ValueError, TypeError):
        return {}


def _plain(value: Any) -> Any:
    """A cell as JSON would hold it: missing fields of nested values are left out."""
    match value:
        case float() if math.isnan(value):
            return None
        case Decimal():
            return float(value)
        case datetime():
            return value.isoformat()
        case list():
            return [_plain(entry) for entry in value]
        case dict():
            return {str(key): _plain(entry) for key, entry in value.items() if entry is not None}
        case _:
            return value


def is_csv(head: bytes) -> bool:
    """Whether the first line names columns that a table of traces has."""
    line = head.partition(b"\n")[0].removeprefix(b"\xef\xbb\xbf")
    if line[:1] in (b"{", b"["):
        return False
    try:
        names = next(csv.reader([line.decode().rstrip("\r")]), [])
    except (UnicodeDecodeError, csv.Error):
        return False
    return len(names) > 2 and not _MARKS.isdisjoint(name.strip().lower() for name in names)


def of_csv(stream: IO[bytes]) -> Iterator[Parsed | Broken]:
    """The rows of a CSV file with a header."""
    csv.field_size_limit(min(sys.maxsize, 2**31 - 1))
    text = io.TextIOWrapper(stream, encoding="utf-8-sig", errors="replace", newline="")
    try:
        yield from _csv_rows(csv.reader(text))
    finally:
        text.detach()  # who opened the stream closes it


def _csv_rows(reader: Any) -> Iterator[Parsed | Broken]:
    header: list[str] | None = None
    while True:
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield Broken(reader.line_num, f"no CSV: {error}")
            continue
        if header is None:
            header = [name.strip() for name in cells]
        elif len(cells) == len(header):
            row = {name: _cell(text) for name, text in zip(header, cells, strict=True)}
            yield Parsed(reader.line_num, {name: value for name, value in row.items() if value is not None})
        elif cells:
            yield Broken(reader.line_num, f"{len(cells)} cells in a table of {len(header)} columns")


def _cell(text: str) -> str | None:
    """A cell of CSV; None where it is empty."""
    if text[:1] == "'" and is_formula(text):
        return text[1:]
    return text or None


def is_formula(text: str) -> bool:
    """Whether a spreadsheet would run a cell of CSV, apostrophes taken away: tables of ours put one before it."""
    return text.lstrip("'").startswith(_FORMULA)
