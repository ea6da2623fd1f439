"""A library that an adapter needs, and a model that is loaded once."""

import threading
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import Generic, TypeVar

from groundwire.errors import MissingLibrary
from groundwire.fork import on_fork

T = TypeVar("T")


def require(module: str, distribution: str, adapter: str) -> None:
    """Make sure that a library is there, without importing it.

    Raises:
        MissingLibrary: it is not installed; the message says what to install.
    """
    try:
        spec = find_spec(module)
        there = spec is not None and spec.origin is not None  # else a folder of that name, which is no library
    except (ImportError, ValueError):  # of a parent package, or a module that somebody put in its place
        there = False
    if not there:
        raise MissingLibrary(adapter, distribution)


@dataclass(frozen=True, slots=True)
class Loaded(Generic[T]):
    """A model, and the lock that its user holds: tokenizers and metric objects keep state while they work."""

    value: T
    lock: threading.Lock = field(default_factory=threading.Lock)


class Shelf(Generic[T]):
    """Models by the settings they were loaded with. One that two threads want at once is loaded once."""

    def __init__(self) -> None:
        self._models: dict[Hashable, Loaded[T]] = {}
        self.after_fork()
        on_fork(self)

    def after_fork(self) -> None:
        """A lock that another thread of the parent held would never be released here."""
        self._loading = threading.Lock()
        self._models = {key: Loaded(model.value) for key, model in self._models.items()}

    def get(self, settings: Hashable, load: Callable[[], T]) -> Loaded[T]:
        """The model of these settings, loaded if need be; what `load` raises is raised, and tried again next time."""
        if (found := self._models.get(settings)) is not None:
            return found
        with self._loading:
            if (found := self._models.get(settings)) is None:
                found = self._models[settings] = Loaded(load())
        return found
