"""Azure AI Search: `search` by words, vectors, both, semantically ranked, sync and async.

A search is asked when what it returned is first iterated, and a page at a time: one request is one call, so the method
underneath is traced. Greater scores are better; where the semantic ranker put an order of its own, its score counts.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from groundwire.documents import from_row
from groundwire.hosts import server
from groundwire.model import Document, Operation, Provider, Request, Response

_TARGETS = (
    *(f"azure.search.documents{package}:SearchClient._search_post" for package in ("", ".aio")),
    *(  # until 11
        f"azure.search.documents._generated{package}.operations:DocumentsOperations.search_post"
        for package in ("", ".aio")
    ),
)


def _texts(asked: Any) -> Iterator[str]:
    """What is looked for in words; a star finds everything."""
    vectors = getattr(asked, "vector_queries", None) or ()
    given = (getattr(asked, name, None) for name in ("search_text", "semantic_query"))
    for text in (*given, *(getattr(vector, "text", None) for vector in vectors)):
        if isinstance(text, str) and text not in ("", "*"):
            yield text


def _request(client: Any, arguments: Mapping[str, Any]) -> Request:
    asked = arguments.get("body") or arguments.get("search_request")
    _, address, port = server(client._config.endpoint)
    return Request(
        query=list(dict.fromkeys(_texts(asked))) or None,
        top_k=getattr(asked, "top", None),
        data_source=client._config.index_name,
        server_address=address,
        server_port=port,
    )


def _document(result: Any) -> Document:
    fields: Mapping[str, Any] = getattr(result, "additional_properties", result)  # until 11; since then it is a mapping
    ranked = result.reranker_score
    row = {name: value for name, value in fields.items() if not name.startswith("@search.")}
    return from_row(row, score=result.score if ranked is None else ranked)


def _found(result: Any) -> Response:
    return Response(documents=list(map(_document, result.results or ())), higher_is_better=True)


PROVIDER = Provider(
    name="azure_search",
    module="azure.search.documents",
    distribution="azure-search-documents",
    operations=(Operation("retrieval", _TARGETS, _request, _found),),
)
