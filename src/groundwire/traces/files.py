"""Traces in files: any shape, packed or not, one file or many, known by their content."""

import os
import sys
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from groundwire.errors import SourceError
from groundwire.replacing import is_device
from groundwire.traces import json_documents, shapes
from groundwire.traces.compression import filled, peeked, unpacked
from groundwire.traces.json_values import Broken, Parsed, parsed
from groundwire.traces.source import ACCEPTED, Item, Problems, Tally

_HEAD = 4096
_EXTENSIONS = (".jsonl", ".json", ".ndjson", ".otlp", ".pb", ".binpb", ".proto", ".parquet", ".csv")
_PACKED = (".gz", ".zst", ".zip")
_PARQUET = b"PAR1"
_CONTROL = frozenset(range(32)) - {9, 10, 13}


class TraceFiles:
    """Spans from files; `-` is standard input.

    What cannot be read becomes a problem: a line that is no JSON (the last one of a file that is being written, for
    instance), a span without ids, a file that is none of ours.
    """

    def __init__(self, name: str, paths: Iterable[Path | str]) -> None:
        self.name = name
        self.problems = Problems()
        self._paths = tuple(paths)

    @property
    def tally(self) -> Tally:
        """How much was read and rejected so far."""
        return self.problems.tally

    def __iter__(self) -> Iterator[Item]:
        """The spans and log records of all files, one after the other.

        Raises:
            SourceError: not one of the files holds a trace.
            MissingLibrary: a file needs a library that is not installed.
        """
        found = False
        for path in self._paths:
            read = _File("standard input" if str(path) == "-" else str(path), self.problems)
            try:
                with _opened(path, read.complain) as stream:
                    yield from self.problems.counted(read.items(stream))
            except OSError as error:
                self.problems.add(read.name, None, f"cannot be read: {error.strerror or error}")
            found = found or read.has_traces
        if not found:
            first = f" ({self.problems[0]})" if self.problems else " (it is empty)"
            raise SourceError(f"{self.name}: no trace in it{first}; expected {ACCEPTED}")


class _File:
    def __init__(self, name: str, problems: Problems) -> None:
        self.has_traces = False
        self.name = name
        self._problems = problems

    def complain(self, message: str) -> None:
        """Tell of a part that was left out, in no line."""
        self._problems.add(self.name, None, message)

    def items(self, stream: IO[bytes]) -> Iterator[Item]:
        """What is in it."""
        for name, inner in unpacked(self.name, stream, self.complain):
            if name != self.name and not _may_be_a_trace(name, peeked(inner, _HEAD)):
                continue  # a file beside the traces in an archive
            self.name = name
            yield from self._content(inner)

    def _content(self, stream: IO[bytes]) -> Iterator[Item]:
        from groundwire.traces import otlp_proto, rows

        head = peeked(stream, _HEAD)
        if head.startswith(_PARQUET):
            yield from self._rows(rows.of_parquet(self.name, stream))
        elif head[:1] not in (b"{", b"[") and (how := otlp_proto.framing(head)) and not _CONTROL.isdisjoint(head):
            self.has_traces = True
            yield from otlp_proto.decode_stream(stream, how, self.complain)
        elif rows.is_csv(head):
            yield from self._rows(rows.of_csv(stream))
        else:
            for document in json_documents.documents(stream, shapes.is_trace):
                if isinstance(document, Broken):
                    self._problems.add(self.name, document.line, document.reason)
                else:
                    yield from self._decoded(document.value, document.line)

    def _rows(self, found: "Iterable[Parsed | Broken]") -> Iterator[Item]:
        for row in found:
            if isinstance(row, Broken):
                self._problems.add(self.name, row.line, row.reason)
            else:
                yield from self._decoded(row.value, row.line)

    def _decoded(self, document: object, line: int | None) -> Iterator[Item]:
        complain = self._complain(line)
        try:
            self.has_traces = self.has_traces or shapes.is_trace(document)
            yield from shapes.decode(document, complain)
        except RecursionError:
            complain("nested too deeply")

    def _complain(self, line: int | None) -> Callable[[str], None]:
        return lambda message: self._problems.add(self.name, line, message)


@contextmanager
def _opened(path: Path | str, complain: Callable[[str], None]) -> Generator[IO[bytes], None, None]:
    """The bytes. A pipe may give them one by one, and what a file is shows in its first thousands."""
    if str(path) == "-":
        yield filled(sys.stdin.buffer, complain)
        return
    with Path(path).open("rb") as stream:
        yield filled(stream, complain) if is_device(Path(path)) else stream


def files_in(folder: Path) -> list[Path]:
    """Trace files below a folder, by name; what begins with a dot is none of them, nor in a folder that does.

    A folder that cannot be looked into is among them, and a link to nothing that is called as traces are: opening them
    tells what is wrong.
    """
    found: list[Path] = []
    for place, folders, names in os.walk(folder, onerror=lambda error: found.append(Path(error.filename))):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for path in (Path(place, name) for name in names if not name.startswith(".")):
            there = path.is_file() or (path.is_symlink() and not path.exists())
            if there and _may_be_a_trace(path.name, None if _named(path.name) else _head(path)):
                found.append(path)
    return sorted(found)


def _head(path: Path) -> bytes:
    try:
        with path.open("rb") as stream:
            return stream.read(_HEAD)
    except OSError:
        return b""


def _named(name: str) -> bool:
    """Whether a file is called as traces are."""
    return name.lower().endswith((*_EXTENSIONS, *_PACKED))


def _may_be_a_trace(name: str, head: bytes | None) -> bool:
    """Whether a file beside others is to be read: by its name, else by how it begins."""
    from groundwire.traces import otlp_proto

    if head is None or _named(name):
        return True
    if head.lstrip()[:1] in (b"{", b"["):
        line = head.partition(b"\n")[0]
        return b'"resourceSpans"' in head or shapes.is_trace(parsed(line))
    return head.startswith(_PARQUET) or (otlp_proto.framing(head) is not None and not _CONTROL.isdisjoint(head))
