"""What mappings are where nothing is given."""

from collections.abc import Mapping
from typing import Any


class _Nothing(dict[str, Any]):
    """A dict, so that it can be copied and sent to other processes, that may be the default of a dataclass's field."""

    __slots__ = ()
    __hash__ = object.__hash__  # type: ignore[assignment]

    def __reduce__(self) -> str:
        return "NOTHING"


NOTHING: Mapping[str, Any] = _Nothing()
"""One for all: nobody writes into it."""
