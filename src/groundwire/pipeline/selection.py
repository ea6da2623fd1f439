"""Which answers are scored: by attribute, by time, by lot, by number."""

import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from groundwire.errors import ConfigurationError
from groundwire.filters import Condition, hold
from groundwire.model import RagChain, SpanRecord
from groundwire.scorer import chosen
from groundwire.time_spans import seconds

TIME_FORM = "RFC 3339 (2026-11-25T08:00:00Z; without a zone it is UTC), or how long ago: 90m, 24h, 7d"


@dataclass(frozen=True, slots=True)
class Selection:
    """What an answer must be like to be scored. Everything else is written as it was."""

    where: tuple[Condition, ...] = ()
    sample: float = 1.0
    """Share of the traces, chosen by their ids: the same ones as `instrument(sample=...)` chooses live."""
    since_ns: int | None = None
    """Answers that began at this time or later, Unix time."""
    until_ns: int | None = None
    """Answers that began before this time."""
    limit: int | None = None
    """At most so many answers, the same ones on every run."""

    def __post_init__(self) -> None:
        if not 0.0 <= self.sample <= 1.0:
            raise ConfigurationError(f"sample must be in [0, 1], got {self.sample!r}")
        if self.limit is not None and self.limit < 1:
            raise ConfigurationError(f"limit must be 1 or more, got {self.limit!r}")

    def excludes(self, chain: RagChain, answer: SpanRecord, root: SpanRecord) -> str | None:
        """Which rule leaves the answer out: `where`, `since`, `until` or `sample`; None: it is chosen."""
        if self.sample < 1.0 and not chosen(int(answer.trace_id, 16), self.sample):
            return "sample"
        if self.since_ns is not None and answer.start_ns < self.since_ns:
            return "since"
        if self.until_ns is not None and answer.start_ns >= self.until_ns:
            return "until"
        if self.where and not hold(self.where, lambda name: told(name, chain, answer, root)):
            return "where"
        return None


def told(name: str, chain: RagChain, answer: SpanRecord, root: SpanRecord) -> Any:
    """What a name means in a condition: of the chain, else an attribute of the answer, the root or the resource."""
    match name:
        case "question":
            return chain.question
        case "answer":
            return chain.answer
        case "model":
            return chain.model
        case "provider":
            return chain.provider
        case "trace_id":
            return answer.trace_id
        case "span_id":
            return answer.span_id
        case _:
            for attributes in (chain.attributes, answer.attributes, root.attributes, answer.resource):
                if name in attributes:
                    return attributes[name]
            return None


def root_of(spans: Iterable[SpanRecord]) -> SpanRecord:
    """Where a request began: the first span without a parent, else the first one whose parent is not here."""
    found = list(spans)
    known = {span.span_id for span in found}
    return min(
        found,
        key=lambda s: (
            s.parent_id is not None,
            s.parent_id is not None and s.parent_id in known,
            s.start_ns,
            s.span_id,
        ),
    )


def instant_ns(text: str, option: str, now_ns: int | None = None) -> int:
    """A time as a user writes it, as Unix time in nanoseconds.

    Raises:
        ConfigurationError: it is none.
    """
    ago = seconds(text)
    if ago is not None:
        now = time.time_ns() if now_ns is None else now_ns
        return now - round(ago * 1e9)
    try:
        read = datetime.fromisoformat(text.strip())
    except ValueError:
        raise ConfigurationError(f"{option} {text}: no time; expected {TIME_FORM}") from None
    if read.tzinfo is None:
        read = read.replace(tzinfo=UTC)
    since = read - datetime(1970, 1, 1, tzinfo=UTC)
    return (since.days * 86_400 + since.seconds) * 1_000_000_000 + since.microseconds * 1_000
