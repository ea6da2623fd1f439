"""Traces out of a running Zipkin, over its HTTP API v2."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from groundwire.errors import SourceError
from groundwire.traces import shapes
from groundwire.traces.http_api import Address, connected
from groundwire.traces.source import Item, Problems, Tally

if TYPE_CHECKING:
    import httpx

FORM = (
    "zipkin+http://host:9411[?service=NAME][&lookback=24h][&end=TIME][&limit=100][&annotation=key=value][&trace_id=ID]"
)
_KNOWN = frozenset({"service", "lookback", "start", "end", "limit", "annotation", "trace_id"})
_LIMIT = 100


class ZipkinSource:
    """Spans of the traces that a query finds, or of one trace."""

    def __init__(self, spec: str, *, transport: "httpx.BaseTransport | None" = None) -> None:
        self.name = spec
        self.problems = Problems()
        self._address = Address.of(spec, "zipkin", _KNOWN, FORM)
        self._limit = self._address.number("limit", _LIMIT)
        self._window = self._address.window("24h")
        self._transport = transport

    @property
    def tally(self) -> Tally:
        """How much was read and rejected so far."""
        return self.problems.tally

    def __iter__(self) -> Iterator[Item]:
        """The spans.

        Raises:
            SourceError: nothing answers there, it is no Zipkin, or it has no such trace.
        """
        address = self._address
        with connected(address, self._transport, {}) as api:
            if "trace_id" in address.asked:
                answer = api.json(f"/api/v2/trace/{address.asked['trace_id']}")
                traces = [] if answer is None else [answer]
            else:
                start, end = self._window
                asked = {
                    "limit": self._limit,
                    "endTs": round(end.timestamp() * 1000),
                    "lookback": round((end - start).total_seconds() * 1000),
                    "serviceName": address.asked.get("service"),
                    "annotationQuery": address.asked.get("annotation"),
                }
                traces = api.json("/api/v2/traces", {key: value for key, value in asked.items() if value is not None})
        if not isinstance(traces, list):
            raise SourceError(f"{address.shown} answers, but not as Zipkin; use {FORM}")
        if not traces:
            raise SourceError(f"{address.shown}: no trace matches; look further back with &lookback=7d")
        yield from self.problems.counted(shapes.decode(traces, self._complain))
        if "trace_id" not in address.asked and len(traces) >= self._limit and "limit" not in address.asked:
            self._complain(f"the limit of {self._limit} traces was reached: &limit={self._limit * 10} reads more")

    def _complain(self, message: str) -> None:
        self.problems.add(self._address.shown, None, message)
