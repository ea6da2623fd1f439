"""LanceDB: vector, full-text and hybrid search of a table, and rows by a filter, sync and async, however fetched.

`to_list`, `to_pandas`, `to_polars` and `to_pydantic` all pass through `to_arrow`. Batches are the application's to
read: of `to_batches` the call is traced and not the rows. A scan without query and filter is export and no retrieval.
A query that an asynchronous table embeds itself is a vector before we see it: its text is lost but for hybrid and
full-text search.
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
_SCANS = ("LanceEmptyQueryBuilder", "AsyncQuery")
_LIMIT = 10
"""What a search without a limit finds."""
_SCORES = (("_relevance_score", True), ("_score", True), ("_distance", False))
"""Columns that hold a score, and whether more of it is better: of a reranker, of words, of vectors."""


def _targets(names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(f"lancedb.query:{name}.{method}" for method in ("to_arrow", "to_batches") for name in names)


def _request(query: Any, arguments: Mapping[str, Any]) -> Request:
    inner = getattr(query, "_inner", None)  # asynchronous ones keep everything there
    if inner is None:
        limit, words = query._limit, _words(query, "_text", "_str_query", "_query")
    else:
        # Of what it was asked only the number is read: a getter of a part that is not there ends in a panic of Rust.
        limit, text = inner.to_query_request().limit, getattr(inner, "to_fts_query", lambda: inner)()
        words = _text(text.get_query()) if hasattr(text, "get_query") else _words(query, "_query_string")
    return Request(query=words, top_k=limit or _LIMIT, data_source=_table(query))


def _scan(query: Any, _: Mapping[str, Any]) -> Request:
    inner = getattr(query, "_inner", None)
    limit = query._limit if inner is None else inner.to_query_request().limit
    return Request(top_k=limit, data_source=_table(query))


def _filtered(query: Any) -> bool:
    inner = getattr(query, "_inner", None)
    return (query._where if inner is None else inner.to_query_request().filter) is not None


def _table(query: Any) -> str | None:
    return getattr(getattr(query, "_table", None), "name", None)


def _words(query: Any, *names: str) -> str | None:
    """What a query was given as text, or as a query object of the library that holds one."""
    return next((text for name in names if (text := _text(getattr(query, name, None))) is not None), None)


def _text(words: Any) -> str | None:
    found = getattr(words, "query", getattr(words, "positive", words))  # of a boosting query, what is looked for
    return found if isinstance(found, str) else None if found is words else _text(found)


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
        Operation("retrieval", _targets(_QUERIES), _request, _response),
        Operation("retrieval", _targets(_SCANS), _scan, _response, on=_filtered),
    ),
    executors=("lancedb.query:ThreadPoolExecutor",),
)
