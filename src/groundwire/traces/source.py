"""What a source of stored traces is, and the one that reads files."""

import gzip
import json
import sys
import zlib
from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path
from typing import Any, BinaryIO, Protocol, cast

from groundwire.errors import SourceError
from groundwire.model import LogEvent, SpanRecord
from groundwire.traces import jaeger_ui, otlp_json
from groundwire.traces.otlp_json import Complaint

ACCEPTED = (
    "OTLP/JSON (one object a line, or one object), also as answered by Tempo or Jaeger, "
    "or JSON saved from the Jaeger UI; .gz too"
)
_EXTENSIONS = (".jsonl", ".json", ".jsonl.gz", ".json.gz", ".ndjson", ".otlp")
_GZIP, _ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"


@dataclass(frozen=True, slots=True)
class Problem:
    """A part of a source that could not be read; everything else was."""

    source: str
    line: int | None
    """From 1; None where it concerns no single line."""
    message: str

    def __str__(self) -> str:
        place = self.source if self.line is None else f"{self.source}:{self.line}"
        return f"{place}: {self.message}"


class Source(Protocol):
    """Stored spans, read by iterating: once, in no particular order, traces in pieces.

    Log records that say something about a span come as they are met; `groundwire.traces.joined` attaches them.
    """

    @property
    def name(self) -> str:
        """What the user called it."""
        ...

    @property
    def problems(self) -> list[Problem]:
        """What was left out so far; complete when the iteration has ended."""
        ...

    def __iter__(self) -> Iterator[SpanRecord | LogEvent]:
        """The spans and log records.

        Raises:
            SourceError: nothing in it can be read.
        """
        ...


class TraceFiles:
    """Spans from files; `-` is standard input.

    A line that is no JSON (the last one of a file that is being written, for instance) becomes a problem.
    """

    def __init__(self, name: str, paths: Iterable[Path | str]) -> None:
        self.name = name
        self.problems: list[Problem] = []
        self._paths = tuple(paths)

    def __iter__(self) -> Iterator[SpanRecord | LogEvent]:
        """The spans of all files, one after the other.

        Raises:
            SourceError: there is no such file, or not one of them holds a trace.
        """
        found = False
        for path in self._paths:
            read = _File("standard input" if str(path) == "-" else str(path), self.problems)
            with _opened(path) as stream:
                yield from read.spans(stream)
            found = found or read.has_traces
        if not found:
            first = f" ({self.problems[0]})" if self.problems else " (it is empty)"
            raise SourceError(f"{self.name}: no trace in it{first}; expected {ACCEPTED}")


class _File:
    def __init__(self, name: str, problems: list[Problem]) -> None:
        self.has_traces = False
        self._name = name
        self._problems = problems

    def spans(self, stream: Iterable[bytes]) -> Iterator[SpanRecord | LogEvent]:
        lines = enumerate(self._whole_lines(stream), 1)
        for number, line in lines:
            if not line.strip():
                continue
            document = _parsed(line)
            if document is None:
                # Either a document over many lines, or a file that begins with a broken line.
                yield from self._many_lines([(number, line), *lines])
                return
            yield from self._decoded(document, number)
            yield from self._line_by_line(lines)

    def _line_by_line(self, lines: Iterable[tuple[int, bytes]]) -> Iterator[SpanRecord | LogEvent]:
        for number, line in lines:
            if line.strip():
                document = _parsed(line)
                if document is None:
                    self._complain(number)(_why_not_json(line))
                else:
                    yield from self._decoded(document, number)

    def _many_lines(self, lines: list[tuple[int, bytes]]) -> Iterator[SpanRecord | LogEvent]:
        try:
            documents = list(concatenated(b"".join(line for _, line in lines).decode("utf-8-sig")))
        except (ValueError, RecursionError):
            yield from self._line_by_line(lines)
            return
        for document in documents:
            yield from self._decoded(document, None)

    def _decoded(self, document: Any, line: int | None) -> Iterator[SpanRecord | LogEvent]:
        complain = self._complain(line)
        try:
            if jaeger_ui.is_jaeger_ui(document):
                self.has_traces = True
                yield from jaeger_ui.decode(document, complain)
            else:
                self.has_traces = self.has_traces or otlp_json.is_otlp(document)
                yield from otlp_json.decode(document, complain)
        except RecursionError:
            complain("nested too deeply")

    def _complain(self, line: int | None) -> Complaint:
        return lambda message: self._problems.append(Problem(self._name, line, message))

    def _whole_lines(self, stream: Iterable[bytes]) -> Iterator[bytes]:
        """The lines, as far as the stream can be read: compressed files break off in their middle."""
        try:
            yield from stream
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            self._problems.append(Problem(self._name, None, f"breaks off: {error}"))


def concatenated(text: str) -> Iterator[Any]:
    """JSON documents that follow one another, with or without white space between them.

    Raises:
        ValueError: one of them is no JSON.
    """
    decoder, at = json.JSONDecoder(), 0
    while at < len(text):
        if text[at].isspace():
            at += 1
            continue
        document, at = decoder.raw_decode(text, at)
        yield document


def _parsed(line: bytes) -> Any:
    """The JSON value of a line; None where it is none (`null` says as little)."""
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        return None


def _why_not_json(line: bytes) -> str:
    try:
        json.loads(line)
    except UnicodeDecodeError:
        return "not UTF-8"
    except json.JSONDecodeError as error:
        cut = error.pos >= len(error.doc.rstrip()) or error.msg.startswith("Unterminated")
        return "half a line: the JSON breaks off" if cut else f"no JSON: {error.msg} at column {error.colno}"
    except (ValueError, RecursionError) as error:
        return f"no JSON: {error}"
    return "null is no trace"


@contextmanager
def _opened(path: Path | str) -> Generator[Iterable[bytes], None, None]:
    try:
        raw = sys.stdin.buffer if str(path) == "-" else Path(path).open("rb")  # noqa: SIM115
    except OSError as error:
        raise SourceError(f"{path}: cannot be opened ({error.strerror or error}); expected {ACCEPTED}") from error
    try:
        head = raw.peek(4) if isinstance(raw, BufferedReader) else b""
        if head.startswith(_ZSTD):
            raise SourceError(f"{path}: compressed with zstd; decompress it first: zstd -d {path}")
        if head.startswith(_GZIP):
            yield cast(BinaryIO, gzip.GzipFile(fileobj=raw))
        else:
            yield raw
    except (OSError, UnicodeError) as error:
        raise SourceError(f"{path}: cannot be read ({error})") from error
    finally:
        if raw is not sys.stdin.buffer:
            raw.close()


def files_in(folder: Path) -> list[Path]:
    """Trace files below a folder, by name."""
    return sorted(p for p in folder.rglob("*") if p.is_file() and p.name.endswith(_EXTENSIONS))
