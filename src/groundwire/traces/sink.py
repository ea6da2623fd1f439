"""Where spans are written: a file of OTLP/JSON lines, or an OTLP endpoint."""

import contextlib
import gzip
import os
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from itertools import islice
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final, Protocol, cast, runtime_checkable
from urllib.parse import urlsplit, urlunsplit

from groundwire.errors import SinkError
from groundwire.model import SpanRecord
from groundwire.traces.compression import zstd
from groundwire.traces.otlp_json import encode

if TYPE_CHECKING:
    import httpx

FORM = (
    "a file name (traces.jsonl, scores.parquet, scores.csv), - for standard output, otlp+http://host:4318, "
    "or phoenix+http://host:6006"
)
_BATCH: Final = 200
_TIMEOUT_S: Final = 30.0
_RETRIES: Final = 2
_NO_JSON: Final = 415
_RETRIABLE = frozenset({429, 502, 503, 504})
"""OTLP specification, OTLP/HTTP response: retryable status codes."""


class Sink(Protocol):
    """A place for spans. Nothing is certain to be there before `close`."""

    @property
    def name(self) -> str:
        """What the user called it."""
        ...

    @property
    def holds_traces(self) -> bool:
        """False: the traces are at the destination already, and only new spans are to be sent."""
        ...

    def write(self, spans: Sequence[SpanRecord]) -> None:
        """Add spans.

        Raises:
            SinkError: they cannot be written.
        """
        ...

    def close(self) -> None:
        """Finish.

        Raises:
            SinkError: what was written cannot be kept.
        """
        ...

    def abandon(self) -> None:
        """Give up: leave the destination as it was, where that is possible. Never raises."""
        ...


@runtime_checkable
class LineSink(Sink, Protocol):
    """A sink that takes lines of OTLP/JSON as they are: other processes may have written them."""

    def write_lines(self, lines: bytes) -> None:
        """Add whole lines, or a part of some, in UTF-8.

        Raises:
            SinkError: they cannot be written.
        """
        ...


@runtime_checkable
class LinkedSink(Sink, Protocol):
    """A sink that makes something of whole traces: answers may rest on spans of other traces."""

    def write_linked(self, spans: Sequence[SpanRecord], linked: Sequence[SpanRecord]) -> None:
        """Add whole traces, and give what they link to in others.

        Raises:
            SinkError: they cannot be written.
        """
        ...


class TraceFile:
    """A file that appears, complete, on `close`: it may be the one that is being read."""

    holds_traces = True

    def __init__(self, path: Path) -> None:
        self.name = str(path)
        self._path = path
        self._temporary: Path | None = None
        packer = zstd(self.name) if path.suffix == ".zst" else None
        try:
            descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
            self._temporary = Path(name)
            raw = os.fdopen(descriptor, "wb")
        except OSError as error:
            raise self._error(error) from error
        self._file = cast(IO[bytes], gzip.GzipFile(fileobj=raw, mode="wb") if path.suffix == ".gz" else raw)
        if packer is not None:
            self._file = packer.ZstdFile(raw, mode="wb")
        self._raw = raw

    def write(self, spans: Sequence[SpanRecord]) -> None:
        """One line."""
        if spans:
            self.write_lines(encode(spans).encode() + b"\n")

    def write_lines(self, lines: bytes) -> None:
        """As they are."""
        try:
            self._file.write(lines)
        except OSError as error:
            raise self._error(error) from error

    def close(self) -> None:
        """Put the file into its place."""
        if self._temporary is None:
            return
        try:
            self._shut()
            # What a new file would have got: mkstemp makes it private.
            mode = self._path.stat().st_mode if self._path.exists() else 0o666 & ~_umask()
            self._temporary.chmod(mode & 0o777)
            self._temporary.replace(self._path)
            self._temporary = None
        except OSError as error:
            self.abandon()
            raise self._error(error) from error

    def abandon(self) -> None:
        """Leave no file behind."""
        temporary, self._temporary = self._temporary, None
        if temporary is not None:
            with contextlib.suppress(OSError):
                self._shut()
            temporary.unlink(missing_ok=True)

    def _shut(self) -> None:
        self._file.close()
        self._raw.close()

    def _error(self, error: OSError) -> SinkError:
        return SinkError(f"cannot write {self.name} ({error.strerror or error}); use {FORM}")


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


class StandardOutput:
    """Lines on standard output."""

    holds_traces = True
    name = "standard output"

    def __init__(self) -> None:
        self._left = b""

    def write(self, spans: Sequence[SpanRecord]) -> None:
        """One line."""
        if spans:
            sys.stdout.write(encode(spans) + "\n")

    def write_lines(self, lines: bytes) -> None:
        """As they are."""
        self._left += lines
        whole, _, self._left = self._left.rpartition(b"\n")
        if whole:
            sys.stdout.write(whole.decode() + "\n")

    def close(self) -> None:
        """Flush."""
        sys.stdout.flush()

    def abandon(self) -> None:
        """What is out is out."""


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
        loopback = parts.hostname in ("localhost", "127.0.0.1", "::1")  # a proxy cannot reach it
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
