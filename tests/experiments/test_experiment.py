"""Experiments from the target to the file, and what others read in it."""

import asyncio
import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF

import groundwire
from groundwire import runtime, semconv
from groundwire.answers import answers
from groundwire.chain import chains
from groundwire.errors import ConfigurationError, SinkError
from groundwire.experiments import Experiment, experiment
from groundwire.model import RagChain, Score, Skipped
from groundwire.plugins import evaluators
from groundwire.scoring import score
from groundwire.traces import open_source

TOWER = "The Eiffel Tower is 330 metres tall. It was completed in 1889."
CASES = [
    {"question": "How tall is the tower?", "reference": "It is 330 metres tall.", "tags": ["easy"], "slices": {"t": 1}},
    {"question": "When was the tower completed?"},
]


class Shares:
    """Share of the answer's words that a passage has; and what it was given."""

    name = "shares"
    version = "1"

    def __init__(self) -> None:
        self.seen: list[RagChain] = []

    def evaluate(self, chain: RagChain) -> Score | Skipped:
        self.seen.append(chain)
        if not chain.passages:
            return Skipped("no_passages")
        words = chain.answer.split()
        value = sum(any(w in p.text for p in chain.passages) for w in words) / len(words)
        return Score(value, "all" if value == 1 else "some", passed=value == 1)


@pytest.fixture(autouse=True)
def _untouched() -> Iterator[None]:
    yield
    assert runtime.current() is None, "an experiment leaves nothing instrumented"


@groundwire.retriever
def find(question: str) -> list[str]:
    return [TOWER, f"Notes on: {question}"]


def told(question: str) -> dict[str, Any]:
    return {"answer": "It is 330 metres tall.", "passages": [TOWER]}


# --- what stands in a row ---


def test_an_answer_with_its_passages_is_judged_by_them() -> None:
    shares = Shares()
    result = experiment(told, CASES, [shares], name="first", app_version="1.4")

    assert [(c.question, c.answer, c.reference, [p.text for p in c.passages]) for c in shares.seen] == [
        ("How tall is the tower?", "It is 330 metres tall.", "It is 330 metres tall.", [TOWER]),
        ("When was the tower completed?", "It is 330 metres tall.", None, [TOWER]),
    ]
    row = result.rows[0]
    assert (row.answer, row.error, row.not_scored, row.repeat) == ("It is 330 metres tall.", None, None, 1)
    assert row.score("shares") == 1.0
    assert result.means == {"shares": 1.0}
    root = row.spans[0]
    assert root.name == "experiment case"
    assert root.attributes["groundwire.experiment.name"] == "first"
    assert root.attributes["groundwire.case.id"] == row.case_id
    assert root.attributes["groundwire.case.tags"] == ("easy",)
    assert root.attributes["groundwire.case.slice.t"] == 1
    assert root.attributes["app.version"] == "1.4"
    assert root.attributes["input.value"] == "How tall is the tower?"
    assert root.attributes["output.value"] == "It is 330 metres tall."


def test_traced_retrieval_stands_in_for_passages_that_are_not_returned() -> None:
    shares = Shares()

    def target(question: str) -> str:
        return find(question)[0]

    result = experiment(target, CASES[:1], [shares])

    assert [p.text for p in shares.seen[0].passages] == [TOWER, "Notes on: How tall is the tower?"]
    names = {s.name: s for s in result.rows[0].spans}
    assert set(names) == {"experiment case", "answer", "retrieval find", "evaluate shares"}
    assert names["retrieval find"].parent_id == names["answer"].span_id
    assert names["answer"].parent_id == names["experiment case"].span_id


def test_an_answer_without_passages_is_judged_by_those_who_need_none() -> None:
    result = experiment(lambda q: "It is 330 metres tall.", CASES[:1], ["faithfulness", "completeness"])

    (row,) = result.rows
    assert row.checks["faithfulness"].reason == "no_passages"
    assert row.score("completeness") == 1.0


