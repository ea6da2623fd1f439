"""What the application gets in place of a stream or a raw response: the same thing, watched.

The proxies keep type and behaviour (`isinstance`, attributes, `with`, iteration of either kind). A span is current
until the first chunk is there, for generators make their request when they are first read, and never between two
chunks; it ends when the stream runs out, fails, is closed, leaves its `with`, or is dropped.
"""

import _thread
import atexit
import gc
import inspect
import logging
import weakref
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncContextDecorator, ContextDecorator
from types import TracebackType
from typing import Any

import wrapt
from opentelemetry import context as otel_context

from groundwire import semconv
from groundwire.call import Call
from groundwire.wire import Tap, parse_document, parse_events

_log = logging.getLogger(__name__)
_END: Any = object()


def traced(result: Any, call: Call) -> Any:
    """The result as the application should get it; the call ends now, or when what is returned here has ended."""
    try:
        if (part := call.operation.part) is not None:
            return _in_part(result, part, call)
        return (_watchers.get(type(result)) or _watcher(result))(result, call)
    except Exception:
        _log.debug("result could not be watched", exc_info=True)
        call.abandon()
    return result


_watchers: dict[type, Callable[[Any, Call], Any]] = {}
"""By type of a result: asking an SDK's model for an attribute that it lacks is slow, so it is asked once."""


def _watcher(result: Any) -> Callable[[Any, Call], Any]:
    watcher: Callable[[Any, Call], Any] = _plain
    if hasattr(result, "__anext__"):
        watcher = _either_stream if hasattr(result, "__next__") else _async_stream
    elif hasattr(result, "__next__"):
        watcher = _sync_stream
    elif hasattr(result, "http_response") and hasattr(result, "parse"):
        watcher = _raw
    elif inspect.isawaitable(result):
        watcher = _later
    elif isinstance(result, ContextDecorator | AsyncContextDecorator):  # what contextlib makes of a generator
        watcher = _managed
    if len(_watchers) < 1024:
        _watchers[type(result)] = watcher
    return watcher


def _plain(result: Any, call: Call) -> Any:
    call.succeed(result)
    return result


def _in_part(result: Any, part: str, call: Call) -> Any:
    from groundwire.parts import watched  # which builds on this module

    return watched(result, part, call)


def stream_watched(stream: Any, call: Call) -> Any:
    """A stream of either kind, watched."""
    return (_async_stream if hasattr(stream, "__anext__") else _sync_stream)(stream, call)


def _async_stream(result: Any, call: Call) -> Any:
    if call.operation.kind in semconv.HOLDING:
        return _in_steps(result, call)
    return _plain(result, call) if call.operation.stream is None else AsyncStream(result, call)


def _in_steps(result: Any, call: Call) -> Any:
    from groundwire.steps import watched  # which builds on this module

    return watched(result, call)


def _either_stream(result: Any, call: Call) -> Any:
    return _plain(result, call) if call.operation.stream is None else EitherStream(result, call)


def _sync_stream(result: Any, call: Call) -> Any:
    if call.operation.kind in semconv.HOLDING:
        return _in_steps(result, call)
    return _plain(result, call) if call.operation.stream is None else SyncStream(result, call)


def _managed(result: Any, call: Call) -> Any:
    from groundwire.managed import Managed  # which builds on this module

    return _plain(result, call) if call.operation.stream is None else Managed(result, call)


async def _later(result: Awaitable[Any], call: Call) -> Any:
    token = otel_context.attach(call.context)  # a coroutine makes its request when it is awaited
    try:
        value = await result
    except BaseException as error:
        call.fail(error)
        raise
    finally:
        otel_context.detach(token)
    return traced(value, call)


_collecting: set[int] = set()
"""Threads in which the garbage collector runs now."""


def _note_collection(phase: str, _: Any) -> None:
    (_collecting.add if phase == "start" else _collecting.discard)(_thread.get_ident())


def dropped(end: Callable[[], None]) -> None:
    """End a call whose stream is gone.

    The collector runs wherever memory is asked for, also while this very thread holds a lock of the exporter: ending
    the span there would wait for that lock for ever. Starting a thread takes no lock.
    """
    if _thread.get_ident() in _collecting:
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
    while _ends:
        _ends.popitem()[1]()


class Watched(wrapt.ObjectProxy):  # type: ignore[type-arg]
    """A proxy that ends its call when it is dropped. `weakref.finalize` would do that too, in three times the time."""

    def __init__(self, wrapped: Any, call: Call) -> None:
        super().__init__(wrapped)
        if _note_collection not in gc.callbacks:
            gc.callbacks.append(_note_collection)
            atexit.register(_end_all)  # now, so that it runs before what exports the spans
        self._self_call = call
        self._self_ends_with(call.abandon)

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
        if error is None or isinstance(error, GeneratorExit):
            self._self_call.abandon()
        else:
            self._self_call.fail(error)

    @property
    def response(self) -> Any:
        """The HTTP response under a stream: helpers close that instead of the stream."""
        return _HttpResponse(self.__wrapped__.response, self._self_call, self)

    def __copy__(self) -> Any:
        return self

    def __reduce_ex__(self, protocol: Any) -> Any:
        return self.__wrapped__.__reduce_ex__(protocol)


