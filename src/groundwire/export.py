"""From `export=` to span processors: OTLP, the terminal, a file."""

import logging
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import TypeAlias
from urllib.parse import urlsplit, urlunsplit

from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor
from opentelemetry.sdk.trace.export import (
    BatchSpanProcessor,
    SimpleSpanProcessor,
    SpanExporter,
    SpanExportResult,
)

from groundwire.errors import ConfigurationError
from groundwire.records import from_readable
from groundwire.settings import Environment

_log = logging.getLogger(__name__)

Target: TypeAlias = str | Path | SpanExporter | SpanProcessor

_QUEUE_SIZE = 16_384
"""Spans that may wait for a backend that is down. The SDK's own default, 2048, is a few seconds of busy traffic."""
_ACCEPTED = (
    "'console', 'otlp', an OTLP address (http://host:4318, grpc://host:4317), a file name ending in .jsonl, "
    "a SpanExporter, a SpanProcessor, or a list of these"
)


def processors(export: Target | Sequence[Target] | None, environment: Environment) -> list[SpanProcessor]:
    """The processors that spans end in.

    Args:
        export: what the user asked for. None: OTLP where the environment names an endpoint or exporter, else the
            terminal, so that a first run shows something.
        environment: the standard variables.

    Raises:
        ConfigurationError: something that cannot be exported to.
    """
    if export is None:
        targets: list[Target] = list(_from_environment(environment))
    elif isinstance(export, str | Path | SpanExporter | SpanProcessor):
        targets = [export]
    else:
        targets = list(export)
    return [_processor(target, environment) for target in targets]


def _from_environment(environment: Environment) -> list[str]:
    if environment.traces_exporters:
        known = {"otlp": "otlp", "console": "console"}
        return [known[name] for name in environment.traces_exporters if name in known]
    return ["otlp"] if environment.otlp_endpoint else ["console"]


def _processor(target: Target, environment: Environment) -> SpanProcessor:
    if isinstance(target, SpanProcessor):
        return target
    if isinstance(target, SpanExporter):
        return _batch(target, environment)
    text = str(target)
    if text == "console":
        from groundwire.console_export import ConsoleProcessor

        return ConsoleProcessor()
    if text == "otlp":
        return _batch(_otlp(None, environment.otlp_protocol), environment)
    if text.startswith(("http://", "https://")):
        return _batch(_otlp(_traces_url(text), "http/protobuf"), environment)
    if text.startswith(("grpc://", "grpcs://")):
        return _batch(_otlp(text, "grpc"), environment)
    if isinstance(target, Path) or text.endswith((".jsonl", ".json")):
        return SimpleSpanProcessor(FileSpanExporter(Path(text)))
    raise ConfigurationError(f"cannot export to {text!r}; use {_ACCEPTED}")


def _batch(exporter: SpanExporter, environment: Environment) -> SpanProcessor:
    return BatchSpanProcessor(exporter, max_queue_size=environment.batch_queue_size or _QUEUE_SIZE)


def _traces_url(url: str) -> str:
    try:
        parts = urlsplit(url)
        if not parts.hostname:
            raise ValueError("empty")
    except ValueError as error:
        raise ConfigurationError(f"no host in {url!r}; use for instance http://localhost:4318") from error
    return url if parts.path.strip("/") else urlunsplit(parts._replace(path="/v1/traces"))


def _otlp(endpoint: str | None, protocol: str) -> SpanExporter:
    """An exporter; without endpoint it reads the standard variables itself. It connects with the first export."""
    if protocol == "grpc":
        from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter as GrpcExporter

        if endpoint is None:
            return GrpcExporter()
        secure = endpoint.startswith("grpcs://")
        return GrpcExporter(endpoint=endpoint.partition("://")[2], insecure=not secure)
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter as HttpExporter

    return HttpExporter() if endpoint is None else HttpExporter(endpoint=endpoint)


class FileSpanExporter(SpanExporter):
    """Appends spans to a file, one OTLP/JSON object a line: the collector's file format.

    Args:
        path: the file; its folder must exist.

    Raises:
        ConfigurationError: the file cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        try:
            self._file = path.open("a", encoding="utf-8")
        except OSError as error:
            raise ConfigurationError(f"cannot write traces to {path}: {error.strerror or error}") from error

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Write and flush one line."""
        from groundwire.traces.otlp_json import encode

        try:
            line = encode([from_readable(span) for span in spans])
            with self._lock:
                self._file.write(line.rstrip("\n") + "\n")
                self._file.flush()
        except (OSError, ValueError):
            _log.warning("%d spans could not be written to %s", len(spans), self._path, exc_info=True)
            return SpanExportResult.FAILURE
        return SpanExportResult.SUCCESS

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Every export is flushed already."""
        return True

    def shutdown(self) -> None:
        """Close the file."""
        with self._lock:
            self._file.close()
