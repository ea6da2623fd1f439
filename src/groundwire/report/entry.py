"""What a report lists: every answer of a run, and every request that ended in an error before there was one."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from groundwire.answers import Answer
from groundwire.checks import Check
from groundwire.model import RagChain, SpanRecord
from groundwire.trace import SEVERITY, Trace, Verdict, read_traces

Kind: TypeAlias = Literal["answer", "unrecorded", "no_answer"]
"""`unrecorded`: it was judged and its text was not kept; `no_answer`: the request ended in an error."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the list."""

    answer: Answer
    """Where there is no text, its chain has no passages and an empty answer."""
    kind: Kind = "answer"

    @property
    def key(self) -> str:
        """Names it within the report."""
        return f"{self.answer.chain.trace_id}-{self.answer.chain.span_id}"

    @property
    def checks(self) -> tuple[Check, ...]:
        """Failed ones first."""
        return tuple(self.answer.checks.values())

    @property
    def verdict(self) -> Verdict:
        """The worst that can be said of this answer; of its request's other answers nothing."""
        checks = self.checks
        if any(c.failed for c in checks):
            return "failed"
        if self.kind == "no_answer" or self.answer.span.status == "error" or self.answer.trace.root.status == "error":
            return "error"
        scored = [c for c in checks if c.value is not None]
        if scored:
            return "doubtful" if any(c.unsupported for c in scored) else "passed"
        return "not_scored" if checks or self.not_scored else "unchecked"

    @property
    def not_scored(self) -> str:
        """Why there is no score at all; empty where there is one, or where nobody tried."""
        if any(c.value is not None for c in self.checks):
            return ""
        return next((c.reason for c in self.checks), "") or self.answer.trace.not_scored or ""

    @property
    def worst(self) -> tuple[int, float, float, int, str]:
        """Sort key: the smallest is to be looked at first; of equals, the newest."""
        failing = [c.value for c in self.checks if c.failed and c.value is not None]
        values = [c.value for c in self.checks if c.value is not None]
        severity = SEVERITY.index(self.verdict)
        return severity, min(failing, default=2.0), min(values, default=2.0), -self.answer.span.end_ns, self.key

    def slice(self, name: str) -> Any:
        """Value of an attribute by which answers are grouped; `model` is the answering model. None where unknown."""
        return self.answer.chain.model if name == "model" else self.answer.attribute(name)


@dataclass(frozen=True, slots=True)
class Run:
    """A stored run, ready to be told."""

    source: str
    entries: tuple[Entry, ...]
    """The worst first."""
    requests: int
    """All of them, those without a RAG answer too."""
    other: int
    """Requests that have no RAG answer and did not end in an error."""
    spans: int


def read_run(source: str, spans: Iterable[SpanRecord]) -> Run:
    """What a report tells of these spans.

    Args:
        source: whence they are, as it is to be named.
        spans: of any number of traces, in any order.
    """
    traces = [t for t in read_traces(spans) if t.checks or any(s.call is not None for s in t.stages)]
    entries: list[Entry] = []
    other = 0
    for trace in traces:
        found = list(_entries(trace))
        other += not found
        entries += found
    entries.sort(key=lambda e: e.worst)
    return Run(source, tuple(entries), len(traces), other, sum(len(t.stages) for t in traces))


def _entries(trace: Trace) -> Iterator[Entry]:
    told = False
    for stage in trace.stages:
        chain = trace.chains.get(stage.span.span_id)
        if chain is not None and chain.trace_id == stage.span.trace_id:
            yield Entry(Answer(chain, {c.name: c for c in stage.checks}, trace, stage.span))
        elif stage.checks:
            yield Entry(_without_text(trace, stage.span, {c.name: c for c in stage.checks}), "unrecorded")
        else:
            continue
        told = True
    if not told and trace.verdict == "error":
        yield Entry(_without_text(trace, trace.root, {}), "no_answer")


def _without_text(trace: Trace, span: SpanRecord, checks: dict[str, Check]) -> Answer:
    call = next((s.call for s in trace.stages if s.span is span), None)
    models = [s.call.model for s in trace.calls if s.call is not None and s.call.model]
    chain = RagChain(
        question=trace.question,
        passages=(),
        answer="",
        model=call.model if call is not None and call.model else next(iter(models), None),
        trace_id=span.trace_id,
        span_id=span.span_id,
    )
    return Answer(chain, checks, trace, span)
