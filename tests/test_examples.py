"""Every example runs, as its docstring says, in a process of its own, against the replay server."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from groundwire.demo.__main__ import variables as recorded
from groundwire.demo.answers import recorded_answers
from groundwire.demo.server import ReplayServer

pytest.importorskip("openai")
pytest.importorskip("qdrant_client")

EXAMPLES = Path(__file__).parents[1] / "examples"
BRATWURST = next(entry for entry in recorded_answers() if "bratwurst" in entry.question)


@pytest.fixture(scope="module")
def server() -> Iterator[ReplayServer]:
    with ReplayServer() as server:
        yield server


def example(name: str, server: ReplayServer, *arguments: str, **variables: str) -> tuple[str, str]:
    """What the example prints: on standard output, and on standard error."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("OTEL_", "OPENAI_", "ANTHROPIC_"))} | {
        **recorded(server),
        "NO_PROXY": "127.0.0.1",
        "NO_COLOR": "1",
        "PYTHONIOENCODING": "utf-8",
        **variables,
    }
    done = subprocess.run(
        [sys.executable, EXAMPLES / name, *arguments],
        capture_output=True, text=True, encoding="utf-8", timeout=120, env=environment,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr, done.stderr
    return done.stdout, done.stderr


def test_all_examples_are_tried_here() -> None:
    assert sorted(path.name for path in EXAMPLES.glob("*.py")) == [
        "first_script.py", "haystack_ollama.py", "langchain_qdrant_openai.py", "llama_index_chroma_anthropic.py",
        "own_pipeline.py", "rag_app.py", "rescore_jaeger.py",
    ]  # fmt: skip


def test_the_first_script_prints_its_answer_and_the_verdict(server: ReplayServer) -> None:
    printed, traced = example("first_script.py", server)
    assert BRATWURST.answer.strip() in printed
    assert re.search(r"(passed|failed)", printed + traced)
    assert sum(1 for line in (EXAMPLES / "first_script.py").read_text().splitlines() if line.strip()) <= 30


def test_the_rag_application_runs_alone_on_a_text_file(server: ReplayServer, tmp_path: Path) -> None:
    notes = tmp_path / "notes.txt"
    notes.write_text("\n\n".join(p for e in recorded_answers()[:3] for p in e.passages), encoding="utf-8")
    printed, traced = example("rag_app.py", server, str(notes), recorded_answers()[0].question)
    assert recorded_answers()[0].answer.strip() in printed
    assert re.search(r"(passed|failed)", printed + traced)


def test_an_application_with_its_own_pipeline_gets_scores_on_its_spans(server: ReplayServer) -> None:
    printed, _ = example("own_pipeline.py", server)
    assert BRATWURST.answer.strip() in printed
    assert '"gen_ai.evaluation.faithfulness.score.value"' in printed
    assert '"name": "evaluate faithfulness"' in printed
    assert printed.count('"service.name": "kitchen"') >= 5


def test_stored_traces_are_scored_by_a_script(server: ReplayServer, tmp_path: Path) -> None:
    from groundwire.demo.run import run

    traces = tmp_path / "traces.jsonl"
    run(recorded_answers()[:6], [traces])
    printed, _ = example("rescore_jaeger.py", server, str(traces))
    assert printed.startswith("6 RAG answers; 0 other chat calls")
    assert "unsupported: " in printed or "contradicted: " in printed


@pytest.mark.parametrize(
    "name", ["haystack_ollama.py", "langchain_qdrant_openai.py", "llama_index_chroma_anthropic.py"]
)
def test_three_libraries_are_one_tree(server: ReplayServer, name: str) -> None:
    printed, traced = example(name, server, HAYSTACK_TELEMETRY_ENABLED="False", ANONYMIZED_TELEMETRY="False")
    assert printed.startswith(BRATWURST.answer.strip())
    assert "1 of 3 checks failed" in printed + traced
    assert len((EXAMPLES / name).read_text().splitlines()) <= 80
