"""Replies that were paid for once, on disk, by a hash of what was asked."""

import hashlib
import json
import logging
import os
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from groundwire.judge.exchange import count, mapping
from groundwire.judge.folders import private, write_private
from groundwire.model import Usage

_log = logging.getLogger(__name__)

_SWEEP_EVERY = 50
"""Writes between two looks at the size of the folder."""
_FULL_TO = 0.8
_SUFFIX = ".reply"
_FORMAT = 1


@dataclass(frozen=True, slots=True)
class Entry:
    """What a model said, before any check: the checks are made again whenever it is read."""

    replies: tuple[str, ...]
    usage: Usage | None = None
    cost_usd: float | None = None


class Cache:
    """A folder of replies. Nothing here raises: a cache that does not work is no cache.

    Args:
        folder: made when first needed, for its owner alone.
        limit_bytes: the oldest entries go when it holds more.
    """

    def __init__(self, folder: Path, limit_bytes: int) -> None:
        self._folder = folder
        self._limit = limit_bytes
        self._lock = threading.Lock()
        self._writes = 0
        self._broken = False

    def get(self, key: str) -> Entry | None:
        """The entry of a key; None where there is none, or none that can be read."""
        if self._broken:
            return None
        file = self._file(key)
        try:
            entry = _entry(json.loads(file.read_bytes()))
        except (OSError, ValueError, RecursionError):
            return None
        with suppress(OSError):
            os.utime(file)  # read lately: goes last
        return entry

    def put(self, key: str, entry: Entry) -> None:
        """Keep an entry."""
        if self._broken:
            return
        try:
            folder = private(self._folder)
            data = json.dumps({"format": _FORMAT, **asdict(entry)}).encode()
            write_private(self._file(key), data)
            with self._lock:
                due = self._writes % _SWEEP_EVERY == 0
                self._writes += 1
            if due:
                self._sweep(folder)
        except OSError as error:
            self._broken = True
            _log.warning("judgements are not cached: %s", error)

    def _file(self, key: str) -> Path:
        return self._folder / f"{key}{_SUFFIX}"

    def _sweep(self, folder: Path) -> None:
        found: list[tuple[float, int, str]] = []
        for file in os.scandir(folder):
            if file.name.endswith(_SUFFIX) and file.is_file(follow_symlinks=False):
                with suppress(OSError):
                    known = file.stat(follow_symlinks=False)
                    found.append((known.st_mtime, known.st_size, file.path))
        size = sum(entry[1] for entry in found)
        if size <= self._limit:
            return
        for _, bytes_, path in sorted(found):
            if size <= self._limit * _FULL_TO:
                return
            with suppress(OSError):
                os.unlink(path)
            size -= bytes_


def key_of(**asked: Any) -> str:
    """64 hex digits for what was asked. Never hand over a key: it is no part of the question."""
    told = json.dumps(asked, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(told.encode()).hexdigest()


def _entry(stored: Any) -> Entry | None:
    fields: Mapping[str, Any] = mapping(stored)
    replies = fields.get("replies")
    if fields.get("format") != _FORMAT or not isinstance(replies, list) or not replies:
        return None
    if not all(isinstance(reply, str) for reply in replies):
        return None
    usage = mapping(fields.get("usage"))
    cost = fields.get("cost_usd")
    return Entry(
        tuple(replies),
        Usage(
            count(usage.get("input_tokens")),
            count(usage.get("output_tokens")),
            count(usage.get("cache_read_tokens")),
            count(usage.get("cache_creation_tokens")),
            count(usage.get("reasoning_tokens")),
        )
        if usage
        else None,
        float(cost) if isinstance(cost, int | float) and cost >= 0 else None,
    )
