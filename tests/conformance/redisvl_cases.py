"""RedisVL in the conformance suite: indexes whose searches are answered here, as Redis answers them."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import redis
from redis.asyncio import Redis as AsyncRedis
from redis.commands.search.result import Result
from redisvl.exceptions import RedisSearchError
from redisvl.index import AsyncSearchIndex, SearchIndex
from redisvl.query import FilterQuery, TextQuery, VectorQuery
from redisvl.query.filter import Num
from redisvl.schema import IndexSchema

from conformance.cases import Case, Mode
from conformance.playing import play
from groundwire_instrumentation.redisvl import PROVIDER

QUERY = "How high is it?"
TEXTS = ["Everest is 8,849 m high.", "Fuji is 3,776 m high."]
SCHEMA = IndexSchema.from_dict(
    {
        "index": {"name": "mountains", "prefix": "mountains"},
        "fields": [
            {"name": "text", "type": "text"},
            {"name": "page", "type": "numeric"},
            {"name": "v", "type": "vector", "attrs": {"dims": 2, "algorithm": "flat", "distance_metric": "cosine"}},
        ],
    }
)


def _result(query: Any) -> Result:
    """What Redis says: a count, then of each document its key and its fields."""
    scores = ("0", "0.5")
    said: list[Any] = [2]
    for n, text in enumerate(TEXTS):
        fields: list[Any] = ["text", text, "page", str(n + 1)]
        if isinstance(query, VectorQuery):
            fields += ["vector_distance", scores[n]]
        if not query._return_fields:
            fields += ["v", b"\x00\x00\x80?\x00\x00\x00\x00"]
        said += [f"mountains:{n + 1}", *([2.0 - n] if isinstance(query, TextQuery) else []), fields]
    return Result(said, True, with_scores=isinstance(query, TextQuery))


class Wired(SearchIndex):
    """An index whose searches do not leave the process."""

    def wire(self, mode: Mode, served: Callable[[], None]) -> "Wired":
        self.__dict__["played"] = (mode, served)
        return self

    def search(self, query: Any, *_: Any, **__: Any) -> Any:  # type: ignore[override]
        play(*self.__dict__["played"], RedisSearchError("mountains: no such index"))
        return _result(query)

    def batch_search(self, queries: Any, *_: Any, **__: Any) -> Any:
        return [self.search(query) for query, _ in queries]


class AsyncWired(AsyncSearchIndex):
    """The same for asynchronous indexes."""

    def wire(self, mode: Mode, served: Callable[[], None]) -> "AsyncWired":
        self.__dict__["played"] = (mode, served)
        return self

    async def search(self, query: Any, *_: Any, **__: Any) -> Any:  # type: ignore[override]
        play(*self.__dict__["played"], RedisSearchError("mountains: no such index"))
        if self.__dict__["played"][0] == "hang":
            await asyncio.Event().wait()
        return _result(query)

    async def batch_search(self, queries: Any, *_: Any, **__: Any) -> Any:
        return [await self.search(query) for query, _ in queries]


def open_index(mode: Mode, served: Callable[[], None]) -> Any:
    return Wired(SCHEMA, redis_client=redis.Redis(host="redis.test", port=6390)).wire(mode, served)


def open_async_index(mode: Mode, served: Callable[[], None]) -> Any:
    return AsyncWired(SCHEMA, redis_client=AsyncRedis(host="redis.test", port=6390)).wire(mode, served)


def _near(**settings: Any) -> VectorQuery:
    return VectorQuery([1.0, 0.0], "v", return_fields=["text", "page"], num_results=2, **settings)


def _rows(*scores: float) -> list[dict[str, Any]]:
    rows = [{"id": f"mountains:{n + 1}", "content": TEXTS[n], "metadata": {"page": str(n + 1)}} for n in range(2)]
    return [row | {"score": score} for row, score in zip(rows, scores, strict=True)] if scores else rows


TOP = {"gen_ai.retrieval.top_k": 2}
TEXT = {"gen_ai.retrieval.query.text": QUERY}
LOWER = {"groundwire.retrieval.higher_is_better": False}
HIGHER = {"groundwire.retrieval.higher_is_better": True}
CALLS: list[tuple[str, Callable[[Any], Any], dict[str, Any], dict[str, Any], list[dict[str, Any]]]] = [
    ("query by vector", lambda i: i.query(_near()), TOP, LOWER, _rows(0.0, 0.5)),
    ("query normalised", lambda i: i.query(_near(normalize_vector_distance=True)), TOP, HIGHER, _rows(1.0, 0.75)),
    (
        "query by text",
        lambda i: i.query(TextQuery(QUERY, "text", num_results=2, stopwords=None)),
        TOP | TEXT,
        HIGHER,
        _rows(2.0, 1.0),
    ),
    ("query by filter", lambda i: i.query(FilterQuery(Num("page") > 0, num_results=2)), TOP, {}, _rows()),
    ("batch_query", lambda i: i.batch_query([_near(), _near()]), TOP, LOWER, _rows(0.0, 0.5) * 2),
]
CASES = [
    Case(
        name=f"async {name}" if asynchronous else name,
        provider=PROVIDER,
        client=open_async_index if asynchronous else open_index,
        call=call,
        span="retrieval mountains",
        asked={
            "gen_ai.operation.name": "retrieval",
            "gen_ai.provider.name": "redisvl",
            "gen_ai.data_source.id": "mountains",
            "server.address": "redis.test",
            "server.port": 6390,
            **asked,
        },
        answered={"gen_ai.retrieval.documents": documents, **answered},
        modes={"answer", "error", "interrupt"} | ({"hang"} if asynchronous else set()),
        asynchronous=asynchronous,
        kind=list,
    )
    for name, call, asked, answered, documents in CALLS
    for asynchronous in (False, True)
]


def open_by_url(mode: Mode, served: Callable[[], None]) -> Any:
    """An index that connects with its first search: nothing that is read of it may make it do so."""
    return Wired(SCHEMA, redis_url="redis://redis.test:6390/0").wire(mode, served)


CASES.append(replace(CASES[0], name="query before a connection", client=open_by_url))
