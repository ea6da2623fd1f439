"""What a sink is, and those that write OTLP/JSON lines: a file, and standard output."""

import contextlib
import gzip
import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Protocol, cast, runtime_checkable

from groundwire.errors import SinkError
from groundwire.model import SpanRecord
from groundwire.traces.compression import zstd
from groundwire.traces.otlp_json import encode

FORM = (
    "a file name (traces.jsonl, scores.parquet, scores.csv), - for standard output, otlp+http://host:4318, "
    "or phoenix+http://host:6006"
)


class Sink(Protocol):
    """A place for spans. Nothing is certain to be there before `close`."""

    @property
    def name(self) -> str:
        """What the user called it."""
        ...

    @property
    def holds_traces(self) -> bool:
        """Whether it takes whole traces. False: they are there already, and only new spans are to be sent."""
        ...

    def write(self, spans: Sequence[SpanRecord]) -> None:
        """Add spans.

        Raises:
            SinkError: they cannot be written.
        """
        ...

    def close(self) -> None:
        """Finish.

        Raises:
            SinkError: what was written cannot be kept.
        """
        ...

    def abandon(self) -> None:
        """Give up: leave the destination as it was, where that is possible. Never raises."""
        ...


@runtime_checkable
class LineSink(Sink, Protocol):
    """A sink that takes lines of OTLP/JSON as they are: other processes may have written them."""

    def write_lines(self, lines: bytes) -> None:
        """Add whole lines, or a part of some, in UTF-8.

        Raises:
            SinkError: they cannot be written.
        """
        ...


@runtime_checkable
class LinkedSink(Sink, Protocol):
    """A sink that makes something of whole traces: answers may rest on spans of other traces."""

    def write_linked(self, spans: Sequence[SpanRecord], linked: Sequence[SpanRecord]) -> None:
        """Add whole traces, and give what they link to in others.

        Raises:
            SinkError: they cannot be written.
        """
        ...


class TraceFile:
    """A file that appears, complete, on `close`: it may be the one that is being read."""

    holds_traces = True

    def __init__(self, path: Path) -> None:
        self.name = str(path)
        self._path = path
        self._temporary: Path | None = None
        packer = zstd(self.name) if path.suffix == ".zst" else None
        try:
            descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
            self._temporary = Path(name)
            raw = os.fdopen(descriptor, "wb")
        except OSError as error:
            raise self._error(error) from error
        self._file = cast(IO[bytes], gzip.GzipFile(fileobj=raw, mode="wb") if path.suffix == ".gz" else raw)
        if packer is not None:
            self._file = packer.ZstdFile(raw, mode="wb")
        self._raw = raw

    def write(self, spans: Sequence[SpanRecord]) -> None:
        """One line."""
        if spans:
            self.write_lines(encode(spans).encode() + b"\n")

    def write_lines(self, lines: bytes) -> None:
        """As they are."""
        try:
            self._file.write(lines)
        except OSError as error:
            raise self._error(error) from error

    def close(self) -> None:
        """Put the file into its place."""
        if self._temporary is None:
            return
        try:
            self._shut()
            # What a new file would have got: mkstemp makes it private.
            mode = self._path.stat().st_mode if self._path.exists() else 0o666 & ~_umask()
            self._temporary.chmod(mode & 0o777)
            self._temporary.replace(self._path)
            self._temporary = None
        except OSError as error:
            self.abandon()
            raise self._error(error) from error

    def abandon(self) -> None:
        """Leave no file behind."""
        temporary, self._temporary = self._temporary, None
        if temporary is not None:
            with contextlib.suppress(OSError):
                self._shut()
            temporary.unlink(missing_ok=True)

    def _shut(self) -> None:
        self._file.close()
        self._raw.close()

    def _error(self, error: OSError) -> SinkError:
        return SinkError(f"cannot write {self.name} ({error.strerror or error}); use {FORM}")


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


class StandardOutput:
    """Lines on standard output."""

    holds_traces = True
    name = "standard output"

    def __init__(self) -> None:
        self._left = b""

    def write(self, spans: Sequence[SpanRecord]) -> None:
        """One line."""
        if spans:
            sys.stdout.write(encode(spans) + "\n")

    def write_lines(self, lines: bytes) -> None:
        """As they are."""
        self._left += lines
        whole, _, self._left = self._left.rpartition(b"\n")
        if whole:
            sys.stdout.write(whole.decode() + "\n")

    def close(self) -> None:
        """Flush."""
        sys.stdout.flush()

    def abandon(self) -> None:
        """What is out is out."""
