"""From spans to RAG chains: which call answered which question from which passages.

The rules:

- An answer is a chat span with text output whose prompt carries passages. "The last LLM call" is a wrong rule: query
  rewriting comes before it, follow-up questions and titles after it, and their prompts carry no passages.
- Its passages are the documents of `rerank`, else `retrieval`, spans of the same trace (or linked to it) that ended
  before it started. A span supplies an answer if the text of at least one of its documents reached the prompt; those
  of its documents that did not are listed after the others, marked as dropped.
- Where spans list no document text, the passages are cut out of the prompt itself.
- The question is the user's, without the prompt template around it.
- Two spans of one call (two instrumentations, a framework around a client, a span stored twice) give one chain: that
  of the innermost span.

Live and stored traces take the same road: spans are added to a `ChainIndex` in the order in which they ended, and a
chat span is assembled from what bears on it there.
"""

import json
import re
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from groundwire import semconv
from groundwire.cutting import Cut, cut_marked, cut_tool_result, cut_unmarked
from groundwire.dialects.gen_ai import CallView, is_refusal, kind_of, message_text, tool_results, view
from groundwire.model import NoChain, Passage, RagChain, Reason, SpanRecord
from groundwire.prompt import question_in, reached, without_answers, words

_ANSWER_KEYS = ("answer", "final_answer", "response", "output", "result", "text", "content", "reply")
_MARKERS = re.compile(
    r"(?i)context|document|passage|source|excerpt|extract|snippet|chunk|reference|knowledge|search result|retriev"
    r"|background|evidence|article|facts|notes|information|material|data|tool_call_response|<doc"
)


_SPAN_SIZE = 200
"""About what remembering one span costs beyond its texts, in bytes."""


@dataclass(frozen=True, slots=True)
class Assembly:
    """What a set of spans holds."""

    chains: tuple[RagChain, ...]
    """In the order in which the answers ended."""
    rejected: tuple[NoChain, ...]
    """Chat spans that are no RAG answers, and why."""


def chains(spans: Iterable[SpanRecord]) -> Assembly:
    """All chains in the spans of any number of traces. Pure and total: odd spans give a reason, never an error."""
    ordered = sorted({(s.trace_id, s.span_id): s for s in spans}.values(), key=lambda s: (s.end_ns, -s.start_ns))
    index = ChainIndex()
    found: list[RagChain] = []
    rejected: list[NoChain] = []
    for span in ordered:
        index.add(span)
        if kind_of(span.attributes) == "chat":
            result = assemble(span, index.material(span))
            if isinstance(result, RagChain):
                found.append(result)
            else:
                rejected.append(result)
    return Assembly(tuple(found), tuple(rejected))


@dataclass(frozen=True, slots=True)
class Material:
    """Everything of a trace that bears on one chat span."""

    suppliers: tuple[SpanRecord, ...]
    """Retrieval and rerank spans that ended before it started, linked ones first."""
    answers: tuple[str, ...]
    """Outputs of chat spans that ended before it started."""
    twin: str | None
    """Another span of the same call."""


def assemble(span: SpanRecord, material: Material) -> RagChain | NoChain:
    """The chain of one chat span, or why it has none."""

    def no(reason: Reason, detail: str = "") -> NoChain:
        return NoChain(span.trace_id, span.span_id, reason, detail)

    call = view(span)
    if call is None:
        return no("no_content", "not a chat span")
    answer = _answer(call)
    if not answer.strip():
        if span.status == "error":
            return no("error", span.status_message or str(span.attributes.get(semconv.ERROR_TYPE, "")))
        if not call.has_content:
            return no("no_content", "the span carries no messages")
        return no("no_answer_text", "tool calls only" if _calls_tools(call) else "empty output")
    if not call.prompt:
        return no("no_content", "the span carries no prompt")
    if material.twin is not None:
        return no("duplicate", f"of span {material.twin}")
    return _Reading(call, material).chain(answer) or no(
        "no_passages",
        "no retrieved text reached the prompt" if material.suppliers else "the prompt carries no passages",
    )


