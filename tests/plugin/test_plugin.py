"""The pytest plugin, as a test run of somebody else sees it."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

import groundwire
from groundwire.answers import answers
from groundwire.chain import chains
from groundwire.cli import run
from groundwire.testing import recording
from groundwire.traces import open_source

pytest_plugins = ["pytester"]

_QUIET = ("-p", "no:asyncio", "-p", "no:cacheprovider", "-p", "no:anyio")
_ASSERTING = """
from groundwire.testing import assert_faithful, assert_score
PASSAGES = ["Bananas are yellow.", "The Eiffel Tower is 330 metres tall."]

def test_right():
    assert_faithful("The Eiffel Tower is 330 metres tall.", PASSAGES, "How tall is it?")

def test_wrong():
    assert_faithful("The Eiffel Tower is 350 metres tall.", PASSAGES, "How tall is it then?")

def test_refusal():
    assert_faithful("I don't know.", PASSAGES, allow=["refusal"])
"""
_CAPTURING = """
import json
import groundwire as gw
from groundwire import runtime
from groundwire.testing import assert_faithful, assert_relevant, assert_score

TOWER = "The Eiffel Tower is 330 metres tall."

@gw.retriever
def find(question):
    return [TOWER]

def message(role, text):
    return json.dumps([{"role": role, "parts": [{"type": "text", "content": text}]}])

@gw.workflow
def answer(question, said):
    prompt = f"Context:\\n{find(question)[0]}\\n\\nQuestion: {question}"
    runtime.current().tracer.start_span("chat", attributes={
        "gen_ai.operation.name": "chat", "gen_ai.request.model": "m-1",
        "gen_ai.input.messages": message("user", prompt), "gen_ai.output.messages": message("assistant", said),
    }).end()
    return said
