"""Replacing the methods of libraries that providers declare, and putting them back."""

import contextvars
import importlib
import logging
import sys
import threading
from collections.abc import Callable, Set
from dataclasses import dataclass
from time import monotonic, sleep
from typing import Any, TypeAlias

import wrapt

from groundwire.hushed import HushedTracer
from groundwire.model import Operation, Provider, Substitute
from groundwire.substitutes import handing_out, substitute

_log = logging.getLogger(__name__)

Function: TypeAlias = Callable[..., Any]
Wrap: TypeAlias = Callable[
    [Provider, tuple[Operation, ...], Function],
    Callable[[Function, Any, tuple[Any, ...], dict[str, Any]], Any],
]
"""(provider, the operations that a method is, that method) -> what is called in its place, as wrapt calls it."""


@dataclass(frozen=True, slots=True)
class _Patch:
    owner: Any
    attribute: str
    original: Any
    """None where the attribute was inherited: undoing means deleting."""
    wrapper: Any


class Patches:
    """All that has been replaced.

    Args:
        wrap: makes what is called in place of a method.
        told: whether a call that runs here and now tells what this provider's library does, so that it makes no span.
    """

    def __init__(self, wrap: Wrap, told: Callable[[Provider], bool]) -> None:
        self._wrap = wrap
        self._told = told
        self._patches: list[_Patch] = []
        self._substitutes: dict[str, type[Any]] = {}
        self.active = True
        """Whether what is called in place of methods traces; False once they are put back."""

    def add(self, provider: Provider) -> None:
        """Patch the provider's library: now if it is imported, else when it will be."""
        if _is_being_imported(provider.module):
            threading.Thread(target=self._patch_when_imported, args=(provider,), daemon=True).start()
        elif provider.module in sys.modules:
            self._patch(provider)
        else:
            wrapt.register_post_import_hook(lambda _: self._patch_late(provider), provider.module)

    def undo(self) -> None:
        """Restore every patched method. Wrappers that the application still holds pass calls through."""
        self.active = False
        while self._patches:
            patch = self._patches.pop()
            if vars(patch.owner).get(patch.attribute) is not patch.wrapper:
                continue  # somebody wrapped after us: taking ours out would take theirs out as well
            if patch.original is None:
                delattr(patch.owner, patch.attribute)
            else:
                setattr(patch.owner, patch.attribute, patch.original)

    def _patch_when_imported(self, provider: Provider) -> None:
        """Another thread imports the library: to import parts of it now would break that for the application."""
        until = monotonic() + _IMPORTED_WITHIN_S
        while self.active and _is_being_imported(provider.module) and monotonic() < until:
            sleep(0.001)
        if provider.module in sys.modules:
            self._patch_late(provider)
        elif self.active:  # it failed, and may be tried again
            self.add(provider)

    def _patch_late(self, provider: Provider) -> None:
        if self.active:
            try:
                self._patch(provider)
            except Exception:
                _log.warning("%s could not be instrumented", versioned(provider), exc_info=True)

    def _patch(self, provider: Provider) -> None:
        by_target: dict[str, list[Operation]] = {}
        for operation in provider.operations:
            for target in operation.targets:
                by_target.setdefault(target, []).append(operation)
        found: set[str] = set()
        for each in provider.substitutes:
            try:
                self._substitute(each)
            except (ImportError, AttributeError):
                _log.debug("%s: no %s in this version", provider.name, each.of)
        for target, operations in by_target.items():
            try:
                self._patch_target(provider, target, tuple(operations))
                found.update(operation.kind for operation in operations)
            except (ImportError, AttributeError):
                _log.debug("%s: no %s in this version", provider.name, target)
        for target in provider.executors:
            try:
                self._patch_executor(target)
            except (ImportError, AttributeError):
                _log.debug("%s: no %s in this version", provider.name, target)
        for target in provider.tracers:
            try:
                self._hush(provider, target)
            except (ImportError, AttributeError):
                _log.debug("%s: no %s in this version", provider.name, target)
        self._tell_missing(provider, found)

    def _tell_missing(self, provider: Provider, found: Set[str]) -> None:
        """One warning about the kinds of calls of which this version has no method that we know."""
        missing = [o for o in provider.operations if o.kind not in found]
        if missing:
            first, *others = dict.fromkeys(target for operation in missing for target in operation.targets)
            _log.warning(
                "%s has none of the methods that groundwire knows%s (%s%s): its calls are not traced",
                versioned(provider),
                f" for {' and '.join(sorted({o.kind for o in missing}))}" if found else "",
                first,
                f" and {len(others)} more" if others else "",
            )

    def _patch_target(self, provider: Provider, target: str, operations: tuple[Operation, ...]) -> None:
        module_name, _, path = target.partition(":")
        owner: Any = importlib.import_module(module_name)
        *parents, attribute = path.split(".")
        for name in parents:
            owner = getattr(owner, name.removesuffix("+"))
        owner = self._substitutes.get(f"{module_name}:{'.'.join(parents)}", owner)
        if not path.endswith(f"+.{attribute}"):
            self._patch_method(provider, owner, attribute, operations)
        elif not (isinstance(owner, type) and issubclass(owner, type)):
            for each in _family(owner, attribute):
                self._patch_method(provider, each, attribute, operations)
            self._patch_heirs(provider, owner, attribute, operations)
        else:
            for each in _made_by(owner, attribute):
                self._patch_method(provider, each, attribute, operations)
            self._patch_births(provider, owner, attribute, operations)

    def _patch_method(self, provider: Provider, owner: Any, attribute: str, operations: tuple[Operation, ...]) -> None:
        operations = tuple(o for o in operations if o.of is None or _is_of(o.of, owner))
        if not operations:
            return
        function = getattr(owner, attribute)
        own = vars(owner).get(attribute)
        # A class that was made out of another's namespace has our wrapper in it.
        own = next((patch.original for patch in self._patches if patch.wrapper is own), own)
        traced_call = self._wrap(provider, operations, function)
        wrapper = wrapt.FunctionWrapper(own if own is not None else function, traced_call)
        setattr(owner, attribute, wrapper)
        self._patches.append(_Patch(owner, attribute, own, wrapper))

    def _patch_heirs(self, provider: Provider, owner: Any, attribute: str, operations: tuple[Operation, ...]) -> None:
        """Classes that are derived later, as those of modules that are imported then."""
        own = vars(owner).get("__init_subclass__")

        def derived(made: type[Any], /, **kwargs: Any) -> None:
            initialize = super(owner, made).__init_subclass__ if own is None else own.__get__(None, made)
            initialize(**kwargs)
            self._patch_born(provider, made, attribute, operations)

        wrapper = classmethod(derived)
        owner.__init_subclass__ = wrapper
        self._patches.append(_Patch(owner, "__init_subclass__", own, wrapper))

    def _patch_births(
        self, provider: Provider, metaclass: Any, attribute: str, operations: tuple[Operation, ...]
    ) -> None:
        initialize = metaclass.__init__

        def born(made: type[Any], *args: Any, **kwargs: Any) -> None:
            initialize(made, *args, **kwargs)
            self._patch_born(provider, made, attribute, operations)

        self._patches.append(_Patch(metaclass, "__init__", vars(metaclass).get("__init__"), born))
        metaclass.__init__ = born

    def _patch_born(self, provider: Provider, made: Any, attribute: str, operations: tuple[Operation, ...]) -> None:
        try:
            if self.active and attribute in vars(made):
                self._patch_method(provider, made, attribute, operations)
        except Exception:
            _log.debug("%s: %r could not be instrumented", provider.name, made, exc_info=True)

    def _patch_executor(self, target: str) -> None:
        module_name, _, attribute = target.partition(":")
        owner = importlib.import_module(module_name)
        original = getattr(owner, attribute)
        carrying = _carrying(original)
        setattr(owner, attribute, carrying)
        self._patches.append(_Patch(owner, attribute, original, carrying))

    def _substitute(self, needed: Substitute) -> None:
        owner, attribute = _placed(needed.made_by)
        made = self._substitutes[needed.of] = substitute(getattr(*_placed(needed.of)), needed.methods)
        original = getattr(owner, attribute)
        wrapper = handing_out(made, needed.attribute, lambda: self.active, original)
        setattr(owner, attribute, wrapper)
        self._patches.append(_Patch(owner, attribute, original, wrapper))

    def _hush(self, provider: Provider, target: str) -> None:
        module_name, _, attribute = target.partition(":")
        owner = importlib.import_module(module_name)
        original = getattr(owner, attribute)

        hushed = HushedTracer(original, lambda: self._told(provider))
        setattr(owner, attribute, hushed)
        self._patches.append(_Patch(owner, attribute, original, hushed))


