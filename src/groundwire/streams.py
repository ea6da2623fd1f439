"""Streams, watched, in whichever way the application reads them.

A span is current until the first chunk is there, for generators make their request when they are first read, and never
between two chunks.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from functools import partial
from typing import Any

from opentelemetry import context as otel_context

from groundwire.call import Call
from groundwire.leaving import leave
from groundwire.watched import Left, LeftAsync, Watched

_END: Any = object()


class Chunks(Watched):
    """A stream of chunks that is read with `for`, and is no iterator itself."""

    def __iter__(self) -> Iterator[Any]:
        # Breaking off this loop does not end the call: another loop may go on where it stopped.
        call = self._self_call
        chunks = iter(self.__wrapped__)
        try:
            # The first one tells the time, and whether the others are collected.
            token = otel_context.attach(call.context)
            try:
                chunk = next(chunks, _END)
            finally:
                otel_context.detach(token)
            if chunk is not _END:
                call.chunk(chunk)
                yield chunk
            add = call.collect
            for chunk in chunks:
                try:
                    add(chunk)
                except Exception:
                    call.unreadable_chunk()
                yield chunk
        except GeneratorExit:
            raise
        except BaseException as error:
            call.fail(error)
            raise
        call.exhaust()

    @property
    def close(self) -> Callable[[], Any]:
        """There if the SDK's own is: some applications ask before they call."""
        return partial(self._self_close, self.__wrapped__.close)

    def _self_close(self, close: Callable[[], Any]) -> Any:
        try:
            return close()
        finally:
            self._self_call.abandon()


class SyncStream(Chunks, Left):
    """A stream of chunks read with `for` or `next`."""

    def __next__(self) -> Any:
        call = self._self_call
        token = None if call.streaming else otel_context.attach(call.context)
        try:
            chunk = self.__wrapped__.__next__()
        except StopIteration:
            call.exhaust()
            raise
        except BaseException as error:
            call.fail(error)
            raise
        finally:
            if token is not None:
                otel_context.detach(token)
        call.chunk(chunk)
        return chunk

    def __enter__(self) -> Any:
        entered = self.__wrapped__.__enter__()
        return self if entered is self.__wrapped__ else entered


class AsyncStream(LeftAsync):
    """A stream of chunks read with `async for` or `anext`."""

    def __aiter__(self) -> AsyncIterator[Any]:
        return _Reading(self, self._self_call)

    def __anext__(self) -> Awaitable[Any]:
        return _Reading(self, self._self_call).__anext__()

    async def __aenter__(self) -> Any:
        entered = await self.__wrapped__.__aenter__()
        return self if entered is self.__wrapped__ else entered

    @property
    def close(self) -> Callable[[], Awaitable[Any]]:
        """There if the SDK's own is, as `aclose`: some applications ask which to call."""
        return partial(self._self_aclose, self.__wrapped__.close)

    @property
    def aclose(self) -> Callable[[], Awaitable[Any]]:
        """There if the SDK's own is."""
        return partial(self._self_aclose, self.__wrapped__.aclose)

    async def _self_aclose(self, close: Callable[[], Awaitable[Any]]) -> Any:
        try:
            return await close()
        finally:
            self._self_call.abandon()


class _Reading:
    """What `async for` reads a stream by; a generator would be closed by the event loop where the loop is left."""

    __slots__ = ("_add", "_call", "_next", "_stream")

    def __init__(self, stream: AsyncStream, call: Call) -> None:
        self._stream = stream  # when that is dropped the call ends
        self._call = call
        self._next: Callable[[], Awaitable[Any]] = stream.__wrapped__.__anext__
        self._add = call.collect if call.streaming else None

    def __aiter__(self) -> "_Reading":
        return self

    async def __anext__(self) -> Any:
        if (add := self._add) is None:
            return await self._first()
        try:
            chunk = await self._next()
        except BaseException as error:
            self._end(error)
            raise
        try:
            add(chunk)
        except Exception:
            self._call.unreadable_chunk()
        return chunk

    async def _first(self) -> Any:
        call = self._call
        token = otel_context.attach(call.context)
        try:
            chunk = await self._next()
        except BaseException as error:
            self._end(error)
            raise
        finally:
            leave(token)
        call.chunk(chunk)
        self._add = call.collect
        return chunk

    @property
    def aclose(self) -> Callable[[], Any]:
        """The stream's, where that is its own iterator; where each loop has one, closing that leaves the stream."""
        wrapped = self._stream.__wrapped__
        own = wrapped.__aiter__()
        return (self._stream if own is wrapped else own).aclose

    def _end(self, error: BaseException) -> None:
        if isinstance(error, StopAsyncIteration):
            self._call.exhaust()
        else:
            self._call.fail(error)


class EitherStream(SyncStream, AsyncStream):
    """A stream that may be read in both ways; `close` is the one of plain code, `aclose` that of coroutines."""


def watched(stream: Any, call: Call) -> Any:
    """A stream of either kind, or of both."""
    call.expect_stream()
    if not hasattr(stream, "__anext__"):
        return SyncStream(stream, call)
    return (EitherStream if hasattr(stream, "__next__") else AsyncStream)(stream, call)
