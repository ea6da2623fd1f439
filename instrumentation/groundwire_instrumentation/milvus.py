"""Milvus (pymilvus): `search`, `hybrid_search`, `query` with a filter and `get`, local and remote, sync and async.

The query's text is there where the collection itself makes vectors of texts. Whether a greater score is better
depends on the metric, which a client does not know: it is told by the order of the hits. Each page of a search iterator
is a retrieval; those of a query iterator are export. Counting is neither. A search that groups what it finds lists the
documents of its groups, each once.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from groundwire.documents import from_row, scores_descend
from groundwire.model import Document, Operation, Provider, Request, Response

_PAGES = tuple(f"pymilvus.milvus_client.milvus_client:{name}.next" for name in ("SearchIterator", "SearchIteratorV2"))


def _targets(method: str) -> tuple[str, ...]:
    return (
        f"pymilvus:MilvusClient.{method}",
        f"pymilvus:AsyncMilvusClient.{method}",
        f"pymilvus:Collection.{method}",  # the older way, of the same library
    )


def _common(client: Any, arguments: Mapping[str, Any], default: int | None = None) -> dict[str, Any]:
    """What every request has: the collection, how many (or that of the signature), and its server."""
    parts = urlsplit(str(getattr(getattr(client, "_config", None), "uri", "")))
    return {
        "data_source": arguments.get("collection_name") or getattr(client, "name", None),
        "top_k": arguments.get("limit", default),
        "server_address": parts.hostname,
        "server_port": parts.port,
    }


def _search(client: Any, arguments: Mapping[str, Any]) -> Request:
    return Request(query=_texts([arguments.get("data")]), **_common(client, arguments, 10))


def _hybrid(client: Any, arguments: Mapping[str, Any]) -> Request:
    return Request(query=_texts(request.data for request in arguments["reqs"]), **_common(client, arguments))


def _fetch(client: Any, arguments: Mapping[str, Any]) -> Request:
    return Request(**_common(client, arguments))


def _page(iterator: Any, _: Mapping[str, Any]) -> Request:
    asked = getattr(iterator, "_params", None) or iterator._iterator_params  # of servers since 2.5.2, and before
    top_k = asked.get("limit", asked.get("batch_size"))
    return Request(query=_texts([asked["data"]]), top_k=top_k, data_source=asked.get("collection_name"))


def _texts(queries: Iterable[Any]) -> list[str] | None:
    """Texts among what is searched for, each once; the rest are vectors."""
    data = [entry for some in queries if isinstance(some, list) for entry in some]
    return list(dict.fromkeys(entry for entry in data if isinstance(entry, str))) or None


def _selects(arguments: Mapping[str, Any]) -> bool:
    if any("(" in str(field) for field in arguments.get("output_fields") or ()):  # count(*), avg(price) ...
        return False
    return any(arguments.get(name) for name in ("filter", "ids", "expr"))


def _hits(result: Any) -> Response:
    if groups := getattr(result, "agg_buckets", None):
        return Response(documents=[list(dict(_grouped(some)).values()) for some in groups])
    lists = [[_hit(hit) for hit in hits] for hits in result]
    return Response(documents=lists, higher_is_better=scores_descend(lists))


def _grouped(groups: Sequence[Any]) -> Iterator[tuple[Any, Document]]:
    """What groups hold, by id: a group holds what groups inside it hold too."""
    for group in groups:
        yield from ((hit.pk, from_row(hit.fields, hit.pk, hit.score)) for hit in group.hits)
        yield from _grouped(group.sub_groups)


def _paged(page: Any) -> Response:
    """A page, which is read through its lists: it is an iterator of the application's. None after the last one."""
    hits = [_hit(hit) for hits in ([] if page is None else page.get_res()) for hit in hits]
    return Response(documents=hits, higher_is_better=scores_descend(hits))


def _hit(hit: Any) -> Document:
    identity, distance = (getattr(hit, name, None) for name in ("id", "distance"))
    return from_row(hit.get("entity") or {}, hit.get("id") if identity is None else identity, distance)


def _rows(result: Sequence[Mapping[str, Any]]) -> Response:
    return Response(documents=[from_row(row) for row in result])


PROVIDER = Provider(
    name="milvus",
    module="pymilvus",
    distribution="pymilvus",
    operations=(
        Operation("retrieval", _targets("search"), _search, _hits),
        Operation("retrieval", _targets("hybrid_search"), _hybrid, _hits),
        Operation("retrieval", _PAGES, _page, _paged),
        Operation("retrieval", _targets("query"), _fetch, _rows, applies=_selects),
        Operation("retrieval", _targets("get"), _fetch, _rows),
    ),
)
