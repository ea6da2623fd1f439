"""What tracing one call costs with each client, against a span written by hand. The ratio is taken in one run.

    python benchmarks/clients.py [NAME ...] [--calls 600] [--streams] [--scoring] [--json]

The measure is that of `overhead.py`, for every client: `plain` is the SDK's call over an in-memory wire (no network),
`by hand` the same with a span around it and fifteen attributes set by hand, prompt and answer as JSON among them, and
`ours` that of `instrument(evaluators=[])`, with content and cost. The ratio is what groundwire adds over what the hand
adds, of the time that passes outside the SDK's own functions (`sdk_clock.py`), a figure being the 10th percentile of
the calls: what a call takes that neighbours left alone. The ratio of the whole time, in which the SDK's own swings,
stands beside it. Calls are made in short blocks of the three in random order. Groundwire is switched on once; for the
other two its wrappers pass calls through, which takes about a microsecond that is not counted. The collector runs
before every block; what was there before the first is frozen. With `--scoring`, the wall time that the caller waits
while answers are scored in the background, over that without.

Exit code 1 if a client adds more than 1.6 times what the hand adds, by both measures.
"""

from __future__ import annotations

import argparse
import contextlib
import gc
import json
import random
import statistics
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.trace import SpanKind, Tracer

import groundwire
from groundwire import plugins

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1] / "tests")]

import client_calls  # noqa: E402
import maker_calls  # noqa: E402
import store_calls  # noqa: E402
from client_calls import Calls, Kept  # noqa: E402
from sdk_clock import SdkClock  # noqa: E402
from switch import Subject, switched_on  # noqa: E402

TARGET = 1.6
BLOCK = 20
"""Calls of one subject before it is another's turn."""
WARM = 3
"""Calls before those that are timed: the other subjects' code is in the caches."""
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
    of_whole: float
    """The ratio of the whole time, the SDK's own included."""

    @property
    def ratio(self) -> float:
        """What groundwire adds over what the hand adds."""
        return self.ours_us / self.hand_us if self.hand_us > 0 else float("nan")

    @property
    def reached(self) -> bool:
        """Either tells: where an SDK is spared a span of its own, as Anthropic's is, only the whole time shows it."""
        return self.ratio <= TARGET or self.of_whole <= TARGET


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


@contextlib.contextmanager
def subjects_of(calls: Calls, *, streams: bool) -> Iterator[Mapping[str, Subject]]:
    """`plain`, `hand` and `ours`, of which the last makes a span through groundwire."""
    streamed = calls.streamed
    assert streamed or not streams
    exporter = Discard()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    plain = (lambda: consumed(streamed())) if streams and streamed else calls.whole
    hand = (streamed_by_hand if streams else by_hand)(calls, provider.get_tracer("by hand"))
    with switched_on(calls.provider, provider) as off:
        on = contextlib.nullcontext
        subjects: Mapping[str, Subject] = {"plain": (plain, off), "hand": (hand, off), "ours": (plain, on)}
        for name, (call, how) in subjects.items():
            before = exporter.count
            with how():
                call()
            if (made := exporter.count - before) != (name != "plain"):
                raise SystemExit(f"{calls.provider}: {made} spans of a call, {name}")
        gc.collect()
        gc.freeze()  # the libraries themselves are not gone through again at every block
        yield subjects


def measure(calls: Calls, count: int, *, streams: bool) -> Row:
    """One client, in one shape; `count` calls of each subject."""
    clock = SdkClock()
    clock.put_into(plugins.provider(calls.provider), streams=streams)

    def timed(call: Callable[[], Any]) -> tuple[int, int]:
        clock.ns = 0
        started = time.perf_counter_ns()
        call()
        took = time.perf_counter_ns() - started
        return took - clock.ns, took

    with subjects_of(calls, streams=streams) as subjects:
        found: dict[str, list[tuple[int, int]]] = {name: [] for name in subjects}
        order = list(subjects)
        dice = random.Random(1)
        for _ in range(-(-count // BLOCK)):
            dice.shuffle(order)
            for name in order:
                call, how = subjects[name]
                gc.collect()
                with how():
                    for _ in range(WARM):
                        call()
                    found[name] += [timed(call) for _ in range(BLOCK)]
    outside = {name: _low(times) for name, times in found.items()}
    whole = {name: _low(times, 1) for name, times in found.items()}
    return Row(
        whole["plain"] / 1e3,
        (outside["hand"] - outside["plain"]) / 1e3,
        (outside["ours"] - outside["plain"]) / 1e3,
        (whole["ours"] - whole["plain"]) / (whole["hand"] - whole["plain"]),
    )


def _low(times: Sequence[tuple[int, int]], which: int = 0) -> float:
    return statistics.quantiles([time[which] for time in times], n=10)[0]


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
    parser.add_argument("--calls", type=int, default=600, help="timed ones of each subject")
    parser.add_argument("--streams", action="store_true", help="streamed chats instead of whole ones")
    parser.add_argument("--scoring", action="store_true", help="the caller's wall time with scoring on, too")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    if unknown := set(arguments.names) - set(CLIENTS):
        parser.error(f"no such client: {', '.join(sorted(unknown))}; there are {', '.join(CLIENTS)}")
    rows: dict[str, Any] = {}
    if not arguments.json:
        print(f"{'us a call':24}{'plain':>8}{'by hand':>9}{'ours':>7}{'ratio':>7}{'of the whole':>14}")
    for name in arguments.names or CLIENTS:
        calls = opened(name)
        if calls is None or (arguments.streams and calls.streamed is None):
            continue
        row = measure(calls, arguments.calls, streams=arguments.streams)
        verdict = "reached" if row.reached else "MISSED"
        rows[name] = asdict(row) | {"ratio": row.ratio, "reached": row.reached}
        waiting = ""
        if arguments.scoring and not arguments.streams:
            rows[name]["wall_scored"] = waits(calls, max(6, arguments.calls // 50))
            waiting = f"  caller waits {rows[name]['wall_scored']:.2f} x with scoring"
        if not arguments.json:
            label = f"{name} stream" if arguments.streams else f"{name} {calls.what}"
            print(
                f"{label:24}{row.plain_us:>8.0f}{row.hand_us:>+9.1f}{row.ours_us:>+7.1f}{row.ratio:>7.2f}"
                f"{row.of_whole:>14.2f}  {verdict}{waiting}",
                flush=True,
            )
    if arguments.json:
        print(json.dumps(rows))
    return 0 if all(row["reached"] for row in rows.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
