"""pgvector's own types and SQLAlchemy, over every driver, against the real extension (`make test-postgres`)."""

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

pytest.importorskip("asyncpg", reason="make test-postgres")
pytest.importorskip("psycopg", reason="make test-postgres")
pytest.importorskip("pgvector", reason="make test-postgres")

import asyncpg
import pgvector.asyncpg
import pgvector.psycopg
import pgvector.psycopg2
import psycopg
import psycopg2
import psycopg2.extensions
from pgvector.sqlalchemy import Vector
from sqlalchemy import Column, Integer, MetaData, String, Table, create_engine, select, text
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column
from sqlalchemy.pool import NullPool

from conformance.cases import decoded
from conformance.harness import Tracing, traced
from conformance.postgres_wire import ASKED, FAR, KIND, NEAR, PORT, REAL, TEXTS, TOP
from groundwire_instrumentation import asyncpg as provider_of_asyncpg
from groundwire_instrumentation import pgvector as provider_of_psycopg
from groundwire_instrumentation import psycopg2 as provider_of_psycopg2

PROVIDERS = (provider_of_psycopg.PROVIDER, provider_of_asyncpg.PROVIDER, provider_of_psycopg2.PROVIDER)
ADDRESS = f"postgres@127.0.0.1:{PORT}/postgres"
NEAREST = f"select content from mountains order by embedding <-> $1::text::{KIND} limit 2"
needs_types = pytest.mark.skipif(not REAL, reason="the extension is not there: GROUNDWIRE_PGVECTOR names none")


class Model(DeclarativeBase):
    pass


class Mountain(Model):
    __tablename__ = "mountains"
    id: Mapped[int] = mapped_column(primary_key=True)
    content: Mapped[str]
    page: Mapped[int]
    embedding: Mapped[Any] = mapped_column(Vector(2))


mountains = Table(
    "mountains",
    MetaData(),
    Column("id", Integer, primary_key=True),
    Column("content", String),
    Column("page", Integer),
    Column("embedding", Vector(2)),
)
AWAY = mountains.c.embedding.l2_distance([1.0, 0.0])
CORE = select(mountains.c.id, mountains.c.content, mountains.c.page, AWAY.label("distance")).order_by(AWAY).limit(2)
ORM = select(Mountain).order_by(Mountain.embedding.l2_distance([1.0, 0.0])).limit(2)
UNNAMED = select(Mountain, Mountain.embedding.l2_distance([1.0, 0.0])).order_by(AWAY).limit(2)
SCALARS = select(Mountain.content).order_by(Mountain.embedding.cosine_distance([1.0, 0.0])).limit(2)
TEXTUAL = text("select id, content from mountains order by embedding <-> cast(:q as vector) limit :k")


def rows(tracing: Tracing) -> list[dict[str, Any]]:
    attributes = decoded(tracing.span.attributes)
    assert attributes.items() >= {**ASKED, **TOP}.items()
    found: list[dict[str, Any]] = attributes["gen_ai.retrieval.documents"]
    return found


def whole(n: int, **more: Any) -> dict[str, Any]:
    return {"id": str(n + 1), "content": TEXTS[n], **more, "metadata": {"page": n + 1}}


@contextmanager
def engine(driver: str) -> Iterator[Any]:
    made = create_engine(f"postgresql+{driver}://{ADDRESS}", poolclass=NullPool)
    try:
        yield made
    finally:
        made.dispose()


STATEMENTS = {
    "core": (CORE, {}, [whole(0, score=0.0), whole(1, score=FAR)]),
    "orm": (ORM, {}, [whole(0), whole(1)]),
    "a distance without a name": (UNNAMED, {}, [whole(0, score=0.0), whole(1, score=FAR)]),
    "one column": (SCALARS, {}, [{"content": text} for text in TEXTS]),
    "text": (TEXTUAL, {"q": NEAR, "k": 2}, [{"id": str(n + 1), "content": TEXTS[n]} for n in range(2)]),
}
every_statement = pytest.mark.parametrize(("statement", "values", "found"), STATEMENTS.values(), ids=STATEMENTS)