"""


@pytest.fixture(scope="module", autouse=True)
def _loaded() -> None:
    """What an inner run would load first is forgotten after it, and some libraries cannot be loaded twice."""
    groundwire.evaluate(question="How tall is it?", passages=["It is 330 metres tall."], answer="It is 330 m tall.")
    assert run(["compare", "--help"]) == 0


@pytest.fixture
def inner(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    monkeypatch.delenv("PYTEST_XDIST_WORKER", raising=False)
    return pytester


def test_a_run_that_uses_nothing_pays_and_prints_nothing(inner: pytest.Pytester) -> None:
    inner.makepyfile(
        """
        import sys
        def test_plain():
            loaded = {"groundwire", "groundwire_evaluators", "onnxruntime"} & set(sys.modules)
            assert not loaded, loaded
        """
    )
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *_QUIET, "-p", "no:hypothesispytest"],
        cwd=inner.path, capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert done.returncode == 0, done.stdout
    assert "groundwire:" not in done.stdout


def test_what_was_judged_is_summed_up(inner: pytest.Pytester) -> None:
    inner.makepyfile(_ASSERTING)
    result = inner.runpytest_inprocess(*_QUIET)

    result.assert_outcomes(passed=2, failed=1)
    result.stdout.fnmatch_lines(
        [
            "*groundwire: 3 answers judged*",
            "evaluator     scored   mean  lowest  failed  not scored",
            "faithfulness       2   0.*   0.*       1  1 refusal",
            "0.* faithfulness  *test_wrong",
        ]
    )


def test_the_message_quotes_the_sentence_and_the_nearest_passage(inner: pytest.Pytester) -> None:
    inner.makepyfile(_ASSERTING)
    result = inner.runpytest_inprocess(*_QUIET, "-k", "wrong")

    result.stdout.fnmatch_lines(
        [
            "E  *AssertionError: faithfulness 0.*, below 0.*: unfaithful*",
            'E  *unsupported: "The Eiffel Tower is 350 metres tall."  (*',
            'E  *nearest, passage 2: "The Eiffel Tower is 330 metres tall."',
            'E  *question: "How tall is it then?"',
        ]
    )
    result.stdout.no_fnmatch_line("*asserting.py*")


def test_the_report_is_traces_that_every_verb_takes(inner: pytest.Pytester, capsys: pytest.CaptureFixture[str]) -> None:
    inner.makepyfile(_ASSERTING)
    inner.runpytest_inprocess(*_QUIET, "--groundwire-report", "one.jsonl")
    inner.runpytest_inprocess(*_QUIET, "--groundwire-report", "two.jsonl")
    capsys.readouterr()

    found = sorted(answers(open_source("one.jsonl")), key=lambda a: a.chain.answer)
    assert [a.chain.answer for a in found] == [
        "I don't know.", "The Eiffel Tower is 330 metres tall.", "The Eiffel Tower is 350 metres tall.",
    ]  # fmt: skip
    assert [p.text for p in found[1].chain.passages] == ["Bananas are yellow.", "The Eiffel Tower is 330 metres tall."]
    assert [a.checks["faithfulness"].passed for a in found] == [None, True, False]
    assert found[0].checks["faithfulness"].reason == "refusal"
    assert str(found[2].attribute("groundwire.test.id")).endswith("::test_wrong")
    for arguments in (["compare", "one.jsonl", "two.jsonl", "--json"], ["show", "one.jsonl", "--json"]):
        assert run(arguments) == 0
        assert json.loads(capsys.readouterr().out.splitlines()[0])


def test_scores_are_properties_in_junit_xml(inner: pytest.Pytester) -> None:
    inner.makepyfile(_ASSERTING)
    inner.runpytest_inprocess(*_QUIET, "--junitxml", "junit.xml")
    found = {
        case.get("name"): [(p.get("name"), p.get("value")) for p in case.iter("property")]
        for case in ElementTree.parse("junit.xml").iter("testcase")
    }

    (right,) = found["test_right"]
    assert right[0] == "groundwire.faithfulness"
    assert 0.5 < float(str(right[1])) <= 1
    assert found["test_refusal"] == [("groundwire.faithfulness", "skipped: refusal")]


def test_workers_of_xdist_send_what_they_judged(inner: pytest.Pytester) -> None:
    inner.makepyfile(test_one=_ASSERTING, test_two=_ASSERTING)
    result = inner.runpytest_subprocess(*_QUIET, "-n", "2", "--groundwire-report", "report.jsonl")

    result.assert_outcomes(passed=4, failed=2)
    result.stdout.fnmatch_lines(["*groundwire: 6 answers judged*", "faithfulness       4  *"])
    ids = {str(a.attribute("groundwire.test.id")) for a in answers(open_source("report.jsonl"))}
    assert len(ids) == 6
    assert len(Path("report.jsonl").read_text().splitlines()) == 6


def test_the_fixture_gives_the_traced_answer(inner: pytest.Pytester) -> None:
    inner.makepyfile(
        _CAPTURING
        + """
def test_traced(groundwire):
    answer("How tall is the Eiffel Tower?", "The Eiffel Tower is 330 metres tall.")
    assert groundwire.answer == "The Eiffel Tower is 330 metres tall."
    assert groundwire.answer.question == "How tall is the Eiffel Tower?"
    assert [p.text for p in groundwire.answer.passages] == [TOWER]
    assert_faithful(groundwire.answer)
    assert_relevant(groundwire)
    assert_score("completeness", groundwire.answer, reference="It is 330 metres tall.", min=0.9)
    assert len(groundwire.traces) == 1
    assert [s.name for s in groundwire.spans] == ["retrieval find", "chat", "invoke_workflow answer"]

def test_lie(groundwire):
    answer("How tall?", "It is 350 metres tall.")
    assert_faithful(groundwire.answer)

def test_several(groundwire):
    answer("One?", "First.")
    answer("Two?", "Second.")
    assert groundwire.answers == ("First.", "Second.")
    groundwire.clear()
    answer("Three?", "Third.")
    assert groundwire.answers == ("Third.",)

def test_nothing_is_left_instrumented():
    assert runtime.current() is None

def test_none(groundwire):
    find("x")
    groundwire.answer
