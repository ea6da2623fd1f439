"""Where judgements and spending are kept: a folder of the user's, closed to everybody else."""

import os
import stat
import sys
from pathlib import Path

FOLDER_VARIABLE = "GROUNDWIRE_CACHE_DIR"


def cache_folder() -> Path:
    """The platform's folder for what can be made again; `GROUNDWIRE_CACHE_DIR` overrides it."""
    if asked := os.environ.get(FOLDER_VARIABLE, "").strip():
        return Path(asked).expanduser()
    if sys.platform == "win32":
        root = os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local"
        return Path(root) / "groundwire" / "cache"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "groundwire"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "groundwire"


def private(folder: Path) -> Path:
    """Make the folder, for its owner alone (0700).

    Raises:
        OSError: it cannot be made, or belongs to somebody else.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if os.name == "posix":
        found = folder.stat()
        if found.st_uid != os.getuid():
            raise PermissionError(f"{folder} belongs to another user")
        if stat.S_IMODE(found.st_mode) & 0o077:
            folder.chmod(0o700)
    return folder


def write_private(file: Path, data: bytes) -> None:
    """Put a file in place in one step, readable by its owner alone (0600).

    Raises:
        OSError: it cannot be written.
    """
    import tempfile

    handle, name = tempfile.mkstemp(prefix=".new-", dir=file.parent)  # 0600 by its nature
    try:
        with os.fdopen(handle, "wb") as out:
            out.write(data)
        os.replace(name, file)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
