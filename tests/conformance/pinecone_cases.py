"""Pinecone in the conformance suite: the REST client over a faked transport."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

import httpx
from pinecone import AsyncIndex, Index

from conformance.cases import Case, Mode
from groundwire_instrumentation.pinecone import PROVIDER

QUERY = "How high is it?"
TEXTS = ["Everest is 8,849 m high.", "Fuji is 3,776 m high."]
EVEREST = {"id": "e", "score": 0.75, "content": TEXTS[0], "metadata": {"page": 1.0}}
FUJI = {"id": "f", "score": 0.5, "content": TEXTS[1], "metadata": {"page": 2.0}}
_MATCHES = [
    {"id": "e", "score": 0.75, "values": [], "metadata": {"text": TEXTS[0], "page": 1.0}},
    {"id": "f", "score": 0.5, "values": [], "metadata": {"text": TEXTS[1], "page": 2.0}},
]


def _respond(request: httpx.Request, mode: Mode) -> httpx.Response:
    if mode == "interrupt":
        raise KeyboardInterrupt
    if mode == "error":
        return httpx.Response(400, json={"code": 3, "message": "Vector dimension 2 does not match", "details": []})
    body = json.loads(request.content)
    answer: dict[str, Any]
    if request.url.path.endswith("/documents/search"):
        rows = [{"_id": m["id"], "_score": m["score"], **m["metadata"]} for m in _MATCHES]  # type: ignore[dict-item]
        answer = {"matches": rows, "namespace": "alps", "usage": {"read_units": 1}}
    elif request.url.path.endswith("/search"):
        hits = [{"_id": m["id"], "_score": m["score"], "fields": m["metadata"]} for m in _MATCHES]
        answer = {"result": {"hits": hits}, "usage": {"read_units": 1}}
    else:
        matches = _MATCHES if body.get("includeMetadata") else [{k: m[k] for k in ("id", "score")} for m in _MATCHES]
        if body.get("namespace") == "empty":
            matches = []
        answer = {"matches": matches, "namespace": body.get("namespace", ""), "usage": {"readUnits": 1}}
    return httpx.Response(200, json=answer)


def open_index(mode: Mode, served: Callable[[], None]) -> Any:
    def respond(request: httpx.Request) -> httpx.Response:
        served()
        return _respond(request, mode)

    index = Index(host="https://mountains-1.svc.test", api_key="k", ssl_verify=False)
    index._http._client._transport._transport = httpx.MockTransport(respond)  # type: ignore[attr-defined, assignment]
    return index


def open_async_index(mode: Mode, served: Callable[[], None]) -> Any:
    async def respond(request: httpx.Request) -> httpx.Response:
        served()
        if mode == "hang":
            await asyncio.Event().wait()
        return _respond(request, mode)

    index = AsyncIndex(host="https://mountains-1.svc.test", api_key="k", ssl_verify=False)
    index._http._ensure_client()._transport._transport = httpx.MockTransport(respond)  # type: ignore[attr-defined]
    return index


VECTOR = [0.25, 0.5]
ALPS = {"gen_ai.data_source.id": "alps"}
TOP = {"gen_ai.retrieval.top_k": 2}
TEXT = {"gen_ai.retrieval.query.text": QUERY}
BARE = [{"id": "e", "score": 0.75}, {"id": "f", "score": 0.5}]
RERANK = {"model": "bge-reranker-v2-m3", "rank_fields": ["text"], "top_n": 2}
CALLS: list[tuple[str, Callable[[Any], Any], dict[str, Any], list[dict[str, Any]]]] = [
    (
        "query",
        lambda i: i.query(vector=VECTOR, top_k=2, namespace="alps", include_metadata=True),
        ALPS | TOP,
        [EVEREST, FUJI],
    ),
    ("query by id", lambda i: i.query(id="e", top_k=2), TOP, BARE),
    (
        "query_namespaces",
        lambda i: i.query_namespaces(
            vector=VECTOR, namespaces=["alps", "empty"], metric="cosine", top_k=2, include_metadata=True
        ),
        TOP | {"gen_ai.data_source.id": "alps,empty"},
        [EVEREST, FUJI],
    ),
    (
        "search",
        lambda i: i.search(namespace="alps", top_k=2, inputs={"text": QUERY}, rerank=RERANK),
        ALPS | TOP | TEXT,
        [EVEREST, FUJI],
    ),
    (
        "search_records",
        lambda i: i.search_records(namespace="alps", query={"inputs": {"text": QUERY}, "top_k": 2}),
        ALPS | TOP | TEXT,
        [EVEREST, FUJI],
    ),
    (
        "search of documents",
        lambda i: i.documents.search(
            namespace="alps", top_k=2, score_by=[{"type": "text", "query": QUERY, "fields": ["text"]}]
        ),
        ALPS | TOP | TEXT,
        [EVEREST, FUJI],
    ),
]
CASES = [
    Case(
        name=f"async {name}" if asynchronous else name,
        provider=PROVIDER,
        client=open_async_index if asynchronous else open_index,
        call=call,
        span=f"retrieval {asked['gen_ai.data_source.id']}" if "gen_ai.data_source.id" in asked else "retrieval",
        asked={
            "gen_ai.operation.name": "retrieval",
            "gen_ai.provider.name": "pinecone",
            "server.address": "mountains-1.svc.test",
            **asked,
        },
        answered={"gen_ai.retrieval.documents": documents, "groundwire.retrieval.higher_is_better": True},
        modes={"answer", "error"}
        | ({"hang"} if asynchronous else set())
        | (set() if name == "query_namespaces" else {"interrupt"}),  # there it would end the loop of the tasks
        asynchronous=asynchronous,
    )
    for name, call, asked, documents in CALLS
    for asynchronous in (False, True)
    if not asynchronous or name != "query by id"
]
