"""Every streaming call of every provider, in all the ways that applications treat streams."""

import asyncio
import copy
import gc
import logging
import threading
import time
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator
from typing import Any

import pytest
from opentelemetry import context as otel_context
from opentelemetry import trace
from opentelemetry.trace import StatusCode

from conformance.cases import Case, all_cases, decoded, finish, plain
from conformance.harness import Tracing, close, expected, opened, outcome, priced, take, traced, untraced, whole
from groundwire.call import Call

STREAMS = [case for case in all_cases() if case.streams]
every_stream = pytest.mark.parametrize("case", STREAMS, ids=str)
every_managed_stream = pytest.mark.parametrize("case", [c for c in STREAMS if not c.bare], ids=str)
every_sync_stream = pytest.mark.parametrize("case", [c for c in STREAMS if not c.asynchronous], ids=str)
every_async_stream = pytest.mark.parametrize("case", [c for c in STREAMS if c.asynchronous], ids=str)
INCOMPLETE = {"groundwire.stream.incomplete": True}
ESTIMATED = {"groundwire.usage.source": "estimated"}


def _partial(case: Case) -> dict[str, Any]:
    """The whole span of a stream that was broken off after `partial_chunks`."""
    return expected(case, {**case.asked, **case.partial, **_marks(case)})


def _marks(case: Case) -> dict[str, Any]:
    """Only who asks a model has used tokens."""
    return INCOMPLETE if case.holds else INCOMPLETE | ESTIMATED


async def _started(case: Case, mode: str = "answer") -> Any:
    return await finish(case.call(await opened(case, mode)))


async def _take(case: Case, stream: Any, chunks: int | None = None) -> list[Any]:
    return await take(stream, [], case.partial_chunks if chunks is None else chunks)


async def _dropped(case: Case, tracing: Tracing) -> None:
    gc.collect()
    if case.lazy and case.asynchronous:  # the loop closes the library's own generator
        await asyncio.sleep(0.01)
    tracing.wait_for(1)


# --- ways a stream ends ---------------------------------------------------------------------------------------------


@every_stream
async def test_a_span_lasts_as_long_as_its_stream(case: Case) -> None:
    with traced(case.provider) as tracing:
        stream = await _started(case)
        await _take(case, stream)
        assert tracing.spans == []
        assert len(await take(stream, [])) > 0
        assert whole(tracing.span) == expected(case, {**case.asked, **case.answered})
        assert 0 <= tracing.span.attributes["gen_ai.response.time_to_first_chunk"] < 1


@every_stream
async def test_a_stream_closed_early_keeps_what_was_received(case: Case) -> None:
    with traced(case.provider) as tracing:
        stream = await _started(case)
        await _take(case, stream)
        await close(case, stream)
        assert whole(tracing.span) == _partial(case)


@every_stream
async def test_a_stream_closed_twice_is_one_span(case: Case) -> None:
    with traced(case.provider) as tracing:
        stream = await _started(case)
        await _take(case, stream)
        await close(case, stream)
        await close(case, stream)
        del stream
        await _dropped(case, tracing)
        assert whole(tracing.span) == _partial(case)


@every_managed_stream
async def test_a_stream_closed_through_its_response_ends(case: Case) -> None:
    with traced(case.provider) as tracing:
        stream = await _started(case)
        await _take(case, stream)
        await (stream.response.aclose() if case.asynchronous else finish(stream.response.close()))
        assert whole(tracing.span) == _partial(case)


@every_stream
async def test_a_stream_that_is_dropped_ends(case: Case) -> None:
    with traced(case.provider) as tracing:
        stream = await _started(case)
        await _take(case, stream)
        del stream
        await _dropped(case, tracing)
        assert whole(tracing.span) == _partial(case)


@every_stream
async def test_a_stream_that_is_dropped_in_a_cycle_ends(case: Case) -> None:
    with traced(case.provider) as tracing:
        cycle: list[Any] = [await _started(case)]
        cycle.append(cycle)
        await _take(case, cycle[0])
        del cycle
        await _dropped(case, tracing)
        assert whole(tracing.span) == _partial(case)


@every_stream
async def test_a_stream_that_is_never_read_ends_with_estimated_usage(case: Case) -> None:
    with traced(case.provider) as tracing:
        stream = await _started(case)
        del stream
        if case.lazy:
            gc.collect()
            assert tracing.spans == []
            return
        await _dropped(case, tracing)
        attributes = decoded(tracing.span.attributes)
        assert tracing.span.status.status_code is StatusCode.UNSET
        assert attributes.items() >= {**case.asked, **_marks(case)}.items()
        assert "gen_ai.response.time_to_first_chunk" not in attributes
        if case.holds:
            assert not any(key.startswith("gen_ai.usage.") for key in attributes)
            return
        assert attributes["gen_ai.usage.output_tokens"] == 0
        estimate = case.unread_input_tokens or case.partial["gen_ai.usage.input_tokens"]
        assert attributes["gen_ai.usage.input_tokens"] == estimate
        counted = {k: v for k, v in attributes.items() if k != "gen_ai.usage.cost"}
        assert attributes.get("gen_ai.usage.cost") == priced(counted).get("gen_ai.usage.cost")


