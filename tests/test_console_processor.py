import contextlib
import io
import os
import sys
from collections.abc import Iterator

import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.trace import Link, SpanContext, TraceFlags, Tracer, set_span_in_context

from groundwire.console_export import ConsoleProcessor
from groundwire.outlets import rebuild
from stored import ANSWER, chat, retrieval

CHAT = dict(chat().attributes)
RETRIEVAL = dict(retrieval().attributes)
EMBEDDINGS = {"gen_ai.operation.name": "embeddings", "gen_ai.usage.input_tokens": 9}
WORKFLOW = {"gen_ai.operation.name": "invoke_workflow", "gen_ai.agent.name": "rag.answer"}


class Setup:
    def __init__(self) -> None:
        self.stream = io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True)
        self.processor = ConsoleProcessor(self.stream)
        self.provider = TracerProvider(shutdown_on_exit=False)
        self.provider.add_span_processor(self.processor)
        self.tracer: Tracer = self.provider.get_tracer("test")

    @property
    def text(self) -> str:
        return self.stream.buffer.getvalue().decode()  # type: ignore[attr-defined]


@pytest.fixture
def setup() -> Iterator[Setup]:
    one = Setup()
    yield one
    one.provider.shutdown()


def test_request_is_printed_once_when_its_root_has_ended(setup: Setup) -> None:
    with setup.tracer.start_as_current_span("invoke_workflow rag.answer", attributes=WORKFLOW):
        setup.tracer.start_span("retrieval kb", attributes=RETRIEVAL).end()
        setup.tracer.start_span("chat gpt-4o-mini", attributes=CHAT).end()
        assert setup.text == ""
    assert setup.text.startswith("· rag.answer  How tall is the Eiffel Tower?")
    assert setup.text.count("\n") == 1


@pytest.mark.parametrize("operation", ["invoke_workflow", "invoke_agent"])
def test_request_whose_model_nobody_traces_is_printed_all_the_same(setup: Setup, operation: str) -> None:
    told = {"gen_ai.operation.name": operation, "gen_ai.agent.name": "guide", "input.value": "How tall is it?"}
    setup.tracer.start_span(f"{operation} guide", attributes=told).end()
    assert setup.text.startswith("· guide  How tall is it?")


def test_answer_that_is_held_for_scoring_delays_its_request(setup: Setup) -> None:
    class Holding(ConsoleProcessor):
        held: ReadableSpan | None = None

        def on_end(self, span: ReadableSpan) -> None:
            if self.held is None and span.name.startswith("chat"):
                self.held = span
            else:
                super().on_end(span)

    processor = Holding(setup.stream)
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(processor)
    with provider.get_tracer("t").start_as_current_span("invoke_workflow rag.answer", attributes=WORKFLOW):
        provider.get_tracer("t").start_span("chat gpt-4o-mini", attributes=CHAT).end()
    assert setup.text == ""

    assert processor.held is not None
    parent = processor.held.get_span_context()
    processor.on_end(
        ReadableSpan(
            "evaluate faithfulness",
            context=SpanContext(parent.trace_id, 7, False, TraceFlags(1)),
            parent=parent,
            attributes={
                "gen_ai.operation.name": "evaluate",
                "gen_ai.evaluation.name": "faithfulness",
                "gen_ai.evaluation.score.value": 0.2,
                "gen_ai.evaluation.score.label": "unfaithful",
            },
            start_time=1,
            end_time=2,
        )
    )
    assert setup.text == ""
    processor.on_end(rebuild(processor.held, {"groundwire.evaluation.status": "scored"}))

    assert setup.text.startswith("✗ rag.answer")
    assert "faithfulness  0.20  unfaithful" in setup.text
    provider.shutdown()


def test_script_without_a_root_shows_the_retrieval_inside_the_answer(setup: Setup) -> None:
    found = setup.tracer.start_span("retrieval kb", attributes=RETRIEVAL)
    found.end()
    assert setup.text == ""
    scored = {
        **CHAT,
        "gen_ai.evaluation.faithfulness.score.value": 0.2,
        "gen_ai.evaluation.faithfulness.score.label": "unfaithful",
    }
    setup.tracer.start_span("chat gpt-4o-mini", attributes=scored, links=[Link(found.get_span_context())]).end()

    assert setup.text.startswith("✗ chat gpt-4o-mini")
    assert "├─ retrieval kb" in setup.text
    setup.provider.force_flush()
    assert "outside any answer" not in setup.text


