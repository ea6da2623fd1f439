"""What tracing one call costs with each client, against a span written by hand. The ratio is taken in one run.

    python benchmarks/clients.py [NAME ...] [--blocks 60] [--streams] [--scoring] [--json]

The measure is that of `overhead.py`, for every client: `plain` is the SDK's call over an in-memory wire (no network),
`by hand` the same with a span around it and fifteen attributes set by hand, prompt and answer as JSON among them, and
`ours` that of `instrument(evaluators=[])`, with content and cost. The ratio is what groundwire adds over what the hand
adds. Calls are made in short blocks of the three in random order; a figure is the 10th percentile of the blocks' CPU
time in the calling thread: what a block takes that neighbours left alone. The ratios of the medians and of the whole
process's time stand beside it. The collector runs before every block; what was there before the first is frozen. With
`--scoring`, the wall time that the caller waits while answers are scored in the background, over that without.

Exit code 1 if a client adds more than 1.6 times what the hand adds.
"""

from __future__ import annotations

import argparse
import gc
import json
import random
import statistics
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.trace import SpanKind, Tracer

import groundwire

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1] / "tests")]

import client_calls  # noqa: E402
import maker_calls  # noqa: E402
import store_calls  # noqa: E402
from client_calls import Calls, Kept  # noqa: E402

TARGET = 1.6
BLOCK_S = 0.012
"""About how long a block takes: short enough that a neighbour disturbs few of them."""
WARM = 30
"""Calls after each switch that are not timed, at least; a fifth of it where a call streams."""
CLIENTS: tuple[str, ...] = (
    "openai",
    "anthropic",
    "google_genai",
    "mistralai",
    "cohere",
    "groq",
    "together",
    "ollama",
    "bedrock",
    "huggingface",
    "azure_ai_inference",
    "litellm",
    "voyageai",
    "chroma",
    "qdrant",
    "faiss",
)


class Discard(SpanExporter):
    """Counts spans and forgets them."""

    def __init__(self) -> None:
        self.count = 0

    def export(self, spans: Sequence[Any]) -> SpanExportResult:
        self.count += len(spans)
        return SpanExportResult.SUCCESS


@dataclass(frozen=True)
class Row:
    """Microseconds a call: the plain one's, and what is added to it."""

    plain_us: float
    hand_us: float
    ours_us: float
    of_medians: float
    """The ratio of the medians."""
    of_process: float
    """The ratio of the CPU time that the whole process took."""

    @property
    def ratio(self) -> float:
        """What groundwire adds over what the hand adds."""
        return self.ours_us / self.hand_us if self.hand_us > 0 else float("nan")


def by_hand(calls: Calls, tracer: Tracer) -> Callable[[], Any]:
    """The call with a span around it."""
    name = f"{calls.what} {calls.model}"

    def call() -> Any:
        with tracer.start_as_current_span(name, kind=SpanKind.CLIENT, attributes=calls.asked()) as span:
            result = calls.whole()
            span.set_attributes(calls.answered(result))
            return result

    return call


def streamed_by_hand(calls: Calls, tracer: Tracer) -> Callable[[], Any]:
    """The streamed call with a span around it, as a generator: so it is traced where the stream is handed on."""
    assert calls.streamed is not None
    assert calls.piece is not None
    assert calls.ended is not None
    streamed, piece, ended = calls.streamed, calls.piece, calls.ended
    name = f"{calls.what} {calls.model}"

    def stream() -> Iterable[Any]:
        with tracer.start_as_current_span(name, kind=SpanKind.CLIENT, attributes=calls.asked()) as span:
            kept = Kept()
            for chunk in streamed():
                piece(chunk, kept)
                yield chunk
            span.set_attributes(ended(kept))

    return lambda: consumed(stream())


def consumed(chunks: Iterable[Any]) -> int:
    count = 0
    for _ in chunks:
        count += 1
    return count


def subjects_of(
    calls: Calls, exporter: SpanExporter, *, streams: bool
) -> Mapping[str, tuple[Callable[[], Any], Callable[[], None]]]:
    """`plain`, `hand` and `ours`: the call, and what has to be switched before it is made."""
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    tracer = provider.get_tracer("by hand")
    streamed = calls.streamed
    assert streamed or not streams
    plain = (lambda: consumed(streamed())) if streams and streamed else calls.whole

    def on() -> None:
        groundwire.instrument(tracer_provider=provider, providers=[calls.provider], evaluators=[], steady_context=False)

    return {
        "plain": (plain, groundwire.shutdown),
        "hand": ((streamed_by_hand if streams else by_hand)(calls, tracer), groundwire.shutdown),
        "ours": (plain, on),
    }


