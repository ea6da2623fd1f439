"""Elasticsearch and OpenSearch: bodies as JSON, several searches at once, templates, helpers on top of a client."""

import json
from collections.abc import Callable
from typing import Any

import elasticsearch.dsl
import opensearchpy
import pytest
from elasticsearch import helpers
from elasticsearch.helpers import vectorstore

from conformance import elasticsearch_cases, opensearch_cases
from conformance.cases import decoded
from conformance.harness import traced
from conformance.search_bodies import EVEREST, FUJI, QUERY, TEXTS
from groundwire.model import Document
from groundwire_instrumentation.elasticsearch import PROVIDER as ELASTIC
from groundwire_instrumentation.opensearch import PROVIDER as OPEN

MATCH = {"match": {"text": QUERY}}
LINES = [{"index": ["mountains"]}, {"query": MATCH, "size": 2}, {"index": "mountains"}, {"query": MATCH, "size": 2}]
JSON_LINES = "".join(f"{json.dumps(line)} \n" for line in LINES)
TEMPLATES: list[dict[str, Any]] = [{"index": "mountains"}, {"id": "t", "params": {"query": "a part of it"}}]
KNN = {"field": "v", "query_vector": [0.25, 0.5], "k": 2}


def ask(call: Callable[[Any], Any], provider: Any) -> list[tuple[Any, ...]]:
    """The index, the words, the number, and the ids of each span that a call makes."""
    cases = elasticsearch_cases if provider is ELASTIC else opensearch_cases
    with traced(provider) as tracing:
        call(cases.open_client("answer", lambda: None))
        spans = [decoded(span.attributes) for span in tracing.spans]
    names = ("gen_ai.data_source.id", "gen_ai.retrieval.query.text", "gen_ai.retrieval.top_k")
    return [(*map(s.get, names), [d["id"] for d in s["gen_ai.retrieval.documents"]]) for s in spans]


FOUND = ["e", "f"]
SEVERAL = ("mountains", QUERY, 2, FOUND)
ONE = ("mountains", QUERY, None, FOUND)
CALLS: dict[str, tuple[Any, Callable[[Any], Any], list[tuple[Any, ...]]]] = {
    "json": (OPEN, lambda c: c.search(index="mountains", body=json.dumps({"query": MATCH, "size": 2})), [SEVERAL]),
    "lines": (OPEN, lambda c: c.msearch(body=JSON_LINES), [(*SEVERAL[:3], FOUND * 2)]),
    "a list": (OPEN, lambda c: c.msearch(body=LINES), [(*SEVERAL[:3], FOUND * 2)]),
    "a list of searches": (ELASTIC, lambda c: c.msearch(searches=LINES), [(*SEVERAL[:3], FOUND * 2)]),
    "templates": (OPEN, lambda c: c.msearch_template(body=TEMPLATES), [("mountains", None, None, FOUND)]),
    "search templates": (
        ELASTIC,
        lambda c: c.msearch_template(search_templates=TEMPLATES),
        [("mountains", None, None, FOUND)],
    ),
    "near": (ELASTIC, lambda c: c.search(index="mountains", knn=KNN), [("mountains", None, 2, FOUND)]),
    "near and alike": (ELASTIC, lambda c: c.search(index="mountains", knn=KNN, query=MATCH), [ONE]),
    "counted": (OPEN, lambda c: c.search(body={"aggs": {}}, params={"size": 0}), []),
    "counted as json": (OPEN, lambda c: c.search(body='{"size": 0}'), []),
    "scrolled": (OPEN, lambda c: c.search(body={"query": MATCH}, params={"scroll": "1m"}), []),
    "scanned": (ELASTIC, lambda c: list(helpers.scan(c, query={"query": MATCH})), []),
    "scanned too": (OPEN, lambda c: list(opensearchpy.helpers.scan(c, query={"query": MATCH})), []),
    "dsl": (
        ELASTIC,
        lambda c: elasticsearch.dsl.Search(using=c, index="mountains").query("match", text=QUERY)[:2].execute(),
        [SEVERAL],
    ),
    "dsl too": (
        OPEN,
        lambda c: opensearchpy.Search(using=c, index="mountains").query("match", text=QUERY)[:2].execute(),
        [SEVERAL],
    ),
}


@pytest.mark.parametrize(("provider", "call", "spans"), CALLS.values(), ids=CALLS)
def test_a_search_is_told_however_it_is_written(
    provider: Any, call: Callable[[Any], Any], spans: list[tuple[Any, ...]]
) -> None:
    assert ask(call, provider) == spans


def test_a_vector_store_of_the_helpers_is_told_once() -> None:
    strategy = vectorstore.DenseVectorStrategy()
    with traced(ELASTIC) as tracing:
        client = elasticsearch_cases.open_client("answer", lambda: None)
        store = vectorstore.VectorStore(client, index="mountains", retrieval_strategy=strategy)
        assert len(store.search(query_vector=[0.25, 0.5], k=2)) == 2
        assert decoded(tracing.span.attributes)["gen_ai.retrieval.documents"] == [EVEREST, FUJI]


def test_pieces_that_were_highlighted_are_the_text_where_the_document_was_not_asked_for() -> None:
    with traced(ELASTIC) as tracing:
        client = elasticsearch_cases.open_client("answer", lambda: None)
        client.search(index="mountains", query=MATCH, source=False, fields=["page"], highlight={"fields": {"text": {}}})
        (found,) = decoded(tracing.span.attributes)["gen_ai.retrieval.documents"]
    assert found == EVEREST | {"content": f"{TEXTS[0][:8]}\n{TEXTS[0][11:]}"}


def test_parts_of_a_document_that_matched_are_the_text_where_it_has_none_of_its_own() -> None:
    with traced(ELASTIC) as tracing:
        client = elasticsearch_cases.open_client("answer", lambda: None)
        client.search(index="mountains", knn={"field": "parts.v", "query_vector": [0.5], "k": 1, "inner_hits": {}})
        (found,) = decoded(tracing.span.attributes)["gen_ai.retrieval.documents"]
    assert found == EVEREST | {"content": "\n".join(TEXTS)}


def test_a_text_that_has_its_embeddings_beside_it_is_the_text() -> None:
    chunks = [{"text": TEXTS[0], "embeddings": {"high": 1.5}}]
    source = {"body": {"text": TEXTS[0], "inference": {"inference_id": "elser", "chunks": chunks}}, "page": 1}
    found = {"hits": {"hits": [{"_id": "e", "_score": 2.0, "_source": source}]}}
    (search,) = [one for one in ELASTIC.operations if any(target.endswith(".search") for target in one.targets)]
    assert search.response(found).documents == [Document(TEXTS[0], "e", 2.0, {"page": 1})]
