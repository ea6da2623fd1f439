"""Streams of calls that hold others: a workflow works on between any two of its chunks.

So its span is current whenever the library's own code runs, where that of a model call is only until the first chunk.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from functools import partial
from typing import Any, cast

from opentelemetry import context as otel_context

from groundwire.call import Call
from groundwire.leaving import leave
from groundwire.streams import AsyncStream, SyncStream


def watched(stream: Any, call: Call) -> Any:
    """The stream of either kind."""
    call.expect_stream()
    return (_AsyncSteps if hasattr(stream, "__anext__") else _Steps)(stream, call)


class _Steps(SyncStream):
    def __iter__(self) -> Iterator[Any]:
        return cast(Iterator[Any], self)

    def __next__(self) -> Any:
        return _under(self._self_call, super().__next__)

    def _self_close(self, close: Callable[[], Any]) -> Any:
        return _under(self._self_call, partial(super()._self_close, close))


class _AsyncSteps(AsyncStream):
    def __aiter__(self) -> AsyncIterator[Any]:
        return cast(AsyncIterator[Any], self)

    async def __anext__(self) -> Any:
        token = otel_context.attach(self._self_call.context)
        try:
            return await super().__anext__()
        finally:
            leave(token)

    async def _self_aclose(self, close: Callable[[], Awaitable[Any]]) -> Any:
        token = otel_context.attach(self._self_call.context)
        try:
            return await super()._self_aclose(close)
        finally:
            leave(token)


def _under(call: Call, step: Callable[[], Any]) -> Any:
    token = otel_context.attach(call.context)
    try:
        return step()
    finally:
        otel_context.detach(token)
