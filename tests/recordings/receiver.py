"""A loopback OTLP/HTTP receiver that keeps export requests as OTLP/JSON objects, in the order in which they came."""

import base64
import gzip
import json
import threading
import zlib
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

_IDS = ("traceId", "spanId", "parentSpanId")


class Receiver:
    """Listens on a free port. `requests` holds the export requests of traces and logs; metrics are dropped."""

    def __init__(self) -> None:
        self.requests: list[dict[str, Any]] = []
        self.paths: list[str] = []
        """Every path that was asked for: what an SDK does besides."""
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, format: str, *args: Any) -> None:
                pass

            def do_GET(self) -> None:
                receiver.paths.append(f"GET {self.path}")
                self._send(b"{}", "application/json")

            def do_POST(self) -> None:
                receiver.paths.append(f"POST {self.path}")
                data = _body(self)
                kind = self.headers.get("Content-Type", "")
                signal = self.path.partition("?")[0].rpartition("/")[2]
                if signal in ("traces", "logs"):
                    read = from_protobuf if signal == "traces" else logs_from_protobuf
                    receiver.requests.append(json.loads(data) if "json" in kind else read(data))
                self._send(b"{}" if "json" in kind else b"", kind or "application/x-protobuf")

            do_PUT = do_PATCH = do_POST

            def _send(self, data: bytes, kind: str) -> None:
                self.send_response(200)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._http.daemon_threads = True
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._http.server_address[1]}"

    def close(self) -> None:
        self._http.shutdown()
        self._http.server_close()
        self._thread.join(5.0)


def _body(handler: BaseHTTPRequestHandler) -> bytes:
    if handler.headers.get("Transfer-Encoding", "") == "chunked":
        data = b""
        while size := int(handler.rfile.readline().split(b";")[0], 16):
            data += handler.rfile.read(size)
            handler.rfile.readline()
        handler.rfile.readline()
    else:
        data = handler.rfile.read(int(handler.headers.get("Content-Length") or 0))
    encoding = handler.headers.get("Content-Encoding", "")
    return gzip.decompress(data) if encoding == "gzip" else zlib.decompress(data) if encoding == "deflate" else data


def from_protobuf(data: bytes) -> dict[str, Any]:
    """An export request of traces as OTLP/JSON: protobuf's JSON mapping, with ids in hex and enums as numbers."""
    return _as_json(ExportTraceServiceRequest.FromString(data))


def logs_from_protobuf(data: bytes) -> dict[str, Any]:
    """The same of logs."""
    return _as_json(ExportLogsServiceRequest.FromString(data))


def _as_json(message: Message) -> dict[str, Any]:
    document: dict[str, Any] = MessageToDict(message, use_integers_for_enums=True)
    for resource in (*document.get("resourceSpans", ()), *document.get("resourceLogs", ())):
        for scope in (*resource.get("scopeSpans", ()), *resource.get("scopeLogs", ())):
            for entry in (*scope.get("spans", ()), *scope.get("logRecords", ())):
                for holder in (entry, *entry.get("links", ())):
                    for key in _IDS:
                        if holder.get(key):
                            holder[key] = base64.b64decode(holder[key]).hex()
    return document
