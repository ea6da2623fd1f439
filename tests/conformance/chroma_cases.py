"""Chroma in the conformance suite: a real embedded store, with a wire in front of it that can fail."""

import asyncio
import os
from collections.abc import Callable
from functools import lru_cache
from typing import Any

os.environ["ANONYMIZED_TELEMETRY"] = "False"

import chromadb
from chromadb import K, Knn, Search
from chromadb.api.models.AsyncCollection import AsyncCollection
from chromadb.api.models.Collection import Collection
from chromadb.api.types import Documents, Embeddings, SearchResult
from chromadb.errors import NotFoundError

from conformance.cases import Case, Mode
from groundwire_instrumentation.chroma import PROVIDER

QUERY = "How high is it?"
EVEREST = {"id": "e", "score": 1.0, "content": "Everest is 8,849 m high.", "metadata": {"page": 1}}
FUJI = {"id": "f", "score": 5.0, "content": "Fuji is 3,776 m high."}
FOUND = SearchResult(
    ids=[["e", "f"]],
    documents=[["Everest is 8,849 m high.", "Fuji is 3,776 m high."]],
    embeddings=[None],
    metadatas=[[{"page": 1}, None]],
    scores=[[1.0, 5.0]],
    select=[["#document"]],
)


class Lengths(chromadb.EmbeddingFunction[Documents]):
    """Embeds a text as its number of words and 1."""

    def __init__(self) -> None:
        pass

    def __call__(self, input: Documents) -> Embeddings:
        return [[float(len(text.split())), 1.0] for text in input]  # type: ignore[misc]

    @staticmethod
    def name() -> str:
        return "lengths"

    def get_config(self) -> dict[str, Any]:
        return {}

    @staticmethod
    def build_from_config(config: dict[str, Any]) -> "Lengths":
        return Lengths()


@lru_cache(maxsize=1)
def mountains() -> Collection:
    """A collection of two documents in a store of this process."""
    client = chromadb.EphemeralClient()
    collection = client.get_or_create_collection("conformance-mountains", embedding_function=Lengths())
    collection.upsert(
        ids=["e", "f"],
        documents=["Everest is 8,849 m high.", "Fuji is 3,776 m high."],
        embeddings=[[4.0, 2.0], [6.0, 2.0]],
        metadatas=[{"page": 1}, None],  # type: ignore[list-item]
    )
    return collection


class Wire:
    """What is between a collection and its store."""

    def __init__(self, mode: Mode, served: Callable[[], None]) -> None:
        self._mode = mode
        self._served = served

    def _answer(self, method: str, arguments: dict[str, Any]) -> Any:
        self._served()
        if self._mode == "error":
            raise NotFoundError("Collection [mountains] does not exist.")
        if self._mode == "interrupt":
            raise KeyboardInterrupt
        return FOUND if method == "_search" else getattr(mountains()._client, method)(**arguments)

    def __getattr__(self, method: str) -> Any:
        if method not in ("_query", "_get", "_search"):
            raise AttributeError(method)
        return lambda **arguments: self._answer(method, arguments)


class AsyncWire(Wire):
    """The same for asynchronous collections."""

    def __getattr__(self, method: str) -> Any:
        answer = super().__getattr__(method)

        async def later(**arguments: Any) -> Any:
            if self._mode == "hang":
                self._served()
                await asyncio.Event().wait()
            await asyncio.sleep(0)
            return answer(**arguments)

        return later


def open_collection(mode: Mode, served: Callable[[], None]) -> Any:
    return Collection(Wire(mode, served), mountains()._model, Lengths())  # type: ignore[type-var]


def open_async_collection(mode: Mode, served: Callable[[], None]) -> Any:
    return AsyncCollection(AsyncWire(mode, served), mountains()._model, Lengths())  # type: ignore[type-var]


ASKED = {
    "gen_ai.operation.name": "retrieval",
    "gen_ai.provider.name": "chroma",
    "gen_ai.data_source.id": "conformance-mountains",
}
LOWER = {"groundwire.retrieval.higher_is_better": False}
CALLS: list[tuple[str, Callable[[Any], Any], dict[str, Any], dict[str, Any]]] = [
    (
        "query",
        lambda c: c.query(query_texts=QUERY, n_results=2),
        {"gen_ai.retrieval.top_k": 2, "gen_ai.retrieval.query.text": QUERY},
        LOWER | {"gen_ai.retrieval.documents": [EVEREST, FUJI]},
    ),
    (
        "query several",
        lambda c: c.query(query_texts=[QUERY, "And this?"], n_results=1),
        {"gen_ai.retrieval.top_k": 1, "gen_ai.retrieval.query.text": f"{QUERY}\nAnd this?"},
        LOWER | {"gen_ai.retrieval.documents": [EVEREST, {**EVEREST, "score": 5.0}]},
    ),
    (
        "query by vector",
        lambda c: c.query([[4.0, 1.0]], n_results=2, include=["distances"]),
        {"gen_ai.retrieval.top_k": 2},
        LOWER | {"gen_ai.retrieval.documents": [{"id": "e", "score": 1.0}, {"id": "f", "score": 5.0}]},
    ),
    (
        "get",
        lambda c: c.get(ids=["f"], limit=5),
        {"gen_ai.retrieval.top_k": 5},
        {"gen_ai.retrieval.documents": [{k: v for k, v in FUJI.items() if k != "score"}]},
    ),
    (
        "search",
        lambda c: c.search(Search().rank(Knn(query=QUERY) * 0.5).limit(2).select(K.DOCUMENT, K.SCORE)),
        {"gen_ai.retrieval.top_k": 2, "gen_ai.retrieval.query.text": QUERY},
        LOWER | {"gen_ai.retrieval.documents": [EVEREST, FUJI]},
    ),
]
CASES = [
    Case(
        name=f"async {name}" if asynchronous else name,
        provider=PROVIDER,
        client=open_async_collection if asynchronous else open_collection,
        call=call,
        span="retrieval conformance-mountains",
        asked=ASKED | asked,
        answered=answered,
        modes={"answer", "error", "interrupt"} | ({"hang"} if asynchronous else set()),
        asynchronous=asynchronous,
        kind=dict,
    )
    for name, call, asked, answered in CALLS
    for asynchronous in (False, True)
]
