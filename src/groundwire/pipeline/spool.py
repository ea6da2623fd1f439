"""Spans sorted by trace into buckets, in memory as long as they are few and on disk from then on.

What an answer links to in a trace of another bucket is copied to the answer's bucket as a guest, so that no bucket
needs another.
"""

import contextlib
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TypeAlias

from groundwire.model import SpanRecord
from groundwire.pipeline.codec import Item, Packed, dumps, loads, pack, read_chunks, size_of, write_chunk

BUCKETS = 64
IN_MEMORY = 48 * 1024 * 1024
"""Bytes that are held before anything goes to disk."""
LARGEST = 32 * 1024 * 1024
"""Bytes of a bucket from which it is sorted again into smaller ones, unless it is a single trace."""
_CHUNK_ITEMS = 32
_CHUNK_BYTES = 256 * 1024

Row: TypeAlias = tuple[int, Packed]
"""(place in the source, packed item); of what is wanted: (bucket that links, ids of the span)."""


@dataclass(slots=True)
class Stream:
    """Rows in the order in which they came: chunks in memory, or in a file."""

    chunks: list[bytes] = field(default_factory=list[bytes])
    path: str | None = None
    size: int = 0

    def rows(self) -> Iterator[Row]:
        """The rows."""
        for chunk in self._chunks():
            yield from loads(chunk)

    def inlined(self) -> "Stream":
        """The same without a file: it can be sent to another machine."""
        return Stream(list(self._chunks()), None, self.size)

    def _chunks(self) -> Iterator[bytes]:
        if self.path is not None:
            with Path(self.path).open("rb") as file:
                yield from read_chunks(file)
        yield from self.chunks


@dataclass(frozen=True, slots=True)
class Bucket:
    """Some traces, whole, and what they link to elsewhere."""

    name: str
    """`07`, or `07.2` for a part of it."""
    items: Stream
    guests: Stream

    @property
    def size(self) -> int:
        """In bytes."""
        return self.items.size + self.guests.size

    def inlined(self) -> "Bucket":
        """The same without files."""
        return Bucket(self.name, self.items.inlined(), self.guests.inlined())

    def delete(self) -> None:
        """Remove its files."""
        for stream in (self.items, self.guests):
            if stream.path is not None:
                Path(stream.path).unlink(missing_ok=True)


