"""OpenSearch in the conformance suite: the client over a faked connection."""

import asyncio
from collections.abc import Callable
from typing import Any

from opensearchpy import AIOHttpConnection, AsyncOpenSearch, Connection, OpenSearch

from conformance.cases import Case, Mode
from conformance.playing import without
from conformance.search_bodies import BOTH, EVEREST, FUJI, HIGHER, MISSING, QUERY, answer
from groundwire_instrumentation.opensearch import PROVIDER

JSON = {"content-type": "application/json"}


def _respond(connection: Any, url: str, body: bytes | None, mode: Mode) -> tuple[int, dict[str, str], str]:
    if mode == "interrupt":
        raise KeyboardInterrupt
    if mode == "error":
        connection._raise_error(404, MISSING, "application/json")
    return 200, JSON, answer(url, body.decode() if isinstance(body, bytes) else body or "")


def open_client(mode: Mode, served: Callable[[], None]) -> Any:
    class Wire(Connection):
        def perform_request(self, method: str, url: str, params: Any = None, body: Any = None, **_: Any) -> Any:  # type: ignore[override]
            served()
            return _respond(self, url, body, mode)

    return OpenSearch([{"host": "search.test", "port": 9200}], connection_class=Wire)


def open_async_client(mode: Mode, served: Callable[[], None]) -> Any:
    class Wire(AIOHttpConnection):
        async def perform_request(self, method: str, url: str, params: Any = None, body: Any = None, **_: Any) -> Any:  # type: ignore[override]
            served()
            if mode == "hang":
                await asyncio.Event().wait()
            return _respond(self, url, body, mode)

    return AsyncOpenSearch([{"host": "search.test", "port": 9200}], connection_class=Wire)


TOP = {"gen_ai.retrieval.top_k": 2}
ASKED = {"gen_ai.retrieval.query.text": QUERY}
MATCH = {"bool": {"must": [{"match": {"text": QUERY}}], "must_not": [{"match": {"lang": "xx"}}]}}
KNN = {"knn": {"vector": {"vector": [0.25, 0.5], "k": 2}}}
HYBRID = {"hybrid": {"queries": [MATCH, {"neural": {"vector": {"query_text": QUERY, "model_id": "m", "k": 2}}}]}}
LINES = [{"index": "mountains"}, {"query": MATCH, "size": 2}, {}, {"query": {"oops": {}}, "size": 2}]
CALLS: list[tuple[str, Callable[[Any], Any], dict[str, Any], dict[str, Any]]] = [
    ("search", lambda c: c.search(index="mountains", body={"query": MATCH, "size": 2}), TOP | ASKED, BOTH),
    ("search by vector", lambda c: c.search(body={"query": KNN}, index="mountains", size=2), TOP, BOTH),
    ("search hybrid", lambda c: c.search(index="mountains", body={"query": HYBRID}), ASKED, BOTH),
    ("search by words", lambda c: c.search(index="mountains", q=QUERY, params={"size": 2}), TOP | ASKED, BOTH),
    (
        "search for fields",
        lambda c: c.search(index="mountains", body={"query": KNN, "_source": False, "fields": ["text", "page"]}),
        {},
        BOTH,
    ),
    (
        "search sorted",
        lambda c: c.search(index="mountains", body={"query": MATCH, "sort": ["page"]}),
        ASKED,
        {"gen_ai.retrieval.documents": without("score", EVEREST, FUJI)},
    ),
    ("msearch", lambda c: c.msearch(index="mountains", body=LINES), TOP | ASKED, BOTH | HIGHER),
    ("search_template", lambda c: c.search_template(index="mountains", body={"id": "t", "params": {}}), {}, BOTH),
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
            "gen_ai.provider.name": "opensearch",
            "gen_ai.data_source.id": "mountains",
            "server.address": "search.test",
            "server.port": 9200,
            **asked,
        },
        answered=answered,
        modes={"answer", "error", "interrupt"} | ({"hang"} if asynchronous else set()),
        asynchronous=asynchronous,
        kind=dict,
    )
    for number, (name, call, asked, answered) in enumerate(CALLS)
    for asynchronous in (False, True)
    if not asynchronous or number in (0, 1, 6, 7)
]
