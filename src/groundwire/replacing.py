"""Files that are replaced as a whole: whoever reads the old one keeps it until the new one is complete.

A link stays a link: what it leads to is replaced. A pipe or a device is never replaced by a file, it takes the bytes.
"""

import contextlib
import os
import re
import shutil
import stat
import tempfile
from pathlib import Path
from typing import IO, cast

STANDARD_OUTPUT = frozenset({"-", "/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"})
"""What standard output is called. Opened by its name, a file that it was redirected to would be written over."""
_SYSTEM = ("/dev/", "/proc/", "/sys/")
_MEMORY = "/dev/shm/"
"""A folder like any other."""


class Replacement:
    """A file that appears, complete, on `keep`. What is written to `file` before is seen by nobody.

    Args:
        path: the file; it may be there already.

    Raises:
        OSError: there is no such folder, or nothing can be written in it.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._temporary: Path | None = None
        if is_device(path):
            self.file = cast(IO[bytes], tempfile.TemporaryFile())  # noqa: SIM115
            return
        self._path = Path(os.path.realpath(path))
        name = self._path.name
        descriptor, temporary = tempfile.mkstemp(prefix=f".{name}.", dir=self._path.parent)
        self._temporary = Path(temporary)
        self.file = os.fdopen(descriptor, "wb")

    def keep(self) -> None:
        """Put what was written into its place.

        Raises:
            OSError: it cannot be; what was there stays.
        """
        if self._temporary is None:
            self._hand_over()
            return
        try:
            self.file.close()
            # What a new file would have got: mkstemp makes it private.
            mode = self._path.stat().st_mode if self._path.exists() else 0o666 & ~_umask()
            self._temporary.chmod(mode & 0o777)
            self._temporary.replace(self._path)
        except OSError:
            self.discard()
            raise
        self._temporary = None

    def discard(self) -> None:
        """Leave no file behind. Never raises."""
        with contextlib.suppress(OSError, ValueError):
            self.file.close()
        temporary, self._temporary = self._temporary, None
        if temporary is not None:
            with contextlib.suppress(OSError):
                temporary.unlink(missing_ok=True)

    def _hand_over(self) -> None:
        if self.file.closed:
            return
        with self.file as source:
            source.seek(0)
            with self._path.open("wb") as target:
                shutil.copyfileobj(source, target)


def replace(path: Path, content: bytes) -> None:
    """Have a file hold this and nothing else.

    Raises:
        OSError: it cannot be written; what was there stays.
    """
    new = Replacement(path)
    try:
        new.file.write(content)
        new.keep()
    except BaseException:
        new.discard()
        raise


def is_device(path: Path) -> bool:
    """Whether something is there, or the system answers for it, that is no file and must not become one."""
    named = os.path.abspath(path)
    if named.startswith(_SYSTEM) and not named.startswith(_MEMORY):
        return True
    try:
        mode = path.stat().st_mode
    except OSError:
        return False
    return not stat.S_ISREG(mode) and not stat.S_ISDIR(mode)


def sweep(path: Path) -> None:
    """Remove what a killed process left beside a file that it was to replace. Never raises."""
    if is_device(path):
        return
    path = Path(os.path.realpath(path))
    named = re.compile(re.escape(f".{path.name}.") + "[a-z0-9_]{8}")
    with contextlib.suppress(OSError):
        for left in path.parent.iterdir():
            if named.fullmatch(left.name) and left.is_file():
                left.unlink()


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
