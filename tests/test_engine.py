"""The engine over a small library of our own: what can be patched, and what a patched method still is."""

import asyncio
import importlib
import inspect
import logging
import sys
import types
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from opentelemetry import context as otel_context
from opentelemetry import trace
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ALWAYS_ON
from opentelemetry.trace import StatusCode

from conformance.cases import decoded
from conformance.harness import Tracing, traced
from groundwire import Document, Operation, Provider, Request, Response, Usage

MODULE = "groundwire_toy"
SOURCE = '''
import functools

class Base:
    def inherited(self, texts=()):
        return list(texts)

class Store(Base):
    def search(self, texts, k=1):
        """Finds."""
        return list(texts)
    async def asearch(self, texts, k=1):
        return list(texts)
    def later(self, texts):
        async def answer():
            return list(texts)
        return answer()
    def nested(self, texts):
        return self.search(texts)
    def chunks(self, texts):
        return (text for text in texts)
    async def achunks(self, texts):
        async def made():
            for text in texts:
                yield text
        return made()
    @staticmethod
    def static(texts):
        return list(texts)
    @classmethod
    def made_by(cls, texts):
        return cls, list(texts)
    def opaque(self, *args, **kwargs):
        return list(args[0])
    @property
    def size(self):
        return 3

def search(texts):
    return list(texts)
'''


def _request(_: Any, arguments: Any) -> Request:
    return Request(query=[str(t) for t in arguments.get("texts", ())], data_source="toys", top_k=arguments.get("k"))


def _response(result: Any) -> Response:
    return Response(documents=[Document(text=str(t)) for t in result])


class _Texts:
    def __init__(self) -> None:
        self._texts: list[str] = []

    def add(self, chunk: Any, /) -> None:
        self._texts.append(chunk)

    def response(self) -> Response:
        return Response(documents=[Document(text=t) for t in self._texts])


def _provider(*paths: str, **changes: Any) -> Provider:
    operation = Operation(
        "retrieval",
        tuple(f"{MODULE}:{path}" for path in paths),
        _request,
        _response,
        iterables=("texts",),
    )
    return Provider("toy", MODULE, "pytest", (replace(operation, **changes),))


@pytest.fixture
def toy() -> Iterator[Any]:
    module = types.ModuleType(MODULE)
    exec(SOURCE, vars(module))
    sys.modules[MODULE] = module
    yield module
    del sys.modules[MODULE]


def attributes(tracing: Tracing) -> dict[str, Any]:
    return decoded(tracing.span.attributes)


# --- what can be patched --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "call"),
    [
        ("Store.search", lambda toy, texts: toy.Store().search(texts)),
        ("Store.search", lambda toy, texts: toy.Store().search(texts=texts)),
        ("Store.search", lambda toy, texts: toy.Store.search(toy.Store(), texts, k=1)),
        ("Store.inherited", lambda toy, texts: toy.Store().inherited(texts)),
        ("Base.inherited", lambda toy, texts: toy.Store().inherited(texts)),
        ("Store.static", lambda toy, texts: toy.Store.static(texts)),
        ("Store.made_by", lambda toy, texts: toy.Store.made_by(texts)[1]),
        ("search", lambda toy, texts: toy.search(texts)),
    ],
)
def test_methods_of_every_kind_are_traced_and_restored(toy: Any, path: str, call: Callable[[Any, Any], Any]) -> None:
    owner = toy.Store if path.startswith("Store") else toy.Base if path.startswith("Base") else toy
    before = dict(vars(owner))
    with traced(_provider(path)) as tracing:
        assert call(toy, ["a", "b"]) == ["a", "b"]
        assert attributes(tracing)["gen_ai.retrieval.query.text"] == "a\nb"
    after = dict(vars(owner))
    assert before.keys() == after.keys()
    assert all(before[key] is after[key] for key in before)


def test_a_patched_method_looks_like_the_original(toy: Any) -> None:
    signature = inspect.signature(toy.Store.search)
    with traced(_provider("Store.search", "Store.asearch")):
        assert toy.Store.search.__name__ == "search"
        assert toy.Store.search.__doc__ == "Finds."
        assert inspect.signature(toy.Store.search) == signature
        assert inspect.iscoroutinefunction(toy.Store.asearch)
        assert inspect.iscoroutinefunction(toy.Store().asearch)


