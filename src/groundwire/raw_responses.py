"""Raw responses of the Stainless-made SDKs: `with_raw_response` and `with_streaming_response`."""

import inspect
import weakref
from typing import Any

from groundwire.bodies import HttpResponse, finish_from_text, tapped, text_of, then
from groundwire.call import Call
from groundwire.streams import watched
from groundwire.watched import Watched


def raw(result: Any, call: Call) -> Any:
    """The response as the application should get it."""
    if getattr(result.http_response, "is_stream_consumed", False) and not call.streamed:
        # The body is here already.
        try:
            if inspect.iscoroutinefunction(result.parse):
                raise TypeError("only the application can await it")
            parsed = result.parse()  # it is cached: the application's own costs nothing more
        except Exception:  # the application's own will tell it
            finish_from_text(call, text_of(result.http_response))
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
        return HttpResponse(self.__wrapped__.http_response, self._self_call)

    def parse(self, *args: Any, **kwargs: Any) -> Any:
        return then(lambda: self.__wrapped__.parse(*args, **kwargs), self._self_parsed, self._self_call)

    def _self_parsed(self, parsed: Any) -> Any:
        if not (hasattr(parsed, "__next__") or hasattr(parsed, "__anext__")):
            self._self_call.succeed(parsed)
            return parsed
        known = self._self_streams.get(id(parsed))
        stream = known() if known is not None else None
        if stream is None:
            stream = watched(parsed, self._self_call)
            self._self_streams[id(parsed)] = weakref.ref(stream)
        # The stream keeps the response alive, not the other way round: dropping it must end the call.
        self._self_ends_with(None)
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
        finish_from_text(self._self_call, text_of(self.__wrapped__.http_response))
        return result

    def iter_bytes(self, *args: Any, **kwargs: Any) -> Any:
        return tapped(self.__wrapped__.iter_bytes(*args, **kwargs), self._self_call)

    def iter_text(self, *args: Any, **kwargs: Any) -> Any:
        return tapped(self.__wrapped__.iter_text(*args, **kwargs), self._self_call)

    def iter_lines(self, *args: Any, **kwargs: Any) -> Any:
        return tapped(self.__wrapped__.iter_lines(*args, **kwargs), self._self_call, line=True)
