"""Ended spans by trace, as far as chains need them.

Live and stored traces both go through here, span by span in the order in which they ended. What is kept of a trace
has bounds, the same for both, so that one endless trace costs no more memory than many short ones.
"""

import math
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from groundwire import semconv
from groundwire.dialects import DIALECT
from groundwire.dialects.gen_ai import kind_of, message_text, output_text
from groundwire.model import SpanRecord
from groundwire.span_tree import Place, around_others, descends, places_of
from groundwire.unchanging import unchanging

T = TypeVar("T")

NEEDED = (
    semconv.OPERATION,
    semconv.OUTPUT_MESSAGES,
    semconv.INPUT_TOKENS,
    semconv.OUTPUT_TOKENS,
    semconv.COST,
    semconv.RESPONSE_ID,
    semconv.RETRIEVAL_DOCUMENTS,
    semconv.RETRIEVAL_QUERY,
    semconv.RERANK_INPUT,
    semconv.PART_OF,
)
"""The attributes that the index reads: a record with these and no others is enough for `add`."""

_KEPT = 256
"""Calls of one trace that are remembered, the latest."""
_SPAN_SIZE = 500
_TRACE_SIZE = 700
"""About what remembering a span and a trace costs beyond the texts, in bytes."""
_MARKERS = (
    *("context", "document", "passage", "source", "excerpt", "extract", "snippet", "chunk", "reference", "knowledge"),
    *("result", "retriev", "background", "evidence", "article", "facts", "notes", "information", "material", "data"),
    *("kontext", "contest", "dokument", "quelle", "fuente", "fonte", "fonti", "auszüge", "extrait"),
    *("上下文", "资料", "資料", "背景", "已知", "文档", "文檔", "参考", "コンテキスト", "문맥", "문서"),
    *("tool_call_response", "<doc", "[1]"),
)
"""Words without one of which no prompt marks passages."""


@unchanging
class Rival:
    """A span that may stand for the same call as another."""

    span_id: str
    output: Any
    """Its output messages, as they stand on the span."""


@unchanging
class Material:
    """Everything of a trace that bears on one chat span."""

    suppliers: tuple[SpanRecord, ...] = ()
    """Retrieval and rerank spans that ended before it started, or inside it, linked ones first."""
    outputs: tuple[Any, ...] = ()
    """Output messages of chat spans that ended before it started, those inside searches left out."""
    rivals: tuple[Rival, ...] = ()
    """Chat spans that ended earlier: inside it, around it, or of another instrumentation, at the same time or asked the
    same."""
    reference: str | None = None
    """A right answer, where a span of the trace carries one."""
    around: frozenset[str] = frozenset()
    """Ids of the suppliers inside which others searched: their order is the later one."""
    places: Mapping[str, Place] = field(default_factory=dict[str, Place])
    """By span id, where the suppliers stand, where there are several."""


@unchanging
class _Call:
    """What later calls need to know of an earlier one."""

    span_id: str
    start_ns: int
    end_ns: int
    scope: str
    output: Any
    tokens: int | None
    cost: float | None = None
    response: Any = None
    """The provider's id of its answer."""
    prompt: int | None = None
    """A digest of what was asked; None where that is not compared."""
    searching: bool = False
    """Whether it was made inside a search: what it said is what was found, and no earlier answer."""


@dataclass(slots=True)
class _Trace:
    parents: dict[str, str | None] = field(default_factory=dict[str, str | None])
    suppliers: list[SpanRecord] = field(default_factory=list[SpanRecord])
    """Retrieval and rerank spans, in the order in which they ended."""
    calls: list[_Call] = field(default_factory=list[_Call])
    """Chat and embedding spans likewise."""
    cost_usd: float | None = None
    tokens: int | None = None
    reference: str | None = None
    size: int = 0