"""
    )
    result = inner.runpytest_inprocess(*_QUIET, "--groundwire-report", "report.jsonl")

    result.assert_outcomes(passed=3, failed=2)
    result.stdout.fnmatch_lines(
        ["*AssertionError: no RAG answer was traced in this test: 1 span, no chat call.*", "*groundwire: 2 answers*"]
    )
    spans = list(open_source("report.jsonl"))
    traced, lie = sorted(answers(spans), key=lambda a: a.span.start_ns)
    assert set(traced.checks) == {"faithfulness", "answer_relevance", "completeness"}
    assert traced.chain.model == "m-1"
    assert traced.chain.reference == "It is 330 metres tall."
    assert [s.span.name for s in traced.trace.stages] == ["invoke_workflow answer", "retrieval find", "chat"]
    assert lie.checks["faithfulness"].failed
    assert len({(s.trace_id, s.span_id) for s in spans}) == len(spans)
    assert len(chains(spans).chains) == 2


def test_two_answers_of_one_request_are_one_trace_in_the_report(inner: pytest.Pytester) -> None:
    inner.makepyfile(
        _CAPTURING
        + """
def test_both(groundwire):
    @gw.workflow
    def both():
        answer("One?", "It is 330 metres tall.")
        answer("Two?", "The Eiffel Tower is 330 metres tall.")
    both()
    for one in groundwire.answers:
        assert_faithful(one)
"""
    )
    inner.runpytest_inprocess(*_QUIET, "--groundwire-report", "report.jsonl").assert_outcomes(passed=1)
    spans = list(open_source("report.jsonl"))

    assert len({(s.trace_id, s.span_id) for s in spans}) == len(spans) == 9
    assert [a.checks["faithfulness"].passed for a in answers(spans)] == [True, True]


def test_a_place_for_the_report_that_cannot_be_written_is_told_at_once(inner: pytest.Pytester) -> None:
    inner.makepyfile("def test_x(): pass")
    result = inner.runpytest_inprocess(*_QUIET, "--groundwire-report", "no/such/folder.jsonl")

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: --groundwire-report no/such/folder.jsonl: cannot be written: No such file*"])


def test_a_run_without_judgements_leaves_an_empty_report(inner: pytest.Pytester) -> None:
    inner.makepyfile("def test_x(): pass")
    result = inner.runpytest_inprocess(*_QUIET, "--groundwire-report", "report.jsonl")

    result.assert_outcomes(passed=1)
    assert Path("report.jsonl").read_text() == ""


def test_assertions_in_fixtures_and_threads_belong_to_their_test(inner: pytest.Pytester) -> None:
    inner.makepyfile(
        """
        import threading
        import pytest
        from groundwire.testing import assert_faithful
        P = ["The tower is 330 m tall."]

        @pytest.fixture
        def checked():
            assert_faithful("The tower is 330 m tall.", P)
            yield
            assert_faithful("The tower is 350 m tall.", P)

        def test_it(checked):
            threads = [threading.Thread(target=assert_faithful, args=("It is 330 m tall.", P)) for _ in range(4)]
            for t in threads: t.start()
            for t in threads: t.join()
        """
    )
    result = inner.runpytest_inprocess(*_QUIET)

    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(["faithfulness       6  *"])


def test_what_cannot_be_reported_fails_no_test(inner: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recording, "encode", lambda spans: 1 / 0)
    inner.makepyfile(_ASSERTING)
    result = inner.runpytest_inprocess(*_QUIET, "--groundwire-report", "report.jsonl")

    result.assert_outcomes(passed=2, failed=1)
    result.stdout.fnmatch_lines(["*not in the report: ZeroDivisionError: division by zero*"])


def test_any_text_goes_into_the_report(inner: pytest.Pytester) -> None:
    inner.makepyfile(
        """
        import pytest
        from groundwire.testing import assert_faithful

        @pytest.mark.parametrize("odd", ["\\ud800", "\\x00", "\\x1b[31m", "ẞ", "\\U0001f600"])
        def test_odd(odd):
            assert_faithful(f"The tower {odd} is 330 m tall.", [f"The tower {odd} is 330 m tall."], odd, min=0)
        """
    )
    result = inner.runpytest_inprocess(*_QUIET, "--groundwire-report", "report.jsonl")

    result.assert_outcomes(passed=5)
    assert len(list(answers(open_source("report.jsonl")))) == 5


def test_the_help_names_the_option(inner: pytest.Pytester) -> None:
    result: Any = inner.runpytest_inprocess(*_QUIET, "--help")

    result.stdout.fnmatch_lines(["*--groundwire-report=FILE*"])
