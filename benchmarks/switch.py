"""Groundwire switched on once, as an application does it, and off for single calls.

To patch a class anew for each block of calls would slow the SDK down: the interpreter forgets what it knew of a class
that changes.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from functools import partial
from typing import Any, TypeAlias

from opentelemetry.sdk.trace import TracerProvider

import groundwire
from groundwire import plugins, runtime
from groundwire.engine import Engine

Subject: TypeAlias = tuple[Callable[[], Any], Callable[[], AbstractContextManager[None]]]
"""A call, and what it is made in."""


@contextlib.contextmanager
def switched_on(client: str, provider: TracerProvider) -> Iterator[Callable[[], AbstractContextManager[None]]]:
    """Traces calls of one client, without scoring, and gives what switches that off for as long as it is entered.

    Switched off, wrappers pass calls through as they do after `uninstrument()`, in about a microsecond.
    """
    groundwire.instrument(tracer_provider=provider, providers=[], evaluators=[], steady_context=False)
    now = runtime.current()
    assert now is not None
    engine = Engine(now.tracer, now.recorder)
    engine.instrument(plugins.provider(client))
    yield partial(_off, engine)
    engine.uninstrument()
    groundwire.shutdown()


@contextlib.contextmanager
def _off(engine: Engine) -> Iterator[None]:
    engine._patches.active = False
    try:
        yield
    finally:
        engine._patches.active = True
