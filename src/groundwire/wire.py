"""Reading a response off the wire, for applications that take the bytes instead of the SDK's objects."""

import json
from typing import Any


class Fields(dict[str, Any]):
    """A JSON object whose members are attributes too, as the SDK's own objects have them; unknown ones are None."""

    def __getattr__(self, name: str) -> Any:
        return None if name.startswith("__") else self.get(name)


def parse_document(text: str) -> Any | None:
    """A JSON document as `Fields`; None where it is not one."""
    try:
        return json.loads(text, object_hook=Fields)
    except ValueError:
        return None


def parse_events(text: str) -> list[Any]:
    """The JSON payloads of server-sent events, in order; other lines are passed over."""
    events: list[Any] = []
    for line in text.splitlines():
        if line.startswith("data:"):
            event = parse_document(line[5:].strip())
            if event is not None:
                events.append(event)
    return events


class Tap:
    """Keeps a copy of what passes by, up to a limit."""

    def __init__(self, limit: int = 8 * 1024 * 1024) -> None:
        self._limit = limit
        self._size = 0
        self._pieces: list[bytes] = []

    def feed(self, piece: Any, *, line: bool = False) -> None:
        """Take one piece (text, bytes, or one line without its end) as the application sees it."""
        data = piece.encode("utf-8", "replace") if isinstance(piece, str) else bytes(piece)
        if line:
            data += b"\n"
        if self._size + len(data) <= self._limit:
            self._size += len(data)
            self._pieces.append(data)

    def text(self) -> str:
        """Everything kept so far."""
        return b"".join(self._pieces).decode("utf-8", "replace")
