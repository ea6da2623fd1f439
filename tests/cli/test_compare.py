"""`groundwire compare` as a shell sees it."""

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest

from groundwire.cli import run
from groundwire.model import Evaluator, RagChain, Score
from runs import PASSAGES, Asked, run_spans, write_run

Shell = Callable[..., "Result"]


class Result:
    def __init__(self, code: int, out: str, err: str) -> None:
        self.code, self.out, self.err = code, out, err

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    def difference(self, name: str) -> Any:
        return next(d for d in self.json["differences"] if d["name"] == name)


@pytest.fixture
def compare(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shell:
    monkeypatch.chdir(tmp_path)

    def command(*arguments: str, base: str = "base.jsonl", candidate: str = "cand.jsonl") -> Result:
        code = run(["compare", base, candidate, *arguments])
        text = capsys.readouterr()
        return Result(code, text.out, text.err)

    return command


def asked(n: int = 40, drop: float = 0.0, seed: int = 1, **more: Any) -> list[Asked]:
    """The same questions and difficulties for every seed; noise of .02 is the run's own."""
    hard, own = np.random.default_rng(0), np.random.default_rng(seed)
    return [
        Asked(
            f"What is {i}?",
            {"faithfulness": float(np.clip(hard.uniform(0.5, 0.9) - drop + own.normal(0, 0.02), 0, 1))},
            **more,
        )
        for i in range(n)
    ]


def write(base: Sequence[Asked], candidate: Sequence[Asked]) -> None:
    write_run("base.jsonl", base, 1)
    write_run("cand.jsonl", candidate, 2)


def fits(text: str) -> bool:
    return max(map(len, text.splitlines())) <= 80


# --- figures ---


def test_drop_is_found_question_by_question(compare: Shell) -> None:
    write(asked(), list(reversed(asked(drop=0.1, seed=2, cost=0.002, latency_ms=150.0, tokens=(200, 20)))))
    found = compare("--json")
    faithfulness, cost = found.difference("faithfulness"), found.difference("cost")

    assert found.code == 0
    assert found.json["pairs"] == 40
    assert faithfulness["difference"] == pytest.approx(-0.1, abs=0.01)
    assert -0.11 < faithfulness["interval"][0] < faithfulness["interval"][1] < -0.09
    assert (faithfulness["worse"], faithfulness["better"], faithfulness["equal"]) == (40, 0, 0)
    assert faithfulness["p_holm"] < 0.001
    assert cost["relative"] == pytest.approx(1.0)
    assert found.difference("latency")["difference"] == pytest.approx(50)
    assert found.difference("input_tokens")["candidate"] == 200
    assert found.difference("output_tokens")["trend"] == "same"


def test_equal_runs_are_equal_and_the_output_is_the_same_every_time(compare: Shell) -> None:
    write(asked(), asked(seed=2))
    one, again = compare(), compare()

    assert one.code == 0
    assert one.out == again.out
    assert compare("--json").out == compare("--json").out
    assert fits(one.out)
    same = compare("--json", candidate="base.jsonl")
    assert {d["trend"] for d in same.json["differences"]} == {"same"}
    assert {d["p"] for d in same.json["differences"]} == {1.0}


def test_questions_pair_whatever_their_case_blanks_and_end(compare: Shell) -> None:
    write(
        asked(), [replace(a, question=f" {a.question.upper().replace(' ', '  ').rstrip('?')}") for a in asked(seed=2)]
    )

    assert compare("--json").json["pairs"] == 40


def test_repeats_of_a_question_count_once(compare: Shell) -> None:
    write(asked(10) * 8, asked(10, drop=0.1, seed=2) * 8)
    found = compare("--json", "--min-n", "10")
    text = compare()

    assert found.difference("faithfulness")["n_base"] == 10
    assert "80 answers to 10 questions" in text.out
    assert "n < 30" in text.out


def test_unpaired_questions_are_counted_and_listed(compare: Shell) -> None:
    write(asked(45), [*asked(42, seed=2)[2:], Asked("Something else?", {"faithfulness": 0.9})])
    found, text = compare("--json"), compare()

    assert (found.json["pairs"], len(found.json["only_base"])) == (40, 5)
    assert found.json["only_candidate"] == ["Something else?"]
    assert "paired by question: 40; only in BASE 5, only in CAND 1" in text.out
    assert "only in CAND: Something else?" in text.out
    assert "2 more only in BASE" in text.out


def test_key_pairs_by_an_attribute(compare: Shell) -> None:
    rows = asked()
    write(
        [replace(a, attributes={"case.id": i}) for i, a in enumerate(rows)],
        [
            replace(a, question=f"Tell me: {i}", attributes={"case.id": i})
            for i, a in enumerate(asked(drop=0.2, seed=2))
        ],
    )
    found = compare("--key", "case.id", "--json", "--fail-on", "faithfulness:-0.1")

    assert (found.json["pairs"], found.json["by"], found.code) == (40, "case.id", 1)
    missing = compare("--key", "case.idd")
    assert missing.code == 2
    assert "no answer in base.jsonl has the attribute 'case.idd'; there are" in missing.err
    assert "case.id" in missing.err


def test_runs_without_a_common_question_are_compared_unpaired_and_it_is_said(compare: Shell) -> None:
    write(asked(), [replace(a, question=f"Or what about {a.question}") for a in asked(drop=0.3, seed=2)])
    text, found = compare("--fail-on", "faithfulness:-0.1"), compare("--json")

    assert text.code == 1
    assert "NOT PAIRED, not one question is in both runs" in text.out
    assert fits(text.out)
    assert found.json["paired"] is False
    assert found.difference("faithfulness")["worse"] is None
    assert "**not paired**" in compare("--markdown").out
    assert "NOT PAIRED, as asked" in compare("--unpaired", candidate="base.jsonl").out


def test_request_with_two_answers_costs_once(compare: Shell) -> None:
    rows = asked()
    base, candidate = run_spans(rows, 1), run_spans(rows, 2)
    from groundwire.traces.otlp_json import encode

    # Every second request holds the answers of two.
    for path, spans in (("base.jsonl", base), ("cand.jsonl", candidate)):
        traces = list(dict.fromkeys(s.trace_id for s in spans))
        joined = {trace: traces[i - i % 2] for i, trace in enumerate(traces)}
        Path(path).write_text("".join(encode([replace(s, trace_id=joined[s.trace_id])]) + "\n" for s in spans))
    found = compare("--json")

    assert found.difference("faithfulness")["n_base"] == 40
    assert found.difference("cost")["n_base"] == 20
    assert found.difference("cost")["missing_base"] == 0


# --- what is not known ---


def test_model_without_a_price_is_not_cheap(compare: Shell) -> None:
    write(asked(), asked(seed=2, cost=None))
    found, text = compare("--json", "--fail-on", "cost:+10%"), compare()

    assert found.code == 3
    cost = found.difference("cost")
    assert (cost["n_base"], cost["missing_candidate"], cost["candidate"], cost["difference"]) == (0, 40, None, None)
    assert "CAND lacks cost: no price for a call" in text.out
    assert "no data" in text.out
    assert text.code == 0


def test_missing_scores_are_told_with_their_reasons_and_leave_a_gate_undecided(compare: Shell) -> None:
    refusing = [replace(a, scores={"faithfulness": None}) if i % 2 else a for i, a in enumerate(asked(80, seed=2))]
    write(asked(80), refusing)
    text = compare("--fail-on", "faithfulness:-0.03")

    assert text.code == 3
    assert "CAND lacks faithfulness: 40 refusal" in text.out
    assert "CAND lacks it for 40 of the 80 questions that BASE has it for" in " ".join(text.out.split())
    assert compare("--fail-on", "faithfulness:-0.03", "--max-missing", "0.5").code == 0


def test_candidate_that_errs_is_not_compared_by_the_answers_that_are_left(compare: Shell) -> None:
    write(asked(60), [replace(a, error=i % 2 == 0) for i, a in enumerate(asked(60, seed=2))])
    text = compare("--fail-on", "faithfulness:-0.03")

    assert text.code == 3
    assert "30 requests ended in an error" in text.out
    assert "not decided" in text.out


def test_too_few_questions_decide_no_gate(compare: Shell) -> None:
    write(asked(12), asked(12, drop=0.3, seed=2))
    text = compare("--fail-on", "faithfulness:-0.03")

    assert text.code == 3
    assert "n is 12, the least is 30 (--min-n)" in text.out
    assert compare("--fail-on", "faithfulness:-0.03", "--min-n", "10").code == 1


def test_chance_is_spoken_of_where_it_was_computed(compare: Shell) -> None:
    write(asked(12), asked(12, seed=2))
    few, many = compare().out, compare("--min-n", "10").out

    assert "no interval and no p from fewer than 30" in " ".join(few.split())
    assert "corrected" not in few
    assert "corrected for" in many


def test_different_versions_of_an_evaluator_do_not_compare(compare: Shell) -> None:
    write(asked(version="2-local"), asked(seed=2, version="2-lexical"))
    text, found = compare("--fail-on", "faithfulness:-0.03"), compare("--json")

    assert text.code == 3
    assert "faithfulness NOT COMPARED: scored by 2-local in the first run, by 2-lexical" in text.out
    assert "-e faithfulness scores both again" in " ".join(text.out.split())
    assert "faithfulness" not in [d["name"] for d in found.json["differences"]]
    assert found.json["not_compared"]["faithfulness"].startswith("scored by 2-local")
    assert fits(text.out)


def test_scores_without_a_version_compare_with_a_warning(compare: Shell) -> None:
    write(asked(version=""), asked(seed=2, version=""))

    assert "No version recorded, so not known to compare: faithfulness." in compare().out


# --- scoring what is not scored ---


class Counts:
    """Judges by the length of the answer, and says how often it was asked."""

    name = "brevity"
    version = "7"
    asked = 0

    def evaluate(self, chain: RagChain, /) -> Score:
        Counts.asked += 1
        if "break" in chain.answer:
            raise ZeroDivisionError("by nothing")
        return Score(1 / (1 + len(chain.answer)), "brief")


@pytest.fixture
def brevity(monkeypatch: pytest.MonkeyPatch) -> None:
    def evaluators(names: list[str] | None) -> tuple[Evaluator, ...]:
        assert names in (None, ["brevity"])
        return (Counts(),)

    Counts.asked = 0
    monkeypatch.setattr("groundwire.plugins.evaluators", evaluators)


@pytest.mark.usefixtures("brevity")
def test_runs_without_scores_are_scored_first_and_it_is_said(compare: Shell) -> None:
    plain = [replace(a, scores={}) for a in asked()]
    write(plain, [replace(a, answer="It is 56 metres tall, and very old.") for a in plain])
    text = compare("--fail-on", "brevity:-0.01")

    assert text.code == 1
    assert "scored now: brevity 7 (40)" in text.out
    assert Counts.asked == 80
    assert compare("--json").json["base"]["scored_now"] == {"brevity 7": 40}


@pytest.mark.usefixtures("brevity")
def test_evaluator_that_was_asked_for_judges_what_it_has_not(compare: Shell) -> None:
    base = [replace(a, scores={"brevity": 0.5}, version="7") for a in asked()]
    write(base, [replace(a, scores={"brevity": 0.5}, version="6") for a in asked(seed=2)])

    assert compare("--json").json["not_compared"] == {
        "brevity": "scored by 7 in the first run, by 6 in the second"
    }  # fmt: skip
    found = compare("--json", "-e", "brevity")
    assert Counts.asked == 40
    assert (found.json["not_compared"], found.json["candidate"]["scored_now"]) == ({}, {"brevity 7": 40})


@pytest.mark.usefixtures("brevity")
def test_broken_evaluator_makes_the_comparison_incomplete(compare: Shell) -> None:
    plain = [replace(a, scores={}) for a in asked()]
    write(plain, [*plain[1:], replace(plain[0], answer="break")])
    text = compare()

    assert text.code == 3
    assert "brevity broke on 1 answer" in text.out


# --- slices, regressions ---


def test_slices_have_figures_of_their_own_and_say_where_the_attribute_changed(compare: Shell) -> None:
    def models(rows: Sequence[Asked], app: str, weak: float) -> list[Asked]:
        return [
            replace(
                a, model="small" if i % 2 else "large", resource={"app.version": app},
                scores={"faithfulness": (a.scores["faithfulness"] or 0) - (weak if i % 2 else 0)},
            )
            for i, a in enumerate(rows)
        ]  # fmt: skip

    write(models(asked(80), "1", 0), models(asked(80, seed=2), "2", 0.2))
    found = compare("--json", "--by", "gen_ai.request.model", "--by", "app.version")
    text = compare("--by", "gen_ai.request.model", "--by", "app.version")
    slices = {s["value"]: s["differences"][0] for s in found.json["slices"]["gen_ai.request.model"]}

    assert slices["small"]["difference"] == pytest.approx(-0.2, abs=0.02)
    assert slices["large"]["difference"] == pytest.approx(0, abs=0.02)
    assert [s["value"] for s in found.json["slices"]["app.version"]] == ["1 → 2"]
    assert "by gen_ai.request.model" in text.out
    assert fits(text.out)
    assert compare("--by", "model", "--json").json["slices"]["model"][0]["questions"] == [40, 40]
    assert compare("--by", "nope").code == 2


def evidence(*rows: tuple[str, str, int | None]) -> list[dict[str, Any]]:
    return [
        {"text": text, "verdict": verdict, "probability": 0.5, **({} if p is None else {"passage": p})}
        for text, verdict, p in rows
    ]


def test_worst_regressions_show_both_answers_and_what_lost_its_support(compare: Shell) -> None:
    before = Asked(
        "How tall is it?", {"faithfulness": 0.9}, answer="The tower is 56 metres tall. It lies in Tuscany.",
        evidence=evidence(("The tower is 56 metres tall.", "supported", 0), ("It lies in Tuscany.", "supported", 1)),
    )  # fmt: skip
    after = replace(
        before, scores={"faithfulness": 0.1}, answer="The tower is 65 metres tall. It fell in 1990.",
        evidence=evidence(
            ("The tower is 65 metres tall.", "contradicted", 0), ("It fell in 1990.", "unsupported", None)
        ),
        passages=(PASSAGES[1], ("d9", 0.3, "The tower of Pisa is a tourist attraction.")),
    )  # fmt: skip
    write([before, *asked()], [after, *asked(seed=2)])
    text = compare("--worst", "1").out
    [worst] = compare("--worst", "1", "--json").json["worst"]

    assert "1. -0.800  How tall is it?" in text
    assert "✓ The tower is 56 metres tall.        │ ✗ The tower is 65 metres tall." in text
    assert 'became unsupported: "The tower is 65 metres tall."' in text
    assert 'was supported, by passage d1: "The tower is 56 metres tall."' in text
    assert 'new, unsupported: "It fell in 1990."' in text
    assert "no longer in the prompt: d1: The tower of Pisa is 56" in text
    assert "new in the prompt: d9" in text
    assert fits(text)
    assert [c["change"] for c in worst["changed"]] == ["lost", "new"]
    assert worst["candidate"]["trace_id"]
    assert compare("--worst", "0", "--json").json["worst"] == []


# --- gates ---


@pytest.mark.parametrize(
    ("gate", "code"),
    [
        ("faithfulness:-0.03", 1), ("faithfulness:-0.2", 0), ("faithfulness", 1), ("faithfulness:-10%", 1),
        ("faithfulness:-90%", 0), ("cost:+10%", 1), ("cost:+30%", 0), ("cost:+$0.0001", 1), ("cost:0.001", 2),
        ("latency:+200ms", 0), ("latency:+20ms", 1), ("latency:+0.02s", 1), ("input_tokens:+10", 0),
        ("output_tokens:0", 0), ("faithfulness:0.03", 2), ("faithfulness:+0.03", 2), ("cost:-10%", 2),
        ("latency:+2kg", 2), ("cost:+5ms", 2), ("faithfulness:", 1), ("coolness:-1", 2), ("faithfulness:-nan", 2),
    ],
)  # fmt: skip
def test_gates(compare: Shell, gate: str, code: int) -> None:
    write(asked(), asked(drop=0.1, seed=2, cost=0.0012, latency_ms=150.0))

    assert compare("--fail-on", gate).code == code


def test_gate_that_is_neither_shown_to_fail_nor_to_hold_says_so(compare: Shell) -> None:
    own = np.random.default_rng(9)
    noisy = [replace(a, scores={"faithfulness": float(own.uniform(0.1, 0.9))}) for a in asked()]
    write(noisy, list(reversed([replace(b, question=a.question) for a, b in zip(noisy, reversed(noisy), strict=True)])))
    text = compare("--fail-on", "faithfulness:-0.03")

    assert text.code == 0
    assert "not shown to fail" in text.out
    assert compare("--fail-on", "faithfulness:-0.03", "--strict").code == 1


def test_a_failed_gate_outweighs_one_that_is_not_decided(compare: Shell) -> None:
    write(asked(), asked(drop=0.2, seed=2, cost=None))

    assert compare("--fail-on", "cost:+10%", "--fail-on", "faithfulness:-0.03").code == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--alpha", "0"], "--alpha must be between 0 and 0.5"),
        (["--alpha", "nan"], "--alpha must be between 0 and 0.5"),
        (["--min-n", "2"], "--min-n must be at least 5"),
        (["--max-missing", "2"], "--max-missing must be in [0, 1]"),
        (["--worst", "-1"], "--worst must not be negative"),
        (["--json", "--markdown"], "choose one"),
        (["--unpaired", "--key", "a"], "choose one"),
        (["--junit", "no/such/folder/x.xml"], "no such folder"),
        (["--fail-on", "coolness:-1"], "no figure 'coolness' in these runs; there are faithfulness, cost"),
    ],
)
def test_mistakes_are_one_line(compare: Shell, arguments: list[str], said: str) -> None:
    write(asked(5), asked(5))
    found = compare(*arguments)

    assert (found.code, found.out, found.err.count("\n")) == (2, "", 1)
    assert said in found.err