@dataclass(slots=True)
class _Chat:
    """What later calls need to know of an earlier one."""

    span_id: str
    start_ns: int
    end_ns: int
    scope: str
    answer: str
    cost_usd: float
    tokens: int


@dataclass(slots=True)
class _Trace:
    parents: dict[str, str | None] = field(default_factory=dict[str, str | None])
    suppliers: list[SpanRecord] = field(default_factory=list[SpanRecord])
    """Retrieval and rerank spans, in the order in which they ended."""
    chats: list[_Chat] = field(default_factory=list[_Chat])
    size: int = 0


class ChainIndex:
    """Ended spans by trace, as far as chains need them.

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

    def add(self, span: SpanRecord) -> None:
        """Remember an ended span. Spans must be added in the order in which they end."""
        trace = self._note(span.trace_id, span.span_id, span.parent_id)
        size = 0
        kind = kind_of(span.attributes)
        if kind in ("retrieval", "rerank"):
            trace.suppliers.append(span)
            size += len(str(span.attributes.get(semconv.RETRIEVAL_DOCUMENTS, "")))
        elif kind in ("chat", "embeddings"):
            answer = _raw_answer(span) if kind == "chat" else ""
            size += len(answer)
            trace.chats.append(
                _Chat(span.span_id, span.start_ns, span.end_ns, span.scope, answer, _cost(span), _tokens(span))
            )
        trace.size += size
        self._size += size
        self._evict()

    def _note(self, trace_id: str, span_id: str, parent_id: str | None) -> _Trace:
        trace = self._traces.get(trace_id)
        if trace is None:
            trace = self._traces[trace_id] = _Trace()
        else:
            self._traces.move_to_end(trace_id)
        if len(trace.parents) < 100_000:
            trace.parents[span_id] = parent_id
        trace.size += _SPAN_SIZE
        self._size += _SPAN_SIZE
        return trace

    def _evict(self) -> None:
        while self._max_size is not None and self._size > self._max_size and len(self._traces) > 1:
            _, oldest = self._traces.popitem(last=False)
            self._size -= oldest.size

    def may_be_answer(self, span: SpanRecord) -> bool:
        """Whether `assemble` could find a chain: quick, and False only where it certainly could not."""
        if semconv.OUTPUT_MESSAGES not in span.attributes:
            return False
        trace = self._traces.get(span.trace_id)
        if span.links or (trace is not None and trace.suppliers):
            return True
        prompt = span.attributes.get(semconv.INPUT_MESSAGES)
        instructions = span.attributes.get(semconv.SYSTEM_INSTRUCTIONS)
        return any(_MARKERS.search(str(text)) for text in (prompt, instructions) if text)

    def material(self, span: SpanRecord) -> "Material":
        """What `assemble` needs to know about a chat span that has been added: a snapshot."""
        trace = self._traces.get(span.trace_id)
        if trace is None:
            return Material((), (), None)
        suppliers = [s for s in (*self._linked(span), *trace.suppliers) if s.end_ns <= span.start_ns]
        answers = [c.answer for c in trace.chats if c.end_ns <= span.start_ns and c.answer]
        return Material(tuple(suppliers), tuple(answers), self._twin(trace, span))

    def request_cost(self, trace_id: str) -> tuple[float | None, int | None]:
        """Cost in USD and tokens of a trace so far, innermost LLM spans only; None where nothing is known."""
        trace = self._traces.get(trace_id)
        if trace is None:
            return None, None
        inner = [c for c in trace.chats if not self._wraps_another(trace, c)]
        costs = [c.cost_usd for c in inner if c.cost_usd >= 0]
        tokens = [c.tokens for c in inner if c.tokens >= 0]
        return (sum(costs) if costs else None), (sum(tokens) if tokens else None)

    # --- relations between spans --------------------------------------------------------------------------------

    def _linked(self, span: SpanRecord) -> Iterable[SpanRecord]:
        for link in span.links:
            trace = self._traces.get(link.trace_id)
            if trace is not None and link.trace_id != span.trace_id:
                yield from (s for s in trace.suppliers if s.span_id == link.span_id)

    def _twin(self, trace: _Trace, span: SpanRecord) -> str | None:
        """Another span of the same call that ended earlier: inside this one, or written by another instrumentation."""
        answer = words(_raw_answer(span))
        for other in trace.chats:
            if other.span_id == span.span_id:
                return None  # those after it ended later
            if not other.answer or words(other.answer) != answer:
                continue
            within = span.start_ns <= other.start_ns and other.end_ns <= span.end_ns
            if within and (other.scope != span.scope or _descends(trace, other.span_id, span.span_id)):
                return other.span_id
        return None

    def _wraps_another(self, trace: _Trace, chat: _Chat) -> bool:
        return any(
            other is not chat
            and other.tokens > 0
            and chat.start_ns <= other.start_ns
            and other.end_ns <= chat.end_ns
            and _descends(trace, other.span_id, chat.span_id)
            for other in trace.chats
        )


def _descends(trace: _Trace, span_id: str | None, ancestor: str) -> bool:
    for _ in range(100):
        span_id = trace.parents.get(span_id or "")
        if span_id is None:
            return False
        if span_id == ancestor:
            return True
    return False


def _cost(span: SpanRecord) -> float:
    value = span.attributes.get(semconv.COST)
    return float(value) if isinstance(value, int | float) else -1.0


def _tokens(span: SpanRecord) -> int:
    counts = [span.attributes.get(k) for k in (semconv.INPUT_TOKENS, semconv.OUTPUT_TOKENS)]
    known = [int(c) for c in counts if isinstance(c, int | float)]
    return sum(known) if known else -1


# --- the answer -----------------------------------------------------------------------------------------------------


def _raw_answer(span: SpanRecord) -> str:
    call = view(SpanRecord(span.trace_id, span.span_id, "", 0, 0, attributes=_output_only(span.attributes)))
    return "" if call is None or not call.output else message_text(call.output[0])


def _output_only(attributes: Mapping[str, Any]) -> Mapping[str, Any]:
    return {k: attributes[k] for k in (semconv.OPERATION, semconv.OUTPUT_MESSAGES) if k in attributes}


def _answer(call: CallView) -> str:
    """Text of the first choice; the answering member, where it is a JSON object."""
    text = next((t for message in call.output if (t := message_text(message))), "")
    if not text and any(is_refusal(m) for m in call.output):
        return "".join(str(p.get("content", "")) for m in call.output for p in m.get("parts", ()))
    stripped = text.strip()
    if stripped.startswith("{") and stripped.endswith("}"):
        try:
            value = json.loads(stripped)
        except ValueError:
            return text
        for key in _ANSWER_KEYS:
            if isinstance(value.get(key), str):
                return str(value[key])
    return text


def _calls_tools(call: CallView) -> bool:
    return any(p.get("type") == "tool_call" for m in call.output for p in m.get("parts", ()) if isinstance(p, Mapping))


# --- the passages ---------------------------------------------------------------------------------------------------


class _Reading:
    """One answer call against everything that could have supplied it."""

    def __init__(self, call: CallView, material: Material) -> None:
        self._call = call
        self._earlier = material.answers
        self._suppliers = [v for s in material.suppliers if (v := view(s)) is not None]
        # What assistants said is no source; what tools returned is.
        self._messages = [m for m in call.prompt if m.get("role") not in ("assistant", "model", "ai")]
        self._texts = [message_text(m) for m in self._messages]
        self._results = [r for m in self._messages for r in tool_results(m)]

    def chain(self, answer: str) -> RagChain | None:
        """The chain, or None where the prompt carries no passages."""
        passages = self._listed()
        if not any(p.in_prompt for p in passages):
            passages = self._cut(spans_list_text=bool(passages))
        if not passages:
            return None
        call = self._call
        return RagChain(
            question=self._question([p.text for p in passages if p.in_prompt]),
            passages=tuple(passages),
            answer=answer,
            model=call.model,
            provider=call.provider,
            usage=call.usage,
            refused=any(is_refusal(m) for m in call.output[:1]),
            trace_id=call.record.trace_id,
            span_id=call.record.span_id,
            attributes=call.record.attributes,
        )

    def _listed(self) -> list[Passage]:
        """Documents that spans list, best ranking first; all dropped where none reached the prompt."""
        prompt = "\n".join([*self._texts, *self._results])
        reranked = [v for v in self._suppliers if v.kind == "rerank"]
        retrieved = [v for v in self._suppliers if v.kind == "retrieval"]
        rows = [
            (supplier, document)
            for supplier in (*reversed(reranked), *retrieved)
            for document in supplier.documents
            if document.text and document.text.strip()
        ]
        held = reached([document.text or "" for _, document in rows], prompt, self._earlier)
        by_text: dict[str, Passage] = {}
        used: set[str] = set()
        for (supplier, document), inside in zip(rows, held, strict=True):
            if inside:
                used.add(supplier.record.span_id)
            by_text.setdefault(
                words(document.text or ""),
                Passage(
                    text=document.text or "",
                    id=document.id,
                    score=document.score,
                    in_prompt=inside,
                    source="rerank" if supplier.kind == "rerank" else "retrieval",
                    span_id=supplier.record.span_id,
                ),
            )
        if not used:
            return list(by_text.values())
        kept = {words(d.text or "") for s, d in rows if s.record.span_id in used}
        # A rerank that was used says which retrievals fed it: their other documents were dropped by it.
        if any(v.record.span_id in used for v in reranked):
            kept |= {words(d.text or "") for s, d in rows if s.kind == "retrieval" and _feeds(s, reranked, used)}
        listed = [p for key, p in by_text.items() if key in kept]
        return [p for p in listed if p.in_prompt] + [p for p in listed if not p.in_prompt]

    def _cut(self, *, spans_list_text: bool) -> list[Passage]:
        """Passages out of the prompt itself, where no span tells them."""
        cuts: list[Cut] = []
        if not spans_list_text:
            cuts = [cut for result in self._results for cut in cut_tool_result(result)]
        texts = [without_answers(text, self._earlier) for text in self._texts]
        for text in texts:
            cuts += cut_marked(text, strong=spans_list_text)
        if not cuts and self._suppliers and not spans_list_text:
            question = self._question(())
            for text in texts:
                cuts += cut_unmarked(text if question is None else text.replace(question, "\n\n"))
        question_key = words(self._question(()) or "")
        unique = {words(cut.text): cut for cut in reversed(cuts)}
        unique.pop(question_key, None)
        return [
            Passage(text=cut.text, id=cut.id, source="prompt", span_id=self._call.record.span_id)
            for cut in reversed(unique.values())
        ]

    def _question(self, passages: Sequence[str]) -> str | None:
        queries = [v.query for v in reversed(self._suppliers) if v.query]
        user = [
            text
            for message, text in zip(self._messages, self._texts, strict=True)
            if message.get("role") in ("user", "human", None) and text.strip()
        ]
        if not user:
            return queries[0] if queries else None
        return question_in(user[-1], queries, passages)


def _feeds(retrieval: CallView, reranked: Sequence[CallView], used: set[str]) -> bool:
    """Whether a retrieval ended before a rerank that supplied the answer started."""
    return any(v.record.span_id in used and retrieval.record.end_ns <= v.record.start_ns for v in reranked)
