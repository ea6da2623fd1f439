"""LanceDB in the conformance suite: a table on disk, with a wire in front of it that can fail."""

import asyncio
import atexit
import tempfile
from collections.abc import Callable
from functools import cache
from typing import Any

import lancedb
from lancedb.index import FTS
from lancedb.query import BoostQuery, MatchQuery

from conformance.cases import ANY, Case, Mode
from conformance.playing import play, without
from groundwire_instrumentation.lancedb import PROVIDER

TEXTS = ["Everest is 8,849 m high.", "Fuji is 3,776 m high."]
QUERY = "Everest high"
EVEREST = {"id": "1", "score": ANY, "content": TEXTS[0], "metadata": {"page": 1}}
FUJI = {"id": "2", "score": ANY, "content": TEXTS[1], "metadata": {"page": 2}}


@cache
def folder() -> str:
    """Where a database with one table is, found by vector and by words."""
    kept = tempfile.TemporaryDirectory()
    atexit.register(kept.cleanup)
    vectors = ([1.0, 0.0], [0.0, 1.0])
    rows = [{"id": n + 1, "vector": vectors[n], "text": TEXTS[n], "page": n + 1} for n in range(2)]
    lancedb.connect(kept.name).create_table("mountains", rows).create_index("text", config=FTS())
    return kept.name


def open_table(mode: Mode, served: Callable[[], None]) -> Any:
    table: Any = lancedb.connect(folder()).open_table("mountains")
    execute = table._execute_query

    def executed(*args: Any, **kwargs: Any) -> Any:
        play(mode, served, RuntimeError("lance error: column not found"))
        return execute(*args, **kwargs)

    table._execute_query = executed
    return table


class AsyncWire:
    """An asynchronous table whose queries can fail."""

    def __init__(self, table: Any, mode: Mode, served: Callable[[], None]) -> None:
        self._table = table
        self._mode = mode
        self._served = served

    def query(self) -> Any:
        return self._table.query()

    def wired(self, query: Any) -> Any:
        """The query, going over the wire."""
        batches = query.to_batches

        async def to_batches(**kwargs: Any) -> Any:
            play(self._mode, self._served, RuntimeError("lance error: column not found"))
            if self._mode == "hang":
                await asyncio.Event().wait()
            return await batches(**kwargs)

        query.to_batches = to_batches
        return query


async def open_async_table(mode: Mode, served: Callable[[], None]) -> Any:
    database = await lancedb.connect_async(folder())
    return AsyncWire(await database.open_table("mountains"), mode, served)


def _rows(batches: Any) -> Any:
    return batches.read_all().to_pylist()


NEAR = [1.0, 0.0]
TOP = {"gen_ai.retrieval.top_k": 2}
TEXT = {"gen_ai.retrieval.query.text": QUERY}
LOWER = {"groundwire.retrieval.higher_is_better": False}
HIGHER = {"groundwire.retrieval.higher_is_better": True}
FOUND = {"gen_ai.retrieval.documents": [EVEREST, FUJI]}
FILTERED = {"gen_ai.retrieval.documents": without("score", FUJI)}
NO_TOWN = MatchQuery("town", "text")
NEAREST = {"gen_ai.retrieval.documents": [EVEREST | {"score": 0.0}, FUJI | {"score": 2.0}]}
SYNC: list[tuple[str, Callable[[Any], Any], dict[str, Any], dict[str, Any]]] = [
    ("search", lambda t: t.search(NEAR).limit(2).to_list(), TOP, NEAREST | LOWER),
    ("search as a frame", lambda t: t.search(NEAR).limit(2).to_pandas().to_dict("records"), TOP, NEAREST | LOWER),
    ("search in batches", lambda t: _rows(t.search(NEAR).limit(2).to_batches()), TOP, {}),
    ("search by words", lambda t: t.search(QUERY, query_type="fts").limit(2).to_list(), TOP | TEXT, FOUND | HIGHER),
    (
        "search by a query",
        lambda t: t.search(BoostQuery(MatchQuery(QUERY, "text"), NO_TOWN), query_type="fts").to_arrow().to_pylist(),
        {"gen_ai.retrieval.top_k": 10} | TEXT,
        FOUND | HIGHER,
    ),
    ("rows by a filter", lambda t: t.search().where("page = 2").limit(2).to_list(), TOP, FILTERED),
    (
        "hybrid search",
        lambda t: t.search(query_type="hybrid").vector(NEAR).text(QUERY).limit(2).to_list(),
        TOP | TEXT,
        FOUND | HIGHER,
    ),
]
ASYNC: list[tuple[str, Callable[[Any], Any], dict[str, Any], dict[str, Any]]] = [
    ("search", lambda t: t.wired(t.query().nearest_to(NEAR).limit(2)).to_list(), TOP, NEAREST | LOWER),
    ("rows by a filter", lambda t: t.wired(t.query().where("page = 2")).to_list(), {}, FILTERED),
    (
        "search by words",
        lambda t: t.wired(t.query().nearest_to_text(QUERY).limit(2)).to_list(),
        TOP | TEXT,
        FOUND | HIGHER,
    ),
    (
        "hybrid search",
        lambda t: t.wired(t.query().nearest_to(NEAR).nearest_to_text(QUERY).limit(2)).to_list(),
        TOP | TEXT,
        FOUND | HIGHER,
    ),
]
CASES = [
    Case(
        name=f"async {name}" if asynchronous else name,
        provider=PROVIDER,
        client=open_async_table if asynchronous else open_table,
        call=call,
        span="retrieval mountains",
        asked={
            "gen_ai.operation.name": "retrieval",
            "gen_ai.provider.name": "lancedb",
            "gen_ai.data_source.id": "mountains",
            **asked,
        },
        answered=answered,
        modes={"answer", "error"}
        | ({"hang"} if asynchronous else set())
        | (set() if name == "hybrid search" else {"interrupt"}),  # there it is in a thread of the library
        asynchronous=asynchronous,
    )
    for calls, asynchronous in ((SYNC, False), (ASYNC, True))
    for name, call, asked, answered in calls
]