def test_cases_with_references_are_judged_by_completeness_by_default() -> None:
    result = experiment(told, CASES)

    assert result.evaluators == ("faithfulness", "context_relevance", "answer_relevance", "completeness")
    assert result.rows[1].checks["completeness"].reason == "no_reference"
    assert set(experiment(told, ["Q?"]).evaluators) == {"faithfulness", "context_relevance", "answer_relevance"}


def test_nothing_returned_and_nothing_traced_is_no_answer() -> None:
    (row,) = experiment(lambda q: None, ["Q?"], [Shares()]).rows

    assert (row.answer, row.error, row.not_scored, dict(row.checks)) == (None, None, "no_answer", {})


def test_model_tokens_and_cost_that_are_told_are_kept() -> None:
    def target(question: str) -> dict[str, Any]:
        return {**told(question), "model": "m-1", "input_tokens": 30, "output_tokens": 9, "cost_usd": 0.01}

    result = experiment(target, CASES, [Shares()])

    assert [(r.tokens, r.cost_usd) for r in result] == [((30, 9), 0.01)] * 2
    assert result.cost_usd == 0.02
    assert next(answers(result.spans)).chain.model == "m-1"
    assert experiment(told, CASES, [Shares()]).cost_usd is None


# --- errors ---


def fails_on_when(question: str) -> dict[str, Any]:
    if question.startswith("When"):
        raise LookupError("no\nsuch page")
    return told(question)


def test_what_a_target_raises_is_recorded_and_counted() -> None:
    result = experiment(fails_on_when, CASES, [Shares()], repeats=2)

    assert [r.error for r in result] == [None, None, "LookupError: no such page", "LookupError: no such page"]
    assert len(result.failures) == 2
    root = result.failures[0].spans[0]
    assert (root.status, root.attributes["error.type"]) == ("error", "LookupError")
    assert root.events[0].name == "exception"
    assert "fails_on_when" in root.events[0].attributes["exception.stacktrace"]
    assert result.means == {"shares": 1.0}


def test_what_a_target_raises_is_raised_where_that_is_asked_for(tmp_path: Path) -> None:
    with pytest.raises(LookupError, match="such page"):
        experiment(fails_on_when, CASES, [Shares()], raise_errors=True, out=tmp_path / "r.jsonl")
    assert len((tmp_path / "r.jsonl").read_text().splitlines()) == 2


@pytest.mark.parametrize("raised", [SystemExit(3), GeneratorExit(), MemoryError()])
@pytest.mark.parametrize("at_once", [1, 2])
def test_a_target_cannot_end_the_experiment(raised: BaseException, at_once: int) -> None:
    def target(question: str) -> str:
        raise raised

    assert len(experiment(target, ["A?", "B?"], [Shares()], max_concurrency=at_once).failures) == 2


def test_whoever_presses_ctrl_c_is_heard_and_loses_nothing(tmp_path: Path) -> None:
    def target(question: str) -> dict[str, Any]:
        if question.startswith("When"):
            raise KeyboardInterrupt
        return told(question)

    with pytest.raises(KeyboardInterrupt):
        experiment(target, CASES, [Shares()], out=tmp_path / "run.jsonl", name="x")
    again = experiment(told, CASES, [Shares()], out=tmp_path / "run.jsonl", name="x")
    assert (again.resumed, again.failures) == (1, ())


def test_one_at_a_time_cases_run_where_the_caller_is() -> None:
    here = threading.get_ident()
    assert [r.answer for r in experiment(lambda q: str(threading.get_ident()), ["A?", "B?"], [])] == [str(here)] * 2


def test_a_result_that_says_nothing_is_an_error_of_its_case() -> None:
    (row,) = experiment(lambda q: 7, ["Q?"], [Shares()]).rows

    assert row.error is not None
    assert row.error.startswith("TypeError: the target returned int; return text")