class _HttpResponse(wrapt.ObjectProxy):  # type: ignore[type-arg]
    """The HTTP response under a stream or raw response: what the application reads of it counts, its closing ends."""

    def __init__(self, wrapped: Any, call: Call, keeps: Any = None) -> None:
        super().__init__(wrapped)
        self._self_call = call
        self._self_keeps = keeps  # helpers take the response out of a stream and let go of that: it has not ended

    def read(self) -> Any:
        return then(self.__wrapped__.read, self._self_read, self._self_call)

    def aread(self) -> Any:
        return then(self.__wrapped__.aread, self._self_read, self._self_call)

    def _self_read(self, result: Any) -> Any:
        _finish_from_text(self._self_call, _text(self.__wrapped__))
        return result

    def iter_bytes(self, *args: Any, **kwargs: Any) -> Any:
        return _tapped(self.__wrapped__.iter_bytes(*args, **kwargs), self._self_call)

    def aiter_bytes(self, *args: Any, **kwargs: Any) -> Any:
        return _tapped(self.__wrapped__.aiter_bytes(*args, **kwargs), self._self_call)

    def iter_text(self, *args: Any, **kwargs: Any) -> Any:
        return _tapped(self.__wrapped__.iter_text(*args, **kwargs), self._self_call)

    def aiter_text(self, *args: Any, **kwargs: Any) -> Any:
        return _tapped(self.__wrapped__.aiter_text(*args, **kwargs), self._self_call)

    def iter_lines(self) -> Any:
        return _tapped(self.__wrapped__.iter_lines(), self._self_call, line=True)

    def aiter_lines(self) -> Any:
        return _tapped(self.__wrapped__.aiter_lines(), self._self_call, line=True)

    def close(self) -> Any:
        try:
            return self.__wrapped__.close()
        finally:
            self._self_call.abandon()

    async def aclose(self) -> Any:
        try:
            return await self.__wrapped__.aclose()
        finally:
            self._self_call.abandon()


class Chunks(Watched):
    """A stream of chunks that is read with `for`, and is no iterator itself."""

    def __init__(self, wrapped: Any, call: Call) -> None:
        super().__init__(wrapped, call)
        call.expect_stream()

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

    def close(self) -> Any:
        try:
            return self.__wrapped__.close()
        finally:
            self._self_call.abandon()


class SyncStream(Chunks):
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

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> Any:
        try:
            return self.__wrapped__.__exit__(kind, error, trace)
        finally:
            self._self_leave(error)


class AsyncStream(Watched):
    """A stream of chunks read with `async for` or `anext`."""

    def __init__(self, wrapped: Any, call: Call) -> None:
        super().__init__(wrapped, call)
        call.expect_stream()

    def __aiter__(self) -> AsyncIterator[Any]:
        return _Reading(self, self._self_call)

    def __anext__(self) -> Awaitable[Any]:
        return _Reading(self, self._self_call).__anext__()

    async def __aenter__(self) -> Any:
        entered = await self.__wrapped__.__aenter__()
        return self if entered is self.__wrapped__ else entered

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> Any:
        try:
            return await self.__wrapped__.__aexit__(kind, error, trace)
        finally:
            self._self_leave(error)

    async def close(self) -> Any:
        try:
            return await self.__wrapped__.close()
        finally:
            self._self_call.abandon()

    async def aclose(self) -> Any:
        try:
            return await self.__wrapped__.aclose()
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
            otel_context.detach(token)
        call.chunk(chunk)
        self._add = call.collect
        return chunk

    def _end(self, error: BaseException) -> None:
        if isinstance(error, StopAsyncIteration):
            self._call.exhaust()
        else:
            self._call.fail(error)


class EitherStream(SyncStream, AsyncStream):
    """A stream that may be read in both ways; `close` is the one of plain code, `aclose` that of coroutines."""


# --- raw responses: `with_raw_response` and `with_streaming_response` of the Stainless-made SDKs --------------------


def _raw(result: Any, call: Call) -> Any:
    if getattr(result.http_response, "is_stream_consumed", False) and not call.streamed:
        # The body is here already.
        try:
            if inspect.iscoroutinefunction(result.parse):
                raise TypeError("only the application can await it")
            parsed = result.parse()  # it is cached: the application's own costs nothing more
        except Exception:  # the application's own will tell it
            _finish_from_text(call, _text(result.http_response))
        else:
            call.succeed(parsed)
        return result
    return (_StreamingResponse if hasattr(type(result), "iter_lines") else _RawResponse)(result, call)


