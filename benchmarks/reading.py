"""How fast stored traces are read, by format: spans a second on one core, in CPU time, the best of some rounds.

    python benchmarks/reading.py [--spans 20000] [--rounds 5]

The spans are those of `stored_traces.py`: requests of four, with recorded answers of real LLMs. `parsing` is what
`json.loads` alone takes of the first line's time. Exit code 1 where OTLP/JSON lines do not reach 20,000 a second with
chains assembled.
"""

import argparse
import gzip
import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from itertools import chain, islice
from pathlib import Path

import stored_traces
from google.protobuf import json_format
from opentelemetry.proto.trace.v1.trace_pb2 import TracesData

from groundwire.chain import chains
from groundwire.model import SpanRecord
from groundwire.traces import joined, open_source
from groundwire.traces.compression import zstd
from groundwire.traces.otlp_json import encode

TARGET = 20_000
LINE = 40
"""Spans of a line or message: about what a batching exporter sends."""


def batches(count: int) -> Iterator[list[SpanRecord]]:
    spans = chain.from_iterable(stored_traces.requests(-(-count // stored_traces.SPANS)))
    while batch := list(islice(spans, LINE)):
        yield batch


def framed(lines: list[bytes]) -> bytes:
    """Protobuf as the collector writes it."""
    out = bytearray()
    for line in lines:
        message = json_format.ParseDict(_in_base64(json.loads(line)), TracesData()).SerializeToString()
        out += len(message).to_bytes(4, "big") + message
    return bytes(out)


def _in_base64(value: object) -> object:
    import base64

    if isinstance(value, dict):
        return {
            key: base64.b64encode(bytes.fromhex(entry)).decode()
            if key in ("traceId", "spanId", "parentSpanId")
            else _in_base64(entry)
            for key, entry in value.items()
        }
    return [_in_base64(entry) for entry in value] if isinstance(value, list) else value


def best(rounds: int, work: Callable[[], object]) -> float:
    """CPU seconds of the quickest round."""
    taken: list[float] = []
    for _ in range(rounds):
        began = time.process_time()
        work()
        taken.append(time.process_time() - began)
    return min(taken)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--spans", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    lines = [encode(batch).encode() for batch in batches(arguments.spans)]
    text = b"\n".join(lines)
    print(f"{arguments.spans:,} spans, {len(text) / arguments.spans:,.0f} bytes each, {LINE} a line or message")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        files = {
            "OTLP/JSON lines": ("t.jsonl", text),
            "  .gz": ("t.jsonl.gz", gzip.compress(text, 6)),
            "  .zst": ("t.jsonl.zst", zstd("the benchmark").compress(text)),
            "OTLP protobuf": ("t.pb", framed(lines)),
        }
        for what, (file, data) in files.items():
            (folder / file).write_bytes(data)
            seconds = best(arguments.rounds, lambda path=folder / file: sum(1 for _ in open_source(str(path))))  # type: ignore[misc]
            print(f"{what:<18}{arguments.spans / seconds:>10,.0f} spans/s")
        seconds = best(arguments.rounds, lambda: [json.loads(line) for line in lines])
        print(f"{'  parsing':<18}{arguments.spans / seconds:>10,.0f} spans/s")
        seconds = best(arguments.rounds, lambda: chains(joined(open_source(str(folder / "t.jsonl")))))
    rate = arguments.spans / seconds
    print(f"{'with chains':<18}{rate:>10,.0f} spans/s   target {TARGET:,}: {'reached' if rate >= TARGET else 'MISSED'}")
    return 0 if rate >= TARGET else 1


if __name__ == "__main__":
    sys.exit(main())
