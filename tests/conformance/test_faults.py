"""Every function of telemetry raises in turn, and the application does not notice."""

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial, wraps
from typing import Any

import pytest
from opentelemetry.sdk import trace as sdk_trace
from opentelemetry.trace import INVALID_SPAN_CONTEXT

import groundwire.bodies
import groundwire.call
import groundwire.engine
import groundwire.streams
import groundwire.watched
from conformance.cases import Case, all_cases, finish
from conformance.harness import Outcome, Tracing, close, opened, outcome, sabotaged, take, traced, untraced
from groundwire import pricing, recall, semconv, wire
from groundwire.model import Document

CASES = all_cases()


class Sabotage(Exception):
    """What a broken function of ours raises."""


def _raise(*_: Any, **__: Any) -> Any:
    raise Sabotage


class _NeverAdds:
    def add(self, chunk: Any, /) -> None:
        raise Sabotage

    def response(self) -> Any:
        raise Sabotage


PLAYED = {"answer", "error", "interrupt", "break"}
EXTRACTORS: dict[str, dict[str, Any]] = {
    "request": {"request": _raise},
    "request is nonsense": {"request": lambda *_: None},
    "response": {"response": _raise},
    "response is nonsense": {"response": lambda *_: object()},
    "stream": {"stream": _raise},
    "stream is nonsense": {"stream": lambda: None},
    "accumulator": {"stream": _NeverAdds},
    "applies": {"applies": _raise},
}


@dataclass(frozen=True, slots=True)
class Function:
    """One of ours, which every provider shares."""

    owner: Any
    name: str
    sabotage: Any = _raise

    def spied(self, called: Callable[[], None]) -> Any:
        """The function, telling when it is called."""
        function = getattr(self.owner, self.name)

        @wraps(function, updated=())
        def spy(*args: Any, **kwargs: Any) -> Any:
            called()
            return function(*args, **kwargs)

        return spy


FUNCTIONS: dict[str, Function] = {
    **{
        f"semconv.{name}": Function(semconv, name)
        for name in (
            "bounded_messages",
            "documents_json",
            "prompt_text",
            "request_attributes",
            "request_content",
            "response_attributes",
            "response_content",
            "texts",
            "to_json",
            "usage_attributes",
        )
    },
    "encodable": Function(semconv, "encodable"),
    "encodable of the error": Function(groundwire.call, "encodable"),
    "encodable of the name": Function(groundwire.engine, "encodable"),
    "estimate": Function(groundwire.call, "estimate_tokens"),
    "prices": Function(pricing.PriceTable, "cost"),
    "remember": Function(recall.Recall, "remember"),
    "links": Function(recall.Recall, "links"),
    "recall": Function(recall.Recall, "__bool__"),
    "parse_document": Function(groundwire.bodies, "parse_document"),
    "parse_events": Function(groundwire.bodies, "parse_events"),
    "tap": Function(wire.Tap, "feed"),
    "tap events": Function(wire.Tap, "events"),
    "tap text": Function(wire.Tap, "text"),
    "call": Function(groundwire.call.Call, "__init__"),
    "proxy": Function(groundwire.streams, "SyncStream"),
    "async proxy": Function(groundwire.streams, "AsyncStream"),
    "ends": Function(groundwire.watched.Watched, "_self_ends_with"),
    **{
        f"span.{name}": Function(sdk_trace.Span, name)
        for name in ("set_attributes", "set_status", "end", "is_recording", "get_span_context")
    },
    "start_span": Function(sdk_trace.Tracer, "start_span"),
}


# Faults after which no span can be there; after all others the call is told, less what could not be read.
FATAL = frozenset(
    {"call", "applies", "start_span", "recall", "semconv.request_attributes", "encodable of the name"}
) | {name for name in FUNCTIONS if name.startswith("span.")}
# Faults after which nobody sees a stream go on.
UNWATCHED = {"proxy", "async proxy", "ends"}


@pytest.mark.parametrize("case", CASES, ids=str)
async def test_the_application_gets_the_same_and_no_span_is_lost_whatever_breaks(
    case: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = {mode: await untraced(case, mode) for mode in sorted(case.modes & PLAYED)}
    for name, broken in EXTRACTORS.items():
        if any(getattr(operation, field) is not None for operation in case.provider.operations for field in broken):
            with traced(sabotaged(case.provider, **broken)) as tracing, _breaking(name):
                await _use(case, tracing, known, name)
    with traced(case.provider) as tracing:
        tracing.recorder.recall.remember(INVALID_SPAN_CONTEXT, [Document("Asked by nobody.")], root=True)
        reached: set[str] = set()
        with monkeypatch.context() as patch:
            for name, function in FUNCTIONS.items():
                patch.setattr(function.owner, function.name, function.spied(partial(reached.add, name)))
            await _use(case, tracing, known, "nothing")
        # What a call does not come by cannot break it.
        for name in FUNCTIONS:
            if name in reached:
                with monkeypatch.context() as patch, _breaking(name):
                    patch.setattr(FUNCTIONS[name].owner, FUNCTIONS[name].name, FUNCTIONS[name].sabotage)
                    await _use(case, tracing, known, name)
    with (
        traced(case.provider, capture="scored") as tracing,
        monkeypatch.context() as patch,
        _breaking("vault"),
    ):
        patch.setattr(recall.Vault, "put", _raise)
        await _use(case, tracing, known, "vault")


@contextmanager
def _breaking(name: str) -> Iterator[None]:
    try:
        yield
    except BaseException as error:
        error.add_note(f"while this was broken: {name}")
        raise


async def _use(case: Case, tracing: Tracing, known: dict[Any, Outcome], name: str) -> None:
    for mode, before in known.items():
        tracing.clear()
        assert await outcome(case, await opened(case, mode)) == before, mode
        if name in FATAL:
            continue
        gc.collect(0)
        attributes = tracing.span.attributes or {}
        assert attributes["gen_ai.operation.name"] == case.asked["gen_ai.operation.name"]
        # A generator fails when it is read.
        if name not in UNWATCHED or (mode != "break" and not case.bare):
            assert attributes.get("error.type") == (before.error.__qualname__ if before.error else None)
    if case.streams:
        tracing.clear()
        stream = await finish(case.call(await opened(case, "answer")))
        await take(stream, [], 2)
        await close(case, stream)
        stream = await finish(case.call(await opened(case, "answer")))
        del stream
        gc.collect(0)
        assert name in FATAL or len(tracing.spans) == (1 if case.lazy else 2)
