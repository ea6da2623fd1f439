"""What goes into and comes out of chains and graphs of LangChain, as plain values."""

import sys
from collections.abc import Mapping
from typing import Any

from groundwire.model import Document, Response

_MOST_PIECES = 10_000


def told(value: Any, depth: int = 0) -> Any:
    """The value with messages and documents told by their texts; a message alone is its text."""
    if depth > 8 or isinstance(value, str | int | float | None):
        return value
    if isinstance(value, Mapping):
        return {str(key): told(inner, depth + 1) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [told(inner, depth + 1) for inner in value]
    if hasattr(value, "page_content"):
        return {"id": value.id, "page_content": value.page_content}
    if hasattr(value, "to_messages"):  # a prompt
        return told(value.to_messages(), depth)
    if hasattr(value, "content") and hasattr(value, "type"):
        if depth == 0 and isinstance(value.content, str):
            return value.content
        calls = getattr(value, "tool_calls", None)
        return {"type": value.type, "content": value.content} | ({"tool_calls": calls} if calls else {})
    return value


def name_of(runnable: Any, arguments: Mapping[str, Any]) -> str:
    """The name that the run was given, else that of the chain or the graph."""
    config = arguments.get("config")
    first = config[0] if isinstance(config, list | tuple) and config else config
    name = first.get("run_name") if isinstance(first, Mapping) else None
    return str(name or runnable.get_name())


def pauses(error: BaseException) -> bool:
    """Whether a graph stops here to ask a person, or goes on in the graph around it."""
    return any(base.__name__ == "GraphBubbleUp" for base in type(error).__mro__)


def running() -> Any:
    """The span of the chain that runs here and now, by a callback handler that keeps spans: OpenInference's does."""
    config = getattr(sys.modules.get("langchain_core.runnables.config"), "var_child_runnable_config", None)
    callbacks = (config.get() or {}).get("callbacks") if config is not None else None
    run = getattr(callbacks, "parent_run_id", None)
    keepers = [each.get_span for each in getattr(callbacks, "handlers", ()) if run and hasattr(each, "get_span")]
    return next((span for get_span in keepers if (span := get_span(run)) is not None), None)


def hits(found: Any, higher_is_better: bool | None = None) -> Response:
    """What a store found: documents, or pairs of a document and its score."""
    pairs = [each if isinstance(each, tuple) else (each, None) for each in found]
    # Field by field: asking pydantic for what a document lacks costs ten times as much as the search.
    documents = [Document(d.page_content, d.id, s if s is None else float(s), d.metadata or None) for d, s in pairs]
    return Response(documents=documents, higher_is_better=higher_is_better)


def outcome(result: Any) -> Response:
    """What a chain or a graph returned."""
    return Response(output=told(result))


class Pieces:
    """What a chain or a graph yielded: texts are put together."""

    def __init__(self) -> None:
        self._pieces: list[Any] = []

    def add(self, chunk: Any, /) -> None:
        """Take one piece of the output."""
        if isinstance(chunk, tuple) and len(chunk) == 2 and hasattr(chunk[0], "content"):
            chunk = chunk[0]  # a message, and where in the graph it comes from
            if chunk.type == "tool":
                return  # what a tool said is on its own span
        if len(self._pieces) < _MOST_PIECES:
            self._pieces.append(told(chunk))

    def response(self) -> Response:
        """Everything so far."""
        pieces = self._pieces
        if pieces and all(isinstance(piece, str) for piece in pieces):
            return Response(output="".join(pieces))
        return Response(output=(pieces[0] if len(pieces) == 1 else list(pieces)) if pieces else None)
