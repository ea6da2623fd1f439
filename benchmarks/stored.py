"""Stored traces: how fast they are read and scored, by how many processes, in how much memory.

    python benchmarks/stored.py [--spans 1000000] [--answers 3000] [--folder DIR]

Requests of four spans (root, embeddings, retrieval, chat; 1.7 KB a span) of recorded answers of real LLMs, each with a
number of its own in every text, so that no reading of one serves another; "again" is without it, as where many
questions find the same few passages. CPU time is measured where one core is meant, because others may be at work on the
machine; wall time where it is about workers.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import stored_traces

from groundwire.chain import chains
from groundwire.model import SpanRecord
from groundwire.pipeline.collecting import rarely_collecting
from groundwire.traces import joined, open_source

HERE = Path(__file__).resolve().parent
LEXICAL = [f"-e=lexical_tier:{name}" for name in ("faithfulness", "context_relevance", "answer_relevance")]
MIB = 1024
_CALL = """
import sys, time
from groundwire.cli import run
code = run(sys.argv[1:])
print("own CPU", time.process_time(), file=sys.stderr)
sys.exit(code)
"""


@dataclass(frozen=True)
class Run:
    """A run of the command."""

    wall_s: float
    cpu_s: float
    """Of all its processes."""
    own_cpu_s: float
    """Of the first one alone: what more workers do not divide."""
    rss_mib: float
    """The most that one of its processes held."""


def command(*arguments: str) -> Run:
    """Run `groundwire score` in a process of its own."""
    call = [sys.executable, "-c", _CALL, "score", *arguments]
    environment = {**os.environ, "PYTHONPATH": str(HERE), "GROUNDWIRE_CACHE_DIR": tempfile.mkdtemp()}
    began = time.monotonic()
    process = subprocess.Popen(call, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    assert process.stderr is not None
    said = process.stderr.read().decode()
    own = float(said.rpartition("own CPU ")[2] or 0)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode not in (0, 1):
        raise SystemExit(f"groundwire score {' '.join(arguments)} exited with {process.returncode}:\n{said[-2000:]}")
    return Run(time.monotonic() - began, used.ru_utime + used.ru_stime, own, used.ru_maxrss / MIB)


def verdict(value: float, target: float, *, at_most: bool = False) -> str:
    """Whether a figure reaches its target."""
    return "reached" if (value <= target if at_most else value >= target) else f"MISSED, target {target:g}"


@contextmanager
def sources(folder: Path) -> Iterator[Callable[..., Path]]:
    """Files of so many requests, made once."""
    made: dict[str, Path] = {}

    def source(requests: int, *, again: bool = False) -> Path:
        name = f"{requests}{'-again' if again else ''}.jsonl"
        if name not in made:
            made[name] = folder / name
            stored_traces.write(made[name], requests, again=again)
        return made[name]

    try:
        yield source
    finally:
        for path in made.values():
            path.unlink()


@rarely_collecting()  # as `groundwire score` does
def reading(source: Path) -> None:
    best = 0.0
    for _ in range(3):
        began = time.process_time()
        spans: list[SpanRecord] = list(joined(open_source(str(source))))
        read = time.process_time() - began
        found = chains(spans)
        took = time.process_time() - began
        if len(spans) / took > best:
            best = len(spans) / took
            told = f"{best:>10,.0f} spans/s (read {len(spans) / read:,.0f}/s); {len(found.chains):,} chains"
    print(f"OTLP/JSON lines -> chains, one core {told}   {verdict(best, 20_000)}")


def evaluating(requests: int) -> None:
    import lexical_tier as tier

    spans = [span for request in stored_traces.requests(requests) for span in request]
    found = chains(spans).chains
    everything = (tier.faithfulness, tier.context_relevance, tier.answer_relevance)
    for names, evaluators in (("faithfulness", everything[:1]), ("all three", everything)):
        for evaluator in evaluators:
            evaluator.evaluate(found[0])
        began = time.process_time()
        for chain in found:
            for evaluator in evaluators:
                evaluator.evaluate(chain)
        rate = len(found) / (time.process_time() - began)
        print(f"lexical tier, {names:<13} one core {rate:>10,.0f} answers/s   {verdict(rate, 500)}")


def scoring(source: Path, again: Path, requests: int, folder: Path) -> None:
    out = str(folder / "out.jsonl")
    started = command(str(source), "--dry-run", "--limit", "1", *LEXICAL).cpu_s
    for names, chosen in (("faithfulness", LEXICAL[:1]), ("all three", LEXICAL)):
        one = command(str(source), "-o", out, *chosen)
        rate = requests / one.cpu_s
        print(f"groundwire score, {names:<13} all of it {rate:>8,.0f} answers/s of one core ({one.cpu_s:.1f} s CPU)   "
              f"{verdict(rate, 500)}")  # fmt: skip
    same = requests / command(str(again), "-o", out, *LEXICAL).cpu_s
    print(f"groundwire score, texts that come again: {same:>8,.0f} answers/s of one core   {verdict(same, 500)}")
    two = command(str(source), "-o", out, "--workers", "2", *LEXICAL)
    gain = one.wall_s / two.wall_s
    load = f"load {os.getloadavg()[0]:.1f} of {os.cpu_count()} cores; starting takes {started:.1f} s"
    took = f"{one.wall_s:.1f} s -> {two.wall_s:.1f} s"
    print(f"two workers, wall clock {gain:.2f} x ({took}; {load})   {verdict(gain, 1.8)}")
    # Where others are at work the clock tells of them; this is what it would tell of two idle cores.
    path = two.own_cpu_s + (two.cpu_s - two.own_cpu_s) / 2
    gain = one.cpu_s / path
    print(f"two workers, by CPU {gain:.2f} x ({one.cpu_s:.1f} s -> {two.own_cpu_s:.1f} s alone and "
          f"{two.cpu_s - two.own_cpu_s:.1f} s by two)   {verdict(gain, 1.8)}")  # fmt: skip


def memory(source: Callable[..., Path], most: int, folder: Path) -> None:
    spans = 10_000
    while spans <= most:
        run = command(str(source(spans // 4)), "-o", str(folder / "out.jsonl"), LEXICAL[2])
        rate = spans / run.cpu_s
        print(f"{spans:>9,} spans: {run.rss_mib:>4.0f} MiB, {rate:,.0f} spans/s of one core, read, scored, written   "
              f"{verdict(run.rss_mib, 300, at_most=True)}")  # fmt: skip
        spans *= 10


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--spans", type=int, default=100_000, help="the largest source, for memory")
    parser.add_argument("--answers", type=int, default=2_000, help="for speed")
    parser.add_argument("--folder", type=Path, default=None, help="for the sources: 1.8 KB a span, three times")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=given.folder) as name, sources(Path(name)) as source:
        folder = Path(name)
        reading(source(2_500))
        evaluating(given.answers // 4)
        scoring(source(given.answers), source(given.answers, again=True), given.answers, folder)
        memory(source, given.spans, folder)


if __name__ == "__main__":
    main()
