"""What tracing one LLM call costs, against a span written by hand. The ratio is taken in one run.

    python benchmarks/overhead.py [--rounds 12] [--json]

Each subject makes the same `openai` chat call over an in-memory transport: 4 KB prompt, 600-character answer, usage
with cached tokens; streamed, it comes in 60 chunks. `bare` is `start_as_current_span` with 15 attributes set by hand,
prompt and answer included. Subjects run in turn within one process, in short slices, so that a noisy machine disturbs
all alike; groundwire is switched on once, and for the others off. A figure is the 20th percentile of the slices less
that of the plain client. Exit code 1 if a target is missed: sync 1.6 x bare, stream 2 x bare, caller's wall time with
scoring within 15 % of that without.
"""

from __future__ import annotations

import argparse
import contextlib
import gc
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.trace import SpanKind

import groundwire

sys.path[:0] = [str(Path(__file__).parent)]

from switch import Subject, switched_on  # noqa: E402

PARAGRAPH = (
    "The warranty covers manufacturing defects for twenty-four months from the date of purchase, provided that the "
    "serial number is registered within ninety days. "
)
CONTEXT = "\n\n".join(f"[{n}] {PARAGRAPH * 3}" for n in range(1, 9))
MESSAGES = [
    {"role": "system", "content": "You are a support assistant. Answer only from the context given."},
    {"role": "user", "content": f"Context:\n{CONTEXT}\n\nQuestion: How long is the warranty?"},
]
ANSWER = ("The warranty lasts twenty-four months from the date of purchase [1]. " * 9)[:600]
MODEL = "gpt-4o-mini-2024-07-18"
USAGE = {
    "prompt_tokens": 1104,
    "completion_tokens": 131,
    "total_tokens": 1235,
    "prompt_tokens_details": {"cached_tokens": 1024},
    "completion_tokens_details": {"reasoning_tokens": 0},
}
REQUEST: dict[str, Any] = {
    "model": "gpt-4o-mini",
    "messages": MESSAGES,
    "temperature": 0.2,
    "max_tokens": 512,
    "top_p": 0.9,
}
STREAMED = {**REQUEST, "stream": True, "stream_options": {"include_usage": True}}
SCORING = "groundwire, scoring"
BASE = {"id": "chatcmpl-bench", "created": 1790000000, "model": MODEL, "system_fingerprint": "fp_bench"}


class Discard(SpanExporter):
    """Counts spans and forgets them."""

    def __init__(self) -> None:
        self.count = 0

    def export(self, spans: Any) -> SpanExportResult:
        self.count += len(spans)
        return SpanExportResult.SUCCESS


