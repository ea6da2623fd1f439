"""Whatever stands on a span, and in its events, is read as far as it goes: no dialect raises."""

import importlib
import json
import math
import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from groundwire.chain import chains
from groundwire.dialects import DIALECTS, canonical
from groundwire.dialects.gen_ai import view
from groundwire.model import SpanEvent, SpanRecord

MINE = ("trulens", "logfire", "openlit", "openllmetry", "gen_ai_events")
EACH = 2000
"""Spans of each dialect, so that there are 10,000 in all."""

_WORDS: tuple[Any, ...] = (
    *("", "chat", "text", "tool", "user", "assistant", "retrieval", "generation", "reranking", "record_root"),
    *("rerank", "embedding", "completion", "workflow", "task", "vectordb", "vector_db_retrieve", "chroma", "query"),
    *("GET", "span", "{", "[", "[1]", '{"a": 1}', '["a"]', "Doc 1, Score: x", "Doc 99, Score: nan", "texts=["),
    *("texts=['a']", "None", "{'text': 'a'}", "{{}: 1}", '"\\d"', "[" * 2000, "{'a':" * 500, "\ud800", "1e999"),
    *(-1, 2**70, math.nan, math.inf),
)
_KEYS = (
    *("role", "type", "content", "text", "parts", "message", "messages", "tool_calls", "function", "index", "model"),
    *("outputs", "documents", "page_content", "metadata", "args", "kwargs", "query", "event.name", "body", "usage"),
    *("prompt", "input", "output", "completion", "0", "1", "id", "score", "finish_reason", "arguments", "lc"),
)
_leaves = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=6), st.sampled_from(_WORDS))
_values = st.recursive(
    _leaves,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.lists(inner, max_size=3).map(tuple),
        st.dictionaries(st.sampled_from(_KEYS), inner, max_size=4),
    ),
    max_leaves=8,
)


def _json(value: Any) -> Any:
    try:
        return json.dumps(value)
    except (ValueError, TypeError):
        return value


_any = st.one_of(_values, _values.map(_json))
_NAMES: dict[str, tuple[str, ...]] = {
    "trulens": (
        *("span_type", "retrieval.query_text", "retrieval.retrieved_contexts", "reranking.output_context_texts"),
        *("reranking.output_context_scores", "reranking.query_text", "cost.cost", "cost.model", "cost.cost_currency"),
        *("cost.num_prompt_tokens", "call.kwargs.messages", "call.kwargs.self", "call.return", "app_name"),
        *("record_root.input", "record_root.output"),
    ),
    "logfire": (
        *("logfire.span_type", "logfire.json_schema", "request_data", "response_data", "events", "operation.cost"),
    ),
    "openlit": (
        *("telemetry.sdk.name", "db.system.name", "db.operation.name", "db.query.text", "db.vector.query.top_k"),
        "gen_ai.usage.cost",
    ),
    "openllmetry": (
        *("traceloop.span.kind", "traceloop.entity.name", "traceloop.entity.input", "traceloop.entity.output"),
        *("llm.request.type", "gen_ai.prompt.0.role", "gen_ai.prompt.0.content", "gen_ai.prompt.0.tool_calls.0.name"),
        *("gen_ai.prompt.0", "gen_ai.prompt.x.role", "gen_ai.prompt.0.function_call", "gen_ai.prompt.00000000009.role"),
        *("gen_ai.completion.0.content", "gen_ai.completion.0.finish_reason", "gen_ai.completion.1", "db.system"),
        *("db.operation", "db.chroma.query.texts_count", "db.marqo.search.query", "gen_ai.usage.prompt_tokens"),
        *("llm.usage.reasoning_tokens", "gen_ai.usage.cache_read_input_tokens", "gen_ai.is_streaming"),
    ),
    "gen_ai_events": ("gen_ai.usage.prompt_tokens", "gen_ai.prompt", "gen_ai.completion"),
}
_COMMON = ("gen_ai.operation.name", "gen_ai.system", "gen_ai.input.messages", "gen_ai.output.messages", "messages")
_EVENTS = (
    *("gen_ai.user.message", "gen_ai.tool.message", "gen_ai.choice", "gen_ai.content.prompt", "db.query.result"),
    *("gen_ai.content.completion", "gen_ai.client.inference.operation.details", "db.search.result", "other"),
)
_EVENT_KEYS = (
    *("body", "content", "message", "gen_ai.event.content", "gen_ai.prompt", "gen_ai.completion", "index", "_id"),
    *("gen_ai.input.messages", "gen_ai.output.messages", "gen_ai.system_instructions", "db.query.result.metadata"),
    *("db.query.result.document", "db.query.result.distance", "db.search.result.entity", "db.search.result.distance"),
)
_SCOPES = ("", "logfire.openai", "opentelemetry.instrumentation.bedrock", "openlit", "trulens", "x")


