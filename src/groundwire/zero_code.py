"""Instrumenting an application without a line in it: what `groundwire run` hands to the process that it becomes.

Python reads `sitecustomize` before anything else, also before it knows what it is to run: the application's `argv`,
`__main__`, tracebacks, signals and exit code are Python's own, as nothing of ours is around it.
"""

import json
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from groundwire.call import Capture
from groundwire.errors import GroundwireError

_VARIABLE = "GROUNDWIRE_RUN"
_WORKERS = ("multiprocessing.spawn", "multiprocessing.forkserver", "--multiprocessing-fork")
_FOLDER = str(Path(__file__).parent / "startup")


@dataclass(frozen=True, slots=True)
class Settings:
    """Arguments of `groundwire.instrument`, as JSON can hold them."""

    service_name: str | None = None
    export: tuple[str, ...] = ()
    """Empty: where the environment says, else the terminal."""
    evaluators: tuple[str, ...] | None = None
    sample: float = 1.0
    capture: Capture | None = None
    exclude: tuple[str, ...] = ()
    steady_context: bool = True


def environment(settings: Settings, variables: Mapping[str, str] = os.environ) -> dict[str, str]:
    """The variables of a process that is to be instrumented with these settings, if this process becomes it."""
    entries = [entry for entry in variables.get("PYTHONPATH", "").split(os.pathsep) if entry and entry != _FOLDER]
    asked = {"pid": os.getpid() if hasattr(os, "fork") else None, "settings": asdict(settings)}
    return {**variables, "PYTHONPATH": os.pathsep.join([_FOLDER, *entries]), _VARIABLE: json.dumps(asked)}


def begin() -> None:
    """Instrument this process, if it is the application or one of its workers; other programs that it starts are not.

    A mistake in the settings ends the process with code 2 before the application has begun.
    """
    asked = _asked()
    if asked is None:
        os.environ.pop(_VARIABLE, None)  # nor are workers of that program
        return
    from groundwire.instrument import instrument

    try:
        instrument(
            service_name=asked.service_name,
            export=list(asked.export) or None,
            evaluators=asked.evaluators,
            sample=asked.sample,
            capture=asked.capture,
            exclude=asked.exclude,
            steady_context=asked.steady_context,
        )
    except GroundwireError as error:
        print(f"groundwire run: {' '.join(str(error).split())}", file=sys.stderr, flush=True)
        os._exit(2)  # an exception here would be printed, and the application run all the same


def _asked() -> Settings | None:
    try:
        found = json.loads(os.environ.get(_VARIABLE, ""))
        settings = found["settings"]
        for name in ("export", "evaluators", "exclude"):
            if settings[name] is not None:
                settings[name] = tuple(settings[name])
        pid = found["pid"]
        return Settings(**settings) if pid in (None, os.getpid()) or _is_worker(sys.orig_argv) else None
    except (ValueError, KeyError, TypeError):
        return None  # not started by us, or by a version of ours that spoke otherwise


def _is_worker(command: Sequence[str]) -> bool:
    """Whether Python was started by `multiprocessing`, which begins a new process for the same application."""
    return any(word in part for part in command for word in _WORKERS)
