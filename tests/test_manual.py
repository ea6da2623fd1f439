"""Spans for the application's own code: `@retriever`, `retrieval`, `@workflow`."""

import asyncio
import contextlib
import functools
import gc
import inspect
import json
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Generator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import pytest
from opentelemetry import context as otel_context
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode
from pydantic import BaseModel

import groundwire

DOCUMENTS = "gen_ai.retrieval.documents"
QUERY = "gen_ai.retrieval.query.text"
TOP_K = "gen_ai.retrieval.top_k"
INPUT = "input.value"
OUTPUT = "output.value"


class Tracing:
    def __init__(self) -> None:
        self._exporter = InMemorySpanExporter()
        self.provider = TracerProvider(shutdown_on_exit=False)
        self.provider.add_span_processor(SimpleSpanProcessor(self._exporter))
        self.tracer = self.provider.get_tracer("app")
        self.instrument()

    def instrument(self, **settings: Any) -> None:
        groundwire.instrument(tracer_provider=self.provider, evaluators=[], providers=[], **settings)

    @property
    def spans(self) -> Sequence[ReadableSpan]:
        return self._exporter.get_finished_spans()

    @property
    def span(self) -> ReadableSpan:
        (span,) = self.spans
        return span

    @property
    def attributes(self) -> dict[str, Any]:
        return dict(self.span.attributes or {})

    @property
    def documents(self) -> Any:
        return json.loads(self.attributes[DOCUMENTS])


@pytest.fixture
def tracing() -> Iterator[Tracing]:
    before = otel_context.get_current()
    try:
        yield Tracing()
    finally:
        groundwire.shutdown()
    assert otel_context.get_current() == before


def current() -> int:
    """Id of the current span; 0: none."""
    return trace.get_current_span().get_span_context().span_id


class Broken(Exception):
    pass


# --- retriever: shapes of functions ---------------------------------------------------------------------------------


def test_a_retriever_is_one_whole_span(tracing: Tracing) -> None:
    @groundwire.retriever
    def find(query: str, k: int = 2) -> list[dict[str, Any]]:
        return [{"text": "A", "id": "a", "score": 0.5, "metadata": {"page": 1}}]

    assert find("how high?") == [{"text": "A", "id": "a", "score": 0.5, "metadata": {"page": 1}}]
    span = tracing.span
    assert (span.name, span.kind, span.status.status_code, span.parent) == (
        "retrieval find",
        SpanKind.CLIENT,
        StatusCode.UNSET,
        None,
    )
    documents = [{"id": "a", "score": 0.5, "content": "A", "metadata": {"page": 1}}]
    assert json.loads(str((span.attributes or {})[DOCUMENTS])) == documents
    assert {k: v for k, v in tracing.attributes.items() if k != DOCUMENTS} == {
        "gen_ai.operation.name": "retrieval",
        "gen_ai.provider.name": "application",
        "gen_ai.data_source.id": "find",
        TOP_K: 2,
        QUERY: "how high?",
    }


def test_a_retriever_may_have_a_name(tracing: Tracing) -> None:
    @groundwire.retriever(name="wiki")
    def find(query: str) -> list[str]:
        return [query]

    find("x")
    assert tracing.span.name == "retrieval wiki"
    assert tracing.attributes["gen_ai.data_source.id"] == "wiki"


async def test_a_coroutine_function_is_awaited_inside_its_span(tracing: Tracing) -> None:
    seen: list[Any] = []

    @groundwire.retriever
    async def find(query: str) -> list[str]:
        await asyncio.sleep(0)
        seen.append(current())
        return ["A"]

    before = current()
    assert inspect.iscoroutinefunction(find)
    assert await find("x") == ["A"]
    assert current() == before
    assert seen == [tracing.span.context.span_id]
    assert tracing.documents == [{"content": "A"}]