def test_a_case_that_takes_too_long_has_failed() -> None:
    async def slow(question: str) -> str:
        await asyncio.sleep(5 if question == "B?" else 0)
        return "x"

    result = experiment(slow, ["A?", "B?", "C?"], [Shares()], timeout_s=0.5)

    assert [r.error for r in result] == [None, "TimeoutError: no answer within 0.5 s", None]


def test_an_evaluator_that_breaks_stops_nothing() -> None:
    class Breaks(Shares):
        def evaluate(self, chain: RagChain) -> Score | Skipped:
            raise ZeroDivisionError("by nothing")

    result = experiment(told, CASES, [Breaks()])

    assert [check.reason for _, check in result.broken] == ["failed: ZeroDivisionError: by nothing"] * 2


def test_texts_that_no_encoding_has_and_errors_that_cannot_be_told_stop_nothing(tmp_path: Path) -> None:
    class Untold(Exception):
        def __str__(self) -> str:
            raise ZeroDivisionError

    def target(question: str) -> dict[str, Any]:
        if "untold" in question:
            raise Untold
        return {"answer": "\ud800 330 \x00\x1b", "passages": ["\udfff 330"], "model": "\ud800"}

    odd = {
        "id": "\ud800",
        "question": "\ud800?",
        "reference": "\ud800 330",
        "tags": ["\ud800"],
        "slices": {"\ud800": 2**70},
    }
    path = tmp_path / "run.jsonl"
    result = experiment(target, [odd, "untold?"], [Shares()], out=path, app_version="\ud800", name="\ud800")

    assert result.rows[0].error is None
    assert str(result.rows[1].error).endswith("Untold")
    assert len(list(open_source(str(path)))) == 4
    again = experiment(
        lambda q: target("x"), [odd, "untold?"], [Shares()], out=path, app_version="\ud800", name="\ud800"
    )
    assert (again.resumed, again.failures) == (1, ())
    assert len(path.read_text().splitlines()) == 2


# --- together ---


def test_cases_at_once_keep_their_calls_apart() -> None:
    shares = Shares()
    barrier = threading.Barrier(4, timeout=20)

    def target(question: str) -> str:
        barrier.wait()
        found = find(question)
        time.sleep(0.01)
        return found[1]

    result = experiment(target, [f"Question {n}?" for n in range(8)], [shares], max_concurrency=4)

    assert [r.answer for r in result] == [f"Notes on: Question {n}?" for n in range(8)]
    for chain in shares.seen:
        assert chain.passages[1].text == f"Notes on: {chain.question}"


async def test_async_targets_run_from_within_a_running_loop() -> None:
    async def target(question: str) -> str:
        await asyncio.sleep(0.05)
        return find(question)[0]

    result = experiment(target, [f"Q{n}?" for n in range(6)], [Shares()], max_concurrency=6)

    assert result.means == {"shares": 1.0}
    assert all(len(r.spans) == 4 for r in result)


def test_repeats_stand_beside_each_other_and_their_spread_is_told() -> None:
    said = iter(["330", "331", "330", "330"])
    result = experiment(lambda q: (next(said), [TOWER]), ["A?", "B?"], [Shares()], repeats=2)

    assert [(r.question, r.repeat, r.score("shares")) for r in result] == [
        ("A?", 1, 1.0), ("A?", 2, 0.0), ("B?", 1, 1.0), ("B?", 2, 1.0),
    ]  # fmt: skip
    assert result.spread("shares") == pytest.approx(2**0.5 / 4)
    assert experiment(told, ["A?"], [Shares()]).spread("shares") is None


def test_below_is_a_gate() -> None:
    said = iter(["330", "331"])
    result = experiment(lambda q: (next(said), [TOWER]), ["A?", "B?"], [Shares()])

    assert [r.question for r in result.below("shares")] == ["B?"]
    assert [r.question for r in result.below("shares", 0.5)] == ["B?"]
    assert result.below("shares", 0.0) == ()
    with pytest.raises(ConfigurationError, match="'vibes' is not among the evaluators: shares"):
        result.below("vibes")


