"""The answers of a source, a trace at a time, through the buckets that scoring uses: memory does not grow with it."""

from collections.abc import Iterator, Sequence

from groundwire.answers import Answer, of_trace
from groundwire.pipeline.order import Order, Recipe
from groundwire.pipeline.run import Limits
from groundwire.pipeline.scored import Scored
from groundwire.pipeline.tally import Tally
from groundwire.trace import read_trace
from groundwire.traces import Problem, open_source


class StoredAnswers:
    """All RAG answers of a source with the scores that are stored with them; nothing is judged.

    Args:
        source: a file, a folder, a pattern, `-`, or an address.

    Raises:
        SourceError: there is no such source; on iterating: it cannot be read.
    """

    def __init__(self, source: str) -> None:
        order = Order(Recipe(objects=()), form="traces")
        self._read = Scored(open_source(source), order, (), 1, Limits(None, None), source, None)

    def __iter__(self) -> Iterator[Answer]:
        """In no particular order, but for those of one request."""
        with self._read:
            for own, linked in self._read.spans():
                trace = read_trace(own, linked)
                if trace is not None:
                    trace_id = own[0].trace_id
                    yield from (a for a in of_trace(trace) if a.chain.trace_id == trace_id)

    @property
    def problems(self) -> Sequence[Problem]:
        """What could not be read; complete when the iteration has ended."""
        return self._read.problems

    @property
    def summary(self) -> Tally:
        """What was read."""
        return self._read.summary
