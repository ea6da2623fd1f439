"""OpenSearch: `search`, `msearch` and their templates, by text, vector or neural query, sync and async.

A search for aggregations alone (`size=0`) and scrolling through an index are none; nor is fetching by id. Texts are
found in the source of a hit, or in the fields that were asked for.
"""

from collections.abc import Mapping
from typing import Any

from groundwire.model import Provider, Request
from groundwire_instrumentation._search_bodies import body_of, index_name, operations, query_texts


def _targets(method: str) -> tuple[str, ...]:
    return (f"opensearchpy:OpenSearch.{method}", f"opensearchpy:AsyncOpenSearch.{method}")


def _common(client: Any, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """What every request has: the index, and the server where there is one alone."""
    hosts = client.transport.hosts
    host = hosts[0] if len(hosts) == 1 else {}
    return {
        "data_source": index_name(arguments.get("index")),
        "server_address": host.get("host"),
        "server_port": host.get("port"),
    }


def _search(client: Any, arguments: Mapping[str, Any]) -> Request:
    body = body_of(arguments)
    given = {**(arguments.get("params") or {}), **arguments}
    return Request(
        query=given.get("q") or query_texts(body.get("query")),
        top_k=given.get("size", body.get("size")),
        **_common(client, arguments),
    )


PROVIDER = Provider(
    name="opensearch",
    module="opensearchpy",
    distribution="opensearch-py",
    operations=operations(_targets, _common, _search),
)
