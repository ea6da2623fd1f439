"""Streams and bodies by themselves: pieces cut anywhere, spans that end once, whoever ends them first."""

import gc
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.sdk.trace import SpanProcessor

from conformance.harness import Tracing
from groundwire import Operation, Provider, Request, Response
from groundwire.call import Call
from groundwire.proxies import traced
from groundwire.wire import Fields, Tap, fields, parse_document, parse_events


class _Count:
    def __init__(self) -> None:
        self.n = 0

    def add(self, chunk: Any, /) -> None:
        self.n += 1

    def response(self) -> Response:
        return Response(attributes={"n": self.n})


OPERATION = Operation("chat", (), lambda *_: Request(), lambda _: Response(), stream=_Count)
PROVIDER = Provider("toy", "toy", "toy", (OPERATION,))


@pytest.fixture
def tracing() -> Tracing:
    return Tracing()


def started(tracing: Tracing, request: Request = Request(stream=True)) -> Call:  # noqa: B008
    span = tracing.tracer.start_span("chat")
    return Call(tracing.recorder, PROVIDER, OPERATION, request, span, {})  # type: ignore[arg-type]


# --- ends -----------------------------------------------------------------------------------------------------------


def test_a_call_ended_by_many_threads_at_once_is_one_span(tracing: Tracing) -> None:
    call = started(tracing)
    barrier = threading.Barrier(8)

    def end(number: int) -> None:
        barrier.wait()
        (call.exhaust, call.abandon, lambda: call.fail(ValueError()), lambda: call.succeed(1))[number % 4]()

    threads = [threading.Thread(target=end, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(tracing.spans) == 1


def test_chunks_after_the_end_change_nothing_and_are_not_kept(tracing: Tracing) -> None:
    call = started(tracing)
    call.expect_stream()
    call.chunk("a")
    call.abandon()
    call.expect_stream()
    call.chunk("b")
    call.exhaust()
    assert (tracing.span.attributes or {})["n"] == 1


def test_a_stream_read_by_several_threads_gives_each_chunk_once(tracing: Tracing) -> None:
    class Chunks:
        def __init__(self) -> None:
            self._rest = list(range(2000))

        def __iter__(self) -> Iterator[int]:
            return self

        def __next__(self) -> int:
            try:
                return self._rest.pop()
            except IndexError:
                raise StopIteration from None

    stream = traced(Chunks(), started(tracing))
    seen: list[int] = []
    threads = [threading.Thread(target=lambda: seen.extend(stream)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(seen) == list(range(2000))
    assert len(tracing.spans) == 1


def test_a_stream_dropped_while_its_thread_holds_a_lock_of_the_exporter_does_not_hang(
    tracing: Tracing,
) -> None:
    """The collector runs wherever memory is asked for, also inside the exporter's own locked region."""
    call = started(tracing)
    cycle: list[Any] = [traced(iter([1, 2]), call)]
    cycle.append(cycle)
    lock = threading.Lock()

    class Locked(SpanProcessor):
        def on_end(self, span: Any) -> None:
            with lock:
                pass

    tracing.tracer_provider.add_span_processor(Locked())

    def collect_under_lock() -> None:
        nonlocal cycle
        with lock:
            cycle = []
            gc.collect()

    worker = threading.Thread(target=collect_under_lock, daemon=True)
    worker.start()
    worker.join(5)
    assert not worker.is_alive()
    tracing.wait_for(1)
    assert len(tracing.spans) == 1


SCRIPT = """
import os
import sys
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import ConsoleSpanExporter, SimpleSpanProcessor
from groundwire import Operation, Provider, Request, Response
from groundwire.call import Call, Recorder
from groundwire.pricing import PRICES
from groundwire.proxies import traced
from groundwire.recall import Recall, Vault

class Nothing:
    def add(self, chunk): pass
    def response(self): return Response()

provider = TracerProvider()
provider.add_span_processor(SimpleSpanProcessor(ConsoleSpanExporter(formatter=lambda span: span.name + chr(10))))
operation = Operation("chat", (), None, None, stream=Nothing)
def start(name):
    span = provider.get_tracer("x").start_span(name)
    recorder = Recorder("full", PRICES, Recall(), Vault())
    return Call(recorder, Provider("toy", "toy", "toy", (operation,)), operation, Request(stream=True), span, {})

held = traced(iter([1, 2]), start("held"))
next(held)
cycle = [traced(iter([1, 2]), start("cycle"))]
cycle.append(cycle)
if os.fork() == 0:
    sys.exit()  # what it holds is its parent's
os.wait()
"""


def test_streams_still_open_when_the_interpreter_exits_end_without_a_word() -> None:
    done = subprocess.run([sys.executable, "-W", "error", "-c", SCRIPT], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    assert sorted(done.stdout.split()) == ["cycle", "held"]


# --- the wire -------------------------------------------------------------------------------------------------------

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(
    st.lists(st.dictionaries(st.text(), values), max_size=5),
    st.lists(st.integers(1, 40)),
    st.sampled_from(["\n", "\r\n"]),
)
def test_events_are_the_same_wherever_the_body_is_cut(
    payloads: list[dict[str, Any]], cuts: list[int], newline: str
) -> None:
    body = "".join(
        f"event: x{newline}data: {json.dumps(p, ensure_ascii=False)}{newline}{newline}" for p in payloads
    ).encode("utf-8", "replace")
    tap, events, at = Tap(), [], 0
    for size in [*cuts, len(body)]:
        events += tap.events(body[at : at + size])
        at += size
    assert events == parse_events(body.decode("utf-8", "replace"))
    assert len(events) == len(payloads)


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("", 0),
        ("data: [DONE]\n\n", 0),
        ("data:{}\n\n", 1),
        (": comment\ndata: {}\n\nretry: 3\n", 1),
        ("data: {", 0),
        ('data: {"a": 1}', 1),
        ("\ufeffdata: {}", 0),
    ],
)
def test_other_lines_are_passed_over(text: str, count: int) -> None:
    assert len(parse_events(text)) == count


def test_a_line_without_end_is_kept_up_to_a_limit() -> None:
    tap = Tap(limit=10)
    assert tap.events("data: " + "x" * 100) == []
    tap.feed("y" * 8)
    tap.feed("z" * 8)
    assert tap.text() == "y" * 8


def test_fields_are_attributes_and_what_is_not_there_is_none() -> None:
    document = fields({"a": [{"b": 1}]})
    assert document.a[0].b == 1
    assert document.nothing is None
    assert parse_document('{"a": {"b": 2}}').a.b == 2
    assert parse_document("<html>") is None
    assert not hasattr(Fields(), "__anext__")