def test_a_method_that_this_version_lacks_is_passed_over(toy: Any, caplog: pytest.LogCaptureFixture) -> None:
    with (
        caplog.at_level(logging.WARNING),
        traced(_provider("Store.search", "Store.gone", "Gone.search")) as tracing,
    ):
        toy.Store().search(["a"])
        assert len(tracing.spans) == 1
    assert caplog.records == []


def test_a_library_without_any_known_method_is_a_warning_with_its_version(
    toy: Any, caplog: pytest.LogCaptureFixture
) -> None:
    with traced(_provider("Store.gone")):
        assert toy.Store().search(["a"]) == ["a"]
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert f"pytest {pytest.__version__} has none of the methods" in record.getMessage()
    assert f"{MODULE}:Store.gone" in record.getMessage()


def test_a_library_imported_later_is_traced_then(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "groundwire_late.py").write_text(SOURCE)
    monkeypatch.syspath_prepend(tmp_path)
    provider = replace(_provider(), module="groundwire_late")
    operation = replace(provider.operations[0], targets=("groundwire_late:search",))
    with traced(replace(provider, operations=(operation,))) as tracing:
        assert "groundwire_late" not in sys.modules
        late = importlib.import_module("groundwire_late")
        late.search(["a"])
        assert len(tracing.spans) == 1
    late.search(["a"])
    assert len(tracing.spans) == 1


def test_a_library_imported_after_uninstrument_is_left_alone(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "groundwire_later.py").write_text(SOURCE)
    monkeypatch.syspath_prepend(tmp_path)
    provider = replace(_provider(), module="groundwire_later")
    operation = replace(provider.operations[0], targets=("groundwire_later:search",))
    with traced(replace(provider, operations=(operation,))):
        pass
    later = importlib.import_module("groundwire_later")
    assert isinstance(later.search, types.FunctionType)


def test_what_somebody_else_wrapped_after_us_is_left_and_passes_calls_through(toy: Any) -> None:
    with traced(_provider("Store.search")) as tracing:
        ours = toy.Store.search

        def theirs(self: Any, texts: Any) -> Any:
            return ["theirs", *ours(self, texts)]

        toy.Store.search = theirs
        assert toy.Store().search(["a"]) == ["theirs", "a"]
    assert toy.Store.search is theirs
    assert toy.Store().search(["a"]) == ["theirs", "a"]
    assert len(tracing.spans) == 1


def test_a_bound_method_taken_before_uninstrument_passes_calls_through(toy: Any) -> None:
    with traced(_provider("Store.search")) as tracing:
        search = toy.Store().search
    assert search(["a"]) == ["a"]
    assert tracing.spans == []


# --- calls ----------------------------------------------------------------------------------------------------------


def test_the_result_of_a_call_that_nobody_will_see_is_not_read(toy: Any) -> None:
    read: list[Any] = []

    def response(result: Any) -> Response:
        read.append(result)
        return Response()

    for sampler, times in ((ALWAYS_OFF, 0), (ALWAYS_ON, 1)):
        with traced(_provider("Store.search", response=response), sampler=sampler):
            toy.Store().search(["a"])
        assert len(read) == times


def test_a_method_that_calls_another_of_its_provider_is_one_span(toy: Any) -> None:
    with traced(_provider("Store.nested", "Store.search")) as tracing:
        assert toy.Store().nested(["a"]) == ["a"]
        assert len(tracing.spans) == 1


def test_a_provider_under_another_has_a_span_of_its_own(toy: Any) -> None:
    below = replace(_provider("Store.search"), name="below")
    with traced(_provider("Store.nested"), below) as tracing:
        toy.Store().nested(["a"])
        inner, outer = tracing.spans
        assert inner.parent == outer.context


async def test_a_coroutine_that_nobody_awaits_is_no_call(toy: Any) -> None:
    with traced(_provider("Store.asearch")) as tracing:
        coroutine = toy.Store().asearch(["a"])
        coroutine.close()
        assert tracing.spans == []


@pytest.mark.parametrize("method", ["asearch", "later"])
async def test_an_awaitable_is_one_span_that_ends_with_it(toy: Any, method: str) -> None:
    with traced(_provider(f"Store.{method}")) as tracing:
        awaitable: Awaitable[Any] = getattr(toy.Store(), method)(["a"])
        assert tracing.spans == []
        assert await awaitable == ["a"]
        assert attributes(tracing)["gen_ai.retrieval.documents"] == [{"content": "a"}]
        assert trace.get_current_span() is trace.INVALID_SPAN