def test_progress_is_told_row_by_row() -> None:
    seen: list[tuple[str, int, int]] = []
    experiment(told, CASES, [Shares()], progress=lambda row, done, total: seen.append((row.question, done, total)))

    assert seen == [("How tall is the tower?", 1, 2), ("When was the tower completed?", 2, 2)]


# --- the file ---


def test_the_file_says_what_the_result_says(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    result = experiment(fails_on_when, CASES, out=path, repeats=2)
    spans = list(open_source(str(path)))

    assert len(path.read_text().splitlines()) == 4
    in_memory = experiment(fails_on_when, CASES, repeats=2)
    assert sorted(s.name for s in spans) == sorted(s.name for s in in_memory.spans)
    assert result.spans == ()
    stored = list(answers(spans))
    assert [a.score("faithfulness") for a in stored] == result.values("faithfulness")
    assert {a.attribute("groundwire.case.id") for a in stored} == {result.rows[0].case_id}
    assert [c.reference for c in chains(spans).chains] == ["It is 330 metres tall."] * 2


def test_scoring_the_file_again_gives_the_same_with_references(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    result = experiment(told, CASES[:1], ["completeness", "context_recall"], out=path)
    again = score(chains(open_source(str(path))).chains, evaluators(["completeness", "context_recall"]))

    assert {e.name: e.result.value for e in again} == result.means == {"completeness": 1.0, "context_recall": 1.0}


def test_a_run_that_is_there_is_not_run_again(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    asked: list[str] = []

    def target(question: str) -> dict[str, Any]:
        asked.append(question)
        return told(question)

    first = experiment(target, CASES, [Shares()], out=path, repeats=2)
    before = path.read_bytes()
    second = experiment(target, CASES, [Shares()], out=path, repeats=2)

    assert len(asked) == 4
    assert (first.resumed, second.resumed) == (0, 4)
    assert path.read_bytes() == before
    assert second.rows == first.rows
    third = experiment(target, CASES, [Shares()], out=path, repeats=3)
    assert (len(asked), third.resumed) == (6, 4)
    assert path.read_bytes().startswith(before)


def test_a_half_line_is_cut_off_and_its_case_run_again(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    experiment(told, CASES, [Shares()], out=path)
    whole = path.read_bytes()
    first = whole.index(b"\n") + 1
    for cut in (first + 1, first + 200, len(whole) - 2, len(whole) - 1):
        path.write_bytes(whole[:cut])
        again = experiment(told, CASES, [Shares()], out=path)
        assert [r.score("shares") for r in again] == [1.0, 1.0]
        assert path.read_bytes()[:first] == whole[:first]
        assert len(path.read_text().splitlines()) == 2


def test_cases_that_failed_are_run_again(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    assert len(experiment(fails_on_when, CASES, [Shares()], out=path, name="x").failures) == 1
    again = experiment(told, CASES, [Shares()], out=path, name="x")

    assert (again.resumed, again.failures) == (1, ())
    assert len(path.read_text().splitlines()) == 2


def test_starting_over_writes_over_what_is_there(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    experiment(told, CASES, [Shares()], out=path)
    again = experiment(told, CASES[:1], [Shares()], out=path, resume=False)

    assert again.resumed == 0
    assert len(path.read_text().splitlines()) == 1


@pytest.mark.parametrize(
    ("other", "said"),
    [
        ({"name": "other"}, "another name: told there, other here"),
        ({"app_version": "2"}, "another app_version: None there, 2 here"),
        ({"dataset": ["Else?"]}, r"another dataset \(hash\)"),
        ({"evaluators": ["refusal"]}, "another evaluators: shares/1 there, refusal/"),
    ],
)
def test_another_experiments_file_is_refused_and_left_alone(tmp_path: Path, other: dict[str, Any], said: str) -> None:
    path = tmp_path / "run.jsonl"
    experiment(told, CASES, [Shares()], out=path)
    before = path.read_bytes()

    with pytest.raises(ConfigurationError, match=said):
        experiment(told, **{"dataset": CASES, "evaluators": [Shares()], "out": path, **other})
    assert path.read_bytes() == before


def test_a_file_of_something_else_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("my notes\nmore\n")

    with pytest.raises(ConfigurationError, match="line 1 is no case of an experiment"):
        experiment(told, CASES, [Shares()], out=path)
    assert path.read_text() == "my notes\nmore\n"


def test_places_that_cannot_be_written_are_told(tmp_path: Path) -> None:
    with pytest.raises(SinkError, match="it is a folder"):
        experiment(told, CASES, [Shares()], out=tmp_path)
    with pytest.raises(SinkError, match="cannot write"):
        experiment(told, CASES, [Shares()], out=tmp_path / "no" / "run.jsonl")
    with pytest.raises(ConfigurationError, match=r"use for instance run\.jsonl"):
        experiment(told, CASES, [Shares()], out=tmp_path / "run.jsonl.gz")


def test_cases_go_to_an_endpoint_as_they_come() -> None:
    bodies: list[Any] = []

    class Endpoint(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            bodies.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, *_: Any) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Endpoint)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        experiment(told, CASES, [Shares()], out=f"otlp+http://127.0.0.1:{server.server_port}")
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
    spans = [s for b in bodies for r in b["resourceSpans"] for sc in r["scopeSpans"] for s in sc["spans"]]
    assert sorted(s["name"] for s in spans) == sorted(["experiment case", "answer", "evaluate shares"] * 2)


# --- mistakes ---


@pytest.mark.parametrize(
    "wrong", [{"repeats": 0}, {"max_concurrency": 0}, {"timeout_s": 0}, {"timeout_s": float("nan")}]
)
def test_numbers_must_be_positive(wrong: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match="must be positive"):
        experiment(told, CASES, [Shares()], **wrong)


def test_a_dataset_with_a_bad_line_is_not_run_in_part(tmp_path: Path) -> None:
    (tmp_path / "c.jsonl").write_text('{"question": "A?"}\n{"half\n')

    with pytest.raises(ConfigurationError, match=r"c\.jsonl: line 2 is no case: .*validate tells all"):
        experiment(told, tmp_path / "c.jsonl", [Shares()])


# --- the application's own tracing ---


def test_two_experiments_at_once_do_not_end_each_others_tracing() -> None:
    gone = threading.Event()

    def slow(question: str) -> str:
        assert gone.wait(20)
        return find(question)[0]

    results: list[Experiment] = []
    thread = threading.Thread(target=lambda: results.append(experiment(slow, ["A?"], [Shares()])))
    started = experiment(lambda q: (thread.start(), time.sleep(0.3), find(q)[0])[2], ["B?"], [Shares()])  # type: ignore[func-returns-value]
    gone.set()
    thread.join(30)

    assert [r.means for r in (started, *results)] == [{"shares": 1.0}] * 2


def test_an_applications_provider_keeps_its_spans_and_we_see_them() -> None:
    exporter = InMemorySpanExporter()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    tracer = provider.get_tracer("mine")

    def target(question: str) -> str:
        with tracer.start_as_current_span("my step"):
            return find(question)[0]

    result = experiment(target, CASES[:1], [Shares()], tracer_provider=provider)

    exported = {s.name for s in exporter.get_finished_spans()}
    assert exported == {"experiment case", "my step", "retrieval find"}
    assert {"my step", "retrieval find"} <= {s.name for s in result.spans}
    exporter.clear()
    with tracer.start_as_current_span("afterwards"):
        pass
    assert len(result.spans) == 5


def test_an_application_that_is_instrumented_stays_so(tmp_path: Path) -> None:
    exporter = InMemorySpanExporter()
    groundwire.instrument(export=exporter, evaluators=[])
    try:
        before = runtime.current()
        result = experiment(lambda q: find(q)[0], CASES[:1], [Shares()])
        assert runtime.current() is before
        assert result.means == {"shares": 1.0}
        groundwire.flush()
        assert {s.name for s in exporter.get_finished_spans()} == {"experiment case", "retrieval find"}
    finally:
        groundwire.shutdown()


def test_an_application_that_instruments_itself_in_the_middle_is_heard() -> None:
    exporter = InMemorySpanExporter()

    def target(question: str) -> str:
        groundwire.instrument(export=exporter, evaluators=[])
        return find(question)[0]

    try:
        result = experiment(target, CASES, [Shares()])
        assert result.means == {"shares": 1.0}
        assert all("retrieval find" in {s.name for s in r.spans} for r in result)
        assert runtime.current() is not None
    finally:
        groundwire.shutdown()


def test_a_provider_that_drops_spans_is_told() -> None:
    with pytest.raises(ConfigurationError, match="drops spans"):
        experiment(told, CASES, [Shares()], tracer_provider=TracerProvider(sampler=ALWAYS_OFF, shutdown_on_exit=False))


def test_content_that_is_kept_off_spans_is_told_and_costs_no_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    path = tmp_path / "run.jsonl"
    experiment(told, CASES, [Shares()], out=path)
    before = path.read_bytes()
    monkeypatch.setenv("OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT", "NO_CONTENT")

    with pytest.raises(ConfigurationError, match="allow content for this run"):
        experiment(told, CASES, [Shares()], out=path, resume=False)
    assert path.read_bytes() == before


def test_live_scores_know_the_reference(tmp_path: Path) -> None:
    """An evaluator of the application's own live pipeline sees the case's right answer too."""
    live = Shares()
    exporter = InMemorySpanExporter()
    groundwire.instrument(export=exporter, evaluators=[live])
    try:
        tracer = runtime.current().tracer  # type: ignore[union-attr]

        def target(question: str) -> None:
            found = find(question)
            prompt = f"Context:\n{found[0]}\n\nQuestion: {question}"
            attributes = {
                semconv.OPERATION: "chat",
                semconv.INPUT_MESSAGES: json.dumps([{"role": "user", "parts": [{"type": "text", "content": prompt}]}]),
                semconv.OUTPUT_MESSAGES: json.dumps([{"role": "a", "parts": [{"type": "text", "content": "330 m"}]}]),
            }
            tracer.start_span("chat", attributes=attributes).end()

        offline = Shares()
        result = experiment(target, CASES[:1], [offline])
        groundwire.flush()
        assert result.rows[0].answer == "330 m"
        assert [c.reference for c in live.seen] == [c.reference for c in offline.seen] == ["It is 330 metres tall."]
        assert [c.passages for c in live.seen] == [c.passages for c in offline.seen]
    finally:
        groundwire.shutdown()


def test_the_result_is_a_table() -> None:
    result: Experiment = experiment(fails_on_when, CASES, [Shares()])

    first, second = result.to_dicts()
    assert (first["shares"], first["error"], first["cost_usd"]) == (1.0, None, None)
    assert "shares" not in second
    assert len(result) == 2
    assert str(result).endswith("fails_on_when: 2 rows, shares 1.000, 1 failed")


def test_a_process_without_a_provider_gets_one_named_after_the_experiment() -> None:
    script = """
import groundwire
result = groundwire.experiment(lambda question: "It is tall.", [{"question": "How tall?"}], [], name="first")
print(result.rows[0].spans[0].resource["service.name"])
"""
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60)
    assert (ended.returncode, ended.stdout) == (0, "first\n"), ended.stderr
