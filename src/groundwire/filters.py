"""Conditions that choose answers: `gen_ai.request.model=gpt-4o`, `question~refund`, `faithfulness<0.5`.

One spelling for every verb that chooses among stored answers.
"""

import math
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, cast, get_args

from groundwire.errors import ConfigurationError

Comparison: TypeAlias = Literal["!=", ">=", "<=", "=", ">", "<", "~"]
Lookup: TypeAlias = Callable[[str], Any]
"""The value of a name; None: there is none."""

FORM = "ATTR=VALUE, also with !=, >, >=, <, <= or ~ (a regular expression that is found in it)"
_SPELLING = re.compile(r"\s*([^\s=!<>~]+)\s*(!=|>=|<=|=|>|<|~)\s*(.*?)\s*", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Condition:
    """One comparison of an attribute with a value.

    Numbers compare as numbers, true and false by name in any case, all else as text. A list holds what one of its
    entries holds. What is not there equals nothing, so `!=` holds for it and nothing else does.

    >>> Condition.of("tokens > 100").holds({"tokens": 128}.get)
    True
    """

    name: str
    comparison: Comparison
    value: str

    @classmethod
    def of(cls, text: str) -> "Condition":
        """Read one as a user writes it.

        Raises:
            ConfigurationError: it is none, or its regular expression or its number is wrong.
        """
        found = _SPELLING.fullmatch(text)
        if found is None:
            raise ConfigurationError(f"{text!r} is no condition; expected {FORM}")
        name, comparison, value = found.groups()
        assert comparison in get_args(Comparison)
        if comparison == "~":
            try:
                re.compile(value)
            except (re.error, OverflowError, RecursionError) as error:
                raise ConfigurationError(f"{text!r}: {value!r} is no regular expression: {error}") from None
        if comparison in (">", "<", ">=", "<=") and _number(value) is None:
            raise ConfigurationError(f"{text!r}: {value!r} is no number, and {comparison} compares numbers")
        return cls(name, cast(Comparison, comparison), value)

    def __str__(self) -> str:
        return f"{self.name}{self.comparison}{self.value}"

    def holds(self, lookup: Lookup) -> bool:
        """Whether it is so of the thing that `lookup` tells of."""
        found = lookup(self.name)
        if self.comparison == "!=":
            return not _any(found, self._equals)
        if self.comparison == "=":
            return _any(found, self._equals)
        return _any(found, self._matches if self.comparison == "~" else self._compares)

    def _equals(self, found: Any) -> bool:
        if isinstance(found, bool):
            return str(found).lower() == self.value.lower()
        if isinstance(found, int | float) and (wanted := _number(self.value)) is not None:
            return found == wanted
        return str(found) == self.value

    def _matches(self, found: Any) -> bool:
        return re.search(self.value, str(found)) is not None

    def _compares(self, found: Any) -> bool:
        number, wanted = _number(found), _number(self.value)
        if number is None or wanted is None:
            return False
        match self.comparison:
            case ">":
                return number > wanted
            case "<":
                return number < wanted
            case ">=":
                return number >= wanted
            case _:
                return number <= wanted


def conditions(texts: Iterable[str] | None) -> tuple[Condition, ...]:
    """Conditions as a user writes them, of which all must hold.

    Raises:
        ConfigurationError: one of them is none.
    """
    return tuple(map(Condition.of, texts or ()))


def hold(wanted: Iterable[Condition], lookup: Lookup) -> bool:
    """Whether all of them hold; True for none."""
    return all(condition.holds(lookup) for condition in wanted)


def _any(found: Any, test: Callable[[Any], bool]) -> bool:
    if found is None:
        return False
    if isinstance(found, list | tuple | set | frozenset):
        return any(test(entry) for entry in found if entry is not None)
    return test(found)


def _number(value: Any) -> float | None:
    if isinstance(value, bool):
        return None
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return None if math.isnan(number) else number
