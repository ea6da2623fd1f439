"""Traces out of a running Jaeger, over its HTTP query API.

`/api/v3` answers in OTLP (jaeger-idl `api_v3/query_service.proto`): nanoseconds, types and scopes survive. Where a
Jaeger has no v3 we take the API of its UI. Tried against Jaeger 2.13.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qs, quote, urlsplit, urlunsplit

from groundwire.errors import SourceError
from groundwire.hosts import is_loopback
from groundwire.time_spans import whole_seconds
from groundwire.traces import jaeger_ui, otlp_json
from groundwire.traces.json_values import concatenated
from groundwire.traces.source import Item, Problems, Tally

if TYPE_CHECKING:
    import httpx

FORM = "jaeger+http://host:16686?service=NAME[&lookback=24h][&limit=100][&operation=NAME][&tag=key:value][&trace_id=ID]"
_LIMIT: Final = 100
_LOOKBACK: Final = "24h"
_TIMEOUT_S: Final = 60.0
_KNOWN = frozenset({"service", "lookback", "limit", "operation", "tag", "trace_id"})


@dataclass(frozen=True, slots=True)
class JaegerQuery:
    """Which traces of which Jaeger."""

    base: str
    """Scheme, host, port and path prefix, without a slash at the end."""
    service: str | None = None
    lookback: timedelta = timedelta(days=1)
    limit: int = _LIMIT
    limit_was_asked: bool = False
    operation: str | None = None
    tags: Mapping[str, str] | None = None
    trace_id: str | None = None


def read_query(spec: str) -> JaegerQuery:
    """The query that a `jaeger+http(s)://` address, or the address of a trace in the Jaeger UI, asks for.

    Raises:
        SourceError: something in it makes no sense.
    """
    parts = urlsplit(spec.removeprefix("jaeger+"))
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise SourceError(f"{spec}: no address of a Jaeger; use {FORM}")
    asked = parse_qs(parts.query)
    if unknown := sorted(set(asked) - _KNOWN):
        raise SourceError(f"{spec}: unknown parameter {unknown[0]!r}; use {FORM}")
    path, trace_id = parts.path.rstrip("/"), _one(asked, "trace_id")
    if page := re.fullmatch(r"(.*)/trace/([0-9a-fA-F]{1,32})", path):
        path, trace_id = page[1], page[2]
    elif "/trace/" in path:
        raise SourceError(f"{spec}: no trace id after /trace/ (up to 32 hex digits)")
    path = path.removesuffix("/search")
    if trace_id is not None and not re.fullmatch(r"[0-9a-fA-F]{1,32}", trace_id):
        raise SourceError(f"{spec}: {trace_id!r} is no trace id (up to 32 hex digits)")
    tags: dict[str, str] = {}
    for tag in asked.get("tag", ()):
        key, sign, value = tag.partition("=" if "=" in tag and ":" not in tag else ":")
        if not sign:
            raise SourceError(f"{spec}: tag {tag!r} is not of the form key:value")
        tags[key] = value
    limit = _one(asked, "limit") or str(_LIMIT)
    if not limit.isdecimal() or int(limit) < 1:
        raise SourceError(f"{spec}: limit {limit!r} is no positive number")
    return JaegerQuery(
        base=urlunsplit((parts.scheme, parts.netloc, path, "", "")),
        service=_one(asked, "service"),
        lookback=_duration(_one(asked, "lookback") or _LOOKBACK),
        limit=int(limit),
        limit_was_asked="limit" in asked,
        operation=_one(asked, "operation"),
        tags=tags or None,
        trace_id=None if trace_id is None else trace_id.lower().zfill(32),
    )


def _one(asked: Mapping[str, list[str]], key: str) -> str | None:
    return asked[key][-1] if asked.get(key) else None


def _duration(text: str) -> timedelta:
    found = whole_seconds(text)
    if found is None:
        raise SourceError(f"lookback {text!r} is no time span; use for instance 30m, 6h, 2d")
    return timedelta(seconds=found)


class JaegerSource:
    """Spans of the traces that a query finds, newest first as Jaeger gives them."""

    def __init__(self, spec: str, *, transport: "httpx.BaseTransport | None" = None) -> None:
        self.name = spec
        self.problems = Problems()
        self._query = read_query(spec)
        self._transport = transport

    @property
    def tally(self) -> Tally:
        """How much was read and rejected so far."""
        return self.problems.tally

    def __iter__(self) -> Iterator[Item]:
        """The spans and log records.

        Raises:
            SourceError: nothing answers there, it is no Jaeger, or it has no such trace.
        """
        import httpx

        host = urlsplit(self._query.base).hostname
        loopback = is_loopback(host)  # a proxy cannot reach it
        with httpx.Client(
            timeout=_TIMEOUT_S, follow_redirects=True, trust_env=not loopback, transport=self._transport
        ) as client:
            query = self._query
            if query.trace_id is None and query.service is None:
                query = self._with_service(client)
            documents = self._tagged(client, query) if query.tags else self._v3(client, query)
            if documents is None:
                documents = self._legacy(client, query)
            traces: set[str] = set()
            for document in documents:
                for span in self._decoded(document):
                    traces.add(span.trace_id)
                    yield span
            if not traces:
                raise SourceError(self._nothing(client, query))
            if query.trace_id is None and len(traces) >= query.limit and not query.limit_was_asked:
                self._complain(f"the limit of {query.limit} traces was reached: &limit={query.limit * 10} reads more")

    def _decoded(self, document: Any) -> Iterator[Item]:
        if jaeger_ui.is_jaeger_ui(document):
            return jaeger_ui.decode(document, self._complain)
        return otlp_json.decode(document, self._complain)

    def _complain(self, message: str) -> None:
        self.problems.add(self._query.base, None, message)

    # --- the two APIs -------------------------------------------------------------------------------------------

    def _v3(self, client: "httpx.Client", query: JaegerQuery) -> list[Any] | None:
        """Documents in OTLP; None where this Jaeger has no v3."""
        if query.trace_id is not None:
            answer = self._get(client, f"{query.base}/api/v3/traces/{query.trace_id}", {})
        else:
            now = datetime.now(UTC)
            asked = {
                "query.service_name": query.service or "",
                "query.start_time_min": _rfc3339(now - query.lookback),
                "query.start_time_max": _rfc3339(now + timedelta(minutes=5)),  # clocks differ
                # Renamed between releases: each takes the one it knows.
                "query.num_traces": str(query.limit),
                "query.search_depth": str(query.limit),
            }
            if query.operation:
                asked["query.operation_name"] = query.operation
            answer = self._get(client, f"{query.base}/api/v3/traces", asked)
        documents = _documents(answer)
        if documents is None:
            return None  # a page, or "404 page not found"
        return self._without_errors(answer, documents)

    def _tagged(self, client: "httpx.Client", query: JaegerQuery) -> list[Any]:
        """Found by the API of the UI and read by v3, which passes over attributes (2.13, `parseFindTracesQuery`)."""
        found = self._legacy(client, query)
        ids = {span.trace_id for document in found for span in jaeger_ui.decode(document, lambda _: None)}
        exact = [self._v3(client, replace(query, trace_id=trace_id)) for trace_id in sorted(ids)]
        return found if any(not documents for documents in exact) else [d for ds in exact for d in ds or ()]

    def _legacy(self, client: "httpx.Client", query: JaegerQuery) -> list[Any]:
        if query.trace_id is not None:
            answer = self._get(client, f"{query.base}/api/traces/{query.trace_id}", {})
        else:
            end = datetime.now(UTC) + timedelta(minutes=5)
            asked = {
                "service": query.service or "",
                "limit": str(query.limit),
                "start": str(round((end - query.lookback).timestamp() * 1e6)),
                "end": str(round(end.timestamp() * 1e6)),
            }
            if query.operation:
                asked["operation"] = query.operation
            if query.tags:
                asked["tags"] = json.dumps(query.tags)
            answer = self._get(client, f"{query.base}/api/traces", asked)
        documents = _documents(answer)
        if documents is None:
            raise SourceError(f"{query.base} answers, but not as a Jaeger query API; use {FORM}")
        return [document for document in self._without_errors(answer, documents) if jaeger_ui.is_jaeger_ui(document)]

    def _without_errors(self, answer: "httpx.Response", documents: list[Any]) -> list[Any]:
        """What is not an error envelope. A late error leaves what came before it; an error alone is raised."""
        kept: list[Any] = []
        for document in documents:
            message = _error(document)
            if message is None:
                kept.append(document)
            elif answer.status_code == 404:
                continue
            elif kept:
                self._complain(f"broke off: {message}")
            else:
                raise SourceError(f"{self._query.base} refuses: {message} (HTTP {answer.status_code})")
        return kept

    def _get(self, client: "httpx.Client", url: str, asked: Mapping[str, str]) -> "httpx.Response":
        import httpx

        try:
            return client.get(url, params=asked)
        except httpx.TimeoutException as error:
            raise SourceError(f"{self._query.base} did not answer within {_TIMEOUT_S:.0f} s; ask for less") from error
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise SourceError(f"no Jaeger at {self._query.base} ({error}); is it running? use {FORM}") from error

    # --- services -----------------------------------------------------------------------------------------------

    def _services(self, client: "httpx.Client") -> list[str]:
        for path, key in (("/api/v3/services", "services"), ("/api/services", "data")):
            documents = _documents(self._get(client, self._query.base + path, {}))
            if documents and isinstance(documents[0], Mapping) and isinstance(documents[0].get(key), list):
                return sorted(str(name) for name in documents[0][key])
        return []

    def _with_service(self, client: "httpx.Client") -> JaegerQuery:
        """Jaeger searches within one service: where there is but one, that is meant."""
        known = [name for name in self._services(client) if name != "jaeger"]
        if len(known) == 1:
            return read_query(f"{self.name}{'&' if urlsplit(self.name).query else '?'}service={quote(known[0])}")
        listed = ", ".join(known[:20])
        if not known:
            raise SourceError(f"{self._query.base}: no service has sent traces to it")
        raise SourceError(f"{self._query.base}: which service? add ?service=NAME; it knows {listed}")

    def _nothing(self, client: "httpx.Client", query: JaegerQuery) -> str:
        if query.trace_id is not None:
            return f"{query.base}: no trace {query.trace_id}"
        known = self._services(client)
        if query.service not in known:
            return f"{query.base}: no service {query.service!r}; it knows {', '.join(known[:20]) or 'none'}"
        return f"{query.base}: nothing of {query.service!r} matches; look further back with &lookback=7d"


def _documents(answer: "httpx.Response") -> list[Any] | None:
    """The JSON objects of an answer, which may come as several chunks; None where it is something else."""
    try:
        documents = list(concatenated(answer.text))
    except (ValueError, RecursionError):
        return None
    return documents if all(isinstance(document, Mapping) for document in documents) else None


def _error(document: Mapping[str, Any]) -> str | None:
    """The message of an error envelope: v3's, the gateway's, or the UI API's."""
    error = document.get("error")
    if isinstance(error, Mapping):
        return str(error.get("message") or error)
    errors = document.get("errors")
    if isinstance(errors, list) and errors and not document.get("data"):
        return "; ".join(str(e.get("msg", e)) if isinstance(e, Mapping) else str(e) for e in errors)
    if "code" in document and "message" in document:
        return str(document["message"])
    return None


def _rfc3339(moment: datetime) -> str:
    return moment.isoformat(timespec="microseconds").replace("+00:00", "Z")
