"""Tables of answers with their scores: `scores.parquet` and `scores.csv`, a row an answer."""

import contextlib
import csv
import gzip
import io
import json
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any, cast

from groundwire.errors import MissingLibrary, SinkError
from groundwire.model import SpanRecord
from groundwire.replacing import Replacement, is_device
from groundwire.traces.answer_rows import COLUMNS, GROUP, row_of
from groundwire.traces.rows import is_formula

EXTENSIONS = (".parquet", ".csv", ".csv.gz")
_BATCH = 500


class TableFile:
    """A table that appears, complete, on `close`. Which columns it has is known only then: the rows wait in a file."""

    holds_traces = True

    def __init__(self, path: Path) -> None:
        self.name = str(path)
        self._path = path
        self._rows = 0
        self._names: dict[str, str] = dict(COLUMNS)
        self._parquet = path.suffix == ".parquet"
        if self._parquet:
            _pyarrow(self.name)
        try:
            self._spool: IO[str] = tempfile.TemporaryFile(  # noqa: SIM115
                "w+", encoding="utf-8", prefix=f".{path.name}.", dir=None if is_device(path) else path.parent
            )
        except OSError as error:
            raise self._error(error) from error

    def write(self, spans: Sequence[SpanRecord]) -> None:
        """The answers of whole traces."""
        self.write_linked(spans, ())

    def write_linked(self, spans: Sequence[SpanRecord], linked: Sequence[SpanRecord]) -> None:
        """The answers of whole traces, which rest on spans of others."""
        from groundwire.answers import answers

        own = {span.trace_id for span in spans}
        try:
            for answer in answers([*linked, *spans]):
                if answer.chain.trace_id in own:
                    self.add(row_of(answer), answer.checks)
        except OSError as error:
            raise self._error(error) from error

    def add(self, row: Mapping[str, Any], evaluators: Iterable[str]) -> None:
        """Add one row, as `row_of` gives it, with the outcomes of these evaluators."""
        for name in evaluators:
            self._names.update({f"{name}{end}": kind for end, kind in GROUP.items()})
        self._spool.write(json.dumps(row, allow_nan=False, default=str) + "\n")
        self._rows += 1

    def close(self) -> None:
        """Put the table into its place."""
        write = self._write_parquet if self._parquet else self._write_csv
        place: Replacement | None = None
        try:
            place = Replacement(self._path)
            write(place.file)
            place.keep()
        except OSError as error:
            raise self._error(error) from error
        finally:
            if place is not None:
                place.discard()
            self.abandon()

    def abandon(self) -> None:
        """Leave no file behind."""
        with contextlib.suppress(OSError, ValueError):
            self._spool.close()

    def _read(self) -> Iterator[dict[str, Any]]:
        self._spool.seek(0)
        for line in self._spool:
            yield json.loads(line)

    def _columns(self) -> Mapping[str, str]:
        """The common ones first, then the evaluators by name."""
        own = sorted((n for n in self._names if n not in COLUMNS), key=lambda n: (n.partition(".")[0], _place(n)))
        return {**COLUMNS, **{name: self._names[name] for name in own}}

    def _write_csv(self, file: IO[bytes]) -> None:
        columns = self._columns()
        packed = gzip.GzipFile(fileobj=file, mode="wb", mtime=0) if self._path.suffix == ".gz" else None
        text = io.TextIOWrapper(file if packed is None else cast(IO[bytes], packed), encoding="utf-8", newline="")
        writer = csv.writer(text)  # lines end with both characters, or Python 3.11 would not quote a lone \r
        writer.writerow(columns)
        for row in self._read():
            writer.writerow([_cell(row.get(name), kind) for name, kind in columns.items()])
        text.flush()
        text.detach()
        if packed is not None:
            packed.close()

    def _write_parquet(self, file: IO[bytes]) -> None:
        pa, pq = _pyarrow(self.name)
        columns = self._columns()
        passage = pa.struct(
            {
                "id": pa.string(),
                "text": pa.string(),
                "score": pa.float64(),
                "in_prompt": pa.bool_(),
                "span_id": pa.string(),
            }
        )
        types: Mapping[str, Callable[[], Any]] = {
            "text": pa.string,
            "number": pa.float64,
            "integer": pa.int64,
            "boolean": pa.bool_,
            "json": lambda: pa.list_(passage),
        }
        schema = pa.schema([(name, types[kind]()) for name, kind in columns.items()])
        with pq.ParquetWriter(file, schema, compression="zstd") as writer:
            batch: list[dict[str, Any]] = []
            for row in self._read():
                batch.append(row)
                if len(batch) == _BATCH:
                    writer.write_table(pa.Table.from_pylist(batch, schema=schema))
                    batch = []
            if batch or not self._rows:
                writer.write_table(pa.Table.from_pylist(batch, schema=schema))

    def _error(self, error: OSError) -> SinkError:
        return SinkError(f"cannot write {self.name} ({error.strerror or error})")


def _place(name: str) -> tuple[str, int]:
    end = next((end for end in GROUP if end and name.endswith(end)), "")
    return name.removesuffix(end), list(GROUP).index(end)


def _cell(value: Any, kind: str) -> str:
    """A cell of CSV. Text that a spreadsheet would take for a formula gets an apostrophe, which reading takes away."""
    if value is None:
        return ""
    if kind == "json":
        return json.dumps(value, ensure_ascii=False)
    if kind == "boolean":
        return "true" if value else "false"
    if kind in ("number", "integer"):
        return repr(value)
    text = str(value)
    return "'" + text if is_formula(text) else text


def _pyarrow(what: str) -> tuple[Any, Any]:
    try:
        import pyarrow as pa  # type: ignore[import-untyped]
        import pyarrow.parquet as pq  # type: ignore[import-untyped]
    except ImportError as error:
        raise MissingLibrary(what, 'pyarrow (or "groundwire[parquet]")') from error
    return pa, pq
