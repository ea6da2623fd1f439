"""Spans that are open while a function of the application runs."""

import inspect
import logging
from collections.abc import Callable, Iterator
from typing import Any

from opentelemetry import context as otel_context
from opentelemetry.context import Context
from opentelemetry.trace import Span, Status, StatusCode, set_span_in_context

from groundwire import semconv
from groundwire.budget import encodable
from groundwire.call import Call, Recorder
from groundwire.leaving import leave
from groundwire.readable import readable
from groundwire.runtime import Runtime, current

_log = logging.getLogger(__name__)


class Scope:
    """Entering it makes its span current; leaving does not end that. Without a context it does nothing."""

    def __init__(self, context: Context | None) -> None:
        self._context = context
        self._tokens: list[Any] = []
        self._pieces: list[Any] = []

    @property
    def is_open(self) -> bool:
        return self._context is not None

    def __enter__(self) -> None:
        if self._context is not None:
            self._tokens.append(otel_context.attach(self._context))

    def __exit__(self, *_: object) -> None:
        if self._tokens:
            leave(self._tokens.pop())

    def reads(self, result: Any) -> bool:
        """Whether this result is only there once it has been iterated over."""
        return inspect.isgenerator(result)

    def piece(self, value: Any) -> None:
        """Keep a part of the output."""
        if self._context is not None and len(self._pieces) < 100_000:
            self._pieces.append(value)

    def end(self, error: BaseException | None) -> None:
        """End the span; any further call does nothing."""
        if self._context is not None:
            self._context = None
            try:
                self.close(error)
            except Exception:
                _log.debug("span could not be ended", exc_info=True)

    def close(self, error: BaseException | None) -> None:
        """How a span of this kind ends."""
        raise NotImplementedError


class RetrievalScope(Scope):
    """A retriever's: what it yields are documents."""

    def __init__(self, call: Call) -> None:
        super().__init__(call.context)
        self._call = call

    def reads(self, result: Any) -> bool:
        return isinstance(result, Iterator)  # listing its documents would use it up

    def close(self, error: BaseException | None) -> None:
        if error is not None:
            self._call.fail(error)
        else:
            self._call.succeed(self._pieces)


class WorkflowScope(Scope):
    """A request's: what it yields is its output."""

    def __init__(self, span: Span, recorder: Recorder) -> None:
        super().__init__(set_span_in_context(span))
        self._span = span
        self._recorder = recorder

    def close(self, error: BaseException | None) -> None:
        try:
            if self._recorder.capture == "full" and self._pieces:
                self._span.set_attribute(semconv.OUTPUT_VALUE, readable(self._pieces, self._recorder.content_limit))
            if error is not None:
                self._span.set_attribute(semconv.ERROR_TYPE, type(error).__qualname__)
                self._span.set_status(Status(StatusCode.ERROR, encodable(str(error)[:1000])))
        finally:
            self._span.end()


def begun(begin: Callable[[Runtime], Scope]) -> Scope:
    """What `begin` opens; a scope that does nothing, where nothing is traced or it raises."""
    runtime = current()
    if runtime is not None:
        try:
            return begin(runtime)
        except Exception:
            _log.debug("call could not be traced", exc_info=True)
    return Scope(None)
