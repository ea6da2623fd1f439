"""Results that hold their stream, or a body that has not been read yet, under a key: that part is watched."""

import json
import logging
from collections.abc import Callable, Iterator
from typing import Any

from groundwire.call import Call
from groundwire.streamed import stream_watched
from groundwire.streams import Chunks
from groundwire.watched import Watched
from groundwire.wire import Tap

_log = logging.getLogger(__name__)


def watched(result: Any, part: str, call: Call) -> Any:
    """The same mapping or object with that part of it watched; without such a part the call ends now."""
    if not isinstance(result, dict):
        *path, part = part.split(".")
        holder = result
        for name in path:
            holder = getattr(holder, name, None)
        own = getattr(holder, "__dict__", {})  # a property would be a stream that nobody reads
        if not hasattr(own.get(part), "__next__") and not hasattr(own.get(part), "__anext__"):
            call.succeed(result)
        else:
            setattr(holder, part, stream_watched(own[part], call))
        return result
    if part not in result:
        call.succeed(result)
        return result
    stream = result[part]
    call.expect_stream()
    result[part] = Body(stream, call, result) if call.operation.stream is None else Chunks(stream, call)
    return result


class Body(Watched):
    """A body that the application reads: the call ends with its end, or with whatever had been read of it."""

    def __init__(self, wrapped: Any, call: Call, result: Any, tap: Tap | None = None) -> None:
        super().__init__(wrapped, call)
        self._self_tap = tap or Tap()
        self._self_rest = {key: value for key, value in result.items() if value is not wrapped}
        self._self_part = next((key for key, value in result.items() if value is wrapped), "body")
        self._self_finish = _finisher(call, self._self_tap, self._self_rest, self._self_part)
        self._self_ends_with(self._self_finish)

    def _self_take(self, method: Callable[[], Any], whole: bool) -> Any:
        try:
            piece = method()
        except BaseException as error:
            self._self_call.fail(error)
            raise
        try:
            self._self_tap.feed(b"".join(piece) if isinstance(piece, list) else piece)
        except Exception:
            _log.debug("body could not be read along", exc_info=True)
        if whole or not piece:
            self._self_finish()
        return piece

    def read(self, amt: int | None = None) -> Any:
        return self._self_take(lambda: self.__wrapped__.read(amt), amt is None or amt < 0)

    def readline(self, *args: Any) -> Any:
        return self._self_take(lambda: self.__wrapped__.readline(*args), False)

    def readlines(self, *args: Any) -> Any:
        return self._self_take(lambda: self.__wrapped__.readlines(*args), not args)

    def readinto(self, b: Any) -> Any:
        def read() -> bytes:
            return bytes(memoryview(b)[: self.__wrapped__.readinto(b)])

        return len(self._self_take(read, False))

    def __iter__(self) -> Iterator[Any]:
        # The body's own methods, over the `read` of ours.
        return iter(type(self.__wrapped__).__iter__(self))

    def __next__(self) -> Any:
        return type(self.__wrapped__).__next__(self)

    next = __next__

    def iter_lines(self, *args: Any, **kwargs: Any) -> Any:
        return type(self.__wrapped__).iter_lines(self, *args, **kwargs)

    def iter_chunks(self, *args: Any, **kwargs: Any) -> Any:
        return type(self.__wrapped__).iter_chunks(self, *args, **kwargs)

    def __enter__(self) -> Any:
        entered = self.__wrapped__.__enter__()  # the connection under it
        return Body(entered, self._self_call, {**self._self_rest, self._self_part: entered}, self._self_tap)

    def __exit__(self, *exception: Any) -> Any:
        try:
            return self.__wrapped__.__exit__(*exception)
        finally:
            self._self_finish()

    def close(self) -> Any:
        try:
            return self.__wrapped__.close()
        finally:
            self._self_finish()


def _finisher(call: Call, tap: Tap, rest: dict[str, Any], part: str) -> Callable[[], None]:
    """Ends the call with the result as it came, its body as a document, None where that is none or not all of it."""

    def finish() -> None:
        if call.ended:
            return
        document: Any = None
        try:
            document = json.loads(tap.text())
        except Exception:
            _log.debug("body is no JSON", exc_info=True)
        call.succeed({**rest, part: document})

    return finish
