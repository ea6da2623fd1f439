"""Answers of stored traces with what was measured on them: what runs are compared, watched and reported by."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from groundwire.checks import Check
from groundwire.model import RagChain, SpanRecord
from groundwire.trace import Trace, read_traces


@dataclass(frozen=True, slots=True)
class Answer:
    """One RAG answer of a stored run."""

    chain: RagChain
    """Question, passages, answer, ids, model, token counts."""
    checks: Mapping[str, Check]
    """By evaluator; a check without a value says why in `reason`."""
    trace: Trace
    """The request it belongs to: its cost, tokens and stages. A request may hold several answers."""
    span: SpanRecord
    """The answer span."""

    @property
    def question(self) -> str | None:
        """What was asked."""
        return self.chain.question

    @property
    def cost_usd(self) -> float | None:
        """Of the whole request; None where no price is known."""
        return self.trace.cost_usd

    @property
    def duration_ms(self) -> float:
        """Of the whole request, wall clock."""
        return self.trace.duration_ms

    @property
    def tokens(self) -> tuple[int, int] | None:
        """Input and output tokens of the whole request; None where no call says."""
        return self.trace.tokens

    def score(self, name: str) -> float | None:
        """Value of one evaluator, in [0, 1]; None where it gave none."""
        check = self.checks.get(name)
        return None if check is None else check.value

    def attribute(self, name: str) -> Any:
        """An attribute of the answer span, else of the request's root, else of the resource; None where none has it."""
        for attributes in (self.span.attributes, self.trace.root.attributes, self.span.resource):
            if name in attributes:
                return attributes[name]
        return None


def answers(spans: Iterable[SpanRecord]) -> Iterator[Answer]:
    """All RAG answers in stored spans, in order of time; chat calls that are no RAG answers are left out."""
    found = [answer for trace in read_traces(spans) for answer in of_trace(trace)]
    found.sort(key=lambda a: (a.span.end_ns, a.chain.trace_id, a.chain.span_id))
    return iter(found)


def of_trace(trace: Trace) -> Iterator[Answer]:
    """The RAG answers of one request."""
    for stage in trace.stages:
        chain = trace.chains.get(stage.span.span_id)
        if chain is not None and chain.trace_id == stage.span.trace_id:
            yield Answer(chain, {c.name: c for c in stage.checks}, trace, stage.span)
