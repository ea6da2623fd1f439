"""Scores answers of a pipeline that is not ours: its spans stay as they are, scores follow as `evaluate` spans.

Nothing has to be decided when a span ends, so the caller's thread only puts it into a queue.
"""

import logging
import threading
from collections import deque
from collections.abc import Sequence

from opentelemetry.context import Context
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor

from groundwire import semconv
from groundwire.chain_index import NEEDED, ChainIndex, Material
from groundwire.dialects.gen_ai import kind_of
from groundwire.fork import on_fork
from groundwire.model import Evaluator, SpanRecord
from groundwire.outlets import Annotator
from groundwire.processor import MEMORY
from groundwire.recall import Vault
from groundwire.records import by_another, foreign_record, from_readable, hex_span_id, hex_trace_id, outline
from groundwire.scorer import Scorer, chosen

_log = logging.getLogger(__name__)

_INBOX = 8192
"""Ended spans that wait to be indexed; the oldest go first when an application never rests."""
_DEADLINE_S = 60.0
"""No span waits for these scores, so they may take longer than those that a span is held for."""


class ScoringObserver(SpanProcessor):
    """Watches spans end, and sends the scores of answers through the application's own tracer.

    Args:
        annotator: sends the scores.
        evaluators: run on every chain.
        sample: share of traces that are scored, in [0, 1], decided by trace id.
        vault: content of spans that is not exported.
    """

    def __init__(
        self, annotator: Annotator, evaluators: Sequence[Evaluator], *, sample: float = 1.0, vault: Vault | None = None
    ) -> None:
        self._annotator = annotator
        self._sample = sample
        self._vault = vault or Vault()
        self._scorer = Scorer(evaluators, deadline_s=_DEADLINE_S, queue_size=1024)
        self._inbox: deque[ReadableSpan] = deque(maxlen=_INBOX)
        self._index = ChainIndex(MEMORY)
        self._lock = threading.Lock()
        on_fork(self)

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        """Remember what a right answer would be: roots, which say so, end after their answers."""
        reference = (span.attributes or {}).get(semconv.REFERENCE)
        if reference is not None:
            with self._lock:
                self._index.refer(hex_trace_id(span.get_span_context().trace_id), reference)

    def on_end(self, span: ReadableSpan) -> None:
        """Queue the span."""
        try:
            self._inbox.append(span)
            attributes = span.attributes or {}
            if kind_of(attributes) == "chat" or by_another(span):
                context = span.get_span_context()
                if context is not None and context.trace_flags.sampled and chosen(context.trace_id, self._sample):
                    self._scorer.submit(
                        lambda: self._prepared(span),
                        lambda evaluations, _: self._annotator.annotate(span, evaluations),
                        lambda evaluations: self._annotator.annotate(span, evaluations),
                    )
        except Exception:
            _log.warning("a span could not be considered for scoring", exc_info=True)

    def _prepared(self, span: ReadableSpan) -> tuple[SpanRecord, Material] | None:
        """Index what ended up to this span; what bears on it, if it could be an answer. On the worker's thread."""
        with self._lock:
            while self._inbox:
                ended = self._inbox.popleft()
                record = self._indexed(ended)
                if ended is not span:
                    continue
                if record is None or kind_of(record.attributes) != "chat":
                    return None  # what ended after it is for those that come after it
                whole = record if by_another(span) else from_readable(span, record.attributes)
                prompt = [whole.attributes.get(key) for key in (semconv.INPUT_MESSAGES, semconv.SYSTEM_INSTRUCTIONS)]
                return (whole, self._index.material(record)) if self._index.may_be_answer(record, prompt) else None
        return None

    def _indexed(self, span: ReadableSpan) -> SpanRecord | None:
        context = span.get_span_context()
        if context is None:
            return None
        whole = foreign_record(span)
        if kind_of(whole.attributes if whole else span.attributes or {}) in (None, "evaluate"):
            parent = None if span.parent is None else hex_span_id(span.parent.span_id)
            self._index.note(hex_trace_id(context.trace_id), hex_span_id(context.span_id), parent)
            return None
        hidden = self._vault.take(context)
        record = whole or outline(span, (*NEEDED, *hidden), hidden)
        self._index.add(record)
        return record

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Score everything that has ended; False if that took longer than the timeout."""
        return self._scorer.flush(timeout_millis / 1000)

    def shutdown(self) -> None:
        """Score what has ended, for five seconds at most, and stop."""
        self._scorer.shutdown(5.0)

    def after_fork(self) -> None:
        """Forget what the parent holds: it is the parent's to score."""
        self._scorer.reset()
        self._lock = threading.Lock()
        self._inbox = deque(maxlen=_INBOX)
        self._index = ChainIndex(MEMORY)
