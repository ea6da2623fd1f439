"""Answers are held while they are scored; nothing else is, and nothing is ever lost."""

import json
import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
from opentelemetry.context import Context
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF

from groundwire.errors import ConfigurationError, UnknownPlugin
from groundwire.model import RagChain, Score, Skipped
from groundwire.processor import ScoringSpanProcessor
from groundwire.records import from_readable
from groundwire.scoring import evaluation_span_id

TOWER = "The Eiffel Tower is 330 metres tall."


@dataclass(frozen=True)
class Judge:
    """An evaluator that does what the test wants."""

    act: Callable[[RagChain], Any] = lambda chain: Score(0.25, "unfaithful", "because")
    name: str = "faithfulness"
    version: str = "t1"

    def evaluate(self, chain: RagChain) -> Any:
        return self.act(chain)


@dataclass
class Pipe:
    """A provider with a scoring processor in front of an exporter that keeps what it gets."""

    evaluators: Sequence[Any] = (Judge(),)
    settings: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.exporter = InMemorySpanExporter()
        self.processor = ScoringSpanProcessor(
            SimpleSpanProcessor(self.exporter), evaluators=self.evaluators, **self.settings
        )
        self.provider = TracerProvider(shutdown_on_exit=False)
        self.provider.add_span_processor(self.processor)
        self.tracer = self.provider.get_tracer("test")

    def chat(self, context: Context | None = None, prompt: str = TOWER, answer: str = "It is 330 m.") -> None:
        with self.tracer.start_as_current_span("chat m", context=context, attributes=chat_attributes(prompt, answer)):
            pass

    def flush(self) -> list[ReadableSpan]:
        assert self.processor.force_flush()
        return self.spans

    @property
    def spans(self) -> list[ReadableSpan]:
        return list(self.exporter.get_finished_spans())

    @property
    def names(self) -> list[str]:
        return [span.name for span in self.spans]

    def answer(self) -> ReadableSpan:
        (span,) = [s for s in self.spans if s.name == "chat m"]
        return span


@pytest.fixture(autouse=True)
def pipes() -> Iterator[list[Pipe]]:
    made: list[Pipe] = []
    original = Pipe.__post_init__

    def remembered(self: Pipe) -> None:
        original(self)
        made.append(self)

    Pipe.__post_init__ = remembered  # type: ignore[method-assign]
    yield made
    Pipe.__post_init__ = original  # type: ignore[method-assign]
    for pipe in made:
        pipe.processor._scorer._closed = True
        pipe.processor._scorer._wake.set()


def chat_attributes(prompt: str = TOWER, answer: str = "It is 330 m.", **more: Any) -> dict[str, Any]:
    text = f"Context: {prompt}\n\nQuestion: How tall is it?"
    return {
        "gen_ai.operation.name": "chat",
        "gen_ai.request.model": "m",
        "gen_ai.input.messages": json.dumps([{"role": "user", "parts": [{"type": "text", "content": text}]}]),
        "gen_ai.output.messages": json.dumps([{"role": "assistant", "parts": [{"type": "text", "content": answer}]}]),
        **more,
    }


# --- scores on spans ------------------------------------------------------------------------------------------------


def test_an_answer_leaves_with_its_scores_and_a_child_span_for_each() -> None:
    pipe = Pipe([Judge(), Judge(lambda c: Skipped("no_question"), "answer_relevance")])
    pipe.chat()
    pipe.flush()
    answer = pipe.answer()
    attributes = dict(answer.attributes or {})
    assert (
        attributes.items()
        >= {
            "gen_ai.evaluation.faithfulness.score.value": 0.25,
            "gen_ai.evaluation.faithfulness.score.label": "unfaithful",
            "gen_ai.evaluation.faithfulness.explanation": "because",
            "groundwire.evaluation.answer_relevance.status": "skipped: no_question",
            "groundwire.evaluation.status": "scored",
        }.items()
    )
    child, skipped = (s for s in pipe.spans if s.name.startswith("evaluate"))
    assert child.parent == answer.get_span_context()
    assert (
        dict(child.attributes or {}).items()
        >= {
            "gen_ai.operation.name": "evaluate",
            "gen_ai.evaluation.name": "faithfulness",
            "gen_ai.evaluation.score.value": 0.25,
            "gen_ai.evaluation.score.label": "unfaithful",
            "gen_ai.evaluation.explanation": "because",
            "groundwire.evaluation.version": "t1",
            "openinference.span.kind": "EVALUATOR",
        }.items()
    )
    assert "gen_ai.evaluation.score.value" not in (skipped.attributes or {})
    record, parent = from_readable(child), from_readable(answer)
    assert record.span_id == evaluation_span_id(parent.trace_id, parent.span_id, "faithfulness", "t1")


