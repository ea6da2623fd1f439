"""Langfuse: observations with a type, and their input and output as JSON.

Read after langfuse 5.0.4, whose attributes are those of versions 3 and 4. Usage is as its client's provider wrote it,
or in counts of Langfuse's own, which add up. A rerank has no type there: it is told by its name.
"""

from collections.abc import Mapping
from typing import Any

from groundwire.dialects import call_bodies, conventions, found_documents
from groundwire.dialects.chat_messages import from_json
from groundwire.dialects.token_counts import usage
from groundwire.finite import finite
from groundwire.model import SpanRecord
from groundwire.semconv import WORKFLOW

_START = "langfuse.observation."
_CALLS = {"tool": "execute_tool", "agent": "invoke_agent"}


def translate(record: SpanRecord) -> Mapping[str, Any] | None:
    """The conventions' attributes for an observation of Langfuse; None where the span is none."""
    attributes = record.attributes
    kind = attributes.get(_START + "type")
    given, returned = attributes.get(_START + "input"), attributes.get(_START + "output")
    if not isinstance(kind, str):
        if given is None and returned is None:
            return None
        kind = "generation" if _START + "model.name" in attributes else "span"
    kind = kind.lower()
    model = attributes.get(_START + "model.name")
    counts = usage(attributes.get(_START + "usage_details"))
    cost = _cost(attributes.get(_START + "cost_details"))
    if kind == "generation":
        return conventions.chat(
            call_bodies.asked(_without_definitions(from_json(given))),
            call_bodies.replied(returned),
            response_model=model,
            provider=conventions.unquoted(attributes.get(_START + "metadata.ls_provider")),
            usage=counts,
            cost_usd=cost,
        )
    if kind == "embedding":
        return conventions.embeddings(model=model, usage=counts, cost_usd=cost)
    named = found_documents.named_search(record.name, returned)
    if named is not None:
        return conventions.search(named[0], conventions.text_in(given), named[1])
    if kind == "retriever":
        return conventions.search("retrieval", conventions.text_in(given), found_documents.documents(returned))
    operation = _CALLS.get(kind, WORKFLOW)
    return conventions.around(operation, conventions.text_in(given), conventions.text_in(returned))


def _without_definitions(given: Any) -> Any:
    """A prompt without the tools that could be called: the handler for LangChain puts them among the messages."""
    if not isinstance(given, list):
        return given
    return [
        m
        for m in given
        if not (
            isinstance(m, Mapping)
            and m.get("role") == "tool"
            and "tool_call_id" not in m
            and isinstance(m.get("content"), Mapping)
        )
    ]


def _cost(value: Any) -> float | None:
    """In USD: the total, or what its parts come to."""
    value = from_json(value)
    if not isinstance(value, Mapping):
        return None
    total = finite(value.get("total"))
    if total is not None:
        return total
    parts = [finite(part) for part in value.values()]
    known = [part for part in parts if part is not None]
    return sum(known) if known and len(known) == len(parts) else None