@needs_types
@pytest.mark.parametrize("driver", ["psycopg", "psycopg2"])
@every_statement
def test_sqlalchemy_is_told_once_by_its_driver(
    driver: str, statement: Any, values: dict[str, Any], found: list[dict[str, Any]]
) -> None:
    with traced(*PROVIDERS) as tracing, engine(driver) as made:
        with made.connect() as connection:
            assert len(connection.execute(statement, values).all()) == 2
        assert rows(tracing) == found
        tracing.clear()
        with Session(made) as session:
            assert len(session.execute(statement, values).all()) == 2
        assert rows(tracing) == found


@needs_types
@pytest.mark.parametrize("driver", ["asyncpg", "psycopg"])
@every_statement
async def test_asynchronous_engines_are_told_once_too(
    driver: str, statement: Any, values: dict[str, Any], found: list[dict[str, Any]]
) -> None:
    made = create_async_engine(f"postgresql+{driver}://{ADDRESS}", poolclass=NullPool)
    with traced(*PROVIDERS) as tracing:
        async with made.connect() as connection:
            assert len((await connection.execute(statement, values)).all()) == 2
        assert rows(tracing) == found
        tracing.clear()
        async with AsyncSession(made) as session:
            assert len((await session.scalars(statement, values)).all()) == 2
        assert rows(tracing) == found
    await made.dispose()


@needs_types
def test_the_older_query_of_a_session_is_read_by_the_names_of_its_columns() -> None:
    with engine("psycopg") as made, traced(*PROVIDERS) as tracing, Session(made) as session:
        query = session.query(Mountain).order_by(Mountain.embedding.l2_distance([1.0, 0.0])).limit(2)
        assert [m.content for m in query] == TEXTS
        assert rows(tracing) == [whole(0), whole(1)]


@needs_types
def test_rows_of_psycopg_with_registered_types_are_the_application_s_and_vectors_are_left_out() -> None:
    with psycopg.connect(f"postgresql://{ADDRESS}") as connection, traced(*PROVIDERS) as tracing:
        pgvector.psycopg.register_vector(connection)
        near = pgvector.Vector([1.0, 0.0])
        found = connection.execute("select * from mountains order by embedding <=> %s limit 2", (near,)).fetchall()
        assert [row[1] for row in found] == TEXTS
        assert rows(tracing) == [whole(0), whole(1)]


# --- psycopg2 -------------------------------------------------------------------------------------------------------

PLAIN = f"select id, content, page, embedding from mountains order by embedding <-> %s::{KIND} limit 2"


def opened(**settings: Any) -> Any:
    return psycopg2.connect(f"postgresql://{ADDRESS}", **settings)


def test_plain_cursors_of_psycopg2_are_traced_where_their_connection_is_made_after_instrumentation() -> None:
    untraced = opened()
    with traced(*PROVIDERS) as tracing:
        connection = opened()
        cursor = connection.cursor()
        assert isinstance(cursor, psycopg2.extensions.cursor)
        assert type(cursor).__name__ == "cursor"
        cursor.execute(query=PLAIN, vars=(NEAR,))
        assert rows(tracing) == [whole(0), whole(1)]
        assert [row[1] for row in cursor] == TEXTS
        tracing.clear()
        untraced.cursor().execute(PLAIN, (NEAR,))
        assert tracing.spans == []
    cursor.execute(PLAIN, (NEAR,))
    assert len(cursor.fetchall()) == 2
    assert tracing.spans == []
    assert opened().cursor_factory is None


def test_a_connection_that_names_the_plain_cursors_is_traced_too() -> None:
    """Django's do."""
    with traced(*PROVIDERS) as tracing:
        cursor = opened(cursor_factory=psycopg2.extensions.cursor).cursor()
        cursor.execute(PLAIN, (NEAR,))
        assert [row[1] for row in cursor] == TEXTS
        assert rows(tracing) == [whole(0), whole(1)]


def test_a_connection_that_chooses_its_cursors_keeps_them() -> None:
    class Mine(psycopg2.extensions.cursor):
        pass

    class Connection(psycopg2.extensions.connection):
        pass

    with traced(*PROVIDERS):
        assert type(opened(cursor_factory=Mine).cursor()) is Mine
        assert opened(connection_factory=Connection).cursor_factory is None
        assert type(opened().cursor(cursor_factory=Mine)) is Mine


