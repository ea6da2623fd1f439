"""What was judged, line by line, before anything else happens: a run that is killed loses the answer it was at.

One file a bucket. A line is written with one call of the system, so the last one may be torn by a kill, and no other;
it stays readable when the process is gone. (It is not forced to the disk: a power cut may take the last seconds.)
"""

import contextlib
import json
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, TypeAlias

from groundwire import semconv
from groundwire.model import SpanRecord
from groundwire.pipeline.judgement import Judgement

_FLAGS = os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
Key: TypeAlias = tuple[str, str]
"""(id of the `evaluate` span, digest of the chain)."""


class Journal:
    """The judgements of one bucket.

    Args:
        kept: the file; or what was in it, where the file is on another machine; None: nothing is remembered.
    """

    def __init__(self, kept: str | bytes | None) -> None:
        self._handle: int | None = None
        self._rows: dict[Key, list[Any]] = {}
        self._new: list[bytes] | None = None
        if isinstance(kept, bytes):
            self._rows, _ = _rows(kept.splitlines(keepends=True))
            self._new = []
        elif kept is not None:
            self._handle = os.open(kept, _FLAGS, 0o600)
            _alone(self._handle)
            with Path(kept).open("rb") as file:
                self._rows, end = _rows(file)
            os.ftruncate(self._handle, end)
            os.lseek(self._handle, 0, os.SEEK_END)

    @property
    def new(self) -> bytes:
        """The lines that were added, where the file is on another machine."""
        return b"".join(self._new or ())

    def __enter__(self) -> "Journal":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __len__(self) -> int:
        return len(self._rows)

    def close(self) -> None:
        """Let go of the file."""
        handle, self._handle = self._handle, None
        if handle is not None:
            os.close(handle)

    def find(self, place: str, digest: str, answer: SpanRecord) -> SpanRecord | None:
        """The `evaluate` span of a judgement that was made of these very words; None where there is none."""
        row = self._rows.get((place, digest))
        if row is None:
            return None
        _, _, name, status, attributes = row
        return SpanRecord(
            trace_id=answer.trace_id, span_id=place, parent_id=answer.span_id, name=name, start_ns=answer.end_ns,
            end_ns=answer.end_ns, status=status, attributes=attributes, scope="groundwire.evaluation",
            resource=answer.resource,
        )  # fmt: skip

    def add(self, judgement: Judgement, digest: str) -> None:
        """Remember one that need not be made again.

        Raises:
            OSError: the disk is full, or gone.
        """
        if (self._handle is None and self._new is None) or not judgement.stands:
            return
        record = judgement.record
        row = [record.span_id, digest, record.name, record.status, dict(record.attributes)]
        line = json.dumps(row, separators=(",", ":")).encode() + b"\n"
        if self._new is not None:
            self._new.append(line)
        while self._handle is not None and line:
            line = line[os.write(self._handle, line) :]


def count(folder: Path) -> int:
    """How many judgements are in the journals of a folder."""
    return sum(len(rows) for rows in _all(folder))


def spent(folder: Path) -> float:
    """USD that the judgements in the journals of a folder have cost."""
    costs = (row[4].get(semconv.EVALUATION_COST) for rows in _all(folder) for row in rows.values())
    return sum(cost for cost in costs if isinstance(cost, int | float))


def _all(folder: Path) -> Iterator[dict[Key, list[Any]]]:
    for path in sorted(folder.glob("*.journal")):
        with path.open("rb") as file:
            yield _rows(file)[0]


def _rows(lines: Iterable[bytes]) -> tuple[dict[Key, list[Any]], int]:
    """The rows, and where the last whole line ends."""
    rows: dict[Key, list[Any]] = {}
    end = 0
    for line in lines:
        if not line.endswith(b"\n"):
            break
        end += len(line)
        with contextlib.suppress(ValueError):
            row: Any = json.loads(line)
            if isinstance(row, list) and len(row) == 5 and isinstance(row[4], dict):
                rows[str(row[0]), str(row[1])] = row
    return rows, end


def _alone(handle: int) -> None:
    """Wait until no process that was left over from a killed run is at it any more."""
    with contextlib.suppress(ImportError, OSError):  # not every file system has locks
        import fcntl

        fcntl.flock(handle, fcntl.LOCK_EX)
