"""What every proxy is that stands in for something of the application's: the same thing, whose dropping ends a call."""

import _thread
import asyncio
import atexit
import copy
import gc
import os
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import Any

import wrapt

from groundwire.bodies import HttpResponse
from groundwire.call import Call

_collecting: set[int] = set()
"""Threads in which the garbage collector runs now."""


def _note_collection(phase: str, _: Any) -> None:
    (_collecting.add if phase == "start" else _collecting.discard)(_thread.get_ident())


def dropped(end: Callable[[], None]) -> None:
    """End a call whose stream is gone.

    The collector runs wherever memory is asked for, also while this very thread holds a lock of the exporter: ending
    the span there would wait for that lock for ever. Starting a thread takes no lock.
    """
    if _collecting and _thread.get_ident() in _collecting:
        try:
            _thread.start_new_thread(end, ())
            return
        except RuntimeError:  # no threads any more: the interpreter shuts down
            pass
    end()


_ends: dict[int, Callable[[], None]] = {}
"""What ends the call of each proxy there is, by the proxy's id."""


def _end_all() -> None:
    """The interpreter exits: streams that somebody still holds are read no further."""
    with suppress(KeyError):  # there are no more
        while True:
            _, end = _ends.popitem()
            end()


def _is_end_of_loop(error: BaseException) -> bool:
    """Whether nothing was cancelled but what closes generators that were dropped: so an event loop ends."""
    with suppress(RuntimeError):  # of another library's loop
        task = asyncio.current_task() if isinstance(error, asyncio.CancelledError) else None
        return task is not None and type(task.get_coro()).__name__ == "async_generator_athrow"
    return False


# Of newer versions, wrapt's own would be iterable whatever it stands in for.
_Proxy: Any = getattr(wrapt, "BaseObjectProxy", wrapt.ObjectProxy)


class Watched(_Proxy):  # type: ignore[misc]
    """A proxy that ends its call when it is dropped. `weakref.finalize` would do that too, in three times the time."""

    def __init__(self, wrapped: Any, call: Call) -> None:
        _Proxy.__init__(self, wrapped)
        if _note_collection not in gc.callbacks:
            gc.callbacks.append(_note_collection)
            atexit.register(_end_all)  # now, so that it runs before what exports the spans
            if hasattr(os, "register_at_fork"):
                os.register_at_fork(after_in_child=_ends.clear)  # what its parent reads is its parent's to end
        self._self_call = call
        _ends[id(self)] = call.abandon

    def _self_ends_with(self, end: Callable[[], None] | None) -> None:
        if end is None:
            _ends.pop(id(self), None)
        else:
            _ends[id(self)] = end

    def __del__(self, ends: dict[int, Callable[[], None]] = _ends) -> None:
        end = ends.pop(id(self), None)
        if end is not None:
            dropped(end)

    def _self_leave(self, error: BaseException | None) -> None:
        # A generator around the `with` that is closed: its reader went away, which is no error.
        if error is None or isinstance(error, GeneratorExit) or _is_end_of_loop(error):
            self._self_call.abandon()
        else:
            self._self_call.fail(error)

    @property
    def response(self) -> Any:
        """The HTTP response under a stream: helpers close that instead of the stream."""
        return HttpResponse(self.__wrapped__.response, self._self_call, self)

    def __copy__(self) -> Any:
        return self

    def __deepcopy__(self, memo: Any) -> Any:
        return copy.deepcopy(self.__wrapped__, memo)

    def __reduce_ex__(self, protocol: Any) -> Any:
        return self.__wrapped__.__reduce_ex__(protocol)


class Left(Watched):
    """Leaving its `with` ends the call."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> Any:
        try:
            return self.__wrapped__.__exit__(kind, error, trace)
        finally:
            self._self_leave(error)


class LeftAsync(Watched):
    """Leaving its `async with` ends the call."""

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> Any:
        try:
            return await self.__wrapped__.__aexit__(kind, error, trace)
        finally:
            self._self_leave(error)
