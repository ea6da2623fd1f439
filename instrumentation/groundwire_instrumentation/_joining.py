"""Parts of a message that come in pieces: what goes on from the part before is joined to it."""

from typing import Any


class Joining:
    """The parts of one streamed message, in the order in which they began."""

    __slots__ = ("_first", "_kind", "_parts", "_pieces", "text")

    def __init__(self) -> None:
        self._first: list[str] = []
        self._parts: list[tuple[dict[str, Any], list[str]]] = []
        self._kind: str | None = "text"
        self._pieces = self._first
        self.text: Any = self._first
        """The pieces of the text that goes on, for those in a hurry; None where another part does."""

    def add(self, kind: str, text: str) -> None:
        """A piece of a part that is nothing but text: `text` or `reasoning`."""
        if kind != self._kind:
            self._kind, self._pieces = kind, []
            self.text = self._pieces if kind == "text" else None
            self._parts.append(({"type": kind}, self._pieces))
        self._pieces.append(text)

    def put(self, part: dict[str, Any]) -> None:
        """A part of another kind, which is whole."""
        self._kind = self.text = None
        self._parts.append((part, []))

    def parts(self) -> list[dict[str, Any]]:
        """What has come so far."""
        parts: list[dict[str, Any]] = [{"type": "text", "content": "".join(self._first)}] if self._first else []
        for part, pieces in self._parts:
            parts.append({**part, "content": "".join(pieces)} if pieces else part)
        return parts
