"""Elasticsearch in the conformance suite: the client over a faked node."""

import asyncio
import os
from collections.abc import Callable
from typing import Any

# The client traces itself as well, under our span: nothing of that is asked here.
os.environ["OTEL_PYTHON_INSTRUMENTATION_ELASTICSEARCH_ENABLED"] = "false"

from elastic_transport import ApiResponseMeta, BaseAsyncNode, BaseNode, HttpHeaders, ObjectApiResponse
from elastic_transport._node import NodeApiResponse
from elasticsearch import AsyncElasticsearch, Elasticsearch

from conformance.cases import Case, Mode
from conformance.playing import without
from conformance.search_bodies import BOTH, EVEREST, FUJI, HIGHER, MISSING, QUERY, answer
from groundwire_instrumentation.elasticsearch import PROVIDER


def _respond(node: BaseNode, target: str, body: bytes | None, mode: Mode) -> NodeApiResponse:
    if mode == "interrupt":
        raise KeyboardInterrupt
    text = MISSING if mode == "error" else answer(target, (body or b"").decode())
    headers = HttpHeaders({"content-type": "application/json", "x-elastic-product": "Elasticsearch"})
    meta = ApiResponseMeta(404 if mode == "error" else 200, "1.1", headers, 0.001, node.config)
    return NodeApiResponse(meta, text.encode())


def open_client(mode: Mode, served: Callable[[], None]) -> Any:
    class Node(BaseNode):
        _CLIENT_META_HTTP_CLIENT = ("fk", "1")

        def perform_request(
            self, method: str, target: str, body: bytes | None = None, headers: Any = None, request_timeout: Any = None
        ) -> NodeApiResponse:
            served()
            return _respond(self, target, body, mode)

        def close(self) -> None:
            pass

    return Elasticsearch("http://search.test:9200", node_class=Node)


def open_async_client(mode: Mode, served: Callable[[], None]) -> Any:
    class Node(BaseAsyncNode):
        _CLIENT_META_HTTP_CLIENT = ("fk", "1")

        async def perform_request(  # type: ignore[override]
            self, method: str, target: str, body: bytes | None = None, headers: Any = None, request_timeout: Any = None
        ) -> NodeApiResponse:
            served()
            if mode == "hang":
                await asyncio.Event().wait()
            return _respond(self, target, body, mode)

        async def close(self) -> None:  # type: ignore[override]
            pass

    return AsyncElasticsearch("http://search.test:9200", node_class=Node)


TOP = {"gen_ai.retrieval.top_k": 2}
ASKED = {"gen_ai.retrieval.query.text": QUERY}
MATCH = {"bool": {"must": [{"match": {"text": {"query": QUERY}}}], "filter": [{"match": {"lang": "en"}}]}}
KNN = {"field": "vector", "query_vector": [0.25, 0.5], "k": 2, "num_candidates": 10}
MODEL = {"field": "v", "k": 2, "query_vector_builder": {"text_embedding": {"model_id": "m", "model_text": QUERY}}}
FUSED = {
    "rrf": {
        "retrievers": [
            {"standard": {"query": {"multi_match": {"query": QUERY, "fields": ["title", "text"]}}}},
            {"knn": MODEL},
        ]
    }
}
SEARCHES = [{"index": "mountains"}, {"query": MATCH, "size": 2}, {}, {"query": {"oops": {}}, "size": 2}]
UNSCORED = {"gen_ai.retrieval.documents": without("score", EVEREST, FUJI)}
CALLS: list[tuple[str, Callable[[Any], Any], dict[str, Any], dict[str, Any]]] = [
    ("search", lambda c: c.search(index="mountains", query=MATCH, size=2), TOP | ASKED, BOTH),
    (
        "search by a body",
        lambda c: c.search(index="mountains", body={"query": {"match_phrase": {"text": QUERY}}, "size": 2}),
        TOP | ASKED,
        BOTH,
    ),
    ("search by words", lambda c: c.search(index="mountains", q=QUERY), ASKED, BOTH),
    ("search by vector", lambda c: c.search(index="mountains", knn=KNN, size=2), TOP, BOTH),
    ("search by retrievers", lambda c: c.search(index="mountains", retriever=FUSED), ASKED, BOTH),
    (
        "search for fields",
        lambda c: c.search(index="mountains", knn=[MODEL], source=False, fields=["text", "page"]),
        ASKED,
        BOTH,
    ),
    ("search sorted", lambda c: c.search(index="mountains", query=MATCH, sort=["page"]), ASKED, UNSCORED),
    (
        "msearch",
        lambda c: c.msearch(index="mountains", searches=SEARCHES),
        TOP | ASKED,
        {"gen_ai.retrieval.documents": [EVEREST, FUJI], **HIGHER},
    ),
    ("search_template", lambda c: c.search_template(index="mountains", id="t", params={"words": QUERY}), {}, BOTH),
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
            "gen_ai.provider.name": "elasticsearch",
            "gen_ai.data_source.id": "mountains",
            "server.address": "search.test",
            "server.port": 9200,
            **asked,
        },
        answered=answered,
        modes={"answer", "error", "interrupt"} | ({"hang"} if asynchronous else set()),
        asynchronous=asynchronous,
        kind=ObjectApiResponse,
    )
    for number, (name, call, asked, answered) in enumerate(CALLS)
    for asynchronous in (False, True)
    if not asynchronous or number in (0, 3, 7, 8)
]
