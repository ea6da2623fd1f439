"""Recordings are small, whole, and tell nothing of the machine on which they were made."""

import getpass
import json
import re
import socket
from pathlib import Path
from typing import Any

import pytest

from recordings.scrub import scrub

HERE = Path(__file__).parent
RECORDINGS = sorted(HERE.glob("*.jsonl"))
_PATH = re.compile(r"/(?:root|work|tmp|Users|opt|mnt|home/(?!app\b))\w*(?:/|\\|\")")
_VERSION = re.compile(r"[A-Za-z0-9._-]+(\[[a-z,-]+\])?==[0-9][A-Za-z0-9.]*")


def test_there_are_recordings() -> None:
    assert RECORDINGS


@pytest.mark.parametrize("path", RECORDINGS, ids=lambda p: p.stem)
def test_a_recording_is_small_and_has_its_application(path: Path) -> None:
    assert path.stat().st_size <= 150_000
    assert (HERE / "apps" / f"{path.stem}.py").exists()
    for line in (HERE / "requirements" / f"{path.stem}.txt").read_text().splitlines():
        assert _VERSION.fullmatch(line), line


@pytest.mark.parametrize("path", RECORDINGS, ids=lambda p: p.stem)
def test_a_recording_tells_nothing_of_the_machine(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert not _PATH.search(text)
    for name in (socket.gethostname(), getpass.getuser()):
        assert len(name) <= 4 or name not in text
    for line in text.splitlines():
        once = json.loads(line)
        assert scrub(once, {}) == once


def test_scrubbing_takes_out_what_is_of_the_machine_and_nothing_else() -> None:
    def pair(key: str, value: str) -> dict[str, Any]:
        return {"key": key, "value": {"stringValue": value}}

    given = [
        pair("host.name", "tower"),
        pair("process.pid", "17"),
        pair("code.filepath", "/srv/app/venv/lib/x.py"),
        pair("input.value", "Which host is rooted in /srv?"),
    ]
    places = {"/srv/app": "/app", "/srv/app/venv": "/venv"}
    assert scrub({"attributes": given}, places) == {
        "attributes": [
            pair("host.name", "removed"),
            pair("process.pid", "removed"),
            pair("code.filepath", "/venv/lib/x.py"),
            pair("input.value", "Which host is rooted in /srv?"),
        ]
    }