def test_sources_without_answers_are_a_mistake(compare: Shell) -> None:
    write(asked(5), asked(5))
    Path("errors.jsonl").touch()
    write_run("errors.jsonl", [replace(a, error=True) for a in asked(3)])

    assert compare(candidate="nowhere.jsonl").code == 2
    assert compare(base="-", candidate="-").code == 2
    found = compare(candidate="errors.jsonl")
    assert found.code == 2
    assert "errors.jsonl: no RAG answer in 3 traces, 3 of them ended in an error" in found.err


def test_half_written_line_is_told_and_makes_it_incomplete(compare: Shell) -> None:
    write(asked(), asked(seed=2))
    with Path("cand.jsonl").open("a") as file:
        file.write('{"resourceSpans": [')
    found = compare("--json")

    assert found.code == 3
    assert "cand.jsonl:41" in found.err
    assert found.json["problems"][0]["line"] == 41


# --- other forms ---


def test_junit_has_a_case_for_each_gate(compare: Shell) -> None:
    write(asked(), asked(drop=0.1, seed=2, cost=None))
    compare("--junit", "x.xml", "--fail-on", "faithfulness:-0.03", "--fail-on", "cost:+1%", "--fail-on", "latency:+9s")
    suite = ElementTree.parse("x.xml").getroot()[0]

    assert (suite.get("tests"), suite.get("failures"), suite.get("errors")) == ("3", "1", "1")
    assert [[inner.tag for inner in case] for case in suite] == [["failure"], ["error"], ["system-out"]]
    compare("--junit", "y.xml")
    assert ElementTree.parse("y.xml").getroot()[0].get("failures") == "0"


