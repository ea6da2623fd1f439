"""All chains in a set of spans. What a chain is, is told in `groundwire.assembly`."""

from collections.abc import Iterable
from dataclasses import dataclass

from groundwire import semconv
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

    unique = {(s.trace_id, s.span_id): s for s in spans}.values()
    ordered = [canonical(s) for s in sorted(unique, key=lambda s: (s.end_ns, -s.start_ns))]
    index = ChainIndex()
    # Right answers stand on roots as a rule, which end after their answers: as in a live process, their start counts.
    started = sorted((s for s in ordered if semconv.REFERENCE in s.attributes), key=lambda s: -s.start_ns)
    found: list[RagChain] = []
    rejected: list[NoChain] = []
    for span in ordered:
        while started and started[-1].start_ns <= span.end_ns:
            referring = started.pop()
            index.refer(referring.trace_id, referring.attributes[semconv.REFERENCE])
        index.add(span)
        if kind_of(span.attributes) == "chat":
            result = assemble(span, index.material(span))
            if isinstance(result, RagChain):
                found.append(result)
            else:
                rejected.append(result)
    return Assembly(tuple(found), tuple(rejected))
