"""Traces out of Grafana Tempo, over its HTTP API: searched with TraceQL, read whole, in protobuf.

Protobuf because the JSON of `/api/traces` has ids in base64. `/api/v2/traces/ID` says whether a trace is whole; where a
Tempo has none, `/api/traces/ID` is asked. Shapes: tempo `pkg/tempopb/tempo.proto`, `TraceByIDResponse` and
`SearchResponse`.
"""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from groundwire.errors import SourceError
from groundwire.traces import otlp_json, otlp_proto
from groundwire.traces.http_api import Address, Api, connected
from groundwire.traces.json_values import parsed
from groundwire.traces.source import Item, Problems, Tally

if TYPE_CHECKING:
    import httpx

FORM = "tempo+http://host:3200[?q=TRACEQL][&lookback=24h][&start=TIME][&end=TIME][&limit=100][&trace_id=ID][&tenant=ID]"
_KNOWN = frozenset({"q", "lookback", "start", "end", "limit", "trace_id", "tenant"})
_LIMIT = 100


class TempoSource:
    """Spans of the traces that a search finds, or of one trace."""

    def __init__(self, spec: str, *, transport: "httpx.BaseTransport | None" = None) -> None:
        self.name = spec
        self.problems = Problems()
        self._address = Address.of(spec, "tempo", _KNOWN, FORM)
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
            SourceError: nothing answers there, it is no Tempo, or it has no such trace.
        """
        asked = self._address.asked
        headers = {"x-scope-orgid": asked["tenant"]} if "tenant" in asked else {}
        with connected(self._address, self._transport, headers) as api:
            found = [asked["trace_id"]] if "trace_id" in asked else self._search(api)
            if not found:
                raise SourceError(f"{self._address.shown}: no trace matches; look further back with &lookback=7d")
            for trace_id in found:
                yield from self.problems.counted(self._trace(api, trace_id.lower().zfill(32)))
            if not self.tally.read:
                raise SourceError(f"{self._address.shown}: no trace {found[0]}")
            if "trace_id" not in asked and len(found) >= self._limit and "limit" not in asked:
                self._complain(f"the limit of {self._limit} traces was reached: &limit={self._limit * 10} reads more")

    def _search(self, api: Api) -> list[str]:
        start, end = self._window
        answer = api.json(
            "/api/search",
            {
                "q": self._address.asked.get("q", "{}"),
                "start": int(start.timestamp()),
                "end": int(end.timestamp()) + 1,
                "limit": self._limit,
            },
        )
        traces = answer.get("traces", []) if isinstance(answer, Mapping) else None
        if not isinstance(traces, list):
            raise SourceError(f"{self._address.shown} answers, but not as Tempo; use {FORM}")
        found = [str(trace["traceID"]) for trace in traces if isinstance(trace, Mapping) and trace.get("traceID")]
        return list(dict.fromkeys(found))

    def _trace(self, api: Api, trace_id: str) -> Iterator[Item]:
        accept = {"accept": "application/protobuf"}
        answer = api.get(f"/api/v2/traces/{trace_id}", headers=accept)
        wrapped = answer.status_code != 404
        if not wrapped:
            answer = api.get(f"/api/traces/{trace_id}", headers=accept)
            if answer.status_code == 404:
                self._complain(f"no trace {trace_id}")
                return
        if "json" in answer.headers.get("content-type", "") or answer.content[:1] == b"{":
            yield from self._json(trace_id, parsed(answer.content))
        elif wrapped:
            yield from otlp_proto.wrapped_trace(answer.content, self._complain)
        else:
            yield from otlp_proto.decode(answer.content, self._complain)

    def _json(self, trace_id: str, document: Any) -> Iterator[Item]:
        if isinstance(document, Mapping) and str(document.get("status", "")).upper() in ("PARTIAL", "1"):
            self._complain(f"trace {trace_id} is not whole: {document.get('message') or 'Tempo does not say why'}")
        yield from otlp_json.decode(document, self._complain)

    def _complain(self, message: str) -> None:
        self.problems.add(self._address.shown, None, message)
