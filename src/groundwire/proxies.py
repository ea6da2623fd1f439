"""What the application gets in place of a stream or a raw response: the same thing, watched.

The proxies keep type and behaviour (`isinstance`, attributes, `with`, iteration of either kind). A call ends when its
stream runs out, fails, is closed, leaves its `with`, or is dropped.
"""

import inspect
import logging
from collections.abc import Awaitable, Callable
from contextlib import AsyncContextDecorator, ContextDecorator
from typing import Any

from opentelemetry import context as otel_context

from groundwire import parts
from groundwire.call import Call
from groundwire.leaving import leave
from groundwire.raw_responses import raw
from groundwire.streamed import stream_watched

_log = logging.getLogger(__name__)


def traced(result: Any, call: Call) -> Any:
    """The result as the application should get it; the call ends now, or when what is returned here has ended."""
    try:
        if (part := call.operation.part) is not None:
            return parts.watched(result, part, call)
        return (_watchers.get(type(result)) or _watcher(result))(result, call)
    except Exception:
        _log.debug("result could not be watched", exc_info=True)
        call.abandon()
    return result


_watchers: dict[type, Callable[[Any, Call], Any]] = {}
"""By type of a result: asking an SDK's model for an attribute that it lacks is slow, so it is asked once."""


def _watcher(result: Any) -> Callable[[Any, Call], Any]:
    watcher: Callable[[Any, Call], Any] = plain
    if hasattr(result, "__anext__") or hasattr(result, "__next__"):
        watcher = stream_watched
    elif hasattr(result, "http_response") and hasattr(result, "parse"):
        watcher = raw
    elif inspect.isawaitable(result):
        watcher = _later
    elif isinstance(result, ContextDecorator | AsyncContextDecorator):  # what contextlib makes of a generator
        from groundwire.managed import managed  # which builds on this module

        watcher = managed
    if len(_watchers) < 1024:
        _watchers[type(result)] = watcher
    return watcher


def plain(result: Any, call: Call) -> Any:
    """A result that is there at once: it ends the call."""
    call.succeed(result)
    return result


async def _later(result: Awaitable[Any], call: Call) -> Any:
    token = otel_context.attach(call.context)  # a coroutine makes its request when it is awaited
    try:
        value = await result
    except BaseException as error:
        call.fail(error)
        raise
    finally:
        leave(token)
    return traced(value, call)