def test_cursors_of_psycopg2_without_rows_of_their_own_are_left_alone() -> None:
    with traced(*PROVIDERS) as tracing:
        connection = opened()
        served = connection.cursor("by the server")
        served.execute(PLAIN, (NEAR,))
        assert [row[1] for row in served.fetchall()] == TEXTS
        connection.cursor().execute("select 1")
        assert tracing.spans == []
        cursor = connection.cursor()
        cursor.execute(PLAIN.replace("mountains", "mountains where id > 7"), (NEAR,))
        assert cursor.fetchall() == []
        assert (tracing.span.attributes or {})["gen_ai.retrieval.documents"] == "[]"


@needs_types
def test_rows_of_psycopg2_with_registered_types_have_no_vectors() -> None:
    with traced(*PROVIDERS) as tracing:
        connection = opened()
        pgvector.psycopg2.register_vector(connection)
        cursor = connection.cursor()
        cursor.execute(PLAIN, (pgvector.Vector([1.0, 0.0]),))
        assert [row[1] for row in cursor.fetchall()] == TEXTS
        assert rows(tracing) == [whole(0), whole(1)]


# --- asyncpg --------------------------------------------------------------------------------------------------------

CALLS: dict[str, Callable[[Any], Awaitable[Any]]] = {
    "fetch": lambda c: c.fetch(NEAREST, NEAR),
    "fetchrow": lambda c: c.fetchrow(NEAREST, NEAR),
    "fetchval": lambda c: c.fetchval(NEAREST, NEAR),
    "prepared fetchrow": lambda c: _prepared(c, "fetchrow"),
    "prepared fetchval": lambda c: _prepared(c, "fetchval"),
    "prepared cursor": lambda c: _prepared_cursor(c),
    "cursor": lambda c: _cursor(c),
}


async def _prepared(connection: Any, method: str) -> Any:
    return await getattr(await connection.prepare(NEAREST), method)(NEAR)


async def _prepared_cursor(connection: Any) -> Any:
    async with connection.transaction():
        return [row async for row in (await connection.prepare(NEAREST)).cursor(NEAR)]


async def _cursor(connection: Any) -> Any:
    async with connection.transaction():
        return await (await connection.cursor(NEAREST, NEAR)).fetchrow()


@pytest.mark.parametrize("name", CALLS)
async def test_every_call_of_asyncpg_is_one_retrieval_through_a_pool_as_well(name: str) -> None:
    one = 1 if "row" in name or "val" in name or name == "cursor" else 2
    async with asyncpg.create_pool(f"postgresql://{ADDRESS}?sslmode=disable", min_size=1, max_size=1) as pool:
        with traced(*PROVIDERS) as tracing:
            async with pool.acquire() as connection:
                await CALLS[name](connection)
            assert rows(tracing) == [{"content": text} for text in TEXTS[:one]]


@needs_types
async def test_rows_of_asyncpg_with_registered_types_have_no_vectors() -> None:
    connection = await asyncpg.connect(f"postgresql://{ADDRESS}?sslmode=disable")
    await pgvector.asyncpg.register_vector(connection)
    with traced(*PROVIDERS) as tracing:
        near = pgvector.Vector([1.0, 0.0])
        found = await connection.fetch("select * from mountains order by embedding <-> $1 limit 2", near)
        assert [row["content"] for row in found] == TEXTS
        assert rows(tracing) == [whole(0), whole(1)]
    await connection.close()


async def test_other_statements_are_no_retrieval() -> None:
    connection = await asyncpg.connect(f"postgresql://{ADDRESS}?sslmode=disable")
    with traced(*PROVIDERS) as tracing:
        assert await connection.fetchval("select count(*) from mountains where id < $1", 3) == 2
        assert await (await connection.prepare("select 1")).fetchval() == 1
        assert await connection.execute("select 1") == "SELECT 1"
        assert tracing.spans == []
    await connection.close()