def parts(bucket: Bucket, folder: Path | None, largest: int | None = None) -> Iterator[Bucket]:
    """The bucket itself, or smaller ones where it is larger than `largest` and holds several traces."""
    largest = LARGEST if largest is None else largest
    if folder is None or bucket.size <= largest or _is_one_trace(bucket.items):
        yield bucket
        return
    count = min(BUCKETS, bucket.size // largest * 2 + 1)
    spool = Spool(folder, prefix=f"{bucket.name}.", buckets=count, in_memory=0)
    for position, packed in bucket.guests.rows():
        spool.put_guest(position, packed)
    for position, packed in bucket.items.rows():
        spool.put(position, packed)
    for part in spool.finish():
        if part.size < bucket.size:
            yield from parts(part, folder, largest)
        else:
            yield part


def _is_one_trace(stream: Stream) -> bool:
    first: str | None = None
    for _, packed in stream.rows():
        trace_id = _ids(packed)[0]
        if first is None:
            first = trace_id
        elif trace_id != first:
            return False
    return True


class Spool:
    """Takes items one by one, and gives buckets.

    Args:
        folder: where files may be written; None: everything stays in memory.
        prefix: of the names of buckets and files.
        buckets: how many.
        in_memory: bytes that are held before files are written; None: `IN_MEMORY`.
    """

    def __init__(
        self, folder: Path | None, *, prefix: str = "", buckets: int = BUCKETS, in_memory: int | None = None
    ) -> None:
        self._folder = folder
        self._prefix = prefix
        self._salt = prefix.encode()
        self._count = buckets
        self._in_memory = IN_MEMORY if in_memory is None else in_memory
        self._held = 0
        self._files: dict[str, IO[bytes]] = {}
        self._items = [_Writer(self, f"{n:02d}.spans") for n in range(buckets)]
        self._guests = [_Writer(self, f"{n:02d}.guests") for n in range(buckets)]
        self._wanted = [_Writer(self, f"{n:02d}.wanted") for n in range(buckets)]
        """By bucket of the span that is linked to: which span, and which bucket links to it."""
        self._waiting: dict[tuple[str, str], list[Row]] = {}

    @property
    def on_disk(self) -> bool:
        """Whether anything was written to files."""
        return bool(self._files)

    def add(self, position: int, item: Item) -> None:
        """Take an item."""
        self.put(position, pack(item))

    def put(self, position: int, packed: Packed) -> None:
        """Take a packed item."""
        trace_id = _ids(packed)[0]
        home = self.place(trace_id)
        self._items[home].add((position, packed), size_of(packed))
        for target in _links(packed):
            if target[0] != trace_id and ((there := self.place(target[0])) != home or target in self._waiting):
                self._wanted[there].add((home, target), 100)

    def put_guest(self, position: int, packed: Packed) -> None:
        """Take an item that may be linked to, and is of no trace here. Guests must come first."""
        self._waiting.setdefault(_ids(packed), []).append((position, packed))

    def place(self, trace_id: str) -> int:
        """The bucket of a trace: by its id alone, and another way for each prefix."""
        return zlib.crc32(trace_id.encode(), zlib.crc32(self._salt)) % self._count

    def finish(self) -> list[Bucket]:
        """All buckets that hold something, in order; the spool takes nothing more."""
        try:
            for writer in (*self._items, *self._wanted):
                writer.flush()
            self._sync()
            for home, wanted in enumerate(self._wanted):
                if wanted.stream.size:
                    self._invite(home, wanted.stream)
            for writer in self._guests:
                writer.flush()
        finally:
            self.close()
        for wanted in self._wanted:
            if wanted.stream.path is not None:
                Path(wanted.stream.path).unlink(missing_ok=True)
        return [
            Bucket(f"{self._prefix}{n:02d}", items.stream, guests.stream)
            for n, (items, guests) in enumerate(zip(self._items, self._guests, strict=True))
            if items.stream.size
        ]

    def close(self) -> None:
        """Close the files."""
        for file in self._files.values():
            file.close()

    def _invite(self, home: int, wanted: Stream) -> None:
        """Copy what is linked to in one bucket to where it is linked from."""
        guests: dict[tuple[str, str], set[int]] = {}
        for linking, target in wanted.rows():
            guests.setdefault((target[0], target[1]), set()).add(linking)
        for position, packed in self._items[home].stream.rows():
            for place in sorted(guests.get(_ids(packed), ())):
                if place != home:
                    self._guests[place].add((position, packed), size_of(packed))
        for target, places in guests.items():
            for position, packed in self._waiting.get(target, ()):
                for place in sorted(places):
                    self._guests[place].add((position, packed), size_of(packed))

    def keep(self, stream: Stream, name: str, chunk: bytes) -> None:
        """Put a chunk behind the others of its stream."""
        stream.size += len(chunk)
        if self._folder is None or (not self._files and self._held + len(chunk) <= self._in_memory):
            stream.chunks.append(chunk)
            self._held += len(chunk)
            return
        if not self._files:
            self._spill()
        self._write(stream, name, chunk)

    def _spill(self) -> None:
        for writer in (*self._items, *self._guests, *self._wanted):
            chunks, writer.stream.chunks = writer.stream.chunks, []
            for chunk in chunks:
                self._write(writer.stream, writer.name, chunk)

    def _write(self, stream: Stream, name: str, chunk: bytes) -> None:
        assert self._folder is not None
        file = self._files.get(name)
        if file is None:
            path = self._folder / f"{self._prefix}{name}"
            file = self._files[name] = path.open("wb")
            stream.path = str(path)
        write_chunk(file, chunk)

    def _sync(self) -> None:
        """Make what was written readable."""
        for file in self._files.values():
            with contextlib.suppress(ValueError):
                file.flush()


class _Writer:
    """Gathers rows of one stream into chunks."""

    def __init__(self, spool: Spool, name: str) -> None:
        self.name = name
        self.stream = Stream()
        self._spool = spool
        self._rows: list[Row] = []
        self._size = 0

    def add(self, row: Row, size: int) -> None:
        self._rows.append(row)
        self._size += size
        if len(self._rows) >= _CHUNK_ITEMS or self._size >= _CHUNK_BYTES:
            self.flush()

    def flush(self) -> None:
        if self._rows:
            rows, self._rows, self._size = self._rows, [], 0
            self._spool.keep(self.stream, self.name, dumps(rows))


def _ids(packed: Packed) -> tuple[str, str]:
    if len(packed) == 1:
        from groundwire.pipeline.codec import unpack

        item = unpack(packed)
        return item.trace_id, item.span_id
    return packed[0], packed[1]


def _links(packed: Packed) -> Iterable[tuple[str, str]]:
    if len(packed) > 11:
        return [(link[0], link[1]) for link in packed[11]]
    if len(packed) == 1:
        from groundwire.pipeline.codec import unpack

        item = unpack(packed)
        return [(k.trace_id, k.span_id) for k in item.links] if isinstance(item, SpanRecord) else []
    return []
