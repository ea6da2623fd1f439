"""One environment for each SDK and version, upon a common one that holds Groundwire and the tests' own libraries.

What the SDK needs in other versions than the common environment has is installed above it, and found first. So one
environment takes the SDK's own megabytes, and some seconds.
"""

import os
import re
import shutil
import subprocess
import sys
import venv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

from compatibility.asked import ROOT, Asked, project

CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "groundwire" / "compatibility"
_COMMON = ("pip>=25.1", "pytest>=8", "pytest-asyncio>=0.24", "hypothesis>=6.100")
_PLUGIN = "compatibility.known_calls"
_CALLS = re.compile(r"^calls known: (\d+) of (\d+); without (.*)$", re.MULTILINE)
_COUNT = re.compile(r"(\d+) (passed|failed|errors?|skipped)")
_LIMIT_S = 1200
_REFUSED = "cannot be installed: "


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the conformance suite said of one version."""

    version: str
    passed: int
    failed: int
    reason: str = ""
    """Why it did not pass; empty where it did."""
    calls: int = 0
    """Cases whose call this version has."""
    of_calls: int = 0
    """Cases that there are."""
    without: str = ""
    """Which calls it does not have, and what says so."""
    seconds: float = 0.0

    @property
    def installs(self) -> bool:
        """Whether pip found what it needs."""
        return not self.reason.startswith(_REFUSED)

    @property
    def good(self) -> bool:
        """Whether it has at least half of the calls, and every test of those passed."""
        return self.passed > 0 and self.failed == 0 and not self.reason and 2 * self.calls >= self.of_calls

    @property
    def whole(self) -> bool:
        """Whether it is good and has all of the calls."""
        return self.good and self.calls == self.of_calls

    def __str__(self) -> str:
        return self.version if self.whole else f"{self.version} ({self.calls} of {self.of_calls} calls)"


def common() -> Path:
    """The interpreter of the common environment, made where it is missing, another checkout's, or older than ours."""
    home = CACHE / "common"
    stamp, python = home / "installed", home / "bin" / "python"
    made_for = stamp.read_text() if stamp.exists() else ""
    if made_for != str(ROOT) or stamp.stat().st_mtime < (ROOT / "pyproject.toml").stat().st_mtime:
        if not python.exists():
            venv.create(home, with_pip=True)
        _run([python, "-m", "pip", "install", "--quiet", "--upgrade", "--editable", str(ROOT), *_COMMON], check=True)
        stamp.write_text(str(ROOT))
    return python


def made(above: Path, name: str, requirements: Sequence[str]) -> tuple[Path, str]:
    """(Its interpreter, empty) of an environment with these requirements; (_, what pip said) where they do not go."""
    home = CACHE / name
    shutil.rmtree(home, ignore_errors=True)
    venv.create(home, with_pip=False)
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    packages = f"lib/{version}/site-packages"
    (home / packages / "_common.pth").write_text(
        f"import site; site.addsitedir({str(CACHE / 'common' / packages)!r})\n"
    )
    python = home / "bin" / "python"
    wanted = [*requirements, *project()["dependencies"]]  # as a user has it: what Groundwire asks for holds as well
    command = [above, "-m", "pip", "--python", python, "install", "--quiet", "--prefer-binary", *wanted]
    done = _run(command)
    return python, "" if done.returncode == 0 else _REFUSED + _last(done.stderr, "ERROR")


def tried(above: Path, asked: Asked, version: str) -> Outcome:
    """Run the provider's conformance cases with one version of its SDK, and take the environment away."""
    began, name = monotonic(), f"{asked.provider}-{version}"
    try:
        python, reason = made(above, name, asked.pinned(version))
        if reason:
            return Outcome(version, 0, 0, reason, seconds=monotonic() - began)
        # warnings of other people's libraries, at versions of long ago, are no errors of ours
        options = [
            "-q",
            "-W",
            "default",
            "-p",
            "no:cacheprovider",
            "--tb=line",
            "--maxfail=10",
            "-p",
            _PLUGIN,
            "-k",
            f"{asked.provider}:",
        ]
        done = _run([python, "-m", "pytest", *options, "tests/conformance"])
        counts = {word.rstrip("s"): int(number) for number, word in _COUNT.findall(_last(done.stdout, " in "))}
        passed, failed = counts.get("passed", 0), counts.get("failed", 0) + counts.get("error", 0)
        calls, of_calls, without = next(iter(_CALLS.findall(done.stdout)), (0, 0, ""))
        reason = ""
        if failed or done.returncode not in (0, 5):
            reason = _last(done.stdout, "FAILED") or _last(done.stdout, "ERROR") or _last(done.stderr, "")
        elif of_calls == "0":
            look = _run([python, "-c", f"import conformance.{asked.provider}_cases"])
            reason = "its cases cannot be loaded: " + _last(look.stderr, "Error")
        known = (int(calls), int(of_calls), without)
        reason = reason.replace(str(CACHE), "").replace(f"{ROOT}/", "")  # of this machine alone
        return Outcome(version, passed, failed, reason[:300], *known, seconds=monotonic() - began)
    except subprocess.TimeoutExpired:
        return Outcome(version, 0, 0, f"took longer than {_LIMIT_S} s", seconds=monotonic() - began)
    finally:
        shutil.rmtree(CACHE / name, ignore_errors=True)


def _run(command: Sequence[str | Path], check: bool = False) -> subprocess.CompletedProcess[str]:
    known = {**os.environ, "PYTHONPATH": str(ROOT / "tests"), "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    return subprocess.run(
        [str(c) for c in command], capture_output=True, text=True, timeout=_LIMIT_S, check=check, cwd=ROOT, env=known
    )


def _last(text: str, word: str) -> str:
    return next((line.strip() for line in reversed(text.splitlines()) if word in line and line.strip()), "")
