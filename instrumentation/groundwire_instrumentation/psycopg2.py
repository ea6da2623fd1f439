"""pgvector through psycopg2: statements that order by an operator or a function of it, SQLAlchemy's among them.

Its cursors are written in C: those of connections that are made after instrumentation are traced, and the kinds in
`psycopg2.extras` everywhere. Rows are in the cursor when a statement has run: they are read there, and the cursor is
put back to where it was. Server-side cursors and asynchronous connections have none then, and are not traced.
"""

from collections.abc import Mapping
from functools import partial
from typing import Any

from groundwire.model import Operation, Provider, Request, Response, Substitute
from groundwire_instrumentation import _vector_sql

_CURSOR = "psycopg2.extensions:cursor"
_KINDS = ("DictCursor", "RealDictCursor", "NamedTupleCursor")


def _orders(arguments: Mapping[str, Any]) -> bool:
    return _vector_sql.orders(_vector_sql.written(arguments["query"]))


def _holds_rows(cursor: Any) -> bool:
    return cursor.name is None and not cursor.connection.async_


def _request(cursor: Any, arguments: Mapping[str, Any]) -> Request:
    info = cursor.connection.info
    statement = _vector_sql.written(arguments["query"])
    return _vector_sql.search(statement, arguments.get("vars"), info.host, info.port, partial(_rows, cursor))


def _rows(cursor: Any, _: None) -> Response:
    names = [column.name for column in cursor.description]
    plain: Any = type(cursor).__mro__[-2]  # below the kinds that make rows of their own
    factory, cursor.row_factory = cursor.row_factory, None
    try:
        return _vector_sql.rows(names, plain.fetchmany(cursor, _vector_sql.MOST))
    finally:
        cursor.row_factory = factory
        if cursor.rownumber:
            plain.scroll(cursor, 0, mode="absolute")


def _nothing(_: Any) -> Response:
    """Of a request that could not be read."""
    return Response()


PROVIDER = Provider(
    name="psycopg2",
    module="psycopg2",
    distribution="psycopg2-binary",
    operations=(
        Operation(
            "retrieval",
            (f"{_CURSOR}.execute", *(f"psycopg2.extras:{kind}.execute" for kind in _KINDS)),
            _request,
            _nothing,
            applies=_orders,
            on=_holds_rows,
        ),
    ),
    substitutes=(Substitute(_CURSOR, {"execute": ("query", "vars")}, "psycopg2:connect", "cursor_factory"),),
)
