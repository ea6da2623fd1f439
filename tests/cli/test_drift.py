"""`groundwire drift` as a shell sees it."""

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest

from groundwire.cli import run
from runs import Asked, write_run

HOUR = 3600.0


class Result:
    def __init__(self, code: int, out: str, err: str) -> None:
        self.code, self.out, self.err = code, out, err

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    def signal(self, name: str) -> Any:
        return next(s for s in self.json["signals"] if s["name"] == name)

    def verdicts(self, *wanted: str) -> set[str]:
        return {s["name"] for s in self.json["signals"] if s["verdict"] in wanted}


Shell = Callable[..., Result]


@pytest.fixture
def drift(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shell:
    monkeypatch.chdir(tmp_path)

    def command(*arguments: str, sources: Sequence[str] = ("ref.jsonl", "cur.jsonl")) -> Result:
        code = run(["drift", *sources, *arguments])
        text = capsys.readouterr()
        return Result(code, text.out, text.err)

    return command


def traffic(n: int = 120, seed: int = 1, quality: float = 0.8, **more: Any) -> list[Asked]:
    rng = np.random.default_rng(seed)
    return [
        replace(
            Asked(
                f"Question {seed} {i} {'?' * int(rng.integers(1, 30))}",
                {"faithfulness": float(np.clip(rng.normal(quality, 0.1), 0, 1))},
                answer="It is 56 metres tall. " + "Yes. " * int(rng.integers(1, 9)),
                cost=float(rng.lognormal(-7, 0.3)), latency_ms=float(rng.lognormal(6, 0.3)),
                tokens=(int(rng.integers(80, 120)), int(rng.integers(10, 30))),
            ),
            **more,
        )
        for i in range(n)
    ]  # fmt: skip


def write(reference: Sequence[Asked], current: Sequence[Asked]) -> None:
    write_run("ref.jsonl", reference, 1)
    write_run("cur.jsonl", current, 2)


def fits(text: str) -> bool:
    return max(map(len, text.splitlines())) <= 80


def test_traffic_as_before_is_stable(drift: Shell) -> None:
    write(traffic(), traffic(seed=2))
    text, found = drift("--fail-on", "drift"), drift("--json")

    assert text.code == 0
    assert found.verdicts("worse", "changed", "better") == set()
    assert fits(text.out)
    assert drift().out == drift().out
    assert found.signal("faithfulness")["n_current"] == 120


def test_quality_that_falls_is_found_and_the_rest_is_left_alone(drift: Shell) -> None:
    write(traffic(), traffic(seed=2, quality=0.6))
    text, found = drift("--fail-on", "drift"), drift("--json")

    assert text.code == 1
    assert found.verdicts("worse") == {"faithfulness", "faithfulness.failing"}
    signal = found.signal("faithfulness")
    assert signal["psi"] > 0.25
    assert signal["psi_interval"][0] > 0.25
    assert signal["interval"][1] < -0.15
    assert signal["p_holm"] < 0.01
    assert "faithfulness, faithfulness.failing drifted" in text.out
    assert drift("--fail-on", "cost").code == 0
    assert drift("--fail-on", "faithfulness").code == 1


def test_change_for_the_better_is_told_and_fails_nothing(drift: Shell) -> None:
    write(traffic(quality=0.6), traffic(seed=2, quality=0.8, cost=0.00001))
    found = drift("--json", "--fail-on", "drift")

    assert found.code == 0
    assert {"faithfulness", "cost"} <= found.verdicts("better")


def test_refusals_errors_lengths_and_retrieval_are_watched(drift: Shell) -> None:
    current = traffic(seed=2, passages=(("d1", 0.3, "The tower of Pisa is 56 metres tall. " * 3),), answer="56 metres.")
    current = [
        replace(a, error=True) if i % 5 == 0 else replace(a, scores={"faithfulness": None}) if i % 3 == 0 else a
        for i, a in enumerate(current)
    ]
    write(traffic(), current)
    found = drift("--json", "--fail-on", "errors")

    assert found.code == 1
    assert {"errors", "refusals"} <= found.verdicts("worse")
    assert {
        "retrieval_score", "top_retrieval_score", "passages", "passage_length", "answer_length",
    } <= found.verdicts("changed")  # fmt: skip
    assert found.signal("errors")["current"] == pytest.approx(0.2)
    assert found.signal("refusals")["n_current"] == 96  # a request that erred did not decline


def test_requests_are_the_observations_however_many_answers_they_hold(drift: Shell) -> None:
    from groundwire.traces.otlp_json import encode
    from runs import run_spans

    for path, seed in (("ref.jsonl", 1), ("cur.jsonl", 2)):
        spans = run_spans(traffic(seed=seed), seed)
        traces = list(dict.fromkeys(s.trace_id for s in spans))
        joined = {trace: traces[i - i % 3] for i, trace in enumerate(traces)}
        Path(path).write_text("".join(encode([replace(s, trace_id=joined[s.trace_id])]) + "\n" for s in spans))

    assert drift("--json").signal("faithfulness")["n_reference"] == 40


# --- limits ---

HOLDING = [
    *("--floor", "faithfulness:0.7", "--floor", "faithfulness:p10:0.5", "--floor", "passages:2"),
    *("--ceiling", "cost:0.02", "--ceiling", "latency:p95:3000ms", "--ceiling", "latency:3s"),
    *("--ceiling", "refusals:5%", "--ceiling", "errors:0", "--ceiling", "faithfulness.failing:0.5"),
]


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (HOLDING, 0),
        (["--floor", "faithfulness:0.9"], 1), (["--floor", "faithfulness:p10:0.75"], 1), (["--floor", "passages:3"], 1),
        (["--ceiling", "cost:$0.0001"], 1), (["--ceiling", "cost:0.0001usd"], 1), (["--ceiling", "passages:1"], 1),
        (["--ceiling", "latency:p95:0.3s"], 1), (["--ceiling", "answer_length:10"], 1),
        (["--ceiling", "faithfulness:0.9"], 2), (["--floor", "cost:0.1"], 2), (["--floor", "faithfulness"], 2),
        (["--floor", "faithfulness:p101:0.1"], 2), (["--floor", "faithfulness:median:0.1"], 2),
        (["--floor", "coolness:0.1"], 2), (["--ceiling", "latency:5%"], 2), (["--floor", "faithfulness:nan"], 2),
        (["--floor", "faithfulness:0.8:0.9"], 2),
    ],
)  # fmt: skip
def test_floors_and_ceilings(drift: Shell, arguments: list[str], code: int) -> None:
    write(traffic(), traffic(seed=2))

    assert drift(*arguments).code == code


