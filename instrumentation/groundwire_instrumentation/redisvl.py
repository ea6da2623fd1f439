"""RedisVL: `query` and `batch_query` of an index, by vector, text, both or filter, sync and async.

Counting is no retrieval, nor is paging through an index. A vector distance is lower for what is nearer, unless the
query asks for it normalised; every other score is higher.
"""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any
from urllib.parse import urlsplit

from groundwire.documents import from_row
from groundwire.model import Document, Operation, Provider, Request, Response

_SCORES = ("vector_distance", "hybrid_score", "combined_score", "score")


def _targets(method: str) -> tuple[str, ...]:
    return (f"redisvl.index:SearchIndex.{method}", f"redisvl.index:AsyncSearchIndex.{method}")


def _searches(arguments: Mapping[str, Any]) -> bool:
    return type(arguments["query"]).__name__ != "CountQuery"


def _one(index: Any, arguments: Mapping[str, Any]) -> Request:
    query = arguments["query"]
    return _request(index, [query], partial(_found, query))


def _several(index: Any, arguments: Mapping[str, Any]) -> Request:
    queries = list(arguments["queries"])
    return _request(index, queries, partial(_found_many, queries))


def _request(index: Any, queries: Sequence[Any], read: Any) -> Request:
    limits = {getattr(query, "_num_results", None) for query in queries}
    texts = [text for query in queries if isinstance(text := getattr(query, "_text", None), str)]
    # `client` as it is: the private property beside it would connect, and ask the server things
    pool = getattr(index.client, "connection_pool", None)
    url = urlsplit(getattr(index, "_redis_url", None) or "")
    address: Mapping[str, Any] = getattr(pool, "connection_kwargs", None) or {
        "host": url.hostname,
        "port": url.port or 6379,
    }
    return Request(
        query=list(dict.fromkeys(texts)) or None,
        top_k=limits.pop() if len(limits) == 1 else None,
        data_source=index.schema.index.name,
        server_address=address.get("host"),
        server_port=address.get("port") if address.get("host") else None,
        read=read,
    )


def _found(query: Any, result: Any) -> Response:
    return _found_many([query], [result])


def _found_many(queries: Sequence[Any], results: Sequence[Any]) -> Response:
    field = next((name for name in _SCORES for rows in results for row in rows if name in row), None)
    higher: bool | None = None
    if field is not None:
        higher = field != "vector_distance" or bool(getattr(queries[0], "_normalize_vector_distance", False))
    return Response(documents=[[_document(row, field) for row in rows] for rows in results], higher_is_better=higher)


def _document(row: Mapping[str, Any], field: str | None) -> Document:
    score = row.get(field) if field is not None else None  # Redis gives numbers as text
    return from_row({k: v for k, v in row.items() if k != field}, None, None if score is None else float(score))


def _nothing(_: Any) -> Response:
    """Of a request that could not be read."""
    return Response()


PROVIDER = Provider(
    name="redisvl",
    module="redisvl",
    distribution="redisvl",
    operations=(
        Operation("retrieval", _targets("query"), _one, _nothing, applies=_searches),
        Operation("retrieval", _targets("batch_query"), _several, _nothing),
    ),
)
