"""Values as JSON writes them in OTLP and in what resembles it: ids, integers, enums, AnyValues.

Shape: the protobuf JSON mapping of opentelemetry-proto `common.proto`. Ids are hex there; Tempo writes base64, told
apart by length. 64-bit integers are strings, other writers use numbers. Names are in camel case or in snake case.
Every function raises `ValueError` or `TypeError` where a value makes no sense.
"""

import base64
import binascii
import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeAlias, cast

Complaint: TypeAlias = Callable[[str], None]
"""Takes what was wrong with a part that is left out: one call for each part."""

_TIMES = range(2**64)


_KINDS = ("string", "bool", "int", "double", "array", "kvlist", "bytes")
_ANY_VALUE = frozenset(kind + end for kind in _KINDS for end in ("Value", "_value"))


def identity(value: Any, n_bytes: int) -> str | None:
    """Lower-case hex, from hex or base64; None where it is absent or all zeros."""
    if value is None or value == "":
        return None
    if not isinstance(value, str):
        raise ValueError(f"id {value!r:.40} is no text")
    digits = value.lower()
    if len(value) != 2 * n_bytes:
        digits = value.lower().removeprefix("0x")
    if len(digits) != 2 * n_bytes:
        try:
            raw = base64.b64decode(value, altchars=b"-_" if "-" in value or "_" in value else None, validate=True)
        except (binascii.Error, ValueError):
            raw = b""
        if len(raw) != n_bytes:
            raise ValueError(f"id {value[:40]!r} is neither {2 * n_bytes} hex digits nor base64 of {n_bytes} bytes")
        digits = raw.hex()
    if digits.strip("0123456789abcdef"):
        raise ValueError(f"id {value[:40]!r} is not hexadecimal")
    return digits if digits.strip("0") else None


def instant(value: Any) -> int | None:
    """Unix time in nanoseconds, given as number or digits; None where it is absent."""
    found = integer(value)
    if found is not None and found not in _TIMES:
        raise ValueError(f"time {found!r:.30} is out of range")
    return found


def integer(value: Any) -> int | None:
    """A number given as such or as digits; None where it is absent."""
    if value is None or value == "":
        return None
    if isinstance(value, float):
        if not math.isfinite(value):
            raise ValueError(f"{value} is no integer")
        return round(value)
    if not isinstance(value, str | int):
        raise ValueError(f"found {kind_of_json(value)} where a number should be")
    return int(value)


def word(value: Any, prefix: str, words: tuple[Any, ...], default: Any) -> Any:
    """An enum given as number, as digits, or by name."""
    if isinstance(value, str):
        name = value.upper().removeprefix(prefix).lower()
        if name in words:
            return name
        value = int(name) if name.isdecimal() and len(name) < 9 else None
    if isinstance(value, int | float) and 0 <= value < len(words):
        return words[int(value)]
    return default


def attributes_of(value: Any) -> dict[str, Any]:
    """Attributes given as a list of keys and AnyValues; some writers make it an object."""
    if value is None:
        return {}
    if isinstance(value, Mapping):
        return {str(key): plain(entry) for key, entry in value.items()}
    if not isinstance(value, list):
        raise ValueError(f"the attributes are {kind_of_json(value)}")
    found: dict[str, Any] = {}
    for entry in value:
        if not isinstance(entry, Mapping):
            raise ValueError(f"an attribute is {kind_of_json(entry)}")
        if "key" not in entry and entry:
            raise ValueError("an attribute has no key")
        found[text(entry.get("key"))] = any_value(entry.get("value"))
    return found


def any_value(value: Any) -> Any:
    """An AnyValue as a plain one: lists become tuples, as on spans of the SDK."""
    if not isinstance(value, Mapping):
        return plain(value)
    for key, content in value.items():
        if content is None:  # some writers name every kind of value, and leave all but one empty
            continue
        match key:
            case "stringValue" | "string_value":
                return text(content)
            case "boolValue" | "bool_value":
                return truth(content)
            case "intValue" | "int_value":
                return integer(content)
            case "doubleValue" | "double_value":
                return float(content)  # also "NaN", "Infinity", "-Infinity"
            case "arrayValue" | "array_value":
                return tuple(any_value(entry) for entry in _values(content))
            case "kvlistValue" | "kvlist_value":
                return attributes_of(_values(content))
            case "bytesValue" | "bytes_value":
                return base64.b64decode(text(content), validate=True)
            case _:
                continue
    return dict(value) if value and _ANY_VALUE.isdisjoint(value) else None


def plain(value: Any) -> Any:
    """A value that is written as what it is, with AnyValues inside perhaps."""
    if isinstance(value, list):
        return tuple(plain(entry) for entry in value)
    if isinstance(value, Mapping):
        return dict(value) if _ANY_VALUE.isdisjoint(value) else any_value(value)
    return value


def _values(value: Any) -> list[Any]:
    if value is None:
        return []
    values = value.get("values") if isinstance(value, Mapping) else value
    if values is not None and not isinstance(values, list):
        raise ValueError(f"the values of a list are {kind_of_json(values)}")
    return values or []


def truth(value: Any) -> bool:
    """A boolean given as such or by name."""
    if isinstance(value, bool):
        return value
    if value is not None and str(value).lower() not in ("true", "false"):
        raise ValueError(f"{value!r:.40} is neither true nor false")
    return str(value).lower() == "true"


def first(mapping: Mapping[str, Any], *keys: str) -> Any:
    """The value of the first of these keys that has one; None where none has."""
    for key in keys:
        value = mapping.get(key)
        if value is not None:
            return value
    return None


def objects(value: Any, what: str, complain: Complaint) -> Iterator[Mapping[str, Any]]:
    """The objects of a list that should hold nothing else; absent is empty, and the rest is complained about."""
    if value is None:
        return
    if not isinstance(value, list):
        complain(f"{what}: expected a list, found {kind_of_json(value)}")
        return
    for entry in value:
        if isinstance(entry, Mapping):
            yield cast(Mapping[str, Any], entry)
        else:
            complain(f"{what}: expected objects in the list, found {kind_of_json(entry)}")


def part(value: Any, what: str) -> Mapping[str, Any]:
    """An object; empty where it is absent."""
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise ValueError(f"{what} is {kind_of_json(value)}")
    return cast(Mapping[str, Any], value)


def parts(value: Any, what: str) -> Iterator[Mapping[str, Any]]:
    """The objects of a list; absent is empty."""
    if value is None:
        return
    if not isinstance(value, list):
        raise ValueError(f"{what} are {kind_of_json(value)}")
    for entry in value:
        yield part(entry, f"one of {what}")


def text(value: Any) -> str:
    """Text; empty where it is absent."""
    return value if isinstance(value, str) else "" if value is None else str(value)


def kind_of_json(value: Any) -> str:
    """What a JSON value is, in a message."""
    match value:
        case None:
            return "null"
        case str():
            return "text"
        case bool():
            return "true or false"
        case list():
            return "a list"
        case Mapping():
            return "an object"
        case _:
            return "a number"
