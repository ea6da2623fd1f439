"""Children of a process: what a forked one must not inherit, and what is done before one ends.

Not to be inherited are locks that a thread of its parent holds, and work that is its parent's.
"""

import os
import weakref
from collections.abc import Callable
from typing import Any, Protocol


class Forgetful(Protocol):
    """Something that holds what belongs to the process it was made in."""

    def after_fork(self) -> None:
        """Forget it, in the child."""
        ...


def on_fork(holder: Forgetful) -> None:
    """Have the holder forget in every child, for as long as it lives."""
    reference = weakref.ref(holder)

    def forked() -> None:
        if (alive := reference()) is not None:
            alive.after_fork()

    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=forked)


def before_children_end(end: Callable[[], object]) -> None:
    """Have this called before any process that `multiprocessing` starts ends: forked ones run nothing of `atexit`.

    Args:
        end: a function of a module: it is kept for as long as that lives.
    """
    import wrapt  # a quarter of what `import groundwire` would cost

    def arrange(util: Any) -> None:
        from multiprocessing.process import parent_process

        def arranged(_: object) -> None:
            util.Finalize(None, end, exitpriority=0)

        util.register_after_fork(end, arranged)  # a child forgets what was to be done at its parent's end
        if parent_process() is not None:
            arranged(end)

    wrapt.register_post_import_hook(arrange, "multiprocessing.util")