def test_markdown_has_the_verdict_first(compare: Shell) -> None:
    write(asked(), asked(drop=0.1, seed=2))
    found = compare("--markdown", "--fail-on", "faithfulness:-0.03")

    assert found.code == 1
    assert found.out.startswith("## groundwire compare: ❌ a gate failed\n")
    assert "| `faithfulness` | 40 | " in found.out
    assert found.out.count("<details>") == found.out.count("</details>") == 1


def test_hostile_traces_are_inert_in_every_form(compare: Shell) -> None:
    bad = "\x1b[2J\x1b]0;x\x07<script>alert(1)</script> | `@team` ```\n# big\n\u202e\ud800 " + "x" * 300
    rows = [replace(a, question=f"{i} {bad}", answer=bad, model=bad, scores={bad: 0.9, "faithfulness": 0.9})
            for i, a in enumerate(asked())]  # fmt: skip
    worse = [
        replace(a, scores={bad: 0.1, "faithfulness": 0.1}, evidence=evidence((bad, "unsupported", 99))) for a in rows
    ]
    write(rows, [*worse, replace(rows[0], question=bad)])
    arguments = ("--by", "gen_ai.request.model", "--fail-on", "faithfulness:-0.1", "--junit", "x.xml")
    text, markdown, found = compare(*arguments), compare(*arguments, "--markdown"), compare(*arguments, "--json")

    assert text.code == markdown.code == found.code == 1
    assert fits(text.out)
    for out in (text.out, markdown.out):
        assert not any(ord(c) < 32 and c != "\n" for c in out)
        assert "\u202e" not in out
    outside = "".join(markdown.out.split("````text")[0])
    assert "<script>" not in "".join(outside.split("`")[::2])
    assert "@team" not in "".join(outside.split("`")[::2])
    ElementTree.parse("x.xml")


