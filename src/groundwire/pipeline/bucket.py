"""One bucket from its spans to its scores. What every engine runs, in whichever process."""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, Protocol

from groundwire.chain import chains
from groundwire.model import BatchEvaluator, Evaluator, Failed, LogEvent, NoChain, RagChain, SpanEvent, SpanRecord
from groundwire.pipeline.codec import dumps, pack, unpack, write_chunk
from groundwire.pipeline.expected import asks_a_model, expected
from groundwire.pipeline.journal import Journal
from groundwire.pipeline.judgement import Judgement, digest, judged, place_of, same, stored, with_scores
from groundwire.pipeline.order import Order
from groundwire.pipeline.selection import root_of
from groundwire.pipeline.spool import Bucket, Row
from groundwire.pipeline.tally import Planned, Tally
from groundwire.scoring import evaluate_many
from groundwire.traces.joining import with_events
from groundwire.traces.otlp_json import encode

_BATCH = 32
_DEAR = 4
"""Answers that are judged at once where what they cost is limited: what they did cost is known before the next."""
_LINE_SPANS = 2_000
"""Spans of one trace that share a line."""


class Control(Protocol):
    """What a bucket asks of the run that it is a part of."""

    def stopped(self) -> str | None:
        """Why nothing more is to be judged; None: go on."""
        ...

    def reserve(self, usd: float | None) -> float | None:
        """What is set aside for a judgement; None: it may not be made.

        Args:
            usd: what it is expected to cost; None: the price is not known.
        """
        ...

    def settle(self, reserved: float, expected: float, usd: float) -> None:
        """What judgements did cost for which so much was set aside, and which were expected to cost so much."""
        ...

    def judged(self, answers: int, broke: int, share: float) -> None:
        """So many more answers were judged, with so many judgements that broke; the share of the bucket behind us."""
        ...


@dataclass(frozen=True, slots=True)
class Job:
    """A bucket, and where what comes of it is kept."""

    bucket: Bucket
    order: Order
    limit: int | None = None
    """Answers that may still be chosen."""
    journal: str | bytes | None = None
    """The file of what was judged before, and is now; or its bytes, where this machine cannot reach it."""
    part: str | None = None
    """The file that takes the result; None: it is returned."""


@dataclass(frozen=True, slots=True)
class Done:
    """What came of a bucket."""

    name: str
    tally: Tally
    output: tuple[tuple[int, bytes], ...] = ()
    """(place of the trace in the source, lines or chunk); empty where a file took them."""
    journal: bytes = b""
    """New lines for the journal, where this machine could not reach it."""
    complete: bool = True
    """Nothing was left unjudged because the run had to stop."""


@dataclass(slots=True)
class _Answer:
    chain: RagChain
    digest: str
    judgements: list[Judgement | None]
    """In the order of the evaluators; None: to be made."""


@dataclass(slots=True)
class _Trace:
    position: int
    spans: dict[str, SpanRecord] = field(default_factory=dict[str, SpanRecord])
    events: dict[str, list[SpanEvent]] = field(default_factory=dict[str, list[SpanEvent]])
    linked: list[SpanRecord] = field(default_factory=list[SpanRecord])
    answers: list[_Answer] = field(default_factory=list[_Answer])


def perform(job: Job, evaluators: Sequence[Evaluator], control: Control) -> Done:
    """Score a bucket."""
    part = Path(job.part) if job.part is not None else None
    with Journal(job.journal) as journal:
        work = _Work(job, evaluators, control, journal)
        if part is None:
            output = tuple(work.outputs())
        else:
            output = ()
            with part.open("wb") as file:
                for _, data in work.outputs():
                    if job.order.form == "lines":
                        file.write(data)
                    else:
                        write_chunk(file, data)
        return Done(job.bucket.name, work.tally, output, journal.new, complete=not work.stopped)


