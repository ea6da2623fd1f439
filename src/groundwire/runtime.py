"""What `instrument()` set up, for code that must work before and after it: None means not instrumented."""

from collections.abc import Callable
from dataclasses import dataclass

from opentelemetry import context as otel_context
from opentelemetry.context import Context
from opentelemetry.trace import Tracer

from groundwire.call import Recorder


@dataclass(frozen=True, slots=True)
class Runtime:
    """The tracer and recorder in force."""

    tracer: Tracer
    recorder: Recorder
    context: Callable[[], Context] = otel_context.get_current
    """Tells in what context a span begins."""


_current: Runtime | None = None


def current() -> Runtime | None:
    """What is in force; None before `instrument()` and after `uninstrument()`."""
    return _current


def replace(runtime: Runtime | None) -> None:
    """Put another runtime in force."""
    global _current
    _current = runtime