def test_a_generator_stays_lazy_and_its_documents_are_told(tracing: Tracing) -> None:
    seen: list[Any] = []

    @groundwire.retriever
    def find(query: str) -> Generator[str, None, None]:
        for text in ("A", "B", "C"):
            seen.append(current())
            yield text

    assert inspect.isgeneratorfunction(find)
    found = find("x")
    assert inspect.isgenerator(found)
    assert tracing.spans == ()
    before = current()
    assert next(found) == "A"
    assert current() == before
    assert len(seen) == 1
    assert list(found) == ["B", "C"]
    assert tracing.documents == [{"content": "A"}, {"content": "B"}, {"content": "C"}]
    assert set(seen) == {tracing.span.context.span_id}


def test_a_generator_that_is_closed_early_tells_what_it_gave(tracing: Tracing) -> None:
    closed: list[bool] = []

    @groundwire.retriever
    def find(query: str) -> Generator[str, None, None]:
        try:
            yield "A"
            yield "B"
        finally:
            closed.append(True)

    found = find("x")
    next(found)
    found.close()
    assert closed == [True]
    assert tracing.documents == [{"content": "A"}]
    assert tracing.span.status.status_code is StatusCode.UNSET


async def test_an_async_generator_stays_one(tracing: Tracing) -> None:
    @groundwire.retriever
    async def find(query: str) -> AsyncGenerator[str, None]:
        yield "A"
        await asyncio.sleep(0)
        yield "B"

    assert inspect.isasyncgenfunction(find)
    assert [text async for text in find("x")] == ["A", "B"]
    assert tracing.documents == [{"content": "A"}, {"content": "B"}]


def test_a_function_that_returns_a_generator_gives_a_generator(tracing: Tracing) -> None:
    @groundwire.retriever
    def find(query: str) -> Any:
        return (text for text in ("A", "B"))

    found = find("x")
    assert inspect.isgenerator(found)
    assert list(found) == ["A", "B"]
    assert tracing.documents == [{"content": "A"}, {"content": "B"}]


@pytest.mark.parametrize("make", [iter, lambda texts: map(str, texts), lambda texts: filter(None, texts)])
def test_an_iterator_that_is_returned_is_not_used_up(tracing: Tracing, make: Any) -> None:
    @groundwire.retriever
    def find(query: str) -> Any:
        return make(["A", "B"])

    assert list(find("x")) == ["A", "B"]
    assert tracing.documents == [{"content": "A"}, {"content": "B"}]


def test_a_returned_generator_that_nobody_reads_ends_its_span(tracing: Tracing) -> None:
    @groundwire.retriever
    def find(query: str) -> Any:
        return (text for text in ("A", "B"))

    find("x")
    gc.collect()
    assert tracing.documents == []


async def test_a_function_that_returns_a_coroutine_is_traced_to_its_end(tracing: Tracing) -> None:
    async def later(query: str) -> list[str]:
        await asyncio.sleep(0)
        assert current() != 0
        return ["A"]

    @groundwire.retriever
    def find(query: str) -> Any:
        return later(query)

    pending = find("x")
    assert inspect.iscoroutine(pending)
    assert tracing.spans == ()
    assert await pending == ["A"]
    assert tracing.documents == [{"content": "A"}]


async def test_an_asynchronous_callable_object_is_traced(tracing: Tracing) -> None:
    class Find:
        async def __call__(self, query: str) -> list[str]:
            return [query]

    find = groundwire.retriever(Find())
    assert await find("x") == ["x"]
    assert tracing.span.name == "retrieval Find"
    assert tracing.documents == [{"content": "x"}]


def test_a_partial_function_is_traced(tracing: Tracing) -> None:
    def find(collection: str, query: str) -> list[str]:
        return [collection, query]

    assert groundwire.retriever(functools.partial(find, "wiki"))(query="x") == ["wiki", "x"]
    assert tracing.attributes[QUERY] == "x"


def test_builtins_can_be_retrievers(tracing: Tracing) -> None:
    assert groundwire.retriever(dict)([("text", "A")]) == {"text": "A"}
    assert tracing.documents == [{"content": "A"}]


# --- retriever: methods ---------------------------------------------------------------------------------------------


