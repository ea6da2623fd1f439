"""What a judge sends is no traffic of the application: nothing makes spans of it, and nothing waits for it."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from opentelemetry import context as otel_context
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from groundwire.judge import Judge
from groundwire.judge.transport import untraced
from groundwire.model import Passage, RagChain, Score
from groundwire.processor import ScoringSpanProcessor
from judge.server import Drip, Hang, JudgeServer, row

TOWER = "The tower is 330 metres tall."
CHAIN = RagChain("How tall?", (Passage(TOWER),), TOWER)
GOOD = [row(1, quote="330 metres tall")]


def test_the_keys_that_instrumentations_look_at_are_set_inside_and_not_outside() -> None:
    with untraced():
        assert otel_context.get_value("suppress_instrumentation") is True
        assert otel_context.get_value("suppress_http_instrumentation") is True
        for name in ("_SUPPRESS_INSTRUMENTATION_KEY", "_SUPPRESS_HTTP_INSTRUMENTATION_KEY"):
            if key := getattr(otel_context, name, None):
                assert otel_context.get_value(key) is True
    assert otel_context.get_value("suppress_instrumentation") is None


def test_the_instrumentation_of_httpx_makes_no_span_of_it() -> None:
    httpx_instrumentation = pytest.importorskip("opentelemetry.instrumentation.httpx")
    import httpx

    exporter = InMemorySpanExporter()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    instrumentor = httpx_instrumentation.HTTPXClientInstrumentor()
    instrumentor.instrument(tracer_provider=provider)
    try:
        with JudgeServer(GOOD) as server, provider.get_tracer("app").start_as_current_span("app"):
            judge = Judge("m", base_url=server.url, retries=0, cache=False)
            assert isinstance(judge.evaluate(CHAIN), Score)
            assert all(isinstance(r, Score) for r in judge.evaluate_many([CHAIN, CHAIN]))
            assert len(server.asked) == 3
            assert all("traceparent" not in asked.headers for asked in server.asked)
            httpx.post(f"{server.url}/chat/completions", json=server.asked[0].body)  # its own calls are seen
        assert [s.name for s in exporter.get_finished_spans()] == ["POST", "app"]
    finally:
        instrumentor.uninstrument()


# --- before a live pipeline ------------------------------------------------------------------------------------------


def _message(role: str, text: str) -> str:
    return json.dumps([{"role": role, "parts": [{"type": "text", "content": text}]}])


class Live:
    """A pipeline that scores with a judge."""

    def __init__(self, server: JudgeServer, deadline_s: float, **settings: Any) -> None:
        self.exporter = InMemorySpanExporter()
        judge = Judge("m", **{"base_url": server.url, "retries": 0, "cache": False, **settings})
        self.processor = ScoringSpanProcessor(
            SimpleSpanProcessor(self.exporter), evaluators=[judge], deadline_s=deadline_s
        )
        self.processor._scorer._hurry.set()  # no rests, however busy the machine is
        self.provider = TracerProvider(shutdown_on_exit=False)
        self.provider.add_span_processor(self.processor)

    def answer(self) -> None:
        attributes = {
            "gen_ai.operation.name": "chat",
            "gen_ai.request.model": "app-model",
            "gen_ai.input.messages": _message("user", f"Context: {TOWER}\n\nQuestion: How tall is it?"),
            "gen_ai.output.messages": _message("assistant", TOWER),
        }
        with self.provider.get_tracer("app").start_as_current_span("chat app-model", attributes=attributes):
            pass

    @property
    def spans(self) -> dict[str, ReadableSpan]:
        return {span.name: span for span in self.exporter.get_finished_spans()}

    @property
    def status(self) -> Any:
        return (self.spans["chat app-model"].attributes or {}).get("groundwire.evaluation.status")


def test_a_judged_answer_carries_what_judging_took() -> None:
    with JudgeServer(GOOD) as server:
        live = Live(server, 10.0, price=(1.0, 4.0))
        live.answer()
        assert live.processor.force_flush()
        live.processor.shutdown()
    answer = live.spans["chat app-model"].attributes or {}
    evaluation = live.spans["evaluate faithfulness"].attributes or {}
    assert answer["gen_ai.evaluation.faithfulness.score.value"] == 1.0
    assert answer["gen_ai.evaluation.faithfulness.score.label"] == "faithful"
    assert "gen_ai.usage.cost" not in evaluation
    assert evaluation["groundwire.evaluation.model"] == "m"
    assert evaluation["groundwire.evaluation.input_tokens"] == 1000
    assert evaluation["groundwire.evaluation.output_tokens"] == 200
    assert evaluation["groundwire.evaluation.cost"] == pytest.approx(0.0018)
    assert set(live.spans) == {"chat app-model", "evaluate faithfulness"}


@pytest.mark.parametrize("mind", [Hang(), Drip("headers")], ids=["hang", "drip"])
def test_a_hanging_judge_lets_the_span_go_at_its_deadline(mind: Any) -> None:
    with JudgeServer(mind) as server:
        live = Live(server, 1.5, timeout_s=30.0)
        live.answer()
        started = time.monotonic()
        while not live.spans and time.monotonic() - started < 10.0:
            time.sleep(0.05)
        assert live.status == "timeout"
        assert time.monotonic() - started < 5.0
        live.processor.shutdown()


def test_a_hanging_judge_holds_up_a_flush_no_longer_than_its_timeout() -> None:
    with JudgeServer(Hang()) as server:
        live = Live(server, 30.0, timeout_s=20.0)
        live.answer()
        started = time.monotonic()
        assert live.processor.force_flush(600) is False
        assert time.monotonic() - started < 2.0
        assert live.status == "timeout"
        live.processor.shutdown()


def test_a_judge_that_is_slower_than_the_deadline_scores_late() -> None:
    def slow(asked: Any) -> Any:
        time.sleep(2.5)
        return GOOD

    with JudgeServer(slow) as server:
        live = Live(server, 1.5)
        live.answer()
        until = time.monotonic() + 8.0
        while "evaluate faithfulness" not in live.spans and time.monotonic() < until:
            time.sleep(0.05)
        live.processor.shutdown()
    assert live.status == "timeout"
    assert (live.spans["evaluate faithfulness"].attributes or {})["gen_ai.evaluation.score.value"] == 1.0


def test_a_hanging_judge_does_not_hold_up_the_end_of_the_process(tmp_path: Path) -> None:
    program = f"""
import sys, threading, time
sys.path.insert(0, {str(Path(__file__).parent.parent)!r})
from judge.server import JudgeServer, Hang
from judge.test_untraced import Live, CHAIN
from groundwire.judge import Judge, Jury
server = JudgeServer(Hang()).__enter__()
live = Live(server, 60.0, timeout_s=60.0)
live.answer()
jury = Jury.repeated(Judge("m", base_url=server.url, timeout_s=60.0))
threading.Thread(target=jury.evaluate, args=(CHAIN,), daemon=True).start()
time.sleep(0.5)
live.processor.force_flush(300)
print(live.status)
"""
    environment = {**os.environ, "GROUNDWIRE_CACHE_DIR": str(tmp_path)}
    started = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=50, check=False, env=environment
    )
    assert (done.returncode, done.stdout.strip()) == (0, "timeout"), done.stderr
    assert time.monotonic() - started < 40


def test_the_package_is_imported_without_httpx() -> None:
    program = "import sys, groundwire.judge; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split()
    assert not {"httpx", "numpy", "genai_prices", "openai"} & set(loaded)
