"""Which rows belong together: by task, generator, length of the answer, or any column of the rows."""

from collections.abc import Sequence

import numpy as np

from groundwire.agreement.figures import Indices
from groundwire.errors import ConfigurationError
from groundwire.labelled_row import Labelled

LENGTHS = ((25, "to 25 words"), (50, "26 to 50"), (100, "51 to 100"), (200, "101 to 200"))
_LONGEST = "over 200"


def groups(rows: Sequence[Labelled], key: str) -> dict[str, Indices]:
    """Row indices by the rows' value for a key, in the order of the values' names; rows without a value are in none.

    Args:
        rows: Labelled rows.
        key: `task`, `generator`, `length` (words of the answer), `file`, `source`, or any column of the rows.
    """
    found: dict[str, list[int]] = {}
    for i, row in enumerate(rows):
        value = _value(row, key)
        if value:
            found.setdefault(value, []).append(i)
    names = [name for _, name in LENGTHS] + [_LONGEST] if key == "length" else sorted(found)
    return {name: np.asarray(found[name]) for name in names if name in found}


def checked(rows: Sequence[Labelled], keys: Sequence[str]) -> None:
    """Raise unless every key divides some rows.

    Raises:
        ConfigurationError: no row has a value for a key; the message lists the keys that there are.
    """
    for key in keys:
        if not groups(rows, key):
            there = sorted({"task", "generator", "length", "file", "source"}.union(*(r.columns for r in rows)))
            raise ConfigurationError(f"no row has a value for {key!r}; there are {', '.join(there)}")


def _value(row: Labelled, key: str) -> str:
    if key == "length":
        n = len(row.answer.split())
        return next((name for most, name in LENGTHS if n <= most), _LONGEST) if n else ""
    if key in ("task", "generator", "file", "source"):
        return str(getattr(row, key))
    return row.columns.get(key, "")
