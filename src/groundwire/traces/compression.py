"""What is packed is unpacked, known by its first bytes: gzip, zstd, and the files in a zip archive."""

import gzip
import io
import shutil
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from importlib import import_module
from typing import IO, Any, BinaryIO, cast

from groundwire.errors import MissingLibrary

_HELD = 16 * 1024 * 1024
"""Bytes of an archive from a pipe that are kept in memory; more go to a file."""
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
        yield name, filled(cast(BinaryIO, gzip.GzipFile(fileobj=stream)), complain)
    elif head.startswith(ZSTD):
        yield name, filled(zstd(name).ZstdFile(stream), complain)
    elif head.startswith(ZIP):
        yield from _members(name, stream, complain)
    else:
        yield name, stream


def peeked(stream: IO[bytes], size: int) -> bytes:
    """The next bytes, fewer at the end, without taking them."""
    return cast(io.BufferedReader, stream).peek(size)[:size] if hasattr(stream, "peek") else b""


def _members(name: str, stream: IO[bytes], complain: Callable[[str], None]) -> Iterator[tuple[str, IO[bytes]]]:
    if not stream.seekable():  # an archive has its table at its end
        with tempfile.SpooledTemporaryFile(_HELD) as held:
            shutil.copyfileobj(stream, held)
            held.seek(0)
            yield from _members(name, cast(IO[bytes], held), complain)
        return
    try:
        archive = zipfile.ZipFile(stream)
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
                yield from unpacked(f"{name}/{entry.filename}", filled(inner, complain), complain)


def filled(stream: IO[bytes], complain: Callable[[str], None]) -> IO[bytes]:
    """The same stream, which can be peeked into whatever little it gives at a time, and ends where it breaks off."""
    return cast(IO[bytes], io.BufferedReader(_Filled(stream, complain), 256 * 1024))


class _Filled(io.RawIOBase):
    """Ends where its stream breaks off, and says so."""

    def __init__(self, stream: IO[bytes], complain: Callable[[str], None]) -> None:
        self._read: Callable[[int], bytes] = getattr(stream, "read1", stream.read)
        self._complain = complain
        self._broken = False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int:
        size = 0
        while size < len(buffer) and not self._broken:
            try:
                data = self._read(len(buffer) - size)  # `read` would lose what came before the break
            except Exception as error:  # each way of packing has kinds of its own
                self._broken = True
                self._complain(f"breaks off: {error}")
                break
            if not data:
                break
            buffer[size : size + len(data)] = data
            size += len(data)
        return size
