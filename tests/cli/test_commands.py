"""The commands as a shell sees them: exit code, standard output, standard error."""

import json
import re
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from groundwire.checks import is_evaluation
from groundwire.cli import run
from groundwire.model import Evaluator, Evidence, Flaw, RagChain, Score, Skipped, SpanRecord
from groundwire.traces import open_source
from groundwire.traces.otlp_json import encode
from stored import ANSWER, CHAT, TRACE, UNFAITHFUL, chat, messages, request


@dataclass(frozen=True)
class FindsFlaws:
    """Marks whatever the evidence of the stored trace marks."""

    name: str = "faithfulness"
    version: str = "1"

    def evaluate(self, chain: RagChain, /) -> Score | Skipped:
        if "Paris" not in chain.answer:
            return Score(0.9, "faithful", passed=True)
        start = chain.answer.index("Gustave")
        flaw = Flaw(chain.answer.index("Paris"), chain.answer.index("Paris") + 5, "name")
        evidence = Evidence(chain.answer[start:], start, len(chain.answer), "unsupported", 0.1, 1, flaws=(flaw,))
        return Score(0.25, "unfaithful", "1 of 2 sentences not supported", (evidence,), passed=False)


@dataclass(frozen=True)
class Declines:
    name: str = "answer_relevance"
    version: str = "1"

    def evaluate(self, chain: RagChain, /) -> Score | Skipped:
        return Skipped("no_question")


@dataclass(frozen=True)
class Breaks:
    name: str = "breaks"
    version: str = "1"

    def evaluate(self, chain: RagChain, /) -> Score | Skipped:
        raise ZeroDivisionError("by nothing")


@dataclass(frozen=True)
class Result:
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def lines(self) -> list[Any]:
        return [json.loads(line) for line in self.out.splitlines()]


Command = Callable[..., Result]


@pytest.fixture
def groundwire(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Command:
    known: dict[str, Evaluator] = {"faithfulness": FindsFlaws(), "answer_relevance": Declines(), "breaks": Breaks()}

    def evaluators(names: list[str] | None) -> tuple[Evaluator, ...]:
        return tuple(known[n] for n in names or ["faithfulness", "answer_relevance"])

    monkeypatch.setattr("groundwire.plugins.evaluators", evaluators)
    monkeypatch.chdir(tmp_path)

    def command(*arguments: str) -> Result:
        code = run(arguments)
        text = capsys.readouterr()
        return Result(code, text.out, text.err)

    return command


def write(path: str, *spans: SpanRecord) -> None:
    Path(path).write_text("".join(encode([s]) + "\n" for s in spans))


def of_trace(n: int, spans: list[SpanRecord]) -> list[SpanRecord]:
    return [replace(s, trace_id=f"{n:032x}") for s in spans]


# --- help and mistakes ---


def test_help_lists_the_verbs_with_an_example(groundwire: Command) -> None:
    result = groundwire("--help")

    assert result.code == 0
    assert {"show", "score", "chains", "agree", "doctor"} <= set(re.findall(r"^  (\w+)  ", result.out, re.MULTILINE))
    assert "groundwire score traces.jsonl" in result.out
    assert max(map(len, result.out.splitlines())) <= 80


@pytest.mark.parametrize("verb", ["show", "score", "chains", "agree", "doctor"])
def test_every_verb_has_help_with_an_example_and_json(groundwire: Command, verb: str) -> None:
    result = groundwire(verb, "--help")

    assert result.code == 0
    assert "Example:" in result.out
    assert "--json" in result.out
    assert groundwire("help", verb).out == result.out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["scroe"], "no command 'scroe'; there are demo, show, score"),
        (["show"], "Missing argument"),
        (["show", "t.jsonl", "--color"], "No such option"),
        (["show", "t.jsonl", "--al"], "No such option: --al"),
        (["show", "t.jsonl", "u.jsonl"], "Unexpected argument: u.jsonl"),
        (["show", "t.jsonl", "--trace"], "--trace: expected one argument"),
        (["demo", "--n", "0"], "--n: '0' is no number from 1 on"),
        (["show", "nowhere.jsonl"], "nowhere.jsonl: no such file; expected OTLP/JSON"),
        (["score", "nowhere.jsonl", "-o", "x.jsonl"], "no such file"),
        (["score", "t.jsonl", "--fail-on", "coolness"], "'coolness' is not among the evaluators: faithfulness"),
        (["score", "t.jsonl", "--fail-on", "faithfulness:high"], "'high' is no number"),
        (["score", "t.jsonl", "-o", "no/such/x.jsonl"], "cannot write no/such/x.jsonl"),
        (["score", "t.jsonl", "-o", "otlp+http://127.0.0.1:1"], "no OTLP endpoint at http://127.0.0.1:1/v1/traces"),
        (["score", "plain.jsonl"], "nothing to score, 1 chat calls but no RAG answer (1 no passages)"),
        (["score", "empty.json"], "nothing to score, 0 spans but no chat call"),
        (["show", "t.jsonl", "--trace", "ffff"], "no trace ffff"),
        (["agree", "nowhere.jsonl"], "nowhere.jsonl"),
        (["agree", "labels.jsonl", "--evaluator", "vibes"], "unknown evaluator 'vibes'"),
    ],
)
def test_mistake_is_one_line_on_stderr_and_exit_code_2(groundwire: Command, arguments: list[str], said: str) -> None:
    write("t.jsonl", *request())
    write("plain.jsonl", chat(attributes={"gen_ai.input.messages": messages("user", "Hi")}))
    Path("labels.jsonl").write_text('{"question": "?", "context": "a", "answer": "b", "faithful": true}')
    Path("empty.json").write_text('{"resourceSpans": []}')
    result = groundwire(*arguments)

    assert result.code == 2
    assert result.out == ""
    assert said in result.err
    assert result.err.startswith("groundwire")
    assert result.err.count("\n") == 1