def test_methods_of_every_kind_are_traced(tracing: Tracing) -> None:
    class Store:
        @groundwire.retriever
        def plain(self, query: str) -> list[str]:
            return [query]

        @groundwire.retriever
        @staticmethod
        def static_inside(query: str) -> list[str]:
            return [query]

        @staticmethod
        @groundwire.retriever
        def static_outside(query: str) -> list[str]:
            return [query]

        @groundwire.retriever(name="class")
        @classmethod
        def class_inside(cls, query: str) -> list[str]:
            return [cls.__name__, query]

    store = Store()
    assert store.plain("a") == ["a"]
    assert Store.plain(store, "b") == ["b"]
    assert store.static_inside("c") == Store.static_outside("c") == ["c"]
    assert store.class_inside("d") == ["Store", "d"]
    assert [(s.attributes or {})[QUERY] for s in tracing.spans] == ["a", "b", "c", "c", "d"]


# --- retriever: arguments -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "query", "top_k"),
    [
        (lambda f: f("wiki", "x"), "x", 5),
        (lambda f: f(collection="wiki", question="x", k=3), "x", 3),
        (lambda f: f("wiki", "x", k=None), "x", None),
        (lambda f: f("wiki", "x", k=True), "x", None),
        (lambda f: f("wiki", None), "wiki", 5),
        (lambda f: f("wiki", "x", other="y"), "x", 5),
        (lambda f: f("wiki", None, query="y"), "y", 5),
    ],
)
def test_query_and_count_are_found_among_the_arguments(
    tracing: Tracing, call: Any, query: str, top_k: int | None
) -> None:
    @groundwire.retriever
    def find(collection: str, question: str | None, *rest: Any, k: int | None = 5, **more: Any) -> list[str]:
        return []

    call(find)
    assert tracing.attributes.get(QUERY) == query
    assert tracing.attributes.get(TOP_K) == top_k


def test_without_a_text_there_is_no_query(tracing: Tracing) -> None:
    @groundwire.retriever
    def find(vector: list[float], collection: str = "wiki") -> list[str]:
        return []

    find([1.0])
    assert QUERY not in tracing.attributes
    assert tracing.documents == []


def test_wrong_arguments_raise_what_they_raise_untraced(tracing: Tracing) -> None:
    @groundwire.retriever
    def find(query: str) -> list[str]:
        return []

    with pytest.raises(TypeError, match="missing 1 required positional argument: 'query'"):
        find()  # type: ignore[call-arg]


# --- retriever: failures --------------------------------------------------------------------------------------------


def test_an_exception_is_the_very_one_and_on_the_span(tracing: Tracing) -> None:
    error = Broken("no \ud800 index")

    @groundwire.retriever
    def find(query: str) -> list[str]:
        raise error

    with pytest.raises(Broken) as caught:
        find("x")
    assert caught.value is error
    assert tracing.span.status.status_code is StatusCode.ERROR
    assert tracing.attributes["error.type"] == "Broken"
    assert DOCUMENTS not in tracing.attributes
    assert tracing.attributes[QUERY] == "x"


async def test_a_cancelled_retriever_ends_its_span(tracing: Tracing) -> None:
    started = asyncio.Event()

    @groundwire.retriever
    async def find(query: str) -> list[str]:
        started.set()
        await asyncio.Event().wait()
        return []

    task = asyncio.create_task(find("x"))  # type: ignore[arg-type]
    await started.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert tracing.attributes["error.type"] == "CancelledError"


def test_documents_that_cannot_be_read_are_no_matter_of_the_application(tracing: Tracing) -> None:
    class Odd:
        @property
        def text(self) -> str:
            raise Broken

    odd = Odd()

    @groundwire.retriever
    def find(query: str) -> list[Any]:
        return [odd]

    assert find("x") == [odd]
    assert DOCUMENTS not in tracing.attributes
    assert tracing.span.status.status_code is StatusCode.UNSET


