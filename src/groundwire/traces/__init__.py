"""Stored traces: reading them from files and from Jaeger, writing them to files and to OTLP endpoints."""

import glob
from pathlib import Path

from groundwire.errors import SinkError, SourceError
from groundwire.traces.files import TraceFiles, files_in
from groundwire.traces.joining import joined
from groundwire.traces.sink import Sink
from groundwire.traces.source import ACCEPTED, Item, Problem, Source, Tally

__all__ = ["Item", "Problem", "Sink", "Source", "Tally", "joined", "open_sink", "open_source"]

_JAEGER = ("jaeger+http://", "jaeger+https://")


def open_source(spec: str) -> Source:
    """Stored spans by what a user calls them.

    Args:
        spec: a file, a folder, a pattern (`runs/*.jsonl`), `-`, `jaeger+http://host:16686?service=NAME`, or the address
            of a trace in the Jaeger UI.

    Raises:
        SourceError: there is no such thing. What is inside shows on iterating.
    """
    if spec.startswith(_JAEGER) or (spec.startswith(("http://", "https://")) and "/trace/" in spec):
        from groundwire.traces.jaeger import JaegerSource

        return JaegerSource(spec)
    if "://" in spec:
        from groundwire.traces.jaeger import FORM

        raise SourceError(f"cannot read traces from {spec}; use a file, or {FORM}")
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
        spec: a file name, `-`, or `otlp+http://host:4318`.

    Raises:
        SinkError: nothing can be written there. That an endpoint is unreachable shows on the first write.
    """
    from groundwire.traces.sink import FORM, OtlpHttp, StandardOutput, TraceFile

    if spec.startswith(("otlp+http://", "otlp+https://")):
        return OtlpHttp(spec)
    if "://" in spec:
        raise SinkError(f"cannot write traces to {spec}; use {FORM}")
    if spec == "-":
        return StandardOutput()
    path = Path(spec)
    if path.is_dir():
        raise SinkError(f"cannot write to {spec}, it is a folder; use {FORM}")
    return TraceFile(path)
