"""RedisVL: `query` and `batch_query` of an index, by vector, several, text, both or filter, sync and async.

Counting is no retrieval, nor is paging through an index. What semantic caches and histories of messages ask an index is
one. A vector distance is lower for what is nearer, unless the query has it normalised; other scores are higher.
"""

from collections.abc import Mapping, Sequence, Set
from itertools import chain
from typing import Any
from urllib.parse import urlsplit

from groundwire.documents import from_row
from groundwire.model import Document, Operation, Provider, Request, Response

_SCORES = ("hybrid_score", "combined_score", "vector_distance", "score", "__score")
"""Fields that may hold the score: a combined one stands beside those that it is made of."""


def _targets(method: str) -> tuple[str, ...]:
    return (f"redisvl.index:SearchIndex.{method}", f"redisvl.index:AsyncSearchIndex.{method}")


def _searches(arguments: Mapping[str, Any]) -> bool:
    return type(arguments["query"]).__name__ != "CountQuery"


def _one(index: Any, arguments: Mapping[str, Any]) -> Request:
    return _request(index, [arguments["query"]], lambda found: [found])


def _several(index: Any, arguments: Mapping[str, Any]) -> Request:
    queries = arguments["queries"]
    return _request(index, list(queries) if isinstance(queries, Sequence) else [], list)  # an iterator is the library's


def _request(index: Any, queries: Sequence[Any], listed: Any) -> Request:
    limits = {_limit(query) for query in queries}
    texts = [text for query in queries if isinstance(text := getattr(query, "_text", None), str)]
    # `client` as it is: the private property beside it would connect, and ask the server things
    pool = getattr(index.client, "connection_pool", None)
    address: Mapping[str, Any] = getattr(pool, "connection_kwargs", None) or _parts(getattr(index, "_redis_url", None))
    vectors = {name for name, field in index.schema.fields.items() if field.type == "vector"}  # in rows, as text
    return Request(
        query=list(dict.fromkeys(texts)) or None,
        top_k=limits.pop() if len(limits) == 1 else None,
        data_source=index.schema.index.name,
        server_address=address.get("host"),
        server_port=address.get("port") if address.get("host") else None,
        read=lambda found: _found(queries, vectors, listed(found)),
    )


def _limit(query: Any) -> int | None:
    after = getattr(getattr(query, "postprocessing_config", None), "_limit", None)  # of a hybrid search
    return getattr(query, "_num_results", None) if after is None else after.count


def _parts(url: str | None) -> Mapping[str, Any]:
    try:
        parts = urlsplit(url or "")
        return {"host": parts.hostname, "port": parts.port or 6379}
    except ValueError:  # of sentinels, several
        return {}


def _found(queries: Sequence[Any], vectors: Set[str], results: Sequence[Any]) -> Response:
    combined = getattr(getattr(queries[0], "combination_method", None), "_kwargs", {}).get("YIELD_SCORE_AS")
    names = (combined, *_SCORES)
    field = next((name for name in names if name is not None and any(name in row for row in chain(*results))), None)
    higher = field != "vector_distance" or bool(getattr(queries[0], "_normalize_vector_distance", False))
    documents = [[_document(row, field, vectors) for row in rows] for rows in results]
    return Response(documents=documents, higher_is_better=None if field is None else higher)


def _document(row: Mapping[str, Any], field: str | None, vectors: Set[str]) -> Document:
    score = row.get(field) if field is not None else None  # Redis gives numbers as text
    fields = {k: v for k, v in row.items() if k not in (field, "__key") and k not in vectors}
    return from_row(fields, row.get("__key"), None if score is None else float(score))


PROVIDER = Provider(
    name="redisvl",
    module="redisvl",
    distribution="redisvl",
    operations=(  # requests bring their reader along
        Operation("retrieval", _targets("query"), _one, lambda _: Response(), applies=_searches),
        Operation("retrieval", _targets("batch_query"), _several, lambda _: Response()),
    ),
)