def test_a_span_processor_that_raises_is_no_matter_of_the_application(tracing: Tracing) -> None:
    class Raises(SpanProcessor):
        def on_start(self, *_: Any) -> None:
            raise Broken

        def on_end(self, *_: Any) -> None:
            raise Broken

    tracing.provider.add_span_processor(Raises())
    assert groundwire.retriever(lambda query: [query])("x") == ["x"]
    assert groundwire.workflow(lambda query: query)("x") == "x"


# --- before and after instrument() ----------------------------------------------------------------------------------


async def test_untraced_everything_passes_through() -> None:
    made = (text for text in "ab")

    @groundwire.retriever
    def find(query: str) -> Any:
        return made

    @groundwire.workflow
    async def ask(question: str) -> AsyncGenerator[str, None]:
        yield question

    @groundwire.workflow
    async def answer(question: str) -> str:
        return question

    assert find("x") is made
    assert list(made) == ["a", "b"]
    assert [piece async for piece in ask("x")] == ["x"]
    assert await answer("x") == "x"
    with groundwire.retrieval("x") as r:
        r.documents = made
    assert r.documents is made
    assert current() == 0


def test_what_was_decorated_before_is_traced_after(tracing: Tracing) -> None:
    groundwire.shutdown()
    find = groundwire.retriever(lambda query: [query])
    find("before")
    tracing.instrument()
    find("while")
    groundwire.shutdown()
    find("after")
    assert tracing.attributes[QUERY] == "while"


@pytest.mark.parametrize("capture", ["scored", "off"])
def test_content_is_left_off_unless_it_is_captured(tracing: Tracing, capture: Any) -> None:
    tracing.instrument(capture=capture)
    groundwire.retriever(lambda query: [query])("secret")
    groundwire.workflow(lambda question: question)("secret")
    with groundwire.retrieval("secret") as r:
        r.documents = ["secret"]
    assert len(tracing.spans) == 3
    assert not [s for s in tracing.spans if "secret" in s.to_json()]


# --- retrieval ------------------------------------------------------------------------------------------------------


def test_a_retrieval_is_one_whole_span(tracing: Tracing) -> None:
    with groundwire.retrieval(query="x", top_k=3, name="wiki") as r:
        inside = current()
        r.documents = ["A", ("B", 0.5)]
    assert current() == 0
    assert inside == tracing.span.context.span_id
    assert tracing.span.name == "retrieval wiki"
    assert tracing.documents == [{"content": "A"}, {"content": "B", "score": 0.5}]
    assert {k: v for k, v in tracing.attributes.items() if k != DOCUMENTS} == {
        "gen_ai.operation.name": "retrieval",
        "gen_ai.provider.name": "application",
        "gen_ai.data_source.id": "wiki",
        TOP_K: 3,
        QUERY: "x",
    }


def test_a_retrieval_without_documents_or_name_is_a_span(tracing: Tracing) -> None:
    with groundwire.retrieval("x"):
        pass
    assert tracing.span.name == "retrieval"
    assert tracing.documents == []


async def test_a_retrieval_can_be_entered_asynchronously(tracing: Tracing) -> None:
    async with groundwire.retrieval("x") as r:
        await asyncio.sleep(0)
        r.documents = ["A"]
    assert tracing.documents == [{"content": "A"}]


def test_an_exception_inside_a_retrieval_goes_on(tracing: Tracing) -> None:
    def find() -> None:
        with groundwire.retrieval("x") as r:
            r.documents = ["A"]
            raise Broken("no index")

    with pytest.raises(Broken, match="no index"):
        find()
    assert tracing.attributes["error.type"] == "Broken"
    assert tracing.span.status.description == "no index"


def test_an_iterator_set_as_documents_is_left_for_the_application(tracing: Tracing) -> None:
    with groundwire.retrieval("x") as r:
        r.documents = iter(["A"])
    assert list(r.documents) == ["A"]


def test_a_retrieval_can_be_used_again(tracing: Tracing) -> None:
    r = groundwire.retrieval("x")
    for text in ("A", "B"):
        with r:
            r.documents = [text]
    assert [json.loads(str((s.attributes or {})[DOCUMENTS])) for s in tracing.spans] == [
        [{"content": "A"}],
        [{"content": "B"}],
    ]


