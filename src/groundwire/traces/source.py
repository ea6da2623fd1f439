"""What a source of stored traces is, and what it tells of everything that it could not read."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from groundwire.model import LogEvent, SpanRecord

Item: TypeAlias = SpanRecord | LogEvent

ACCEPTED = (
    "OTLP/JSON (one object a line, or one object), OTLP in protobuf, or what Jaeger, Tempo, Zipkin, Phoenix, Langfuse, "
    "LangSmith, MLflow or TruLens save as JSON, CSV or Parquet; .gz, .zst and .zip too"
)
_TOLD = 1000


@dataclass(frozen=True, slots=True)
class Problem:
    """A part of a source that could not be read; everything else was."""

    source: str
    line: int | None
    """From 1, a line or a row; None where it concerns no single one."""
    message: str

    def __str__(self) -> str:
        place = self.source if self.line is None else f"{self.source}:{self.line}"
        return f"{place}: {self.message}"


@dataclass(slots=True)
class Tally:
    """What became of everything that was found: what was read and what was rejected are all of it."""

    spans: int = 0
    events: int = 0
    """Log records."""
    rejected: int = 0
    """Spans, log records, lines and files that were left out: each is one, and has a problem."""

    @property
    def read(self) -> int:
        """Spans and log records that were given."""
        return self.spans + self.events

    @property
    def total(self) -> int:
        """Everything that was found."""
        return self.read + self.rejected


class Problems(list[Problem]):
    """The first thousand problems, and how many there were: a file of nothing but broken lines must not fill memory."""

    def __init__(self) -> None:
        super().__init__()
        self.tally = Tally()

    def add(self, source: str, line: int | None, message: str) -> None:
        """Tell of one part that was left out."""
        self.tally.rejected += 1
        if len(self) < _TOLD:
            self.append(Problem(source, line, message))

    @property
    def untold(self) -> int:
        """How many more there were than are listed."""
        return self.tally.rejected - len(self)

    def counted(self, items: Iterator[Item]) -> Iterator[Item]:
        """The same items, counted."""
        tally = self.tally
        for item in items:
            if isinstance(item, SpanRecord):
                tally.spans += 1
            else:
                tally.events += 1
            yield item


class Source(Protocol):
    """Stored spans, read by iterating: once, in no particular order, traces in pieces.

    Log records that say something about a span come as they are met; `groundwire.traces.joined` attaches them.
    """

    @property
    def name(self) -> str:
        """What the user called it."""
        ...

    @property
    def problems(self) -> list[Problem]:
        """What was left out so far, the first thousand parts of it; complete when the iteration has ended."""
        ...

    @property
    def tally(self) -> Tally:
        """How much was read and rejected so far."""
        ...

    def __iter__(self) -> Iterator[Item]:
        """The spans and log records.

        Raises:
            SourceError: nothing in it can be read.
        """
        ...
