"""Elasticsearch: `search`, `msearch` and their templates, by text, vector or retriever, sync and async.

A search for aggregations alone (`size=0`) and scrolling through an index are none; nor is fetching by id, which
applications do for much else. Texts are found in the source of a hit, or in the fields that were asked for.
"""

from collections.abc import Mapping
from typing import Any

from groundwire.model import Provider, Request
from groundwire_instrumentation._search_bodies import body_of, index_name, operations, query_texts

_BODY = ("query", "knn", "retriever", "sub_searches")


def _targets(method: str) -> tuple[str, ...]:
    return (f"elasticsearch:Elasticsearch.{method}", f"elasticsearch:AsyncElasticsearch.{method}")


def _common(client: Any, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """What every request has: the index, and the server where there is one alone."""
    nodes = client.transport.node_pool.all()
    config = nodes[0].config if len(nodes) == 1 else None
    return {
        "data_source": index_name(arguments.get("index")),
        "server_address": config and config.host,
        "server_port": config and config.port,
    }


def _search(client: Any, arguments: Mapping[str, Any]) -> Request:
    body = body_of(arguments)
    query = arguments.get("q") or query_texts([arguments.get(key, body.get(key)) for key in _BODY])
    size, knn = (arguments.get(key, body.get(key)) for key in ("size", "knn"))
    if size is None and isinstance(knn, Mapping) and arguments.get("query", body.get("query")) is None:
        size = knn.get("k")  # as many as are near
    return Request(query=query, top_k=size, **_common(client, arguments))


PROVIDER = Provider(
    name="elasticsearch",
    module="elasticsearch",
    distribution="elasticsearch",
    operations=operations(_targets, _common, _search),
)
