"""Azure AI Search in the conformance suite: what a search returns asks when it is iterated."""

from collections.abc import Callable
from typing import Any

from azure.search.documents import SearchClient, models
from azure.search.documents.aio import SearchClient as AsyncSearchClient

from conformance.azure_wire import Answer, opens
from conformance.cases import Case, Mode
from groundwire_instrumentation.azure_search import PROVIDER

QUESTION = "How high is Everest?"
FOUND = {
    "value": [
        {"@search.score": 0.5, "id": "1", "content": "Everest is 8,849 m high.", "page": 3, "vector": [0.25] * 64},
        {"@search.score": 0.25, "id": "2", "content": "K2 is 8,611 m high.", "page": 4},
    ]
}
RANKED = {
    "value": [
        {"@search.score": 0.25, "@search.rerankerScore": 2.5, "id": "1", "content": "Everest is 8,849 m high."},
        {"@search.score": 0.5, "@search.rerankerScore": 1.25, "id": "2", "content": "K2 is 8,611 m high."},
    ]
}
EVEREST = {"id": "1", "score": 0.5, "content": "Everest is 8,849 m high.", "metadata": {"page": 3}}
K2 = {"id": "2", "score": 0.25, "content": "K2 is 8,611 m high.", "metadata": {"page": 4}}
BOTH = [EVEREST, K2]
VECTOR = models.VectorizedQuery(vector=[0.25, 0.5], k_nearest_neighbors=2, fields="vector")
WORDS = {"gen_ai.retrieval.query.text": QUESTION}
SEARCHES: list[tuple[str, dict[str, Any], dict[str, Any], Any, list[dict[str, Any]]]] = [
    ("search", {"search_text": QUESTION, "top": 2}, WORDS | {"gen_ai.retrieval.top_k": 2}, FOUND, BOTH),
    ("search by vector", {"vector_queries": [VECTOR], "top": 2}, {"gen_ai.retrieval.top_k": 2}, FOUND, BOTH),
    ("search hybrid", {"search_text": QUESTION, "vector_queries": [VECTOR]}, WORDS, FOUND, BOTH),
    (
        "search by words made a vector",
        {"search_text": "*", "vector_queries": [lambda: models.VectorizableTextQuery(text=QUESTION, fields="vector")]},
        WORDS,
        FOUND,
        BOTH,
    ),
    (
        "search ranked",
        {"search_text": QUESTION, "query_type": "semantic", "semantic_configuration_name": "default"},
        WORDS,
        RANKED,
        [
            {"id": "1", "score": 2.5, "content": "Everest is 8,849 m high."},
            {"id": "2", "score": 1.25, "content": "K2 is 8,611 m high."},
        ],
    ),
]


def _call(asked: dict[str, Any], asynchronous: bool) -> Callable[[Any], Any]:
    def search(client: Any) -> Any:
        vectors = [made() if callable(made) else made for made in asked.get("vector_queries", ())]
        return client.search(**asked | ({"vector_queries": vectors} if vectors else {}))

    async def read(client: Any) -> Any:
        return [row async for row in await search(client)]

    return read if asynchronous else lambda client: list(search(client))


def _case(name: str, asked: dict[str, Any], told: dict[str, Any], body: Any, found: Any, asynchronous: bool) -> Case:
    modes: set[Mode] = {"answer", "error", "interrupt"}
    return Case(
        name=f"{name}, async" if asynchronous else name,
        provider=PROVIDER,
        client=opens(
            AsyncSearchClient if asynchronous else SearchClient,
            Answer(body),
            asynchronous,
            endpoint="https://peaks.search.windows.net",
            index_name="peaks",
        ),
        call=_call(asked, asynchronous),
        span="retrieval peaks",
        asked={
            "gen_ai.operation.name": "retrieval",
            "gen_ai.provider.name": "azure_search",
            "gen_ai.data_source.id": "peaks",
            "server.address": "peaks.search.windows.net",
        }
        | told,
        answered={"groundwire.retrieval.higher_is_better": True, "gen_ai.retrieval.documents": found},
        modes=modes | {"hang"} if asynchronous else modes,
        asynchronous=asynchronous,
    )


CASES = [_case(*search, asynchronous) for search in SEARCHES for asynchronous in (False, True)]
