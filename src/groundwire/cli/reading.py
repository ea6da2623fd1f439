"""Reading a source on behalf of a verb: with a counter on a terminal, and with a word about what could not be read."""

import sys
from collections.abc import Iterable, Iterator, Sequence
from time import monotonic
from typing import Any, TypeVar

from groundwire.figures import plural
from groundwire.model import LogEvent, SpanRecord
from groundwire.terminal import inert
from groundwire.traces import Problem, joined, open_source
from groundwire.traces.source import Problems

T = TypeVar("T")
_TOLD = 5


def counted(things: Iterable[T], what: str, total: int | None = None) -> Iterator[T]:
    """The same things, with a counter on stderr where that is a terminal."""
    if not sys.stderr.isatty():
        yield from things
        return
    shown_at, count, of = 0.0, 0, "" if total is None else f" of {total}"
    try:
        for count, thing in enumerate(things, 1):
            if monotonic() - shown_at > 0.1:
                shown_at = monotonic()
                print(f"\r{count}{of} {what}", end="", file=sys.stderr, flush=True)
            yield thing
    finally:
        print("\r\x1b[2K", end="", file=sys.stderr, flush=True)


def read(spec: str) -> tuple[list[SpanRecord], list[Problem]]:
    """All spans of a source, each once, with their log records as events, and what could not be read.

    Raises:
        SourceError: nothing can be read.
    """
    source = open_source(spec)
    unmatched: list[LogEvent] = []
    spans = {(s.trace_id, s.span_id): s for s in joined(counted(source, "spans read"), unmatched.append)}
    if unmatched:
        records = plural("log record", len(unmatched))
        print(f"{len(unmatched)} {records} of no span in {inert(spec)} passed over", file=sys.stderr)
    return list(spans.values()), source.problems


def report(problems: Sequence[Problem]) -> None:
    """Tell on stderr what could not be read."""
    for problem in problems[:_TOLD]:
        print(f"left out: {inert(str(problem))}", file=sys.stderr)
    all_of_them = len(problems) + (problems.untold if isinstance(problems, Problems) else 0)
    if all_of_them > _TOLD:
        print(f"left out: {all_of_them - _TOLD:,} more such parts (--json lists up to 1,000)", file=sys.stderr)


def as_json(problems: Sequence[Problem]) -> list[dict[str, Any]]:
    """Ready for `json.dumps`."""
    return [{"source": p.source, "line": p.line, "message": p.message} for p in problems]
