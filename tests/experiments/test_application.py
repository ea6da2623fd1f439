"""The whole road with the example application: real clients, recorded answers; traces to cases, cases to a new run."""

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from groundwire.answers import answers
from groundwire.cli import run
from groundwire.demo.answers import recorded_answers
from groundwire.demo.run import _environment, _load_app, _variables
from groundwire.demo.server import ReplayServer
from groundwire.experiments import experiment
from groundwire.testing import assert_faithful
from groundwire.traces import open_source

pytest.importorskip("openai")
pytest.importorskip("qdrant_client")
ENTRIES = recorded_answers()[:6]


@pytest.fixture(scope="module")
def answer() -> Iterator[Callable[[Any], str]]:
    """The application: of a case, as the source that a question is about is one of its slices."""
    with ReplayServer() as server, _environment(_variables(server.url, False, None, None)):
        app = _load_app()
        app.index([(text, entry.source_id) for entry in recorded_answers() for text in entry.passages])

        def ask(case: Any) -> str:
            return app.answer(case.question, case.slices.get("source"))

        yield ask


def rows() -> list[dict[str, Any]]:
    return [{"question": e.question, "slices": {"source": e.source_id}} for e in ENTRIES]


def test_calls_of_real_clients_nest_in_their_case_and_are_judged(answer: Any, tmp_path: Path) -> None:
    out = tmp_path / "run.jsonl"
    result = experiment(answer, rows(), ["faithfulness"], out=out, max_concurrency=3, name="base")

    assert result.failures == ()
    assert len(result.values("faithfulness")) + sum(r.checks["faithfulness"].value is None for r in result) == 6
    spans = list(open_source(str(out)))
    for row, entry in zip(result.rows, ENTRIES, strict=True):
        names = [s.name.partition(" ")[0] for s in spans if s.trace_id == row.trace_id]
        assert names.count("chat") == names.count("retrieval") == names.count("embeddings") == 1
        assert "answer" not in names, "the traced call is the answer; none is made up"
        assert row.answer == entry.answer
        assert row.tokens is not None
        assert row.tokens[0] > 50
    assert {s.trace_id for s in spans} == {row.trace_id for row in result}
    stored = list(answers(spans))
    assert len(stored) == 6
    assert {a.attribute("groundwire.experiment.name") for a in stored} == {"base"}


def test_traces_become_cases_and_cases_a_run_that_compares(
    answer: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    base = experiment(answer, rows(), ["faithfulness"], out="base.jsonl", name="base")
    assert run(["dataset", "build", "base.jsonl", "--redact", "-o", "cases.jsonl"]) == 0
    cases = [json.loads(line) for line in Path("cases.jsonl").read_text().splitlines()]
    assert len(cases) == 6
    assert all(len(case["passages"]) == 3 for case in cases)

    assert {case["id"] for case in cases} == {row.case_id for row in base}
    assert all(case["slices"]["model"] for case in cases)

    candidate = experiment(answer, "cases.jsonl", ["faithfulness"], out="candidate.jsonl", app_version="2")
    assert candidate.failures == ()
    capsys.readouterr()
    assert run(["compare", "base.jsonl", "candidate.jsonl", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["pairs"] == 6


def test_the_fixture_hears_real_clients(answer: Any, groundwire: Any) -> None:
    entry = next(e for e in ENTRIES if not e.hallucinated)
    case = type("Case", (), {"question": entry.question, "slices": {"source": entry.source_id}})
    said = answer(case)

    assert groundwire.answer == said
    assert groundwire.answer.question == entry.question
    assert len(groundwire.answer.passages) == 3
    assert_faithful(groundwire.answer, min=0.0, allow=["refusal", "nothing_checkable"])
    assert os.environ.get("OTEL_TRACES_EXPORTER") is None
