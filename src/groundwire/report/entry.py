"""What a report lists: every answer of a run, and every request that ended in an error before there was one."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeAlias

from groundwire.answers import Answer, of_trace
from groundwire.checks import Check
from groundwire.comparing.measures import cost, tokens
from groundwire.comparing.pairing import attribute_of
from groundwire.model import RagChain, SpanRecord
from groundwire.report.shown import line
from groundwire.trace import SEVERITY, Trace, Verdict

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
        return line(f"{self.answer.chain.trace_id}-{self.answer.chain.span_id}", 120)

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

    @property
    def cost_usd(self) -> float | None:
        """Of the request, as `groundwire compare` counts it."""
        return cost(self.answer.trace)

    @property
    def tokens(self) -> tuple[float | None, float | None] | None:
        """Input and output tokens of the request, likewise; None where neither is known."""
        used = tokens(self.answer.trace, "input"), tokens(self.answer.trace, "output")
        return None if used == (None, None) else used

    def slice(self, name: str) -> Any:
        """Value of an attribute by which answers are grouped; `model` is the answering model. None where unknown."""
        return attribute_of(self.answer, name)


@dataclass(frozen=True, slots=True)
class Listing:
    """The answers of a run, ready to be told of."""

    source: str
    """Whence they are, as the user named it."""
    entries: tuple[Entry, ...]
    """The worst first."""
    requests: int
    """All of them, those without a RAG answer too."""
    other: int
    """Requests that have no RAG answer and did not end in an error."""
    spans: int
    """Of the requests, judgements left out."""


def listing(source: str, traces: Iterable[Trace], judged: Iterable[Answer] = ()) -> Listing:
    """What a report tells of these requests.

    Args:
        source: whence they are, as it is to be named.
        traces: as `groundwire.trace.read_traces` gives them.
        judged: answers of theirs with judgements that are not stored with them.
    """
    checks = {(a.span.trace_id, a.span.span_id): a.checks for a in judged}
    known = [t for t in traces if t.checks or any(s.call is not None for s in t.stages)]
    entries: list[Entry] = []
    other = 0
    for trace in known:
        found = list(_entries(trace, checks))
        other += not found
        entries += found
    entries.sort(key=lambda e: e.worst)
    return Listing(source, tuple(entries), len(known), other, sum(len(t.stages) for t in known))


def _entries(trace: Trace, judged: Mapping[tuple[str, str], Mapping[str, Check]]) -> Iterator[Entry]:
    told: set[str] = set()
    for answer in of_trace(trace):
        key = (answer.span.trace_id, answer.span.span_id)
        yield Entry(replace(answer, checks=judged[key]) if key in judged else answer)
        told.add(answer.span.span_id)
    for stage in trace.stages:
        if stage.checks and stage.span.span_id not in told:
            yield Entry(_without_text(trace, stage.span, {c.name: c for c in stage.checks}), "unrecorded")
            told.add(stage.span.span_id)
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
