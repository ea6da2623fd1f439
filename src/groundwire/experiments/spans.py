"""One run of one case as spans: the root around it, and the answer where no traced call gave it."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from groundwire import semconv
from groundwire.budget import bounded_messages, encodable
from groundwire.chain import chains
from groundwire.datasets.case import Case
from groundwire.dialects import canonical
from groundwire.dialects.gen_ai import view
from groundwire.errors import ConfigurationError
from groundwire.experiments.target import Reply
from groundwire.model import Document, Evaluator, RagChain, SpanRecord
from groundwire.scoring import evaluation_record, score, scored
from groundwire.trace import read_trace
from groundwire.version import __version__

SCOPE = "groundwire.experiment"
ROOT = "experiment case"
ANSWER = "answer"
_LIMIT = 1_000_000
"""Characters of passages on one answer: they are what is judged, and go to a file."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What is the same for all cases of an experiment."""

    name: str
    dataset: str
    dataset_hash: str
    evaluators: tuple[Evaluator, ...]
    app_version: str | None = None

    @property
    def judged_by(self) -> tuple[str, ...]:
        """Evaluators with their versions."""
        return tuple(f"{e.name}/{e.version}" for e in self.evaluators)

    def attributes(self, case: Case, repeat: int) -> dict[str, Any]:
        """Of the root, when it starts: a right answer must be known before the answer is judged."""
        attributes: dict[str, Any] = {
            semconv.OPERATION: semconv.WORKFLOW,
            semconv.SPAN_KIND: "CHAIN",
            semconv.EXPERIMENT: self.name,
            semconv.EXPERIMENT_REPEAT: repeat,
            semconv.EXPERIMENT_EVALUATORS: self.judged_by,
            semconv.DATASET_HASH: self.dataset_hash,
            semconv.CASE_ID: case.id,
            semconv.INPUT_VALUE: case.question,
        }
        optional: dict[str, Any] = {
            semconv.DATASET: self.dataset or None,
            semconv.APP_VERSION: self.app_version,
            semconv.REFERENCE: case.reference,
            semconv.CASE_TAGS: case.tags or None,
        }
        attributes |= {key: value for key, value in optional.items() if value is not None}
        attributes |= {f"{semconv.CASE_SLICE}{encodable(key)}": value for key, value in case.slices.items()}
        return {key: _encodable(value) for key, value in attributes.items()}


def finished(plan: Plan, case: Case, spans: Sequence[SpanRecord], reply: Reply | None) -> list[SpanRecord]:
    """The spans of one case with answer, scores and totals on them: a line of the experiment's file.

    Args:
        plan: of the experiment.
        case: that was run.
        spans: the root and what ended inside it.
        reply: what the target returned; None where it failed.
    """
    root = next((s for s in spans if s.parent_id is None and s.name == ROOT), None)
    if root is None:
        raise ConfigurationError("the TracerProvider in force takes no span processors: give an SDK TracerProvider")
    found = chains(spans).chains
    written = list(spans)
    answer = reply.answer if reply is not None else None
    if not found and answer is not None and answer.strip() and reply is not None:
        declared = _declared(root, case, spans, reply)
        written = [replace(s, parent_id=declared.span_id) if s.parent_id == root.span_id else s for s in spans]
        written.append(declared)
        found = chains(written).chains
    extra = _totals(written)
    if answer is None and found:
        answer = found[-1].answer
    if answer is not None:
        extra[semconv.OUTPUT_VALUE] = encodable(answer)
    by_id = {s.span_id: s for s in written}
    by_id[root.span_id] = replace(root, attributes={**root.attributes, **extra})
    return [*_judged(by_id, found, plan.evaluators)]


def _judged(
    by_id: dict[str, SpanRecord], found: Sequence[RagChain], evaluators: Sequence[Evaluator]
) -> list[SpanRecord]:
    results = list(score(found, evaluators))
    judgements: list[SpanRecord] = []
    for chain in found:
        own = [e for e in results if e.chain is chain]
        if own:
            answer = by_id[chain.span_id]
            by_id[chain.span_id] = scored(answer, own)
            judgements += [evaluation_record(e, answer) for e in own]
    return [*sorted(by_id.values(), key=lambda s: (s.start_ns, -s.end_ns)), *judgements]


def _totals(spans: Sequence[SpanRecord]) -> dict[str, Any]:
    trace = read_trace(spans)
    if trace is None:
        return {}
    known = {
        semconv.REQUEST_COST: trace.cost_usd,
        semconv.REQUEST_TOKENS: None if trace.tokens is None else sum(trace.tokens),
    }
    return {key: value for key, value in known.items() if value is not None}


def _declared(root: SpanRecord, case: Case, spans: Sequence[SpanRecord], reply: Reply) -> SpanRecord:
    """The answer as the target returned it, around the calls that are known of."""
    calls = [v for s in spans if (v := view(canonical(s))) is not None]
    passages = reply.passages
    if passages is None:
        # Its LLM is not traced, its retrieval is: what was found is taken for what the answer rests on.
        suppliers = [v for v in calls if v.kind == "rerank"] or [v for v in calls if v.kind == "retrieval"]
        passages = tuple({d.text: d for v in suppliers for d in v.documents if d.text}.values())
    model = reply.model or next((v.model for v in reversed(calls) if v.kind == "chat" and v.model), None)
    known: dict[str, Any] = {semconv.RESPONSE_MODEL: model}
    if not any(v.usage is not None for v in calls):
        known |= {
            semconv.INPUT_TOKENS: reply.input_tokens,
            semconv.OUTPUT_TOKENS: reply.output_tokens,
            semconv.COST: reply.cost_usd,
        }
    return answer_span(
        root.trace_id, root.span_id, case.question, reply.answer or "", passages,
        root.start_ns, root.end_ns, {k: v for k, v in known.items() if v is not None}, root.resource,
    )  # fmt: skip


def answer_span(
    trace_id: str,
    parent_id: str,
    question: str | None,
    answer: str,
    passages: Sequence[Document],
    start_ns: int,
    end_ns: int,
    attributes: dict[str, Any],
    resource: Any,
) -> SpanRecord:
    """An answer that nobody traced, written down so that it is read like any other: it lists its passages itself."""
    asked = {} if question is None else {semconv.RETRIEVAL_QUERY: encodable(question)}
    return SpanRecord(
        trace_id=trace_id,
        span_id=secrets.token_hex(8),
        parent_id=parent_id,
        name=ANSWER,
        start_ns=start_ns,
        end_ns=end_ns,
        attributes={
            semconv.OPERATION: "chat",
            **asked,
            semconv.INPUT_MESSAGES: bounded_messages([_message("user", question or "")], _LIMIT),
            semconv.OUTPUT_MESSAGES: bounded_messages([_message("assistant", answer)], _LIMIT),
            semconv.RETRIEVAL_DOCUMENTS: semconv.documents_json(passages, _LIMIT),
            **attributes,
        },
        scope=SCOPE,
        scope_version=__version__,
        resource=resource,
    )


def _encodable(value: Any) -> Any:
    if isinstance(value, tuple):
        return tuple(map(_encodable, value))
    return encodable(value) if isinstance(value, str) else value


def _message(role: str, text: str) -> dict[str, Any]:
    return {"role": role, "parts": [{"type": "text", "content": text}]}
