"""Reading a response off the wire, for applications that take the bytes instead of the SDK's objects."""

import json
from collections.abc import Mapping
from typing import Any

from groundwire.model import NOTHING


class Fields(dict[str, Any]):
    """A JSON object whose members are attributes too, as the SDK's own objects have them; unknown ones are None."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):  # protocols ask for these, and mean it
            raise AttributeError(name)
        return self.get(name)


def fields(value: Any) -> Any:
    """Plain data with its objects as `Fields`."""
    if isinstance(value, dict):
        return Fields({key: fields(entry) for key, entry in value.items()})
    return [fields(entry) for entry in value] if isinstance(value, list) else value


def member(value: Any, name: str) -> Any:
    """One member of an SDK's object or of a dictionary; None where it is not there.

    A model of pydantic takes microseconds to say that it lacks an attribute: what its class lacks it is asked once.
    """
    if isinstance(value, dict):
        return value.get(name)
    own = getattr(value, "__dict__", None)
    if own and name in own:
        return own[name]
    extra = getattr(value, "__pydantic_extra__", value)
    if extra is value:
        return getattr(value, name, None)
    if extra and name in extra:
        return extra[name]
    key = (type(value), name)
    if key in _lacking:
        return None
    found = getattr(value, name, _lacking)
    if found is not _lacking:
        return found
    if len(_lacking) < 4096:
        _lacking.add(key)
    return None


_lacking: set[tuple[type, str]] = set()
"""Names that a class of pydantic's has not."""


def members(part: Any) -> Mapping[str, Any]:
    """Everything of an SDK's object, undeclared things too, or of one that came as JSON; empty for anything else.

    To ask these objects for an attribute that they lack takes microseconds, and streams have thousands.
    """
    if part is None or type(part) is dict:
        return part or NOTHING
    own: Mapping[str, Any]
    if isinstance(part, dict):
        # As items, Hugging Face's lack what was not foreseen of their parts; as attributes they lack nothing.
        own = getattr(part, "__dict__", NOTHING)
        return own if own.keys() >= part.keys() else part
    try:
        extra = part.__pydantic_extra__
    except AttributeError:
        own = getattr(part, "__dict__", NOTHING)
        # Azure's have everything in `_data`.
        return own.get("_data", part) if isinstance(part, Mapping) else own
    return {**part.__dict__, **extra} if extra else part.__dict__


def is_body(result: Any) -> bool:
    """Whether a result is an HTTP response with its bytes; each class is asked once, as a model's is slow to tell."""
    kind: type = type(result)
    known = _bodies.get(kind)
    if known is None:
        known = hasattr(kind, "iter_bytes")
        if len(_bodies) < 1024:
            _bodies[kind] = known
    return known


_bodies: dict[type, bool] = {}


def parse_document(text: str) -> Any | None:
    """A JSON document as `Fields`; None where it is not one."""
    try:
        return json.loads(text, object_hook=Fields)
    except ValueError:
        return None


def parse_events(text: str) -> list[Any]:
    """The JSON payloads of server-sent events, in order; other lines are passed over."""
    tap = Tap()
    return [*tap.events(text), *tap.events("", line=True)]


class Tap:
    """Reads along with what passes by, piece by piece, wherever the pieces are cut."""

    def __init__(self, limit: int = 8 * 1024 * 1024) -> None:
        self._limit = limit
        self._size = 0
        self._pieces: list[bytes] = []
        self._line = b""

    def feed(self, piece: Any) -> None:
        """Keep a piece of a document (text or bytes), up to a limit."""
        data = _bytes(piece)
        if self._size + len(data) <= self._limit:
            self._size += len(data)
            self._pieces.append(data)

    def text(self) -> str:
        """Everything kept so far."""
        return b"".join(self._pieces).decode("utf-8", "replace")

    def events(self, piece: Any, *, line: bool = False) -> list[Any]:
        """The payloads of the events that this piece (text, bytes, or one line without its end) completes."""
        *lines, rest = (self._line + _bytes(piece) + (b"\n" if line else b"")).split(b"\n")
        self._line = rest[: self._limit]
        payloads = (entry[5:].decode("utf-8", "replace").strip() for entry in lines if entry.startswith(b"data:"))
        return [event for payload in payloads if (event := parse_document(payload)) is not None]


def _bytes(piece: Any) -> bytes:
    return piece.encode("utf-8", "replace") if isinstance(piece, str) else bytes(piece)
