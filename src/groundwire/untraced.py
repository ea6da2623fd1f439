"""What evaluators and judges call is no traffic of the application: no instrumentation makes spans of it."""

import contextlib
from collections.abc import Generator

from opentelemetry import context as otel_context

_SUPPRESSED = tuple(
    key
    for key in (
        "suppress_instrumentation",
        "suppress_http_instrumentation",
        "suppress_language_model_instrumentation",
        getattr(otel_context, "_SUPPRESS_INSTRUMENTATION_KEY", None),
        getattr(otel_context, "_SUPPRESS_HTTP_INSTRUMENTATION_KEY", None),
    )
    if isinstance(key, str)
)
"""What OpenTelemetry's instrumentations look at, without importing them; the API's own keys are private by name."""


@contextlib.contextmanager
def untraced() -> Generator[None, None, None]:
    """Whatever is called inside is no traffic of the application. Inside itself it does nothing."""
    context = otel_context.get_current()
    missing = [key for key in _SUPPRESSED if not otel_context.get_value(key, context)]
    if not missing:
        yield
        return
    for key in missing:
        context = otel_context.set_value(key, True, context)
    token = otel_context.attach(context)
    try:
        yield
    finally:
        otel_context.detach(token)
