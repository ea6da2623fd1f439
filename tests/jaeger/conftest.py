"""A real Jaeger, started for the tests and stopped after them: in memory, on free loopback ports."""

import json
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.parse import urlencode
from urllib.request import urlopen

import pytest

_CONFIG = """
service:
  extensions: [jaeger_storage, jaeger_query]
  pipelines:
    traces: {{receivers: [otlp], exporters: [jaeger_storage_exporter]}}
  telemetry:
    metrics: {{level: none}}
    logs: {{level: warn}}
extensions:
  jaeger_storage:
    backends:
      memory: {{memory: {{max_traces: 10000}}}}
  jaeger_query:
    storage: {{traces: memory}}
    enable_tracing: false  # its traces of itself would go to localhost:4317, whoever listens there
    http: {{endpoint: "127.0.0.1:{query}"}}
    grpc: {{endpoint: "127.0.0.1:{query_grpc}"}}
receivers:
  otlp:
    protocols:
      http: {{endpoint: "127.0.0.1:{otlp_http}"}}
      grpc: {{endpoint: "127.0.0.1:{otlp_grpc}"}}
exporters:
  jaeger_storage_exporter: {{trace_storage: memory}}
"""


class Jaeger:
    """A running Jaeger.

    Args:
        binary: Jaeger v2.
        folder: for its configuration and log; it writes nowhere else.

    Raises:
        RuntimeError: it ended, or did not answer within the time. The message has the end of its log.
    """

    def __init__(self, binary: Path, folder: Path, timeout_s: float = 60.0) -> None:
        names = ("query", "query_grpc", "otlp_http", "otlp_grpc")
        self.ports: Mapping[str, int] = dict(zip(names, _free_ports(len(names)), strict=True))
        config = folder / "jaeger.yaml"
        config.write_text(_CONFIG.format(**self.ports), encoding="utf-8")
        self._log = folder / "jaeger.log"
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [binary, "--config", config], stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=folder
            )
        try:
            self._wait(time.monotonic() + timeout_s)
        except BaseException:
            self.stop()
            raise

    def _wait(self, until: float) -> None:
        while True:
            if (code := self._process.poll()) is not None:
                raise RuntimeError(f"jaeger ended with {code}: {self._log.read_text(errors='replace')[-2000:]}")
            try:
                self.get("/api/services")
            except (OSError, ValueError) as error:
                if time.monotonic() > until:
                    log = self._log.read_text(errors="replace")[-2000:]
                    raise RuntimeError(f"jaeger does not answer ({error}): {log}") from error
                time.sleep(0.1)
            else:
                return

    @property
    def query_url(self) -> str:
        """Of the query API and the UI."""
        return f"http://127.0.0.1:{self.ports['query']}"

    @property
    def otlp_http(self) -> str:
        """Where OTLP over HTTP goes."""
        return f"http://127.0.0.1:{self.ports['otlp_http']}"

    @property
    def otlp_grpc(self) -> str:
        """Where OTLP over gRPC goes."""
        return f"grpc://127.0.0.1:{self.ports['otlp_grpc']}"

    def get(self, path: str, **parameters: Any) -> Any:
        """The JSON at a path of the query API."""
        query = f"?{urlencode(parameters)}" if parameters else ""
        with urlopen(f"{self.query_url}{path}{query}", timeout=10) as response:
            return json.load(response)

    def services(self) -> list[str]:
        """Names of the services that it has spans of."""
        return sorted(self.get("/api/services")["data"] or ())

    def traces(self, service: str, tags: Mapping[str, str] | None = None, limit: int = 1000) -> list[dict[str, Any]]:
        """Traces as Jaeger's UI finds them: by service, and by tags of one span."""
        parameters: dict[str, Any] = {"service": service, "limit": limit, "lookback": "2d"}
        if tags:
            parameters["tags"] = json.dumps(tags)
        found: list[dict[str, Any]] = self.get("/api/traces", **parameters)["data"] or []
        return found

    def trace(self, trace_id: str) -> list[dict[str, Any]]:
        """The spans of one trace."""
        try:
            spans: list[dict[str, Any]] = self.get(f"/api/traces/{trace_id}")["data"][0]["spans"]
        except URLError:
            return []
        return spans

    def stop(self) -> None:
        """End the process that was started here."""
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(10)
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


def _binary() -> Path | None:
    """Where `install.sh` puts it, else what is on PATH."""
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    cache = Path(os.environ.get("GROUNDWIRE_CACHE") or Path(home) / "groundwire")
    cached = sorted(cache.glob("jaeger-*/jaeger"), key=lambda path: "." in path.parent.name)  # the commit first
    found = next((str(path) for path in cached if os.access(path, os.X_OK)), None) or shutil.which("jaeger")
    return Path(found) if found else None


@pytest.fixture(scope="session")
def jaeger(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Jaeger]:
    binary = _binary()
    if binary is None:
        reason = "no Jaeger in the cache or on PATH: make test-jaeger installs it (needs Go)"
        if os.environ.get("GROUNDWIRE_REQUIRE_JAEGER") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    for attempt in range(3):
        try:
            server = Jaeger(binary, tmp_path_factory.mktemp("jaeger"))
            break
        except RuntimeError as error:
            # Another process may take a port between our asking for a free one and Jaeger's binding it.
            if attempt == 2 or "address already in use" not in str(error):
                raise
    try:
        yield server
    finally:
        server.stop()
