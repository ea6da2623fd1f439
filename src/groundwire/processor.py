"""Scores answers before their spans are exported.

Ended spans are frozen, so an answer span is held while it is scored, rebuilt with its scores, and only then handed to
the next processor. Every other span passes at once. No span is lost to scoring: what cannot be scored in time leaves
with the reason in `groundwire.evaluation.status`.
"""

import logging
import threading
import weakref
from collections.abc import Mapping, Sequence
from time import monotonic
from typing import Any

from opentelemetry.context import Context
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor

from groundwire import semconv
from groundwire.chain_index import NEEDED, ChainIndex
from groundwire.dialects.gen_ai import kind_of
from groundwire.errors import ConfigurationError
from groundwire.fork import on_fork
from groundwire.model import Evaluation, Evaluator
from groundwire.outlets import Rebuilder
from groundwire.plugins import evaluators as load_evaluators
from groundwire.recall import Vault
from groundwire.records import foreign_record, from_readable, hex_span_id, hex_trace_id, outline
from groundwire.scorer import Scorer, chosen

_log = logging.getLogger(__name__)

MEMORY = 8 * 1024 * 1024
"""About how many bytes of recent traces that are remembered, for answers still to come."""


_PROMPT = (semconv.INPUT_MESSAGES, semconv.SYSTEM_INSTRUCTIONS)

_alive: "weakref.WeakSet[ScoringSpanProcessor]" = weakref.WeakSet()


class ScoringSpanProcessor(SpanProcessor):
    """Holds answer spans while they are scored, then hands them on with their scores.

    Contract: `on_end` never blocks and never raises; `force_flush` and `shutdown` finish within their timeouts and may
    be called twice, before any span, and after a fork.

    Args:
        downstream: where spans go, usually `BatchSpanProcessor(exporter)`.
        evaluators: names or evaluators; None: the local defaults; empty: no scoring.
        sample: share of traces that are scored, in [0, 1], decided by trace id. Spans and costs are never sampled.
        deadline_s: an answer not scored after so many seconds leaves unscored.
        queue_size: answers that may wait; one more leaves unscored.
        export_content: whether explanations and evidence, which quote the answer, go onto spans.
        vault: content that is scored and not exported; only `instrument(capture="scored")` has use for it.

    Raises:
        ConfigurationError: an unknown evaluator, or a share outside [0, 1].
    """

    def __init__(
        self,
        downstream: SpanProcessor,
        *,
        evaluators: Sequence[str | Evaluator] | None = None,
        sample: float = 1.0,
        deadline_s: float = 10.0,
        queue_size: int = 1024,
        export_content: bool = True,
        vault: Vault | None = None,
    ) -> None:
        if not 0.0 <= sample <= 1.0:
            raise ConfigurationError(f"sample must be between 0 and 1, got {sample!r}")
        if deadline_s <= 0 or queue_size < 1:
            raise ConfigurationError("deadline_s and queue_size must be positive")
        self._downstream = downstream
        self._rebuilder = Rebuilder(downstream, content=export_content)
        self._evaluators = load_evaluators(evaluators)
        self._sample = sample
        self._scorer = Scorer(self._evaluators, deadline_s=deadline_s, queue_size=queue_size)
        self._vault = vault or Vault()
        self._index = ChainIndex(MEMORY)
        self._lock = threading.Lock()
        self._shut = False
        _alive.add(self)
        on_fork(self)

    @staticmethod
    def is_in_use() -> bool:
        """Whether any processor like this has been made and not been shut down."""
        return any(not processor._shut for processor in _alive)

    @property
    def counts(self) -> Mapping[str, int]:
        """Outcomes so far: `scored`, `skipped`, `failed`, and reasons why answers left unscored."""
        return dict(self._scorer.counts)

    # --- spans --------------------------------------------------------------------------------------------------

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        """Tell the next processor. What a right answer would be, spans say when they start: roots end too late."""
        reference = (span.attributes or {}).get(semconv.REFERENCE)
        if reference is not None:
            with self._lock:
                self._index.refer(hex_trace_id(span.get_span_context().trace_id), reference)
        self._downstream.on_start(span, parent_context)

    def on_end(self, span: ReadableSpan) -> None:
        """Pass the span on, now or scored."""
        try:
            held = self._consider(span)
        except Exception:
            _log.warning("a span could not be considered for scoring", exc_info=True)
            held = False
        if not held:
            self._downstream.on_end(span)

    def _consider(self, span: ReadableSpan) -> bool:
        """Whether the span is held back: it is passed on later, exactly once."""
        context = span.get_span_context()
        if context is None or not context.trace_flags.sampled:
            return False
        attributes = span.attributes or {}
        whole = foreign_record(span)
        if whole is not None:
            attributes = whole.attributes
        kind = kind_of(attributes)
        trace_id = hex_trace_id(context.trace_id)
        if kind is None or kind == "evaluate":
            parent = None if span.parent is None else hex_span_id(span.parent.span_id)
            with self._lock:
                self._index.note(trace_id, hex_span_id(context.span_id), parent)
            return self._total(span, trace_id)
        hidden = self._vault.take(context)
        record = whole or outline(span, NEEDED, hidden)
        with self._lock:
            self._index.add(record)
            material = None
            if kind == "chat" and self._evaluators:
                prompt = [hidden.get(key) or attributes.get(key) for key in _PROMPT]
                if self._index.may_be_answer(record, prompt):
                    material = self._index.material(record)
        extra = self._totals(span, trace_id)
        if material is None:
            return self._passed_with(span, extra)
        if not chosen(context.trace_id, self._sample):
            return self._passed_with(span, extra | {semconv.EVALUATION_STATUS: "not_sampled"})

        def done(evaluations: Sequence[Evaluation], reason: str | None) -> None:
            self._rebuilder.finished(span, evaluations, reason, extra)

        def late(evaluations: Sequence[Evaluation]) -> None:
            self._rebuilder.late(span, evaluations)

        self._scorer.submit(lambda: (whole or from_readable(span, hidden), material), done, late)
        return True

    def _total(self, span: ReadableSpan, trace_id: str) -> bool:
        return self._passed_with(span, self._totals(span, trace_id))

    def _totals(self, span: ReadableSpan, trace_id: str) -> dict[str, Any]:
        """Cost and tokens of the whole request, for its local root."""
        if span.parent is not None and not span.parent.is_remote:
            return {}
        with self._lock:
            cost, tokens = self._index.request_cost(trace_id)
        totals: dict[str, Any] = {}
        if cost is not None:
            totals[semconv.REQUEST_COST] = cost
        if tokens is not None:
            totals[semconv.REQUEST_TOKENS] = tokens
        return totals

    def _passed_with(self, span: ReadableSpan, extra: Mapping[str, Any]) -> bool:
        if not extra:
            return False
        self._rebuilder.finished(span, (), None, extra)
        return True

    # --- ends ---------------------------------------------------------------------------------------------------

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Score what is held, then flush the next processor; False if either took longer than the timeout."""
        until = monotonic() + timeout_millis / 1000
        done = self._scorer.flush(timeout_millis / 1000 * 0.8)
        left = max(1, round((until - monotonic()) * 1000))
        return self._downstream.force_flush(left) and done

    def shutdown(self) -> None:
        """Score what is held within five seconds, release the rest, shut the next processor down."""
        if self._shut:
            return
        self._shut = True
        self._scorer.shutdown(5.0)
        self._downstream.shutdown()

    def after_fork(self) -> None:
        """Forget what the parent holds: it is the parent's to export."""
        self._scorer.reset()
        self._lock = threading.Lock()
        self._index = ChainIndex(MEMORY)