def test_mistake_of_ours_is_one_line_too(groundwire: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    def explode(*_: object) -> None:
        raise ZeroDivisionError("by nothing")

    write("t.jsonl", *request())
    monkeypatch.setattr("groundwire.cli.show.read_traces", explode)
    result = groundwire("show", "t.jsonl")

    assert result.code == 2
    assert "a mistake of ours: ZeroDivisionError: by nothing" in result.err
    assert result.err.count("\n") == 1


# --- score ---


def test_scores_are_written_beside_all_spans(groundwire: Command) -> None:
    write("t.jsonl", *request())
    result = groundwire("score", "t.jsonl", "-o", "scored.jsonl")
    written = {s.span_id: s for s in open_source("scored.jsonl")}

    assert result.code == 0
    assert len(written) == len(request()) + 2
    assert written[CHAT].attributes["gen_ai.evaluation.faithfulness.score.value"] == 0.25
    assert written[CHAT].attributes["gen_ai.evaluation.faithfulness.score.label"] == "unfaithful"
    judgements = [s for s in written.values() if is_evaluation(s)]
    assert {(s.name, s.parent_id, s.trace_id) for s in judgements} == {
        ("evaluate faithfulness", CHAT, TRACE),
        ("evaluate answer_relevance", CHAT, TRACE),
    }
    assert result.out.splitlines()[:3] == [
        "evaluator         scored   mean  failed  not scored",
        "faithfulness           1   0.25       1",
        "answer_relevance       0              0  1 no question",
    ]
    assert "next: groundwire show scored.jsonl" in result.out


def test_scoring_again_changes_nothing(groundwire: Command) -> None:
    write("t.jsonl", *request())
    groundwire("score", "t.jsonl", "-o", "t.jsonl")
    once = list(open_source("t.jsonl"))
    result = groundwire("score", "t.jsonl", "-o", "t.jsonl", "--json")

    assert list(open_source("t.jsonl")) == once
    assert result.json["written"] == {"to": "t.jsonl", "evaluate_spans": 0, "unchanged": 2}


def test_chosen_evaluators_alone_run_and_the_summary_is_json(groundwire: Command) -> None:
    write("t.jsonl", *request(), *of_trace(2, request("The tower is 330 metres tall.")))
    result = groundwire("score", "t.jsonl", "-e", "faithfulness", "--json")

    assert result.code == 0
    assert result.json["answers"] == result.json["traces"] == 2
    assert result.json["evaluators"] == {
        "faithfulness": {
            "version": "1", "scored": 2, "mean": 0.575, "below_threshold": 1, "skipped": {}, "failed": {},
            "first_error": None,
        }
    }  # fmt: skip
    assert result.json["written"] is None


@pytest.mark.parametrize(
    ("gate", "code"),
    [("faithfulness", 1), ("faithfulness:0.3", 1), ("faithfulness:0.2", 0), ("answer_relevance", 0)],
)
def test_gate_decides_the_exit_code(groundwire: Command, gate: str, code: int) -> None:
    write("t.jsonl", *request())

    assert groundwire("score", "t.jsonl", "--fail-on", gate).code == code


def test_broken_evaluator_is_counted_and_exit_code_is_3(groundwire: Command) -> None:
    write("t.jsonl", *request())
    result = groundwire("score", "t.jsonl", "-e", "breaks", "-e", "faithfulness")

    assert result.code == 3
    assert "1 broke (ZeroDivisionError)" in result.out
    assert "breaks broke: ZeroDivisionError: by nothing" in result.out


def test_half_written_line_is_named_and_the_rest_is_scored(groundwire: Command) -> None:
    lines = [encode([s]) for s in request()]
    Path("t.jsonl").write_text("\n".join([*lines, lines[0][:50]]))
    result = groundwire("score", "t.jsonl")

    assert result.code == 3
    assert "faithfulness           1   0.25" in result.out
    assert result.err == "left out: t.jsonl:5: half a line: the JSON breaks off\n"
    assert groundwire("score", "t.jsonl", "--json").json["problems"] == [
        {"source": "t.jsonl", "line": 5, "message": "half a line: the JSON breaks off"}
    ]


def test_standard_output_takes_the_spans_and_the_summary_gives_way(groundwire: Command) -> None:
    write("t.jsonl", *request())
    result = groundwire("score", "t.jsonl", "-o", "-")

    assert all("resourceSpans" in line for line in result.lines)
    assert "faithfulness" in result.err


@pytest.fixture
def collector() -> Iterator[tuple[str, list[Any]]]:
    received: list[Any] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            received.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    yield f"otlp+http://127.0.0.1:{server.server_port}", received
    server.shutdown()
    thread.join()
    server.server_close()


def test_endpoint_gets_the_judgements_alone_and_only_new_ones(
    groundwire: Command, collector: tuple[str, list[Any]]
) -> None:
    url, received = collector
    write("t.jsonl", *request())
    groundwire("score", "t.jsonl", "-o", "seen.jsonl", "-e", "faithfulness")
    result = groundwire("score", "seen.jsonl", "-o", url)

    assert result.code == 0
    sent = [s for d in received for r in d["resourceSpans"] for o in r["scopeSpans"] for s in o["spans"]]
    assert [s["name"] for s in sent] == ["evaluate answer_relevance"]
    assert sent[0]["traceId"] == TRACE
    assert sent[0]["parentSpanId"] == CHAT
    assert "1 were there already" in result.out


def test_broken_evaluator_sends_nothing_to_an_endpoint(groundwire: Command, collector: tuple[str, list[Any]]) -> None:
    url, received = collector
    write("t.jsonl", *request())
    result = groundwire("score", "t.jsonl", "-o", url, "-e", "breaks")

    assert result.code == 3
    assert received == []


# --- chains ---


def test_chains_are_json_lines_and_other_calls_say_why_they_are_none(groundwire: Command) -> None:
    prompt = {"gen_ai.input.messages": messages("user", "Give this chat a title: hello")}
    title = replace(chat("A tower", attributes=prompt), span_id="00000000000000f1", start_ns=1, end_ns=2)
    write("t.jsonl", *request(), title)
    result = groundwire("chains", "t.jsonl", "--json")
    chain, rejected = result.lines

    assert result.code == 0
    assert set(chain) == {
        "trace_id", "span_id", "question", "passages", "answer", "model", "input_tokens", "output_tokens",
    }  # fmt: skip
    assert chain["answer"] == ANSWER
    assert chain["input_tokens"] == 128
    assert chain["passages"][0] == {
        "id": "d1", "text": "The Eiffel Tower is 330 metres tall. It was completed in 1889.", "score": 0.91,
        "in_prompt": True, "source": "retrieval",
    }  # fmt: skip
    assert set(rejected) == {"trace_id", "span_id", "reason", "detail"}
    assert (rejected["span_id"], rejected["reason"]) == ("00000000000000f1", "no_passages")


def test_chains_are_readable_at_80_columns(groundwire: Command) -> None:
    write("t.jsonl", *request())
    result = groundwire("chains", "t.jsonl")

    assert result.out.startswith("0af76519  How tall is the Eiffel Tower?\n          [retrieval] d1: The Eiffel")
    assert max(map(len, result.out.splitlines())) <= 80


# --- show ---


def test_single_trace_is_shown_in_full(groundwire: Command) -> None:
    write("t.jsonl", *request(), UNFAITHFUL)
    result = groundwire("show", "t.jsonl")

    assert result.code == 0
    assert result.out.startswith("✗ 0af76519 rag.answer")
    assert "              1889." in result.out
    assert max(map(len, result.out.splitlines())) <= 80


def test_worst_trace_is_shown_first_and_the_rest_in_a_line_each(groundwire: Command) -> None:
    spans = [s for n in range(2, 32) for s in of_trace(n, request("Fine."))]
    write("t.jsonl", *spans, *request(), UNFAITHFUL)
    result = groundwire("show", "t.jsonl")
    lines = result.out.splitlines()

    assert lines[0].startswith("✗ 0af76519 rag.answer")
    assert "31 traces: 1 failed, 30 without checks" in lines
    assert "11 more: groundwire show t.jsonl --all" in lines
    assert lines[-1] == "next: groundwire show t.jsonl --trace 0af76519"
    assert groundwire("show", "t.jsonl", "--all").out.count("· ") >= 30
    assert groundwire("show", "t.jsonl", "--trace", "0AF7").out.startswith("✗ 0af76519")


def test_show_json_is_one_object_a_trace(groundwire: Command) -> None:
    write("t.jsonl", *request(), UNFAITHFUL)
    [trace] = groundwire("show", "t.jsonl", "--json").lines

    assert trace["verdict"] == "failed"
    assert trace["checks"][0]["value"] == 0.41
    assert trace["checks"][0]["unsupported"] == ["Gustave Eiffel was born in Paris."]
    assert trace["stages"][0]["name"] == "invoke_workflow rag.answer"
    assert trace["cost_usd"] == 0.00004


def test_file_without_calls_says_so(groundwire: Command) -> None:
    write("t.jsonl", SpanRecord(TRACE, "00000000000000a1", "GET /", 0, 1))
    result = groundwire("show", "t.jsonl")

    assert result.code == 2
    assert "1 spans, not one LLM, embedding, retrieval or rerank call among them" in result.err


# --- doctor ---


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch) -> None:
    import os

    for name in list(os.environ):
        if name.startswith("OTEL_"):
            monkeypatch.delenv(name)


