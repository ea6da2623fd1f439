"""Several answers, or several judges, at the same time."""

import threading
from collections.abc import Callable, Sequence
from contextvars import copy_context
from itertools import count
from typing import TypeAlias

from groundwire.model import Score, Skipped

Outcome: TypeAlias = Score | Skipped | Exception


def at_once(tasks: Sequence[Callable[[], Score | Skipped]], width: int) -> list[Outcome]:
    """What each gives or raises, in their order.

    Threads of our own, that die with the process: those of a pool would hold up its end while a judge hangs.

    Args:
        tasks: called once each.
        width: at most so many at a time.
    """
    outcomes: dict[int, Outcome] = {}
    numbers = count()

    def work() -> None:
        while (n := next(numbers)) < len(tasks):  # a step of `count` is one step of the interpreter
            try:
                outcomes[n] = tasks[n]()
            except Exception as error:
                outcomes[n] = error

    width = min(width, len(tasks))
    if width < 2:
        work()
        return [outcomes[n] for n in range(len(tasks))]
    # Each thread has a copy of the caller's context: what is untraced here stays so there.
    threads = [
        threading.Thread(target=copy_context().run, args=(work,), name="groundwire-judge", daemon=True)
        for _ in range(width)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return [outcomes[n] for n in range(len(tasks))]