def test_everything_else_about_the_answer_span_stays() -> None:
    pipe = Pipe()
    with pipe.tracer.start_as_current_span("chat m", attributes=chat_attributes(custom=[1, 2])) as span:
        span.add_event("noted", {"k": "v"})
    pipe.flush()
    before, after = from_readable(span), from_readable(pipe.answer())  # type: ignore[arg-type]
    assert {**after.attributes, **before.attributes} == after.attributes
    for name in ("trace_id", "span_id", "parent_id", "name", "start_ns", "end_ns", "events", "scope", "resource"):
        assert getattr(before, name) == getattr(after, name)


def test_other_spans_pass_at_once_while_an_answer_is_held() -> None:
    go = threading.Event()

    def slow(chain: RagChain) -> Score:
        go.wait(5)
        return Score(1.0, "faithful")

    pipe = Pipe([Judge(slow)])
    pipe.chat()
    with pipe.tracer.start_as_current_span("other"):
        pass
    with pipe.tracer.start_as_current_span("retrieval", attributes={"gen_ai.operation.name": "retrieval"}):
        pass
    with pipe.tracer.start_as_current_span(
        "title", attributes={"gen_ai.operation.name": "chat", "gen_ai.output.messages": "[]"}
    ):
        pass
    assert pipe.names == ["other", "retrieval", "title"]
    go.set()
    pipe.flush()
    assert "chat m" in pipe.names


def test_on_end_returns_at_once_whatever_the_evaluator_does() -> None:
    pipe = Pipe([Judge(lambda c: time.sleep(0.3) or Score(1.0, "ok"))])
    started = time.perf_counter()
    pipe.chat()
    assert time.perf_counter() - started < 0.1
    pipe.flush()


def test_the_local_root_carries_cost_and_tokens_of_the_request() -> None:
    pipe = Pipe()
    usage = {"gen_ai.usage.input_tokens": 100, "gen_ai.usage.output_tokens": 20, "gen_ai.usage.cost": 0.5}
    with pipe.tracer.start_as_current_span("root"):
        with pipe.tracer.start_as_current_span("framework", attributes={"gen_ai.operation.name": "chat", **usage}):
            pipe_attributes = {"gen_ai.operation.name": "chat", **usage}
            with pipe.tracer.start_as_current_span("client", attributes=pipe_attributes):
                pass
        with pipe.tracer.start_as_current_span("title", attributes={"gen_ai.operation.name": "chat", **usage}):
            pass
    pipe.flush()
    (root,) = [s for s in pipe.spans if s.name == "root"]
    assert dict(root.attributes or {}) == {"groundwire.request.cost": 1.0, "groundwire.request.tokens": 240}


def test_a_request_without_known_cost_has_none() -> None:
    pipe = Pipe()
    with pipe.tracer.start_as_current_span("root"):
        pipe.chat()
    pipe.flush()
    (root,) = [s for s in pipe.spans if s.name == "root"]
    assert "groundwire.request.cost" not in (root.attributes or {})


# --- evaluators that misbehave --------------------------------------------------------------------------------------


def raises(error: BaseException) -> Callable[[RagChain], Any]:
    def act(chain: RagChain) -> Any:
        raise error

    return act


