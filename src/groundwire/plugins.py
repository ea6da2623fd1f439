"""Providers and evaluators, found by entry point: ours enter by the same door as a third party's."""

from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

from groundwire.errors import ConfigurationError, UnknownPlugin
from groundwire.model import Evaluator, Provider

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

DEFAULT_EVALUATORS = ("faithfulness", "context_relevance", "answer_relevance")
"""What runs unless something else is asked for: local, without a key or a download."""


@lru_cache(maxsize=2)
def _found(group: str) -> "dict[str, EntryPoint]":
    from importlib.metadata import entry_points  # 10 ms that `import groundwire` does not need

    return {entry.name: entry for entry in entry_points(group=group)}


def provider_names() -> list[str]:
    """Names of all installed providers, sorted."""
    return sorted(_found("groundwire.instrumentation"))


def evaluator_names() -> list[str]:
    """Names of all installed evaluators, sorted."""
    return sorted(_found("groundwire.evaluators"))


def provider(name: str) -> Provider:
    """The provider of that name.

    Raises:
        UnknownPlugin: nothing installed has that name.
    """
    entry = _found("groundwire.instrumentation").get(name)
    if entry is None:
        raise UnknownPlugin("provider", name, provider_names())
    found = entry.load()
    if not isinstance(found, Provider):
        raise ConfigurationError(f"provider {name!r} ({entry.value}) is no groundwire.Provider but {found!r}")
    return found


def evaluator(name: str) -> Evaluator:
    """A new evaluator of that name, with its default settings.

    Raises:
        UnknownPlugin: nothing installed has that name.
    """
    entry = _found("groundwire.evaluators").get(name)
    if entry is None:
        raise UnknownPlugin("evaluator", name, evaluator_names())
    made = entry.load()()
    if not isinstance(made, Evaluator):
        raise ConfigurationError(f"evaluator {name!r} ({entry.value}) has no name, version and evaluate(chain)")
    return made


def evaluators(names: Sequence[str | Evaluator] | None) -> tuple[Evaluator, ...]:
    """Evaluators by name or as objects; None: the defaults.

    Raises:
        UnknownPlugin: nothing installed has one of the names.
        ConfigurationError: an object is no evaluator, or two have the same name.
    """
    made: list[Evaluator] = []
    for entry in DEFAULT_EVALUATORS if names is None else names:
        if isinstance(entry, str):
            made.append(evaluator(entry))
        elif isinstance(entry, Evaluator) and not isinstance(entry, type):
            made.append(entry)
        else:
            raise ConfigurationError(
                f"{entry!r} is no evaluator: a name, or an object with name, version, evaluate(chain)"
            )
    seen = [e.name for e in made]
    if len(set(seen)) < len(seen):
        raise ConfigurationError(f"two evaluators have the same name: {', '.join(seen)}")
    return tuple(made)