def test_calls_that_no_answer_used_are_told_in_one_line_at_the_end(setup: Setup) -> None:
    for _ in range(3):
        setup.tracer.start_span("embeddings e", attributes=EMBEDDINGS).end()
    setup.tracer.start_span("retrieval kb", attributes=RETRIEVAL).end()
    assert setup.text == ""
    setup.provider.force_flush()

    assert setup.text.startswith("· 4 calls outside any answer: 3 embeddings, 1 retrieval  ")
    setup.provider.force_flush()
    assert setup.text.count("\n") == 1


def test_spans_that_are_no_calls_are_not_printed(setup: Setup) -> None:
    with setup.tracer.start_as_current_span("GET /health"):
        setup.tracer.start_span("SELECT").end()
    setup.provider.shutdown()

    assert setup.text == ""


def test_request_that_is_cut_off_is_told_at_shutdown(setup: Setup) -> None:
    root = setup.tracer.start_span("invoke_workflow rag.answer", attributes=WORKFLOW)
    setup.tracer.start_span("chat gpt-4o-mini", attributes=CHAT, context=set_span_in_context(root)).end()
    setup.provider.force_flush()
    assert setup.text == ""
    setup.processor.shutdown()
    setup.processor.shutdown()

    assert setup.text.count("chat gpt-4o-mini") == 1


def test_memory_is_bounded(setup: Setup) -> None:
    for _ in range(1500):
        setup.tracer.start_span("invoke_workflow never ends", attributes=WORKFLOW)
        setup.tracer.start_span("retrieval kb", attributes=RETRIEVAL).end()

    assert len(setup.processor._requests) <= 1000
    assert len(setup.processor._kept) <= 64


def test_next_step_is_suggested_once(setup: Setup) -> None:
    failing = {**CHAT, "gen_ai.evaluation.f.score.value": 0.2, "gen_ai.evaluation.f.score.label": "unfaithful"}
    for _ in range(3):
        setup.tracer.start_span("chat gpt-4o-mini", attributes=failing).end()

    assert setup.text.count("next: ") == 1
    assert max(map(len, setup.text.split("\n"))) <= 80


@pytest.mark.parametrize("stream", [None, "closed", "broken"])
def test_stderr_that_takes_no_text_is_tolerated(stream: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    target: io.TextIOBase | None = None
    if stream == "closed":
        target = io.StringIO()
        target.close()
    elif stream == "broken":
        reader, writer = os.pipe()
        os.close(reader)
        target = io.TextIOWrapper(io.FileIO(writer, "w"), write_through=True)
    monkeypatch.setattr(sys, "stderr", target)
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(ConsoleProcessor())
    provider.get_tracer("t").start_span("chat", attributes=CHAT).end()
    provider.shutdown()
    if target is not None:
        with contextlib.suppress(OSError):  # it may still hold what the pipe did not take
            target.close()


def test_terminal_that_knows_no_unicode_gets_signs_it_knows() -> None:
    stream = io.TextIOWrapper(io.BytesIO(), encoding="cp1252", write_through=True)
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(ConsoleProcessor(stream))
    attributes = {**CHAT, **{k: v.replace("tower", "tür 漢") for k, v in CHAT.items() if k == "gen_ai.output.messages"}}
    failing = {**attributes, "gen_ai.evaluation.f.score.value": 0.2, "gen_ai.evaluation.f.score.label": "unfaithful"}
    provider.get_tracer("t").start_span("chat", attributes=failing).end()
    provider.shutdown()

    text = stream.buffer.getvalue().decode("cp1252")  # type: ignore[attr-defined]
    assert text.startswith("x chat")
    assert ANSWER[:3] in text


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_child_process_forgets_what_its_parent_has_open(setup: Setup) -> None:
    root = setup.tracer.start_span("invoke_workflow rag.answer", attributes=WORKFLOW)
    with setup.processor._lock, setup.processor._print_lock:
        child = os.fork()
        if child == 0:
            code = 1
            try:
                setup.processor.shutdown()
                code = 0 if not setup.processor._requests and setup.text == "" else 2
            finally:
                os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    root.end()
