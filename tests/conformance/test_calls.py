"""Every call shape of every provider: one span, whole; and the application gets what it would have got without it."""

import asyncio
import importlib
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from opentelemetry import context as otel_context
from opentelemetry import trace
from opentelemetry.sdk.trace import SpanProcessor
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF
from opentelemetry.trace import StatusCode

from conformance.cases import CONTENT_ATTRIBUTES, Case, all_cases, decoded, finish, plain
from conformance.harness import Outcome, expected, opened, outcome, priced, take, traced, untraced, whole
from groundwire import plugins

CASES = all_cases()


def _playing(mode: str) -> list[Case]:
    return [case for case in CASES if mode in case.modes]


def every_case(mode: str = "answer") -> pytest.MarkDecorator:
    return pytest.mark.parametrize("case", _playing(mode), ids=str)


def test_every_installed_sdk_has_cases() -> None:
    installed = {p.name for p in map(plugins.provider, plugins.provider_names()) if plugins.is_installed(p)}
    assert installed == {case.provider.name for case in CASES}


def test_case_names_are_unique() -> None:
    names = [str(case) for case in CASES]
    assert len(set(names)) == len(names)


# --- what the application gets --------------------------------------------------------------------------------------


@every_case()
async def test_a_call_gives_what_it_gives_untraced(case: Case) -> None:
    before = await untraced(case, "answer")
    assert before.error is None, before
    with traced(case.provider):
        assert await outcome(case, await opened(case, "answer")) == before


@every_case("error")
async def test_an_error_is_raised_as_it_is_untraced(case: Case) -> None:
    before = await untraced(case, "error")
    assert before.error is not None
    with traced(case.provider):
        assert await outcome(case, await opened(case, "error")) == before


@every_case()
async def test_the_result_keeps_its_type(case: Case) -> None:
    client = await opened(case, "answer")
    untouched = await finish(case.call(client))
    with traced(case.provider):
        result = await finish(case.call(await opened(case, "answer")))
        assert isinstance(result, type(untouched))
        assert case.kind is None or isinstance(result, case.kind)
        if not case.streams:
            assert type(result) is type(untouched)


# --- the span -------------------------------------------------------------------------------------------------------


@every_case()
async def test_a_call_is_one_whole_span(case: Case) -> None:
    with traced(case.provider) as tracing:
        await outcome(case, await opened(case, "answer"))
        assert whole(tracing.span) == expected(case, {**case.asked, **case.answered})


@every_case("error")
async def test_a_failed_call_is_one_whole_span(case: Case) -> None:
    error = (await untraced(case, "error")).error
    assert error is not None
    with traced(case.provider) as tracing:
        await outcome(case, await opened(case, "error"))
        attributes = {**case.asked, "error.type": error.__qualname__}
        assert whole(tracing.span) == expected(case, attributes, status=StatusCode.ERROR)
        assert tracing.span.status.description


@every_case("interrupt")
async def test_a_keyboard_interrupt_ends_the_span_and_goes_on(case: Case) -> None:
    with traced(case.provider) as tracing:
        assert (await outcome(case, await opened(case, "interrupt"))).error is KeyboardInterrupt
        attributes = {**case.asked, "error.type": "KeyboardInterrupt"}
        assert whole(tracing.span) == expected(case, attributes, status=StatusCode.ERROR)


@every_case("hang")
async def test_a_cancelled_call_ends_its_span(case: Case) -> None:
    with traced(case.provider) as tracing:
        asked = asyncio.Event()
        client = await opened(case, "hang", asked.set)
        task = asyncio.create_task(outcome(case, client))
        await asked.wait()
        task.cancel()
        assert (await task).error is asyncio.CancelledError
        attributes = {**case.asked, "error.type": "CancelledError"}
        assert whole(tracing.span) == expected(case, attributes, status=StatusCode.ERROR)


