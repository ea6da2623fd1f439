"""Qdrant in the conformance suite: the local store, and the REST client over a faked transport."""

import asyncio
import inspect
import json
from collections.abc import Callable
from typing import Any

import httpx
from qdrant_client import AsyncQdrantClient, QdrantClient, models

from conformance.cases import Case, Mode
from groundwire_instrumentation.qdrant import PROVIDER

QUERY = "How high is it?"
TEXTS = ["Everest is 8,849 m high.", "Fuji is 3,776 m high."]
EVEREST = {"id": "1", "score": 1.0, "content": TEXTS[0], "metadata": {"page": 1}}
FUJI = {"id": "2", "score": 0.0, "content": TEXTS[1], "metadata": {"page": 2}}
_SIZE = models.VectorParams(size=2, distance=models.Distance.DOT)
_POINTS = [
    models.PointStruct(id=1, vector=[1.0, 0.0], payload={"page_content": TEXTS[0], "metadata": {"page": 1}}),
    models.PointStruct(id=2, vector=[0.0, 1.0], payload={"text": TEXTS[1], "page": 2}),
]


def _without(key: str, *documents: dict[str, Any]) -> list[dict[str, Any]]:
    return [{k: v for k, v in document.items() if k != key} for document in documents]


# --- the local store ------------------------------------------------------------------------------------------------


class Wire:
    """What is between a client and its local store."""

    def __init__(self, store: Any, mode: Mode, served: Callable[[], None]) -> None:
        self._store = store
        self._mode = mode
        self._served = served

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._store, name)
        if name == "close":
            return method

        def now(*args: Any, **kwargs: Any) -> Any:
            self._served()
            if self._mode == "error":
                raise ValueError("Collection mountains not found")
            if self._mode == "interrupt":
                raise KeyboardInterrupt
            return method(*args, **kwargs)

        async def later(*args: Any, **kwargs: Any) -> Any:
            if self._mode == "hang":
                self._served()
                await asyncio.Event().wait()
            return await now(*args, **kwargs)

        return later if asyncio.iscoroutinefunction(method) else now


def open_local(mode: Mode, served: Callable[[], None]) -> Any:
    client = QdrantClient(":memory:", force_disable_check_same_thread=True)
    client.create_collection("mountains", _SIZE)
    client.upsert("mountains", _POINTS)
    client._client = Wire(client._client, mode, served)
    return client


async def open_async_local(mode: Mode, served: Callable[[], None]) -> Any:
    client = AsyncQdrantClient(":memory:")
    await client.create_collection("mountains", _SIZE)
    await client.upsert("mountains", _POINTS)
    client._client = Wire(client._client, mode, served)
    return client


# --- a server -------------------------------------------------------------------------------------------------------


def _respond(request: httpx.Request, mode: Mode, served: Callable[[], None]) -> httpx.Response:
    served()
    if mode == "interrupt":
        raise KeyboardInterrupt
    if mode == "error":
        return httpx.Response(404, json={"status": {"error": "Not found: Collection `mountains`"}, "time": 0.1})
    body = json.loads(request.content)
    points = [
        {"id": 1, "version": 1, "score": 1.0, "payload": _POINTS[0].payload},
        {"id": 2, "version": 1, "score": 0.0, "payload": _POINTS[1].payload},
    ]
    result: Any = {"points": points}
    if "searches" in body:
        result = [{"points": points[:1]}, {"points": points[1:]}]
    return httpx.Response(200, json={"status": "ok", "time": 0.1, "result": result})


def open_remote(mode: Mode, served: Callable[[], None]) -> Any:
    wire = httpx.MockTransport(lambda request: _respond(request, mode, served))
    return QdrantClient("http://qdrant.test", check_compatibility=False, cloud_inference=True, transport=wire)


def open_async_remote(mode: Mode, served: Callable[[], None]) -> Any:
    async def respond(request: httpx.Request) -> httpx.Response:
        if mode == "hang":
            served()
            await asyncio.Event().wait()
        return _respond(request, mode, served)

    wire = httpx.MockTransport(respond)
    return AsyncQdrantClient("http://qdrant.test", check_compatibility=False, cloud_inference=True, transport=wire)


# --- calls ----------------------------------------------------------------------------------------------------------