class ChainIndex:
    """Remembers ended spans by trace.

    Args:
        max_size: bound on the characters remembered; the least recently used traces go first. None: no bound.
    """

    def __init__(self, max_size: int | None = None) -> None:
        self._traces: OrderedDict[str, _Trace] = OrderedDict()
        self._max_size = max_size
        self._size = 0

    def note(self, trace_id: str, span_id: str, parent_id: str | None) -> None:
        """Remember of an ended span only whose child it is: enough for spans that are no calls."""
        self._note(trace_id, span_id, parent_id)
        self._evict()

    def refer(self, trace_id: str, reference: object) -> None:
        """Remember a right answer to what is asked in a trace. It must be known before the trace's answers are read."""
        if isinstance(reference, str) and reference.strip():
            trace = self._trace(trace_id)
            grown = len(reference) - len(trace.reference or "")
            trace.reference = reference
            trace.size += grown
            self._size += grown
            self._evict()

    def add(self, span: SpanRecord) -> None:
        """Remember an ended span. Spans must be added in the order in which they end."""
        trace = self._note(span.trace_id, span.span_id, span.parent_id)
        attributes = span.attributes
        kind = kind_of(attributes)
        size = 0
        if kind == "retrieval" or kind == "rerank":
            _keep(trace.suppliers, span)
            size = _length(attributes.get(semconv.RETRIEVAL_DOCUMENTS)) + _length(attributes.get(semconv.RERANK_INPUT))
        elif kind == "chat" or kind == "embeddings":
            output = attributes.get(semconv.OUTPUT_MESSAGES)
            tokens = tokens_of(attributes)
            cost = attributes.get(semconv.COST)
            cost = cost if isinstance(cost, int | float) else None
            response = attributes.get(semconv.RESPONSE_ID)
            prompt, searching = _prompt(span), semconv.PART_OF in attributes
            call = _Call(
                span.span_id, span.start_ns, span.end_ns, span.scope, output, tokens, cost, response, prompt, searching
            )
            size = _length(output)
            # A span around another repeats its figures: the first to end that has one is billed. The inner one may
            # have tokens alone: clients trace themselves, and know no price.
            told = [other for other in trace.calls if _same_call(trace, other, call, span)]
            if cost is not None and all(other.cost is None for other in told):
                trace.cost_usd = (trace.cost_usd or 0.0) + cost
            if tokens is not None and not any(other.tokens for other in told):
                trace.tokens = (trace.tokens or 0) + tokens
            _keep(trace.calls, call)
        trace.size += size
        self._size += size
        self._evict()

    def may_be_answer(self, span: SpanRecord, prompt: Iterable[Any]) -> bool:
        """Whether a chat span could have a chain: quick, and False only where it certainly has none.

        Args:
            span: a record with the needed attributes.
            prompt: its input messages and system instructions, as they stand on the span.
        """
        if semconv.OUTPUT_MESSAGES not in span.attributes or semconv.PART_OF in span.attributes:
            return False
        if semconv.RETRIEVAL_DOCUMENTS in span.attributes:
            return True
        trace = self._traces.get(span.trace_id)
        if span.links or (trace is not None and trace.suppliers):
            return True
        for value in prompt:
            if value is not None:
                text = str(value).lower()
                if any(marker in text for marker in _MARKERS):
                    return True
        return False

    def material(self, span: SpanRecord) -> Material:
        """What bears on a chat span that has been added: a snapshot."""
        trace = self._traces.get(span.trace_id)
        if trace is None:
            return Material()
        outputs: list[Any] = []
        rivals: list[Rival] = []
        prompt = _prompt(span)
        for call in trace.calls:
            if call.span_id == span.span_id:
                break  # those after it ended later
            if call.output is None:
                continue
            if call.end_ns <= span.start_ns:
                if not call.searching:
                    outputs.append(call.output)
                if prompt is not None and call.prompt == prompt and call.scope != span.scope:
                    rivals.append(Rival(call.span_id, call.output))
            elif _same_road(trace, call, span) or (call.scope != span.scope and _within(call, span)):
                rivals.append(Rival(call.span_id, call.output))
        suppliers = [
            s
            for s in (*self._linked(span), *trace.suppliers)
            if _came_before(s, span) or descends(trace.parents, s.span_id, span.span_id)
        ]
        around, places = around_others(trace.parents, suppliers), places_of(trace.parents, suppliers, span)
        return Material(tuple(suppliers), tuple(outputs), tuple(rivals), trace.reference, around, places)

    def request_cost(self, trace_id: str) -> tuple[float | None, int | None]:
        """Cost in USD and tokens of a trace so far, innermost LLM spans only; None where nothing is known."""
        trace = self._traces.get(trace_id)
        return (None, None) if trace is None else (trace.cost_usd, trace.tokens)

    def _trace(self, trace_id: str) -> _Trace:
        trace = self._traces.get(trace_id)
        if trace is None:
            trace = self._traces[trace_id] = _Trace(size=_TRACE_SIZE)
            self._size += _TRACE_SIZE
        else:
            self._traces.move_to_end(trace_id)
        return trace

    def _note(self, trace_id: str, span_id: str, parent_id: str | None) -> _Trace:
        trace = self._trace(trace_id)
        if len(trace.parents) < 100_000:
            trace.parents[span_id] = parent_id
        trace.size += _SPAN_SIZE
        self._size += _SPAN_SIZE
        return trace

    def _evict(self) -> None:
        while self._max_size is not None and self._size > self._max_size and len(self._traces) > 1:
            _, oldest = self._traces.popitem(last=False)
            self._size -= oldest.size

    def _linked(self, span: SpanRecord) -> Iterable[SpanRecord]:
        for link in span.links:
            trace = self._traces.get(link.trace_id)
            if trace is not None and link.trace_id != span.trace_id:
                yield from (s for s in trace.suppliers if s.span_id == link.span_id)