class _Work:
    def __init__(self, job: Job, evaluators: Sequence[Evaluator], control: Control, journal: Journal) -> None:
        self.tally = Tally()
        self.stopped = False
        self._order = job.order
        self._evaluators = evaluators
        self._control = control
        self._journal = journal
        self._limit = job.limit
        self._traces = deque(_grouped(job.bucket, self.tally).values())
        self._asking = [asks_a_model(e) for e in evaluators]
        self._sizes = [_BATCH if isinstance(e, BatchEvaluator) else 1 for e in evaluators]
        self._batch = max(self._sizes, default=1)

    def outputs(self) -> Iterator[tuple[int, bytes]]:
        """(place, bytes) of one trace after the other."""
        total, behind = len(self._traces), 0
        while batch := list(self._next_batch()):
            behind += len(batch)
            if not self._order.dry:
                self._judge([answer for trace in batch for answer in trace.answers], batch, behind / total)
            for trace in batch:
                if (data := self._finish(trace)) is not None:
                    yield trace.position, data

    def _next_batch(self) -> Iterator[_Trace]:
        """As many traces as hold a batch of answers."""
        found = 0
        while self._traces:
            trace = self._traces.popleft()  # it is held no longer than it takes
            self._read(trace)
            yield trace
            found += len(trace.answers)
            if found >= self._batch:
                return

    # --- reading a trace ------------------------------------------------------------------------------------------

    def _read(self, trace: _Trace) -> None:
        """Find its answers, choose among them, and find what was judged of them before."""
        self.tally.traces += 1
        self.tally.spans += len(trace.spans)
        own = list(trace.spans.values())
        trace_id = own[0].trace_id
        assembly = chains([*trace.linked, *own])
        self.tally.rejected.update(r.reason for r in assembly.rejected if _is_of(r, trace_id))
        found = [chain for chain in assembly.chains if _is_of(chain, trace_id)]
        if not found:
            return
        root = root_of(own)
        for chain in found:
            answer = trace.spans[chain.span_id]
            if (rule := self._excluded(chain, answer, root)) is not None:
                self.tally.left[rule] += 1
                continue
            if self._limit is not None:
                self._limit -= 1
            trace.answers.append(self._known(chain, trace))

    def _excluded(self, chain: RagChain, answer: SpanRecord, root: SpanRecord) -> str | None:
        rule = self._order.selection.excludes(chain, answer, root)
        return "limit" if rule is None and self._limit is not None and self._limit <= 0 else rule

    def _known(self, chain: RagChain, trace: _Trace) -> _Answer:
        words = digest(chain)
        answer = trace.spans[chain.span_id]
        known: list[Judgement | None] = []
        for evaluator in self._evaluators:
            place = place_of(chain, evaluator)
            found = None if self._order.force else stored(trace.spans.get(place), chain, evaluator)
            if found is not None:
                self.tally.unchanged += 1
            elif (earlier := stored(self._journal.find(place, words, answer), chain, evaluator)) is not None:
                found = Judgement(earlier.evaluation, earlier.record)
                self.tally.resumed += 1
                self.tally.usd += _cost(found)
            known.append(found)
        return _Answer(chain, words, known)

    # --- judging --------------------------------------------------------------------------------------------------

    def _judge(self, answers: list[_Answer], traces: list[_Trace], share: float) -> None:
        spans = {(s.trace_id, s.span_id): s for t in traces for a in t.answers for s in (t.spans[a.chain.span_id],)}
        broke = 0
        for n, evaluator in enumerate(self._evaluators):
            missing = iter([answer for answer in answers if answer.judgements[n] is None])
            limited = self._order.in_cost and self._asking[n]
            while some := list(islice(missing, min(self._sizes[n], _DEAR) if limited else self._sizes[n])):
                if self._control.stopped() is not None:
                    self.stopped = True
                    break
                some, reserved, usd = self._affordable(some, n) if limited else (some, 0.0, 0.0)
                if not some:
                    break
                for answer, evaluation in zip(some, evaluate_many([a.chain for a in some], evaluator), strict=True):
                    chain = evaluation.chain
                    judgement = judged(evaluation, spans[chain.trace_id, chain.span_id])
                    if judgement.stands or isinstance(evaluation.result, Failed) or not self._order.in_cost:
                        answer.judgements[n] = judgement
                    else:
                        self.stopped = True  # no budget left
                    self._journal.add(judgement, answer.digest)
                    self.tally.usd += _cost(judgement)
                    broke += isinstance(evaluation.result, Failed)
                if limited:
                    self._control.settle(reserved, usd, sum(_cost(a.judgements[n]) for a in some))
        self._control.judged(len(answers), broke, share)

    def _affordable(self, answers: list[_Answer], n: int) -> tuple[list[_Answer], float, float]:
        """As many of the answers as there is money for, what is set aside, and what they are expected to cost."""
        taken, reserved, total = 0, 0.0, 0.0
        for answer in answers:
            cost = expected(self._evaluators[n], answer.chain)
            usd = 0.0 if cost is None else cost.usd
            aside = self._control.reserve(usd)
            if aside is None:
                self.stopped = True
                break
            taken, reserved, total = taken + 1, reserved + aside, total + (usd or 0.0)
        return answers[:taken], reserved, total

    # --- writing a trace ------------------------------------------------------------------------------------------

    def _finish(self, trace: _Trace) -> bytes | None:
        """Count what was judged, and give the trace as it is to be written."""
        new: list[SpanRecord] = []
        for answer in trace.answers:
            made = [j for j in answer.judgements if j is not None]
            if self._order.dry:
                self._plan(answer)
                self.tally.answers += 1
            elif not made:
                self.tally.left["stopped"] += 1
                continue
            else:
                self.tally.count(made, dict(self._order.minimums))
            span = trace.spans[answer.chain.span_id]
            if made and (told := with_scores(span, made)).attributes != span.attributes:
                trace.spans[span.span_id] = told  # else it says so already, in its own order
            for judgement in made:
                if judgement.found:
                    continue
                if same(trace.spans.get(judgement.record.span_id), judgement.record):
                    self.tally.unchanged += 1
                    continue
                if self._order.form == "judgements" and isinstance(judgement.evaluation.result, Failed):
                    continue  # backends keep what they get: the judgement after the repair has the same span id
                new.append(judgement.record)
                trace.spans[judgement.record.span_id] = judgement.record
        self.tally.written += len(new)
        match self._order.form:
            case "lines":
                return _lines(trace.spans.values())
            case "judgements":
                return dumps([(trace.position, pack(record)) for record in new]) if new else None
            case "traces":
                rows = [(trace.position, pack(span)) for span in trace.spans.values()]
                return dumps([*rows, *((-1, pack(span)) for span in trace.linked)])
            case "nothing":
                return None

    def _plan(self, answer: _Answer) -> None:
        for n, evaluator in enumerate(self._evaluators):
            plan = self.tally.planned.setdefault(evaluator.name, Planned(asks_a_model=self._asking[n]))
            if answer.judgements[n] is not None:
                continue
            plan.answers += 1
            cost = expected(evaluator, answer.chain) if self._asking[n] else None
            if cost is not None:
                plan.input_tokens += cost.usage.input_tokens or 0
                plan.output_tokens += cost.usage.output_tokens or 0
                plan.usd = None if plan.usd is None or cost.usd is None else plan.usd + cost.usd


