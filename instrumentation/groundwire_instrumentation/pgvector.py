"""pgvector through psycopg: statements that order by a vector operator, sync and async, SQLAlchemy's among them.

Other statements are no retrieval. Rows are read out of the result that the cursor holds, and stay there for the
application. A distance is recognised by the name of its column (`distance`, `score`, `similarity`); whether more of it
is better, by the order of the rows. Server-side cursors fetch later and are not traced.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from groundwire.documents import from_row, scores_descend
from groundwire.model import Operation, Provider, Request, Response

_OPERATOR = r"(?:<->|<=>|<#>|<\+>|<~>|<%>)"
_ORDERED = re.compile(
    rf"\border\s+by\b.*{_OPERATOR}|{_OPERATOR}.*\bfrom\b.*\border\s+by\b",  # by the operator, or by what it selects
    re.IGNORECASE | re.DOTALL,
)
_TABLE = re.compile(r"\bfrom\s+([\w.\"]+)", re.IGNORECASE)
_LIMIT = re.compile(r"\blimit\s+(?:(\d+)|%\((\w+)\)\w|(%[sbt]|\$\d+))", re.IGNORECASE)
_VECTOR = re.compile(r"\[[-+\d.,eE\s]*\]")
_SCORES = ("distance", "dist", "score", "similarity", "_distance", "_score")
_MOST = 1000
"""Rows that one span lists."""


def _statement(query: Any) -> str:
    if hasattr(query, "as_string"):  # psycopg.sql, SQL templates
        return str(query.as_string(None))
    return query.decode("utf-8", "replace") if isinstance(query, bytes) else str(query)


def _orders(arguments: Mapping[str, Any]) -> bool:
    return _ORDERED.search(_statement(arguments["query"])) is not None


def _request(cursor: Any, arguments: Mapping[str, Any]) -> Request:
    statement = _statement(arguments["query"])
    table = _TABLE.search(statement)
    info = cursor.connection.info
    return Request(
        top_k=_limit(statement, arguments.get("params")),
        data_source=table and table[1].replace('"', ""),
        server_address=info.host,
        server_port=info.port,
    )


def _limit(statement: str, params: Any) -> int | None:
    """The number after LIMIT: written out, a named parameter, or the one at that place."""
    found = _LIMIT.search(statement)
    if found is None:
        return None
    value: Any = found[1]
    if found[2] and isinstance(params, Mapping):
        value = params.get(found[2])
    elif found[3] and isinstance(params, Sequence):
        before = re.findall(r"%[sbt]", statement[: found.start()])
        value = params[int(found[3][1:]) - 1 if found[3][0] == "$" else len(before)]
    return None if value is None else int(value)


def _response(cursor: Any) -> Response:
    names = [column.name for column in cursor.description]
    rows = cursor._tx.load_rows(0, min(cursor.rowcount, _MOST), tuple)
    fields = [{k: v for k, v in zip(names, row, strict=True) if not _is_vector(v)} for row in rows]
    score = next((name for name in _SCORES if name in names), None)
    documents = [from_row({k: v for k, v in row.items() if k != score}, None, row.get(score)) for row in fields]
    return Response(documents=documents, higher_is_better=scores_descend(documents))


def _is_vector(value: Any) -> bool:
    """Whether it is pgvector's: text where its types are not registered, else an object of its own."""
    if isinstance(value, str):
        return _VECTOR.fullmatch(value) is not None
    return type(value).__name__ in ("Vector", "HalfVector", "SparseVector")


PROVIDER = Provider(
    name="pgvector",
    module="psycopg",
    distribution="psycopg",
    operations=(
        Operation(
            "retrieval",
            ("psycopg:Cursor.execute", "psycopg:AsyncCursor.execute"),
            _request,
            _response,
            applies=_orders,
        ),
    ),
)
