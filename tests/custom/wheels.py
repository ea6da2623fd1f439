"""Real wheels of tiny packages, and a folder that pip installed them into. Nothing is fetched."""

import base64
import hashlib
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from zipfile import ZipFile


def build(
    folder: Path, name: str, modules: Mapping[str, str], entry_points: Mapping[str, Mapping[str, str]] | None = None
) -> Path:
    """A wheel, byte by byte as a build tool would write it: the tests' machine need not have one.

    Args:
        folder: where to put it.
        name: of the distribution.
        modules: source text by file name.
        entry_points: by group, by name: `module:object`.
    """
    info = f"{name.replace('-', '_')}-1.2.3.dist-info"
    files = dict(modules)
    files[f"{info}/METADATA"] = f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.2.3\nRequires-Dist: groundwire\n"
    files[f"{info}/WHEEL"] = "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    groups = (entry_points or {}).items()
    files[f"{info}/entry_points.txt"] = "\n".join(
        f"[{group}]\n" + "".join(f"{key} = {target}\n" for key, target in entries.items()) for group, entries in groups
    )
    rows = [f"{path},sha256={_digest(text)},{len(text.encode())}" for path, text in files.items()]
    files[f"{info}/RECORD"] = "\n".join([*rows, f"{info}/RECORD,,", ""])
    wheel = folder / f"{name.replace('-', '_')}-1.2.3-py3-none-any.whl"
    with ZipFile(wheel, "w") as archive:
        for path, text in files.items():
            archive.writestr(path, text)
    return wheel


def install(target: Path, *wheels: Path) -> None:
    """Have pip install wheels into a folder that nothing else uses."""
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-index", "--no-deps", "--no-cache-dir"]
    done = subprocess.run(
        [*command, "--disable-pip-version-check", "--target", str(target), *map(str, wheels)],
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


def _digest(text: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
