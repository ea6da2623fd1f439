"""An OTLP/HTTP endpoint that spans are sent to."""

import os
import time
from collections.abc import Iterable, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit, urlunsplit

from groundwire.errors import SinkError
from groundwire.hosts import is_loopback
from groundwire.model import SpanRecord
from groundwire.traces.otlp_json import encode
from groundwire.traces.sink import FORM

if TYPE_CHECKING:
    import httpx

_BATCH: Final = 200
_TIMEOUT_S: Final = 30.0
_RETRIES: Final = 2
_NO_JSON: Final = 415
_RETRIABLE = frozenset({429, 502, 503, 504})
"""OTLP specification, OTLP/HTTP response: retryable status codes."""


class OtlpHttp:
    """An OTLP/HTTP endpoint, spoken to in JSON, and in protobuf where it takes no JSON.

    `OTEL_EXPORTER_OTLP_HEADERS` is heeded: hosted backends want a key.

    Args:
        spec: `otlp+http://host:4318`, also `otlp+https`; a path other than `/` is taken as the whole one.
        transport: for tests.
    """

    holds_traces = False

    def __init__(self, spec: str, *, transport: Any = None) -> None:
        import httpx
        from opentelemetry.util.re import parse_env_headers

        parts = urlsplit(spec.removeprefix("otlp+"))
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise SinkError(f"{spec}: no OTLP address; use {FORM}")
        self.name = spec
        self._binary = False
        path = parts.path if parts.path.strip("/") else "/v1/traces"
        self._url = urlunsplit(parts._replace(path=path))
        headers = os.environ.get("OTEL_EXPORTER_OTLP_TRACES_HEADERS") or os.environ.get("OTEL_EXPORTER_OTLP_HEADERS")
        loopback = is_loopback(parts.hostname)  # a proxy cannot reach it
        self._client = httpx.Client(
            timeout=_TIMEOUT_S,
            trust_env=not loopback,
            transport=transport,
            headers=parse_env_headers(headers or "", liberal=True),
        )

    def write(self, spans: Sequence[SpanRecord]) -> None:
        """Send, in batches."""
        for batch in _batches(spans):
            answer = self._send(batch)
            if answer.status_code == _NO_JSON and not self._binary:
                self._binary = True
                answer = self._send(batch)
            self._check(answer, len(batch))

    def _send(self, batch: Sequence[SpanRecord]) -> "httpx.Response":
        if self._binary:
            from groundwire.traces.otlp_proto_encode import encode as encode_binary

            body = encode_binary(batch)
        else:
            body = encode(batch).encode(errors="replace")
        answer = self._post(body)
        for attempt in range(_RETRIES):
            if answer.status_code not in _RETRIABLE:
                break
            time.sleep(0.5 * 2**attempt)
            answer = self._post(body)
        return answer

    def _check(self, answer: "httpx.Response", count: int) -> None:
        if not answer.is_success:
            said = " ".join(answer.text.split())[:200]
            raise SinkError(f"{self._url} refused {count} spans: HTTP {answer.status_code} {said}".rstrip())
        rejected, why = _rejected(answer)
        if rejected:
            raise SinkError(f"{self._url} took all but {rejected} of {count} spans: {why or 'it does not say why'}")

    def _post(self, body: bytes) -> "httpx.Response":
        import httpx

        try:
            form = "application/x-protobuf" if self._binary else "application/json"
            return self._client.post(self._url, content=body, headers={"content-type": form})
        except httpx.HTTPError as error:
            raise SinkError(f"no OTLP endpoint at {self._url} ({error}); is it running? use {FORM}") from error

    def close(self) -> None:
        """Close the connection: everything has been acknowledged."""
        self._client.close()

    def abandon(self) -> None:
        """Close the connection; what was sent is there."""
        self._client.close()


def _rejected(answer: Any) -> tuple[int, str]:
    try:
        if "protobuf" in answer.headers.get("content-type", ""):
            from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

            told = ExportTraceServiceResponse.FromString(answer.content).partial_success
            return told.rejected_spans, told.error_message
        partial = answer.json().get("partialSuccess") or {}
        return int(partial.get("rejectedSpans") or 0), str(partial.get("errorMessage") or "")
    except Exception:  # whatever it answered, it took them
        return 0, ""


def _batches(spans: Iterable[SpanRecord]) -> Iterable[list[SpanRecord]]:
    rest = iter(spans)
    while batch := list(islice(rest, _BATCH)):
        yield batch
