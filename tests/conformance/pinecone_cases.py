"""Pinecone in the conformance suite: REST over a faked transport, gRPC with a server of this process."""

import asyncio
import json
from collections.abc import Callable
from functools import cache
from typing import Any

import httpx
from pinecone import AsyncIndex, AsyncPinecone, EmbedModel, Index, Pinecone
from pinecone.grpc import GrpcIndex

from conformance.cases import Case, Mode
from conformance.pinecone_wire import serve
from conformance.playing import play
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
    if request.url.path == "/rerank":
        data = [{"index": 1, "score": 0.75}, {"index": 0, "score": 0.5}]
        answer = {"model": body["model"], "data": data, "usage": {"rerank_units": 1}}
    elif request.url.path == "/embed":
        data = [{"values": [0.25, 0.5], "vector_type": "dense"} for _ in body["inputs"]]
        answer = {"model": MODELS["embeddings"], "vector_type": "dense", "data": data, "usage": {"total_tokens": 7}}
    elif request.url.path.endswith("/documents/search"):
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


def open_inference(mode: Mode, served: Callable[[], None]) -> Any:
    def respond(request: httpx.Request) -> httpx.Response:
        served()
        return _respond(request, mode)

    inference: Any = Pinecone(api_key="k", ssl_verify=False).inference
    inference._http._client._transport._transport = httpx.MockTransport(respond)
    return inference


def open_async_inference(mode: Mode, served: Callable[[], None]) -> Any:
    async def respond(request: httpx.Request) -> httpx.Response:
        served()
        if mode == "hang":
            await asyncio.Event().wait()
        return _respond(request, mode)

    inference: Any = AsyncPinecone(api_key="k", ssl_verify=False).inference
    inference._http._ensure_client()._transport._transport = httpx.MockTransport(respond)
    return inference


class Channel:
    """What is between an index and its channel."""

    def __init__(self, channel: Any, mode: Mode, served: Callable[[], None]) -> None:
        self._channel = channel
        self._mode = mode
        self._served = served

    def query(self, *args: Any, **kwargs: Any) -> Any:
        play("answer" if self._mode == "error" else self._mode, self._served, RuntimeError())
        return self._channel.query(*args, **(kwargs | ({"namespace": "wrong"} if self._mode == "error" else {})))


@cache
def port() -> int:
    """Where the gRPC of this process is served."""
    return serve(_MATCHES)


def open_grpc_index(mode: Mode, served: Callable[[], None]) -> Any:
    def respond(request: httpx.Request) -> httpx.Response:
        served()
        return _respond(request, mode)

    index: Any = GrpcIndex(host=f"127.0.0.1:{port()}", api_key="k", secure=False)
    index._channel = Channel(index._channel, mode, served)
    index._http._client._transport._transport = httpx.MockTransport(respond)  # records are searched over REST
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
            vector=VECTOR, namespaces=iter(["alps", "empty"]), metric="cosine", top_k=2, include_metadata=True
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
            namespace="alps", top_k=2, score_by=iter([{"type": "text", "query": QUERY, "fields": ["text"]}])
        ),
        ALPS | TOP | TEXT,
        [EVEREST, FUJI],
    ),
]


BEFORE = [{"content": TEXTS[1], "metadata": {"page": 2}}, {"id": "e", "content": TEXTS[0]}]
RANKED = [BEFORE[1] | {"score": 0.75}, BEFORE[0] | {"score": 0.5}]
MODELS = {"rerank": "bge-reranker-v2-m3", "embeddings": "multilingual-e5-large"}


def _rank(inference: Any) -> Any:
    documents = [{"summary": TEXTS[1], "page": 2}, {"id": "e", "summary": TEXTS[0]}]
    return inference.rerank(
        MODELS["rerank"], QUERY, documents, rank_fields=["summary"], return_documents=False, top_n=2
    )


def _embed(inference: Any) -> Any:
    return inference.embed(EmbedModel.Multilingual_E5_Large, TEXTS, {"input_type": "passage"})


def _inferred(kind: str, asynchronous: bool, asked: dict[str, Any], answered: dict[str, Any]) -> Case:
    return Case(
        name=f"async {kind}" if asynchronous else kind,
        provider=PROVIDER,
        client=open_async_inference if asynchronous else open_inference,
        call=_rank if kind == "rerank" else _embed,
        span=f"{kind} {MODELS[kind]}",
        asked={
            "gen_ai.operation.name": kind,
            "gen_ai.provider.name": "pinecone",
            "gen_ai.request.model": MODELS[kind],
            "server.address": "api.pinecone.io",
            **asked,
        },
        answered={"gen_ai.response.model": MODELS[kind], **answered},
        modes={"answer", "error", "interrupt"} | ({"hang"} if asynchronous else set()),  # type: ignore[arg-type]
        asynchronous=asynchronous,
    )


def _case(
    kind: str, name: str, call: Callable[[Any], Any], asked: dict[str, Any], documents: list[dict[str, Any]]
) -> Case:
    address = {"server.address": "mountains-1.svc.test"}
    if kind == "gRPC":
        address = {"server.address": "127.0.0.1", "server.port": port()}  # type: ignore[dict-item]
    modes: set[Mode] = {"answer", "error"}
    if kind == "async":
        modes.add("hang")
    if name != "query_namespaces":  # there it would end the loop of the tasks
        modes.add("interrupt")
    return Case(
        name=f"{kind} {name}".lstrip(),
        provider=PROVIDER,
        client={"": open_index, "async": open_async_index, "gRPC": open_grpc_index}[kind],
        call=call,
        span=f"retrieval {asked['gen_ai.data_source.id']}" if "gen_ai.data_source.id" in asked else "retrieval",
        asked={"gen_ai.operation.name": "retrieval", "gen_ai.provider.name": "pinecone", **address, **asked},
        answered={"gen_ai.retrieval.documents": documents, "groundwire.retrieval.higher_is_better": True},
        modes=modes,
        asynchronous=kind == "async",
    )


CASES = [
    _case(kind, *call)
    for call in CALLS
    for kind in ("", "async", "gRPC")
    if not (kind == "async" and call[0] == "query by id") and (kind != "gRPC" or call[0] == "query")
]
CASES += [
    _inferred(
        "rerank",
        asynchronous,
        TOP | TEXT | {"groundwire.rerank.input_documents": BEFORE},
        {
            "gen_ai.retrieval.documents": RANKED,
            "groundwire.retrieval.higher_is_better": True,
            "pinecone.usage.rerank_units": 1,
        },
    )
    for asynchronous in (False, True)
]
CASES.append(
    _inferred("embeddings", False, {"pinecone.request.input_type": "passage"}, {"gen_ai.usage.input_tokens": 7})
)