# --- workflow: shapes -----------------------------------------------------------------------------------------------


def test_a_workflow_is_the_root_of_what_happens_inside(tracing: Tracing) -> None:
    @groundwire.workflow
    def ask(question: str) -> str:
        with tracing.tracer.start_as_current_span("inside"):
            return "An answer."

    assert ask("A question?") == "An answer."
    inside, root = tracing.spans
    assert inside.parent == root.context
    assert (root.name, root.kind, root.parent) == ("invoke_workflow ask", SpanKind.INTERNAL, None)
    assert dict(root.attributes or {}) == {
        "gen_ai.operation.name": "invoke_workflow",
        "gen_ai.agent.name": "ask",
        "openinference.span.kind": "CHAIN",
        INPUT: "A question?",
        OUTPUT: "An answer.",
    }


async def test_a_coroutine_function_is_a_workflow(tracing: Tracing) -> None:
    @groundwire.workflow(name="rag")
    async def ask(question: str) -> str:
        await asyncio.sleep(0)
        return "An answer."

    assert inspect.iscoroutinefunction(ask)
    assert await ask("x") == "An answer."
    assert tracing.span.name == "invoke_workflow rag"
    assert tracing.attributes[OUTPUT] == "An answer."


def test_no_span_is_current_between_two_pieces(tracing: Tracing) -> None:
    inside: list[Any] = []

    @groundwire.workflow
    def ask(question: str) -> Generator[str, None, int]:
        for piece in ("An ", "answer."):
            inside.append(current())
            yield piece
        return 2

    def reader() -> Generator[str, None, int]:
        return (yield from ask("x"))

    pieces = reader()
    assert next(pieces) == "An "
    assert current() == 0
    assert next(pieces) == "answer."
    assert current() == 0
    with pytest.raises(StopIteration) as stop:
        next(pieces)
    assert stop.value.value == 2
    assert tracing.attributes[OUTPUT] == "An answer."
    assert set(inside) == {tracing.span.context.span_id}


def test_a_generator_takes_what_is_sent_and_thrown(tracing: Tracing) -> None:
    seen: list[Any] = []

    @groundwire.workflow
    def ask(question: str) -> Generator[str, str, None]:
        seen.append((yield "one"))
        try:
            yield "two"
        except Broken as error:
            seen.append((error, current()))
            yield "three"

    pieces = ask("x")
    error = Broken()
    assert next(pieces) == "one"
    assert pieces.send("sent") == "two"
    assert pieces.throw(error) == "three"
    assert list(pieces) == []
    assert seen == ["sent", (error, tracing.span.context.span_id)]
    assert tracing.span.status.status_code is StatusCode.UNSET


def test_closing_a_generator_early_closes_the_function_s(tracing: Tracing) -> None:
    seen: list[Any] = []

    @groundwire.workflow
    def ask(question: str) -> Generator[str, None, None]:
        try:
            yield "An "
            yield "answer."
        finally:
            seen.append(current())

    pieces = ask("x")
    next(pieces)
    pieces.close()
    assert seen == [tracing.span.context.span_id]
    assert tracing.attributes[OUTPUT] == "An "
    assert tracing.span.status.status_code is StatusCode.UNSET


def test_a_generator_that_is_dropped_ends_its_span(tracing: Tracing) -> None:
    @groundwire.workflow
    def ask(question: str) -> Generator[str, None, None]:
        yield "An "
        yield "answer."

    for _ in ask("x"):
        break
    gc.collect()
    assert tracing.attributes[OUTPUT] == "An "


def test_a_generator_that_is_never_started_is_no_request(tracing: Tracing) -> None:
    @groundwire.workflow
    def ask(question: str) -> Generator[str, None, None]:
        yield question

    ask("x")
    gc.collect()
    assert tracing.spans == ()