def test_doctor_lists_versions_libraries_and_evaluators(groundwire: Command, bare: None) -> None:
    found = groundwire("doctor", "--json").json

    assert found["versions"]["opentelemetry-sdk"] != "missing"
    assert {"openai", "qdrant", "chroma"} <= {t["name"] for t in found["libraries"]}
    assert "faithfulness" in found["evaluators"]
    assert found["endpoint"] is None
    assert "to the terminal" in groundwire("doctor").out


def test_doctor_tries_the_endpoint(groundwire: Command, bare: None, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://user:secret@127.0.0.1:{port}")
        assert groundwire("doctor", "--json").json["endpoint"]["answers"] is True
    result = groundwire("doctor")

    assert result.code == 3
    assert f"nothing answers at http://127.0.0.1:{port} " in result.out


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("OTEL_SDK_DISABLED", "true", "nothing is recorded"),
        ("OTEL_TRACES_EXPORTER", "none", "nothing is exported"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:4317", "usually the gRPC port"),
        ("OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT", "NO_CONTENT", "cannot be scored again"),
    ],
)
def test_doctor_knows_what_goes_wrong(
    groundwire: Command, bare: None, monkeypatch: pytest.MonkeyPatch, name: str, value: str, said: str
) -> None:
    monkeypatch.setenv(name, value)
    result = groundwire("doctor")

    assert result.code == 3
    assert said in result.out


def test_doctor_keeps_secrets(groundwire: Command, bare: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "authorization=hunter2")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://me:hunter2@127.0.0.1:1")
    result = groundwire("doctor")

    assert "hunter2" not in result.out + groundwire("doctor", "--json").out


# --- as a process ---


def test_reader_that_has_seen_enough_is_no_error(tmp_path: Path) -> None:
    spans = [replace(s, trace_id=f"{n:032x}") for n in range(1, 600) for s in request()]
    (tmp_path / "t.jsonl").write_text("".join(encode([s]) + "\n" for s in spans))
    process = subprocess.Popen(
        [sys.executable, "-c", "from groundwire.cli import main; main()", "show", str(tmp_path / "t.jsonl"), "--all"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.readline()
    process.stdout.close()
    said = process.stderr.read()
    process.stderr.close()
    process.wait(30)

    assert b"Traceback" not in said
    assert b"rror" not in said


def test_help_imports_nothing_heavy() -> None:
    program = (
        "import sys; from groundwire.cli import run; run(['--help']);"
        "print([m for m in ('rich', 'typer', 'httpx', 'numpy') if m in sys.modules], file=sys.stderr)"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)

    assert result.stderr.strip() == "[]"