async def test_a_task_started_by_the_library_does_not_keep_the_span_current_here(toy: Any) -> None:
    seen: list[Any] = []

    async def background() -> None:
        seen.append(trace.get_current_span())

    async def asearch(self: Any, texts: Any) -> Any:
        self.task = asyncio.create_task(background())
        return texts

    toy.Store.asearch = asearch
    with traced(_provider("Store.asearch")) as tracing:
        store = toy.Store()
        await store.asearch(["a"])
        await store.task
        assert seen[0].get_span_context() == tracing.span.context
        assert otel_context.get_current() == {}


def test_generators_of_a_library_are_watched_and_stay_iterators(toy: Any) -> None:
    with traced(_provider("Store.chunks", stream=_Texts)) as tracing:
        chunks = toy.Store().chunks(["a", "b"])
        assert isinstance(chunks, types.GeneratorType)
        assert list(chunks) == ["a", "b"]
        assert attributes(tracing)["gen_ai.retrieval.documents"] == [{"content": "a"}, {"content": "b"}]


async def test_async_generators_of_a_library_are_watched_and_stay_so(toy: Any) -> None:
    with traced(_provider("Store.achunks", stream=_Texts)) as tracing:
        chunks: AsyncIterator[Any] = await toy.Store().achunks(["a", "b"])
        assert isinstance(chunks, types.AsyncGeneratorType)
        assert await anext(chunks) == "a"
        await chunks.aclose()
        assert attributes(tracing)["gen_ai.retrieval.documents"] == [{"content": "a"}]
        assert attributes(tracing)["groundwire.stream.incomplete"] is True


# --- one-shot iterators ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("positional", [True, False])
@pytest.mark.parametrize("make", [iter, lambda texts: (t for t in texts), lambda texts: map(str, texts)])
def test_a_one_shot_iterator_is_read_by_both(toy: Any, make: Any, positional: bool) -> None:
    with traced(_provider("Store.search")) as tracing:
        texts = make(["a", "b"])
        result = toy.Store().search(texts) if positional else toy.Store().search(texts=texts)
        assert result == ["a", "b"]
        assert attributes(tracing)["gen_ai.retrieval.query.text"] == "a\nb"


@pytest.mark.parametrize("positional", [True, False])
async def test_a_one_shot_iterator_is_read_by_both_in_async_calls(toy: Any, positional: bool) -> None:
    with traced(_provider("Store.asearch")) as tracing:
        texts = iter(["a", "b"])
        result = await (toy.Store().asearch(texts) if positional else toy.Store().asearch(texts=texts))
        assert result == ["a", "b"]
        assert attributes(tracing)["gen_ai.retrieval.query.text"] == "a\nb"


@pytest.mark.parametrize("positional", [True, False])
def test_an_iterator_that_breaks_breaks_in_the_library_with_its_own_error(toy: Any, positional: bool) -> None:
    mine = LookupError("mine")

    def texts() -> Iterator[str]:
        yield "a"
        raise mine

    with traced(_provider("Store.search")) as tracing:
        with pytest.raises(LookupError) as caught:
            toy.Store().search(texts()) if positional else toy.Store().search(texts=texts())
        assert caught.value is mine
        assert tracing.span.status.status_code is StatusCode.ERROR


# --- errors ---------------------------------------------------------------------------------------------------------


