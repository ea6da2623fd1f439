"""Arguments that can be read but once: they become lists before anybody reads them."""

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any

from groundwire.model import NOTHING

_REPEATABLE = frozenset({list, tuple, str, dict, type(None), type(...)})
"""Types whose values are no one-shot iterators: to ask an abstract class takes longer."""


def lists_of(arguments: Mapping[str, Any], names: Sequence[str]) -> Mapping[str, Any]:
    """Those of these arguments that are one-shot iterators, as lists."""
    if _REPEATABLE.issuperset(map(type, map(arguments.get, names))):
        return NOTHING
    return {name: listed(value) for name in names if isinstance(value := arguments.get(name), Iterator)}


def list_inside(arguments: Mapping[str, Any], names: Sequence[str]) -> None:
    """Make lists of one-shot iterators inside an argument, in their places.

    Args:
        arguments: by name.
        names: where they may be, dotted; all in one place, that of the first.
    """
    way, lasts = _place(tuple(names))
    holder: Any = arguments
    for step in way:
        # To ask whether a model is a mapping takes longer than all the rest of this.
        holder = holder.get(step) if isinstance(holder, dict) else getattr(holder, step, None) or _entry(holder, step)
    if isinstance(holder, dict) and (lists := lists_of(holder, lasts)):
        holder.update(lists)


@lru_cache(maxsize=256)
def _place(names: tuple[str, ...]) -> tuple[list[str], list[str]]:
    """The way to what holds the arguments, and what they are called there."""
    return names[0].split(".")[:-1], [name.rpartition(".")[2] for name in names]


def _entry(holder: Any, name: str) -> Any:
    return holder.get(name) if isinstance(holder, Mapping) else None


def listed(value: Any) -> Any:
    """The items of a one-shot iterator, for us and the library to read; anything else as it is."""
    if not isinstance(value, Iterator):
        return value
    items: list[Any] = []
    try:
        items.extend(value)
    except Exception as error:
        # The application's own iterator broke: the library is to meet the same error at the same place.
        return _Broken(items, error)
    return items


class _Broken(Iterator[Any]):
    """Items that end in an error, however often they are read; an iterator, as some libraries read nothing else."""

    def __init__(self, items: list[Any], error: Exception) -> None:
        self._items = items
        self._error = error
        self._reading = iter(self)

    def __iter__(self) -> Iterator[Any]:
        yield from self._items
        raise self._error

    def __next__(self) -> Any:
        return next(self._reading)
