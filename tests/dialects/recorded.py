"""Recordings as records, and records as spans that end in a running application."""

from collections.abc import Sequence
from pathlib import Path

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Event, ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import Link, SpanContext, SpanKind, Status, StatusCode, TraceFlags

from groundwire.model import RagChain, Score, SpanRecord
from groundwire.observer import ScoringObserver
from groundwire.outlets import Annotator
from groundwire.processor import ScoringSpanProcessor
from groundwire.traces import open_source

RECORDINGS = Path(__file__).parents[1] / "recordings"


def records(name: str) -> list[SpanRecord]:
    """The spans of a recording, in the order in which they were exported."""
    source = open_source(str(RECORDINGS / f"{name}.jsonl"))
    spans = [span for span in source if isinstance(span, SpanRecord)]
    assert spans
    assert not source.problems
    return spans


class Collector:
    """An evaluator that keeps the chains it is given."""

    name = "collector"
    version = "1"

    def __init__(self) -> None:
        self.chains: list[RagChain] = []

    def evaluate(self, chain: RagChain) -> Score:
        self.chains.append(chain)
        return Score(1.0, "kept")


def live_chains(spans: list[SpanRecord]) -> list[RagChain]:
    """The chains that the processor of a running application sees, if these spans end in it one after the other."""
    collector = Collector()
    processor = ScoringSpanProcessor(SimpleSpanProcessor(InMemorySpanExporter()), evaluators=[collector])
    for span in sorted(spans, key=lambda s: (s.end_ns, -s.start_ns)):
        processor.on_end(readable(span))
    assert processor.force_flush()
    processor.shutdown()
    return collector.chains


def observed_chains(spans: list[SpanRecord]) -> list[RagChain]:
    """The chains seen beside a pipeline that is not ours."""
    collector = Collector()
    provider = TracerProvider(shutdown_on_exit=False)
    observer = ScoringObserver(Annotator(provider.get_tracer("groundwire.evaluation"), content=True), [collector])
    for span in sorted(spans, key=lambda s: (s.end_ns, -s.start_ns)):
        observer.on_end(readable(span))
    assert observer.force_flush()
    observer.shutdown()
    return collector.chains


def readable(record: SpanRecord) -> ReadableSpan:
    """The span of the SDK that such a record is made of."""

    def context(trace_id: str, span_id: str) -> SpanContext:
        return SpanContext(int(trace_id, 16), int(span_id, 16), is_remote=False, trace_flags=TraceFlags(1))

    return ReadableSpan(
        name=record.name,
        context=context(record.trace_id, record.span_id),
        parent=context(record.trace_id, record.parent_id) if record.parent_id else None,
        resource=Resource(dict(record.resource)),
        attributes=dict(record.attributes),
        events=[Event(e.name, dict(e.attributes), e.time_ns) for e in record.events],
        links=[Link(context(link.trace_id, link.span_id), dict(link.attributes)) for link in record.links],
        kind=SpanKind[record.kind.upper()],
        status=Status(StatusCode[record.status.upper()], record.status_message or None),
        start_time=record.start_ns,
        end_time=record.end_ns,
        instrumentation_scope=InstrumentationScope(record.scope, record.scope_version),
    )


def facts(found: Sequence[RagChain]) -> Sequence[object]:
    """What is the same in two lists of chains, whatever their order."""
    return sorted(
        (c.trace_id, c.span_id, c.question, c.passages, c.answer, c.model, c.provider, str(c.usage)) for c in found
    )
