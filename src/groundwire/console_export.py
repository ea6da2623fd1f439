"""Prints each request on the terminal when it is over.

Printing at the end, not at the start, is what makes it possible to say what a request cost and whether its answer is
true. An answer span is held while it is scored and may end after its root: a request is over when nothing that was
started in it is still open.
"""

import logging
import os
import sys
import threading
import weakref
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from time import monotonic
from typing import Any, Final

from opentelemetry.context import Context
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor

from groundwire import semconv
from groundwire.checks import is_evaluation
from groundwire.console import render
from groundwire.dialects import canonical
from groundwire.dialects.gen_ai import kind_of
from groundwire.figures import milliseconds, price
from groundwire.model import SpanRecord
from groundwire.records import from_readable, hex_span_id, hex_trace_id
from groundwire.terminal import page_of

_log = logging.getLogger(__name__)

_MOST_TRACES: Final = 1000
_MOST_SPANS: Final = 2000
_MOST_KEPT: Final = 64
_OPEN_S: Final = 600.0
_NEXT: Final = 'instrument(export="traces.jsonl"), then groundwire show traces.jsonl'


@dataclass(slots=True)
class _Request:
    open: set[str] = field(default_factory=set[str])
    spans: list[SpanRecord] = field(default_factory=list[SpanRecord])
    since: float = field(default_factory=monotonic)


