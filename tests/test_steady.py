"""Work that is handed to threads and executors keeps its parent, and nothing else about it changes."""

import asyncio
import copy
import gc
import inspect
import pickle
import threading
import weakref
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from multiprocessing.pool import ThreadPool
from time import perf_counter
from typing import Any

import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import get_current_span

import groundwire

BEFORE = {
    (owner, name): vars(owner).get(name)
    for owner, names in (
        (ThreadPoolExecutor, ("submit",)),
        (Future, ("add_done_callback",)),
        (threading.Thread, ("start", "run")),
        (ThreadPool, ("apply_async", "_map_async", "imap", "imap_unordered")),
    )
    for name in names
}
QUESTIONS = ["How tall?", "Who built it?", "When?"]


class Spans:
    """A provider with what it has seen."""

    def __init__(self) -> None:
        self.exporter = InMemorySpanExporter()
        self.provider = TracerProvider(shutdown_on_exit=False)
        self.provider.add_span_processor(SimpleSpanProcessor(self.exporter))

    def instrument(self, **settings: Any) -> None:
        groundwire.instrument(tracer_provider=self.provider, evaluators=[], providers=[], **settings)

    def named(self, name: str) -> list[ReadableSpan]:
        return [s for s in self.exporter.get_finished_spans() if s.name in (name, f"invoke_workflow {name}")]


@pytest.fixture
def spans() -> Iterator[Spans]:
    spans = Spans()
    spans.instrument()
    yield spans
    groundwire.shutdown()


@groundwire.retriever
def find(question: str) -> list[str]:
    return ["The Eiffel Tower is 330 metres tall."]


async def in_its_task(function: Callable[[], Any]) -> None:
    await asyncio.get_running_loop().run_in_executor(None, function)


def by_submit() -> None:
    with ThreadPoolExecutor(2) as pool:
        for future in [pool.submit(find, question=q) for q in QUESTIONS]:
            assert future.result()


def by_map() -> None:
    with ThreadPoolExecutor(2) as pool:
        assert len(list(pool.map(find, QUESTIONS))) == 3


def by_threads() -> None:
    threads = [threading.Thread(target=find, args=(q,)) for q in QUESTIONS]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


class Finder(threading.Thread):
    def __init__(self, question: str) -> None:
        super().__init__()
        self.question = question

    def run(self) -> None:
        find(self.question)


def by_threads_with_a_run_of_their_own() -> None:
    threads = [Finder(q) for q in QUESTIONS]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def by_timers() -> None:
    timers = [threading.Timer(0.001, find, (q,)) for q in QUESTIONS]
    for timer in timers:
        timer.start()
    for timer in timers:
        timer.join()


def by_run_in_executor() -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        with ThreadPoolExecutor(2) as pool:
            await asyncio.gather(
                *(loop.run_in_executor(p, find, q) for p, q in zip((None, pool, pool), QUESTIONS, strict=True))
            )

    asyncio.run(main())


def by_to_thread() -> None:
    async def main() -> None:
        await asyncio.gather(*(asyncio.to_thread(find, q) for q in QUESTIONS))

    asyncio.run(main())


def by_callbacks() -> None:
    with ThreadPoolExecutor(1) as pool:
        for question in QUESTIONS:
            pool.submit(pow, 2, 3).add_done_callback(lambda _, q=question: find(q))


def by_a_thread_pool() -> None:
    with ThreadPool(2) as pool:
        assert pool.apply_async(find, (QUESTIONS[0],)).get()
        assert pool.map(find, QUESTIONS[1:2])
        assert list(pool.imap(find, QUESTIONS[2:]))


def by_a_loop_on_another_thread() -> None:
    async def ask(question: str) -> None:
        find(question)

    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    for question in QUESTIONS:
        asyncio.run_coroutine_threadsafe(ask(question), loop).result()
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


def by_threads_inside_executors() -> None:
    with ThreadPoolExecutor(1) as pool:
        pool.submit(by_threads).result()


FAN_OUTS = [
    by_submit,
    by_map,
    by_threads,
    by_threads_with_a_run_of_their_own,
    by_timers,
    by_run_in_executor,
    by_to_thread,
    by_callbacks,
    by_a_thread_pool,
    by_a_loop_on_another_thread,
    by_threads_inside_executors,
]


