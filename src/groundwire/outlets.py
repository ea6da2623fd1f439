"""Where scored spans go: rebuilt into a processor of ours, or as `evaluate` spans through somebody else's pipeline."""

import threading
from collections.abc import Mapping, Sequence
from time import time_ns
from typing import Any

from opentelemetry.context import Context
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor
from opentelemetry.sdk.trace import Tracer as SdkTracer
from opentelemetry.sdk.trace.id_generator import IdGenerator, RandomIdGenerator
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import (
    NonRecordingSpan,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    set_span_in_context,
)

from groundwire import semconv
from groundwire.model import Evaluation, Failed
from groundwire.records import hex_span_id, hex_trace_id
from groundwire.scoring import evaluation_attributes, evaluation_span_id, score_attributes
from groundwire.version import __version__

SCOPE = "groundwire.evaluation"


class Rebuilder:
    """Hands new spans, with the scores on them, to a downstream processor."""

    def __init__(self, downstream: SpanProcessor, *, content: bool = True) -> None:
        self._downstream = downstream
        self._content = content
        self._scope = InstrumentationScope(SCOPE, __version__)

    def finished(
        self,
        span: ReadableSpan,
        evaluations: Sequence[Evaluation],
        reason: str | None,
        extra: Mapping[str, Any],
    ) -> None:
        """Hand a span on, rebuilt: scored, or not scored for the reason given; `extra` attributes belong on it."""
        rebuilt = span
        try:
            attributes = {**extra, **score_attributes(evaluations, content=self._content)}
            if reason is not None:
                attributes[semconv.EVALUATION_STATUS] = reason
            rebuilt = rebuild(span, attributes)
            self.late(span, evaluations)
        finally:
            self._downstream.on_end(rebuilt)

    def late(self, span: ReadableSpan, evaluations: Sequence[Evaluation]) -> None:
        """Hand on the `evaluate` spans of a span that has left, or is about to."""
        for evaluation in evaluations:
            self._downstream.on_end(self._evaluation_span(span, evaluation))

    def _evaluation_span(self, span: ReadableSpan, evaluation: Evaluation) -> ReadableSpan:
        answer = span.get_span_context()
        assert answer is not None
        end = time_ns()
        context = SpanContext(
            answer.trace_id, span_id_of(answer, evaluation), False, answer.trace_flags, answer.trace_state
        )
        return ReadableSpan(
            name=f"evaluate {evaluation.name}",
            context=context,
            parent=answer,
            resource=span.resource,
            attributes=_described(evaluation, content=self._content),
            kind=SpanKind.INTERNAL,
            status=_status(evaluation),
            start_time=end - round((evaluation.duration_ms or 0.0) * 1e6),
            end_time=end,
            instrumentation_scope=self._scope,
        )


class Annotator:
    """Sends scores as `evaluate` spans through the application's own tracer; its spans are left as they are."""

    def __init__(self, tracer: Any, *, content: bool = True) -> None:
        self._tracer = tracer
        self._content = content
        self._ids: _DerivedIds | None = None
        if isinstance(tracer, SdkTracer):
            # The tracer is of a scope of our own, so nobody else's span ids are touched.
            self._ids = _DerivedIds(tracer.id_generator)
            tracer.id_generator = self._ids

    def annotate(self, span: ReadableSpan, evaluations: Sequence[Evaluation]) -> None:
        """Start and end the `evaluate` spans of a span that has left."""
        answer = span.get_span_context()
        assert answer is not None
        parent = set_span_in_context(NonRecordingSpan(answer), Context())
        for evaluation in evaluations:
            if self._ids is not None:
                self._ids.next_id = span_id_of(answer, evaluation)
            end = time_ns()
            child = self._tracer.start_span(
                f"evaluate {evaluation.name}",
                context=parent,
                attributes=_described(evaluation, content=self._content),
                start_time=end - round((evaluation.duration_ms or 0.0) * 1e6),
            )
            status = _status(evaluation)
            if status.status_code is not StatusCode.UNSET:
                child.set_status(status)
            child.end(end)


class _DerivedIds(IdGenerator):
    """Gives the span id that was set by the same thread, else what the application's generator gives."""

    def __init__(self, other: IdGenerator | None) -> None:
        self._other = other or RandomIdGenerator()
        self._thread = threading.local()

    @property
    def next_id(self) -> int | None:
        return getattr(self._thread, "next_id", None)

    @next_id.setter
    def next_id(self, value: int | None) -> None:
        self._thread.next_id = value

    def generate_span_id(self) -> int:
        known, self.next_id = self.next_id, None
        return self._other.generate_span_id() if known is None else known

    def generate_trace_id(self) -> int:
        return self._other.generate_trace_id()


def rebuild(span: ReadableSpan, extra: Mapping[str, Any]) -> ReadableSpan:
    """The same ended span with further attributes; the original where there are none."""
    if not extra:
        return span
    return ReadableSpan(
        name=span.name,
        context=span.get_span_context(),
        parent=span.parent,
        resource=span.resource,
        attributes={**(span.attributes or {}), **extra},
        events=span.events,
        links=span.links,
        kind=span.kind,
        status=span.status,
        start_time=span.start_time,
        end_time=span.end_time,
        instrumentation_scope=span.instrumentation_scope,
    )


def span_id_of(answer: SpanContext, evaluation: Evaluation) -> int:
    """The derived id of an `evaluate` span."""
    return int(
        evaluation_span_id(
            hex_trace_id(answer.trace_id), hex_span_id(answer.span_id), evaluation.name, evaluation.version
        ),
        16,
    )


def _described(evaluation: Evaluation, *, content: bool) -> dict[str, Any]:
    attributes = evaluation_attributes(evaluation, content=content)
    if evaluation.duration_ms is not None:
        attributes[semconv.EVALUATION_DURATION] = round(evaluation.duration_ms, 3)
    return attributes


def _status(evaluation: Evaluation) -> Status:
    result = evaluation.result
    return Status(StatusCode.ERROR, result.message) if isinstance(result, Failed) else Status(StatusCode.UNSET)