class ConsoleProcessor(SpanProcessor):
    """One block of text for each request that asked a model something, on stderr; `on_end` never raises.

    Colours only on a terminal, unless NO_COLOR is set or TERM is dumb. Retrievals that are traces of their own are kept
    for the answer that links to them; what nothing linked to is told in one line at the end.

    Args:
        stream: where to print; None: whatever `sys.stderr` is at that moment.
    """

    def __init__(self, stream: Any = None) -> None:
        self._stream = stream
        self._requests: OrderedDict[str, _Request] = OrderedDict()
        self._kept: OrderedDict[str, list[SpanRecord]] = OrderedDict()
        """Finished traces of retrievals and embeddings alone, by trace id."""
        self._linked: set[str] = set()
        self._hinted = False
        self._make_locks()
        if hasattr(os, "register_at_fork"):
            forget = weakref.WeakMethod(self._after_fork)
            os.register_at_fork(after_in_child=lambda: (method := forget()) and method())

    def _make_locks(self) -> None:
        self._lock = threading.Lock()
        self._print_lock = threading.Lock()

    def _after_fork(self) -> None:
        """The parent prints what the parent started, and its locks may be held by threads that are not here."""
        self._make_locks()
        self._requests.clear()
        self._kept.clear()

    # --- spans --------------------------------------------------------------------------------------------------

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        """Note that the span is open."""
        context = span.get_span_context()
        if not context.trace_flags.sampled:
            return
        with self._lock:
            request = self._request(hex_trace_id(context.trace_id))
            if len(request.open) < _MOST_SPANS:
                request.open.add(hex_span_id(context.span_id))

    def on_end(self, span: ReadableSpan) -> None:
        """Take the span in; print its request if that was the last of it."""
        try:
            context = span.get_span_context()
            if context is None or not context.trace_flags.sampled:
                return
            blocks = self._take(canonical(from_readable(span)))
            if blocks:
                self._print(blocks)
        except Exception:
            _log.debug("a trace could not be printed", exc_info=True)

    def _request(self, trace_id: str) -> _Request:
        request = self._requests.get(trace_id)
        if request is None:
            request = self._requests[trace_id] = _Request()
            while len(self._requests) > _MOST_TRACES:
                self._requests.popitem(last=False)
        return request

    def _take(self, record: SpanRecord) -> list[list[SpanRecord]]:
        """Requests that are over now, each as the spans of its block."""
        with self._lock:
            request = self._request(record.trace_id)
            request.open.discard(record.span_id)
            if len(request.spans) < _MOST_SPANS or kind_of(record.attributes) is not None:
                request.spans.append(record)
            over = [] if request.open else [record.trace_id]
            # A span that never ends must not keep its request for ever: what there is of it is told.
            until = monotonic() - _OPEN_S
            while self._requests and (oldest := next(iter(self._requests.items())))[1].since < until:
                if oldest[0] in over:
                    break
                over.append(oldest[0])
                if len(over) > 8:
                    break
            return [block for trace_id in over if (block := self._finished(trace_id))]

    def _finished(self, trace_id: str) -> list[SpanRecord]:
        """The spans to print for a trace that is over; none where it is not worth a block, or kept for another."""
        request = self._requests.pop(trace_id)
        kinds = {kind_of(s.attributes) for s in request.spans if not is_evaluation(s)}
        whole = any(s.attributes.get(semconv.OPERATION) in semconv.WHOLE for s in request.spans)
        if "chat" in kinds or whole:
            earlier = self._kept.pop(trace_id, [])
            return [*self._supplies(request.spans), *earlier, *request.spans]
        if kinds & {"retrieval", "rerank", "embeddings"}:
            self._kept.setdefault(trace_id, []).extend(request.spans)
            self._kept.move_to_end(trace_id)
            while len(self._kept) > _MOST_KEPT:
                oldest, _ = self._kept.popitem(last=False)
                self._linked.discard(oldest)
        return []

    def _supplies(self, spans: Sequence[SpanRecord]) -> list[SpanRecord]:
        """Retrievals in traces of their own that these spans link to. They stay kept: a second answer may use them."""
        others = dict.fromkeys(link.trace_id for s in spans for link in s.links)
        found = [trace_id for trace_id in others if trace_id in self._kept]
        self._linked.update(found)
        return [s for trace_id in found for s in self._kept[trace_id]]

    # --- printing -----------------------------------------------------------------------------------------------

    def _print(self, blocks: Sequence[Sequence[SpanRecord]]) -> None:
        stream = sys.stderr if self._stream is None else self._stream
        if stream is None:
            return
        page = page_of(stream)
        for spans in blocks:
            hint = None if self._hinted else _NEXT
            text = render(spans, width=page.width, color=page.color, unicode=page.unicode, next_step=hint)
            self._hinted = self._hinted or "\n" in text
            self._write(stream, text)

    def _write(self, stream: Any, text: str) -> None:
        if not text:
            return
        encoding = getattr(stream, "encoding", None) or "utf-8"
        text = text.encode(encoding, errors="replace").decode(encoding)
        with self._print_lock:
            try:
                stream.write(text + "\n")
                stream.flush()
            except (OSError, ValueError):  # a broken pipe, a closed stream
                _log.debug("stderr does not take text", exc_info=True)

    def _print_kept(self) -> None:
        """One line for all calls that no answer used: they cost time and money too."""
        with self._lock:
            spans = [s for trace_id, kept in self._kept.items() if trace_id not in self._linked for s in kept]
            self._kept.clear()
            self._linked.clear()
        stream = sys.stderr if self._stream is None else self._stream
        if spans and stream is not None:
            self._write(stream, _outside(spans, unicode=page_of(stream).unicode))

    # --- ends ---------------------------------------------------------------------------------------------------

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Tell what was kept for answers that have not come. Requests that are still running go on."""
        try:
            self._print_kept()
        except Exception:
            _log.debug("calls outside answers could not be printed", exc_info=True)
        return True

    def shutdown(self) -> None:
        """Tell everything, also what is not over. Safe to call twice."""
        try:
            with self._lock:
                blocks = [block for trace_id in list(self._requests) if (block := self._finished(trace_id))]
            self._print(blocks)
            self._print_kept()
        except Exception:
            _log.debug("the last traces could not be printed", exc_info=True)


def _outside(spans: Sequence[SpanRecord], *, unicode: bool) -> str:
    counts: dict[str, int] = {}
    for span in spans:
        kind = kind_of(span.attributes)
        if kind is not None and kind != "evaluate":
            counts[kind] = counts.get(kind, 0) + 1
    costs = [float(c) for s in spans if isinstance(c := s.attributes.get(semconv.COST), int | float)]
    parts = ", ".join(f"{count} {kind}" for kind, count in sorted(counts.items()))
    took = milliseconds(sum(s.end_ns - s.start_ns for s in spans if kind_of(s.attributes)) / 1e6)
    spent = f"  {price(sum(costs))}" if costs else ""
    total = sum(counts.values())
    mark = "·" if unicode else "-"
    return f"{mark} {total} {'call' if total == 1 else 'calls'} outside any answer: {parts}  {took}{spent}"