@pytest.mark.parametrize("fan_out", FAN_OUTS, ids=lambda f: f.__name__)
def test_a_retrieval_in_a_fan_out_is_a_child_of_its_request(spans: Spans, fan_out: Callable[[], None]) -> None:
    groundwire.workflow(name="request")(fan_out)()
    (request,) = [span for span in spans.exporter.get_finished_spans() if span.parent is None]
    found = spans.named("retrieval find")
    assert len(found) == 3
    assert {span.parent.span_id for span in found if span.parent} == {request.context.span_id}


def test_an_async_generator_keeps_its_parent_wherever_it_is_read(spans: Spans) -> None:
    @groundwire.workflow
    async def answers() -> AsyncIterator[str]:
        for question in QUESTIONS:
            await asyncio.to_thread(find, question)
            await in_its_task(partial(find, question))
            yield question

    async def main() -> None:
        reading = answers()
        for _ in QUESTIONS:
            await asyncio.create_task(anext(reading))
        await reading.aclose()

    asyncio.run(main())
    (request,) = spans.named("answers")
    assert {s.parent.span_id for s in spans.named("retrieval find") if s.parent} == {request.context.span_id}
    assert len(spans.named("retrieval find")) == 6


def test_a_pool_that_outlives_a_request_gives_the_next_its_own_parent(spans: Spans) -> None:
    with ThreadPoolExecutor(1) as pool:
        for name in ("first", "second"):
            groundwire.workflow(name=name)(lambda: pool.submit(find, "q").result())()
        pool.submit(find, "outside of any request").result()
    first, second, outside = spans.named("retrieval find")
    assert first.parent is not None
    assert first.parent.span_id == spans.named("first")[0].context.span_id
    assert second.parent is not None
    assert second.parent.span_id == spans.named("second")[0].context.span_id
    assert outside.parent is None


def test_it_is_off_where_a_setting_says_so(spans: Spans, monkeypatch: pytest.MonkeyPatch) -> None:
    spans.instrument(steady_context=False)
    assert vars(ThreadPoolExecutor)["submit"] is BEFORE[ThreadPoolExecutor, "submit"]
    groundwire.workflow(name="request")(by_submit)()
    assert [span.parent for span in spans.named("retrieval find")] == [None] * 3
    monkeypatch.setenv("GROUNDWIRE_STEADY_CONTEXT", "false")
    spans.instrument()
    assert vars(threading.Thread)["start"] is BEFORE[threading.Thread, "start"]


def test_uninstrument_leaves_the_standard_library_as_it_was(spans: Spans) -> None:
    spans.instrument()
    assert vars(ThreadPoolExecutor)["submit"] is not BEFORE[ThreadPoolExecutor, "submit"]
    groundwire.uninstrument()
    groundwire.uninstrument()
    assert {(owner, name): vars(owner).get(name) for owner, name in BEFORE} == BEFORE


def test_what_others_wrapped_since_stays_and_passes_through(spans: Spans, monkeypatch: pytest.MonkeyPatch) -> None:
    ours, seen = ThreadPoolExecutor.submit, []

    def theirs(self: Any, function: Any, /, *args: Any) -> Any:
        seen.append(function)
        return ours(self, function, *args)

    monkeypatch.setattr(ThreadPoolExecutor, "submit", theirs)
    groundwire.uninstrument()
    assert ThreadPoolExecutor.submit is theirs
    spans.instrument()
    groundwire.workflow(name="request")(by_map)()
    assert len(spans.named("retrieval find")) == len(seen) == 3
    assert all(span.parent for span in spans.named("retrieval find"))
    groundwire.uninstrument()
    assert ThreadPoolExecutor.submit is theirs


# --- nothing else changes -------------------------------------------------------------------------------------------


@pytest.fixture
def within(spans: Spans) -> Iterator[Any]:
    with spans.provider.get_tracer("the application").start_as_current_span("request") as span:
        yield span


def test_errors_pass_as_they_are(within: Any) -> None:
    error = LookupError("mine")

    def broken() -> None:
        raise error

    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(broken).exception() is error
        with pytest.raises(TypeError, match="missing 1 required positional argument"):
            pool.submit()  # type: ignore[call-arg]
        with pytest.raises(TypeError, match="not callable"):
            pool.submit(None).result()  # type: ignore[arg-type]


