"""Stored traces: read from files and from trace stores, written to files, tables and endpoints."""

import glob
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

from groundwire.errors import SinkError, SourceError
from groundwire.traces.files import TraceFiles, files_in
from groundwire.traces.joining import joined
from groundwire.traces.sink import Sink
from groundwire.traces.source import ACCEPTED, Item, Problem, Source, Tally

__all__ = ["Item", "Problem", "Sink", "Source", "Tally", "joined", "open_sink", "open_source"]

_STORES = {
    "jaeger": ("jaeger", "JaegerSource"),
    "tempo": ("tempo", "TempoSource"),
    "zipkin": ("zipkin_api", "ZipkinSource"),
    "phoenix": ("phoenix_api", "PhoenixSource"),
}
"""By what stands before `+http://`: a module and its source."""


def open_source(spec: str) -> Source:
    """Stored spans by what a user calls them.

    Args:
        spec: a file, a folder, a pattern (`runs/*.jsonl`), `-`, the address of a store (`jaeger+http://host:16686`,
            `tempo+http://host:3200`, `zipkin+http://host:9411`, `phoenix+http://host:6006`, each with parameters), or
            the address of a trace in the Jaeger UI.

    Raises:
        SourceError: there is no such thing. What is inside shows on iterating.
    """
    if not spec:
        raise SourceError(f"no source was named; expected {ACCEPTED}")
    if spec.startswith(("http://", "https://")) and "/trace/" in spec:
        spec = f"jaeger+{spec}"
    store, _, rest = spec.partition("+")
    if store in _STORES and rest.startswith(("http://", "https://")):
        module, name = _STORES[store]
        source: Callable[[str], Source] = getattr(import_module(f"groundwire.traces.{module}"), name)
        return source(spec)
    if "://" in spec:
        forms = ", ".join(f"{name}+http://host:port" for name in _STORES)
        raise SourceError(f"cannot read traces from {spec}; use a file, or {forms}")
    if spec == "-":
        return TraceFiles("standard input", ["-"])
    path = Path(spec)
    if path.is_dir():
        paths = files_in(path)
        if not paths:
            raise SourceError(f"{spec}: no trace file in that folder; expected {ACCEPTED}")
        return TraceFiles(spec, paths)
    if not path.exists():
        found = sorted(name for name in glob.glob(spec, recursive=True) if Path(name).is_file())
        if not found:
            raise SourceError(f"{spec}: no such file; expected {ACCEPTED}")
        return TraceFiles(spec, found)
    return TraceFiles(spec, [path])


def open_sink(spec: str) -> Sink:
    """A place for spans by what a user calls it.

    Args:
        spec: a file name (`.parquet` and `.csv` are tables, everything else is OTLP/JSON lines), `-`,
            `otlp+http://host:4318`, or `phoenix+http://host:6006`.

    Raises:
        SinkError: nothing can be written there. That an endpoint is unreachable shows on the first write.
    """
    from groundwire.traces.otlp_http import OtlpHttp
    from groundwire.traces.sink import FORM, StandardOutput, TraceFile
    from groundwire.traces.table import EXTENSIONS, TableFile

    if not spec:
        raise SinkError(f"no place to write to was named; use {FORM}")
    if spec.startswith(("otlp+http://", "otlp+https://")):
        return OtlpHttp(spec)
    if spec.startswith(("phoenix+http://", "phoenix+https://")):
        from groundwire.traces.phoenix_sink import PhoenixAnnotations

        return PhoenixAnnotations(spec)
    if "://" in spec:
        raise SinkError(f"cannot write traces to {spec}; use {FORM}")
    if spec == "-":
        return StandardOutput()
    path = Path(spec)
    if path.is_dir():
        raise SinkError(f"cannot write to {spec}, it is a folder; use {FORM}")
    if spec.endswith(EXTENSIONS):
        return TableFile(path)
    return TraceFile(path)
