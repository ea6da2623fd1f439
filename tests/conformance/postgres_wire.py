"""A PostgreSQL of this process with a table of mountains, and pgvector where it is to be had."""

import atexit
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from functools import cache
from pathlib import Path
from typing import Any

TEXTS = ["Everest is 8,849 m high.", "Fuji is 3,776 m high."]
_OPERATORS = """
create function away(a float8[], b float8[]) returns float8 language sql immutable as
  $$ select sqrt(sum((x - y) ^ 2)) from unnest(a, b) as t(x, y) $$;
create operator <-> (leftarg = float8[], rightarg = float8[], function = away);
"""
BUILT = os.environ.get("GROUNDWIRE_PGVECTOR")
"""Where `pgvector.sh` put the extension, if it did."""


@cache
def server() -> tuple[int, bool]:
    """Its port, and whether it has pgvector; else there is an operator of our own on arrays.

    The database `postgres` has the table, `template1` has not.
    """
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
    real = _fill(data, quiet | {"stdout": subprocess.PIPE})
    listen = ["-h", "127.0.0.1", "-k", str(folder), "-p", str(number)]
    running = subprocess.Popen(["postgres", "-D", data, "-F", *listen], **quiet)

    def stop() -> None:
        running.send_signal(signal.SIGINT)  # it waits for nobody then
        running.wait(20)
        shutil.rmtree(folder, ignore_errors=True)

    atexit.register(stop)
    until = time.monotonic() + 30
    status = Path(data) / "postmaster.pid"
    while not (status.exists() and "ready" in status.read_text()):
        if time.monotonic() > until or running.poll() is not None:
            raise OSError("PostgreSQL does not start")
        time.sleep(0.05)
    return number, real


def _fill(data: str, options: Any) -> bool:
    """Put the table there, without any driver; gives whether its vectors are pgvector's."""

    def told(*statements: str) -> str:
        given = "".join(f"{statement};\n\n" for statement in statements).encode()
        run = subprocess.run(["postgres", "--single", "-j", "-D", data, "postgres"], input=given, check=True, **options)
        return str(run.stdout.decode())

    real = BUILT is not None or '"vector"' in told("select name from pg_available_extensions where name = 'vector'")
    operators = (Path(BUILT) / "vector.sql").read_text() if BUILT else "create extension vector" if real else _OPERATORS
    kind, rows = ("vector(2)", ("[1,0]", "[0,1]")) if real else ("float8[]", ("{1,0}", "{0,1}"))
    told(
        *re.split(r";\s*\n", operators),
        f"create table mountains (id int primary key, content text, page int, embedding {kind})",
        *(f"insert into mountains values ({n + 1}, '{TEXTS[n]}', {n + 1}, '{rows[n]}')" for n in range(2)),
    )
    return real


PORT, REAL = server()
NEAR = "[1,0]" if REAL else "{1,0}"
"""A vector as text, and the type that it is of."""
KIND = "vector" if REAL else "float8[]"
FAR = 2**0.5
TOP = {"gen_ai.retrieval.top_k": 2}
LOWER = {"groundwire.retrieval.higher_is_better": False}
HIGHER = {"groundwire.retrieval.higher_is_better": True}
ASKED = {
    "gen_ai.operation.name": "retrieval",
    "gen_ai.provider.name": "pgvector",
    "gen_ai.data_source.id": "mountains",
    "server.address": "127.0.0.1",
    "server.port": PORT,
}


def documents(*scores: float) -> list[dict[str, Any]]:
    """What a span lists: both mountains, with their pages where there are scores."""
    rows: list[dict[str, Any]] = [{"id": str(n + 1), "content": TEXTS[n]} for n in range(2)]
    told = zip(rows, scores, (1, 2), strict=True) if scores else ()
    return [row | {"score": score, "metadata": {"page": page}} for row, score, page in told] or rows
