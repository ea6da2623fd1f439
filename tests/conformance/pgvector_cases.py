"""pgvector in the conformance suite: psycopg on a PostgreSQL started here, with the extension's operators.

Where the extension is not installed, `<->` and `<=>` are defined for arrays of numbers: the statements, the wire and
the cursors are the real ones, the index is not.
"""

import atexit
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql
from psycopg.rows import dict_row

from conformance.cases import Case, Mode
from conformance.playing import play
from groundwire_instrumentation.pgvector import PROVIDER

TEXTS = ["Everest is 8,849 m high.", "Fuji is 3,776 m high."]
_OPERATORS = """
create function away(a float8[], b float8[]) returns float8 language sql immutable as
  $$ select sqrt(sum((x - y) ^ 2)) from unnest(a, b) as t(x, y) $$;
create operator <-> (leftarg = float8[], rightarg = float8[], function = away);
create table mountains (id int primary key, content text, page int, embedding float8[]);
"""


@cache
def port() -> int:
    """Where a PostgreSQL of this process listens, with a database that has the table and one that has not."""
    folder = Path(tempfile.mkdtemp())
    user = "postgres" if os.getuid() == 0 else None  # it refuses to run as root
    if user is not None:
        shutil.chown(folder, user)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        number = int(free.getsockname()[1])
    quiet: Any = {"user": user, "cwd": folder, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    data = str(folder / "data")
    subprocess.run(["initdb", "-D", data, "-U", "postgres", "-A", "trust", "--no-sync"], check=True, **quiet)
    listen = ["-h", "127.0.0.1", "-k", str(folder), "-p", str(number)]
    server = subprocess.Popen(["postgres", "-D", data, "-F", *listen], **quiet)

    def stop() -> None:
        server.send_signal(signal.SIGINT)  # it waits for nobody then
        server.wait(20)
        shutil.rmtree(folder, ignore_errors=True)

    atexit.register(stop)
    until = time.monotonic() + 30
    while True:
        try:
            with psycopg.connect(_address(number, "answer")) as connection:
                connection.execute(_OPERATORS)
                for n, vector in enumerate(([1.0, 0.0], [0.0, 1.0])):
                    row = (n + 1, TEXTS[n], n + 1, vector)
                    connection.execute("insert into mountains values (%s, %s, %s, %s)", row)
            return number
        except psycopg.OperationalError:
            if time.monotonic() > until or server.poll() is not None:
                raise
            time.sleep(0.05)


def _address(number: int, mode: Mode) -> str:
    """The database `template1` has no table."""
    name = "template1" if mode == "error" else "postgres"
    return f"host=127.0.0.1 port={number} user=postgres dbname={name}"


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
    connection = Connection.connect(_address(port(), mode), autocommit=True)
    connection.cursor_factory = _wired(psycopg.Cursor, mode, served)
    return connection


async def open_async_connection(mode: Mode, served: Callable[[], None]) -> Any:
    connection = await AsyncConnection.connect(_address(port(), mode), autocommit=True)
    connection.cursor_factory = _wired(psycopg.AsyncCursor, mode, served)
    return connection


async def _fetched(cursor: Any) -> Any:
    return await (await cursor).fetchall()


NEAR = [1.0, 0.0]
TOP = {"gen_ai.retrieval.top_k": 2}
LOWER = {"groundwire.retrieval.higher_is_better": False}
HIGHER = {"groundwire.retrieval.higher_is_better": True}
NEAREST = "select id, content, page, embedding <-> %s as distance from mountains order by embedding <-> %s limit %s"
SIMILAR = (
    "SELECT id, content, page, 1 - (embedding <-> %(q)s) AS similarity FROM public.mountains "
    "ORDER BY similarity DESC LIMIT %(k)s"
)
PLAIN = sql.SQL("select id, content, embedding::text from {} order by embedding <-> '{{1,0}}' limit 2")


def _rows(*scores: float | None) -> list[dict[str, Any]]:
    rows = [{"id": str(n + 1), "content": TEXTS[n]} for n in range(2)]
    if not scores:
        return rows
    return [
        row | {"score": score, "metadata": {"page": n + 1}}
        for n, (row, score) in enumerate(zip(rows, scores, strict=True))
    ]


_FAR = 2**0.5
CALLS: list[tuple[str, Callable[[Any], Any], dict[str, Any], dict[str, Any]]] = [
    (
        "execute",
        lambda c: c.execute(NEAREST, (NEAR, NEAR, 2)),
        TOP,
        LOWER | {"gen_ai.retrieval.documents": _rows(0.0, _FAR)},
    ),
    (
        "execute by names",
        lambda c: c.cursor(row_factory=dict_row).execute(SIMILAR, {"q": NEAR, "k": 2}, prepare=True),
        TOP | {"gen_ai.data_source.id": "public.mountains"},
        HIGHER | {"gen_ai.retrieval.documents": _rows(1.0, 1 - _FAR)},
    ),
    (
        "execute composed",
        lambda c: c.execute(PLAIN.format(sql.Identifier("mountains"))),
        TOP,
        {
            "gen_ai.retrieval.documents": [
                row | {"metadata": {"embedding": text}} for row, text in zip(_rows(), ("{1,0}", "{0,1}"), strict=True)
            ]
        },
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
        asked={
            "gen_ai.operation.name": "retrieval",
            "gen_ai.provider.name": "pgvector",
            "gen_ai.data_source.id": "mountains",
            "server.address": "127.0.0.1",
            "server.port": port(),
            **asked,
        },
        answered=answered,
        modes={"answer", "error", "interrupt"},
        asynchronous=asynchronous,
        kind=list,
    )
    for name, call, asked, answered in CALLS
    for asynchronous in (False, True)
]
