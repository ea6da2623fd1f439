"""`groundwire experiment` as a shell sees it."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from groundwire.answers import answers
from groundwire.cli import run
from groundwire.experiments.result import row_of
from groundwire.traces import open_source
from groundwire.traces.otlp_json import decode

APP = """
import asyncio, os, time
TOWER = "The Eiffel Tower is 330 metres tall. It was completed in 1889."

def answer(question):
    time.sleep(float(os.environ.get("SLOW", 0)))
    with open("asked.txt", "a") as file:
        file.write(question + "\\n")
    if question.startswith("Fail"):
        raise RuntimeError("no \\x1b[31m such page")
    return {"answer": "It is 350 metres tall." if question.startswith("Lie") else "It is 330 metres tall.",
            "passages": [TOWER]}

async def later(case):
    await asyncio.sleep(0)
    return case.reference, [TOWER]

def silent(question):
    return None
"""


@dataclass(frozen=True)
class Result:
    code: int
    out: str
    err: str


Command = Callable[..., Result]


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Command:
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "rag_app_under_test", raising=False)
    (tmp_path / "rag_app_under_test.py").write_text(APP)
    cases("How tall is the tower?", "Lie: how tall is it?")

    def call(*arguments: str) -> Result:
        code = run(["experiment", *arguments])
        text = capsys.readouterr()
        return Result(code, text.out, text.err)

    return call


def cases(*questions: str) -> None:
    rows = [{"question": q, "reference": "It is 330 metres tall."} for q in questions]
    Path("cases.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))


def ran(*arguments: str) -> list[str]:
    return ["rag_app_under_test:answer", "cases.jsonl", "-e", "faithfulness", *arguments]


def test_a_run_is_a_table_and_a_file_of_traces(command: Command) -> None:
    result = command(*ran("-o", "run.jsonl", "--repeats", "2", "--app-version", "1.4", "--concurrency", "2"))

    assert result.code == 0
    assert "faithfulness       4" in result.out
    assert "2 cases in 4 runs, answer" in result.out
    assert "4 written to run.jsonl" in result.out
    assert max(map(len, result.out.splitlines())) <= 80
    found = list(answers(open_source("run.jsonl")))
    assert len(found) == 4
    assert {a.attribute("app.version") for a in found} == {"1.4"}
    assert {a.attribute("groundwire.dataset.name") for a in found} == {"cases.jsonl"}


def test_the_case_reaches_an_async_target(command: Command) -> None:
    result = command("rag_app_under_test:later", "cases.jsonl", "--json")

    assert result.code == 0
    told = json.loads(result.out)
    assert told["answered"] == 2
    assert told["evaluators"]["completeness"]["mean"] == 1.0
    assert told["written_to"] is None


@pytest.mark.parametrize(
    ("rule", "code"),
    [
        ("faithfulness", 1),
        ("faithfulness:0.0", 0),
        ("faithfulness:mean:0.1", 0),
        ("faithfulness:mean:0.9", 1),
        ("faithfulness:passed:0.5", 0),
        ("faithfulness:scored:1.0", 0),
    ],
)
def test_gates(command: Command, rule: str, code: int) -> None:
    result = command(*ran("--fail-on", rule))

    assert result.code == code
    assert (f"--fail-on {rule}: " in result.err) == bool(code)


def test_targets_that_fail_are_counted_and_told(command: Command) -> None:
    cases("How tall?", "Fail one", "Fail two")
    result = command(*ran("-o", "run.jsonl"))

    assert result.code == 3
    assert "the target failed 2 times:" in result.out
    assert "2 RuntimeError: no" in result.out
    assert "\x1b" not in result.out + result.err
    assert command(*ran("--max-errors", "2")).code == 0
    assert command(*ran("--max-errors", "1")).code == 3


def test_a_broken_gate_says_more_than_a_failed_target(command: Command) -> None:
    cases("Lie: how tall?", "Fail one")

    assert command(*ran("--fail-on", "faithfulness")).code == 1


def test_the_same_command_again_asks_nothing_again(command: Command) -> None:
    command(*ran("-o", "run.jsonl"))
    before = Path("run.jsonl").read_bytes()
    again = command(*ran("-o", "run.jsonl"))

    assert again.code == 0
    assert "2 were there already and were not run again; --fresh starts over" in again.out
    assert Path("run.jsonl").read_bytes() == before
    assert len(Path("asked.txt").read_text().splitlines()) == 2
    command(*ran("-o", "run.jsonl", "--fresh"))
    assert len(Path("asked.txt").read_text().splitlines()) == 4


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "Missing argument"),
        (["rag_app_under_test:answer"], "Missing argument"),
        (["rag_app_under_test", "cases.jsonl"], "write package.module:function"),
        (["rag_app_under_test:nothing", "cases.jsonl"], "no 'nothing' in rag_app_under_test"),
        (["no_module_here:f", "cases.jsonl"], "no module 'no_module_here'"),
        (["rag_app_under_test:answer", "no.jsonl"], "no.jsonl: cannot be read"),
        (["rag_app_under_test:answer", "cases.jsonl", "-e", "vibes"], "unknown evaluator 'vibes'"),
        (["rag_app_under_test:answer", "cases.jsonl", "--fail-on", "vibes"], "'vibes' is not among the evaluators"),
        (["rag_app_under_test:answer", "cases.jsonl", "--repeats", "0"], "must be positive"),
        (["rag_app_under_test:answer", "cases.jsonl", "--repeats", "x"], "invalid int value"),
        (["rag_app_under_test:answer", "cases.jsonl", "--max-errors", "-1"], "--max-errors must be 0 or more"),
        (["rag_app_under_test:answer", "cases.jsonl", "-o", "cases.jsonl"], "no case of an experiment"),
        (["rag_app_under_test:answer", "bad.jsonl"], "line 2 is no case"),
        (["rag_app_under_test:silent", "cases.jsonl"], "not one case was answered"),
    ],
)
def test_mistakes_are_one_line_and_exit_code_2(command: Command, arguments: list[str], said: str) -> None:
    Path("bad.jsonl").write_text('{"question": "A?"}\n{"half\n')
    before = Path("cases.jsonl").read_bytes()
    result = command(*arguments)

    assert result.code == 2
    assert said in result.err
    assert "Traceback" not in result.err
    assert Path("cases.jsonl").read_bytes() == before


def test_help_has_an_example_and_fits(command: Command) -> None:
    result = command("--help")

    assert result.code == 0
    assert "Example:" in result.out
    assert max(map(len, result.out.splitlines())) <= 80


def test_what_others_do_with_the_file(command: Command, capsys: pytest.CaptureFixture[str]) -> None:
    command(*ran("-o", "base.jsonl"))
    command(*ran("-o", "candidate.jsonl"))
    capsys.readouterr()

    for arguments in (
        ["show", "base.jsonl", "--json"],
        ["chains", "base.jsonl", "--json"],
        ["compare", "base.jsonl", "candidate.jsonl", "--json"],
        ["score", "base.jsonl", "-e", "completeness", "--json"],
        ["dataset", "build", "base.jsonl", "-o", "again.jsonl", "--json"],
    ):
        assert run(arguments) == 0, arguments
        told = json.loads(capsys.readouterr().out.splitlines()[-1])
        assert told
        if arguments[0] == "score":
            assert told["evaluators"]["completeness"]["scored"] == 2, "the reference is on the root"
    first, _ = [json.loads(line) for line in Path("again.jsonl").read_text().splitlines()]
    assert (first["question"], first["reference"]) == ("How tall is the tower?", "It is 330 metres tall.")


def _rows(path: Path) -> list[tuple[str, int, dict[str, Any]]]:
    found: list[tuple[str, int, dict[str, Any]]] = []
    for line in path.read_bytes().splitlines():
        row = row_of([s for s in decode(json.loads(line), print) if hasattr(s, "span_id")])  # type: ignore[misc]
        assert row is not None
        found.append((row.case_id, row.repeat, {n: c.value for n, c in row.checks.items()}))
    return sorted(found, key=str)


def test_a_run_that_is_killed_is_gone_on_with(command: Command, tmp_path: Path) -> None:
    """kill -9 in the middle, several times: no case is lost, none is there twice, and done ones are not asked again."""
    cases(*(f"Question {n}: how tall is it?" for n in range(12)))
    whole = [sys.executable, "-m", "groundwire.cli", *["experiment", *ran("-o", "run.jsonl")]]
    script = f"import sys; from groundwire.cli import main; main({whole[3:]!r})"
    environment = {**os.environ, "SLOW": "0.15"}
    for kills in range(3):
        process = subprocess.Popen(
            [sys.executable, "-c", script], cwd=tmp_path, env=environment,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        wanted = 3 * (kills + 1)
        until = time.monotonic() + 60
        while time.monotonic() < until:
            if Path("run.jsonl").exists() and Path("run.jsonl").read_bytes().count(b"\n") >= wanted:
                break
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert Path("run.jsonl").read_bytes().count(b"\n") < 12
    assert command(*ran("-o", "run.jsonl")).code == 0
    assert command(*ran("-o", "whole.jsonl")).code == 0

    assert _rows(tmp_path / "run.jsonl") == _rows(tmp_path / "whole.jsonl")
    asked = Path("asked.txt").read_text().splitlines()
    assert len(asked) <= 12 + 3 + 12, "at most one case is lost with each kill"


def test_an_interrupted_run_says_how_it_is_gone_on_with(command: Command, tmp_path: Path) -> None:
    cases(*(f"Question {n}: how tall is it?" for n in range(40)))
    arguments = ["experiment", *ran("-o", "run.jsonl")]
    process = subprocess.Popen(
        [sys.executable, "-c", f"from groundwire.cli import main; main({arguments!r})"],
        cwd=tmp_path, env={**os.environ, "SLOW": "0.1"}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    until = time.monotonic() + 60
    while time.monotonic() < until:
        if Path("run.jsonl").exists() and Path("run.jsonl").read_bytes().count(b"\n") >= 3:
            break
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)

    assert (process.returncode, out) == (130, "")
    assert "cases are in run.jsonl; the same command goes on" in err
    assert "Traceback" not in err
