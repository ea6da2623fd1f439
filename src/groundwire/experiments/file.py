"""Where the traces of an experiment go: a file that a broken-off run goes on with, or any other place for spans.

A file has one line a case. A line is written at once, so a run that is killed leaves whole lines, and at most one half
line at the end, which the next run cuts off.
"""

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import IO, TypeAlias

from groundwire import semconv
from groundwire.errors import ConfigurationError, SinkError
from groundwire.experiments.result import Row, row_of
from groundwire.experiments.spans import Plan
from groundwire.model import SpanRecord
from groundwire.replacing import is_device, replace
from groundwire.traces import Sink, open_sink
from groundwire.traces.otlp_json import decode, encode


class ExperimentFile:
    """A file of cases, opened to go on with it.

    Args:
        path: the file; it may be there already.
        plan: what its rows must be of.
        resume: False: what is there is written over.

    Raises:
        ConfigurationError: what is there is no experiment, or another one.
        SinkError: it cannot be written.
    """

    def __init__(self, path: Path, plan: Plan, *, resume: bool = True) -> None:
        self.name = str(path)
        self._path = path
        self.done: list[Row] = []
        """Rows that are there: cases whose target failed are not among them, they are run again."""
        if path.suffix in (".gz", ".zst"):
            raise ConfigurationError(f"{path}: an experiment is written line by line, use for instance {path.stem}")
        try:
            if resume and path.exists():
                self._keep_what_is_done(path, plan)
            elif path.exists():
                path.write_bytes(b"")
            self._file: IO[bytes] = path.open("ab")
        except OSError as error:
            raise SinkError(f"cannot write {path}: {error.strerror or error}") from error

    def write(self, spans: Sequence[SpanRecord]) -> None:
        """Add a case.

        Raises:
            SinkError: the disk is full, for instance.
        """
        try:
            self._file.write(encode(spans).encode() + b"\n")
            self._file.flush()
        except OSError as error:
            raise SinkError(f"cannot write {self.name}: {error.strerror or error}") from error

    def close(self) -> None:
        """Finish."""
        self._file.close()

    def _keep_what_is_done(self, path: Path, plan: Plan) -> None:
        kept: list[bytes] = []
        dropped = False
        with path.open("rb") as stream:
            for number, line in enumerate(stream, 1):
                if not line.strip():
                    continue
                row = _row(line)
                if row is None and not line.endswith(b"\n"):
                    dropped = True  # the run was killed while it wrote this
                    continue
                if row is None:
                    raise ConfigurationError(
                        f"{path}: line {number} is no case of an experiment; use another file, or start over"
                    )
                _same_plan(path, row, plan)
                if row.error is None:
                    self.done.append(row.without_spans())
                    kept.append(line if line.endswith(b"\n") else line + b"\n")
                    dropped = dropped or not line.endswith(b"\n")
                else:
                    dropped = True
        if dropped:
            replace(path, b"".join(kept))


def _row(line: bytes) -> Row | None:
    try:
        spans = [s for s in decode(json.loads(line), lambda _: None) if isinstance(s, SpanRecord)]
    except (ValueError, RecursionError):
        return None
    return row_of(spans)


def _same_plan(path: Path, row: Row, plan: Plan) -> None:
    root = next(s for s in row.spans if semconv.CASE_ID in s.attributes)
    asked = {
        "name": (semconv.EXPERIMENT, plan.name),
        "dataset (hash)": (semconv.DATASET_HASH, plan.dataset_hash),
        "app_version": (semconv.APP_VERSION, plan.app_version),
        "evaluators": (semconv.EXPERIMENT_EVALUATORS, plan.judged_by),
    }
    for what, (key, wanted) in asked.items():
        found = root.attributes.get(key)
        if isinstance(wanted, tuple):
            found = tuple(found or ())
        if found != wanted:
            raise ConfigurationError(
                f"{path} holds an experiment with another {what}: {_told(found)} there, {_told(wanted)} here; "
                "use another file, or start over"
            )


def _told(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)


class Elsewhere:
    """Any other place for spans; nothing can be gone on with there."""

    def __init__(self, sink: Sink) -> None:
        self.name = sink.name
        self.done: list[Row] = []
        self._sink = sink

    def write(self, spans: Sequence[SpanRecord]) -> None:
        """Add a case."""
        self._sink.write(spans)

    def close(self) -> None:
        """Finish."""
        self._sink.close()


class Nowhere:
    """Rows are kept in memory alone."""

    name = ""

    def __init__(self) -> None:
        self.done: list[Row] = []

    def write(self, spans: Sequence[SpanRecord]) -> None:
        """Nothing to do."""

    def close(self) -> None:
        """Nothing to do."""


Destination: TypeAlias = ExperimentFile | Elsewhere | Nowhere


def destination(out: str | os.PathLike[str] | None, plan: Plan, *, resume: bool) -> Destination:
    """Where cases are written, by what the user calls it.

    Raises:
        ConfigurationError, SinkError: see `ExperimentFile` and `open_sink`.
    """
    if out is None:
        return Nowhere()
    text = os.fspath(out)
    if text == "-" or "://" in text or is_device(Path(text)):
        return Elsewhere(open_sink(text))
    if Path(text).is_dir():
        raise SinkError(f"cannot write to {text}, it is a folder; name a file, for instance run.jsonl")
    return ExperimentFile(Path(text), plan, resume=resume)