@pytest.mark.parametrize(
    ("act", "status"),
    [
        (raises(ValueError("no")), "failed: ValueError"),
        (raises(SystemExit(3)), "failed: SystemExit"),
        (raises(KeyboardInterrupt()), "failed: KeyboardInterrupt"),
        (raises(MemoryError()), "failed: MemoryError"),
        (lambda chain: None, "failed: TypeError"),
        (lambda chain: 0.5, "failed: TypeError"),
        (lambda chain: Score(float("nan"), "x"), "failed: ValueError"),
        (lambda chain: Skipped("refusal"), "skipped: refusal"),
    ],
)
def test_a_misbehaving_evaluator_costs_its_score_and_nothing_else(act: Any, status: str) -> None:
    pipe = Pipe([Judge(act, "bad"), Judge()])
    for _ in range(3):
        pipe.chat()
    pipe.flush()
    answers = [s for s in pipe.spans if s.name == "chat m"]
    assert len(answers) == 3
    for answer in answers:
        assert (answer.attributes or {})["groundwire.evaluation.bad.status"] == status
        assert (answer.attributes or {})["gen_ai.evaluation.faithfulness.score.value"] == 0.25


def test_an_answer_past_its_deadline_leaves_unscored_and_its_scores_follow() -> None:
    go = threading.Event()

    def hangs(chain: RagChain) -> Score:
        go.wait(5)
        return Score(1.0, "faithful")

    pipe = Pipe([Judge(hangs)], {"deadline_s": 0.1})
    pipe.chat()
    _until(lambda: "chat m" in pipe.names)
    assert (pipe.answer().attributes or {})["groundwire.evaluation.status"] == "timeout"
    assert pipe.names == ["chat m"]
    go.set()
    _until(lambda: "evaluate faithfulness" in pipe.names)
    assert pipe.processor.counts["timeout"] == 1


def test_a_hung_evaluator_does_not_stop_the_next_answers() -> None:
    calls: list[int] = []
    forever = threading.Event()

    def hangs_once(chain: RagChain) -> Score:
        calls.append(1)
        if len(calls) == 1:
            forever.wait(5)
        return Score(1.0, "faithful")

    pipe = Pipe([Judge(hangs_once)], {"deadline_s": 0.1})
    pipe.chat()
    _until(lambda: len(pipe.spans) == 1)
    pipe.chat()
    _until(lambda: len([s for s in pipe.spans if s.name == "chat m"]) == 2)
    statuses = [(s.attributes or {}).get("groundwire.evaluation.status") for s in pipe.spans if s.name == "chat m"]
    assert statuses == ["timeout", "scored"]
    forever.set()


def test_answers_beyond_a_full_queue_leave_unscored_at_once() -> None:
    go = threading.Event()

    def slow(chain: RagChain) -> Score:
        go.wait(5)
        return Score(1.0, "faithful")

    pipe = Pipe([Judge(slow)], {"queue_size": 2})
    for _ in range(10):
        pipe.chat()
    statuses = [(s.attributes or {})["groundwire.evaluation.status"] for s in pipe.spans]
    assert set(statuses) == {"queue_full"}
    assert len(statuses) >= 7
    go.set()
    pipe.flush()
    assert len([s for s in pipe.spans if s.name == "chat m"]) == 10


def test_a_failing_downstream_processor_raises_nothing_into_the_application() -> None:
    class Broken(SpanExporter):
        def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
            raise RuntimeError("no network")

        def shutdown(self) -> None:
            raise RuntimeError("no network")

    processor = ScoringSpanProcessor(SimpleSpanProcessor(Broken()), evaluators=[Judge()])
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(processor)
    with provider.get_tracer("t").start_as_current_span("chat m", attributes=chat_attributes()):
        pass
    assert processor.force_flush()


# --- flush, shutdown, fork, sampling --------------------------------------------------------------------------------


def test_shutdown_before_any_span_and_twice_is_safe() -> None:
    pipe = Pipe()
    pipe.processor.shutdown()
    pipe.processor.shutdown()
    assert pipe.processor.force_flush()


