"""Milvus in the conformance suite: milvus-lite, with a wire in front of it that can fail."""

import asyncio
import atexit
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import milvus_lite  # noqa: F401 - without it there is no store to run on
import pymilvus
from pymilvus import AnnSearchRequest, AsyncMilvusClient, DataType, Function, FunctionType, MilvusClient, RRFRanker
from pymilvus.exceptions import MilvusException

from conformance.cases import ANY, Case, Mode
from conformance.playing import play, without
from groundwire_instrumentation.milvus import PROVIDER

QUERY = "Everest high"
TEXTS = ["Everest is 8,849 m high.", "Fuji is 3,776 m high."]
EVEREST = {"id": "1", "score": ANY, "content": TEXTS[0], "metadata": {"page": 1}}
FUJI = {"id": "2", "score": ANY, "content": TEXTS[1], "metadata": {"page": 2}}


@cache
def mountains() -> MilvusClient:
    """A store of this process with one collection, found by vector and by words."""
    folder = tempfile.TemporaryDirectory()
    client = MilvusClient(str(Path(folder.name) / "mountains.db"))
    atexit.register(folder.cleanup)
    atexit.register(client.close)
    schema = client.create_schema(auto_id=False)
    schema.add_field("id", DataType.INT64, is_primary=True)
    schema.add_field("text", DataType.VARCHAR, max_length=200, enable_analyzer=True)
    schema.add_field("page", DataType.INT64)
    schema.add_field("vector", DataType.FLOAT_VECTOR, dim=2)
    schema.add_field("words", DataType.SPARSE_FLOAT_VECTOR)
    schema.add_function(Function("bm25", FunctionType.BM25, input_field_names=["text"], output_field_names=["words"]))
    index = client.prepare_index_params()
    index.add_index("vector", index_type="FLAT", metric_type="L2")
    index.add_index("words", index_type="SPARSE_INVERTED_INDEX", metric_type="BM25")
    client.create_collection("mountains", schema=schema, index_params=index)
    vectors = ([1.0, 0.0], [0.0, 1.0])
    rows = [{"id": n + 1, "text": TEXTS[n], "page": n + 1, "vector": vectors[n]} for n in range(2)]
    client.insert("mountains", rows)
    client.load_collection("mountains")
    return client


class Wire:
    """What is between a client and its store."""

    def __init__(self, mode: Mode, served: Callable[[], None]) -> None:
        self._mode = mode
        self._served = served

    def __getattr__(self, name: str) -> Any:
        method = getattr(mountains()._get_connection(), name)

        def called(*args: Any, **kwargs: Any) -> Any:
            if name in ("search", "hybrid_search", "query"):
                play(self._mode, self._served, MilvusException(100, "can't find collection[mountains]"))
            return method(*args, **kwargs)

        return called


class AsyncWire(Wire):
    """The same for asynchronous clients."""

    def __getattr__(self, name: str) -> Any:
        method = super().__getattr__(name)

        async def later(*args: Any, **kwargs: Any) -> Any:
            if self._mode == "hang" and name != "_get_schema":
                self._served()
                await asyncio.Event().wait()
            return method(*args, **kwargs)

        return later


def open_client(mode: Mode, served: Callable[[], None]) -> Any:
    client = MilvusClient.__new__(MilvusClient)  # a second one would start a second server
    client.__dict__.update(mountains().__dict__, _get_connection=lambda: Wire(mode, served))
    return client


def open_async_client(mode: Mode, served: Callable[[], None]) -> Any:
    async def connection() -> AsyncWire:
        return AsyncWire(mode, served)

    client = AsyncMilvusClient.__new__(AsyncMilvusClient)
    later = asyncio.iscoroutinefunction(AsyncMilvusClient._get_connection)  # not before pymilvus 3
    client.__dict__.update(
        mountains().__dict__, _get_connection=connection if later else lambda: AsyncWire(mode, served)
    )
    return client


FIELDS = ["text", "page"]
# clients before pymilvus 3 do not know where they are connected
SERVER = {"server.address": "127.0.0.1", "server.port": ANY} if pymilvus.__version__ >= "3" else {}
NEAR = AnnSearchRequest([[1.0, 0.0]], "vector", {}, limit=2)
WORDS = AnnSearchRequest([QUERY], "words", {}, limit=2)
TOP = {"gen_ai.retrieval.top_k": 2}
TEXT = {"gen_ai.retrieval.query.text": QUERY}
HIGHER = {"groundwire.retrieval.higher_is_better": True}
LOWER = {"groundwire.retrieval.higher_is_better": False}
CALLS: list[tuple[str, Callable[[Any], Any], dict[str, Any], dict[str, Any], list[dict[str, Any]]]] = [
    (
        "search",
        lambda c: c.search("mountains", [[1.0, 0.0]], limit=2, output_fields=FIELDS, anns_field="vector"),
        TOP,
        LOWER,
        [EVEREST | {"score": 0.0}, FUJI],
    ),
    (
        "search by words",
        lambda c: c.search("mountains", data=[QUERY], output_fields=FIELDS, anns_field="words"),
        {"gen_ai.retrieval.top_k": 10} | TEXT,
        LOWER,  # milvus-lite gives BM25 as a distance, below zero
        [EVEREST, FUJI],
    ),
    (
        "hybrid_search",
        lambda c: c.hybrid_search("mountains", [NEAR, WORDS], RRFRanker(), limit=2, output_fields=FIELDS),
        TOP | TEXT,
        HIGHER,
        [EVEREST, FUJI],
    ),
    (
        "query",
        lambda c: c.query("mountains", filter="page > 0", output_fields=FIELDS, limit=2),
        TOP,
        {},
        without("score", EVEREST, FUJI),
    ),
    ("get", lambda c: c.get("mountains", ids=[2], output_fields=FIELDS), {}, {}, without("score", FUJI)),
]
CASES = [
    Case(
        name=f"async {name}" if asynchronous else name,
        provider=PROVIDER,
        client=open_async_client if asynchronous else open_client,
        call=call,
        span="retrieval mountains",
        asked={
            "gen_ai.operation.name": "retrieval",
            "gen_ai.provider.name": "milvus",
            "gen_ai.data_source.id": "mountains",
            **SERVER,
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
