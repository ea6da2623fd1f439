"""Other instrumentors of this process: where one traces a library already, ours is not to trace it a second time.

OpenTelemetry's own instrumentations, OpenInference, OpenLLMetry and OpenLIT derive from one class, which knows whether
it is active and which libraries it is for. It is looked at where the application has loaded it, and never imported.
"""

import logging
import re
import sys
import weakref
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import wrapt

from groundwire.model import Provider

_log = logging.getLogger(__name__)

_INSTRUMENTOR = "opentelemetry.instrumentation.instrumentor"
_STATEMENTS = tuple(
    f"opentelemetry.instrumentation.{name}"
    for name in (
        "aiopg", "asyncpg", "dbapi", "elasticsearch", "opensearch", "psycopg", "psycopg2", "pymongo", "redis",
        "sqlalchemy",
    )
)  # fmt: skip
"""They say that a statement was run, not what it found: ours goes on beside them."""


@dataclass(frozen=True, slots=True)
class Other:
    """An instrumentor that is not ours."""

    name: str
    """Its class, or its distribution with the version."""
    module: str
    """The package it is in; the scopes of its spans begin with it."""
    libraries: frozenset[str]
    """Distributions that it traces, as the package index compares them."""

    def traces(self, provider: Provider) -> bool:
        """Whether it makes spans of the calls that the provider would."""
        # Of a family of packages others name the one that people speak of: `langchain` for `langchain-core`.
        ours = {provider.name, provider.distribution, provider.module, provider.module.partition(".")[0]}
        return not self.libraries.isdisjoint(map(_compared, ours))


def active() -> list[Other]:
    """Those that are instrumenting in this process now."""
    base = getattr(sys.modules.get(_INSTRUMENTOR), "BaseInstrumentor", None)
    found: list[Other] = []
    for kind in _below(base) if isinstance(base, type) else ():
        with suppress(Exception):  # they are other people's classes
            instance = vars(kind).get("_instance")
            if instance is not None and instance.is_instrumented_by_opentelemetry and not _says_little(kind.__module__):
                module = kind.__module__
                if not hasattr(sys.modules.get(module), "__path__"):
                    module = module.rpartition(".")[0]
                found.append(Other(kind.__name__, module, _libraries(instance.instrumentation_dependencies())))
    return found


def installed() -> list[Other]:
    """Those that are installed, by what they say of themselves; none of them is imported."""
    from importlib.metadata import entry_points

    found: list[Other] = []
    for entry in entry_points(group="opentelemetry_instrumentor"):
        if entry.dist is None or _says_little(entry.module):
            continue
        # `instruments-any`: one of several libraries is enough.
        asked = [r for r in entry.dist.requires or () if re.search(r"extra\s*==\s*['\"]instruments", r)]
        found.append(Other(f"{entry.dist.name} {entry.dist.version}", entry.module, _libraries(asked)))
    return found


def first_that_traces(provider: Provider, others: list[Other]) -> Other | None:
    """The one that ours stands aside for."""
    return next((other for other in others if other.traces(provider)), None)


class Lookout:
    """Calls `changed` after any instrumentor of the process has started or stopped, whenever that is loaded.

    One process-wide: hooks of the import system cannot be taken back.
    """

    def __init__(self, changed: Callable[[], None]) -> None:
        self._changed = changed
        self._wrapped: weakref.WeakSet[type[Any]] = weakref.WeakSet()
        self._waiting = False

    def begin(self) -> None:
        """Look out from now on; a second time does nothing."""
        if (module := sys.modules.get(_INSTRUMENTOR)) is not None:
            self._wrap(module)
        elif not self._waiting:
            self._waiting = True
            wrapt.register_post_import_hook(self._wrap, _INSTRUMENTOR)

    def _wrap(self, module: Any) -> None:
        base = getattr(module, "BaseInstrumentor", None)
        if not isinstance(base, type) or base in self._wrapped:
            return

        def watched(wrapped: Callable[..., Any], instance: Any, args: Any, kwargs: Any) -> Any:
            result = wrapped(*args, **kwargs)
            try:
                self._changed()
            except Exception:
                _log.debug("could not be told of %r", instance, exc_info=True)
            return result

        for name in ("instrument", "uninstrument"):
            if hasattr(base, name):
                setattr(base, name, wrapt.FunctionWrapper(vars(base)[name], watched))
        self._wrapped.add(base)


def _below(base: type[Any]) -> Iterator[type[Any]]:
    for kind in base.__subclasses__():
        yield kind
        yield from _below(kind)


def _says_little(module: str) -> bool:
    return module.startswith("groundwire") or any(f"{module}.".startswith(f"{name}.") for name in _STATEMENTS)


def _libraries(requirements: Any) -> frozenset[str]:
    names = (re.match(r"[A-Za-z0-9][A-Za-z0-9._-]*", str(requirement).strip()) for requirement in requirements)
    return frozenset(_compared(name.group()) for name in names if name)


def _compared(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
