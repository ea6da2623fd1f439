"""Whatever stands on a span of OpenInference, Langfuse, LangSmith or MLflow: it is read as far as it goes."""

import copy
import importlib
import json
import math
import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from groundwire.chain import chains
from groundwire.dialects import canonical
from groundwire.dialects.gen_ai import view
from groundwire.model import SpanRecord
from groundwire.trace import read_traces

SPANS_EACH = 25
EXAMPLES = 100
"""Of each of the four dialects: 10,000 spans in all."""

ODD: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 3, 2**70, 1e308, -0.5, math.nan, math.inf, b"\xff", "", " ", "\x00", "\ud800", "null"),
    *(
        "LLM",
        "llm",
        "RETRIEVER",
        '"RERANKER"',
        "chat",
        "{",
        "[",
        '{"a":',
        "[[[[",
        '"',
        '"a',
        "[" * 3000,
        '{"a":' * 3000,
    ),
    *("NaN", "[NaN]", '{"prompt_tokens": 1e999}', '["a", ["b"], {"c": 1}]', '{"documents": {}}', "{x} {{y}}", "0"),
    *([], {}, [[]], [{}], [None], (), ({},), {"role": None}, {"role": 3, "content": 4}, {"lc": 1, "kwargs": 2}),
)
NAMES = (
    *("role", "content", "type", "text", "messages", "message", "tool_calls", "function", "arguments", "id", "score"),
    *("metadata", "documents", "page_content", "generations", "choices", "candidates", "parts", "kwargs", "lc", "data"),
    *("args", "input", "output", "usage", "usage_metadata", "input_tokens", "total", "cached_tokens", "document"),
    *(
        "prompt_tokens_details",
        "input_token_details",
        "system",
        "config",
        "response_metadata",
        "delta",
        "name",
        "a.b.c",
    ),
)
KEYS = {
    "openinference": (
        *("openinference.span.kind", "input.value", "output.value", "llm.prompts", "llm.prompts.0", "llm.choices.0.x"),
        *("llm.input_messages", "llm.input_messages.0", "llm.input_messages.0.message", "llm.input_messages.x.message"),
        *("llm.input_messages.0.message.role", "llm.input_messages.0.message.content", "llm.output_messages.0.message"),
        *("llm.input_messages.1.message.contents.0.message_content.text", "llm.output_messages.0.message.content"),
        *("llm.input_messages.1.message.contents.0.message_content.type", "llm.input_messages.1.message.contents"),
        *("llm.output_messages.0.message.tool_calls.0.tool_call.function.name", "llm.input_messages.99999999999.a"),
        *("llm.output_messages.0.message.tool_calls", "retrieval.documents", "retrieval.documents.0.document"),
        *("retrieval.documents.0.document.content", "retrieval.documents.0.document.metadata", "retrieval.documents.1"),
        *("retrieval.documents.0.document.score", "reranker.output_documents.0.document.content", "reranker.query"),
        *("llm.token_count.prompt", "llm.token_count.completion", "llm.token_count.prompt_details.cache_read"),
        *("llm.cost.total", "llm.cost.prompt", "llm.model_name", "llm.provider", "embedding.model_name", "evaluations"),
        *("evaluations.0.evaluation.name", "evaluations.0.evaluation.score", "llm.prompt_template.template"),
        "llm.prompt_template.variables",
    ),
    "langfuse": tuple(
        f"langfuse.observation.{name}"
        for name in ("type", "input", "output", "model.name", "usage_details", "cost_details", "metadata.ls_provider")
    ),
    "langsmith": (
        *("langsmith.span.kind", "gen_ai.prompt", "gen_ai.completion", "gen_ai.request.model", "gen_ai.system"),
        *("langsmith.metadata.usage_metadata", "gen_ai.usage.input_tokens", "gen_ai.usage.output_tokens"),
        "langsmith.metadata.ls_provider",
    ),
    "mlflow": (
        *("mlflow.spanType", "mlflow.spanInputs", "mlflow.spanOutputs", "mlflow.chat.tokenUsage", "mlflow.llm.cost"),
        *("mlflow.llm.model", "mlflow.llm.provider", "mlflow.message.format", "model", "mlflow.traceRequestId"),
    ),
}
KINDS = {
    "openinference": ("LLM", "RETRIEVER", "RERANKER", "EMBEDDING", "CHAIN", "AGENT", "TOOL", "EVALUATOR", "GUARDRAIL"),
    "langfuse": ("generation", "retriever", "embedding", "span", "tool", "agent", "event", "EVALUATOR"),
    "langsmith": ("llm", "retriever", "embedding", "chain", "tool", "prompt", "parser"),
    "mlflow": ('"CHAT_MODEL"', "LLM", '"RETRIEVER"', '"RERANKER"', '"EMBEDDING"', "CHAIN", '"TOOL"'),
}


def value(rng: random.Random, depth: int = 0) -> Any:
    """An odd value: a leaf, a structure of such, or the JSON text of one."""
    roll = rng.random()
    if depth > 3 or roll < 0.35:
        return copy.deepcopy(rng.choice(ODD))
    if roll < 0.6:
        return [value(rng, depth + 1) for _ in range(rng.randrange(4))]
    if roll < 0.85:
        return {rng.choice(NAMES): value(rng, depth + 1) for _ in range(rng.randrange(5))}
    try:
        return json.dumps(value(rng, depth + 1))
    except (TypeError, ValueError, RecursionError):
        return "[1,"


def span(rng: random.Random, dialect: str, number: int) -> SpanRecord:
    attributes = {rng.choice(KEYS[dialect]): value(rng) for _ in range(rng.randrange(1, 9))}
    if rng.random() < 0.7:
        attributes[KEYS[dialect][0]] = rng.choice(KINDS[dialect])
    start = rng.randrange(100)
    return SpanRecord(
        trace_id=f"{rng.randrange(1, 4):032x}",
        span_id=f"{number + 1:016x}",
        parent_id=f"{rng.randrange(1, SPANS_EACH):016x}" if rng.random() < 0.5 else None,
        name=rng.choice(("rerank", "answer", "", "x" * 300)),
        start_ns=start,
        end_ns=start + rng.randrange(100),
        attributes=attributes,
    )


@pytest.mark.parametrize("dialect", KEYS)
@settings(max_examples=EXAMPLES, deadline=None)
@given(seed=st.integers(0, 2**64))
def test_translating_is_total_and_changes_nothing(dialect: str, seed: int) -> None:
    rng = random.Random(seed)
    translate = importlib.import_module(f"groundwire.dialects.{dialect}").translate
    spans = [span(rng, dialect, number) for number in range(SPANS_EACH)]
    before = repr(spans)
    for one in spans:
        found = translate(one)
        assert found is None or all(isinstance(key, str) and entry is not None for key, entry in found.items())
        call = view(canonical(one))
        if call is not None and call.usage is not None:
            assert (call.usage.input_tokens or 0) >= 0
            assert (call.usage.output_tokens or 0) >= 0
        for key in ("gen_ai.usage.cost",):
            assert found is None or math.isfinite(found.get(key, 0.0))
    assembled = chains(spans)
    assert all(isinstance(chain.answer, str) and chain.answer.strip() for chain in assembled.chains)
    read_traces(spans)
    assert repr(spans) == before
