"""What mappings are where nothing is given."""

from collections.abc import Mapping
from typing import Any, NoReturn, cast


def _refuse(*_: Any, **__: Any) -> NoReturn:
    raise TypeError("this is what every object has where nothing is given: it cannot be written into")


class _Nothing(dict[str, Any]):
    """A dict, so that it can be copied and sent to other processes, that may be the default of a dataclass's field."""

    __slots__ = ()
    __hash__ = object.__hash__  # type: ignore[assignment]

    def __reduce__(self) -> str:
        return "NOTHING"

    __setitem__ = __ior__ = setdefault = update = cast(Any, _refuse)


NOTHING: Mapping[str, Any] = _Nothing()
"""One for all."""
