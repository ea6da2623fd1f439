"""A library's own tracer, silent while ours tells the call: one call is one span, and what else it tells stays."""

from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import wrapt
from opentelemetry.trace import INVALID_SPAN, Span


class HushedTracer(wrapt.ObjectProxy):  # type: ignore[type-arg]
    """The tracer, but that spans begun inside a told call are not recorded, and change nothing of the context."""

    def __init__(self, wrapped: Any, told: Callable[[], bool]) -> None:
        super().__init__(wrapped)
        self._self_told = told

    def start_span(self, *args: Any, **kwargs: Any) -> Span:
        if self._self_told():
            return INVALID_SPAN
        span: Span = self.__wrapped__.start_span(*args, **kwargs)
        return span

    def start_as_current_span(self, *args: Any, **kwargs: Any) -> Any:
        # Ours stays the current one: what is sent to another process names it as the parent.
        return (
            nullcontext(INVALID_SPAN) if self._self_told() else self.__wrapped__.start_as_current_span(*args, **kwargs)
        )
