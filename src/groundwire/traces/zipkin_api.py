"""Traces out of a running Zipkin, over its HTTP API v2."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from groundwire.errors import SourceError
from groundwire.traces import shapes
from groundwire.traces.http_api import Api
from groundwire.traces.searched import SearchedStore
from groundwire.traces.source import Item

if TYPE_CHECKING:
    import httpx

FORM = (
    "zipkin+http://host:9411[?service=NAME][&lookback=24h][&end=TIME][&limit=100][&annotation=key=value][&trace_id=ID]"
)
_KNOWN = frozenset({"service", "lookback", "start", "end", "limit", "annotation", "trace_id"})


class ZipkinSource(SearchedStore):
    """Spans of the traces that a query finds, or of one trace."""

    def __init__(self, spec: str, *, transport: "httpx.BaseTransport | None" = None) -> None:
        super().__init__(spec, "zipkin", _KNOWN, FORM, transport)

    def _spans(self, api: Api) -> Iterator[Item]:
        if "trace_id" in self._asked:
            answer = api.json(f"/api/v2/trace/{self._asked['trace_id']}")
            traces = [] if answer is None else [answer]
        else:
            traces = api.json("/api/v2/traces", self._query())
        if not isinstance(traces, list):
            raise SourceError(f"{self._address.shown} answers, but not as Zipkin; use {FORM}")
        if not traces:
            raise self._no_trace_matches()
        self._found = len(traces)
        yield from self.problems.counted(shapes.decode(traces, self._complain))

    def _query(self) -> dict[str, str | int]:
        start, end = self._window
        asked = {
            "limit": self._limit,
            "endTs": round(end.timestamp() * 1000),
            "lookback": round((end - start).total_seconds() * 1000),
            "serviceName": self._asked.get("service"),
            "annotationQuery": self._asked.get("annotation"),
        }
        return {key: value for key, value in asked.items() if value is not None}
