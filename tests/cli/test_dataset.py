"""`groundwire dataset` as a shell sees it."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from groundwire.cli import run
from groundwire.model import SpanRecord
from groundwire.traces.otlp_json import encode
from stored import judged, request


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

    def call(*arguments: str) -> Result:
        code = run(["dataset", *arguments])
        text = capsys.readouterr()
        return Result(code, text.out, text.err)

    return call


def trace(n: int, question: str, value: float | None, answer: str = "It is.", **root: Any) -> list[SpanRecord]:
    """One request: its question is asked of a store, and its answer judged."""
    spans = [*request(answer), *([] if value is None else [judged("faithfulness", value, "", value >= 0.5)])]
    changed: list[SpanRecord] = []
    for span in spans:
        attributes = {
            key: value.replace("How tall is the Eiffel Tower?", question) if isinstance(value, str) else value
            for key, value in span.attributes.items()
        }
        if span.parent_id is None:
            attributes |= root
        shift = n * 10**9
        changed.append(
            replace(
                span,
                trace_id=f"{n:032x}",
                attributes=attributes,
                start_ns=span.start_ns + shift,
                end_ns=span.end_ns + shift,
            )
        )
    return changed


def store(*traces: list[SpanRecord], name: str = "t.jsonl") -> None:
    Path(name).write_text("".join(encode(spans) + "\n" for spans in traces))


def cases(name: str = "c.jsonl") -> list[dict[str, Any]]:
    return [json.loads(line) for line in Path(name).read_text().splitlines()]


@pytest.fixture
def four(command: Command) -> None:
    store(
        trace(1, "How tall?", 0.9, **{"app.version": "1.4", "user": "u1"}),
        trace(2, "How old?", 0.2, **{"app.version": "1.4"}),
        trace(3, "How tall?", 0.4, **{"app.version": "1.5"}),
        trace(4, "How far?", None),
    )


def test_a_case_holds_question_passages_answer_and_where_it_is_from(command: Command, four: None) -> None:
    result = command("build", "t.jsonl", "-o", "c.jsonl", "--tag", "x", "--slice", "user")

    assert result.code == 0
    assert result.out.startswith("3 cases of 4 answers\nnot chosen: 1 same question\n3 written to c.jsonl\n")
    old, tall, far = cases()
    assert [c["question"] for c in (old, tall, far)] == ["How old?", "How tall?", "How far?"]
    assert tall["provenance"]["trace_id"] == f"{3:032x}", "the latest of the same question"
    assert tall["provenance"]["source"] == "t.jsonl"
    assert tall["provenance"]["when"] == "2023-11-14T22:13:23Z"
    assert tall["provenance"]["scores"] == {"faithfulness": {"value": 0.4, "passed": False, "version": "1"}}
    assert tall["previous_answer"] == "It is."
    assert "reference" not in tall
    assert [p["id"] for p in tall["passages"]] == ["d1", "d2", "d3"]
    assert tall["slices"] == {"model": "gpt-4o-mini", "app.version": "1.5"}
    assert tall["tags"] == ["x"]
    assert far["provenance"]["scores"] == {}


def test_building_again_changes_nothing_and_more_traces_add(command: Command, four: None) -> None:
    command("build", "t.jsonl", "-o", "c.jsonl")
    before = Path("c.jsonl").read_bytes()
    again = command("build", "t.jsonl", "-o", "c.jsonl")
    assert "0 written to c.jsonl, 3 were there already" in again.out
    assert Path("c.jsonl").read_bytes() == before

    store(trace(9, "How deep?", 0.1), name="more.jsonl")
    command("build", "more.jsonl", "-o", "c.jsonl")
    assert Path("c.jsonl").read_bytes().startswith(before)
    assert cases()[-1]["question"] == "How deep?"


@pytest.mark.parametrize(
    ("only", "questions"),
    [
        (["failed"], ["How old?", "How tall?"]),
        (["passed"], ["How tall?"]),
        (["worst", "1"], ["How old?"]),
        (["worst:2"], ["How old?", "How tall?"]),
        (["worst=9"], ["How old?", "How tall?"]),
    ],
)
def test_scores_choose(command: Command, four: None, only: list[str], questions: list[str]) -> None:
    assert command("build", "t.jsonl", "-o", "c.jsonl", "--only", *only).code == 0
    assert [c["question"] for c in cases()] == questions


def test_the_worst_answer_to_a_question_stands_for_it(command: Command, four: None) -> None:
    command("build", "t.jsonl", "-o", "c.jsonl", "--only", "worst", "5")

    assert {c["question"]: c["provenance"]["scores"]["faithfulness"]["value"] for c in cases()} == {
        "How old?": 0.2,
        "How tall?": 0.4,
    }


def test_the_same_seed_draws_the_same_whatever_else_is_there(command: Command, four: None) -> None:
    store(*(trace(n, f"Question {n}?", 0.5) for n in range(1, 30)), name="many.jsonl")
    command("build", "many.jsonl", "-o", "one.jsonl", "--only", "random", "7", "--seed", "3")
    command("build", "many.jsonl", "-o", "two.jsonl", "--only", "random", "7", "--seed", "3")
    command("build", "many.jsonl", "-o", "other.jsonl", "--only", "random", "7", "--seed", "4")

    assert Path("one.jsonl").read_bytes() == Path("two.jsonl").read_bytes()
    assert len(cases("one.jsonl")) == 7
    assert {c["id"] for c in cases("one.jsonl")} != {c["id"] for c in cases("other.jsonl")}


@pytest.mark.parametrize(
    ("where", "questions"),
    [
        (["app.version=1.4"], ["How tall?", "How old?"]),
        (["app.version!=1.4"], ["How tall?", "How far?"]),
        (["faithfulness<0.5"], ["How old?", "How tall?"]),
        (["faithfulness<0.5", "question~old"], ["How old?"]),
        (["model=gpt-4o-mini", "user=u1"], ["How tall?"]),
    ],
)
def test_conditions_choose(command: Command, four: None, where: list[str], questions: list[str]) -> None:
    command("build", "t.jsonl", "-o", "c.jsonl", *(part for w in where for part in ("--where", w)))

    assert [c["question"] for c in cases()] == questions


def test_an_answer_is_a_reference_only_where_it_is_asked_for(command: Command, four: None) -> None:
    command("build", "t.jsonl", "-o", "c.jsonl", "--answers-as-reference", "--no-passages", "--only", "passed")

    (case,) = cases()
    assert case["reference"] == case["previous_answer"] == "It is."
    assert "passages" not in case


def test_private_data_is_replaced_in_every_text_of_a_case(command: Command) -> None:
    store(trace(1, "Is ada@example.org Ada Lovelace?", 0.1, "Yes, ADA@example.org, sk-abcdefghijklmnop1234 of Acme."))
    Path("names.txt").write_text("Ada Lovelace\n\n")
    Path("mine.py").write_text("def hide(text):\n    return text.replace('Acme', '<COMPANY>')\n")
    result = command("build", "t.jsonl", "-o", "c.jsonl", "--redact", "mine:hide", "--redact-names", "names.txt")

    assert result.code == 0
    text = Path("c.jsonl").read_text()
    assert not re.search("(?i)ada|sk-abc|Acme", text)
    (case,) = cases()
    assert case["question"] == "Is <EMAIL_1> <NAME_1>?"
    assert case["previous_answer"] == "Yes, <EMAIL_1>, <SECRET_1> of <COMPANY>."
    assert case["redacted"] == {"EMAIL": 1, "NAME": 1, "SECRET": 1, "mine:hide": 1}
    assert "redacted: 1 EMAIL, 1 NAME, 1 SECRET, 1 mine:hide" in result.out


def test_a_hook_that_breaks_writes_nothing(command: Command, four: None) -> None:
    Path("bad.py").write_text("def hide(text):\n    raise ValueError('no')\n")
    result = command("build", "t.jsonl", "-o", "c.jsonl", "--redact", "bad:hide")

    assert (result.code, Path("c.jsonl").exists()) == (2, False)
    assert "bad:hide broke: ValueError: no; nothing was written" in result.err


def test_passwords_of_the_source_are_left_out(command: Command) -> None:
    from groundwire.datasets.drafting import _without_password

    assert _without_password("jaeger+https://me:pw@host:1/x?service=a") == "jaeger+https://host:1/x?service=a"


@pytest.mark.parametrize("option", [["--redact", "t.jsonl"], ["--only", "failed", "t.jsonl"]])
def test_an_option_before_the_source_does_not_swallow_it(command: Command, four: None, option: list[str]) -> None:
    assert command("build", "-o", "c.jsonl", *option).code == 0
    assert cases()


def test_standard_output_is_json_lines_alone(command: Command, four: None) -> None:
    result = command("build", "t.jsonl", "-o", "-", "--json")

    assert [json.loads(line)["question"] for line in result.out.splitlines()] == ["How old?", "How tall?", "How far?"]
    assert json.loads(result.err)["cases"] == 3


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "ACTION"),
        (["make"], "invalid choice"),
        (["build"], "which traces?"),
        (["build", "nowhere.jsonl"], "nowhere.jsonl"),
        (["build", "t.jsonl", "--only", "best"], "--only best: use failed, passed, worst N or random N"),
        (["build", "t.jsonl", "--only", "worst", "0"], "use failed, passed"),
        (["build", "t.jsonl", "--where", "x"], "is no condition"),
        (["build", "t.jsonl", "--redact", "nothing:here"], "--redact nothing:here cannot be imported"),
        (["build", "t.jsonl", "--redact-names", "no.txt"], "no.txt: cannot be read"),
        (["build", "t.jsonl", "-o", "c.csv"], "cases are written as JSON lines"),
        (["build", "t.jsonl", "--where", "question~nobody"], "no answer was chosen"),
        (["build", "plain.jsonl", "--only", "failed"], "first: groundwire score plain.jsonl -o scored.jsonl"),
        (["build", "none.jsonl"], "no RAG answer in it, 1 spans"),
        (["show", "no.jsonl"], "no.jsonl: cannot be read"),
        (["show", "empty.jsonl"], "no case in it (it is empty)"),
        (["validate", "t.jsonl"], "no case in it; line 1: no question"),
    ],
)
def test_mistakes_are_one_line_and_exit_code_2(command: Command, four: None, arguments: list[str], said: str) -> None:
    store(trace(1, "How tall?", None), name="plain.jsonl")
    store(request()[:1], name="none.jsonl")
    Path("empty.jsonl").touch()
    result = command(*arguments)

    assert result.code == 2
    assert said in result.err
    assert "Traceback" not in result.err


def test_show_lists_cases_within_80_columns(command: Command) -> None:
    rows = [
        {"question": "\x1b[31mred\x07 " + "long " * 40, "reference": "r"},
        *({"question": f"Q {n}?"} for n in range(30)),
    ]
    Path("c.jsonl").write_text("".join(json.dumps(r) + "\n" for r in rows))
    result = command("show", "c.jsonl")

    assert result.code == 0
    assert "\x1b" not in result.out
    assert "\x07" not in result.out
    assert max(map(len, result.out.splitlines())) <= 80
    assert "31 cases: 1 with a reference, 0 with passages" in result.out
    assert "11 more: groundwire dataset show c.jsonl --all" in result.out
    assert len(command("show", "c.jsonl", "--all").out.splitlines()) == 33


def test_show_prints_one_case_in_full(command: Command, four: None) -> None:
    command("build", "t.jsonl", "-o", "c.jsonl")
    result = command("show", "c.jsonl", "--case", cases()[0]["id"][:6])

    assert "question          How old?" in result.out
    assert "passages          The Eiffel Tower is 330 metres tall." in result.out
    assert command("show", "c.jsonl", "--case", "zzzz").code == 2
    assert [json.loads(line) for line in command("show", "c.jsonl", "--json").out.splitlines()] == cases()


def test_validate_is_a_gate(command: Command) -> None:
    Path("good.jsonl").write_text('{"question": "A?"}\n{"question": "a"}\n')
    Path("bad.jsonl").write_text('{"question": "A?"}\n{"question": ""}\n{"half\n')
    good, bad = command("validate", "good.jsonl"), command("validate", "bad.jsonl")

    assert (good.code, bad.code) == (0, 1)
    assert "1 repeated (line 2)" in good.err
    assert "bad.jsonl:2: no question: question holds no text" in bad.err
    assert "bad.jsonl:3: no JSON" in bad.err
    told = json.loads(command("validate", "bad.jsonl", "--json").out)
    assert (told["cases"], [p["line"] for p in told["problems"]]) == (1, [2, 3])


@pytest.mark.parametrize("action", [[], ["build"], ["show"], ["validate"]])
def test_help_has_an_example_and_fits(command: Command, action: list[str]) -> None:
    result = command(*action, "--help")

    assert result.code == 0
    assert "Example:" in result.out
    assert max(map(len, result.out.splitlines())) <= 80


def test_the_worst_of_many_are_found_and_every_answer_is_accounted_for(command: Command) -> None:
    values = {n: (n * 7919 % 997) / 997 for n in range(1, 601)}
    store(*(trace(n, f"Question {n % 500}?", value) for n, value in values.items()))
    result = command("build", "t.jsonl", "-o", "c.jsonl", "--only", "worst", "2", "--json")

    by_question: dict[int, float] = {}
    for n, value in values.items():
        by_question[n % 500] = min(value, by_question.get(n % 500, 2.0))
    worst = sorted(by_question, key=lambda n: by_question[n])[:2]
    assert [c["question"] for c in cases()] == [f"Question {n}?" for n in worst]
    told = json.loads(result.out)
    assert told["not_chosen"] == {"same question": 100, "beyond the number asked for": 498}


def test_questions_that_differ_by_a_name_alone_are_one_case_when_it_is_taken_out(command: Command) -> None:
    store(*(trace(n, f"What does {name} earn?", 0.1 * n) for n, name in enumerate(["Ada", "Bob", "Cy"], 1)))
    Path("names.txt").write_text("Ada\nBob\n")
    result = command(
        "build", "t.jsonl", "-o", "c.jsonl", "--only", "worst", "3", "--redact-names", "names.txt", "--json"
    )

    assert [c["question"] for c in cases()] == ["What does <NAME_1> earn?", "What does Cy earn?"]
    assert json.loads(result.out)["not_chosen"] == {"same question": 1}


def test_a_place_where_nothing_can_be_added_is_told_before_the_traces_are_read(command: Command) -> None:
    Path("c.jsonl").write_text("my notes\n")

    assert "no case in it" in command("build", "nowhere.jsonl", "-o", "c.jsonl").err
    assert "no such folder" in command("build", "nowhere.jsonl", "-o", "no/c.jsonl").err
    assert Path("c.jsonl").read_text() == "my notes\n"
