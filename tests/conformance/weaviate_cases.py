"""Weaviate in the conformance suite: its client, and a server of this process that speaks its protocol."""

from collections.abc import Callable
from functools import partial
from typing import Any

from weaviate.classes.generate import GenerativeConfig, GenerativeParameters
from weaviate.classes.query import GroupBy, MetadataQuery, Rerank

from conformance.cases import Case
from conformance.weaviate_wire import ANSWER, IDS, TEXTS, open_async_collection, open_collection, ports
from groundwire_instrumentation.weaviate import PROVIDER

QUERY = "How high is it?"
TASK = "Which is higher, and by how much?"
EVEREST = {"id": IDS[0], "content": TEXTS[0], "metadata": {"page": 1}}
FUJI = {"id": IDS[1], "content": TEXTS[1], "metadata": {"page": 2}}
ALL = MetadataQuery.full()
MODEL = GenerativeConfig.openai(model="gpt-4o-mini")
PAGES = GroupBy(prop="page", number_of_groups=2, objects_per_group=1)
TOP = {"gen_ai.retrieval.top_k": 2}
TEXT = {"gen_ai.retrieval.query.text": QUERY}
HIGHER = {"groundwire.retrieval.higher_is_better": True}
LOWER = {"groundwire.retrieval.higher_is_better": False}
USAGE = {"gen_ai.usage.input_tokens": 60, "gen_ai.usage.output_tokens": 10}


def _scored(first: float, second: float) -> list[dict[str, Any]]:
    return [EVEREST | {"score": first}, FUJI | {"score": second}]


def _said(role: str, text: str) -> list[dict[str, Any]]:
    return [{"role": role, "parts": [{"type": "text", "content": text}]}]


def _by_task(model: str | None, provider: str) -> dict[str, Any]:
    return {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": provider,
        "gen_ai.input.messages": _said("user", TASK),
    } | ({} if model is None else {"gen_ai.request.model": model})


CALLS: list[tuple[str, Callable[[Any], Any], dict[str, Any], dict[str, Any], list[dict[str, Any]]]] = [
    (
        "near_text",
        lambda c: c.query.near_text(QUERY, limit=2, return_metadata=ALL, target_vector="title", include_vector=True),
        TOP | TEXT,
        LOWER,
        _scored(0.25, 0.5),
    ),
    (
        "bm25 of a tenant, reranked",
        lambda c: c.query.bm25(QUERY, limit=2, rerank=Rerank(prop="text", query="height")),
        TOP | TEXT | {"weaviate.tenant": "alps"},
        HIGHER,
        _scored(4.0, 3.0),
    ),
    (
        "groups",
        lambda c: c.query.near_text([QUERY, "m"], group_by=PAGES, return_metadata=ALL),
        {"gen_ai.retrieval.query.text": f"{QUERY}\nm"},
        LOWER,
        _scored(0.25, 0.5),
    ),
    ("fetch_object_by_id", lambda c: c.query.fetch_object_by_id(IDS[1]), {}, {}, [FUJI]),
    (
        "generate",
        lambda c: c.generate.near_text(
            QUERY,
            limit=2,
            return_metadata=ALL,
            grouped_task=GenerativeParameters.grouped_task(TASK, metadata=True),
            generative_provider=MODEL,
        ),
        TOP | TEXT | _by_task("gpt-4o-mini", "openai"),
        LOWER | USAGE | {"gen_ai.output.messages": _said("assistant", ANSWER)},
        [row | {"content": f"{row['content']}\npage: {n}"} for n, row in enumerate(_scored(0.25, 0.5), 1)],
    ),
    (
        "generate for each",
        lambda c: c.generate.fetch_objects(single_prompt="Shout: {text}", limit=1),
        {"gen_ai.retrieval.top_k": 1},
        {},
        [EVEREST | {"metadata": {"page": 1, "generated": TEXTS[0].upper()}}],
    ),
]


def _span(asked: dict[str, Any]) -> str:
    operation = asked.get("gen_ai.operation.name", "retrieval")
    return f"{operation} {asked.get('gen_ai.request.model', 'Mountains')}"


CASES = [
    Case(
        name=f"async {name}" if asynchronous else name,
        provider=PROVIDER,
        client=partial(open_async_collection if asynchronous else open_collection, tenant=asked.get("weaviate.tenant")),
        call=call,
        span=_span(asked),
        asked={
            "gen_ai.operation.name": "retrieval",
            "gen_ai.provider.name": "weaviate",
            "gen_ai.data_source.id": "Mountains",
            "server.address": "127.0.0.1",
            "server.port": ports()[1],
            **asked,
        },
        answered={"gen_ai.retrieval.documents": documents, **answered},
        modes={"answer", "error", "interrupt"} | ({"hang"} if asynchronous else set()),
        asynchronous=asynchronous,
    )
    for name, call, asked, answered, documents in CALLS
    for asynchronous in (False, True)
]
