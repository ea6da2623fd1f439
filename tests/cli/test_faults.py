"""Commands whose surroundings fail: a full disk behind standard output, options that do not belong together."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from groundwire.cli import run
from groundwire.traces import open_sink
from stored import ANSWER, request

FULL = Path("/dev/full")


@pytest.fixture
def traces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    sink = open_sink("t.jsonl")
    sink.write(request())
    sink.close()
    return tmp_path


@pytest.mark.skipif(not FULL.exists(), reason="has no device that is always full")
@pytest.mark.parametrize(
    "arguments",
    ["score t.jsonl -e faithfulness -o -", "score t.jsonl --json", "show t.jsonl", "chains t.jsonl --json"],
)
def test_full_disk_behind_standard_output_is_one_line(traces: Path, arguments: str) -> None:
    call = [sys.executable, "-c", "from groundwire.cli import main; main()", *arguments.split()]
    with FULL.open("wb") as full:
        done = subprocess.run(
            call, cwd=traces, stdout=full, stderr=subprocess.PIPE, text=True, check=False, env={**os.environ}
        )
    assert done.returncode == 2
    assert "No space left" in done.stderr
    assert "mistake of ours" not in done.stderr
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["score", ""], "no source was named"),
        (["score", "t.jsonl", "-o", ""], "no place to write to was named"),
        (["score", "t.jsonl", "--ray-address", "localhost:1"], "--engine ray"),
        (["score", "t.jsonl", "--engine", "ray", "--workers", "2"], "--workers"),
    ],
)
def test_what_would_be_passed_over_is_a_mistake(
    traces: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], said: str
) -> None:
    assert run(arguments) == 2
    told = capsys.readouterr()
    assert said in told.err
    assert told.out == ""
    assert os.listdir(traces) == ["t.jsonl"]


@pytest.mark.parametrize(
    "arguments", ["show t.jsonl --json", "chains t.jsonl --json", "dataset build t.jsonl -o -", "score t.jsonl --json"]
)
def test_json_steers_no_terminal_and_loses_nothing(
    traces: Path, capsys: pytest.CaptureFixture[str], arguments: str
) -> None:
    hostile = f"{ANSWER} \x9b31m\x1b[2J\x7f\u202e\u2028\ud800."
    sink = open_sink("t.jsonl")
    sink.write(request(hostile))
    sink.close()
    assert run([*arguments.split(), *(["-e", "faithfulness"] if "score" in arguments else [])]) == 0
    told = capsys.readouterr().out
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2028\ud800-\udfff]", told)
    values = [json.loads(line) for line in told.splitlines()]
    if "score" not in arguments:
        assert hostile in _texts(values)


def _texts(value: object) -> list[str]:
    if isinstance(value, dict):
        return [text for one in value.values() for text in _texts(one)]
    if isinstance(value, list):
        return [text for one in value for text in _texts(one)]
    return [value] if isinstance(value, str) else []
