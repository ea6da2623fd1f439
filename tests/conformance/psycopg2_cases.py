"""pgvector through psycopg2 in the conformance suite: a PostgreSQL of this process, with cursors that can fail.

Cursors are of the kinds that are traced however old their connection is; `test_vector_sql.py` has the plain ones.
"""

from collections.abc import Callable
from typing import Any

import psycopg2
from psycopg2 import extensions, extras, sql

from conformance.cases import Case, Mode
from conformance.playing import play
from conformance.postgres_wire import ASKED, FAR, KIND, LOWER, NEAR, PORT, TOP, documents
from groundwire_instrumentation.psycopg2 import PROVIDER


def _opening(kind: Any) -> Callable[[Mode, Callable[[], None]], Any]:
    def open_connection(mode: Mode, served: Callable[[], None]) -> Any:
        class Wire(extensions.cursor):
            def execute(self, *args: Any, **kwargs: Any) -> Any:
                play("answer" if mode == "error" else mode, served, RuntimeError())
                return super().execute(*args, **kwargs)

        name = "template1" if mode == "error" else "postgres"
        connection = psycopg2.connect(host="127.0.0.1", port=PORT, user="postgres", dbname=name)
        connection.autocommit = True
        connection.cursor_factory = type(kind.__name__, (kind, Wire), {})
        return connection

    return open_connection


def _rows(connection: Any, query: Any, values: Any = None) -> Any:
    cursor = connection.cursor()
    assert cursor.execute(query, values) is None
    return [cursor.rownumber, cursor.fetchone(), *cursor.fetchall()]


_AWAY = f"embedding <-> %s::{KIND}"
NEAREST = f"select id, content, page, {_AWAY} as distance from mountains order by {_AWAY} limit %s"
COMPOSED = sql.SQL(f"select id, content from {{}} order by embedding <-> {{}}::{KIND} limit {{}}").format(
    sql.Identifier("mountains"), sql.Placeholder("q"), sql.Placeholder("k")
)
CALLS: list[tuple[str, Any, Callable[[Any], Any], dict[str, Any]]] = [
    (
        "execute into tuples with names",
        extras.NamedTupleCursor,
        lambda c: _rows(c, NEAREST, (NEAR, NEAR, 2)),
        LOWER | {"gen_ai.retrieval.documents": documents(0.0, FAR)},
    ),
    (
        "execute composed into mappings",
        extras.RealDictCursor,
        lambda c: _rows(c, COMPOSED, {"q": NEAR, "k": 2}),
        {"gen_ai.retrieval.documents": documents()},
    ),
]
CASES = [
    Case(
        name=name,
        provider=PROVIDER,
        client=_opening(kind),
        call=call,
        span="retrieval mountains",
        asked={**ASKED, **TOP},
        answered=answered,
        modes={"answer", "error", "interrupt"},
        kind=list,
    )
    for name, kind, call, answered in CALLS
]
