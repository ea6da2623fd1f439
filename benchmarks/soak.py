"""10,000 chat calls through 16 threads while half of all exports fail and evaluators misbehave: is any span lost?

    python benchmarks/soak.py [--calls 10000] [--json]

The real `openai` client talks to an in-memory transport; spans go through the real OTLP/HTTP exporter to a server on
loopback that answers every second request with 503. One evaluator raises in 10 % of all calls and sleeps in 1 %.
Exit code 1 if a span is neither at the server nor counted as dropped by the exporter, or if the second half of the
calls left memory 25 MB larger than the first half had. What waits for a server that refuses takes memory while it
waits, 5 KB a call, and is no leak: `rss_peak_mb` tells it.
"""

from __future__ import annotations

import argparse
import gzip
import itertools
import json
import logging
import os
import sys
import threading
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

import groundwire
from groundwire.model import RagChain, Score

PASSAGES = [
    f"Passage {n}: the warranty of product {n} lasts {n % 36} months from the date of purchase." for n in range(40)
]


class Collector(BaseHTTPRequestHandler):
    """An OTLP/HTTP endpoint that refuses every second request."""

    requests: ClassVar[itertools.count[int]] = itertools.count()
    chats: ClassVar[Counter[bytes]] = Counter()
    statuses: ClassVar[Counter[str]] = Counter()
    lock: ClassVar[threading.Lock] = threading.Lock()

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        if next(self.requests) % 2 == 0:
            self._reply(503)
            return
        if self.headers.get("content-encoding") == "gzip":
            body = gzip.decompress(body)
        message = ExportTraceServiceRequest.FromString(body)
        with self.lock:
            for resource in message.resource_spans:
                for scope in resource.scope_spans:
                    for span in scope.spans:
                        if span.name.startswith("chat"):
                            self.chats[span.span_id] += 1
                            for attribute in span.attributes:
                                if attribute.key == "groundwire.evaluation.status":
                                    self.statuses[attribute.value.string_value] += 1
        self._reply(200)

    def _reply(self, code: int) -> None:
        self.send_response(code)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        pass


class Counting(SpanExporter):
    """The real exporter; what it gives up on is counted."""

    def __init__(self, exporter: SpanExporter) -> None:
        self.exporter = exporter
        self.dropped = 0

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        result = self.exporter.export(spans)
        if result is not SpanExportResult.SUCCESS:
            self.dropped += sum(span.name.startswith("chat") for span in spans)
        return result

    def shutdown(self) -> None:
        self.exporter.shutdown()


@dataclass(frozen=True)
class Misbehaving:
    """Raises in 10 % of all calls, sleeps a fifth of a second in 1 %."""

    name: str = "misbehaving"
    version: str = "1"
    calls: ClassVar[itertools.count[int]] = itertools.count(1)

    def evaluate(self, chain: RagChain) -> Score:
        n = next(self.calls)
        if n % 100 == 0:
            time.sleep(0.2)
        if n % 10 == 0:
            raise RuntimeError("on purpose")
        return Score(1.0, "fine")


def make_client() -> Any:
    import openai

    hx: Any = __import__("httpx2" if int(openai.__version__.split(".")[0]) >= 3 else "httpx")
    body = {
        "id": "chatcmpl-soak",
        "object": "chat.completion",
        "created": 1790000000,
        "model": "gpt-4o-mini-2024-07-18",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": "The warranty lasts 24 months from the date of purchase."},
                "finish_reason": "stop",
            }
        ],
        "usage": {"prompt_tokens": 100, "completion_tokens": 12, "total_tokens": 112},
    }
    transport = hx.MockTransport(lambda request: hx.Response(200, json=body))
    return openai.OpenAI(
        api_key="sk-none", base_url="http://fake.invalid/v1", http_client=hx.Client(transport=transport)
    )


def rss_mb() -> float:
    with open("/proc/self/statm") as statm:
        return int(statm.read().split()[1]) * os.sysconf("SC_PAGESIZE") / 1e6


def soak(calls: int, threads: int) -> dict[str, Any]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Collector)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    exporter = Counting(OTLPSpanExporter(endpoint=f"http://127.0.0.1:{server.server_port}/v1/traces"))
    groundwire.instrument(export=exporter, evaluators=["faithfulness", Misbehaving()], service_name="soak")
    client = make_client()

    def call(n: int) -> None:
        context = "\n\n".join(PASSAGES[(n + k) % len(PASSAGES)] for k in range(4))
        prompt = f"Context:\n{context}\n\nQuestion: how long is the warranty of product {n}?"
        client.chat.completions.create(model="gpt-4o-mini", messages=[{"role": "user", "content": prompt}])

    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(call, range(min(200, calls))))  # imports, connections, first scores
        groundwire.flush(60)
        Collector.chats.clear()
        Collector.statuses.clear()
        exporter.dropped = 0
        before = rss_mb()
        started = time.perf_counter()
        list(pool.map(call, range(calls // 2)))
        called_s = time.perf_counter() - started
        peak, flushed = rss_mb(), groundwire.flush(120)
        half = rss_mb()
        started = time.perf_counter()
        list(pool.map(call, range(calls // 2, calls)))
        called_s += time.perf_counter() - started
        peak = max(peak, half, rss_mb())
    flushed &= groundwire.flush(120)
    after = rss_mb()
    groundwire.shutdown()
    server.shutdown()
    server.server_close()
    arrived = len(Collector.chats)
    return {
        "calls": calls,
        "threads": threads,
        "arrived": arrived,
        "arrived_twice": sum(n > 1 for n in Collector.chats.values()),
        "dropped_by_exporter": exporter.dropped,
        "lost": calls - arrived - exporter.dropped,
        "statuses": dict(Collector.statuses),
        "calls_s": round(called_s, 2),
        "flushed": flushed,
        "rss_peak_mb": round(max(peak, after) - before, 1),
        "rss_growth_mb": round(after - half, 1),
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=10_000)
    parser.add_argument("--threads", type=int, default=16)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    logging.disable(logging.CRITICAL)  # the exporter's own complaints about the 503s
    found = soak(arguments.calls, arguments.threads)
    if arguments.json:
        print(json.dumps(found))
    else:
        for key, value in found.items():
            print(f"{key:22} {value}")
    return 0 if found["lost"] == 0 and found["rss_growth_mb"] < 25 else 1


if __name__ == "__main__":
    sys.exit(main())
