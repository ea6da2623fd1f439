"""pgvector through psycopg: statements that order by an operator or a function of it, sync and async.

SQLAlchemy's are among them; other statements are no retrieval. Rows are read out of the result that the cursor holds,
and stay there for the application. A distance is recognised by the name of its column (`distance`, `score`,
`similarity` and their like); whether more of it is better, by the order of the rows. What is fetched later
(server-side cursors, `stream`) is not traced, and rows of a pipeline are not told.
"""

from collections.abc import Mapping
from typing import Any

from groundwire.model import Operation, Provider, Request, Response
from groundwire_instrumentation import _vector_sql


def _orders(arguments: Mapping[str, Any]) -> bool:
    return _vector_sql.orders(_vector_sql.written(arguments["query"]))


def _request(cursor: Any, arguments: Mapping[str, Any]) -> Request:
    info = cursor.connection.info
    return _vector_sql.search(_vector_sql.written(arguments["query"]), arguments.get("params"), info.host, info.port)


def _response(cursor: Any) -> Response:
    names = [column.name for column in cursor.description]
    return _vector_sql.rows(names, cursor._tx.load_rows(0, min(cursor.rowcount, _vector_sql.MOST), tuple))


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