def _grouped(bucket: Bucket, tally: Tally) -> dict[str, _Trace]:
    """The traces of a bucket in the order of the source, log records joined to their spans, links followed."""
    traces: dict[str, _Trace] = {}
    lonely: dict[str, dict[str, list[SpanEvent]]] = {}
    for position, item in _items(bucket.items.rows()):
        if isinstance(item, LogEvent):
            lonely.setdefault(item.trace_id, {}).setdefault(item.span_id, []).append(item.event)
            continue
        trace = traces.get(item.trace_id)
        if trace is None:
            trace = traces[item.trace_id] = _Trace(position)
        tally.repeated += item.span_id in trace.spans
        trace.spans[item.span_id] = item
    for trace_id, by_span in lonely.items():
        _join(traces.get(trace_id), by_span, tally)
    guests = _guests(bucket)
    for trace_id, trace in traces.items():
        targets = dict.fromkeys((k.trace_id, k.span_id) for span in trace.spans.values() for k in span.links)
        for target in targets:
            if target[0] != trace_id:
                other = traces.get(target[0])
                found = other.spans.get(target[1]) if other is not None else guests.get(target)
                if found is not None:
                    trace.linked.append(found)
    return traces


def _guests(bucket: Bucket) -> dict[tuple[str, str], SpanRecord]:
    spans: dict[tuple[str, str], SpanRecord] = {}
    events: dict[tuple[str, str], list[SpanEvent]] = {}
    for _, item in _items(bucket.guests.rows()):
        if isinstance(item, SpanRecord):
            spans[item.trace_id, item.span_id] = item
        else:
            events.setdefault((item.trace_id, item.span_id), []).append(item.event)
    return {key: with_events(span, events[key]) if key in events else span for key, span in spans.items()}


def _join(trace: _Trace | None, by_span: dict[str, list[SpanEvent]], tally: Tally) -> None:
    for span_id, events in by_span.items():
        span = None if trace is None else trace.spans.get(span_id)
        if trace is None or span is None:
            tally.unmatched += len(events)
        else:
            trace.spans[span_id] = with_events(span, events)


def _items(rows: Iterable[Row]) -> Iterator[tuple[int, SpanRecord | LogEvent]]:
    for position, packed in rows:
        yield position, unpack(packed)


def _lines(spans: Iterable[SpanRecord]) -> bytes:
    rest = iter(spans)
    lines: list[bytes] = []
    while some := list(islice(rest, _LINE_SPANS)):
        lines.append(encode(some).encode() + b"\n")
    return b"".join(lines)


def _is_of(found: RagChain | NoChain, trace_id: str) -> bool:
    return found.trace_id == trace_id


def _cost(judgement: Judgement | None) -> float:
    """USD that a judgement cost; 0.0 where it says nothing of a cost."""
    cost: Any = None if judgement is None else getattr(judgement.evaluation.result, "cost_usd", None)
    return cost or 0.0
