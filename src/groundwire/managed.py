"""Calls that are made by entering a `with`: the SDK hands out a context manager, and asks when that is entered."""

from typing import Any

import wrapt
from opentelemetry import context as otel_context

from groundwire.bodies import then
from groundwire.call import Call
from groundwire.leaving import leave
from groundwire.proxies import plain, traced
from groundwire.watched import Left, LeftAsync


class Managed(Left, LeftAsync):
    """A context manager whose entering makes the request, and gives a stream or a response that holds one as `data`."""

    def __enter__(self) -> Any:
        call = self._self_call
        token = otel_context.attach(call.context)
        try:
            entered = self.__wrapped__.__enter__()
        except BaseException as error:
            call.fail(error)
            raise
        finally:
            otel_context.detach(token)
        return _entered(entered, call)

    async def __aenter__(self) -> Any:
        call = self._self_call
        token = otel_context.attach(call.context)
        try:
            entered = await self.__wrapped__.__aenter__()
        except BaseException as error:
            call.fail(error)
            raise
        finally:
            leave(token)
        return _entered(entered, call)


class _Holding(wrapt.ObjectProxy):  # type: ignore[type-arg]
    """A response with its stream watched, the same one however often it is asked for."""

    def __init__(self, wrapped: Any, stream: Any, call: Call) -> None:
        wrapt.ObjectProxy.__init__(self, wrapped)
        self._self_stream = stream
        self._self_call = call

    @property
    def data(self) -> Any:
        return self._self_stream

    def close(self) -> Any:
        return then(self.__wrapped__.close, self._self_closed, self._self_call)

    def _self_closed(self, result: Any) -> Any:
        self._self_call.abandon()
        return result


def _entered(entered: Any, call: Call) -> Any:
    data = getattr(entered, "data", None)
    if hasattr(data, "__next__") or hasattr(data, "__anext__"):
        return _Holding(entered, traced(data, call), call)
    return traced(entered, call)


def managed(result: Any, call: Call) -> Any:
    """What contextlib makes of a generator, watched; as it is where the call has no use for streams."""
    return plain(result, call) if call.operation.stream is None else Managed(result, call)
