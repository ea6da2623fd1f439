"""`groundwire score --judge`: stored answers before a model."""

import json
from pathlib import Path
from typing import Any

import pytest

from groundwire.cli import run
from groundwire.traces import open_source
from groundwire.traces.otlp_json import encode
from judge.server import Hang, JudgeServer, Raw, honest
from stored import request


def arguments(folder: Path, *more: str) -> list[str]:
    traces = folder / "traces.jsonl"
    traces.write_text(encode(request()))
    return ["score", str(traces), "-e", "faithfulness", *more]


def evaluations(file: Path) -> list[dict[str, Any]]:
    spans = open_source(str(file))
    return [dict(s.attributes) for s in spans if s.name == "evaluate faithfulness"]


def test_a_judge_takes_the_place_of_the_local_evaluator(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "scored.jsonl"
    with JudgeServer() as server:
        code = run(arguments(tmp_path, "--judge", "m", "--judge-url", server.url, "-o", str(out)))
        asked = len(server.asked)
    assert code == 0, capsys.readouterr()
    written = evaluations(out)
    assert asked == len(written) > 0
    assert {a["groundwire.evaluation.version"] for a in written} == {"judge-1:m"}
    assert {a["groundwire.evaluation.model"] for a in written} == {"m"}
    assert {a["groundwire.evaluation.input_tokens"] for a in written} == {1000}


def test_scoring_again_asks_nobody_and_changes_nothing(tmp_path: Path) -> None:
    out = tmp_path / "scored.jsonl"
    with JudgeServer() as server:
        run(arguments(tmp_path, "--judge", "m", "--judge-url", server.url, "-o", str(out)))
        first, asked = evaluations(out), len(server.asked)
        run(arguments(tmp_path, "--judge", "m", "--judge-url", server.url, "-o", str(out)))
        assert len(server.asked) == asked
    for attributes in (*first, *(again := evaluations(out))):
        attributes.pop("groundwire.evaluation.duration_ms", None)
    assert first == again


def test_a_judge_beside_other_evaluators(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with JudgeServer(honest) as server:
        given = arguments(tmp_path, "--json", "--judge", "m", "--judge-url", server.url)
        given[given.index("faithfulness")] = "answer_relevance"
        run(given)
    told = json.loads(capsys.readouterr().out)
    assert {"answer_relevance", "faithfulness"} <= set(json.dumps(told).replace('"', " ").split())


@pytest.mark.parametrize("mind", [Raw(200, b"<html>", {"Content-Type": "text/html"}), Raw(401, {"error": "no"})])
def test_a_judge_that_cannot_be_asked_is_told_and_exits_with_3(mind: Raw, tmp_path: Path) -> None:
    with JudgeServer(mind) as server:
        assert run(arguments(tmp_path, "--judge", "m", "--judge-url", server.url)) == 3


@pytest.mark.parametrize(
    "more",
    [
        ("--judge-url", "http://127.0.0.1:1/v1"),
        ("--judge-budget", "1"),
        ("--judge", "m", "--judge-url", "nowhere"),
        ("--judge", "gpt-4.1-mini"),
        ("--judge", "m", "--judge-url", "http://127.0.0.1:1/v1", "--judge-budget", "-1"),
    ],
)
def test_mistakes_are_told_before_anything_is_read(
    more: tuple[str, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["score", str(tmp_path / "none.jsonl"), *more]) == 2
    assert "none.jsonl" not in capsys.readouterr().err


def test_a_budget_in_usd_holds(tmp_path: Path) -> None:
    with JudgeServer(Hang()) as server:
        given = arguments(tmp_path, "--judge", "gpt-4.1-mini", "--judge-url", server.url, "--judge-budget", "0")
        assert run(given) == 2
        assert server.asked == []
