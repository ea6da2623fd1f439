"""`groundwire agree` as a shell sees it."""

import csv
import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from groundwire.cli import run
from groundwire.errors import UnknownPlugin
from groundwire.model import Evaluator, Evidence, RagChain, Score, Skipped

Run = Callable[..., "Result"]


@dataclass(frozen=True)
class Result:
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@dataclass(frozen=True)
class NamesParis:
    """Flags every answer with Paris in it, and marks the word."""

    name: str = "faithfulness"
    version: str = "1"

    def evaluate(self, chain: RagChain, /) -> Score | Skipped:
        if not chain.answer.strip():
            return Skipped("empty_answer")
        at = chain.answer.find("Paris")
        if at < 0:
            return Score(0.9, "faithful", passed=True, model="lexical")
        evidence = Evidence("Paris", at, at + 5, "unsupported", 0.1)
        return Score(0.2, "unfaithful", evidence=(evidence,), passed=False, model="lexical")


@dataclass(frozen=True)
class Blind:
    """Passes everything."""

    name: str = "faithfulness"
    version: str = "2"

    def evaluate(self, chain: RagChain, /) -> Score:
        return Score(0.5, "faithful", passed=True)


@dataclass(frozen=True)
class Breaks:
    name: str = "faithfulness"
    version: str = "3"

    def evaluate(self, chain: RagChain, /) -> Score:
        raise ConnectionError("nobody there")


def item(number: int, bad: bool, **more: Any) -> dict[str, Any]:
    answer = f"Born in {'Paris' if bad else 'Dijon'}, as text {number} says."
    spans = [{"start": 8, "end": 13, "text": "Paris"}] if bad else []
    return {
        "source_id": f"s{number // 2}", "question": "Where?", "passages": ["Born in Dijon."], "answer": answer,
        "spans": spans, "task": "qa" if number % 2 else "summary", "generator": f"model-{number % 3}", **more,
    }  # fmt: skip


def write(name: str, items: list[dict[str, Any]], *tail: str) -> None:
    Path(name).write_text("\n".join([*map(json.dumps, items), *tail]) + "\n")


@pytest.fixture
def agree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    monkeypatch.chdir(tmp_path)
    there: dict[str, Evaluator] = {"faithfulness": NamesParis(), "blind": Blind(), "breaks": Breaks()}

    def load(name: str) -> Evaluator:
        if name not in there:
            raise UnknownPlugin("evaluator", name, there)
        return there[name]

    monkeypatch.setattr("groundwire.plugins.evaluator", load)

    def call(*arguments: str) -> Result:
        code = run(["agree", *arguments])
        out, err = capsys.readouterr()
        return Result(code, out, err)

    return call


ITEMS = [item(n, n % 5 == 0) for n in range(40)]


def test_figures_are_printed_within_80_columns(agree: Run) -> None:
    write("labels.jsonl", [*ITEMS, item(40, True, answer="", spans=[], label=0)])
    result = agree("labels.jsonl", "--observed", "240/2000")

    assert (result.code, result.err) == (0, "")
    assert result.out.startswith("faithfulness v1 against 41 labelled rows: 32 good, 9 bad\n")
    assert "21 sources; judged by lexical (40)" in result.out
    assert "1 not scored (1 empty answer): they count as not flagged" in result.out
    assert "AUC                  0.889  (95%: " in result.out
    assert "F1 of bad spans      1.000  (95%: 1.000 to 1.000)  40 rows" in result.out
    assert "bad               8        1   flagged of the bad  (recall, TPR)  0.889" in result.out
    assert "12.0% flagged of 2000: 13.5% are bad (95%: 1" in result.out
    assert "\ntask " in result.out
    assert "\ngenerator " in result.out
    assert "\nlength " in result.out
    assert "0.9 - 1.0     32  0.900 1.000  " in result.out
    assert max(map(len, result.out.splitlines())) <= 80


def test_lines_that_cannot_be_used_are_named_and_give_3(agree: Run) -> None:
    write("labels.jsonl", ITEMS, "half a", "[]", *["{}"] * 5)
    result = agree("labels.jsonl")

    assert result.code == 3
    assert result.err.splitlines()[:2] == [
        "left out: labels.jsonl:41: no JSON: Expecting value: line 1 column 1 (char 0)",
        "left out: labels.jsonl:42: a JSON object is expected, found a list",
    ]
    assert result.err.splitlines()[-1] == "left out: 2 more lines (--json lists all)"
    assert [entry[0] for entry in agree("labels.jsonl", "--json").json["rejected_lines"]] == list(range(41, 48))


def test_json_holds_everything(agree: Run) -> None:
    write("labels.jsonl", ITEMS)
    found = agree("labels.jsonl", "--json", "--against", "blind", "--observed", "12%").json

    assert found["confusion"]["caught"] == 8
    assert found["confusion"]["kappa"] == 1
    assert found["intervals"]["auc"] == [1, 1]
    assert found["groups"]["task"]["qa"]["n"] == 20
    assert found["correction"]["corrected"] == pytest.approx(0.12)
    assert [b["n"] for b in found["reliability"]] == [8, 32]
    assert found["ms"]["p50"] <= found["ms"]["p95"]
    assert found["against"]["version"] == "2"
    assert found["comparison"]["differences"]["auc"]["difference"] == 0.5
    assert found["missed_limits"] == []
    assert found["rejected_lines"] == []


