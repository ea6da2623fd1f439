"""How many instructions tracing adds to a call, against a span written by hand: a count, so that it does not swing.

    python benchmarks/instructions.py [NAME ...] [--streams]

The calls are those of `clients.py`, run in one process under valgrind's callgrind, which has to be installed with its
headers and a C compiler. Beside the instructions stand the misses of the first cache of instructions (32 KB) and of
that of data (48 KB): code that is cold takes longer than its instructions tell. About two minutes for each client.
"""

from __future__ import annotations

import argparse
import ctypes
import gc
import os
import re
import statistics
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

SOURCE = """
#include <valgrind/callgrind.h>
void zero(void) { CALLGRIND_ZERO_STATS; }
void dump(const char *name) { CALLGRIND_DUMP_STATS_AT(name); }
"""
OPTIONS = ("--tool=callgrind", "--cache-sim=yes", "--I1=32768,8,64", "--D1=49152,12,64", "--LL=2097152,16,64")
ROUNDS = 3
"""Blocks of each subject; the first ones of groundwire import what the first call needs, so medians are taken."""
KEPT: Mapping[str, tuple[str, ...]] = {"instructions": ("Ir",), "I1": ("I1mr",), "D1": ("D1mr", "D1mw")}


def inside(name: str, streams: bool, library: str) -> None:
    """What runs under valgrind: the plain call, by hand and traced in turns; a dump after each block."""
    import clients

    counter = ctypes.CDLL(library)
    calls = clients.opened(name)
    assert calls is not None
    warm, counted = _blocks(streams)
    with clients.subjects_of(calls, streams=streams) as subjects:
        for _ in range(ROUNDS):
            for subject, (call, how) in subjects.items():
                with how():
                    for _ in range(warm):
                        call()
                    gc.collect()
                    counter.zero()
                    for _ in range(counted):
                        call()
                    counter.dump(subject.encode())
        os._exit(0)  # what an exit does is not counted


def _blocks(streams: bool) -> tuple[int, int]:
    return (8, 3) if streams else (40, 20)


def counts(name: str, streams: bool) -> dict[str, dict[str, float]]:
    """By subject, what one call takes."""
    with tempfile.TemporaryDirectory() as folder:
        source, library = Path(folder, "counter.c"), Path(folder, "counter.so")
        source.write_text(SOURCE)
        subprocess.run(["cc", "-O1", "-shared", "-fPIC", "-o", library, source], check=True)
        outside = ["valgrind", *OPTIONS, f"--callgrind-out-file={folder}/out"]
        itself = [sys.executable, __file__, name, "--inside", str(library), *(["--streams"] if streams else [])]
        environment = {**os.environ, "PYTHONHASHSEED": "0"}
        done = subprocess.run([*outside, *itself], env=environment, capture_output=True, text=True, check=False)
        if done.returncode:
            raise SystemExit(f"{name}: {done.stderr[-2000:]}")
        blocks: dict[str, list[dict[str, int]]] = defaultdict(list)
        for dump in Path(folder).glob("out.*"):
            text = dump.read_text()
            if subject := re.search(r"Client Request: (\w+)", text):
                events = re.search(r"^events: (.*)$", text, re.M)
                totals = re.search(r"^(?:totals|summary): (.*)$", text, re.M)
                assert events
                assert totals
                told = zip(events[1].split(), map(int, totals[1].split()), strict=False)
                blocks[subject[1]].append(dict(told))
    calls = _blocks(streams)[1]
    return {
        subject: {
            what: statistics.median(sum(block[event] for event in events) for block in rows) / calls
            for what, events in KEPT.items()
        }
        for subject, rows in blocks.items()
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", default=["openai"])
    parser.add_argument("--streams", action="store_true")
    parser.add_argument("--inside", metavar="LIBRARY", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.inside:
        inside(given.names[0], given.streams, given.inside)
    print(f"{'added to a call':22}{'instructions':>24}{'ratio':>8}{'I1 misses':>18}{'D1 misses':>18}")
    for name in given.names:
        found = counts(name, given.streams)
        hand, ours = ({w: found[s][w] - found["plain"][w] for w in KEPT} for s in ("hand", "ours"))
        cells = [f"{hand[what]:,.0f} {ours[what]:,.0f}" for what in KEPT]
        ratio = ours["instructions"] / hand["instructions"]
        label = f"{name} {'stream' if given.streams else 'call'}"
        print(f"{label:22}{cells[0]:>24}{ratio:8.2f}{cells[1]:>18}{cells[2]:>18}", flush=True)


if __name__ == "__main__":
    sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1] / "tests")]
    main()
