"""What a store of this process plays in each mode of a case."""

from collections.abc import Callable
from typing import Any

from conformance.cases import Mode


def play(mode: Mode, served: Callable[[], None], error: BaseException) -> None:
    """The moment in which a call reaches its store."""
    served()
    if mode == "error":
        raise error
    if mode == "interrupt":
        raise KeyboardInterrupt


def without(key: str, *documents: dict[str, Any]) -> list[dict[str, Any]]:
    """The documents less one of their fields."""
    return [{k: v for k, v in document.items() if k != key} for document in documents]
