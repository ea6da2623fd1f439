"""Listening to the spans of this process for a while: what an experiment and a test know of the calls made in them.

Spans may go through several TracerProviders: the application's, ours, one that `instrument()` takes up in the middle.
All of them are listened to; none is replaced, and nothing that they export changes.
"""

import threading
import weakref
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any, TypeAlias

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_ON

from groundwire import runtime
from groundwire.checks import is_evaluation
from groundwire.errors import ConfigurationError
from groundwire.instrument import instrument, provider_in_force, uninstrument, watching
from groundwire.model import SpanRecord
from groundwire.records import from_readable
from groundwire.settings import CAPTURE_VARIABLE, read_environment

Listener: TypeAlias = Callable[[ReadableSpan], None]


class _Tap(SpanProcessor):
    """Hands ended spans to whoever listens at the moment. The SDK lets one add processors and never take them away."""

    def __init__(self) -> None:
        self.listeners: tuple[Listener, ...] = ()

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        """Nothing to do."""

    def on_end(self, span: ReadableSpan) -> None:
        for listener in self.listeners:
            listener(span)

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        return True


_taps: "weakref.WeakKeyDictionary[object, _Tap]" = weakref.WeakKeyDictionary()
_lock = threading.RLock()


def _tap_of(provider: Any) -> _Tap | None:
    """The tap on a provider, put there if need be; None where it takes no processors."""
    tap = _taps.get(provider)
    if tap is None and hasattr(provider, "add_span_processor"):
        tap = _taps[provider] = _Tap()
        provider.add_span_processor(tap)
    return tap


class Capture:
    """The spans that end while it is open.

    Args:
        provider: the one whose tracer is handed out.
        wanted: whether the spans of a trace (hex id) are kept; None: all are.
    """

    def __init__(self, provider: trace.TracerProvider, wanted: Callable[[str], bool] | None = None) -> None:
        self.provider = provider
        self._wanted = wanted
        self._lock = threading.Lock()
        self._spans: dict[str, list[SpanRecord]] = {}
        self._providers: list[Any] = []

    def tracer(self, scope: str) -> trace.Tracer:
        """For spans around what is captured."""
        return self.provider.get_tracer(scope)

    @property
    def spans(self) -> tuple[SpanRecord, ...]:
        """All of them, `evaluate` spans left out, in the order in which they ended."""
        with self._lock:
            return tuple(sorted((s for rows in self._spans.values() for s in rows), key=lambda s: s.end_ns))

    def take(self, trace_id: str) -> tuple[SpanRecord, ...]:
        """The spans of one trace that have ended; they are forgotten here."""
        with self._lock:
            return tuple(self._spans.pop(trace_id, ()))

    def listen(self, provider: Any) -> None:
        """Listen to a further provider."""
        with _lock:
            tap = _tap_of(provider)
            if tap is not None and self._hear not in tap.listeners:
                tap.listeners = (*tap.listeners, self._hear)
                self._providers.append(provider)

    def close(self) -> None:
        """Listen no more."""
        with _lock:
            for provider in self._providers:
                tap = _taps.get(provider)
                if tap is not None:
                    tap.listeners = tuple(one for one in tap.listeners if one != self._hear)
            self._providers.clear()

    def _hear(self, span: ReadableSpan) -> None:
        context = span.get_span_context()
        if context is None or (self._wanted is not None and not self._wanted(f"{context.trace_id:032x}")):
            return
        record = from_readable(span)
        if not is_evaluation(record):  # scores of a pipeline that watches too: who captures scores for himself
            with self._lock:
                self._spans.setdefault(record.trace_id, []).append(record)


class _Instrumentation:
    """What was instrumented for captures alone: it lasts as long as the last of them."""

    def __init__(self, made: runtime.Runtime | None) -> None:
        self.made = made
        self.holders = 0

    def leave(self) -> None:
        """One less."""
        with _holders:
            self.holders -= 1
            if not self.holders and runtime.current() is self.made:
                uninstrument()


_instrumentation = _Instrumentation(None)
_holders = threading.Lock()
"""Not `_lock`: `instrument()` takes that while it holds its own, and is called here while this is held."""


def _holding(provider: trace.TracerProvider) -> _Instrumentation | None:
    """Instrument where nobody has, or join another capture that did; None where the application did it itself."""
    global _instrumentation
    with _holders:
        if runtime.current() is None:
            instrument(tracer_provider=provider, evaluators=[])
            _instrumentation = _Instrumentation(runtime.current())
        elif runtime.current() is not _instrumentation.made:
            return None
        _instrumentation.holders += 1
        return _instrumentation


@contextmanager
def capturing(
    *,
    tracer_provider: trace.TracerProvider | None = None,
    service_name: str = "groundwire",
    wanted: Callable[[str], bool] | None = None,
) -> Generator[Capture, None, None]:
    """Capture what ends inside, with the calls of all libraries that we trace; afterwards all is as it was.

    Where nothing is instrumented yet, that is done for as long as this lasts, without exporting or scoring.

    Args:
        tracer_provider: by default the one in force, else the application's, else one of our own.
        service_name: `service.name` of spans through a provider of our own.
        wanted: whether the spans of a trace (hex id) are kept; None: all are.

    Raises:
        ConfigurationError: content is not put onto spans, so nothing could be read from them.
    """
    there = runtime.current()
    mode = read_environment().capture if there is None else there.recorder.capture
    if mode not in (None, "full"):
        how = "instrument(capture=...)" if there is not None else CAPTURE_VARIABLE
        raise ConfigurationError(
            f"{how} keeps questions, passages and answers off the spans, and they are what is captured here; "
            "allow content for this run"
        )
    known = trace.get_tracer_provider()
    existing = known if isinstance(known, TracerProvider) else None
    provider = tracer_provider or (provider_in_force() if there is not None else None) or existing
    if provider is None:
        resource = Resource.create({"service.name": service_name})
        provider = TracerProvider(sampler=ALWAYS_ON, resource=resource, shutdown_on_exit=False)
    capture = Capture(provider, wanted)
    held = _holding(provider)
    try:
        with watching(capture.listen):
            for one in (provider, existing, provider_in_force()):
                if one is not None:
                    capture.listen(one)
            yield capture
    finally:
        capture.close()
        if held is not None:
            held.leave()
