"""What exports that are not OTLP have in common: ids of any form, times of any unit, numbers and JSON as text."""

import ast
import hashlib
import json
import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from groundwire.model import SpanEvent
from groundwire.traces.otlp_values import identity, kind_of_json, text

_UUID = re.compile(r"(?:tr-)?([0-9a-f]{8})-?([0-9a-f]{4})-?([0-9a-f]{4})-?([0-9a-f]{4})-?([0-9a-f]{12})", re.IGNORECASE)
_TIME = re.compile(
    r"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d(?::\d\d)?)(?:[.,](\d+))?\s*(Z|UTC|[+-]\d\d(?::?\d\d)?)?", re.IGNORECASE
)
_NUMBER = re.compile(r"-?\d{1,18}(\.\d{1,18})?(?:[eE][+-]?\d{1,3})?")
_NUMERIC = re.compile(
    r"gen_ai\.usage\.|token|\.top_k$|\.max_tokens$|temperature$|score(\.value)?$|\.cost|duration_ms$|threshold$"
)
_INTEGRAL = re.compile(r"tokens?$|token_count\.|\.top_k$|usage\.(?!cost)")


def trace_id(value: Any) -> str:
    """32 hex digits: of hex, of a UUID, of base64; of anything else a digest.

    Raises:
        ValueError: there is none.
    """
    return _id(value, 16, "trace id")


def span_id(value: Any) -> str:
    """16 hex digits: of hex, of base64; of a UUID the second half, whose digits are random in every version.

    Raises:
        ValueError: there is none.
    """
    return _id(value, 8, "span id")


def parent_id(value: Any) -> str | None:
    """The same of a parent; None where there is none."""
    return None if value in (None, "", "None", "null") or not str(value).strip("0") else span_id(value)


def _id(value: Any, n_bytes: int, what: str) -> str:
    if value is None or value == "":
        raise ValueError(f"no {what}")
    if not isinstance(value, str):
        raise ValueError(f"the {what} is {kind_of_json(value)}")
    if uuid := _UUID.fullmatch(value):
        found = "".join(uuid.groups()).lower()[-2 * n_bytes :]
    else:
        try:
            found = identity(value, n_bytes) or ""
        except ValueError:
            found = hashlib.sha256(value.encode(errors="replace")).hexdigest()[: 2 * n_bytes]
    return found if found.strip("0") else _missing(what)


def _missing(what: str) -> str:
    raise ValueError(f"no {what}")


def time_ns(value: Any) -> int | None:
    """Unix time in nanoseconds; None where it is absent.

    ISO 8601, in UTC where it names no zone, or a number of seconds, milliseconds, microseconds or nanoseconds, told
    apart by size.

    Raises:
        ValueError: it is no time.
    """
    if value is None or value == "":
        return None
    if isinstance(value, str):
        match = _TIME.fullmatch(value.strip())
        if match:
            day, clock, fraction, zone = match.groups()
            zone = "+00:00" if zone is None or zone.upper() in ("Z", "UTC") else zone if len(zone) > 3 else zone + ":00"
            moment = datetime.fromisoformat(f"{day}T{clock}{zone}")
            seconds = int((moment - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds())
            return _in_range(seconds * 10**9 + int((fraction or "0")[:9].ljust(9, "0")), value)
        if not _NUMBER.fullmatch(value.strip()):
            raise ValueError(f"{value[:40]!r} is no time")
        value = float(value) if not value.strip().isdecimal() else int(value)
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError(f"a time is {kind_of_json(value)}")
    for limit, unit in ((1e11, 10**9), (1e14, 10**6), (1e17, 10**3)):
        if abs(value) < limit:
            return _in_range(round(value * unit), value)
    return _in_range(round(value), value)


def _in_range(nanoseconds: int, value: Any) -> int:
    if not 0 <= nanoseconds < 2**64:
        raise ValueError(f"{str(value)[:40]!r} is no time")
    return nanoseconds


def interval(start: Any, end: Any) -> tuple[int, int]:
    """Start and end in nanoseconds; what has no end ended where it began, and what has no start began at 0."""
    start_ns = time_ns(start)
    end_ns = time_ns(end)
    return start_ns or 0, (start_ns or 0) if end_ns is None else end_ns


def json_text(value: Any) -> str | None:
    """What SDKs write into an attribute: text as it is, everything else as JSON; None where there is nothing."""
    if value is None or isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False, default=str)


def from_text(value: Any) -> Any:
    """A value that may be written as JSON text; text that is no JSON object or list stays text."""
    if isinstance(value, str) and value[:1] in ("{", "["):
        try:
            return json.loads(value)
        except (ValueError, RecursionError):
            return value
    return value


def nested(value: Any) -> Any:
    """The same; pandas writes the Python of a nested cell into CSV."""
    value = from_text(value)
    if isinstance(value, str) and value[:1] in ("{", "["):
        try:
            return ast.literal_eval(value)
        except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
            return value
    return value


def typed(key: str, value: Any) -> Any:
    """An attribute that a store keeps as text only, as the number that its name promises; the rest as it is."""
    if isinstance(value, str):
        if key.endswith(".passed") and value in ("true", "false"):
            return value == "true"
        if not _NUMERIC.search(key) or not _NUMBER.fullmatch(value):
            return value
        value = float(value) if "." in value or "e" in value.lower() else int(value)
    if isinstance(value, float) and value.is_integer() and _INTEGRAL.search(key):
        return int(value)
    return value


def event_of(event: Mapping[str, Any]) -> SpanEvent:
    """An event as exports of spans write it: name, time and attributes.

    Raises:
        ValueError: its time is none.
    """
    attributes = from_text(event.get("attributes")) or {}
    if not isinstance(attributes, Mapping):
        raise ValueError(f"the attributes of an event are {kind_of_json(attributes)}")
    times = (event.get(key) for key in ("timestamp", "time_unix_nano", "timeUnixNano", "time"))
    moment = time_ns(next((t for t in times if t is not None), None))
    return SpanEvent(text(event.get("name")), moment or 0, {str(k): v for k, v in attributes.items()})
