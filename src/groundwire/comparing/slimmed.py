"""Requests without what comparing never looks at, such as prompts and long attributes: many must fit in memory."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from groundwire.answers import Answer
from groundwire.model import Passage, SpanRecord
from groundwire.trace import Stage, Trace

_LONGEST = 200
"""Characters of an attribute that is kept: models, versions, ids are short, and by longer ones nothing is sliced."""


class Slimmer:
    """Makes requests small. Passages are kept once, however many answers rest on them: a knowledge base repeats.

    Args:
        needed: attributes that are kept however long they are.
    """

    def __init__(self, needed: Iterable[str] = ()) -> None:
        self._needed = frozenset(needed)
        self._passages: dict[Passage, Passage] = {}
        self._resources: dict[str, Mapping[str, Any]] = {}

    def trace(self, trace: Trace) -> Trace:
        """The request with its stages, times, tokens and costs; without content, chains and checks."""
        return Trace((), trace.trace_id, tuple(map(self._stage, trace.stages)))

    def answers(self, answers: Sequence[Answer]) -> list[Answer]:
        """Answers of one request with their questions, passages, texts and checks."""
        if not answers:
            return []
        slim = self.trace(answers[0].trace)
        spans = {(s.span.trace_id, s.span.span_id): s.span for s in slim.stages}
        return [self._answer(a, slim, spans[a.span.trace_id, a.span.span_id]) for a in answers]

    def _answer(self, answer: Answer, slim: Trace, span: SpanRecord) -> Answer:
        passages = tuple(self._once(replace(p, span_id=None)) for p in answer.chain.passages)
        return Answer(replace(answer.chain, passages=passages, attributes=span.attributes), answer.checks, slim, span)

    def _once(self, passage: Passage) -> Passage:
        return self._passages.setdefault(passage, passage)

    def _stage(self, stage: Stage) -> Stage:
        span = self._span(stage.span)
        call = stage.call and replace(stage.call, record=span, prompt=(), output=(), query=None, documents=())
        return Stage(span, call, stage.depth)

    def _span(self, span: SpanRecord) -> SpanRecord:
        resource = self._short(span.resource)
        shared = self._resources.setdefault(repr(resource), resource)
        return replace(span, attributes=self._short(span.attributes), resource=shared, events=(), links=())

    def _short(self, attributes: Mapping[str, Any]) -> dict[str, Any]:
        return {key: value for key, value in attributes.items() if key in self._needed or _is_short(value)}


def _is_short(value: Any) -> bool:
    return value is None or isinstance(value, bool | int | float) or (isinstance(value, str) and len(value) <= _LONGEST)
