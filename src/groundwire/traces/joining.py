"""Log records find their spans: the content of a call may be stored beside its trace, in another line or file."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

from groundwire.model import LogEvent, SpanEvent, SpanRecord


def joined(
    items: Iterable[SpanRecord | LogEvent], unmatched: Callable[[LogEvent], None] | None = None
) -> Iterator[SpanRecord]:
    """The spans, in their order, each with the log records that name it as events, in order of time.

    All items are held until the last has come: an event may come before its span, or long after. A record that stands
    in two files is one event.

    Args:
        items: what sources give, of any number of traces.
        unmatched: takes every event whose span is not among the items.
    """
    spans: list[SpanRecord] = []
    events: dict[tuple[str, str], list[SpanEvent]] = {}
    for item in items:
        if isinstance(item, SpanRecord):
            spans.append(item)
        else:
            events.setdefault((item.trace_id, item.span_id), []).append(item.event)
    if not events:
        yield from spans
        return
    matched: set[tuple[str, str]] = set()
    for span in spans:
        key = (span.trace_id, span.span_id)
        found = events.get(key)
        if found is None:
            yield span
        else:
            matched.add(key)
            yield with_events(span, found)
    if unmatched is not None:
        for key, left in events.items():
            if key not in matched:
                for event in left:
                    unmatched(LogEvent(*key, event))


def with_events(span: SpanRecord, events: Iterable[SpanEvent]) -> SpanRecord:
    """The span with these events among its own, each once, in order of time."""
    together = list(span.events)
    for event in events:
        if event not in together:
            together.append(event)
    together.sort(key=lambda event: event.time_ns)
    return replace(span, events=tuple(together))