def test_shutdown_scores_what_is_waiting() -> None:
    pipe = Pipe()
    for _ in range(20):
        pipe.chat()
    pipe.processor.shutdown()
    answers = [s for s in pipe.spans if s.name == "chat m"]
    assert [(s.attributes or {})["groundwire.evaluation.status"] for s in answers] == ["scored"] * 20


def test_flush_releases_what_cannot_be_scored_in_time() -> None:
    pipe = Pipe([Judge(lambda c: time.sleep(0.5) or Score(1.0, "ok"))])
    pipe.chat()
    pipe.chat()
    assert not pipe.processor.force_flush(50)
    assert pipe.names == ["chat m", "chat m"]


def test_an_answer_that_ends_after_shutdown_is_still_passed_on() -> None:
    passed: list[ReadableSpan] = []

    class Keeps(SimpleSpanProcessor):
        def on_end(self, span: ReadableSpan) -> None:
            passed.append(span)

    processor = ScoringSpanProcessor(Keeps(InMemorySpanExporter()), evaluators=[Judge()])
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(processor)
    processor.shutdown()
    with provider.get_tracer("t").start_as_current_span("chat m", attributes=chat_attributes()):
        pass
    assert [(s.attributes or {})["groundwire.evaluation.status"] for s in passed] == ["shutdown"]


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_child_scores_its_own_answers_and_not_its_parents() -> None:
    go = threading.Event()

    def act(chain: RagChain) -> Score:
        if chain.answer == "parent":
            go.wait(5)
        return Score(1.0, "faithful")

    pipe = Pipe([Judge(act)])
    pipe.chat(answer="parent")
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            pipe.chat(answer="child")
            done = pipe.processor.force_flush(3000)
            texts = [str((s.attributes or {})["gen_ai.output.messages"]) for s in pipe.spans if s.name == "chat m"]
            ok = done and len(texts) == 1 and "child" in texts[0]
            os.write(write, b"ok" if ok else repr(texts).encode())
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    assert os.read(read, 1000) == b"ok"
    os.close(read)
    os.close(write)
    go.set()
    pipe.flush()
    assert len([s for s in pipe.spans if s.name == "chat m"]) == 1


def test_sampling_is_decided_by_trace_id_and_never_touches_spans() -> None:
    pipe = Pipe(settings={"sample": 0.5})
    for _ in range(60):
        pipe.chat()
    pipe.flush()
    answers = [s for s in pipe.spans if s.name == "chat m"]
    assert len(answers) == 60
    for answer in answers:
        context = answer.get_span_context()
        assert context is not None
        expected = "scored" if context.trace_id & (2**64 - 1) < 2**63 else "not_sampled"
        assert (answer.attributes or {})["groundwire.evaluation.status"] == expected


def test_unsampled_spans_are_not_scored() -> None:
    calls: list[int] = []
    processor = ScoringSpanProcessor(
        SimpleSpanProcessor(InMemorySpanExporter()), evaluators=[Judge(lambda c: calls.append(1))]
    )
    provider = TracerProvider(sampler=ALWAYS_OFF, shutdown_on_exit=False)
    provider.add_span_processor(processor)
    with provider.get_tracer("t").start_as_current_span("chat m", attributes=chat_attributes()):
        pass
    assert processor.force_flush()
    assert calls == []


def test_mistakes_raise_when_the_processor_is_made() -> None:
    downstream = SimpleSpanProcessor(InMemorySpanExporter())
    with pytest.raises(UnknownPlugin, match=r"unknown evaluator 'faithfullness'; installed: .*faithfulness"):
        ScoringSpanProcessor(downstream, evaluators=["faithfullness"])
    with pytest.raises(ConfigurationError, match="between 0 and 1"):
        ScoringSpanProcessor(downstream, evaluators=[], sample=1.5)


def _until(condition: Callable[[], bool], timeout_s: float = 3.0) -> None:
    end = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < end, "did not happen in time"
        time.sleep(0.005)
