"""Traces out of Grafana Tempo, over its HTTP API: searched with TraceQL, read whole, in protobuf.

Protobuf because the JSON of `/api/traces` has ids in base64. `/api/v2/traces/ID` says whether a trace is whole; where a
Tempo has none, `/api/traces/ID` is asked. Shapes: tempo `pkg/tempopb/tempo.proto`, `TraceByIDResponse` and
`SearchResponse`.
"""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from groundwire.errors import SourceError
from groundwire.traces import otlp_json, otlp_proto
from groundwire.traces.http_api import Api
from groundwire.traces.json_values import parsed
from groundwire.traces.searched import SearchedStore
from groundwire.traces.source import Item

if TYPE_CHECKING:
    import httpx

FORM = "tempo+http://host:3200[?q=TRACEQL][&lookback=24h][&start=TIME][&end=TIME][&limit=100][&trace_id=ID][&tenant=ID]"
_KNOWN = frozenset({"q", "lookback", "start", "end", "limit", "trace_id", "tenant"})


class TempoSource(SearchedStore):
    """Spans of the traces that a search finds, or of one trace."""

    def __init__(self, spec: str, *, transport: "httpx.BaseTransport | None" = None) -> None:
        super().__init__(spec, "tempo", _KNOWN, FORM, transport)

    def _headers(self) -> Mapping[str, str]:
        return {"x-scope-orgid": self._asked["tenant"]} if "tenant" in self._asked else {}

    def _spans(self, api: Api) -> Iterator[Item]:
        found = [self._asked["trace_id"]] if "trace_id" in self._asked else self._search(api)
        if not found:
            raise self._no_trace_matches()
        self._found = len(found)
        for trace_id in found:
            yield from self.problems.counted(self._trace(api, trace_id.lower().zfill(32)))
        if not self.tally.read:
            raise SourceError(f"{self._address.shown}: no trace {found[0]}")

    def _search(self, api: Api) -> list[str]:
        start, end = self._window
        answer = api.json(
            "/api/search",
            {
                "q": self._asked.get("q", "{}"),
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