def test_a_thread_that_cannot_start_is_left_as_it_was(within: Any) -> None:
    thread = threading.Thread(target=lambda: None)
    thread.start()
    thread.join()
    with pytest.raises(RuntimeError, match="threads can only be started once"):
        thread.start()
    assert "run" not in vars(thread)


def test_the_thread_s_own_error_reaches_its_hook(within: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Any] = []
    monkeypatch.setattr(threading, "excepthook", lambda told: seen.append(told.exc_type))
    thread = threading.Thread(target=lambda: 1 / 0)
    thread.start()
    thread.join()
    assert seen == [ZeroDivisionError]


def test_a_finished_thread_is_freed_at_once(within: Any) -> None:
    gc.disable()
    try:
        thread = Finder("q")
        thread.start()
        thread.join()
        gone = weakref.ref(thread)
        del thread
        assert gone() is None
    finally:
        gc.enable()


def test_those_who_put_a_run_of_their_own_around_see_a_method(within: Any, spans: Spans) -> None:
    start = threading.Thread.start

    def theirs(self: threading.Thread) -> None:
        function = getattr(self.run, "__func__", self.run)
        self.run = lambda: function(self)  # type: ignore[method-assign]
        start(self)

    inner = Finder("under theirs")
    theirs(inner)
    inner.join()
    outer = Finder("around theirs")
    outer.run = partial(Finder.run, outer)  # type: ignore[method-assign]
    outer.start()
    outer.join()
    assert [s.parent.span_id for s in spans.named("retrieval find") if s.parent] == [within.context.span_id] * 2


@pytest.mark.parametrize("method", [ThreadPoolExecutor.submit, threading.Thread.start, Future.add_done_callback])
def test_methods_are_what_they_were_to_whoever_looks(spans: Spans, method: Any) -> None:
    now = getattr(
        {"submit": ThreadPoolExecutor, "start": threading.Thread}.get(method.__name__, Future), method.__name__
    )
    assert now is not method
    assert pickle.loads(pickle.dumps(now)) is now
    assert copy.deepcopy(now) is now
    assert inspect.isfunction(now)
    assert inspect.signature(now) == inspect.signature(method)
    assert (now.__qualname__, now.__module__, now.__doc__) == (method.__qualname__, method.__module__, method.__doc__)


class Counting(ThreadPoolExecutor):
    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Any:
        self.names = [*getattr(self, "names", []), fn.__name__]
        return super().submit(fn, *args, **kwargs)


def test_subclasses_see_their_own_functions(within: Any, spans: Spans) -> None:
    with Counting(1) as pool:
        assert list(pool.map(find, QUESTIONS[:1])) == [find("x")]
    assert pool.names == ["find"]
    assert all(span.parent for span in spans.named("retrieval find"))


def test_work_can_be_pickled_by_executors_that_pickle(within: Any) -> None:
    from groundwire.steady import Carried

    carried = Carried(len, {})  # type: ignore[arg-type]
    assert pickle.loads(pickle.dumps(carried)) is len
    assert carried.__name__ == "len"


def test_other_variables_of_the_application_stay_where_they_are(within: Any) -> None:
    from contextvars import ContextVar

    variable = ContextVar("variable", default="nothing")
    variable.set("mine")
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(variable.get).result() == "nothing"
        assert pool.submit(get_current_span).result() is within


def test_outside_of_spans_nothing_is_wrapped(spans: Spans) -> None:
    thread = threading.Thread(target=lambda: None)
    thread.start()
    assert "run" not in vars(thread)
    thread.join()
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(lambda: get_current_span().get_span_context().is_valid).result() is False


def test_handing_over_costs_little(within: Any) -> None:
    from groundwire.steady import Carried, _handing_over, _Switch

    def taken(pool: Any, function: Any) -> Any:
        return function

    carrying, rounds = _handing_over(taken, _Switch()), 2000

    def cost(function: Any) -> float:
        def once() -> float:
            start = perf_counter()
            for _ in range(rounds):
                function(None, len)
            return (perf_counter() - start) / rounds

        return min(once() for _ in range(7))

    assert isinstance(carrying(None, len), Carried)
    assert cost(carrying) - cost(taken) < 10e-6
