"""Which span is inside which, as far as a trace is known: spans that have not ended are known as parents alone."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from groundwire import semconv
from groundwire.model import SpanRecord
from groundwire.unchanging import unchanging


@unchanging
class Place:
    """Where a supplier stands in the tree of a trace, as far as the tree is known when an answer ends."""

    steps: int | None
    """From the answer up to the first span that holds the supplier as well; None where none is known to."""
    outermost: str | None
    """Id of the outermost span known to hold the supplier; None where nothing holds it."""


def descends(parents: Mapping[str, str | None], span_id: str, ancestor_id: str) -> bool:
    """Whether a span is inside another one."""
    return ancestor_id in _upwards(parents, parents.get(span_id))


def around_others(parents: Mapping[str, str | None], suppliers: Iterable[SpanRecord]) -> frozenset[str]:
    """Ids of the searches inside which another searched, where both list what they found."""
    listing = {s.span_id for s in suppliers if s.attributes.get(semconv.RETRIEVAL_DOCUMENTS)}
    found: set[str] = set()
    for span_id in listing:
        parent = parents.get(span_id)
        for _ in range(100):
            if parent is None or parent in found:
                break  # what is around that one is known already
            if parent in listing and parent != span_id:
                found.add(parent)
            parent = parents.get(parent)
    return frozenset(found)


def places_of(parents: Mapping[str, str | None], suppliers: Sequence[SpanRecord], span: SpanRecord) -> dict[str, Place]:
    """Where the suppliers of the answer's own trace stand. Spans that have not ended are known as parents alone."""
    own = [s for s in suppliers if s.trace_id == span.trace_id]
    if len(own) < 2:
        return {}
    holding = {span_id: steps for steps, span_id in enumerate(_upwards(parents, span.parent_id))}
    found: dict[str, Place] = {}
    for supplier in own:
        steps: int | None = None
        outermost: str | None = None
        for outermost in _upwards(parents, supplier.parent_id):
            steps = holding.get(outermost) if steps is None else steps
        found[supplier.span_id] = Place(steps, outermost)
    return found


def _upwards(parents: Mapping[str, str | None], span_id: str | None) -> Iterator[str]:
    for _ in range(100):
        if span_id is None:
            return
        yield span_id
        span_id = parents.get(span_id)
