"""MongoDB in the conformance suite: collections of the real client, whose commands are answered in this process."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

from bson import ObjectId
from pymongo import AsyncMongoClient, MongoClient
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.asynchronous.command_cursor import AsyncCommandCursor
from pymongo.errors import OperationFailure
from pymongo.synchronous.collection import Collection
from pymongo.synchronous.command_cursor import CommandCursor

from conformance.cases import Case, Mode
from conformance.playing import play, without
from groundwire_instrumentation.mongodb import PROVIDER

QUERY = "How high is it?"
TEXTS = ["Everest is 8,849 m high.", "Fuji is 3,776 m high."]
_IDS = [ObjectId(b"mountain0001"), ObjectId(b"mountain0002")]
EVEREST = {"id": str(_IDS[0]), "score": 0.75, "content": TEXTS[0], "metadata": {"page": 1}}
FUJI = {"id": str(_IDS[1]), "score": 0.5, "content": TEXTS[1], "metadata": {"page": 2}}
_ROWS = [
    {"_id": _IDS[0], "text": TEXTS[0], "page": 1, "vector": [0.25, 0.5]},
    {"_id": _IDS[1], "text": TEXTS[1], "page": 2, "vector": [0.5, 0.5]},
]


def _batch(pipeline: Any) -> dict[str, Any]:
    """The answer to the command; scores go where the pipeline wants them."""
    names = [name for stage in pipeline for part in stage.values() if isinstance(part, Mapping) for name in part]
    field = next((name for name in names if name in ("score", "similarity")), None)
    scores = (0.75, 0.5)
    rows = [row | ({field: score} if field else {}) for row, score in zip(_ROWS, scores, strict=True)]
    return {"id": 0, "ns": "library.mountains", "firstBatch": rows}


def _failure() -> OperationFailure:
    return OperationFailure("PlanExecutor error: vector search index not found", 8, {"ok": 0, "code": 8})


class Wired(Collection[Any]):
    """A collection whose commands do not leave the process."""

    def wire(self, mode: Mode, served: Callable[[], None]) -> "Wired":
        self.__dict__.update(mode=mode, served=served)
        return self

    def _aggregate(self, command: Any, pipeline: Any, *_: Any, **__: Any) -> Any:
        play(self.__dict__["mode"], self.__dict__["served"], _failure())
        return CommandCursor(self, _batch(pipeline), None)


class AsyncWired(AsyncCollection[Any]):
    """The same for asynchronous clients."""

    def wire(self, mode: Mode, served: Callable[[], None]) -> "AsyncWired":
        self.__dict__.update(mode=mode, served=served)
        return self

    async def _aggregate(self, command: Any, pipeline: Any, *_: Any, **__: Any) -> Any:
        play(self.__dict__["mode"], self.__dict__["served"], _failure())
        if self.__dict__["mode"] == "hang":
            await asyncio.Event().wait()
        return AsyncCommandCursor(self, _batch(pipeline), None)


_CLIENT: Any = MongoClient("mongodb://db.test:27017", connect=False)
_ASYNC_CLIENT: Any = AsyncMongoClient("mongodb://db.test:27017", connect=False)


def open_collection(mode: Mode, served: Callable[[], None]) -> Any:
    return Wired(_CLIENT.library, "mountains").wire(mode, served)


def open_async_collection(mode: Mode, served: Callable[[], None]) -> Any:
    return AsyncWired(_ASYNC_CLIENT.library, "mountains").wire(mode, served)


async def _read(cursor: Any) -> list[Any]:
    return [row async for row in await cursor]


VECTOR = {"index": "v", "path": "vector", "queryVector": [0.25, 0.5], "numCandidates": 10, "limit": 2}
NEAREST = [{"$vectorSearch": VECTOR}, {"$set": {"score": {"$meta": "vectorSearchScore"}}}]
BY_TEXT = [
    {"$vectorSearch": {"index": "v", "path": "text", "query": QUERY, "numCandidates": 10, "limit": 5}},
    {"$limit": 2},
    {"$project": {"text": 1, "page": 1, "similarity": {"$meta": "vectorSearchScore"}}},
]
WORDS = [{"$search": {"text": {"query": QUERY, "path": "text"}}}, {"$limit": 2}]
FUSED = [
    {"$rankFusion": {"input": {"pipelines": {"near": NEAREST[:1], "words": WORDS}}}},
    {"$addFields": {"score": {"$meta": "score"}}},
]
HIGHER = {"groundwire.retrieval.higher_is_better": True}
TOP = {"gen_ai.retrieval.top_k": 2}
TEXT = {"gen_ai.retrieval.query.text": QUERY}
CALLS: list[tuple[str, Any, dict[str, Any], dict[str, Any], list[dict[str, Any]]]] = [
    ("$vectorSearch", NEAREST, TOP, HIGHER, [EVEREST, FUJI]),
    ("$vectorSearch by text", BY_TEXT, TOP | TEXT, HIGHER, [EVEREST, FUJI]),
    ("$search without scores", WORDS, TOP | TEXT, {}, without("score", EVEREST, FUJI)),
    ("$rankFusion", FUSED, TEXT, HIGHER, [EVEREST, FUJI]),
]


def _call(pipeline: Any, asynchronous: bool) -> Callable[[Any], Any]:
    """Runs it and reads it to its end."""
    return (lambda c: _read(c.aggregate(pipeline))) if asynchronous else (lambda c: list(c.aggregate(pipeline)))


CASES = [
    Case(
        name=f"async {name}" if asynchronous else name,
        provider=PROVIDER,
        client=open_async_collection if asynchronous else open_collection,
        call=_call(pipeline, asynchronous),
        span="retrieval mountains",
        asked={
            "gen_ai.operation.name": "retrieval",
            "gen_ai.provider.name": "mongodb",
            "gen_ai.data_source.id": "mountains",
            "server.address": "db.test",
            "server.port": 27017,
            **asked,
        },
        answered={"gen_ai.retrieval.documents": documents, **answered},
        modes={"answer", "error", "interrupt"} | ({"hang"} if asynchronous else set()),
        asynchronous=asynchronous,
        kind=list,
    )
    for name, pipeline, asked, answered, documents in CALLS
    for asynchronous in (False, True)
]