@every_case("hang")
async def test_a_call_that_times_out_ends_its_span(case: Case) -> None:
    with traced(case.provider) as tracing:
        client = await opened(case, "hang")

        async def begun() -> None:
            result = await finish(case.call(client))
            if case.lazy:
                await result.__anext__()

        with pytest.raises(TimeoutError):
            await asyncio.wait_for(begun(), 0.02)
        assert decoded(tracing.span.attributes)["error.type"] == "CancelledError"


@every_case()
async def test_the_span_is_current_while_the_request_is_made_and_not_after(case: Case) -> None:
    seen: list[int] = []

    def served() -> None:
        seen.append(trace.get_current_span().get_span_context().span_id)

    with traced(case.provider) as tracing:
        client = await opened(case, "answer", served)
        before = otel_context.get_current()
        result = await finish(case.call(client))
        assert otel_context.get_current() == before
        if case.streams:
            while await take(result, [], 1):
                assert otel_context.get_current() == before
        assert otel_context.get_current() == before
        assert set(seen) == {tracing.span.context.span_id}


@pytest.mark.parametrize("case", [c for c in CASES if c.provider.covers], ids=str)
async def test_a_call_is_told_once_where_the_library_underneath_is_traced_too(case: Case) -> None:
    with traced(case.provider, *map(plugins.provider, case.provider.covers)) as tracing:
        await outcome(case, await opened(case, "answer"))
        assert whole(tracing.span) == expected(case, {**case.asked, **case.answered})


@every_case()
async def test_the_span_is_a_child_of_the_application_s(case: Case) -> None:
    with traced(case.provider) as tracing:
        with tracing.tracer.start_as_current_span("app") as app:
            await outcome(case, await opened(case, "answer"))
            assert trace.get_current_span() is app
        call, parent = tracing.spans
        assert call.parent == parent.context


@every_case()
async def test_a_call_made_twice_is_two_spans(case: Case) -> None:
    with traced(case.provider) as tracing:
        client = await opened(case, "answer")
        await outcome(case, client)
        await outcome(case, client)
        first, second = tracing.spans
        assert whole(first)["attributes"] | {"gen_ai.response.time_to_first_chunk": 0} == whole(second)[
            "attributes"
        ] | {"gen_ai.response.time_to_first_chunk": 0}


@pytest.mark.parametrize("capture", ["scored", "off"])
@every_case()
async def test_content_stays_off_the_span_unless_it_is_captured(case: Case, capture: str) -> None:
    with traced(case.provider, capture=capture) as tracing:
        await outcome(case, await opened(case, "answer"))
        content = {k for k in {**case.asked, **case.answered} if k in CONTENT_ATTRIBUTES}
        wanted = {k: v for k, v in {**case.asked, **case.answered}.items() if k not in content}
        assert whole(tracing.span)["attributes"] == priced(wanted)
        held = tracing.recorder.vault.take(tracing.span.context)
        assert set(held) == (content if capture == "scored" else set())


# --- no span --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "key",
    [
        otel_context._SUPPRESS_INSTRUMENTATION_KEY,
        "suppress_instrumentation",
        "suppress_language_model_instrumentation",
    ],
    ids=["the API's", "contrib's", "OpenLLMetry's"],  # the first one is another in every process
)
@every_case()
async def test_a_suppressed_call_has_no_span(case: Case, key: str) -> None:
    with traced(case.provider) as tracing:
        client = await opened(case, "answer")
        token = otel_context.attach(otel_context.set_value(key, True))
        try:
            result = await outcome(case, client)
        finally:
            otel_context.detach(token)
        assert result == await untraced(case, "answer")
        assert tracing.spans == []


@every_case()
async def test_a_call_after_uninstrument_has_no_span(case: Case) -> None:
    with traced(case.provider) as tracing:
        client = await opened(case, "answer")
        tracing.engine.uninstrument()
        assert await outcome(case, client) == await untraced(case, "answer")
        assert tracing.spans == []