@every_stream
async def test_one_chunk_taken_by_hand_is_part_of_the_span(case: Case) -> None:
    with traced(case.provider) as tracing:
        stream = await _started(case)
        (first,) = await _take(case, stream, 1)
        assert plain(first) == (await untraced(case, "answer")).chunks[0]
        await close(case, stream)
        attributes = decoded(tracing.span.attributes)
        assert attributes["groundwire.stream.incomplete"] is True
        assert "gen_ai.response.time_to_first_chunk" in attributes


@pytest.mark.parametrize("case", [c for c in STREAMS if "break" in c.modes], ids=str)
async def test_a_connection_lost_midway_keeps_the_partial_text_and_the_error(case: Case) -> None:
    before = await untraced(case, "break")
    assert before.error is not None
    assert len(before.chunks) == case.partial_chunks
    with traced(case.provider) as tracing:
        assert await outcome(case, await opened(case, "break")) == before
        error = {"error.type": before.error.__qualname__}
        assert whole(tracing.span) == _partial(case) | {
            "status": StatusCode.ERROR,
            "attributes": _partial(case)["attributes"] | error,
        }


@pytest.mark.parametrize("case", [c for c in STREAMS if "stall" in c.modes], ids=str)
async def test_a_stream_cancelled_while_it_waits_keeps_the_partial_text(case: Case) -> None:
    with traced(case.provider) as tracing:
        stream = await _started(case, "stall")
        await _take(case, stream)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(stream.__anext__(), 0.02)
        error = {"error.type": "CancelledError"}
        assert whole(tracing.span) == _partial(case) | {
            "status": StatusCode.ERROR,
            "attributes": _partial(case)["attributes"] | error,
        }


# --- with -----------------------------------------------------------------------------------------------------------


@every_managed_stream
async def test_leaving_with_early_ends_the_span(case: Case) -> None:
    with traced(case.provider) as tracing:
        stream = await _started(case)
        if case.asynchronous:
            async with stream as entered:
                await _take(case, entered)
        else:
            with stream as entered:
                await _take(case, entered)
        assert entered is stream
        assert whole(tracing.span) == _partial(case)


@every_managed_stream
async def test_an_exception_of_the_application_inside_with_is_on_the_span_and_goes_on(case: Case) -> None:
    mine = LookupError("mine")
    with traced(case.provider) as tracing:
        stream = await _started(case)

        async def use() -> None:
            if case.asynchronous:
                async with stream:
                    await _take(case, stream)
                    raise mine
            with stream:
                await _take(case, stream)
                raise mine

        with pytest.raises(LookupError) as caught:
            await use()
        assert caught.value is mine
        assert mine.__cause__ is None
        assert mine.__context__ is None
        attributes = decoded(tracing.span.attributes)
        assert attributes["error.type"] == "LookupError"
        assert attributes["gen_ai.output.messages"] == case.partial["gen_ai.output.messages"]


@pytest.mark.parametrize("case", [c for c in STREAMS if not c.asynchronous and not c.bare], ids=str)
async def test_a_generator_around_with_that_is_closed_is_an_early_close_and_no_error(case: Case) -> None:
    with traced(case.provider) as tracing:
        stream = await _started(case)

        def passed_on() -> Iterator[Any]:
            with stream:
                for item in stream:  # noqa: UP028 - `yield from` would close the stream itself
                    yield item

        generator = passed_on()
        await _take(case, generator)
        generator.close()
        assert whole(tracing.span) == _partial(case)


@pytest.mark.parametrize("case", [c for c in STREAMS if c.asynchronous and not c.bare], ids=str)
async def test_an_async_generator_around_with_that_is_closed_is_an_early_close_and_no_error(
    case: Case,
) -> None:
    with traced(case.provider) as tracing:
        stream = await _started(case)

        async def passed_on() -> AsyncIterator[Any]:
            async with stream:
                async for item in stream:
                    yield item

        generator = passed_on()
        await _take(case, generator)
        await generator.aclose()  # type: ignore[attr-defined]
        assert whole(tracing.span) == _partial(case)


# --- reading --------------------------------------------------------------------------------------------------------


@every_stream
async def test_a_loop_that_was_left_can_be_resumed(case: Case) -> None:
    with traced(case.provider) as tracing:
        stream = await _started(case)
        seen = [plain(item) for item in await _take(case, stream)]
        if case.asynchronous:
            seen += [plain(item) async for item in stream]
        else:
            seen += [plain(item) for item in stream]
        assert tuple(seen) == (await untraced(case, "answer")).chunks
        assert whole(tracing.span) == expected(case, {**case.asked, **case.answered})


