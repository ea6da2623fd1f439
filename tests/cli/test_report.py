"""`groundwire report` as a shell sees it: the file, what is said of it, exit codes, and what is never overwritten."""

import json
import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from groundwire.checks import is_evaluation
from groundwire.cli import run
from groundwire.model import Evaluator, RagChain, Score, Skipped, SpanRecord
from groundwire.traces.otlp_json import encode
from reported import FAITHFUL, UNFAITHFUL, Document, mixed, one


@dataclass(frozen=True)
class Result:
    code: int
    out: str
    err: str


@dataclass(frozen=True)
class Half:
    """Everything is worth a half; what speaks of bananas breaks it."""

    name: str = "faithfulness"
    version: str = "7"

    def evaluate(self, chain: RagChain, /) -> Score | Skipped:
        if "bananas" in chain.answer:
            raise ZeroDivisionError("by nothing")
        return Score(0.5, "partly", passed=False)


Command = Callable[..., Result]


@pytest.fixture
def groundwire(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Command:
    def chosen(names: list[str] | None = None) -> tuple[Evaluator, ...]:
        return (Half(),)

    monkeypatch.setattr("groundwire.plugins.evaluators", chosen)
    monkeypatch.chdir(tmp_path)

    def call(*arguments: str) -> Result:
        code = run(["report", *arguments])
        captured = capsys.readouterr()
        return Result(code, captured.out, captured.err)

    return call


def stored(path: Path, spans: list[SpanRecord]) -> str:
    path.write_text(encode(spans) + "\n", encoding="utf-8")
    return str(path)


@pytest.fixture
def scored(tmp_path: Path) -> str:
    return stored(tmp_path / "run.jsonl", mixed())


def test_the_file_is_named_and_what_it_opens_on(groundwire: Command, scored: str, tmp_path: Path) -> None:
    done = groundwire(scored)
    assert done.code == 0
    assert done.out.splitlines()[0].startswith(
        "report.html: 4 answers, 2 failed a check, 1 not scored, 1 passed (0."
    )  # fmt: skip
    assert done.out.splitlines()[1].endswith("Where was Eiffel born?")
    assert all(len(line) <= 80 for line in done.out.splitlines())
    assert Document((tmp_path / "report.html").read_text(encoding="utf-8")).data["answers"] == 4


def test_a_run_without_scores_is_scored_first_and_it_says_so(groundwire: Command, tmp_path: Path) -> None:
    source = stored(tmp_path / "raw.jsonl", [s for s in mixed() if not is_evaluation(s)])
    done = groundwire(source, "--json")
    assert done.code == 0
    assert "scored now, in memory" in done.err
    assert json.loads(done.out)["scored_now"] == {source: {"faithfulness 7": 4}}
    assert "faithfulness 7" in Document((tmp_path / "report.html").read_text()).data["note"]


def test_a_run_can_be_left_without_scores(groundwire: Command, tmp_path: Path) -> None:
    source = stored(tmp_path / "raw.jsonl", [s for s in mixed() if not is_evaluation(s)])
    done = groundwire(source, "--no-score", "--json")
    assert (done.code, json.loads(done.out)["verdicts"]) == (0, {"unchecked": 4})


def test_an_evaluator_that_broke_leaves_the_report_incomplete(groundwire: Command, tmp_path: Path) -> None:
    source = stored(tmp_path / "raw.jsonl", [*one(1), *one(2, answer="It is 330 metres of bananas.")])
    done = groundwire(source)
    assert done.code == 3
    assert "faithfulness broke on 1 answer" in done.out
    missing = Document((tmp_path / "report.html").read_text()).data["figures"]["evaluators"][0]["not_scored"]
    assert missing == [["broke: ZeroDivisionError", 1]]


def test_what_cannot_be_read_is_told_and_gives_3(groundwire: Command, scored: str) -> None:
    with Path(scored).open("a") as file:
        file.write("{not json\n")
    done = groundwire(scored, "--json")
    assert done.code == 3
    assert json.loads(done.out)["complete"] is False


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--limit", "0"], "--limit must be at least 1"),
        (["--key", "case"], "--key pairs two runs"),
        (["-e", "faithfulness", "--no-score"], "choose one"),
        (["--by", "no.such"], "no answer has that attribute; there are"),
        (["-o", "nowhere/report.html"], "there is no folder"),
        (["-o", "."], "is a folder"),
        (["--limit", "many"], "invalid int value"),
    ],
)
def test_a_mistake_is_told_in_one_line(groundwire: Command, scored: str, arguments: list[str], told: str) -> None:
    done = groundwire(scored, *arguments)
    assert done.code == 2
    assert told in done.err
    assert len(done.err.splitlines()) == 1
    assert not Path("report.html").exists()


