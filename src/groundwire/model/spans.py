"""A span, wherever it comes from."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from groundwire.model.empty import NOTHING
from groundwire.unchanging import unchanging


@dataclass(frozen=True, slots=True)
class SpanEvent:
    """A timed event inside a span."""

    name: str
    time_ns: int
    attributes: Mapping[str, Any] = NOTHING


@dataclass(frozen=True, slots=True)
class SpanLink:
    """A reference to a span of this or another trace."""

    trace_id: str
    span_id: str
    attributes: Mapping[str, Any] = NOTHING


@unchanging
class SpanRecord:
    """A finished span, live or stored, without the SDK around it."""

    trace_id: str
    """32 lower-case hex digits."""
    span_id: str
    """16 lower-case hex digits."""
    name: str
    start_ns: int
    """Unix time in nanoseconds."""
    end_ns: int
    parent_id: str | None = None
    kind: Literal["internal", "server", "client", "producer", "consumer"] = "internal"
    status: Literal["unset", "ok", "error"] = "unset"
    status_message: str = ""
    attributes: Mapping[str, Any] = NOTHING
    events: tuple[SpanEvent, ...] = ()
    links: tuple[SpanLink, ...] = ()
    scope: str = ""
    scope_version: str = ""
    resource: Mapping[str, Any] = NOTHING


@dataclass(frozen=True, slots=True)
class LogEvent:
    """A log record that says something about a span: newer instrumentations put messages and scores there.

    Sources give it as they meet it, before or after its span; `groundwire.traces.joined` brings the two together.
    """

    trace_id: str
    """32 lower-case hex digits; empty where the record names no trace."""
    span_id: str
    """16 lower-case hex digits; empty where the record names no span."""
    event: SpanEvent
    """Name: that of the event, or empty. Attributes: those of the record, and its body, where it has one, as `body`."""