_IMPORTED_WITHIN_S = 60.0


def _is_being_imported(module: str) -> bool:
    spec = getattr(sys.modules.get(module), "__spec__", None)
    return bool(getattr(spec, "_initializing", False))  # as the import system itself asks


def _placed(target: str) -> tuple[Any, str]:
    module_name, _, attribute = target.partition(":")
    return importlib.import_module(module_name), attribute


def _is_of(of: Callable[[Any], bool], owner: Any) -> bool:
    try:
        return of(owner)
    except Exception:
        _log.debug("%r cannot be told", owner, exc_info=True)
        return False


def _family(owner: type[Any], attribute: str) -> list[type[Any]]:
    """The class, and all below it that have the method of their own."""
    found = {owner: None}
    for each in owner.__subclasses__():
        found |= dict.fromkeys(f for f in _family(each, attribute) if attribute in vars(f))
    return list(found)


def _made_by(metaclass: type[Any], attribute: str) -> list[type[Any]]:
    """All classes of a metaclass that have the method of their own."""
    found: list[type[Any]] = []
    seen: set[int] = set()  # not the classes: a metaclass may say itself how they are hashed and compared
    below: list[type[Any]] = [object]
    while below:
        for each in type.__subclasses__(below.pop()):
            if id(each) not in seen:
                seen.add(id(each))
                below.append(each)
                if isinstance(each, metaclass) and attribute in vars(each):
                    found.append(each)
    return found


def _carrying(executor: type[Any]) -> type[Any]:
    """The executor, but that what it is given runs in the context in which it was given."""

    def submit(self: Any, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
        return executor.submit(self, contextvars.copy_context().run, function, *args, **kwargs)

    return type(executor.__name__, (executor,), {"submit": submit, "__module__": executor.__module__})


def versioned(provider: Provider) -> str:
    """The provider's library and its version, as a warning names it."""
    import importlib.metadata

    try:
        return f"{provider.distribution} {importlib.metadata.version(provider.distribution)}"
    except importlib.metadata.PackageNotFoundError:
        return f"{provider.distribution} (version unknown)"
