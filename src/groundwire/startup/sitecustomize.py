"""What Python runs first in a process that `groundwire run` started: this folder is at the front of PYTHONPATH then.

Nothing else may ever stand in this folder: it would hide modules of that name from the application.
"""

import os
import sys


def _start() -> None:
    here = os.path.dirname(os.path.abspath(__file__))
    sys.path[:] = [entry for entry in sys.path if os.path.abspath(entry or os.curdir) != here]
    ours = sys.modules.pop("sitecustomize", None)
    try:
        import sitecustomize  # type: ignore[import-not-found] # noqa: F401 # pyright: ignore - the one that this one hides, if there is one
    except ModuleNotFoundError as error:
        if error.name != "sitecustomize":
            raise
        if ours is not None:
            sys.modules["sitecustomize"] = ours
    finally:
        from groundwire.zero_code import begin

        begin()


_start()
