"""What a forked child must not inherit: locks that a thread of its parent holds, and work that is its parent's."""

import os
import weakref
from typing import Protocol


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