@st.composite
def spans(draw: st.DrawFn, dialect: str) -> SpanRecord:
    prefix = "ai.observability." if dialect == "trulens" else ""
    names = [*(prefix + name for name in _NAMES[dialect]), *_COMMON]
    attributes = draw(st.dictionaries(st.sampled_from(names), _any, max_size=8))
    drawn = st.builds(
        SpanEvent,
        st.sampled_from(_EVENTS),
        st.integers(0, 9),
        st.dictionaries(st.sampled_from(_EVENT_KEYS), _any, max_size=3),
    )
    return SpanRecord(
        "0" * 31 + "1", "0" * 15 + "1", draw(st.text(max_size=8)), 0, 1,
        attributes=attributes,
        events=tuple(draw(st.lists(drawn, max_size=3))),
        scope=draw(st.sampled_from(_SCOPES)),
        scope_version=draw(st.sampled_from(("", "0.47.5", "1.0", "x"))),
        status=draw(st.sampled_from(("unset", "error"))),
    )  # fmt: skip


def reads(translate: Any, span: SpanRecord) -> None:
    found = translate(span)
    assert found is None or all(isinstance(key, str) for key in found)
    view(canonical(span))
    chains([span])


@pytest.mark.parametrize("dialect", MINE)
def test_translating_is_total(dialect: str) -> None:
    translate = importlib.import_module(f"groundwire.dialects.{dialect}").translate

    @settings(max_examples=150, deadline=None)
    @given(spans(dialect))
    def is_total(span: SpanRecord) -> None:
        reads(translate, span)

    is_total()


@pytest.mark.parametrize("dialect", MINE)
def test_translating_is_total_for_many_more(dialect: str) -> None:
    """The same without hypothesis, which takes a hundred times as long to think of a span."""
    translate = importlib.import_module(f"groundwire.dialects.{dialect}").translate
    chance = random.Random(dialect)
    for _ in range(EACH):
        reads(translate, _odd_span(chance, dialect))


def _odd_span(chance: random.Random, dialect: str) -> SpanRecord:
    prefix = "ai.observability." if dialect == "trulens" else ""
    names = [*(prefix + name for name in _NAMES[dialect]), *_COMMON]
    events = [
        SpanEvent(
            chance.choice(_EVENTS), 0, {k: _odd(chance, 3) for k in chance.sample(_EVENT_KEYS, chance.randrange(4))}
        )
        for _ in range(chance.randrange(3))
    ]
    return SpanRecord(
        "0" * 31 + "1", "0" * 15 + "1", "x", 0, 1,
        attributes={name: _odd(chance, 3) for name in chance.sample(names, chance.randrange(min(9, len(names))))},
        events=tuple(events),
        scope=chance.choice(_SCOPES),
        scope_version=chance.choice(("", "0.47.5", "x")),
    )  # fmt: skip


def _odd(chance: random.Random, depth: int) -> Any:
    if depth == 0 or chance.random() < 0.3:
        return chance.choice((*_WORDS, None, True, 0, 1.5, "x"))
    inner = [_odd(chance, depth - 1) for _ in range(chance.randrange(4))]
    keys = chance.sample(_KEYS, len(inner))
    found = chance.choice((inner, tuple(inner), dict(zip(keys, inner, strict=True))))
    return _json(found) if chance.random() < 0.4 else found


def test_these_dialects_are_asked() -> None:
    assert [d.name for d in DIALECTS if d.name in MINE] == list(MINE)