def test_two_evaluators_are_set_side_by_side(agree: Run) -> None:
    write("labels.jsonl", ITEMS)
    result = agree("labels.jsonl", "--against", "blind")

    assert result.code == 0
    assert "on the same 40 rows, 20 sources; 95 % by paired bootstrap" in result.out
    assert "AUC                  1.000  0.500   +0.500   +0.500 to +0.500   differ" in result.out
    assert "the same verdict on 80.0% of the rows" in result.out
    assert max(map(len, result.out.splitlines())) <= 80


def test_several_files_of_both_kinds_are_measured_together_and_apart(agree: Run) -> None:
    write("a.jsonl", ITEMS[:20])
    with Path("b.csv").open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["passages", "answer", "label", "team"])
        writer.writerows([['["p"]', "Paris it is", "unfaithful", "red"], ['["p"]', "Dijon", "faithful", "blue"]])
    found = agree("a.jsonl", "b.csv", "--json").json

    assert found["n"] == 22
    assert {name: group["n"] for name, group in found["groups"]["file"].items()} == {"a.jsonl": 20, "b.csv": 2}
    assert set(agree("a.jsonl", "b.csv", "--by", "team", "--json").json["groups"]) == {"team"}


def test_floors_decide_the_exit_code(agree: Run) -> None:
    write("labels.jsonl", ITEMS, "half a")
    held = (
        "--min-auc",
        "1",
        "--min-f1",
        "0.9",
        "--min-span-f1",
        "0.9",
        "--min-balanced-accuracy",
        "1",
        "--max-ece",
        "1",
    )
    assert agree("labels.jsonl", *held).code == 3
    result = agree("labels.jsonl", "-e", "blind", "--min-auc", "0.8", "--min-map", "0.1", "--max-ece", "0.05")

    assert result.code == 1
    assert result.err.splitlines()[-3:] == [
        "not reached: AUC is 0.5000, the floor 0.8",
        "not reached: mean average precision is not known, the floor 0.1",
        "not reached: calibration error is 0.3000, the ceiling 0.05",
    ]


def test_a_sample_is_the_same_each_time(agree: Run) -> None:
    write("labels.jsonl", ITEMS)
    one, same, other = (agree("labels.jsonl", "--sample", "12", "--seed", s, "--json").json for s in "112")

    assert one["n"] == same["n"] == other["n"] == 12
    assert one["groups"] == same["groups"]
    assert one["groups"] != other["groups"]
    assert agree("labels.jsonl", "--sample", "999", "--json").json["n"] == 40


def test_plot_is_written(agree: Run) -> None:
    write("labels.jsonl", ITEMS)
    result = agree("labels.jsonl", "--plot", "reliability.png")

    assert result.out.endswith("reliability plot: reliability.png\n")
    assert Path("reliability.png").read_bytes().startswith(b"\x89PNG")


def test_an_evaluator_that_breaks_gives_3_and_its_first_error(agree: Run) -> None:
    write("labels.jsonl", ITEMS)
    result = agree("labels.jsonl", "-e", "breaks")

    assert result.code == 3
    assert "40 broke (40 ConnectionError): they count as not flagged" in result.out
    assert "first: ConnectionError: nobody there" in result.out
    assert "Not one row got a score." in result.out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["none.jsonl"], "cannot be read"),
        (["labels.jsonl", "none.jsonl"], "none.jsonl: cannot be read"),
        (["labels.jsonl", "-e", "nothing"], "unknown evaluator 'nothing'"),
        (["labels.jsonl", "--against", "nothing"], "unknown evaluator 'nothing'"),
        (["labels.jsonl", "--label", "tone"], "no row has a label for 'tone'; there are labels for faithfulness"),
        (["labels.jsonl", "--by", "hue"], "no row has a value for 'hue'; there are answer, file, generator"),
        (["labels.jsonl", "--observed", "many"], "'many' is no share"),
        (["labels.jsonl", "--threshold", "2"], "--threshold must be in [0, 1]"),
        (["labels.jsonl", "--threshold", "nan"], "--threshold must be in [0, 1]"),
        (["labels.jsonl", "--sample", "0"], "--sample must be at least 1"),
        (["labels.jsonl", "--plot", "a.svg"], "expected a name such as reliability.png"),
        (["labels.jsonl", "--plot", "none/a.png"], "there is no directory none"),
        (["labels.jsonl", "--min-auc", "high"], "invalid float value"),
        ([], "Missing argument"),
    ],
)
def test_mistakes_are_told_in_one_line(agree: Run, arguments: list[str], said: str) -> None:
    write("labels.jsonl", ITEMS)
    result = agree(*arguments)

    assert (result.code, result.out) == (2, "")
    assert said in result.err
    assert result.err.count("\n") == 1


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_plot_that_cannot_be_written_is_a_mistake(agree: Run, tmp_path: Path) -> None:
    write("labels.jsonl", ITEMS)
    tmp_path.chmod(0o555)
    assert "cannot be written" in agree("labels.jsonl", "--plot", "a.png").err


def test_text_of_others_cannot_move_the_cursor(agree: Run) -> None:
    write("labels.jsonl", [item(n, n % 2 == 0, task="a\x1b[2J" + "x" * 60) for n in range(4)])
    result = agree("labels.jsonl")

    assert "\x1b" not in result.out
    assert max(map(len, result.out.splitlines())) <= 80