def _methods(case: Case) -> dict[str, int]:
    """Identities: a wrapper is equal to what it wraps."""
    found: dict[str, int] = {}
    for target in {t for operation in case.provider.operations for t in operation.targets}:
        module, _, path = target.partition(":")
        try:
            owner: object = importlib.import_module(module)
        except ImportError:  # of another version
            continue
        *parents, attribute = path.split(".")
        for name in parents:
            owner = getattr(owner, name.removesuffix("+"), None)
        found[target] = id(vars(owner).get(attribute)) if owner is not None else 0
    return found


@pytest.mark.parametrize("case", {c.provider.name: c for c in CASES}.values(), ids=str)
def test_uninstrument_restores_the_very_methods(case: Case) -> None:
    before = _methods(case)
    with traced(case.provider) as tracing:
        assert _methods(case) != before
        tracing.engine.uninstrument()
        tracing.engine.uninstrument()
        assert _methods(case) == before


@every_case()
async def test_a_client_made_before_instrumentation_is_traced(case: Case) -> None:
    client = await opened(case, "answer")
    with traced(case.provider) as tracing:
        await outcome(case, client)
        assert tracing.span.name == case.span


@every_case()
async def test_a_call_that_the_sampler_drops_works_and_leaves_no_span(case: Case) -> None:
    with traced(case.provider, sampler=ALWAYS_OFF) as tracing:
        assert await outcome(case, await opened(case, "answer")) == await untraced(case, "answer")
        assert tracing.spans == []


# --- many at once ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("case", [c for c in CASES if not c.asynchronous], ids=str)
async def test_calls_in_threads_are_spans_of_their_own_traces(case: Case) -> None:
    with traced(case.provider) as tracing:
        client = await opened(case, "answer")
        start = threading.Barrier(4)

        def one(number: int) -> Outcome:
            start.wait()
            with tracing.tracer.start_as_current_span(f"app {number}"):
                return asyncio.run(outcome(case, client))

        with ThreadPoolExecutor(4) as pool:
            results = list(pool.map(one, range(4)))
        assert results == [await untraced(case, "answer")] * 4
        apps = {s.context.span_id for s in tracing.spans if s.name.startswith("app")}
        calls = [s for s in tracing.spans if not s.name.startswith("app")]
        assert {s.parent.span_id for s in calls if s.parent} == apps
        assert len(calls) == 4


@pytest.mark.parametrize("case", [c for c in CASES if c.asynchronous], ids=str)
async def test_calls_in_tasks_are_spans_of_their_own_traces(case: Case) -> None:
    with traced(case.provider) as tracing:
        client = await opened(case, "answer")

        async def one(number: int) -> Outcome:
            with tracing.tracer.start_as_current_span(f"app {number}"):
                return await outcome(case, client)

        results = await asyncio.gather(*(one(n) for n in range(4)))
        assert results == [await untraced(case, "answer")] * 4
        apps = {s.context.span_id for s in tracing.spans if s.name.startswith("app")}
        calls = [s for s in tracing.spans if not s.name.startswith("app")]
        assert {s.parent.span_id for s in calls if s.parent} == apps
        assert len(calls) == 4


# --- processors of the application ----------------------------------------------------------------------------------


class _Raises(SpanProcessor):
    def __init__(self, when: str) -> None:
        self._when = when

    def on_start(self, *_: object) -> None:
        if self._when == "on_start":
            raise RuntimeError("processor")

    def on_end(self, *_: object) -> None:
        if self._when == "on_end":
            raise RuntimeError("processor")


@pytest.mark.parametrize("when", ["on_start", "on_end"])
@pytest.mark.parametrize("mode", ["answer", "error"])
@every_case()
async def test_a_span_processor_that_raises_is_no_matter_of_the_application(case: Case, mode: str, when: str) -> None:
    with traced(case.provider, processors=(_Raises(when),)):
        assert await outcome(case, await opened(case, mode)) == await untraced(case, mode)


def test_plain_compares_values_and_not_identities() -> None:
    assert plain({"a": (1, [2])}) == {"a": [1, [2]]}
