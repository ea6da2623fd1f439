"""One request as its spans tell it: what was asked and answered, through which stages, at what cost, and how good."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal, TypeAlias

from groundwire import semconv
from groundwire.chain import chains
from groundwire.chain_index import tokens_of
from groundwire.checks import Check, checks, is_evaluation
from groundwire.dialects import canonical
from groundwire.dialects.gen_ai import CallView, first_choice, message_text, view
from groundwire.finite import finite
from groundwire.model import RagChain, SpanRecord

Verdict: TypeAlias = Literal["error", "failed", "doubtful", "passed", "not_scored", "unchecked"]
"""`doubtful`: everything passed, and yet a sentence is marked; `unchecked`: nobody tried to score it."""

SEVERITY: tuple[Verdict, ...] = ("failed", "error", "doubtful", "not_scored", "passed", "unchecked")


@dataclass(frozen=True, slots=True)
class Stage:
    """A span of the request, evaluations left out."""

    span: SpanRecord
    call: CallView | None
    """None where it is no LLM, embedding, retrieval or rerank call."""
    depth: int
    """Below the root; 0 for the root itself."""
    checks: tuple[Check, ...] = ()

    @property
    def duration_ms(self) -> float:
        """Wall clock."""
        return max(0, self.span.end_ns - self.span.start_ns) / 1e6

    @property
    def cost_usd(self) -> float | None:
        """As written on the span."""
        return finite(self.span.attributes.get(semconv.COST))

    @property
    def is_error(self) -> bool:
        """Whether the span ended in an error."""
        return self.span.status == "error"


@dataclass(frozen=True)
class Trace:
    """A request: the spans of one trace, and of those retrievals in other traces that its answers link to."""

    spans: tuple[SpanRecord, ...]
    trace_id: str
    stages: tuple[Stage, ...]
    """In the order of the tree; linked retrievals first."""
    checks: tuple[Check, ...] = field(default=())

    @property
    def root(self) -> SpanRecord:
        """Where the request began."""
        return next(s.span for s in self.stages if s.span.trace_id == self.trace_id)

    @property
    def title(self) -> str:
        """What the application calls this kind of request."""
        name = self.root.attributes.get(semconv.AGENT_NAME)
        return str(name) if name else self.root.name.removeprefix(f"{semconv.WORKFLOW} ")

    @property
    def start_ns(self) -> int:
        """When the first stage began."""
        return min(s.span.start_ns for s in self.stages)

    @property
    def duration_ms(self) -> float:
        """From the first start to the last end within its own trace, waiting for the next call left in."""
        own = [s.span for s in self.stages if s.span.trace_id == self.trace_id]
        linked = [s.span for s in self.stages if s.span.trace_id != self.trace_id]
        elapsed = max(s.end_ns for s in own) - min(s.start_ns for s in own)
        return max(0, elapsed + sum(s.end_ns - s.start_ns for s in linked)) / 1e6

    @cached_property
    def calls(self) -> tuple[Stage, ...]:
        """The innermost calls: a framework's span around a client's would count everything twice."""
        counted = [s for s in self.stages if s.call is not None and s.call.usage is not None]
        return self._innermost(counted)

    def _innermost(self, counted: Sequence[Stage]) -> tuple[Stage, ...]:
        """The calls but those around one of these, and those that tell of the same answer as one of these."""
        parents = {s.span.span_id: s.span.parent_id for s in self.stages}
        outer: set[str] = set()
        for stage in counted:
            above, seen = stage.span.parent_id, 0
            while above is not None and seen < 100:
                outer.add(above)
                above, seen = parents.get(above), seen + 1
        kept: list[Stage] = []
        for stage in sorted(counted, key=lambda s: s.span.end_ns):
            if stage.span.span_id in outer:
                continue
            if any(_is_one_call(told, stage) for told in kept):
                outer.add(stage.span.span_id)
            else:
                kept.append(stage)
        return tuple(s for s in self.stages if s.call is not None and s.span.span_id not in outer)

    @property
    def tokens(self) -> tuple[int, int] | None:
        """Input and output tokens; None where no call says."""
        used = [c.call.usage for c in self.calls if c.call is not None and c.call.usage is not None]
        if not used:
            return None
        return sum(u.input_tokens or 0 for u in used), sum(u.output_tokens or 0 for u in used)

    @property
    def estimated(self) -> bool:
        """Whether some count is our own estimate."""
        return any(c.call.usage.estimated for c in self.calls if c.call is not None and c.call.usage is not None)

    @property
    def cost_usd(self) -> float | None:
        """As written on the root, else the sum over the calls; None where no price is known."""
        total = finite(self.root.attributes.get(semconv.REQUEST_COST))
        if total is not None:
            return total
        # Apart from tokens: the innermost span may have these alone.
        priced = self._innermost([s for s in self.stages if s.call is not None and s.cost_usd is not None])
        costs = [c.cost_usd for c in priced if c.cost_usd is not None]
        return sum(costs) if costs else None

    @cached_property
    def chains(self) -> Mapping[str, RagChain]:
        """The chains by id of the answer span."""
        return {chain.span_id: chain for chain in chains(self.spans).chains}

    @property
    def answers(self) -> tuple[Stage, ...]:
        """Stages that were checked, the worst first."""
        checked = [s for s in self.stages if s.checks]
        return tuple(sorted(checked, key=lambda s: _badness(s.checks)))

    @property
    def not_scored(self) -> str | None:
        """Why an answer that could have been scored was not; None where none was tried, or all were."""
        for stage in self.stages:
            status = stage.span.attributes.get(semconv.EVALUATION_STATUS)
            if isinstance(status, str) and status and status != "scored":
                return status.removeprefix("no_chain: ").removeprefix("skipped: ")
        return next((c.reason for c in self.checks if c.value is None), None)

    @property
    def verdict(self) -> Verdict:
        """The worst that can be said of it. An error that the application got over is none."""
        if any(c.failed for c in self.checks):
            return "failed"
        if self.root.status == "error" or (not self.checks and any(s.is_error for s in self.calls)):
            return "error"
        if any(c.unsupported for c in self.checks if c.value is not None):
            return "doubtful"
        if any(c.value is not None for c in self.checks):
            return "passed"
        return "not_scored" if self.checks or self.not_scored else "unchecked"

    @property
    def worst(self) -> tuple[int, tuple[float, float], int]:
        """Sort key: the trace to look at first has the smallest; of equals, the newest."""
        return SEVERITY.index(self.verdict), _badness(self.checks), -self.start_ns

    @property
    def question(self) -> str | None:
        """What the user asked."""
        for answer in self.answers:
            if (chain := self.chains.get(answer.span.span_id)) and chain.question:
                return chain.question
        given = self.root.attributes.get(semconv.INPUT_VALUE)
        if isinstance(given, str) and given:
            return given
        queries = [s.call.query for s in self.stages if s.call is not None and s.call.query]
        return queries[0] if queries else _last_user_text(self.stages)

    @property
    def answer(self) -> str | None:
        """What was answered."""
        for answer in self.answers:
            if chain := self.chains.get(answer.span.span_id):
                return chain.answer
        given = self.root.attributes.get(semconv.OUTPUT_VALUE)
        if isinstance(given, str) and given:
            return given
        texts = [message_text(m) for s in self.stages if s.call is not None for m in s.call.output[:1]]
        return next((text for text in reversed(texts) if text), None)


def _badness(found: Sequence[Check]) -> tuple[float, float]:
    failing = [c.value for c in found if c.failed and c.value is not None]
    values = [c.value for c in found if c.value is not None]
    return min(failing, default=2.0), min(values, default=2.0)


def _last_user_text(stages: Sequence[Stage]) -> str | None:
    for stage in reversed(stages):
        if stage.call is not None:
            for message in reversed(stage.call.prompt):
                if message.get("role") in ("user", "human") and (text := message_text(message)):
                    return text
    return None


def read_trace(spans: Iterable[SpanRecord], linked: Iterable[SpanRecord] = ()) -> Trace | None:
    """The request that spans of one trace tell of; None where there are no spans but evaluations.

    Args:
        spans: of the trace; also, where it is not known which is which, of the retrievals in other traces that it
            links to. A span given twice counts once.
        linked: what it links to in other traces. Of these retrievals count; other links are none of supply.
    """
    own = tuple({(s.trace_id, s.span_id): canonical(s) for s in spans}.values())
    real = [s for s in own if not is_evaluation(s)]
    if not real:
        return None
    found = checks(own)
    trace_id = _main_trace(real, {key[0] for key in found})
    known = {(s.trace_id, s.span_id) for s in own}
    others = {(s.trace_id, s.span_id): s for s in map(canonical, linked)}
    guests = [s for key, s in others.items() if key not in known and _supplies(s)]
    unique, real = (*guests, *own), [*guests, *real]
    stages: list[Stage] = []
    for one in sorted({s.trace_id for s in real} - {trace_id}):
        stages += _tree([s for s in real if s.trace_id == one], found)
    stages += _tree([s for s in real if s.trace_id == trace_id], found)
    return Trace(unique, trace_id, tuple(stages), tuple(c for s in stages for c in s.checks))


def read_traces(spans: Iterable[SpanRecord]) -> list[Trace]:
    """All requests in stored spans, the worst first. A retrieval that an answer links to is told with that answer."""
    by_trace: dict[str, list[SpanRecord]] = {}
    for span in map(canonical, spans):
        by_trace.setdefault(span.trace_id, []).append(span)
    supply: dict[str, list[SpanRecord]] = {}
    told: set[str] = set()
    for trace_id, members in by_trace.items():
        targets = {(link.trace_id, link.span_id) for s in members for link in s.links if link.trace_id in by_trace}
        for other in sorted({target[0] for target in targets} - {trace_id}):
            found = by_trace[other]
            if _is_supply(found):
                told.add(other)
            else:  # a request of its own, of which the answer uses what was found
                found = [s for s in found if (other, s.span_id) in targets]
            supply.setdefault(trace_id, []).extend(found)
    traces = (read_trace(m, supply.get(t, ())) for t, m in by_trace.items() if t not in told)
    return sorted((trace for trace in traces if trace is not None), key=lambda trace: trace.worst)


def _supplies(span: SpanRecord) -> bool:
    call = view(span)
    return call is not None and call.kind in ("retrieval", "rerank", "embeddings")


def _is_supply(spans: Iterable[SpanRecord]) -> bool:
    """Whether a trace is nothing but retrieval: a plain script has no root that would hold it and its answer."""
    return all((call := view(span)) is not None and call.kind != "chat" for span in spans)


def _main_trace(spans: Sequence[SpanRecord], evaluated: set[str]) -> str:
    def rank(span: SpanRecord) -> tuple[bool, bool, int]:
        call = view(span)
        return span.trace_id not in evaluated, call is None or call.kind != "chat", span.start_ns

    return min(spans, key=rank).trace_id


def _tree(spans: Sequence[SpanRecord], found: Mapping[tuple[str, str | None], tuple[Check, ...]]) -> Iterator[Stage]:
    known = {s.span_id for s in spans}
    children: dict[str | None, list[SpanRecord]] = {}
    for span in sorted(spans, key=lambda s: (s.start_ns, -s.end_ns, s.span_id)):
        parent = span.parent_id if span.parent_id in known and span.parent_id != span.span_id else None
        children.setdefault(parent, []).append(span)
    roots = children.get(None, [])
    roots.sort(key=lambda s: s.attributes.get(semconv.OPERATION) not in semconv.WHOLE)
    pending = [(span, 0) for span in reversed(roots)]
    told: set[str] = set()
    while True:
        while pending:
            span, depth = pending.pop()
            if span.span_id in told:
                continue
            told.add(span.span_id)
            yield Stage(span, view(span), depth, found.get((span.trace_id, span.span_id), ()))
            pending += [(child, depth + 1) for child in reversed(children.get(span.span_id, ()))]
        if len(told) == len(known):
            return
        # Spans that are each other's parents hang from nowhere.
        pending.append((next(s for s in spans if s.span_id not in told), 0))


def _is_one_call(one: Stage, other: Stage) -> bool:
    """Whether two instrumentations tell of the same call: as the index of chains has it."""
    if one.span.scope == other.span.scope or not _overlap(one.span, other.span):
        return False
    ids = [stage.span.attributes.get(semconv.RESPONSE_ID) for stage in (one, other)]
    if None not in ids:
        return bool(ids[0] == ids[1])
    said = [first_choice(stage.call.output) if stage.call else "" for stage in (one, other)]
    counted = [tokens_of(stage.span.attributes) for stage in (one, other)]
    if counted[0] is None or counted[0] != counted[1]:
        return False
    if all(said):
        return said[0] == said[1]
    telling, silent = (one.span, other.span) if said[0] else (other.span, one.span)
    beside = telling.parent_id == silent.parent_id is not None
    return beside and any(said) and telling.start_ns <= silent.start_ns and silent.end_ns <= telling.end_ns


def _overlap(one: SpanRecord, other: SpanRecord) -> bool:
    return one.start_ns < other.end_ns and other.start_ns < one.end_ns
