"""The time that passes inside a client's own functions: what is left of a call's time is what tracing takes.

An SDK takes up to 20 ms for a streamed answer, and one call differs from the next by more than a span costs. So each
function that groundwire patches gets a clock, underneath whatever is put over it, and a stream that it returns is read
through a generator with a clock as well.
"""

from __future__ import annotations

import contextlib
import functools
import importlib
import inspect
from collections.abc import Callable, Iterable, Iterator
from time import perf_counter_ns
from typing import Any

from groundwire.model import Provider


class SdkClock:
    """Tells how long calls were inside the functions of one provider: `ns`, which may be set to zero before each."""

    def __init__(self) -> None:
        self.ns = 0
        self._running = False

    def put_into(self, provider: Provider, *, streams: bool) -> None:
        """Put clocks into every function that the provider declares, before it is instrumented.

        Args:
            provider: whose library is imported already.
            streams: whether what the functions return is read as a stream.
        """
        clocked = 0
        for target in dict.fromkeys(target for operation in provider.operations for target in operation.targets):
            module, _, path = target.partition(":")
            *owners, name = path.split(".")
            with contextlib.suppress(ImportError, AttributeError):  # of another version
                owner = functools.reduce(
                    getattr, (o.removesuffix("+") for o in owners), importlib.import_module(module)
                )
                function = inspect.getattr_static(owner, name)
                if inspect.isfunction(function) and not inspect.iscoroutinefunction(function):
                    setattr(owner, name, self._clocked(function, streams=streams))
                    clocked += 1
        if not clocked:
            raise SystemExit(f"{provider.name}: no function to measure")

    def _clocked(self, function: Callable[..., Any], *, streams: bool) -> Callable[..., Any]:
        @functools.wraps(function)
        def clocked(*args: Any, **kwargs: Any) -> Any:
            if self._running:  # one of them calls another
                return function(*args, **kwargs)
            self._running = True
            started = perf_counter_ns()
            try:
                result = function(*args, **kwargs)
            finally:
                self._running = False
                self.ns += perf_counter_ns() - started
            return self._read(result) if streams else result

        return clocked

    def _read(self, result: Any) -> Any:
        if isinstance(result, dict):  # Bedrock's
            return {**result, "stream": self._pieces(result["stream"])}
        entered = hasattr(result, "__enter__") and not hasattr(result, "__next__")
        return self._entered(result) if entered else self._pieces(result)

    @contextlib.contextmanager
    def _entered(self, manager: Any) -> Iterator[Any]:
        """Cohere's: a context manager that gives a response around its stream."""
        started = perf_counter_ns()
        response = manager.__enter__()
        response._data = self._pieces(response._data)
        self.ns += perf_counter_ns() - started
        yield response
        started = perf_counter_ns()
        manager.__exit__(None, None, None)
        self.ns += perf_counter_ns() - started

    def _pieces(self, stream: Iterable[Any]) -> Iterator[Any]:
        pieces = iter(stream)
        while True:
            started = perf_counter_ns()
            try:
                piece = next(pieces)
            except StopIteration:
                return
            finally:
                self.ns += perf_counter_ns() - started
            yield piece
