"""Spans made by hand, for what an SDK may write beyond what was recorded."""

from collections.abc import Mapping, Sequence
from itertools import count
from typing import Any

from groundwire.chain import chains
from groundwire.dialects import canonical
from groundwire.dialects.gen_ai import CallView, view
from groundwire.model import RagChain, SpanRecord

_ids = count(1)

HERON = "The Heron 3 pump runs for 14 hours on one charge."
FROST = "Below 4 degrees Celsius the pump must be emptied."
PROMPT = f"Context:\n{HERON}\n\nQuestion: How long does it run?"


def span(attributes: Mapping[str, Any], name: str = "call", start: int = 0, end: int = 1, **more: Any) -> SpanRecord:
    """A span with these attributes."""
    return SpanRecord(f"{1:032x}", f"{next(_ids):016x}", name, start, end, attributes=attributes, **more)


def read(attributes: Mapping[str, Any], name: str = "call") -> CallView:
    """The call that such a span describes."""
    call = view(canonical(span(attributes, name)))
    assert call is not None
    return call


def said(messages: Sequence[Mapping[str, Any]]) -> list[tuple[str, list[Any]]]:
    """Messages as (role, what their parts say)."""
    return [(m["role"], [p.get("content", p.get("response", p.get("name"))) for p in m["parts"]]) for m in messages]


def one_chain(*calls: tuple[Mapping[str, Any], str]) -> RagChain:
    """The only chain of calls (attributes, name) that follow each other."""
    spans = [span(attributes, name, 10 * n, 10 * n + 5) for n, (attributes, name) in enumerate(calls)]
    (chain,) = chains(spans).chains
    return chain
