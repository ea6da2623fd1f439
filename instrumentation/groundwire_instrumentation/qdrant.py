"""Qdrant: every search of a client, local or remote, sync and async; fetching by id, and scrolling with a filter.

A scroll without a filter pages through the store, which is export and no retrieval; counts, facets and distance
matrices are none either. Vectors say nothing to a reader: the query's text is recorded where the client was given one
(`models.Document`, full-text queries, FastEmbed's `query`), and left out where it was not. The text of a document is
found in its payload under the usual keys; the rest of the payload is its metadata. Whether a greater score is better
depends on the distance of the collection, which a client does not know: it is told by the order of the points.
"""

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from groundwire.documents import passage, scores_descend
from groundwire.model import Document, Operation, Provider, Request, Response
from groundwire.wire import member

_SEARCHES = (
    "query_points",
    "query_points_groups",
    # gone since 1.16
    "search",
    "search_groups",
    "recommend",
    "recommend_groups",
    "discover",
    # of FastEmbed, gone since
    "query",
    "query_batch",
)
_BATCHES = (
    "query_batch_points",
    # gone since 1.16
    "search_batch",
    "recommend_batch",
    "discover_batch",
)
_QUERY_PARTS = (
    "nearest", "query", "prefetch", "recommend", "positive", "discover", "target", "relevance_feedback"
)  # fmt: skip
"""Attributes of queries, requests and prefetches under which the text to be embedded may be."""


def _targets(*methods: str) -> tuple[str, ...]:
    clients = ("QdrantClient", "AsyncQdrantClient")
    return tuple(f"qdrant_client:{client}.{method}" for method in methods for client in clients)


def _common(client: Any, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """What every request has: the collection, and its server if there is one."""
    uri = getattr(getattr(client, "_client", None), "rest_uri", None)  # absent: local
    parts = urlsplit(uri) if uri is not None else None
    return {
        "data_source": arguments["collection_name"],
        "server_address": parts and parts.hostname,
        "server_port": parts and parts.port,
    }


def _search(client: Any, arguments: Mapping[str, Any]) -> Request:
    query = arguments.get("query_text") or arguments.get("query_texts")
    if query is None:
        query = _unique(*_texts(arguments.get("query")), *_texts(arguments.get("prefetch")))
    return Request(query=query, top_k=arguments.get("limit", 10), **_common(client, arguments))


def _batch(client: Any, arguments: Mapping[str, Any]) -> Request:
    requests = arguments["requests"]
    limits = {request.limit for request in requests}
    return Request(
        query=_unique(*(text for request in requests for text in _texts(request))),
        top_k=limits.pop() if len(limits) == 1 else None,
        **_common(client, arguments),
    )


def _fetch(client: Any, arguments: Mapping[str, Any]) -> Request:
    return Request(**_common(client, arguments))


def _filtered(arguments: Mapping[str, Any]) -> bool:
    return arguments.get("scroll_filter") is not None


def _unique(*texts: str) -> list[str] | None:
    """Each text once: a hybrid query holds the same one for every kind of vector."""
    return list(dict.fromkeys(texts)) or None


def _texts(query: Any) -> Iterator[str]:
    if isinstance(query, list):
        if query and not isinstance(query[0], float | list):  # vectors hold no text; ids stand beside examples that do
            for part in query:
                if not isinstance(part, int | float | str):
                    yield from _texts(part)
        return
    text = getattr(query, "text", None)
    text = getattr(text, "query", text)
    if isinstance(text, str):
        yield text
    elif hasattr(query, "model_fields_set"):
        for name in _QUERY_PARTS:
            if (part := getattr(query, name, None)) is not None:
                yield from _texts(part)


def _response(result: Any) -> Response:
    documents = _documents(result)
    return Response(documents=documents, higher_is_better=scores_descend(documents))


def _documents(result: Any) -> list[Any]:
    """Documents of a list of points or of what holds one; of a batch, a list of them for each request."""
    if isinstance(result, tuple):  # a page of a scroll, and where the next begins
        result = result[0]
    groups = member(result, "groups")
    if groups is not None:
        return [_document(hit.__dict__) for group in groups for hit in (*group.hits, group.lookup) if hit is not None]
    points = getattr(result, "points", result)
    return [_document(point.__dict__) if hasattr(point, "id") else _documents(point) for point in points]


def _document(point: Mapping[str, Any]) -> Document:
    identity, score = str(point["id"]), point.get("score")
    if (text := point.get("document")) is not None:  # FastEmbed's `query`
        return Document(text, identity, score, point.get("metadata"))
    text, rest = passage(point.get("payload") or {})
    return Document(text, identity, score, rest)


PROVIDER = Provider(
    name="qdrant",
    module="qdrant_client",
    distribution="qdrant-client",
    operations=(
        Operation("retrieval", _targets(*_SEARCHES), _search, _response),
        Operation("retrieval", _targets(*_BATCHES), _batch, _response, iterables=("requests",)),
        Operation("retrieval", _targets("scroll"), _search, _response, applies=_filtered),
        Operation("retrieval", _targets("retrieve"), _fetch, _response),
    ),
)