@every_async_stream
async def test_closing_what_a_loop_reads_by_closes_what_it_would_untraced(case: Case) -> None:
    async def left() -> Any:
        stream = await _started(case)
        reading = aiter(stream)
        await anext(reading)
        if hasattr(reading, "aclose"):
            await reading.aclose()
        return plain(await anext(stream, None))

    before = await left()
    with traced(case.provider) as tracing:
        assert await left() == before
        await _dropped(case, tracing)


@every_stream
async def test_a_stream_that_ran_out_stays_so(case: Case) -> None:
    with traced(case.provider) as tracing:
        stream = await _started(case)
        await _take(case, stream, 10_000)
        assert await _take(case, stream) == []
        assert len(tracing.spans) == 1


@every_sync_stream
async def test_a_stream_may_be_read_in_another_thread(case: Case) -> None:
    with traced(case.provider) as tracing:
        stream = await _started(case)
        seen: list[Any] = []
        reader = threading.Thread(target=lambda: seen.extend(plain(list(stream))))
        reader.start()
        reader.join()
        assert tuple(seen) == (await untraced(case, "answer")).chunks
        assert whole(tracing.span) == expected(case, {**case.asked, **case.answered})


@every_async_stream
async def test_a_stream_may_be_read_in_another_task(case: Case, caplog: pytest.LogCaptureFixture) -> None:
    with traced(case.provider) as tracing, caplog.at_level(logging.WARNING):
        stream = await _started(case)
        seen = await asyncio.create_task(_take(case, stream, 10_000))
        assert tuple(map(plain, seen)) == (await untraced(case, "answer")).chunks
        assert whole(tracing.span) == expected(case, {**case.asked, **case.answered})
    assert caplog.records == []


@every_stream
async def test_no_span_is_current_between_chunks(case: Case, caplog: pytest.LogCaptureFixture) -> None:
    with traced(case.provider) as tracing, caplog.at_level(logging.DEBUG, logger="opentelemetry"):
        with tracing.tracer.start_as_current_span("app") as app:
            context = otel_context.get_current()
            stream = await _started(case)
            while await _take(case, stream, 1):
                assert trace.get_current_span() is app
                assert otel_context.get_current() == context
                with tracing.tracer.start_as_current_span("between") as between:
                    assert between.parent == app.context  # type: ignore[attr-defined]
        assert trace.get_current_span() is trace.INVALID_SPAN
    assert caplog.records == []


@every_stream
async def test_two_streams_read_in_turns_keep_apart(case: Case) -> None:
    with traced(case.provider) as tracing:
        client = await opened(case, "answer")
        one = await finish(case.call(client))
        two = await finish(case.call(await opened(case, "answer")))
        while True:
            if not await _take(case, one, 1) and not await _take(case, two, 1):
                break
            await _take(case, two, 1)
        assert [whole(s) for s in tracing.spans] == [expected(case, {**case.asked, **case.answered})] * 2


# --- the object -----------------------------------------------------------------------------------------------------


@every_stream
async def test_a_stream_has_its_own_attributes(case: Case) -> None:
    with traced(case.provider):
        stream = await _started(case)
        assert not isinstance(stream, Tracing)
        assert case.kind is None or isinstance(stream, case.kind)
        if not case.bare:
            assert stream.response.status_code == 200
            stream.mine = "kept"
            assert stream.mine == "kept"
        assert case.lazy or copy.copy(stream) is stream
        with pytest.raises(TypeError):  # a connection has no copy
            copy.deepcopy(stream)
        own = getattr(stream, "__wrapped__", stream)
        for name in ("close", "aclose", "no_such_attribute"):
            assert hasattr(stream, name) is hasattr(own, name)
        for abstract in (Iterable, AsyncIterable):  # which tells applications how to read it
            assert isinstance(stream, abstract) is isinstance(own, abstract)
        await close(case, stream)


@every_stream
async def test_uninstrument_midway_leaves_the_stream_to_end_its_span(case: Case) -> None:
    with traced(case.provider) as tracing:
        stream = await _started(case)
        seen = await _take(case, stream)
        tracing.engine.uninstrument()
        seen += await _take(case, stream, 10_000)
        assert tuple(map(plain, seen)) == (await untraced(case, "answer")).chunks
        assert whole(tracing.span) == expected(case, {**case.asked, **case.answered})


@every_stream
async def test_nothing_is_kept_of_streams_that_ended(case: Case) -> None:
    before = {id(call) for call in _calls()}
    with traced(case.provider) as tracing:
        modes = ("answer", "answer", *sorted(case.modes & {"break"}))
        for mode in modes:
            await outcome(case, await opened(case, mode), chunks=None if mode == "break" else 2)
        await _dropped(case, tracing)
        tracing.wait_for(len(modes))
        tracing.clear()
        until = time.monotonic() + 5
        while any(id(call) not in before for call in _calls()) and time.monotonic() < until:
            time.sleep(0.005)  # what the collector ends is let go of by another thread
            gc.collect()
        assert [call for call in _calls() if id(call) not in before] == []


def _calls() -> list[Call]:
    return [entry for entry in gc.get_objects() if isinstance(entry, Call)]
