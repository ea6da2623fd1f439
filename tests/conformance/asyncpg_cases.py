"""pgvector through asyncpg in the conformance suite: a PostgreSQL of this process, with a wire that can fail."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import asyncpg

from conformance.cases import Case, Mode
from conformance.playing import play
from conformance.postgres_wire import ASKED, FAR, KIND, LOWER, NEAR, PORT, TOP, documents
from groundwire_instrumentation.asyncpg import PROVIDER


class Wire:
    """What is between a connection and its socket."""

    def __init__(self, protocol: Any, mode: Mode, served: Callable[[], None]) -> None:
        self._protocol = protocol
        self._mode = mode
        self._served = served

    def __getattr__(self, name: str) -> Any:
        return getattr(self._protocol, name)

    async def bind_execute(self, *args: Any, **kwargs: Any) -> Any:
        return await self._played(self._protocol.bind_execute, *args, **kwargs)

    async def execute(self, *args: Any, **kwargs: Any) -> Any:
        return await self._played(self._protocol.execute, *args, **kwargs)

    async def _played(self, method: Callable[..., Awaitable[Any]], *args: Any, **kwargs: Any) -> Any:
        play("answer" if self._mode == "error" else self._mode, self._served, RuntimeError())
        if self._mode == "hang":
            await asyncio.Event().wait()
        return await method(*args, **kwargs)


class Database:
    """Connects for each call, and lets go after it: a connection belongs to its loop."""

    def __init__(self, mode: Mode, served: Callable[[], None]) -> None:
        self._mode = mode
        self._served = served

    async def ask(self, call: Callable[[Any], Awaitable[Any]]) -> Any:
        name = "template1" if self._mode == "error" else "postgres"
        address = {"host": "127.0.0.1", "port": PORT, "user": "postgres", "ssl": False}
        connection: Any = await asyncpg.connect(database=name, **address)
        protocol = connection._protocol
        connection._protocol = Wire(protocol, self._mode, self._served)
        try:
            return await call(connection)
        finally:
            connection._protocol = protocol
            connection.terminate()


NEAREST = (
    f"select id, content, page, embedding <-> $1::text::{KIND} as distance from mountains "
    f"order by embedding <-> $1::text::{KIND} limit $2"
)


async def _prepared(connection: Any) -> Any:
    return await (await connection.prepare(NEAREST)).fetch(NEAR, 2)


async def _iterated(connection: Any) -> Any:
    async with connection.transaction():
        return [record async for record in connection.cursor(NEAREST, NEAR, 2)]


CALLS: list[tuple[str, Callable[[Any], Awaitable[Any]]]] = [
    ("fetch", lambda c: c.fetch(NEAREST, NEAR, 2)),
    ("a prepared statement", _prepared),
    ("an iterated cursor", _iterated),
]
CASES = [
    Case(
        name=name,
        provider=PROVIDER,
        client=Database,
        call=lambda c, call=call: c.ask(call),  # type: ignore[misc]
        span="retrieval mountains",
        asked={**ASKED, **TOP},
        answered={**LOWER, "gen_ai.retrieval.documents": documents(0.0, FAR)},
        modes={"answer", "interrupt", "hang"} | ({"error"} if name == "fetch" else set()),  # others fail when prepared
        asynchronous=True,
    )
    for name, call in CALLS
]
