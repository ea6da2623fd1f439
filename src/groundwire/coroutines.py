"""Coroutines, run to completion from code that is not async: one loop on one thread, for all of them.

A loop for each call would be simpler, but a client that an evaluator keeps (`openai.AsyncOpenAI`, `httpx.AsyncClient`)
belongs to the loop it was first used on, and breaks on the second. Nor may it be the application's own loop: the
caller may be standing on it, and would wait for itself.
"""

import asyncio
import threading
from collections.abc import Awaitable
from typing import Any, TypeVar

from groundwire.fork import on_fork

T = TypeVar("T")


async def _awaited(awaitable: Awaitable[T]) -> T:
    return await awaitable


class _Loop:
    """A loop that runs for as long as the process, on a daemon thread that the first coroutine starts."""

    def __init__(self) -> None:
        self.after_fork()
        on_fork(self)

    def after_fork(self) -> None:
        """The thread did not come along into the child: the next coroutine starts another."""
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    def running(self) -> asyncio.AbstractEventLoop:
        """The loop, started if need be."""
        with self._lock:
            if self._loop is None or self._thread is None or not self._thread.is_alive():
                self._loop = asyncio.new_event_loop()
                self._thread = threading.Thread(
                    target=self._loop.run_forever, name="groundwire-coroutines", daemon=True
                )
                self._thread.start()
            return self._loop

    def holds_caller(self) -> bool:
        """Whether the caller runs on the loop itself, and would wait for ever."""
        return self._thread is threading.current_thread()


_LOOP = _Loop()


def completed(awaitable: Awaitable[T]) -> T:
    """The result of the awaitable, which runs in the caller's context variables while the caller waits.

    Raises:
        RuntimeError: the caller is itself a coroutine that was run here.
        BaseException: whatever the awaitable raised.
    """
    if _LOOP.holds_caller():
        close: Any = getattr(awaitable, "close", None)
        if close is not None:
            close()  # or Python would complain that it was never awaited
        raise RuntimeError("an async evaluator cannot wait for another one: await its function instead")
    future = asyncio.run_coroutine_threadsafe(_awaited(awaitable), _LOOP.running())
    try:
        return future.result()
    except BaseException:
        future.cancel()  # the caller was interrupted: nobody waits for it any more
        raise
