"""Steady context: work that is handed to another thread keeps the span it was handed over under.

asyncio carries context variables along by itself (tasks, `to_thread`, callbacks of the loop), threads and executors do
not: a retrieval in `ThreadPoolExecutor.map` would be a trace of its own. Only OpenTelemetry's context goes along, never
the application's other variables, and only where there is one: outside a span nothing is touched.

What stands in place of the standard library's methods are plain functions under their names, not proxies: they can be
pickled, subclassed, inspected and compared as before. Each is put in once, and taken out again unless somebody has
wrapped it since; then it passes calls through.
"""

import functools
import logging
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from multiprocessing.pool import ThreadPool
from types import MethodType
from typing import Any

from opentelemetry import context as otel_context
from opentelemetry.context import Context

_log = logging.getLogger(__name__)

_WORKERS = ("concurrent.futures.", "multiprocessing.", "opentelemetry.", "groundwire.")
"""Modules whose threads outlive whoever started them: what a worker does belongs to whoever asked for it."""


class Carried:
    """A callable that runs under the context in which it was handed over. Pickled, it is the callable alone."""

    __slots__ = ("__weakref__", "_context", "_function")

    def __init__(self, function: Callable[..., Any], context: Context) -> None:
        self._function = function
        self._context = context

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        token = otel_context.attach(self._context)
        try:
            return self._function(*args, **kwargs)
        finally:
            otel_context.detach(token)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._function, name)  # `__name__`, for those who log what they run

    def __reduce__(self) -> tuple[Any, ...]:
        return _itself, (self._function,)


def _itself(function: Callable[..., Any]) -> Callable[..., Any]:
    return function


class _Switch:
    """Whether the functions of one installation still do anything, and what they take to be the context."""

    __slots__ = ("context", "on")

    def __init__(self, context: Callable[[], Context] = otel_context.get_current) -> None:
        self.context = context
        self.on = True


@dataclass(frozen=True, slots=True)
class _Replaced:
    owner: type[Any]
    name: str
    before: Any
    """None where the method was inherited."""
    now: Any


class Steadiness:
    """What `instrument()` puts into the standard library, and `uninstrument()` takes out; both hold a lock."""

    def __init__(self, context: Callable[[], Context] = otel_context.get_current) -> None:
        self._context = context
        self._replaced: list[_Replaced] = []
        self._switch: _Switch | None = None

    def install(self) -> None:
        """Replace the methods; a second time does nothing."""
        if self._switch is not None:
            return
        self._switch = switch = _Switch(self._context)
        for owner, name in (
            (ThreadPoolExecutor, "submit"),  # of `map` and `run_in_executor` too
            (Future, "add_done_callback"),
            (ThreadPool, "apply_async"),
            (ThreadPool, "_map_async"),  # of `map`, `starmap` and their kin
            (ThreadPool, "imap"),
            (ThreadPool, "imap_unordered"),
        ):
            self._replace(owner, name, _handing_over(getattr(owner, name), switch))
        self._replace(threading.Thread, "start", _starting(threading.Thread.start, switch))

    def hand_over(self, context: Callable[[], Context]) -> None:
        """Take what this tells to be the context of whoever hands work over."""
        self._context = context
        if self._switch is not None:
            self._switch.context = context

    def remove(self) -> None:
        """Put the methods back that nobody has wrapped since; the others only pass calls through from now on."""
        if self._switch is not None:
            self._switch.on = False
            self._switch = None
        while self._replaced:
            each = self._replaced.pop()
            if vars(each.owner).get(each.name) is not each.now:
                continue
            if each.before is None:
                delattr(each.owner, each.name)
            else:
                setattr(each.owner, each.name, each.before)

    def _replace(self, owner: type[Any], name: str, now: Any) -> None:
        if not hasattr(owner, name):
            return  # `_map_async` is private, and may go
        self._replaced.append(_Replaced(owner, name, vars(owner).get(name), now))
        setattr(owner, name, now)


def _handing_over(original: Callable[..., Any], switch: _Switch) -> Callable[..., Any]:
    """The method, but that the callable that it is given first carries the context along."""

    @functools.wraps(original)
    def handing_over(*args: Any, **kwargs: Any) -> Any:
        context = switch.context()
        if context and switch.on and len(args) > 1 and callable(args[1]):
            args = (args[0], Carried(args[1], context), *args[2:])
        return original(*args, **kwargs)

    return handing_over


def _starting(original: Callable[..., None], switch: _Switch) -> Callable[..., None]:
    @functools.wraps(original)
    def start(self: threading.Thread, *args: Any, **kwargs: Any) -> None:
        context = switch.context()
        if not context or not switch.on or not _works_for_its_starter(self):
            return original(self, *args, **kwargs)
        put_back = _carry(self, context)
        try:
            return original(self, *args, **kwargs)
        except BaseException:
            put_back(self)  # it was started before, or the system has no thread left
            raise

    return start


def _carry(thread: threading.Thread, context: Context) -> Callable[[threading.Thread], None]:
    """Have the thread run under the context; a function that undoes it.

    The thread has a `run` of its own until it runs: one for good would keep it alive until the next collection.
    """
    before = vars(thread).get("run")

    def run(self: threading.Thread) -> None:
        put_back(self)
        token = otel_context.attach(context)
        try:
            if before is None:
                type(self).run(self)
            else:
                before()
        finally:
            otel_context.detach(token)

    carried: MethodType | None = MethodType(
        run, thread
    )  # a method, as others who put a `run` around it look for its function

    def put_back(self: threading.Thread) -> None:
        nonlocal carried
        if vars(self).get("run") is carried:
            if before is None:
                del self.run
            else:
                self.run = before  # type: ignore[method-assign]
        carried = None  # no longer holds the thread

    try:
        thread.run = carried  # type: ignore[method-assign,assignment]
    except Exception:  # a subclass that lets nothing be set
        _log.debug("%r does not take the context along", thread, exc_info=True)
    return put_back


def _works_for_its_starter(thread: threading.Thread) -> bool:
    """Whether the thread does what its starter wants; a worker does what others will give it."""
    if getattr(thread, "_context", None) is not None:
        return False  # `Thread(context=...)`, from Python 3.14 on: its author has said
    target = getattr(thread, "_target", None)
    if getattr(target, "__name__", "") == "run_forever":
        return False  # an event loop: each callback comes with the context of whoever scheduled it
    made_by = getattr(target, "__module__", None) or type(thread).__module__
    return not f"{made_by}.".startswith(_WORKERS) and not thread.name.startswith("groundwire-")
