"""Bodies of HTTP responses that the application reads itself: ours are read along, piece by piece."""

import inspect
import logging
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import wrapt

from groundwire.call import Call
from groundwire.wire import Tap, parse_document, parse_events

_log = logging.getLogger(__name__)


class HttpResponse(wrapt.ObjectProxy):  # type: ignore[type-arg]
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
        finish_from_text(self._self_call, text_of(self.__wrapped__))
        return result

    def iter_bytes(self, *args: Any, **kwargs: Any) -> Any:
        return tapped(self.__wrapped__.iter_bytes(*args, **kwargs), self._self_call)

    def aiter_bytes(self, *args: Any, **kwargs: Any) -> Any:
        return tapped(self.__wrapped__.aiter_bytes(*args, **kwargs), self._self_call)

    def iter_text(self, *args: Any, **kwargs: Any) -> Any:
        return tapped(self.__wrapped__.iter_text(*args, **kwargs), self._self_call)

    def aiter_text(self, *args: Any, **kwargs: Any) -> Any:
        return tapped(self.__wrapped__.aiter_text(*args, **kwargs), self._self_call)

    def iter_lines(self) -> Any:
        return tapped(self.__wrapped__.iter_lines(), self._self_call, line=True)

    def aiter_lines(self) -> Any:
        return tapped(self.__wrapped__.aiter_lines(), self._self_call, line=True)

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


def text_of(response: Any) -> str:
    """The text of an HTTP response that has been read; empty where it cannot be had without reading."""
    try:
        return str(response.text)
    except Exception:
        return ""


def finish_from_text(call: Call, text: str) -> None:
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


def tapped(pieces: Any, call: Call, *, line: bool = False) -> Any:
    """The pieces of a body, of either kind of iterator, read along; the call ends with them."""
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
        finish_from_text(call, text)

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
