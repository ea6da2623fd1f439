"""LanceDB: vector, full-text and hybrid search of a table, sync and async, however the rows are fetched.

`to_list`, `to_pandas`, `to_polars` and `to_pydantic` all pass through `to_arrow`. Batches are the application's to
read: of `to_batches` the call is traced and not the rows. A scan without a query is export and no retrieval. A query
that the table embeds itself is a vector before we see it: its text is lost but for hybrid and full-text search.
"""

from collections.abc import Mapping
from typing import Any

from groundwire.documents import from_row
from groundwire.model import Operation, Provider, Request, Response

_QUERIES = (
    "LanceVectorQueryBuilder",
    "LanceFtsQueryBuilder",
    "LanceHybridQueryBuilder",
    "AsyncVectorQuery",
    "AsyncFTSQuery",
    "AsyncHybridQuery",
)
_SCORES = (("_relevance_score", True), ("_score", True), ("_distance", False))
"""Columns that hold a score, and whether more of it is better: of a reranker, of words, of vectors."""


def _targets(method: str) -> tuple[str, ...]:
    return tuple(f"lancedb.query:{name}.{method}" for name in _QUERIES)


def _request(query: Any, arguments: Mapping[str, Any]) -> Request:
    inner = getattr(query, "_inner", None)  # asynchronous ones keep everything there
    if inner is None:
        limit, words = query._limit, _words(query, "_text", "_str_query", "_query")
    else:
        # Of what it was asked only the number is read: a getter of a part that is not there ends in a panic of Rust.
        limit, text = inner.to_query_request().limit, getattr(inner, "to_fts_query", lambda: inner)()
        words = text.get_query() if hasattr(text, "get_query") else getattr(query, "_query_string", None)
        words = getattr(words, "query", words)
    return Request(
        query=words if isinstance(words, str) else None,
        top_k=limit,
        data_source=getattr(getattr(query, "_table", None), "name", None),
    )


def _words(query: Any, *names: str) -> Any:
    """What a query was given as text, or as a query object of the library that holds one."""
    values = (getattr(query, name, None) for name in names)
    return next((v for value in values if isinstance(v := getattr(value, "query", value), str)), None)


def _response(table: Any) -> Response:
    """Rows of an Arrow table; nothing of a reader, which can be read but once."""
    if not hasattr(table, "to_pylist"):
        return Response()
    rows = table.drop_columns([f.name for f in table.schema if "list" in str(f.type) and "float" in str(f.type)])
    field, higher = next((s for s in _SCORES if s[0] in rows.column_names), (None, None))
    documents = [
        from_row({k: v for k, v in row.items() if k not in (field, "_rowid")}, None, row.get(field))
        for row in rows.to_pylist()
    ]
    return Response(documents=documents, higher_is_better=higher)


PROVIDER = Provider(
    name="lancedb",
    module="lancedb",
    distribution="lancedb",
    operations=(
        Operation("retrieval", _targets("to_arrow"), _request, _response),
        Operation("retrieval", _targets("to_batches"), _request, _response),
    ),
    executors=("lancedb.query:ThreadPoolExecutor",),
)
