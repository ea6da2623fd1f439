"""The demo is a real application: its store retrieves, its client asks, its answers are scored."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

import groundwire
from groundwire.demo.answers import recorded_answers
from groundwire.demo.run import SERVICE_NAME, Outcome, run
from groundwire.traces import open_source

pytest.importorskip("openai")
pytest.importorskip("qdrant_client")


@pytest.fixture(scope="module")
def traces(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("demo") / "traces.jsonl"


@pytest.fixture(scope="module")
def outcomes(traces: Path) -> Iterator[list[Outcome]]:
    yield run(recorded_answers(), [traces])
    groundwire.shutdown()


def test_every_question_gets_its_recorded_answer(outcomes: list[Outcome]) -> None:
    assert [o.answer for o in outcomes] == [entry.answer for entry in recorded_answers()]
    assert [o.model for o in outcomes] == [entry.generator for entry in recorded_answers()]


def test_what_is_retrieved_is_what_the_annotators_saw(outcomes: list[Outcome]) -> None:
    for outcome in outcomes:
        (chain,) = groundwire.chains(outcome.spans).chains
        assert chain.question == outcome.recorded.question
        assert chain.answer == outcome.recorded.answer.strip() or chain.answer == outcome.recorded.answer
        assert {p.text for p in chain.passages} == set(outcome.recorded.passages)
        assert {p.source for p in chain.passages} == {"retrieval"}
        assert all(p.in_prompt for p in chain.passages)


def test_each_request_is_one_trace_of_embedding_retrieval_answer_and_scores(outcomes: list[Outcome]) -> None:
    for outcome in outcomes:
        kinds = [str(span.attributes["gen_ai.operation.name"]) for span in outcome.spans]
        assert kinds.count("invoke_workflow") == kinds.count("embeddings") == 1
        assert kinds.count("retrieval") == kinds.count("chat") == 1
        names = {span.name for span in outcome.spans}
        assert {"evaluate faithfulness", "evaluate context_relevance", "evaluate answer_relevance"} <= names
        assert {span.resource["service.name"] for span in outcome.spans} == {SERVICE_NAME}
        assert sum(span.parent_id is None for span in outcome.spans) == 1


def test_every_answer_is_scored_or_says_why_not(outcomes: list[Outcome]) -> None:
    for outcome in outcomes:
        assert (outcome.value is None) == (outcome.label is None) == (outcome.passed is None)
        if outcome.value is None:
            assert outcome.status.startswith("skipped: ")
        else:
            assert outcome.status == "scored"
            assert outcome.scoring_ms is not None
    assert sum(o.value is not None for o in outcomes) >= 30


def test_only_models_with_a_list_price_have_a_cost(outcomes: list[Outcome]) -> None:
    for outcome in outcomes:
        assert (outcome.cost_usd is not None) == outcome.model.startswith("gpt-")
        assert outcome.cost_usd is None or outcome.cost_usd > 0
        assert min(outcome.tokens) > 0


def test_the_file_holds_the_same_traces(outcomes: list[Outcome], traces: Path) -> None:
    spans = list(open_source(str(traces)))
    ids = {span.span_id for outcome in outcomes for span in outcome.spans}
    assert ids <= {span.span_id for span in spans}
    assert all(json.loads(line)["resourceSpans"] for line in traces.read_text(encoding="utf-8").splitlines())


def test_the_environment_is_as_it_was(outcomes: list[Outcome], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import os

    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/mine")
    monkeypatch.delenv("CHAT_MODEL", raising=False)
    run(recorded_answers()[:1], [tmp_path / "traces.jsonl"])
    assert os.environ["OPENAI_BASE_URL"] == "http://127.0.0.1:9/mine"
    assert "CHAT_MODEL" not in os.environ