def test_a_file_that_is_no_report_is_not_overwritten(groundwire: Command, scored: str) -> None:
    before = Path(scored).read_bytes()
    done = groundwire(scored, "-o", scored)
    assert (done.code, Path(scored).read_bytes()) == (2, before)
    assert "exists and is no report" in done.err


def test_a_report_is_replaced_by_the_next_and_nothing_else_stays(
    groundwire: Command, scored: str, tmp_path: Path
) -> None:
    assert groundwire(scored).code == groundwire(scored, "--title", "Second").code == 0
    assert Document((tmp_path / "report.html").read_text()).title == "Second"
    assert {p.name for p in tmp_path.iterdir()} == {"run.jsonl", "report.html"}


def test_a_pipe_stays_a_pipe_and_a_link_a_link(groundwire: Command, scored: str, tmp_path: Path) -> None:
    pipe, read = tmp_path / "pipe", list[str]()
    os.mkfifo(pipe)
    reader = Thread(target=lambda: read.append(pipe.read_text(encoding="utf-8")))
    reader.start()
    assert groundwire(scored, "-o", str(pipe)).code == 0
    reader.join(10)
    assert read[0].endswith("</html>\n")
    assert pipe.is_fifo()
    link = tmp_path / "latest.html"
    link.symlink_to("real.html")
    assert groundwire(scored, "-o", str(link)).code == 0
    assert link.is_symlink()
    assert Document((tmp_path / "real.html").read_text(encoding="utf-8")).data["answers"] == 4


def test_standard_output_has_the_page_and_nothing_but_the_page(groundwire: Command, scored: str) -> None:
    done = groundwire(scored, "-o", "-")
    assert done.out.startswith("<!doctype html>")
    assert done.out.endswith("</html>\n")
    assert done.err.startswith("the report: 4 answers")


def test_a_source_without_answers_is_a_mistake(groundwire: Command, tmp_path: Path) -> None:
    source = stored(tmp_path / "other.jsonl", [SpanRecord("1" * 32, "2" * 16, "GET /", 1, 2)])
    done = groundwire(source)
    assert done.code == 2
    assert "no RAG answer among 1 spans" in done.err


def test_two_runs_are_compared_and_the_report_is_about_the_second(groundwire: Command, tmp_path: Path) -> None:
    base = [s for n in range(60) for s in one(n, FAITHFUL, question=f"Question {n}?", **{"app.version": "1.0"})]
    candidate = [
        s for n in range(60)
        for s in one(100 + n, UNFAITHFUL if n % 2 else FAITHFUL, question=f"Question {n}?", **{"app.version": "2.0"})
    ]  # fmt: skip
    first, second = stored(tmp_path / "v1.jsonl", base), stored(tmp_path / "v2.jsonl", candidate)
    done = groundwire(first, second, "--by", "model", "--by", "app.version")
    assert done.code == 0
    assert "worse: faithfulness -0.260" in done.out
    data: dict[str, Any] = Document((tmp_path / "report.html").read_text()).data
    assert data["title"] == "v2.jsonl"
    assert data["comparison"]["pairs"] == 60
    assert [s["attribute"] for s in data["comparison"]["slices"]] == ["model", "app.version"]


def test_runs_that_do_not_pair_are_compared_as_sets(groundwire: Command, tmp_path: Path) -> None:
    first = stored(tmp_path / "v1.jsonl", one(1, FAITHFUL, question="This?"))
    second = stored(tmp_path / "v2.jsonl", one(2, FAITHFUL, question="That?"))
    done = groundwire(first, second)
    assert done.code == 0
    assert "no question pairs" in done.out


def test_hostile_text_does_not_steer_the_terminal(groundwire: Command, tmp_path: Path) -> None:
    spans = one(1, FAITHFUL, question="\x1b]0;owned\x07\x1b[2J\u202eHow tall?")
    spans = [replace(s, name=f"{s.name}\x1b[2J") for s in spans]
    done = groundwire(stored(tmp_path / "run.jsonl", spans))
    assert done.code == 0
    assert not {"\x1b", "\x07", "\u202e"} & set(done.out + done.err)
