"""Runs of `groundwire score` in this process and in others."""

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from groundwire.cli import run


@dataclass(frozen=True)
class Outcome:
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Score = Callable[..., Outcome]


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to work in, from which `judges` can be imported, and a list of what was judged."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GROUNDWIRE_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("JUDGED", str(tmp_path / "judged.txt"))
    here = str(Path(__file__).parent)
    monkeypatch.syspath_prepend(here)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, [here, os.environ.get("PYTHONPATH")])))
    return tmp_path


@pytest.fixture
def score(place: Path, capsys: pytest.CaptureFixture[str]) -> Score:
    def command(*arguments: str) -> Outcome:
        code = run(["score", *arguments])
        said = capsys.readouterr()
        return Outcome(code, said.out, said.err)

    return command


@pytest.fixture
def start(place: Path) -> Callable[..., "subprocess.Popen[str]"]:
    """Starts the command in another process."""

    def command(*arguments: str, **more: Any) -> "subprocess.Popen[str]":
        call = [sys.executable, "-c", "from groundwire.cli import main; main()", "score", *arguments]
        return subprocess.Popen(call, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=place, **more)

    return command


def judged(place: Path) -> Counter[str]:
    """How often each answer was judged, by `evaluator trace span`."""
    file = place / "judged.txt"
    return Counter(file.read_text().splitlines()) if file.exists() else Counter()
