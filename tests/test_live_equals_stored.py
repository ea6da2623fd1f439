"""For any trace: the chains seen live are those assembled from its stored spans."""

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import Link, Span, SpanContext

from groundwire.chain import chains
from groundwire.model import RagChain, Score, SpanRecord
from groundwire.processor import ScoringSpanProcessor
from groundwire.records import from_readable
from groundwire.traces.otlp_json import decode, encode

PASSAGES = [
    "The Eiffel Tower is 330 metres tall and was completed in 1889.",
    "Bananas are yellow fruits that grow in bunches in the tropics.",
    "The Louvre in Paris is the most visited museum in the world.",
    "Question: how to reset? Hold the button for ten seconds, then let go.",
]
ANSWERS = ["It is 330 metres tall.", PASSAGES[0], "1. Who built it? 2. When?", "Eiffel Tower height", ""]

_texts = st.lists(st.sampled_from(PASSAGES), max_size=3)
_steps = st.recursive(
    st.one_of(
        st.tuples(st.just("retrieval"), _texts, st.booleans()),
        st.tuples(st.just("rerank"), _texts, st.booleans()),
        st.tuples(st.just("chat"), _texts, st.sampled_from(ANSWERS)),
        st.tuples(st.just("plain"), st.sampled_from(ANSWERS)),
        st.tuples(st.just("declared"), _texts, st.sampled_from(ANSWERS)),
    ),
    lambda inner: st.tuples(
        st.sampled_from(["workflow", "framework", "referred"]), st.lists(inner, max_size=3), st.sampled_from(ANSWERS)
    ),
    max_leaves=8,
)


class _Collector:
    """An evaluator that keeps the chains it is given."""

    name = "faithfulness"
    version = "1"

    def __init__(self) -> None:
        self.chains: list[RagChain] = []

    def evaluate(self, chain: RagChain) -> Score:
        self.chains.append(chain)
        return Score(1.0, "faithful")


def _message(role: str, text: str) -> str:
    return json.dumps([{"role": role, "parts": [{"type": "text", "content": text}]}])


class _App:
    """Runs generated steps, as an application would, through a live pipeline."""

    def __init__(self) -> None:
        self.exporter = InMemorySpanExporter()
        self.collector = _Collector()
        self.processor = ScoringSpanProcessor(SimpleSpanProcessor(self.exporter), evaluators=[self.collector])
        self.provider = TracerProvider(shutdown_on_exit=False)
        self.provider.add_span_processor(self.processor)
        self.retrieved: list[SpanContext] = []

    @contextmanager
    def span(self, scope: str, attributes: dict[str, Any], links: list[Link] | None = None) -> Iterator[Span]:
        tracer = self.provider.get_tracer(scope)
        with tracer.start_as_current_span(scope, attributes=attributes, links=links) as span:
            yield span

    def run(self, step: Any) -> None:
        kind, *rest = step
        if kind in ("retrieval", "rerank"):
            texts, listed = rest
            rows = [{"id": str(n), **({"content": t} if listed else {})} for n, t in enumerate(texts)]
            attributes = {
                "gen_ai.operation.name": kind,
                "gen_ai.retrieval.query.text": "How tall is it?",
                "gen_ai.retrieval.documents": json.dumps(rows),
            }
            with self.span("store", attributes) as span:
                self.retrieved.append(span.get_span_context())
        elif kind == "chat":
            texts, answer = rest
            context = "\n\n".join(texts)
            self.chat("client", f"Answer.\n\nContext:\n{context}\n\nQuestion: How tall is it?", answer, [])
        elif kind == "declared":
            texts, answer = rest
            rows = [{"id": str(n), "content": t} for n, t in enumerate(texts)]
            self.chat("client", "How tall?", answer, [], **{"gen_ai.retrieval.documents": json.dumps(rows)})
        elif kind == "referred":
            steps, answer = rest
            reference = {"groundwire.reference": answer}
            self.chat("framework", f"Context: {PASSAGES[0]}", answer, steps, chat=False, **reference)
        elif kind == "plain":
            self.chat("client", f"Suggest follow-ups.\nAnswer: {rest[0]}", "1. Who built it? 2. When?", [])
        else:
            steps, answer = rest
            self.chat("framework", f"Context: {PASSAGES[0]}", answer, steps, chat=kind == "framework")

    def chat(self, scope: str, prompt: str, answer: str, inside: list[Any], *, chat: bool = True, **more: str) -> None:
        attributes = {
            "gen_ai.operation.name": "chat" if chat else "invoke_workflow",
            "gen_ai.input.messages": _message("user", prompt),
            "gen_ai.output.messages": _message("assistant", answer),
            **more,
        }
        links = [Link(context) for context in self.retrieved[-1:]]
        with ExitStack() as stack:
            stack.enter_context(self.span(scope, attributes, links))
            for step in inside:
                self.run(step)

    @property
    def spans(self) -> list[ReadableSpan]:
        return list(self.exporter.get_finished_spans())


def _facts(found: list[RagChain] | tuple[RagChain, ...]) -> list[Any]:
    return sorted((c.trace_id, c.span_id, c.question, c.passages, c.answer, c.reference or "", c.model) for c in found)


@settings(max_examples=150, deadline=None)
@given(st.lists(_steps, min_size=1, max_size=5))
def test_live_equals_stored(steps: list[Any]) -> None:
    app = _App()
    for step in steps:
        app.run(step)
    assert app.processor.force_flush()
    app.processor.shutdown()
    stored = [_through_a_file(from_readable(span)) for span in app.spans]
    assert _facts(app.collector.chains) == _facts(chains(stored).chains)


def _complain(what: str) -> None:
    raise AssertionError(what)


def _through_a_file(record: SpanRecord) -> SpanRecord:
    (decoded,) = decode(json.loads(encode([record])), _complain)
    return decoded