class Unspeakable(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no words")


@pytest.mark.parametrize("error", [ValueError("v"), Unspeakable(), SystemExit(3), KeyboardInterrupt(), GeneratorExit()])
def test_any_exception_is_raised_as_the_same_object_and_ends_the_span(toy: Any, error: BaseException) -> None:
    def search(self: Any, texts: Any) -> Any:
        raise error

    toy.Store.search = search
    with traced(_provider("Store.search")) as tracing:
        with pytest.raises(type(error)) as caught:
            toy.Store().search(["a"])
        assert caught.value is error
        assert error.__context__ is None
        assert error.__cause__ is None
        assert tracing.span.status.status_code is StatusCode.ERROR
        assert attributes(tracing)["error.type"] == type(error).__qualname__
        assert tracing.span.events == ()


def test_an_error_message_is_bounded_and_can_be_encoded(toy: Any) -> None:
    def search(self: Any, texts: Any) -> Any:
        raise ValueError("\ud83d" + "x" * 5000)

    toy.Store.search = search
    with traced(_provider("Store.search")) as tracing:
        with pytest.raises(ValueError, match="x"):
            toy.Store().search(["a"])
        description = tracing.span.status.description or ""
        assert len(description) == 1000
        description.encode()


def test_what_an_extractor_could_read_is_on_the_span_though_pricing_fails(toy: Any) -> None:
    def response(_: Any) -> Response:
        return Response(model="m", documents=[Document(text="a")], usage=Usage(input_tokens="many"))  # type: ignore[arg-type]

    with traced(_provider("Store.search", response=response)) as tracing:
        toy.Store().search(["a"])
        assert attributes(tracing)["gen_ai.response.model"] == "m"
        assert attributes(tracing)["gen_ai.retrieval.documents"] == [{"content": "a"}]


def test_a_cyclic_argument_costs_its_content_and_nothing_else(toy: Any) -> None:
    cycle: dict[str, Any] = {"role": "user"}
    cycle["parts"] = [cycle]

    def request(_: Any, arguments: Any) -> Request:
        return Request(model="m", messages=[cycle])

    with traced(_provider("Store.search", kind="chat", request=request, response=lambda _: Response())) as tracing:
        toy.Store().search(["a"])
        assert tracing.span.name == "chat m"


# --- recall ---------------------------------------------------------------------------------------------------------

PASSAGE = "Mount Everest is the highest mountain above sea level, 8,849 m high as of the survey of 2020."


def _chat(prompt: str) -> Operation:
    request = Request(model="m", messages=[{"role": "user", "parts": [{"type": "text", "content": prompt}]}])
    return Operation("chat", (f"{MODULE}:search",), lambda *_: request, lambda _: Response())


def test_an_answer_in_a_trace_of_its_own_links_to_the_retrieval_in_its_prompt(toy: Any) -> None:
    provider = _provider("Store.search")
    provider = replace(provider, operations=(*provider.operations, _chat(f"Use this:\n  {PASSAGE}\nHow high?")))
    with traced(provider) as tracing:
        toy.Store().search([PASSAGE])
        toy.search(["x"])
        retrieval, answer = tracing.spans
        assert [link.context for link in answer.links] == [retrieval.context]


@pytest.mark.parametrize(
    "asked",
    [
        {"instructions": [{"type": "text", "content": f"Use this:\n{PASSAGE}"}]},
        {"messages": [{"role": "tool", "parts": [{"type": "tool_call_response", "response": {"result": [PASSAGE]}}]}]},
    ],
    ids=["in instructions", "in what a tool gave"],
)
def test_passages_are_looked_for_wherever_a_prompt_may_hold_them(toy: Any, asked: dict[str, Any]) -> None:
    chat = Operation("chat", (f"{MODULE}:search",), lambda *_: Request(model="m", **asked), lambda _: Response())
    provider = _provider("Store.search")
    with traced(replace(provider, operations=(*provider.operations, chat))) as tracing:
        toy.Store().search([PASSAGE])
        toy.search(["x"])
        retrieval, answer = tracing.spans
        assert [link.context for link in answer.links] == [retrieval.context]


def test_an_answer_in_the_trace_of_its_retrieval_needs_no_link(toy: Any) -> None:
    provider = _provider("Store.search")
    provider = replace(provider, operations=(*provider.operations, _chat(PASSAGE)))
    with traced(provider) as tracing:
        with tracing.tracer.start_as_current_span("app"):
            toy.Store().search([PASSAGE])
            toy.search(["x"])
        assert tracing.spans[1].links == ()


def test_a_prompt_without_the_passages_has_no_link(toy: Any) -> None:
    provider = _provider("Store.search")
    provider = replace(provider, operations=(*provider.operations, _chat("What is your name?")))
    with traced(provider) as tracing:
        toy.Store().search([PASSAGE])
        toy.search(["x"])
        assert tracing.spans[1].links == ()


def test_retrievals_of_a_failed_call_are_not_remembered(toy: Any) -> None:
    def search(self: Any, texts: Any) -> Any:
        raise ValueError

    toy.Store.search = search
    with traced(_provider("Store.search")) as tracing:
        with pytest.raises(ValueError, match=r"^$"):
            toy.Store().search([PASSAGE])
        assert not tracing.recorder.recall
