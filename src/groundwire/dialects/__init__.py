"""What spans of other SDKs say, told in the words of the GenAI conventions.

Whoever wrote a span, chains are assembled from the same attributes: `canonical` adds them, and everything behind it
knows one vocabulary. A dialect is one module with a function `translate(record)`, and one line in `DIALECTS`.

`translate` gives the attributes of `groundwire.semconv` that the span's own say in other words, or None where the span
is no LLM, embedding, retrieval, rerank or evaluation call in this dialect:

- `gen_ai.operation.name`: `chat`, `embeddings`, `retrieval`, `rerank` or `evaluate`; `invoke_workflow` for a span
  around them.
- `gen_ai.input.messages`, `gen_ai.output.messages`: lists of messages, as structure or as JSON text:
  `{"role": str, "parts": [{"type": "text", "content": str}, ...]}`. Tool calls and their results are parts of type
  `tool_call` and `tool_call_response`.
- `gen_ai.retrieval.query.text`; `gen_ai.retrieval.documents`, a list of `{"content", "id", "score", "metadata"}`, best
  first.
- models, provider, token counts (input including cached, output including reasoning), `gen_ai.usage.cost` in USD.

What a span does not say is left out: no count is made up, no text is guessed. `translate` is pure and total: odd values
are read as far as they go and never raise.
"""

import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib import import_module
from typing import Any, TypeAlias, cast

from groundwire.model import SpanRecord

_log = logging.getLogger(__name__)

Translate: TypeAlias = Callable[[SpanRecord], Mapping[str, Any] | None]

DIALECT = "groundwire.dialect"
"""Attribute with the name of the dialect that a record was translated from. It is in memory only, and never written."""


@dataclass(frozen=True, slots=True)
class Dialect:
    """One way to write spans."""

    name: str
    marks: tuple[str, ...]
    """Attributes, any one of which makes it worth asking `translate`."""
    scopes: tuple[str, ...] = ()
    """Beginnings of names of instrumentation scopes that do the same."""


DIALECTS: tuple[Dialect, ...] = (
    Dialect("langsmith", ("langsmith.span.kind",)),
    Dialect("langfuse", ("langfuse.observation.type", "langfuse.observation.input", "langfuse.observation.output")),
    Dialect("mlflow", ("mlflow.spanType", "mlflow.traceRequestId")),
    Dialect("openinference", ("openinference.span.kind",)),
    Dialect("trulens", ("ai.observability.span_type",)),
    Dialect("logfire", ("logfire.span_type", "logfire.json_schema")),
    Dialect("openlit", ("telemetry.sdk.name", "gen_ai.sdk.version", "db.sdk.version")),
    Dialect(
        "openllmetry",
        (
            *("traceloop.span.kind", "traceloop.workflow.name", "traceloop.entity.path", "llm.request.type"),
            *("gen_ai.prompt.0.content", "gen_ai.prompt.0.role", "gen_ai.completion.0.content", "db.system"),
            *("gen_ai.completion.0.role", "gen_ai.is_streaming", "gen_ai.usage.reasoning_tokens"),
        ),
        ("opentelemetry.instrumentation.bedrock", "opentelemetry.instrumentation.langchain"),
    ),
    Dialect("gen_ai_events", ("gen_ai.operation.name", "gen_ai.system")),
)
"""In the order in which they are asked: the more particular first. `name` is that of the module as well."""


def canonical(record: SpanRecord) -> SpanRecord:
    """The record with the attributes of the GenAI conventions added, whoever wrote it; itself where none are to add.

    Spans of groundwire's own, and records that went through here, are returned as they are.
    """
    for dialect in _candidates(record.scope, record.attributes):
        try:
            found = _translate(dialect.name)(record)
        except Exception:
            _log.warning("a span of %s could not be read as %s", record.scope, dialect.name, exc_info=True)
            continue
        if found is not None:
            return _with(record, {**record.attributes, **found, DIALECT: dialect.name})
    return record


def _with(record: SpanRecord, attributes: Mapping[str, Any]) -> SpanRecord:
    """The record with other attributes: `dataclasses.replace` takes twice as long, for each span of a store."""
    return SpanRecord(
        *(record.trace_id, record.span_id, record.name, record.start_ns, record.end_ns, record.parent_id),
        *(record.kind, record.status, record.status_message, attributes, record.events, record.links),
        *(record.scope, record.scope_version, record.resource),
    )


def is_foreign(scope: str, attributes: Mapping[str, Any]) -> bool:
    """Whether a span may be in another dialect than ours; quick, for spans that end in a running application."""
    return next(_candidates(scope, attributes), None) is not None


def _candidates(scope: str, attributes: Mapping[str, Any]) -> Iterator[Dialect]:
    if scope.startswith("groundwire") or DIALECT in attributes:
        return
    if not _MARKS.isdisjoint(attributes) or (scope and scope.startswith(_SCOPES)):
        for dialect in DIALECTS:
            if any(mark in attributes for mark in dialect.marks) or scope.startswith(dialect.scopes):
                yield dialect


@lru_cache
def _translate(name: str) -> Translate:
    return cast(Translate, import_module(f"groundwire.dialects.{name}").translate)


_MARKS = frozenset(mark for dialect in DIALECTS for mark in dialect.marks)
_SCOPES = tuple(scope for dialect in DIALECTS for scope in dialect.scopes)
