"""One run of one case: the target is called under a root span, and what ended in it becomes a line."""

import threading
from dataclasses import dataclass

from opentelemetry import context as otel_context
from opentelemetry.context import Context
from opentelemetry.trace import Span, SpanKind, Status, StatusCode, set_span_in_context

from groundwire import semconv
from groundwire.budget import encodable
from groundwire.capturing import Capture
from groundwire.datasets.case import Case
from groundwire.errors import ConfigurationError
from groundwire.experiments.spans import ROOT, SCOPE, Plan, finished
from groundwire.experiments.target import Reply, Target, reply_of
from groundwire.model import SpanRecord


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one run of a case."""

    spans: list[SpanRecord]
    error: BaseException | None
    """What the target raised."""


@dataclass(frozen=True, slots=True)
class CaseRun:
    """One case, from its question to its spans."""

    target: Target
    plan: Plan
    capture: Capture
    timeout_s: float | None
    wanted: set[str]
    """Traces whose spans are kept."""

    def of(self, case: Case, repeat: int) -> Outcome:
        """Run it.

        Raises:
            ConfigurationError: its spans are dropped by the provider in force.
            KeyboardInterrupt: on the main thread, where somebody pressed Ctrl-C.
        """
        root = self.capture.tracer(SCOPE).start_span(
            ROOT, context=Context(), kind=SpanKind.INTERNAL, attributes=self.plan.attributes(case, repeat)
        )
        context = root.get_span_context()
        if not root.is_recording() or not context.trace_flags.sampled:
            root.end()
            raise ConfigurationError(
                "the TracerProvider in force drops spans (its sampler, or OTEL_TRACES_SAMPLER); an experiment needs "
                "all: give tracer_provider="
            )
        trace_id = f"{context.trace_id:032x}"
        self.wanted.add(trace_id)
        reply: Reply | None = None
        error: BaseException | None = None
        token = otel_context.attach(set_span_in_context(root, Context()))
        try:
            reply = reply_of(self.target.call(case, self.timeout_s))
        except BaseException as raised:
            error = raised
            _mark(root, raised)
            if isinstance(raised, KeyboardInterrupt) and threading.current_thread() is threading.main_thread():
                raise  # it is the user who wants to stop
        finally:
            otel_context.detach(token)
            root.end()
        self.wanted.discard(trace_id)
        return Outcome(finished(self.plan, case, self.capture.take(trace_id), reply), error)


def _mark(root: Span, error: BaseException) -> None:
    try:
        words = str(error)
        root.record_exception(error)
    except Exception:  # its own __str__ breaks
        words = ""
    root.set_attribute(semconv.ERROR_TYPE, type(error).__qualname__)
    root.set_status(Status(StatusCode.ERROR, encodable(" ".join(words.split())[:1000])))
