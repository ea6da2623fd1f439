"""Spans of another instrumentor that it makes and keeps out of the context: ours belong below them all the same."""

import logging
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

from opentelemetry import context as otel_context
from opentelemetry.context import Context
from opentelemetry.trace import get_current_span, set_span_in_context

_log = logging.getLogger(__name__)

Running: TypeAlias = Callable[[], Any]
"""The other's span under which its library runs here and now; None: none."""


def contexts(running: Sequence[Running]) -> Callable[[], Context]:
    """What tells the context that a span of ours starts in: the current one, below the nearest span of the other."""
    return (lambda: _below(running)) if running else otel_context.get_current


def _below(running: Sequence[Running]) -> Context:
    context = otel_context.get_current()
    for each in running:
        try:
            span = each()
            if span is not None and span.is_recording() and _is_nearer(span, get_current_span(context)):
                context = set_span_in_context(span, context)
        except Exception:
            _log.debug("another's span could not be asked for", exc_info=True)
    return context


def _is_nearer(span: Any, current: Any) -> bool:
    """Of two that both run here and now, the later one is inside the other."""
    if not current.get_span_context().is_valid:
        return True
    started = getattr(current, "start_time", None)  # None: of a caller elsewhere
    return started is None or bool(started < span.start_time)
