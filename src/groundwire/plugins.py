"""Providers and evaluators, found by entry point: ours enter by the same door as a third party's.

Only what is asked for is loaded, so a package that is broken is told of by its name, and harms nobody else.
"""

import logging
from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from groundwire.errors import ConfigurationError, UnknownPlugin
from groundwire.model import Evaluator, Provider

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

_log = logging.getLogger(__name__)

DEFAULT_EVALUATORS = ("faithfulness", "context_relevance", "answer_relevance")
"""What runs unless something else is asked for: local, without a key or a download."""
_PROVIDERS, _EVALUATORS = "groundwire.instrumentation", "groundwire.evaluators"


@lru_cache(maxsize=2)
def _found(group: str) -> "dict[str, list[EntryPoint]]":
    from importlib.metadata import entry_points  # 10 ms that `import groundwire` does not need

    found: dict[str, list[EntryPoint]] = {}
    for entry in entry_points(group=group):
        found.setdefault(entry.name, []).append(entry)
    return found


def provider_names() -> list[str]:
    """Names of all installed providers, sorted."""
    return sorted(_found(_PROVIDERS))


def evaluator_names() -> list[str]:
    """Names of all installed evaluators, sorted."""
    return sorted(_found(_EVALUATORS))


def provider(name: str) -> Provider:
    """The provider of that name.

    Raises:
        UnknownPlugin: nothing installed has that name.
        ConfigurationError: it cannot be loaded, is no provider, or two packages have one of that name.
    """
    entry = _entry(_PROVIDERS, "provider", name)
    found = _loaded(entry, "provider")
    if not isinstance(found, Provider):
        raise ConfigurationError(f"provider {_told(entry)} is no groundwire.Provider but {found!r}")
    return found


def evaluator(name: str) -> Evaluator:
    """The evaluator of that name, with its default settings; or the one that `package.module:object` names.

    Raises:
        UnknownPlugin: nothing installed has that name.
        ConfigurationError: it cannot be loaded, is no evaluator, or two packages have one of that name.
    """
    if ":" in name:
        from groundwire.named_evaluator import imported

        return imported(name)
    from groundwire.named_evaluator import made

    entry = _entry(_EVALUATORS, "evaluator", name)
    return made(_loaded(entry, "evaluator"), _told(entry), name)


def chosen_providers(asked: Sequence[str | Provider] | None, exclude: Sequence[str]) -> list[Provider]:
    """The providers to trace with; of those that nobody asked for by name, the ones whose library is there.

    Args:
        asked: names or objects; None: all.
        exclude: names that are left out.

    Raises:
        UnknownPlugin, ConfigurationError: as `provider`, of names that were given.
    """
    known = provider_names()
    for name in exclude:
        if name not in known:
            provider(name)  # raises, and says what is installed
    if asked is not None:
        entries = [p if isinstance(p, Provider) else provider(p) for p in asked]
        return [p for p in entries if p.name not in exclude]
    found: list[Provider] = []
    for name in known:
        if name in exclude:
            continue
        try:
            entry = provider(name)
        except Exception:  # somebody else's broken plug-in must not keep the others from working
            _log.warning("provider %s could not be loaded", name, exc_info=True)
            continue
        if is_installed(entry):
            found.append(entry)
    return found


def is_installed(found: Provider) -> bool:
    """Whether the provider's library is there; neither it nor a package around it is imported."""
    from importlib.util import find_spec  # of a module inside a package it would import that
    from os.path import exists

    name, *inside = found.module.split(".")
    spec = find_spec(name)
    if spec is None or not inside:
        return spec is not None
    places = list(spec.submodule_search_locations or ())
    for part in inside:
        paths = [f"{place}/{part}" for place in places]
        places = [path for path in paths if exists(path) or exists(f"{path}.py")]
    return bool(places)


def evaluators(names: Sequence[str | Evaluator] | None) -> tuple[Evaluator, ...]:
    """Evaluators by name or as objects; None: the defaults.

    Raises:
        UnknownPlugin: nothing installed has one of the names.
        ConfigurationError: one cannot be loaded, an object is no evaluator, or two have the same name.
    """
    found: list[Evaluator] = []
    for entry in DEFAULT_EVALUATORS if names is None else names:
        if isinstance(entry, str):
            found.append(evaluator(entry))
        elif isinstance(entry, Evaluator) and not isinstance(entry, type):
            found.append(entry)
        else:
            hint = "; @groundwire.evaluator makes one of a function" if callable(entry) else ""
            raise ConfigurationError(
                f"{entry!r} is no evaluator: a name, or an object with name, version, evaluate(chain){hint}"
            )
    seen = [e.name for e in found]
    if len(set(seen)) < len(seen):
        raise ConfigurationError(f"two evaluators have the same name: {', '.join(seen)}")
    return tuple(found)


def _entry(group: str, kind: str, name: str) -> "EntryPoint":
    entries = _found(group).get(name)
    if entries is None:
        raise UnknownPlugin(kind, name, _found(group))
    ours = [entry for entry in entries if entry.dist is not None and entry.dist.name == "groundwire"]
    if ours:
        return ours[0]  # nobody replaces what is ours by being installed
    if len({entry.value for entry in entries}) > 1:
        both = "; ".join(map(_told, entries))
        raise ConfigurationError(f"two packages have {kind} {name!r}: {both}. Uninstall one, or name package.module:it")
    return entries[0]


def _loaded(entry: "EntryPoint", kind: str) -> Any:
    try:
        return entry.load()
    except Exception as error:
        raise ConfigurationError(f"{kind} {_told(entry)} cannot be loaded: {type(error).__name__}: {error}") from error


def _told(entry: "EntryPoint") -> str:
    where = "" if entry.dist is None else f" of {entry.dist.name} {entry.dist.version}"
    return f"{entry.name!r} ({entry.value}{where})"
