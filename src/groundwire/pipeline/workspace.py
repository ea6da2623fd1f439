"""The folder of a run that is not finished: its journal, and what is spooled. Gone when the run is done."""

import contextlib
import glob
import hashlib
import json
import os
import shutil
import tempfile
import time
from collections.abc import Generator, Mapping
from pathlib import Path
from typing import Any, cast

from groundwire.errors import ConfigurationError
from groundwire.judge.folders import cache_folder, private, write_private
from groundwire.pipeline import journal
from groundwire.replacing import is_device

_FORMAT = 1
_FORGOTTEN_S = 30 * 86_400
_MARK = "run"


class Workspace:
    """One run's folder, held by one process at a time.

    Args:
        folder: where it is, or will be.
        asked: what the run is, ready for JSON: a folder of another run is not touched.
        moments: what was known when the run first began (times that were given as "24 h ago").
        restart: throw away what another run left there.

    Raises:
        ConfigurationError: it belongs to another run, or another process is at it, or it cannot be made.
    """

    def __init__(
        self, folder: Path, asked: Mapping[str, Any], moments: Mapping[str, Any], *, restart: bool = False
    ) -> None:
        self.folder = folder
        self._lock: int | None = None
        try:
            private(folder)
            self._take()
            if restart:
                self._empty()
            self.moments = self._begin(dict(asked), dict(moments))
            for name in ("spool", "parts"):
                shutil.rmtree(folder / name, ignore_errors=True)
                (folder / name).mkdir()
            (folder / "journal").mkdir(exist_ok=True)
        except OSError as error:
            self.release()
            raise ConfigurationError(
                f"cannot keep a run in {folder} ({error.strerror or error}); name --work"
            ) from error
        except BaseException:
            self.release()
            raise
        self.resumed = journal.count(self.journals)
        """Judgements that an earlier process made."""

    @property
    def spool(self) -> Path:
        """For buckets."""
        return self.folder / "spool"

    @property
    def parts(self) -> Path:
        """For what comes of them."""
        return self.folder / "parts"

    @property
    def journals(self) -> Path:
        """For what was judged."""
        return self.folder / "journal"

    @property
    def kept(self) -> int:
        """How many judgements are kept."""
        return journal.count(self.journals)

    def leave(self, *, finished: bool) -> None:
        """Remove everything, or all but what a later run can go on from. Never raises."""
        if finished or not self.kept:
            shutil.rmtree(self.folder, ignore_errors=True)
        else:
            for name in ("spool", "parts"):
                shutil.rmtree(self.folder / name, ignore_errors=True)
        self.release()

    def _begin(self, asked: dict[str, Any], moments: dict[str, Any]) -> dict[str, Any]:
        mark = self.folder / _MARK
        asked = json.loads(json.dumps({"format": _FORMAT, **asked}))
        try:
            before: Any = json.loads(mark.read_bytes())
        except (OSError, ValueError):
            before = None
        if isinstance(before, dict) and isinstance(before.get("asked"), dict):
            different = [key for key in asked if before["asked"].get(key) != asked[key]]
            if not different:
                return cast(dict[str, Any], before.get("moments") or moments)
            if journal.count(self.journals):
                raise ConfigurationError(_another(self.folder, before["asked"], asked, different[0]))
        self._empty()
        write_private(mark, json.dumps({"asked": asked, "moments": moments}).encode())
        return moments

    def _empty(self) -> None:
        for name in ("spool", "parts", "journal"):
            shutil.rmtree(self.folder / name, ignore_errors=True)
        (self.folder / _MARK).unlink(missing_ok=True)

    def _take(self) -> None:
        with contextlib.suppress(ImportError):
            import fcntl

            self._lock = os.open(self.folder / "lock", os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o600)
            try:
                fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                # The one that held it may have finished, and taken the folder away, since the file was opened.
                taken_away = not os.path.samestat(os.fstat(self._lock), os.stat(self.folder / "lock"))
            except (BlockingIOError, FileNotFoundError):
                taken_away = True
            except OSError:
                return  # not every file system has locks
            if taken_away:
                raise ConfigurationError(f"another process is scoring in {self.folder}; wait for it")

    def release(self) -> None:
        """Let others at it."""
        handle, self._lock = self._lock, None
        if handle is not None:
            os.close(handle)


def _another(folder: Path, before: Mapping[str, Any], now: Mapping[str, Any], key: str) -> str:
    return (
        f"{folder} holds a run that was broken off and had other {_WORDS.get(key, key)} "
        f"({_short(before.get(key))}, now {_short(now.get(key))}); "
        "give the same command to go on with it, or --restart to throw it away"
    )


_WORDS = {
    "files": "contents of its source", "evaluators": "evaluators", "source": "source", "out": "output",
    "selection": "choice of answers", "force": "--force", "format": "format",
}  # fmt: skip


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 70 else text[:67] + "..."


def workspace_of(asked: Mapping[str, Any], out: str | None, chosen: str | None) -> Path:
    """Where a run is kept: where the user says; beside the file that it writes; else in the cache folder.

    There every run has a folder of its own, by what it is; what nobody has come back to for a month is removed.
    """
    if chosen is not None:
        return Path(chosen)
    if out is not None and out != "-" and "://" not in out and not is_device(path := Path(out)):
        return path.parent / f".{path.name}.groundwire"
    told = json.dumps([str(Path.cwd()), asked], sort_keys=True)
    named = hashlib.sha256(told.encode(errors="surrogatepass")).hexdigest()[:16]
    _forget(cache_folder() / "scoring")
    return cache_folder() / "scoring" / named


def _forget(folder: Path) -> None:
    with contextlib.suppress(OSError):
        for left in folder.iterdir():
            if time.time() - (left / _MARK).stat().st_mtime > _FORGOTTEN_S:
                shutil.rmtree(left, ignore_errors=True)


@contextlib.contextmanager
def unkept() -> Generator[Workspace]:
    """A workspace that nobody will go on with."""
    with tempfile.TemporaryDirectory(prefix="groundwire-", ignore_cleanup_errors=True) as folder:
        yield Workspace(Path(folder), {}, {})


def contents(source: str, out: str | None) -> dict[str, list[int]]:
    """Size and time of the files of a source, by name; empty for what is no file.

    The output does not count where it is one of them: a run may be killed when it has just been written.
    """
    if source == "-" or "://" in source:
        return {}
    path = Path(source)
    names = [path] if path.exists() else [Path(name) for name in sorted(glob.glob(source, recursive=True))]
    files = [file for name in names for file in (_shown(name) if name.is_dir() else [name])]
    found: dict[str, list[int]] = {}
    for file in files:
        with contextlib.suppress(OSError):
            about = file.stat()
            ours = out is not None and "://" not in out and Path(out).exists() and file.samefile(out)
            if file.is_file() and not ours:
                found[str(file)] = [about.st_size, about.st_mtime_ns]
    return found


def _shown(folder: Path) -> list[Path]:
    """What is below a folder, without what is hidden there: no trace is read from it."""
    return [p for p in sorted(folder.rglob("*")) if not any(n.startswith(".") for n in p.relative_to(folder).parts)]
