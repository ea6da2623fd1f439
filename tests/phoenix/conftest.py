"""A real Phoenix, started for the tests and stopped after them: its database in a folder of the tests, on loopback."""

import os
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest


class Phoenix:
    """A running Phoenix.

    Args:
        program: `phoenix` of an environment of its own.
        folder: for its database and log; it writes nowhere else.

    Raises:
        RuntimeError: it ended, or did not answer within the time. The message has the end of its log.
    """

    def __init__(self, program: Path, folder: Path, timeout_s: float = 120.0) -> None:
        http, grpc = _free_ports(2)
        self.url = f"http://127.0.0.1:{http}"
        environment = {key: value for key, value in os.environ.items() if not key.startswith(("PHOENIX_", "OTEL_"))}
        environment |= {
            "PHOENIX_HOST": "127.0.0.1",
            "PHOENIX_PORT": str(http),
            "PHOENIX_GRPC_PORT": str(grpc),
            "PHOENIX_WORKING_DIR": str(folder),
            "PHOENIX_TELEMETRY_ENABLED": "false",
        }
        self._log = folder / "phoenix.log"
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [program, "serve"], stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=folder, env=environment
            )
        try:
            self._wait(time.monotonic() + timeout_s)
        except BaseException:
            self.stop()
            raise

    def _wait(self, until: float) -> None:
        while True:
            if (code := self._process.poll()) is not None:
                raise RuntimeError(f"phoenix ended with {code}: {self._log.read_text(errors='replace')[-2000:]}")
            try:
                httpx.get(f"{self.url}/healthz", timeout=5, trust_env=False).raise_for_status()
            except httpx.HTTPError as error:
                if time.monotonic() > until:
                    log = self._log.read_text(errors="replace")[-2000:]
                    raise RuntimeError(f"phoenix does not answer ({error}): {log}") from error
                time.sleep(0.3)
            else:
                return

    def stop(self) -> None:
        """End the process that was started here."""
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(15)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()


def _free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    try:
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]
    finally:
        for one in sockets:
            one.close()


def _program() -> Path | None:
    """Where `install.sh` puts it."""
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    cache = Path(os.environ.get("GROUNDWIRE_CACHE") or Path(home) / "groundwire")
    return next((p for p in sorted(cache.glob("phoenix-*/bin/phoenix")) if os.access(p, os.X_OK)), None)


@pytest.fixture(scope="session")
def phoenix(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Phoenix]:
    program = _program()
    if program is None:
        reason = "no Phoenix in the cache: make test-phoenix installs it"
        if os.environ.get("GROUNDWIRE_REQUIRE_PHOENIX") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    server = Phoenix(program, tmp_path_factory.mktemp("phoenix"))
    try:
        yield server
    finally:
        server.stop()
