"""Milvus through `Collection`, the older way of its client, and page by page, on milvus-lite (`make test-stores`)."""

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip("milvus_lite", reason="make test-stores")

import pymilvus
from pymilvus.client.search_result import SearchResult
from pymilvus.grpc_gen import schema_pb2

from conformance.cases import ANY, decoded
from conformance.harness import traced
from groundwire_instrumentation.milvus import PROVIDER

TEXTS = ["Everest is 8,849 m high.", "Fuji is 3,776 m high."]
FIELDS = ["text"]
LOWER, HIGHER = ({"groundwire.retrieval.higher_is_better": higher} for higher in (False, True))
TOP = {"gen_ai.retrieval.top_k": 2}
NEAR: list[list[float]] = [[1.0, 0.0]]

pytestmark = pytest.mark.filterwarnings("ignore:.*ORM-style")


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(Path(tmp_path_factory.mktemp("milvus")) / "mountains.db")


@pytest.fixture(scope="module")
def store(file: str) -> Any:
    client = pymilvus.MilvusClient(file)
    client.create_collection("mountains", dimension=2, metric_type="L2")
    vectors = ([1.0, 0.0], [0.0, 1.0])
    client.insert("mountains", [{"id": n + 1, "vector": vectors[n], "text": TEXTS[n]} for n in range(2)])
    yield client
    client.close()


@pytest.fixture(scope="module")
def collection(file: str, store: pymilvus.MilvusClient) -> Any:
    pymilvus.connections.connect("older", uri=file)
    found = pymilvus.Collection("mountains", using="older")
    found.load()
    yield found
    pymilvus.connections.disconnect("older")


def hybrid(collection: Any) -> Any:
    requests = [pymilvus.AnnSearchRequest(NEAR, "vector", {}, limit=2) for _ in range(2)]
    return collection.hybrid_search(requests, pymilvus.RRFRanker(), 2, output_fields=FIELDS)


CALLS: dict[str, tuple[Callable[[Any], Any], dict[str, Any], bool]] = {
    "search": (lambda c: c.search(NEAR, "vector", {}, 2, output_fields=FIELDS), TOP | LOWER, True),
    "search by names": (
        lambda c: c.search(data=NEAR, anns_field="vector", param={}, limit=2, output_fields=FIELDS),
        TOP | LOWER,
        True,
    ),
    "hybrid_search": (hybrid, TOP | HIGHER, True),
    "query": (lambda c: c.query("id > 0", FIELDS, limit=2), TOP, False),
}


@pytest.mark.parametrize("name", CALLS)
def test_a_call_of_a_collection_is_one_whole_retrieval(name: str, collection: Any) -> None:
    call, told, scored = CALLS[name]
    untraced = str(call(collection))
    with traced(PROVIDER) as tracing:
        assert str(call(collection)) == untraced
        assert tracing.span.name == "retrieval mountains"
        documents = [{"id": str(n + 1), "content": text} for n, text in enumerate(TEXTS)]
        assert decoded(tracing.span.attributes) == {
            "gen_ai.operation.name": "retrieval",
            "gen_ai.provider.name": "milvus",
            "gen_ai.data_source.id": "mountains",
            "gen_ai.retrieval.documents": [row | ({"score": ANY} if scored else {}) for row in documents],
            **told,
        }


class Newer:
    """A connection whose server has iterators of its own, as milvus-lite has not."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)

    def search(self, **asked: Any) -> Any:
        found = self._connection.search(**{k: v for k, v in asked.items() if "iter" not in k})
        found.get_search_iterator_v2_results_info = lambda: SimpleNamespace(token="t", last_bound=0.0)
        return found


@pytest.mark.parametrize("newer", [False, True])
def test_each_page_of_a_search_iterator_is_a_retrieval(
    newer: bool, store: pymilvus.MilvusClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection = store._get_connection()
    if newer:
        monkeypatch.setattr(store, "_get_connection", lambda: Newer(connection))
    with traced(PROVIDER) as tracing:
        pages = store.search_iterator("mountains", NEAR, batch_size=2, limit=2, output_fields=FIELDS)
        assert type(pages).__name__ == ("SearchIteratorV2" if newer else "SearchIterator")
        assert not tracing.spans  # lazy
        assert [(hit.id, hit.get("entity")) for hit in pages.next()] == [
            (n + 1, {"text": t}) for n, t in enumerate(TEXTS)
        ]
        assert tracing.span.name == "retrieval mountains"
        documents = [{"id": str(n + 1), "content": text, "score": ANY} for n, text in enumerate(TEXTS)]
        told = {"gen_ai.data_source.id": "mountains", "gen_ai.retrieval.documents": documents, **TOP, **LOWER}
        attributes = decoded(tracing.span.attributes)
        assert {key: attributes[key] for key in told} == told
        assert not pages.next()
        assert [decoded(span.attributes)["gen_ai.retrieval.documents"] for span in tracing.spans[1:]] == [[]]


def test_counting_is_no_retrieval(store: pymilvus.MilvusClient) -> None:
    with traced(PROVIDER) as tracing:
        assert store.query("mountains", "id > 0", ["count(*)"])[0] == {"count(*)": 2}
        assert tracing.spans == []


def test_a_search_that_groups_what_it_finds_lists_it_once(
    store: pymilvus.MilvusClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("pymilvus.client.search_aggregation", reason="pymilvus 3")
    fields = {"fields": [{"field_name": "text", "string_val": TEXTS[0]}]}
    hits = [{"int_pk": 1, "score": 0.5, **fields}]
    inner = {"count": 2, "hits": [*hits, {"int_pk": 2, "score": 0.25}]}
    found = schema_pb2.SearchResultData(
        num_queries=1, topks=[0], agg_buckets=[{"count": 2, "hits": hits, "sub_groups": [inner]}], agg_topks=[1]
    )
    connection = SimpleNamespace(search=lambda **_: SearchResult(found), _get_schema=lambda *_, **__: ({}, 0))
    monkeypatch.setattr(store, "_get_connection", lambda: connection)
    with traced(PROVIDER) as tracing:
        result: Any = store.search("mountains", NEAR)
        assert [bucket.count for bucket in result.agg_buckets[0]] == [2]
        assert decoded(tracing.span.attributes)["gen_ai.retrieval.documents"] == [
            {"id": "1", "score": 0.5, "content": TEXTS[0]},
            {"id": "2", "score": 0.25},
        ]


def test_a_search_that_fails_is_raised_and_told(collection: Any) -> None:
    with traced(PROVIDER) as tracing:
        with pytest.raises(pymilvus.exceptions.MilvusException):
            collection.search(NEAR, "no_such_field", {}, 2)
        assert (tracing.span.attributes or {})["error.type"] == "MilvusException"