def measure(calls: Calls, blocks: int, *, streams: bool) -> Row:
    """One client, in one shape."""
    exporter = Discard()
    subjects = subjects_of(calls, exporter, streams=streams)
    plain, _ = subjects["plain"]
    for name, (call, switch) in subjects.items():
        switch()
        before = exporter.count
        for _ in range(5):
            call()
        if exporter.count - before != (0 if name == "plain" else 5):
            raise SystemExit(f"{calls.provider}: {exporter.count - before} spans of 5 calls, {name}")
    gc.collect()
    gc.freeze()  # the libraries themselves are not gone through again at every block
    started = time.perf_counter()
    for _ in range(5):
        plain()
    count = max(2, round(BLOCK_S / ((time.perf_counter() - started) / 5)))
    thread: dict[str, list[float]] = {name: [] for name in subjects}
    process: dict[str, list[float]] = {name: [] for name in subjects}
    order = list(subjects)
    dice = random.Random(1)
    for block in range(-3, blocks):  # the first three warm up
        dice.shuffle(order)
        for name in order:
            call, switch = subjects[name]
            switch()
            for _ in range(
                max(count, WARM // 5 if streams else WARM)
            ):  # the interpreter forgets what it knew of a class that is patched
                call()
            gc.collect()
            thread_started, process_started = time.thread_time_ns(), time.process_time_ns()
            for _ in range(count):
                call()
            thread_ns, process_ns = time.thread_time_ns() - thread_started, time.process_time_ns() - process_started
            if block >= 0:
                thread[name].append(thread_ns / count / 1e3)
                process[name].append(process_ns / count / 1e3)
    groundwire.shutdown()
    figures = {name: _low(values) for name, values in thread.items()}
    return Row(
        figures["plain"],
        figures["hand"] - figures["plain"],
        figures["ours"] - figures["plain"],
        _ratio(thread, statistics.median),
        _ratio(process, _low),
    )


def _low(values: Sequence[float]) -> float:
    return statistics.quantiles(values, n=10)[0]


def _ratio(found: Mapping[str, Sequence[float]], figure: Callable[[Sequence[float]], float]) -> float:
    plain, hand, ours = (figure(found[name]) for name in ("plain", "hand", "ours"))
    return (ours - plain) / (hand - plain) if hand > plain else float("nan")


def waits(calls: Calls, blocks: int) -> float:
    """Wall time of the caller with scoring on, over that with scoring off."""
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(Discard()))
    wall: dict[bool, list[float]] = {True: [], False: []}
    for block in range(blocks):
        for scoring in (True, False) if block % 2 else (False, True):
            settings: dict[str, Any] = {} if scoring else {"evaluators": []}
            groundwire.instrument(tracer_provider=provider, providers=[calls.provider], **settings)
            calls.whole()
            started = time.perf_counter()
            for _ in range(10):
                calls.whole()
            wall[scoring].append(time.perf_counter() - started)
            groundwire.shutdown()
    return statistics.median(wall[True]) / statistics.median(wall[False])


def opened(name: str) -> Calls | None:
    """The client's calls; None where its SDK is not installed."""
    try:
        modules = (client_calls, maker_calls, store_calls)
        make: Callable[[], Calls] = next(getattr(module, name) for module in modules if hasattr(module, name))
        return make()
    except ImportError as error:
        print(f"{name:30}not installed ({error.name})", file=sys.stderr)
        return None


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(CLIENTS)}; by default all")
    parser.add_argument("--blocks", type=int, default=60)
    parser.add_argument("--streams", action="store_true", help="streamed chats instead of whole ones")
    parser.add_argument("--scoring", action="store_true", help="the caller's wall time with scoring on, too")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    if unknown := set(arguments.names) - set(CLIENTS):
        parser.error(f"no such client: {', '.join(sorted(unknown))}; there are {', '.join(CLIENTS)}")
    rows: dict[str, Any] = {}
    if not arguments.json:
        print(f"{'CPU us a call':24}{'plain':>8}{'by hand':>9}{'ours':>7}{'ratio':>7}{'medians':>9}{'process':>9}")
    for name in arguments.names or CLIENTS:
        calls = opened(name)
        if calls is None or (arguments.streams and calls.streamed is None):
            continue
        row = measure(calls, arguments.blocks, streams=arguments.streams)
        verdict = "reached" if row.ratio <= TARGET else "MISSED"
        rows[name] = asdict(row) | {"ratio": row.ratio}
        waiting = ""
        if arguments.scoring and not arguments.streams:
            rows[name]["wall_scored"] = waits(calls, max(6, arguments.blocks // 5))
            waiting = f"  caller waits {rows[name]['wall_scored']:.2f} x with scoring"
        if not arguments.json:
            label = f"{name} stream" if arguments.streams else f"{name} {calls.what}"
            print(
                f"{label:24}{row.plain_us:>8.0f}{row.hand_us:>+9.1f}{row.ours_us:>+7.1f}{row.ratio:>7.2f}"
                f"{row.of_medians:>9.2f}{row.of_process:>9.2f}  {verdict}{waiting}",
                flush=True,
            )
    if arguments.json:
        print(json.dumps(rows))
    return 0 if all(row["ratio"] <= TARGET for row in rows.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
