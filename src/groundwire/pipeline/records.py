"""Chunks of a result as records again."""

from groundwire.model import SpanRecord
from groundwire.pipeline.codec import loads, unpack


def records(chunk: bytes) -> list[SpanRecord]:
    """The spans of one trace, without what it links to in others."""
    return [span for span, own in _spans(chunk) if own]


def with_linked(chunk: bytes) -> tuple[list[SpanRecord], list[SpanRecord]]:
    """The spans of one trace, and those of other traces that it links to."""
    found = _spans(chunk)
    return [span for span, own in found if own], [span for span, own in found if not own]


def _spans(chunk: bytes) -> list[tuple[SpanRecord, bool]]:
    found: list[tuple[SpanRecord, bool]] = []
    for position, packed in loads(chunk):
        item = unpack(packed)
        if isinstance(item, SpanRecord):
            found.append((item, position >= 0))
    return found
