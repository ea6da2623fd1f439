"""What spans go through after they have ended: scoring, then whoever is to have them."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor, SynchronousMultiSpanProcessor

from groundwire.call import Capture
from groundwire.model import Evaluator
from groundwire.observer import ScoringObserver
from groundwire.outlets import SCOPE, Annotator
from groundwire.processor import ScoringSpanProcessor
from groundwire.recall import Vault
from groundwire.version import __version__


class Socket(SpanProcessor):
    """A processor whose inside can be changed: the SDK lets one add processors and never take them away."""

    def __init__(self) -> None:
        self.inside: SpanProcessor | None = None

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        if (inside := self.inside) is not None:
            inside.on_start(span, parent_context)

    def on_end(self, span: ReadableSpan) -> None:
        if (inside := self.inside) is not None:
            inside.on_end(span)

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        return True if (inside := self.inside) is None else inside.force_flush(timeout_millis)

    def shutdown(self) -> None:
        if (inside := self.inside) is not None:
            inside.shutdown()


class _OnlyCalls(SpanProcessor):
    """Lets through spans of calls, ours or another's in our stead: others go where their application sends them."""

    def __init__(self, downstream: SpanProcessor, stand_ins: Callable[[], Iterable[str]]) -> None:
        self._downstream = downstream
        self._stand_ins = stand_ins

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        if self._is_call(span):
            self._downstream.on_start(span, parent_context)

    def on_end(self, span: ReadableSpan) -> None:
        if self._is_call(span):
            self._downstream.on_end(span)

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        return self._downstream.force_flush(timeout_millis)

    def shutdown(self) -> None:
        self._downstream.shutdown()

    def _is_call(self, span: ReadableSpan) -> bool:
        scope = span.instrumentation_scope
        if scope is None:
            return False
        return scope.name.startswith("groundwire") or any(
            f"{scope.name}.".startswith(f"{module}.") for module in self._stand_ins()
        )


@dataclass(frozen=True, slots=True)
class Scoring:
    """What is scored, and with what."""

    evaluators: Sequence[Evaluator]
    sample: float
    """Share of traces, in [0, 1]."""
    capture: Capture
    vault: Vault


def own_pipeline(targets: Sequence[SpanProcessor], scoring: Scoring) -> SpanProcessor:
    """Behind a provider of ours: spans wait for their scores, and go to the targets."""
    return ScoringSpanProcessor(
        _together(targets),
        evaluators=scoring.evaluators if scoring.capture != "off" else (),
        sample=scoring.sample,
        export_content=scoring.capture == "full",
        vault=scoring.vault,
    )


def guest_pipeline(
    provider: trace.TracerProvider,
    targets: Sequence[SpanProcessor],
    scoring: Scoring,
    *,
    by_default: bool,
    stand_ins: Callable[[], Iterable[str]],
) -> SpanProcessor | None:
    """Behind a provider of the application's: spans go their way, scores follow them as spans; None: nothing to do.

    Args:
        provider: the application's.
        targets: where else spans of calls go, scored.
        scoring: what is scored.
        by_default: whether nobody named the evaluators; then one that scores already goes on alone.
        stand_ins: tells the packages whose spans stand in for ours.
    """
    if targets:
        return _OnlyCalls(own_pipeline(targets, scoring), stand_ins)
    if not scoring.evaluators or scoring.capture == "off" or (by_default and ScoringSpanProcessor.is_in_use()):
        return None  # one that is in use was put there by the application: ours have just been shut down
    annotator = Annotator(provider.get_tracer(SCOPE, __version__), content=scoring.capture == "full")
    return ScoringObserver(annotator, scoring.evaluators, sample=scoring.sample, vault=scoring.vault)


def _together(parts: Sequence[SpanProcessor]) -> SpanProcessor:
    if len(parts) == 1:
        return parts[0]
    together = SynchronousMultiSpanProcessor()  # type: ignore[no-untyped-call]
    for part in parts:
        together.add_span_processor(part)
    return together