class _RawResponse(Watched):
    """A response that the application will parse, maybe into a stream."""

    def __init__(self, wrapped: Any, call: Call) -> None:
        super().__init__(wrapped, call)
        self._self_streams: dict[int, Any] = {}

    @property
    def http_response(self) -> Any:
        return _HttpResponse(self.__wrapped__.http_response, self._self_call)

    def parse(self, *args: Any, **kwargs: Any) -> Any:
        return then(lambda: self.__wrapped__.parse(*args, **kwargs), self._self_parsed, self._self_call)

    def _self_parsed(self, parsed: Any) -> Any:
        if not (hasattr(parsed, "__next__") or hasattr(parsed, "__anext__")):
            self._self_call.succeed(parsed)
            return parsed
        # The stream keeps the response alive, not the other way round: dropping it must end the call.
        self._self_ends_with(None)
        known = self._self_streams.get(id(parsed))
        stream = known() if known is not None else None
        if stream is None:
            stream = traced(parsed, self._self_call)
            self._self_streams[id(parsed)] = weakref.ref(stream)
        return stream

    def close(self) -> Any:
        return then(self.__wrapped__.close, self._self_closed, self._self_call)

    def _self_closed(self, result: Any) -> Any:
        self._self_call.abandon()
        return result


class _StreamingResponse(_RawResponse):
    """A response whose body has not been read: the application reads it, we look over its shoulder."""

    def read(self) -> Any:
        return then(self.__wrapped__.read, self._self_read, self._self_call)

    def text(self) -> Any:
        return then(self.__wrapped__.text, self._self_read, self._self_call)

    def json(self) -> Any:
        return then(self.__wrapped__.json, self._self_read, self._self_call)

    def _self_read(self, result: Any) -> Any:
        _finish_from_text(self._self_call, _text(self.__wrapped__.http_response))
        return result

    def iter_bytes(self, *args: Any, **kwargs: Any) -> Any:
        return _tapped(self.__wrapped__.iter_bytes(*args, **kwargs), self._self_call)

    def iter_text(self, *args: Any, **kwargs: Any) -> Any:
        return _tapped(self.__wrapped__.iter_text(*args, **kwargs), self._self_call)

    def iter_lines(self, *args: Any, **kwargs: Any) -> Any:
        return _tapped(self.__wrapped__.iter_lines(*args, **kwargs), self._self_call, line=True)


def then(method: Callable[[], Any], seen: Callable[[Any], Any], call: Call) -> Any:
    """`seen(method())`, after awaiting where the method is async."""
    try:
        result = method()
    except BaseException as error:
        call.fail(error)
        raise
    if not inspect.isawaitable(result):
        return _passed(result, seen)

    async def later() -> Any:
        try:
            value = await result
        except BaseException as error:
            call.fail(error)
            raise
        return _passed(value, seen)

    return later()


def _passed(result: Any, seen: Callable[[Any], Any]) -> Any:
    try:
        return seen(result)
    except Exception:
        _log.debug("result could not be watched", exc_info=True)
        return result


def _text(response: Any) -> str:
    """The text of an HTTP response that has been read; empty where it cannot be had without reading."""
    try:
        return str(response.text)
    except Exception:
        return ""


def _finish_from_text(call: Call, text: str) -> None:
    """End the call with a body as it came over the wire: a JSON document or server-sent events."""
    try:
        document = parse_document(text)
        if document is not None:
            call.succeed(document)
            return
        call.expect_stream()
        for event in parse_events(text):
            call.chunk(event)
        call.exhaust()
    except Exception:
        _log.debug("body could not be read", exc_info=True)
        call.abandon()


def _tapped(pieces: Any, call: Call, *, line: bool = False) -> Any:
    tap = Tap()

    def watch(piece: Any) -> None:
        try:
            if call.streamed:
                call.expect_stream()
                for event in tap.events(piece, line=line):
                    call.chunk(event)
            else:
                tap.feed(piece)
        except Exception:
            _log.debug("body could not be read along", exc_info=True)

    def finish() -> None:
        if call.streamed:
            call.exhaust()
            return
        try:
            text = tap.text()
        except Exception:
            text = ""
        _finish_from_text(call, text)

    return (
        _tapped_async(pieces, call, watch, finish)
        if hasattr(pieces, "__anext__")
        else _tapped_sync(pieces, call, watch, finish)
    )


def _tapped_sync(pieces: Any, call: Call, watch: Callable[[Any], None], finish: Callable[[], None]) -> Iterator[Any]:
    try:
        for piece in pieces:
            watch(piece)
            yield piece
    except GeneratorExit:
        call.abandon()
        raise
    except BaseException as error:
        call.fail(error)
        raise
    finish()


async def _tapped_async(
    pieces: Any, call: Call, watch: Callable[[Any], None], finish: Callable[[], None]
) -> AsyncIterator[Any]:
    try:
        async for piece in pieces:
            watch(piece)
            yield piece
    except GeneratorExit:
        call.abandon()
        raise
    except BaseException as error:
        call.fail(error)
        raise
    finish()
