"""pgvector through psycopg in the conformance suite: a PostgreSQL of this process, with a wire that can fail."""

from collections.abc import Callable
from typing import Any

import psycopg
from psycopg import sql
from psycopg.rows import dict_row

from conformance.cases import Case, Mode
from conformance.playing import play
from conformance.postgres_wire import ASKED, FAR, HIGHER, KIND, LOWER, NEAR, PORT, TOP, documents
from groundwire_instrumentation.pgvector import PROVIDER


def _address(mode: Mode) -> str:
    name = "template1" if mode == "error" else "postgres"
    return f"host=127.0.0.1 port={PORT} user=postgres dbname={name}"


class Connection(psycopg.Connection[Any]):
    """Closed when it is dropped."""

    def __del__(self) -> None:
        self.pgconn.finish()


class AsyncConnection(psycopg.AsyncConnection[Any]):
    """The same for asynchronous ones."""

    def __del__(self) -> None:
        self.pgconn.finish()


def _wired(kind: Any, mode: Mode, served: Callable[[], None]) -> Any:
    def execute(self: Any, *args: Any, **kwargs: Any) -> Any:
        play("answer" if mode == "error" else mode, served, RuntimeError())
        yield from kind._execute_gen(self, *args, **kwargs)

    return type(kind.__name__, (kind,), {"_execute_gen": execute})


def open_connection(mode: Mode, served: Callable[[], None]) -> Any:
    connection = Connection.connect(_address(mode), autocommit=True)
    connection.cursor_factory = _wired(psycopg.Cursor, mode, served)
    return connection


async def open_async_connection(mode: Mode, served: Callable[[], None]) -> Any:
    connection = await AsyncConnection.connect(_address(mode), autocommit=True)
    connection.cursor_factory = _wired(psycopg.AsyncCursor, mode, served)
    return connection


async def _fetched(cursor: Any) -> Any:
    return await (await cursor).fetchall()


_AWAY = f"embedding <-> %s::{KIND}"
NEAREST = f"select id, content, page, {_AWAY} as distance from mountains order by {_AWAY} limit %s"
SIMILAR = (
    f"SELECT id, content, page, 1 - (embedding <-> %(q)s::{KIND}) AS similarity FROM public.mountains "
    "ORDER BY similarity DESC LIMIT %(k)s"
)
PLAIN = sql.SQL(f"select id, content, embedding from {{}} order by embedding <-> {{}}::{KIND} limit 2")  # type: ignore[arg-type]

CALLS: list[tuple[str, Callable[[Any], Any], dict[str, Any], dict[str, Any]]] = [
    (
        "execute",
        lambda c: c.execute(NEAREST, (NEAR, NEAR, 2)),
        TOP,
        LOWER | {"gen_ai.retrieval.documents": documents(0.0, FAR)},
    ),
    (
        "execute by names",
        lambda c: c.cursor(row_factory=dict_row).execute(SIMILAR, {"q": NEAR, "k": 2}, prepare=True),
        TOP | {"gen_ai.data_source.id": "public.mountains"},
        HIGHER | {"gen_ai.retrieval.documents": documents(1.0, 1 - FAR)},
    ),
    (
        "execute composed",
        lambda c: c.execute(PLAIN.format(sql.Identifier("mountains"), sql.Literal(NEAR))),
        TOP,
        {"gen_ai.retrieval.documents": documents()},
    ),
]


def _call(call: Callable[[Any], Any], asynchronous: bool) -> Callable[[Any], Any]:
    """Runs it and fetches its rows."""
    return (lambda c: _fetched(call(c))) if asynchronous else (lambda c: call(c).fetchall())


CASES = [
    Case(
        name=f"async {name}" if asynchronous else name,
        provider=PROVIDER,
        client=open_async_connection if asynchronous else open_connection,
        call=_call(call, asynchronous),
        span=f"retrieval {asked.get('gen_ai.data_source.id', 'mountains')}",
        asked={**ASKED, **asked},
        answered=answered,
        modes={"answer", "error", "interrupt"},
        asynchronous=asynchronous,
        kind=list,
    )
    for name, call, asked, answered in CALLS
    for asynchronous in (False, True)
]