def test_a_generator_that_fails_has_an_error_span(tracing: Tracing) -> None:
    error = Broken("half way")

    @groundwire.workflow
    def ask(question: str) -> Generator[str, None, None]:
        yield "An "
        raise error

    with pytest.raises(Broken) as caught:
        list(ask("x"))
    assert caught.value is error
    assert tracing.attributes["error.type"] == "Broken"
    assert tracing.attributes[OUTPUT] == "An "


def test_a_generator_that_will_not_close_raises_what_it_raises_untraced(tracing: Tracing) -> None:
    @groundwire.workflow
    def ask(question: str) -> Generator[str, None, None]:
        with contextlib.suppress(GeneratorExit):
            yield "more"
        yield "even more"

    pieces = ask("x")
    next(pieces)
    with pytest.raises(RuntimeError, match="generator ignored GeneratorExit"):
        pieces.close()
    assert tracing.attributes["error.type"] == "RuntimeError"


def test_a_generator_read_by_several_threads_ends_one_span(tracing: Tracing) -> None:
    @groundwire.workflow
    def ask(question: str) -> Generator[str, None, None]:
        yield from "abc"

    pieces = ask("x")
    with ThreadPoolExecutor(1) as first, ThreadPoolExecutor(1) as second:
        read = [pool.submit(next, pieces).result() for pool in (first, second, first)]
    assert read == ["a", "b", "c"]
    assert list(pieces) == []
    assert tracing.attributes[OUTPUT] == "abc"


async def test_an_async_generator_is_a_workflow(tracing: Tracing) -> None:
    inside: list[Any] = []

    @groundwire.workflow
    async def ask(question: str) -> AsyncGenerator[str, str]:
        inside.append(current())
        inside.append((yield "An "))
        await asyncio.sleep(0)
        inside.append(current())
        yield "answer."

    assert inspect.isasyncgenfunction(ask)
    pieces = ask("x")
    assert await anext(pieces) == "An "
    assert current() == 0
    assert await pieces.asend("sent") == "answer."
    assert [piece async for piece in pieces] == []
    assert inside == [tracing.span.context.span_id, "sent", tracing.span.context.span_id]
    assert tracing.attributes[OUTPUT] == "An answer."


async def test_closing_an_async_generator_closes_the_function_s(tracing: Tracing) -> None:
    seen: list[Any] = []

    @groundwire.workflow
    async def ask(question: str) -> AsyncGenerator[str, None]:
        try:
            yield "An "
            yield "answer."
        finally:
            await asyncio.sleep(0)
            seen.append(current())

    pieces = ask("x")
    await anext(pieces)
    await pieces.aclose()
    assert seen == [tracing.span.context.span_id]
    assert tracing.attributes[OUTPUT] == "An "
    assert tracing.span.status.status_code is StatusCode.UNSET


async def test_an_exception_thrown_into_an_async_generator_arrives(tracing: Tracing) -> None:
    @groundwire.workflow
    async def ask(question: str) -> AsyncGenerator[str, None]:
        try:
            yield "one"
        except Broken:
            yield "two"

    pieces = ask("x")
    await anext(pieces)
    assert await pieces.athrow(Broken()) == "two"
    with pytest.raises(Broken, match="again"):
        await pieces.athrow(Broken("again"))
    assert tracing.attributes["error.type"] == "Broken"


async def test_a_cancelled_async_generator_ends_its_span(tracing: Tracing) -> None:
    started = asyncio.Event()
    closed: list[bool] = []

    @groundwire.workflow
    async def ask(question: str) -> AsyncGenerator[str, None]:
        try:
            yield "An "
            started.set()
            await asyncio.Event().wait()
        finally:
            closed.append(True)

    async def read() -> None:
        async for _ in ask("x"):
            pass

    task = asyncio.create_task(read())
    await started.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert closed == [True]
    assert tracing.attributes["error.type"] == "CancelledError"
    assert tracing.attributes[OUTPUT] == "An "


async def test_an_async_generator_left_in_the_middle_ends_its_span(tracing: Tracing) -> None:
    @groundwire.workflow
    async def ask(question: str) -> AsyncGenerator[str, None]:
        yield "An "
        yield "answer."

    async def read() -> None:
        async for _ in ask("x"):
            break

    await read()
    gc.collect()
    await asyncio.sleep(0.01)
    assert tracing.attributes[OUTPUT] == "An "


