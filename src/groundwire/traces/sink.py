"""What a sink is, and those that write OTLP/JSON lines: a file, and standard output."""

import contextlib
import gzip
import sys
from collections.abc import Generator, Sequence
from pathlib import Path
from typing import IO, Protocol, cast, runtime_checkable

from groundwire.errors import SinkError
from groundwire.model import SpanRecord
from groundwire.replacing import Replacement
from groundwire.terminal import escaped
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
        self._done = False
        packer = zstd(self.name) if path.suffix == ".zst" else None
        try:
            self._place = Replacement(path)
        except OSError as error:
            raise self._error(error) from error
        self._file = self._place.file
        if path.suffix == ".gz":  # without a time: the same spans give the same bytes
            self._file = cast(IO[bytes], gzip.GzipFile(fileobj=self._place.file, mode="wb", mtime=0))
        if packer is not None:
            self._file = packer.ZstdFile(self._place.file, mode="wb")

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
        if self._done:
            return
        try:
            if self._file is not self._place.file:
                self._file.close()
            self._place.keep()
            self._done = True
        except OSError as error:
            self.abandon()
            raise self._error(error) from error

    def abandon(self) -> None:
        """Leave no file behind."""
        if not self._done:
            self._done = True
            with contextlib.suppress(OSError, ValueError):
                self._file.close()
            self._place.discard()

    def _error(self, error: OSError) -> SinkError:
        return SinkError(f"cannot write {self.name} ({error.strerror or error}); use {FORM}")


class StandardOutput:
    """Lines on standard output, in UTF-8 whatever the terminal's encoding: a trace must not lose its letters."""

    holds_traces = True
    name = "standard output"

    def __init__(self) -> None:
        self._left = b""

    def write(self, spans: Sequence[SpanRecord]) -> None:
        """One line."""
        if spans:
            self._out(encode(spans).encode() + b"\n")

    def write_lines(self, lines: bytes) -> None:
        """As they are.

        Raises:
            SinkError: the disk that it was redirected to is full. A reader that has gone is no mistake.
        """
        self._left += lines
        whole, _, self._left = self._left.rpartition(b"\n")
        if whole:
            self._out(whole + b"\n")

    def _out(self, lines: bytes) -> None:
        if sys.stdout.isatty():
            lines = escaped(lines.decode()).encode()
        with _told():
            sys.stdout.flush()
            if (binary := getattr(sys.stdout, "buffer", None)) is not None:
                binary.write(lines)
            else:  # a notebook's, for instance
                sys.stdout.write(lines.decode())

    def close(self) -> None:
        """Flush."""
        with _told():
            sys.stdout.flush()

    def abandon(self) -> None:
        """What is out is out."""


@contextlib.contextmanager
def _told() -> Generator[None]:
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        raise SinkError(f"cannot write standard output ({error.strerror or error})") from error
