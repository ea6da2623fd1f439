"""All chains in a set of spans. What a chain is, is told in `groundwire.assembly`."""

from collections.abc import Iterable
from dataclasses import dataclass

from groundwire.chain_index import ChainIndex
from groundwire.dialects import canonical
from groundwire.dialects.gen_ai import kind_of
from groundwire.model import NoChain, RagChain, SpanRecord


@dataclass(frozen=True, slots=True)
class Assembly:
    """What a set of spans holds."""

    chains: tuple[RagChain, ...]
    """In the order in which the answers ended."""
    rejected: tuple[NoChain, ...]
    """Chat spans that are no RAG answers, and why."""


def chains(spans: Iterable[SpanRecord]) -> Assembly:
    """All chains in the spans of any number of traces. Pure and total: odd spans give a reason, never an error."""
    from groundwire.assembly import assemble  # its patterns take 10 ms to compile

    ordered = sorted({(s.trace_id, s.span_id): s for s in spans}.values(), key=lambda s: (s.end_ns, -s.start_ns))
    index = ChainIndex()
    found: list[RagChain] = []
    rejected: list[NoChain] = []
    for span in map(canonical, ordered):
        index.add(span)
        if kind_of(span.attributes) == "chat":
            result = assemble(span, index.material(span))
            if isinstance(result, RagChain):
                found.append(result)
            else:
                rejected.append(result)
    return Assembly(tuple(found), tuple(rejected))