async def test_each_piece_may_be_awaited_in_another_task(tracing: Tracing) -> None:
    @groundwire.workflow
    async def ask(question: str) -> AsyncGenerator[str, None]:
        for piece in "abc":
            await asyncio.sleep(0)
            yield piece

    pieces = ask("x")
    for piece in "abc":
        assert await asyncio.wait_for(anext(pieces), 1) == piece
    await pieces.aclose()
    assert tracing.attributes[OUTPUT] == "abc"


async def test_a_function_that_returns_an_async_generator_is_traced_to_its_end(tracing: Tracing) -> None:
    async def stream() -> AsyncGenerator[str, None]:
        with tracing.tracer.start_as_current_span("inside"):
            await asyncio.sleep(0)
        yield "An "
        yield "answer."

    @groundwire.workflow
    async def ask(question: str) -> AsyncIterator[str]:
        return stream()

    pieces = await ask("x")
    assert inspect.isasyncgen(pieces)
    assert tracing.spans == ()
    assert [piece async for piece in pieces] == ["An ", "answer."]
    inside, root = tracing.spans
    assert inside.parent == root.context
    assert (root.attributes or {})[OUTPUT] == "An answer."


def test_an_object_that_is_returned_keeps_its_type_even_if_it_can_be_iterated_over(tracing: Tracing) -> None:
    class Stream:
        def __iter__(self) -> Iterator[str]:
            raise AssertionError("not ours to read")

        def __next__(self) -> str:
            raise AssertionError("not ours to read")

    stream = Stream()
    assert groundwire.workflow(lambda question: stream)("x") is stream
    assert tracing.span.status.status_code is StatusCode.UNSET


def test_a_workflow_that_fails_has_an_error_span(tracing: Tracing) -> None:
    @groundwire.workflow
    def ask(question: str) -> str:
        raise Broken("no answer")

    with pytest.raises(Broken, match="no answer"):
        ask("x")
    assert tracing.span.status.status_code is StatusCode.ERROR
    assert tracing.span.status.description == "no answer"
    assert tracing.attributes["error.type"] == "Broken"
    assert OUTPUT not in tracing.attributes


def test_an_interrupted_workflow_has_an_error_span(tracing: Tracing) -> None:
    @groundwire.workflow
    def ask(question: str) -> str:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        ask("x")
    assert tracing.attributes["error.type"] == "KeyboardInterrupt"


def test_a_workflow_inside_a_workflow_is_its_child(tracing: Tracing) -> None:
    @groundwire.workflow
    def inner(question: str) -> str:
        return question

    @groundwire.workflow
    def outer(question: str) -> str:
        return inner(question)

    outer("x")
    child, root = tracing.spans
    assert child.parent == root.context


async def test_workflows_at_once_are_trees_of_their_own(tracing: Tracing) -> None:
    find = groundwire.retriever(lambda query: [query])

    @groundwire.workflow
    async def ask(question: str) -> str:
        await asyncio.sleep(0)
        found: str = find(question)[0]
        return found

    questions = [str(n) for n in range(8)]
    assert await asyncio.gather(*map(ask, questions)) == questions
    roots = {s.context.span_id: s for s in tracing.spans if s.parent is None}
    assert len(roots) == 8
    for span in tracing.spans:
        if span.parent is not None:
            root = roots[span.parent.span_id]
            assert (span.attributes or {})[QUERY] == (root.attributes or {})[INPUT]


# --- workflow: what goes in and comes out ---------------------------------------------------------------------------


@dataclass
class Question:
    text: str
    tags: tuple[str, ...] = ()


class Asked(BaseModel):
    text: str
    who: Question | None = None


class Odd:
    def __str__(self) -> str:
        return "odd"