def client() -> Any:
    import openai

    hx: Any = __import__("httpx2" if int(openai.__version__.split(".")[0]) >= 3 else "httpx")
    message = {"role": "assistant", "content": ANSWER, "refusal": None}
    whole = json.dumps(
        {
            **BASE,
            "object": "chat.completion",
            "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
            "usage": USAGE,
        }
    ).encode()

    def event(delta: dict[str, Any], finish: str | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "finish_reason": finish}
        chunk = {**BASE, "object": "chat.completion.chunk", "choices": [choice], "usage": None}
        return b"data: " + json.dumps(chunk).encode() + b"\n\n"

    step = -(-len(ANSWER) // 57)
    events = [event({"role": "assistant", "content": ""})]
    events += [event({"content": ANSWER[i : i + step]}) for i in range(0, len(ANSWER), step)]
    last = {**BASE, "object": "chat.completion.chunk", "choices": [], "usage": USAGE}
    events += [event({}, "stop"), b"data: " + json.dumps(last).encode() + b"\n\n", b"data: [DONE]\n\n"]

    class Events(hx.SyncByteStream):  # type: ignore[misc,name-defined]
        def __iter__(self) -> Iterator[bytes]:
            yield from events

    def handle(request: Any) -> Any:
        if b'"stream":true' in request.content.replace(b" ", b""):
            return hx.Response(200, headers={"content-type": "text/event-stream"}, stream=Events())
        return hx.Response(200, headers={"content-type": "application/json"}, content=whole)

    http = hx.Client(transport=hx.MockTransport(handle))
    return openai.OpenAI(api_key="sk-none", base_url="http://fake.invalid/v1", http_client=http, max_retries=0)


def bare_calls(create: Callable[..., Any], tracer: Any) -> tuple[Callable[[], Any], Callable[[], Any]]:
    """The same call with a span written by hand, plain and streamed."""

    def attributes() -> dict[str, Any]:
        return {
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": "openai",
            "gen_ai.request.model": REQUEST["model"],
            "gen_ai.request.temperature": REQUEST["temperature"],
            "gen_ai.request.max_tokens": REQUEST["max_tokens"],
            "gen_ai.request.top_p": REQUEST["top_p"],
            "server.address": "fake.invalid",
            "gen_ai.input.messages": json.dumps(MESSAGES),
        }

    def describe(span: Any, last: Any, finish: str, usage: Any, text: str) -> None:
        span.set_attributes(
            {
                "gen_ai.response.id": last.id,
                "gen_ai.response.model": last.model,
                "openai.response.system_fingerprint": last.system_fingerprint,
                "gen_ai.response.finish_reasons": (finish,),
                "gen_ai.usage.input_tokens": usage.prompt_tokens,
                "gen_ai.usage.output_tokens": usage.completion_tokens,
                "gen_ai.output.messages": json.dumps([{"role": "assistant", "content": text}]),
            }
        )

    def sync() -> Any:
        with tracer.start_as_current_span("chat", kind=SpanKind.CLIENT, attributes=attributes()) as span:
            result = create(**REQUEST)
            choice = result.choices[0]
            describe(span, result, choice.finish_reason, result.usage, choice.message.content)
            return result

    def stream() -> Iterator[Any]:
        with tracer.start_as_current_span("chat", kind=SpanKind.CLIENT, attributes=attributes()) as span:
            parts: list[str] = []
            finish, usage, last = "", None, None
            for last in create(**STREAMED):
                if last.choices:
                    parts.append(last.choices[0].delta.content or "")
                    finish = last.choices[0].finish_reason or finish
                usage = last.usage or usage
                yield last
            describe(span, last, finish, usage, "".join(parts))

    return sync, lambda: consume(stream())


def consume(chunks: Any) -> str:
    return "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)


def measure(rounds: int) -> dict[str, Any]:
    exporter = Discard()
    create = client().chat.completions.create
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    plain = (lambda: create(**REQUEST)), (lambda: consume(create(**STREAMED)))
    bare = bare_calls(create, provider.get_tracer("bare"))
    found: dict[str, Any] = {}
    for index, (mode, n) in enumerate((("sync", 40), ("stream", 8))):
        with switched_on("openai", provider) as off:
            subjects = {"plain": (plain, off), "bare": (bare, off), "groundwire": (plain, contextlib.nullcontext)}
            taken = _taken({name: (calls[index], how) for name, (calls, how) in subjects.items()}, rounds * 6, n)
        settings: Mapping[str, Any] = {SCORING: {"sample": 1.0}, "groundwire": {"evaluators": []}}
        ways = {name: (plain[index], partial(_scoring, provider, given)) for name, given in settings.items()}
        scored = _taken(ways, rounds, n)  # fewer: the work in the background takes longer than all the others
        base = {kind: _low(values) for kind, values in taken["plain"].items()}
        found[mode] = {
            name: {f"{kind}_us": round(_low(values) - base[kind], 1) for kind, values in times.items()}
            for name, times in (taken | {SCORING: scored[SCORING]}).items()
        }
        found[mode][SCORING]["waits"] = _low(scored[SCORING]["wall"]) / _low(scored["groundwire"]["wall"])
    return found


def _taken(subjects: Mapping[str, Subject], slices: int, n: int) -> dict[str, dict[str, list[float]]]:
    """CPU and wall time of a call in microseconds, for each slice of `n` calls."""
    found: dict[str, dict[str, list[float]]] = {name: {"cpu": [], "wall": []} for name in subjects}
    for number in range(-2, slices):  # the first two warm up
        for name, (call, how) in subjects.items():
            with how():
                call()
                gc.collect()
                started, cpu_started = time.perf_counter(), time.process_time()
                for _ in range(n):
                    call()
                cpu, wall = time.process_time() - cpu_started, time.perf_counter() - started
            if number >= 0:
                found[name]["cpu"].append(cpu / n * 1e6)
                found[name]["wall"].append(wall / n * 1e6)
    return found


@contextlib.contextmanager
def _scoring(provider: TracerProvider, settings: Mapping[str, Any]) -> Iterator[None]:
    groundwire.instrument(tracer_provider=provider, providers=["openai"], **settings)
    try:
        yield
    finally:
        groundwire.shutdown()


def _low(values: list[float]) -> float:
    """The 20th percentile: what a run takes that neighbours left alone."""
    return statistics.quantiles(values, n=5)[0]


def import_ms() -> float:
    """Milliseconds that `import groundwire` adds to `import opentelemetry.sdk.trace`: best of seven processes."""
    code = (
        "import time, opentelemetry.sdk.trace; t = time.perf_counter(); import groundwire; "
        "print((time.perf_counter() - t) * 1e3)"
    )
    runs = [subprocess.run([sys.executable, "-c", code], capture_output=True, check=True) for _ in range(7)]
    return min(float(done.stdout) for done in runs)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=12)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    found = measure(arguments.rounds)
    found["import_ms"] = round(import_ms(), 1)
    ratios = {mode: found[mode]["groundwire"]["cpu_us"] / found[mode]["bare"]["cpu_us"] for mode in ("sync", "stream")}
    walls = {mode: found[mode][SCORING]["waits"] for mode in ("sync", "stream")}
    found["ratio"] = {mode: round(ratio, 2) for mode, ratio in ratios.items()}
    found["wall_scored"] = {mode: round(ratio, 3) for mode, ratio in walls.items()}
    if arguments.json:
        print(json.dumps(found))
    else:
        print(f"{'added by':22}{'sync CPU us':>14}{'wall us':>10}{'stream CPU us':>16}{'wall us':>10}")
        for name in ("bare", "groundwire", SCORING):
            row = [found[mode][name][key] for mode in ("sync", "stream") for key in ("cpu_us", "wall_us")]
            print(f"{name:22}{row[0]:>14.0f}{row[1]:>10.0f}{row[2]:>16.0f}{row[3]:>10.0f}")
        for mode, target in (("sync", 1.6), ("stream", 2.0)):
            waits = f"with scoring the caller waits {walls[mode]:.2f} x"
            print(f"{mode:7}{ratios[mode]:.2f} x bare (target {target}), {waits}")
        print(f"import groundwire: {found['import_ms']:.0f} ms beyond opentelemetry.sdk (target 80)")
        print("CPU with scoring includes the evaluators' own work in the background.")
    met = ratios["sync"] <= 1.6 and ratios["stream"] <= 2.0 and max(walls.values()) <= 1.15 and found["import_ms"] <= 80
    if not met:
        print("target missed", file=sys.stderr)
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