def test_names_with_colons_and_numbers_without_end(compare: Shell) -> None:
    write([replace(a, scores={"ns:x": 0.9}) for a in asked()], [replace(a, scores={"ns:x": 0.5}) for a in asked()])

    assert compare("--fail-on", "ns:x:-0.1").code == 1
    assert compare("--fail-on", "ns:x").code == 1
    assert compare("--fail-on", f"ns:x:-{'9' * 400}").code == 2


def test_what_kept_an_answer_from_being_judged_is_told(compare: Shell) -> None:
    late = {"groundwire.evaluation.status": "timeout"}
    write(asked(), [replace(a, scores={}, attributes=late) if i < 3 else a for i, a in enumerate(asked(seed=2))])

    assert "CAND lacks faithfulness: 3 timeout." in compare().out


@pytest.mark.parametrize("verb", ["compare", "drift"])
def test_help_fits_and_has_an_example(capsys: pytest.CaptureFixture[str], verb: str) -> None:
    assert run([verb, "--help"]) == 0
    told = capsys.readouterr().out
    assert "Example:" in told
    assert "Exit codes: 0 all" in told
    assert fits(told)


def test_strange_values_break_nothing(compare: Shell) -> None:
    rows = asked()
    odd = [
        replace(rows[0], scores={"faithfulness": math.inf}), replace(rows[1], cost=math.nan),
        replace(rows[2], cost=-1.0), replace(rows[3], tokens=None), replace(rows[4], question=""),
        replace(rows[5], evidence=[{"text": 3, "verdict": [], "passage": "x"}, {"start": -1, "end": 9**9}]),
        replace(rows[6], latency_ms=-50.0), replace(rows[7], scores={"faithfulness": 1e308}),
    ]  # fmt: skip
    write(rows, [*odd, *rows[8:]])

    for form in ((), ("--json",), ("--markdown",)):
        found = compare(*form, "--fail-on", "faithfulness:-0.03")
        assert found.code in (0, 1, 3), found.err


def test_the_same_answers_recorded_by_two_sdks_pair_and_are_equal(compare: Shell) -> None:
    recordings = Path(__file__).parents[1] / "recordings"
    found = compare(
        "--json", "-e", "faithfulness",
        base=str(recordings / "openinference.jsonl"), candidate=str(recordings / "langfuse.jsonl"),
    )  # fmt: skip
    faithfulness = found.difference("faithfulness")

    assert found.code == 0
    assert found.json["pairs"] == 4
    assert (faithfulness["equal"], faithfulness["missing_candidate"], faithfulness["difference"]) == (
        3,
        1,
        0,
    )  # one declines