@pytest.mark.parametrize(
    ("args", "kwargs", "told"),
    [
        (("x",), {}, "x"),
        (("x",), {"city": "Paris"}, {"question": "x", "city": "Paris"}),
        (("x", 3), {}, "x"),
        ((Question("x", ("a",)),), {}, {"text": "x", "tags": ["a"]}),
        ((Asked(text="x", who=Question("y")),), {}, {"text": "x", "who": {"text": "y", "tags": []}}),
        (([{"role": "user", "content": "x"}],), {}, [{"role": "user", "content": "x"}]),
        ((Odd(), 2), {}, {"question": "odd", "k": 2}),
        ((None,), {}, None),
        (({1: {2}},), {}, {"1": "{2}"}),
        (({(1, 2): 3},), {}, "{(1, 2): 3}"),  # no key for JSON
        (("bad \ud800",), {}, "bad ?"),
    ],
)
def test_the_input_is_told_as_text_or_as_json(tracing: Tracing, args: Any, kwargs: Any, told: Any) -> None:
    @groundwire.workflow
    def ask(question: Any, k: Any = 1, **more: Any) -> None:
        return None

    ask(*args, **kwargs)
    value = tracing.attributes[INPUT]
    assert (value if isinstance(told, str) else json.loads(value)) == told


def test_self_is_not_the_input(tracing: Tracing) -> None:
    class App:
        @groundwire.workflow
        def ask(self, question: str) -> str:
            return question

        @groundwire.workflow
        async def later(self, question: Question) -> str:
            return question.text

    assert App().ask("x") == "x"
    assert asyncio.run(App().later(Question("y"))) == "y"
    assert [(s.attributes or {})[INPUT] for s in tracing.spans] == ["x", '{"text":"y","tags":[]}']


def test_without_arguments_there_is_an_empty_input(tracing: Tracing) -> None:
    assert groundwire.workflow(lambda: 7)() == 7
    assert tracing.attributes[INPUT] == "{}"
    assert tracing.attributes[OUTPUT] == "7"


def test_values_that_contain_themselves_are_told_somehow(tracing: Tracing) -> None:
    circle: list[Any] = []
    circle.append(circle)
    assert groundwire.workflow(lambda question: circle)(circle) is circle
    assert tracing.attributes[INPUT] == tracing.attributes[OUTPUT] == "[[...]]"


@pytest.mark.parametrize(
    ("result", "told"),
    [
        ("An answer.", "An answer."),
        ({"answer": "A", "documents": ["D"]}, '{"answer":"A","documents":["D"]}'),
        (Asked(text="A"), '{"text":"A","who":null}'),
        (None, "null"),
    ],
)
def test_the_output_is_told_as_text_or_as_json(tracing: Tracing, result: Any, told: str) -> None:
    assert groundwire.workflow(lambda question: result)("x") is result
    assert tracing.attributes[OUTPUT] == told


def test_pieces_that_are_no_texts_are_told_as_a_list(tracing: Tracing) -> None:
    @groundwire.workflow
    def ask(question: str) -> Generator[Any, None, None]:
        yield {"token": "An"}
        yield {"token": "answer"}

    list(ask("x"))
    assert json.loads(tracing.attributes[OUTPUT]) == [{"token": "An"}, {"token": "answer"}]


def test_huge_inputs_and_outputs_are_cut(tracing: Tracing) -> None:
    groundwire.workflow(lambda question: question)("x" * 1_000_000)
    assert len(tracing.attributes[INPUT]) == len(tracing.attributes[OUTPUT]) == 256 * 1024


# --- decorated functions --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("decorate", [groundwire.retriever, groundwire.workflow])
def test_name_documentation_and_signature_are_kept(decorate: Callable[[Any], Any]) -> None:
    def ask(question: str, *, k: int = 3) -> list[str]:
        """Ask."""
        return []

    decorated = decorate(ask)
    assert decorated.__name__ == "ask"
    assert decorated.__doc__ == "Ask."
    assert decorated.__wrapped__ is ask
    assert inspect.signature(decorated) == inspect.signature(ask)
    assert not inspect.iscoroutinefunction(decorated)
    assert not inspect.isgeneratorfunction(decorated)