def test_limit_tells_the_figure_and_its_interval(drift: Shell) -> None:
    write(traffic(), traffic(seed=2))
    text = drift("--floor", "faithfulness:0.9", "--ceiling", "latency:p95:60000ms")

    assert "✗ --floor faithfulness:0.9  failed\n    mean of 120: 0." in text.out
    assert "✓ --ceiling latency:p95:60000ms  holds\n    p95 of 120: " in text.out


def test_no_data_is_not_zero_and_not_a_pass(drift: Shell) -> None:
    write(traffic(), traffic(seed=2, cost=None, scores={"faithfulness": None}))
    found = drift("--json", "--ceiling", "cost:0.02")

    assert found.code == 3
    assert found.json["limits"][0]["found"] is None
    assert found.json["limits"][0]["told"] == "n is 0, the least is 30 (--min-n), 120 requests are without it"
    assert found.signal("cost")["current"] is None
    assert found.signal("cost")["verdict"] == "gone"
    assert drift("--floor", "faithfulness:0.1").code == 3
    assert drift("--fail-on", "cost").code == 3


def test_too_few_requests_decide_nothing(drift: Shell) -> None:
    write(traffic(10), traffic(10, seed=2, quality=0.2))
    text = drift("--fail-on", "drift", "--floor", "faithfulness:0.8")

    assert text.code == 3
    assert "too few" in text.out
    assert "corrected" not in text.out
    enough = drift("--fail-on", "drift", "--min-n", "8")
    assert enough.code == 1
    assert "corrected for" in enough.out


