"""The pipeline on a real Ray cluster of several nodes on this machine."""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.conftest import Score, judged
from pipeline.corpus import corpus, write

pytestmark = [
    pytest.mark.ray,
    pytest.mark.skipif(
        importlib.util.find_spec("ray") is None and not os.environ.get("GROUNDWIRE_REQUIRE_RAY"),
        reason="Ray is not installed (make test-ray)",
    ),
]


def test_node_that_is_killed_half_way_changes_nothing(score: Score, place: Path) -> None:
    write(place / "t.jsonl", corpus(600))
    assert score("t.jsonl", "-o", "here.jsonl", "-e", "judges:hashed").code == 0
    answers = judged(place).total()
    (place / "judged.txt").unlink()
    script = Path(__file__).with_name("ray_cluster.py")
    call = [sys.executable, str(script), "t.jsonl", "there.jsonl", "judged.txt", str(answers // 3)]
    done = subprocess.run(call, cwd=place, capture_output=True, text=True, timeout=300, check=False)
    told = json.loads(done.stderr.strip().splitlines()[-1])

    assert done.returncode == 0, done.stderr[-2000:]
    assert told["nodes"] == 3
    assert told["killed_at"], "the node was to be killed before the end"
    assert told["killed_at"][0] < answers
    assert (place / "there.jsonl").read_bytes() == (place / "here.jsonl").read_bytes()
    assert len(judged(place)) == answers


def test_cluster_of_its_own_is_started_and_stopped(start: "object", score: Score, place: Path) -> None:
    write(place / "t.jsonl", corpus(40))
    assert score("t.jsonl", "-o", "here.jsonl", "-e", "judges:hashed").code == 0
    call = [sys.executable, "-c", "from groundwire.cli import main; main()", "score", "t.jsonl", "-o", "there.jsonl"]
    call += ["-e", "judges:hashed", "--engine", "ray"]
    done = subprocess.run(call, cwd=place, capture_output=True, text=True, timeout=300, check=False)

    assert done.returncode == 0, done.stderr[-2000:]
    assert (place / "there.jsonl").read_bytes() == (place / "here.jsonl").read_bytes()


def test_no_cluster_at_that_address_is_told(place: Path) -> None:
    write(place / "t.jsonl", corpus(4))
    call = [sys.executable, "-c", "from groundwire.cli import main; main()", "score", "t.jsonl", "-e", "judges:hashed"]
    call += ["--engine", "ray", "--ray-address", "127.0.0.1:1"]
    done = subprocess.run(call, cwd=place, capture_output=True, text=True, timeout=300, check=False)

    assert done.returncode == 2
    assert "no Ray cluster at 127.0.0.1:1" in done.stderr
