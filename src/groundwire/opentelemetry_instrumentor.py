"""What `opentelemetry-instrument` finds: our tracing as one instrumentor among the others.

Loaded by its entry point alone, so by a process in which `opentelemetry-instrumentation` is; where it is not, the class
does the same without it.
"""

import logging
from importlib import import_module
from typing import Any

from groundwire.errors import GroundwireError
from groundwire.instrument import instrument, uninstrument

_log = logging.getLogger(__name__)


def _base() -> Any:
    try:
        return import_module("opentelemetry.instrumentation.instrumentor").BaseInstrumentor
    except (ImportError, AttributeError):
        return _Alone


class _Alone:
    """As much of `BaseInstrumentor` as ours needs: one instance a process, which knows whether it is active."""

    _instance: Any = None
    is_instrumented_by_opentelemetry = False

    def __new__(cls) -> Any:
        if cls._instance is None:
            cls._instance = super().__new__(cls)
        return cls._instance

    def instrument(self, **kwargs: Any) -> None:
        if not self.is_instrumented_by_opentelemetry:
            self._instrument(**kwargs)
            self.is_instrumented_by_opentelemetry = True

    def uninstrument(self, **kwargs: Any) -> None:
        if self.is_instrumented_by_opentelemetry:
            self._uninstrument(**kwargs)
            self.is_instrumented_by_opentelemetry = False

    def _instrument(self, **kwargs: Any) -> None: ...

    def _uninstrument(self, **kwargs: Any) -> None: ...


class GroundwireInstrumentor(_base()):  # type: ignore[misc] # pyright: ignore[reportUntypedBaseClass]
    """`groundwire.instrument()` with what the environment says, into the provider that is there.

    `OTEL_PYTHON_DISABLED_INSTRUMENTATIONS=groundwire` leaves it out.
    """

    def instrumentation_dependencies(self) -> tuple[str, ...]:
        """None: each library is traced where it is there."""
        return ()

    def _instrument(self, **kwargs: Any) -> None:
        try:
            instrument(tracer_provider=kwargs.get("tracer_provider"))
        except GroundwireError:
            _log.exception(
                "groundwire could not start"
            )  # an exception would keep the other instrumentors from starting

    def _uninstrument(self, **kwargs: Any) -> None:
        uninstrument()