def test_different_versions_are_not_drift(drift: Shell) -> None:
    write(traffic(version="2-local"), traffic(seed=2, quality=0.3, version="2-lexical"))
    text, found = drift("--fail-on", "drift"), drift("--json")

    assert text.code == 3
    assert "faithfulness NOT COMPARED: scored by 2-local in the first run" in " ".join(text.out.split())
    assert "faithfulness" not in {s["name"] for s in found.json["signals"]}
    assert drift("--floor", "faithfulness:0.8").code == 1  # a limit looks at the current traces alone


# --- windows ---


def test_window_splits_one_source_by_the_time_of_its_last_trace(drift: Shell) -> None:
    old = [replace(a, at_s=i * HOUR / 10) for i, a in enumerate(traffic(300))]
    new = [replace(a, at_s=50 * HOUR + i * HOUR / 10) for i, a in enumerate(traffic(60, seed=2, quality=0.5))]
    write_run("all.jsonl", [*new, *old])
    found = drift("--window", "24h", "--json", "--fail-on", "drift", sources=["all.jsonl"])

    assert (found.json["reference"]["requests"], found.json["current"]["requests"]) == (300, 60)
    assert found.code == 1
    assert "since 2023-11-" in found.json["current"]["source"]
    assert drift("--window", "9w", sources=["all.jsonl"]).code == 2


@pytest.mark.parametrize(
    ("arguments", "sources", "said"),
    [
        ([], ["ref.jsonl"], "expected two sources, or one and --window"),
        (["--window", "24h"], ["ref.jsonl", "cur.jsonl"], "expected two sources, or one and --window"),
        (["--window", "soon"], ["ref.jsonl"], "expected a time such as 90m"),
        (["--window", "0h"], ["ref.jsonl"], "expected a time such as 90m"),
        ([], ["-", "-"], "standard input cannot be both"),
        (["--alpha", "1"], ["ref.jsonl", "cur.jsonl"], "--alpha must be between"),
        (["--psi", "nan"], ["ref.jsonl", "cur.jsonl"], "--psi must not be negative"),
        (["--min-n", "1"], ["ref.jsonl", "cur.jsonl"], "--min-n must be at least 5"),
        (["--json", "--markdown"], ["ref.jsonl", "cur.jsonl"], "choose one"),
        (["--fail-on", "coolness"], ["ref.jsonl", "cur.jsonl"], "expected drift, or one of faithfulness"),
        ([], ["ref.jsonl", "nowhere.jsonl"], "nowhere.jsonl: no such file"),
    ],
)
def test_mistakes_are_one_line(drift: Shell, arguments: list[str], sources: list[str], said: str) -> None:
    write(traffic(5), traffic(5))
    found = drift(*arguments, sources=sources)

    assert (found.code, found.out, found.err.count("\n")) == (2, "", 1)
    assert said in found.err


# --- other forms ---


def test_junit_and_markdown(drift: Shell) -> None:
    write(traffic(), traffic(seed=2, quality=0.5, cost=None))
    arguments = ("--fail-on", "drift", "--floor", "faithfulness:0.1", "--ceiling", "cost:1")
    found = drift(*arguments, "--markdown", "--junit", "x.xml")
    suite = ElementTree.parse("x.xml").getroot()[0]

    assert found.code == 1
    assert found.out.startswith("## groundwire drift: ❌ failed\n")
    assert "| `faithfulness` | 120, 120 | " in found.out
    assert [case.get("name") for case in suite] == [
        "--fail-on drift", "--floor faithfulness:0.1", "--ceiling cost:1",
    ]  # fmt: skip
    assert [[inner.tag for inner in case] for case in suite] == [["failure"], ["system-out"], ["error"]]


def test_hostile_traces_are_inert(drift: Shell) -> None:
    bad = "\x1b[2J<script>|`@team`\n\u202e\ud800" + "x" * 200
    write(*([replace(a, scores={bad: 0.9}, model=bad, question=bad) for a in traffic(40, seed=s)] for s in (1, 2)))
    for arguments in ((), ("--markdown",)):
        found = drift(*arguments, "--fail-on", "drift")
        assert found.code == 0
        assert not any(ord(c) < 32 and c != "\n" for c in found.out)
        assert "\u202e" not in found.out
    assert fits(drift().out)
