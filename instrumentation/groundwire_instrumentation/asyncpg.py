"""pgvector through asyncpg: statements that order by an operator or a function of it, SQLAlchemy's among them.

`fetch`, `fetchrow`, `fetchval` of a connection and of a prepared statement, and cursors: of one that is iterated the
first batch is told, of one that is fetched from each. Rows are read as those of psycopg are.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from groundwire.model import Operation, Provider, Request, Response
from groundwire_instrumentation import _vector_sql


def _orders(arguments: Mapping[str, Any]) -> bool:
    return _vector_sql.orders(arguments["query"])


def _prepared(holder: Any) -> bool:
    """Of a statement or a cursor, which hold their query."""
    return _vector_sql.orders(holder._query)


def _request(connection: Any, arguments: Mapping[str, Any]) -> Request:
    return _search(connection, arguments["query"], arguments.get("args"))


def _held(holder: Any, arguments: Mapping[str, Any]) -> Request:
    return _search(holder._connection, holder._query, arguments.get("args", getattr(holder, "_args", None)))


def _search(connection: Any, statement: str, values: Any) -> Request:
    address = connection._addr  # a pair, or the path of a socket
    host, port = address[:2] if isinstance(address, tuple) else (address, None)
    return _vector_sql.search(statement, values, host, port)


def _response(result: Any) -> Response:
    records: Sequence[Any] = result[0] if isinstance(result, tuple) else result  # beside a status
    return _vector_sql.rows(list(records[0].keys()) if records else [], records)


_STATEMENT = "asyncpg.prepared_stmt:PreparedStatement._PreparedStatement__bind_execute"
_CURSORS = ("asyncpg.cursor:BaseCursor._bind_exec", "asyncpg.cursor:Cursor._exec")
PROVIDER = Provider(
    name="asyncpg",
    module="asyncpg",
    distribution="asyncpg",
    operations=(
        Operation("retrieval", ("asyncpg.connection:Connection._execute",), _request, _response, applies=_orders),
        Operation("retrieval", (_STATEMENT, *_CURSORS), _held, _response, on=_prepared),
    ),
)
