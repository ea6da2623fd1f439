"""Calls that belong to a search: a model that words its query anew, or judges what it found, answers nobody."""

from typing import Any

from opentelemetry import context as otel_context
from opentelemetry.context import Context

SEARCHING = otel_context.create_key("groundwire-searching")
"""Under which a context has the kind of its search."""
SEARCHES = frozenset({"retrieval", "rerank"})


def searching(kind: str, context: Context) -> Context:
    """The context, marked as that of a search of this kind."""
    return otel_context.set_value(SEARCHING, kind, context)


def search_around(context: Context) -> Any:
    """The kind of the search inside which a call with this context is made; None: of none."""
    return context.get(SEARCHING)
