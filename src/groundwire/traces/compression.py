"""What is packed is unpacked, known by its first bytes: gzip, zstd, and the files in a zip archive."""

import gzip
import io
import zipfile
from collections.abc import Callable, Iterator
from importlib import import_module
from typing import IO, Any, BinaryIO, cast

from groundwire.errors import MissingLibrary

GZIP, ZSTD, ZIP = b"\x1f\x8b", b"\x28\xb5\x2f\xfd", b"PK\x03\x04"


def zstd(what: str) -> Any:
    """The module that reads and writes zstd: of the standard library from Python 3.14 on, before that its backport.

    Raises:
        MissingLibrary: there is none.
    """
    for name in ("compression.zstd", "backports.zstd"):
        try:
            return import_module(name)
        except ImportError:
            continue
    raise MissingLibrary(what, 'backports.zstd (or "groundwire[zstd]")')


def unpacked(name: str, stream: IO[bytes], complain: Callable[[str], None]) -> Iterator[tuple[str, IO[bytes]]]:
    """The streams inside a stream, with their names; itself where it is not packed.

    Args:
        name: what messages call it.
        stream: can be peeked into.
        complain: takes why a stream ended before its end: packed files break off in their middle.

    Raises:
        MissingLibrary: it is packed with zstd, which this Python cannot read.
    """
    head = peeked(stream, 4)
    if head.startswith(GZIP):
        yield name, _lenient(cast(BinaryIO, gzip.GzipFile(fileobj=stream)), complain)
    elif head.startswith(ZSTD):
        yield name, _lenient(zstd(name).ZstdFile(stream), complain)
    elif head.startswith(ZIP):
        yield from _members(name, stream, complain)
    else:
        yield name, stream


def peeked(stream: IO[bytes], size: int) -> bytes:
    """The next bytes, fewer at the end, without taking them."""
    return cast(io.BufferedReader, stream).peek(size)[:size] if hasattr(stream, "peek") else b""


def _members(name: str, stream: IO[bytes], complain: Callable[[str], None]) -> Iterator[tuple[str, IO[bytes]]]:
    try:
        archive = zipfile.ZipFile(stream if stream.seekable() else io.BytesIO(stream.read()))
    except Exception as error:  # zipfile raises a dozen kinds for what is no archive
        complain(f"no zip archive that can be read: {error}")
        return
    with archive:
        for entry in archive.infolist():
            if entry.is_dir() or entry.filename.startswith("__MACOSX/"):
                continue
            try:
                inner = archive.open(entry)
            except Exception as error:  # with a password, say, or packed in a way that nobody knows
                complain(f"{entry.filename!r:.80}: {error}")
                continue
            with inner:
                yield from unpacked(f"{name}/{entry.filename}", _lenient(inner, complain), complain)


def _lenient(stream: IO[bytes], complain: Callable[[str], None]) -> IO[bytes]:
    return cast(IO[bytes], io.BufferedReader(_Lenient(stream, complain), 256 * 1024))


class _Lenient(io.RawIOBase):
    """Ends where its stream breaks off, and says so."""

    def __init__(self, stream: IO[bytes], complain: Callable[[str], None]) -> None:
        self._read: Callable[[int], bytes] = getattr(stream, "read1", stream.read)
        self._complain = complain
        self._broken = False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int:
        if self._broken:
            return 0
        try:
            data = self._read(len(buffer))  # `read` would lose what came before the break
        except Exception as error:  # each way of packing has kinds of its own
            self._broken = True
            self._complain(f"breaks off: {error}")
            return 0
        buffer[: len(data)] = data
        return len(data)
