"""What the assertions of a test said, until the plugin takes it: scores for the summary, traces for the report."""

import threading
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import replace
from time import time_ns
from typing import Any

from groundwire import semconv
from groundwire.budget import encodable
from groundwire.capturing import Capture
from groundwire.experiments.spans import answer_span
from groundwire.model import Document, Evaluation, RagChain, Score, SpanRecord
from groundwire.records import hex_span_id, hex_trace_id
from groundwire.scoring import evaluation_record, scored, status_of
from groundwire.traces.otlp_json import encode
from groundwire.version import __version__

TEST_ID = "groundwire.test.id"
SCOPE = "groundwire.testing"
_RESOURCE = {"service.name": "pytest"}

_lock = threading.Lock()
_judged: list[tuple[Evaluation, bool, int]] = []
_captures: list[Capture] = []


def record(evaluation: Evaluation, good: bool) -> None:
    """Keep what an assertion said."""
    with _lock:
        _judged.append((evaluation, good, time_ns()))
        if len(_judged) > 10_000:  # nobody takes it: this is no test
            del _judged[:-1]


@contextmanager
def watching(capture: Capture) -> Generator[None]:
    """The spans of this capture may hold the answers that are judged meanwhile."""
    with _lock:
        _captures.append(capture)
    try:
        yield
    finally:
        with _lock:
            _captures.remove(capture)


def take(test_id: str) -> dict[str, Any] | None:
    """What was said since the last time, in plain values; None: nothing.

    Returns:
        `scores`, a list of `[evaluator, value or None, good, status]`; `lines`, a text of OTLP/JSON lines, one a trace;
        `answers`, how many different ones were judged.
    """
    with _lock:
        judged = _judged[:]
        captures = _captures[:]
        _judged.clear()
    if not judged:
        return None
    known: dict[str, dict[str, SpanRecord]] = {}
    for capture in captures:
        for span in capture.spans:
            known.setdefault(span.trace_id, {})[span.span_id] = span
    by_answer: dict[Any, list[tuple[Evaluation, int]]] = {}
    for evaluation, _, at_ns in judged:
        chain = evaluation.chain
        is_traced = chain.span_id in known.get(chain.trace_id, ())
        key = (chain.trace_id, chain.span_id) if is_traced else (chain.question, chain.answer, chain.passages)
        by_answer.setdefault(key, []).append((evaluation, at_ns))
    traces: dict[str, list[SpanRecord]] = {}
    for rows in by_answer.values():
        latest = list({e.name: e for e, _ in rows}.values())
        chain = latest[-1].chain
        traced = known.get(chain.trace_id, {})
        answer = traced.get(chain.span_id)
        if answer is None:
            root, answer = _given(test_id, chain, rows[0][1])
            traced = {root.span_id: root, answer.span_id: answer}
        extra: dict[str, Any] = {TEST_ID: encodable(test_id)}
        references = [e.chain.reference for e in latest if e.chain.reference is not None]
        if references:
            extra[semconv.REFERENCE] = encodable(references[-1])
        traced[answer.span_id] = scored(replace(answer, attributes={**answer.attributes, **extra}), latest)
        judgements = traces.setdefault(answer.trace_id, [])
        judgements += [evaluation_record(e, answer) for e in latest]
        known[answer.trace_id] = traced
    return {
        "scores": [
            [e.name, e.result.value if isinstance(e.result, Score) else None, good, status_of(e.result)]
            for e, good, _ in judged
        ],
        "lines": "".join(f"{encode([*known[key].values(), *judgements])}\n" for key, judgements in traces.items()),
        "answers": len(by_answer),
    }


def _given(test_id: str, chain: RagChain, at_ns: int) -> tuple[SpanRecord, SpanRecord]:
    """A root and an answer span of an answer that was given as texts."""
    root = _root(test_id, chain.question, chain.answer, at_ns)
    passages = [Document(p.text, p.id, p.score) for p in chain.context]
    model = {} if chain.model is None else {semconv.RESPONSE_MODEL: chain.model}
    return root, answer_span(
        root.trace_id, root.span_id, chain.question, chain.answer, passages, at_ns, at_ns, model, _RESOURCE
    )


def _root(test_id: str, question: str | None, answer: str, at_ns: int) -> SpanRecord:
    from opentelemetry.sdk.trace.id_generator import RandomIdGenerator

    ids = RandomIdGenerator()
    attributes: dict[str, Any] = {
        semconv.OPERATION: semconv.WORKFLOW,
        semconv.SPAN_KIND: "CHAIN",
        TEST_ID: encodable(test_id),
        semconv.OUTPUT_VALUE: encodable(answer),
    }
    if question is not None:
        attributes[semconv.INPUT_VALUE] = encodable(question)
    return SpanRecord(
        hex_trace_id(ids.generate_trace_id()), hex_span_id(ids.generate_span_id()), "test", at_ns, at_ns,
        attributes=attributes, scope=SCOPE, scope_version=__version__, resource=_RESOURCE,
    )  # fmt: skip
