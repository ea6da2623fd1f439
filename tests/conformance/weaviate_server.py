"""A real Weaviate of the tests' own, and who answers when it asks a model."""

import json
import os
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

from conformance.weaviate_wire import ANSWER

_PORTS = ("CLUSTER_GOSSIP_BIND_PORT", "CLUSTER_DATA_BIND_PORT", "RAFT_PORT", "RAFT_INTERNAL_RPC_PORT", "GRPC_PORT")
_SETTINGS = {
    "AUTHENTICATION_ANONYMOUS_ACCESS_ENABLED": "true",
    "CLUSTER_ADVERTISE_ADDR": "127.0.0.1",
    "CLUSTER_BIND_ADDR": "127.0.0.1",
    "CLUSTER_HOSTNAME": "node1",
    "DISABLE_TELEMETRY": "true",
    "GO_PROFILING_DISABLE": "true",
    "LOG_LEVEL": "error",
    "RAFT_BOOTSTRAP_EXPECT": "1",
}


@contextmanager
def running(binary: str, folder: Path, timeout_s: float = 60.0) -> Iterator[tuple[int, int]]:
    """The server's REST and gRPC ports, while it runs. It binds gRPC to every address, which nothing turns off.

    Raises:
        RuntimeError: it ended, or did not answer within the time. The message has the end of its log.
    """
    rest, *others = _free_ports(1 + len(_PORTS))
    ports = dict(zip(_PORTS, map(str, others), strict=True))
    environment = {**os.environ, **_SETTINGS, **ports, "PERSISTENCE_DATA_PATH": str(folder / "data")}
    log = folder / "weaviate.log"
    address = ["--host", "127.0.0.1", "--port", str(rest), "--scheme", "http"]
    with log.open("wb") as out:
        process = subprocess.Popen([binary, *address], env=environment, cwd=folder, stdout=out, stderr=out)
    try:
        until = time.monotonic() + timeout_s
        while not _is_ready(rest):
            if process.poll() is not None or time.monotonic() > until:
                raise RuntimeError(f"weaviate does not answer: {log.read_text(errors='replace')[-2000:]}")
            time.sleep(0.2)
        yield rest, others[-1]
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _is_ready(port: int) -> bool:
    try:
        with urlopen(f"http://127.0.0.1:{port}/v1/.well-known/ready", timeout=2) as answer:
            return bool(answer.status == 200)
    except (URLError, OSError):
        return False


def _free_ports(count: int) -> list[int]:
    with ExitStack() as stack:
        held = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in held:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in held]


class _Anthropic(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        said = {"content": [{"type": "text", "text": ANSWER}], "usage": {"input_tokens": 60, "output_tokens": 10}}
        body = json.dumps({"id": "m", "type": "message", "role": "assistant", "model": "m", **said}).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        pass


@contextmanager
def answering() -> Iterator[str]:
    """The address of a model's server that says the same to whatever it is asked, as Anthropic's would."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Anthropic)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