def _keep(kept: list[T], one: T) -> None:
    kept.append(one)
    if len(kept) > _KEPT:
        del kept[0]


def _came_before(supplier: SpanRecord, span: SpanRecord) -> bool:
    """Whether a search ended before an answer started. Clocks of two services differ: there its start decides."""
    if supplier.end_ns <= span.start_ns:
        return True
    there, here = supplier.resource.get("service.name"), span.resource.get("service.name")
    return None not in (there, here) and there != here and supplier.start_ns <= span.start_ns


def _within(call: _Call, span: SpanRecord) -> bool:
    return span.start_ns <= call.start_ns and call.end_ns <= span.end_ns


def _same_road(trace: _Trace, call: _Call, span: SpanRecord) -> bool:
    """Whether the call is inside the span, or around it: a stream's client ends later than the framework around it."""
    if _within(call, span):
        return descends(trace.parents, call.span_id, span.span_id)
    return call.start_ns <= span.start_ns < call.end_ns and descends(trace.parents, span.span_id, call.span_id)


def _same_call(trace: _Trace, other: _Call, call: _Call, span: SpanRecord) -> bool:
    """Whether two spans are of one call: one is inside the other, or both tell of the same answer at the same time."""
    if _same_road(trace, other, span):
        return True
    if other.scope == call.scope or other.start_ns >= call.end_ns or call.start_ns >= other.end_ns:
        return False
    if call.response is not None and other.response is not None:
        return bool(other.response == call.response)
    # One of them does not name the answer: then both must say it, and have counted the same.
    if call.tokens is None or call.tokens != other.tokens:
        return False
    said, told = output_text(call.output), output_text(other.output)
    if said and told:
        return said == told
    # Anthropic's client traces itself and says nothing: beside the span of its stream, not under it.
    beside = trace.parents.get(other.span_id) == span.parent_id is not None
    return beside and bool(said) and span.start_ns <= other.start_ns and other.end_ns <= span.end_ns


def _prompt(span: SpanRecord) -> int | None:
    """Digest of what a span of another SDK was asked.

    A framework may end its span of a stream before the client's starts: then the prompt tells that they are one call.
    """
    messages = span.attributes.get(semconv.INPUT_MESSAGES) if DIALECT in span.attributes else None
    if not isinstance(messages, list) or not messages or not isinstance(messages[-1], Mapping):
        return None
    return hash(message_text(messages[-1]))


def _length(value: Any) -> int:
    return len(value) if isinstance(value, str) else 0 if value is None else len(str(value))


def tokens_of(attributes: Mapping[str, Any]) -> int | None:
    """Prompt and generated tokens of a span together; None where it tells neither."""
    counts = [attributes.get(key) for key in (semconv.INPUT_TOKENS, semconv.OUTPUT_TOKENS)]
    known = [int(count) for count in counts if isinstance(count, int | float) and 0 <= count < math.inf]
    return sum(known) if known else None
