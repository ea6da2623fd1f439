"""RedisVL: searches that combine scores, and addresses before there is a connection."""

from collections.abc import Callable
from typing import Any

import pytest
import redis
from redis.commands.search.aggregation import AggregateResult
from redisvl.index import SearchIndex
from redisvl.query import AggregateHybridQuery, FilterQuery, HybridQuery, MultiVectorQuery, Vector

from conformance.cases import decoded
from conformance.harness import traced
from conformance.redisvl_cases import QUERY, SCHEMA, TEXTS, Wired
from groundwire_instrumentation.redisvl import PROVIDER


class Answering(SearchIndex):
    """An index whose combined searches are answered here, as Redis answers them."""

    def aggregate(self, query: Any, *_: Any, **__: Any) -> Any:
        parts = {
            "vector_distance": ("0.5", "0"),
            "text_score": ("9", "2"),
            "distance_0": ("0.5", "0"),
            "score_0": (1, 0),
        }
        combined = {"hybrid_score" if isinstance(query, AggregateHybridQuery) else "combined_score": ("0.9", "0.4")}
        rows = [
            [b"text", text.encode(), *(word for k, v in (parts | combined).items() for word in (k.encode(), v[n]))]
            for n, text in enumerate(TEXTS)
        ]
        return AggregateResult(rows, None, None)

    def _hybrid_search(self, query: Any, **_: Any) -> Any:
        name = query.combination_method._kwargs.get("YIELD_SCORE_AS", "__score")
        scores = (0.9, 0.4)
        return [{"__key": f"mountains:{n + 1}", name: str(scores[n]), "text": text} for n, text in enumerate(TEXTS)]


def hybrid(**settings: Any) -> Any:
    with pytest.warns(UserWarning, match="experimental"):
        return HybridQuery(
            QUERY, "text", [1.0, 0.0], "v", num_results=2, combination_method="RRF", stopwords=None, **settings
        )


@pytest.mark.parametrize(
    ("make", "asked"),
    [
        (lambda: AggregateHybridQuery(QUERY, "text", [1.0, 0.0], "v", num_results=2, stopwords=None), QUERY),
        (lambda: MultiVectorQuery([Vector(vector=[1.0, 0.0], field_name="v")], num_results=2), None),
        (hybrid, None),
        (lambda: hybrid(yield_combined_score_as="fused"), None),
    ],
    ids=["aggregated", "several vectors", "hybrid", "hybrid with a name"],
)
def test_a_combined_score_is_the_score(make: Callable[[], Any], asked: str | None) -> None:
    query = make()
    index = Answering(SCHEMA, redis_client=redis.Redis(host="redis.test", port=6390))
    with traced(PROVIDER) as tracing:
        assert [row["text"] for row in index.query(query)] == TEXTS
        attributes = decoded(tracing.span.attributes)
    assert attributes.get("gen_ai.retrieval.query.text") == asked
    assert attributes["gen_ai.retrieval.top_k"] == 2
    assert attributes["groundwire.retrieval.higher_is_better"] is True
    found = attributes["gen_ai.retrieval.documents"]
    assert [(row["content"], row["score"]) for row in found] == [(TEXTS[0], 0.9), (TEXTS[1], 0.4)]
    assert [row.get("id") for row in found] in ([None, None], ["mountains:1", "mountains:2"])


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("redis://user:secret@redis.test:6390/0", ("redis.test", 6390)),
        ("redis+sentinel://one.test:26379,two.test:26379/mymaster", (None, None)),
        ("unix:///tmp/redis.sock", (None, None)),
    ],
)
def test_the_address_of_an_index_that_has_not_connected_is_that_of_its_url(url: str, address: Any) -> None:
    index = Wired(SCHEMA, redis_url=url).wire("answer", lambda: None)
    with traced(PROVIDER) as tracing:
        index.query(FilterQuery(num_results=2))
        attributes = tracing.span.attributes or {}
    assert attributes["gen_ai.data_source.id"] == "mountains"
    assert (attributes.get("server.address"), attributes.get("server.port")) == address
    assert "secret" not in str(attributes)


def test_queries_that_can_be_read_once_are_left_to_the_library() -> None:
    index = Wired(SCHEMA, redis_client=redis.Redis(host="redis.test", port=6390)).wire("answer", lambda: None)
    asked: list[Any] = []
    with traced(PROVIDER) as tracing:
        index.batch_query(query for query in [FilterQuery(num_results=2)] if asked.append(query) is None)  # type: ignore[arg-type]
        assert len(asked) == 1
        assert (tracing.span.attributes or {})["gen_ai.data_source.id"] == "mountains"
