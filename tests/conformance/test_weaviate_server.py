"""Weaviate's client against a real server: what the server of the tests' own in the other file is held to."""
# ruff: noqa: E402

import os
from collections.abc import Callable, Iterator
from typing import Any

import pytest

weaviate = pytest.importorskip("weaviate", reason="it holds grpcio and protobuf back: make test-weaviate-real")

from weaviate.classes.config import Configure, DataType, Property, VectorDistances
from weaviate.classes.generate import GenerativeConfig, GenerativeParameters
from weaviate.classes.query import Filter, GroupBy, MetadataQuery

from conformance.cases import decoded
from conformance.harness import traced
from conformance.weaviate_server import answering, running
from conformance.weaviate_wire import ANSWER
from groundwire_instrumentation.weaviate import PROVIDER

BINARY = os.environ.get("GROUNDWIRE_WEAVIATE")
pytestmark = pytest.mark.skipif(not BINARY, reason="no Weaviate server: make test-weaviate-real")

ROWS = [
    ("Everest is 8,849 m high.", [1.0, 0.0]),
    ("Fuji is 3,776 m high.", [0.6, 0.8]),
    ("Blanc — 4,808 m", [0.0, 1.0]),
]
TEXTS = [text for text, _ in ROWS]
NEAR = ROWS[0][1]
ALL = MetadataQuery.full()
PAGES = GroupBy(prop="page", number_of_groups=2, objects_per_group=1)
MODEL = "claude-3-5-haiku-20241022"
PROPERTIES = [Property(name="text", data_type=DataType.TEXT), Property(name="page", data_type=DataType.INT)]


@pytest.fixture(scope="module")
def client(tmp_path_factory: Any) -> Iterator[Any]:
    with running(str(BINARY), tmp_path_factory.mktemp("weaviate")) as (rest, rpc):
        headers = {"X-Anthropic-Api-Key": "k"}
        made = weaviate.connect_to_local("127.0.0.1", rest, rpc, headers=headers, skip_init_checks=True)
        try:
            yield made
        finally:
            made.close()


def filled(client: Any, name: str, metric: str = "cosine", vector: str = "default") -> Any:
    flat = Configure.VectorIndex.flat(distance_metric=VectorDistances(metric))
    made = client.collections.create(
        name,
        properties=PROPERTIES,
        vector_config=Configure.Vectors.self_provided(name=vector, vector_index_config=flat),
        multi_tenancy_config=Configure.multi_tenancy(auto_tenant_creation=True),
    ).with_tenant("alps")
    for page, (text, numbers) in enumerate(ROWS):
        made.data.insert({"text": text, "page": page}, vector={vector: numbers})
    return made


@pytest.fixture(scope="module")
def mountains(client: Any) -> Any:
    return filled(client, "Mountains", vector="title")


def documents(span: Any) -> list[Any]:
    return list(decoded(span.attributes)["gen_ai.retrieval.documents"])


@pytest.mark.parametrize("metric", ["cosine", "dot", "l2-squared", "manhattan", "hamming"])
def test_of_every_metric_less_is_nearer(client: Any, metric: str) -> None:
    collection = filled(client, f"By{metric.replace('-', '').title()}", metric)
    with traced(PROVIDER) as tracing:
        collection.query.near_vector(NEAR, limit=2, return_metadata=ALL)
    assert [row["content"] for row in documents(tracing.span)] == TEXTS[:2]
    assert (tracing.span.attributes or {})["groundwire.retrieval.higher_is_better"] is False
    first, second = (row["score"] for row in documents(tracing.span))
    assert first < second


SEARCHES: dict[str, tuple[Callable[[Any], Any], str | None, bool | None]] = {
    "near_vector": (lambda q: q.near_vector(NEAR, return_metadata=ALL, include_vector=True), "distance", False),
    "bm25": (lambda q: q.bm25("fuji high", return_metadata=ALL), "score", True),
    "hybrid": (lambda q: q.hybrid("fuji high", vector=NEAR, return_metadata=ALL), "score", True),
    "groups": (lambda q: q.near_vector(NEAR, group_by=PAGES, return_metadata=ALL), "distance", False),
    "filter": (lambda q: q.fetch_objects(filters=Filter.by_property("page").greater_than(0)), None, None),
    "without metadata": (lambda q: q.near_vector(NEAR, limit=2), None, None),
    "nothing": (lambda q: q.bm25("zugspitze", return_metadata=ALL), None, None),
}


@pytest.mark.parametrize("name", SEARCHES)
def test_a_span_tells_what_the_client_returned(mountains: Any, name: str) -> None:
    search, field, higher = SEARCHES[name]
    with traced(PROVIDER) as tracing:
        objects = search(mountains.query).objects
    assert bool(objects) is (name != "nothing")
    expected = [
        {"id": str(o.uuid), "content": o.properties["text"], "metadata": {"page": o.properties["page"]}}
        for o in objects
    ]
    scores = [{} if field is None else {"score": getattr(o.metadata, field)} for o in objects]
    assert documents(tracing.span) == [row | score for row, score in zip(expected, scores, strict=True)]
    attributes = tracing.span.attributes or {}
    assert attributes.get("groundwire.retrieval.higher_is_better") is higher
    assert (tracing.span.name, attributes["weaviate.tenant"]) == ("retrieval Mountains", "alps")


def test_lists_and_counts_are_no_retrieval(mountains: Any) -> None:
    with traced(PROVIDER) as tracing:
        assert len(mountains.query.fetch_objects().objects) == len(list(mountains.iterator())) == len(ROWS)
        assert mountains.aggregate.over_all(total_count=True).total_count == len(ROWS)
        assert tracing.spans == []


def test_a_tenant_that_is_not_there_is_an_error(mountains: Any) -> None:
    with traced(PROVIDER) as tracing, pytest.raises(weaviate.exceptions.WeaviateQueryError):
        mountains.with_tenant("andes").query.bm25("high")
    assert (tracing.span.attributes or {})["error.type"] == "WeaviateQueryError"


@pytest.mark.parametrize("grouped", [False, True], ids=["objects", "groups"])
def test_answers_and_texts_that_it_has_a_model_give(mountains: Any, grouped: bool) -> None:
    groups = {"group_by": PAGES} if grouped else {"limit": 2}
    task = GenerativeParameters.grouped_task("Which is higher?", metadata=True)
    with answering() as url:
        model = GenerativeConfig.anthropic(model=MODEL, base_url=url)
        with traced(PROVIDER) as tracing:
            mountains.generate.near_vector(NEAR, grouped_task=task, generative_provider=model, **groups)
        with traced(PROVIDER) as each:
            mountains.generate.near_vector(NEAR, single_prompt="Shout: {text}", generative_provider=model, **groups)
    assert tracing.span.name == f"chat {MODEL}"
    attributes = decoded(tracing.span.attributes)
    assert attributes["gen_ai.output.messages"][0]["parts"][0]["content"] == ANSWER
    assert [(row["content"], row["metadata"]) for row in documents(tracing.span)] == [
        (f"{TEXTS[n]}\npage: {n}", {"page": n}) for n in (0, 1)
    ]
    if not grouped:  # in groups, the server tells the text alone
        assert (attributes["gen_ai.usage.input_tokens"], attributes["gen_ai.usage.output_tokens"]) == (60, 10)
    assert each.span.name == "retrieval Mountains"
    assert [row["metadata"] for row in documents(each.span)] == [{"page": n, "generated": ANSWER} for n in (0, 1)]
