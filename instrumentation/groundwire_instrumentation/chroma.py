"""Chroma: `query`, `get` and `search` of a collection, embedded or over HTTP, sync and async.

`get` is a retrieval where it selects by id or by filter; without any of them it lists the store, which is no search.
So does `search` without a ranking and a filter.
Several queries in one call are one span. Scores are Chroma's distances (of `search`: its scores), unchanged:
less of either is better.
"""

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from groundwire.documents import from_columns
from groundwire.model import Operation, Provider, Request, Response
from groundwire.semconv import flat

_SELECTORS = ("ids", "where", "where_document")


def _targets(method: str) -> tuple[str, ...]:
    return (
        f"chromadb.api.models.Collection:Collection.{method}",
        f"chromadb.api.models.AsyncCollection:AsyncCollection.{method}",
    )


def _common(collection: Any) -> dict[str, Any]:
    """What every request has: the collection, and its server if there is one."""
    address = getattr(getattr(collection, "_client", None), "get_api_url", None)  # absent: embedded
    parts = urlsplit(address()) if address is not None else None
    return {
        "data_source": collection.name,
        "server_address": parts and parts.hostname,
        "server_port": parts and parts.port,
    }


def _query(collection: Any, arguments: Mapping[str, Any]) -> Request:
    top_k = arguments.get("n_results", 10)  # the default of the signature
    return Request(query=arguments.get("query_texts"), top_k=top_k, **_common(collection))


def _get(collection: Any, arguments: Mapping[str, Any]) -> Request:
    return Request(top_k=arguments.get("limit"), **_common(collection))


def _selects(arguments: Mapping[str, Any]) -> bool:
    return any(arguments.get(name) is not None for name in _SELECTORS)


def _searches(arguments: Mapping[str, Any]) -> list[dict[str, Any]]:
    given = arguments["searches"]
    return [search.to_dict() for search in (given if isinstance(given, list) else [given])]


def _seeks(arguments: Mapping[str, Any]) -> bool:
    try:
        return any(search["rank"] or search["filter"] for search in _searches(arguments))
    except AttributeError:  # no search at all, which is for Chroma to say
        return True


def _search(collection: Any, arguments: Mapping[str, Any]) -> Request:
    searches = _searches(arguments)
    limits = {search["limit"].get("limit") for search in searches}
    texts = list(dict.fromkeys(text for search in searches for text in _texts(search["rank"])))
    return Request(query=texts or None, top_k=limits.pop() if len(limits) == 1 else None, **_common(collection))


def _texts(rank: Any) -> Iterator[str]:
    """Texts of the nearest-neighbour terms of a ranking, which Chroma embeds."""
    if isinstance(rank, Mapping):
        for name, term in rank.items():
            if name == "$knn" and isinstance(term["query"], str):
                yield term["query"]
            elif name != "$knn":
                yield from _texts(term)
    elif isinstance(rank, list):
        for term in rank:
            yield from _texts(term)


def _response(result: Any) -> Response:
    documents = from_columns(result)
    scored = any(document.score is not None for document in flat(documents))
    return Response(documents=documents, higher_is_better=False if scored else None)


PROVIDER = Provider(
    name="chroma",
    module="chromadb",
    distribution="chromadb",
    operations=(
        Operation("retrieval", _targets("query"), _query, _response),
        Operation("retrieval", _targets("get"), _get, _response, applies=_selects),
        Operation("retrieval", _targets("search"), _search, _response, applies=_seeks),
    ),
)