ASKED = {
    "gen_ai.operation.name": "retrieval",
    "gen_ai.provider.name": "qdrant",
    "gen_ai.data_source.id": "mountains",
}
SERVER = {"server.address": "qdrant.test", "server.port": 6333}
ONE = {"gen_ai.retrieval.top_k": 1}
BOTH = {"gen_ai.retrieval.top_k": 2}
HIGHER = {"groundwire.retrieval.higher_is_better": True}
TEXT = models.Document(text=QUERY, model="a/dense")
SPARSE = models.Document(text=QUERY, model="a/sparse")
HYBRID = [models.Prefetch(query=TEXT, using="dense"), models.Prefetch(query=SPARSE, using="sparse")]
REQUESTS = [
    models.QueryRequest(query=models.NearestQuery(nearest=TEXT), limit=1, with_payload=True),
    models.QueryRequest(query=models.Document(text="And this?", model="a/dense"), limit=1, with_payload=True),
]
EVERYTHING = models.Filter(must_not=[models.HasIdCondition(has_id=[7])])
LOCAL: list[tuple[str, Callable[[Any], Any], dict[str, Any], list[dict[str, Any]]]] = [
    ("query_points", lambda c: c.query_points("mountains", [1.0, 0.0], limit=2), BOTH, [EVEREST, FUJI]),
    (
        "query_points without payload",
        lambda c: c.query_points("mountains", [1.0, 0.0], limit=1, with_payload=False),
        ONE,
        [{"id": "1", "score": 1.0}],
    ),
    (
        "query_points_groups",
        lambda c: c.query_points_groups("mountains", "page", [0.0, 1.0], limit=2),
        BOTH,
        [FUJI | {"score": 1.0}],  # the other one has no `page` at the top of its payload
    ),
    ("retrieve", lambda c: c.retrieve("mountains", [2, 1]), {}, _without("score", FUJI, EVEREST)),
    (
        "scroll",
        lambda c: c.scroll("mountains", scroll_filter=EVERYTHING, limit=2),
        BOTH,
        _without("score", EVEREST, FUJI),
    ),
]
REMOTE: list[tuple[str, Callable[[Any], Any], dict[str, Any]]] = [
    (
        "query_points by text",
        lambda c: c.query_points("mountains", TEXT, limit=2),
        BOTH | {"gen_ai.retrieval.query.text": QUERY},
    ),
    (
        "hybrid query_points",
        lambda c: c.query_points("mountains", models.FusionQuery(fusion=models.Fusion.RRF), prefetch=HYBRID, limit=2),
        BOTH | {"gen_ai.retrieval.query.text": QUERY},
    ),
    (
        "query_batch_points",
        lambda c: c.query_batch_points("mountains", REQUESTS),
        ONE | {"gen_ai.retrieval.query.text": f"{QUERY}\nAnd this?"},
    ),
]


def _case(
    name: str, call: Callable[[Any], Any], asked: dict[str, Any], documents: Any, remote: bool, asynchronous: bool
) -> Case:
    clients = {
        (False, False): open_local,
        (False, True): open_async_local,
        (True, False): open_remote,
        (True, True): open_async_remote,
    }
    return Case(
        name=f"async {name}" if asynchronous else name,
        provider=PROVIDER,
        client=clients[remote, asynchronous],
        call=call,
        span="retrieval mountains",
        asked=ASKED | (SERVER if remote else {}) | asked,
        # Of one alone the order says nothing, nor do scores of 0 and 1 by two requests.
        answered={"gen_ai.retrieval.documents": documents}
        | (HIGHER if [d.get("score") for d in documents] == [1.0, 0.0] and "batch" not in name else {}),
        modes={"answer", "error", "interrupt"} | ({"hang"} if asynchronous else set()),
        asynchronous=asynchronous,
    )


CASES = [
    _case(name, call, asked, documents, remote=False, asynchronous=asynchronous)
    for name, call, asked, documents in LOCAL
    for asynchronous in (False, True)
] + [
    _case(name, call, asked, [EVEREST, FUJI], remote=True, asynchronous=asynchronous)
    for name, call, asked in REMOTE
    if "cloud_inference" in inspect.signature(QdrantClient).parameters  # servers infer since 1.13
    for asynchronous in (False, True)
]
