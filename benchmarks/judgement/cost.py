"""What a judgement takes, and whether it is the same every time. Each tier in a process of its own, on one core.

    python benchmarks/judgement/cost.py ROWS.jsonl.gz [--without-model] [--rows 200]

prints one JSON object. `--without-model` hides onnxruntime from the process, as an install without the extra does.
"""

import argparse
import json
import os
import random
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from time import perf_counter_ns
from typing import Any

_DELTA_ROWS = 40


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("rows_file", type=Path)
    parser.add_argument("--without-model", action="store_true")
    parser.add_argument("--rows", type=int, default=200)
    parser.add_argument("--evaluator", default="faithfulness")
    given = parser.parse_args()
    if given.without_model:
        sys.modules["onnxruntime"] = None  # type: ignore[assignment]  # an import of it fails from here on
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    cores = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else set[int]()
    if cores:
        os.sched_setaffinity(0, {min(cores)})
    import groundwire.labelled
    from groundwire.model import Score
    from groundwire.plugins import evaluator

    chains = [row.chain for row in groundwire.labelled.labelled(given.rows_file).rows]
    random.Random(1).shuffle(chains)
    chains = chains[: given.rows]
    before = resident_mb()
    judge = evaluator(given.evaluator)
    first = judge.evaluate(chains[0])  # whatever is loaded lazily is loaded now
    elapsed: list[float] = []
    values: list[float | None] = []
    for chain in chains:
        began = perf_counter_ns()
        result = judge.evaluate(chain)
        elapsed.append((perf_counter_ns() - began) / 1e6)
        values.append(result.value if isinstance(result, Score) else None)
    elapsed.sort()
    after = resident_mb()
    if cores:
        os.sched_setaffinity(0, cores)  # threads shall really run side by side
    found = {
        "model": first.model if isinstance(first, Score) else None, "rows": len(chains),
        "p50_ms": elapsed[len(elapsed) // 2], "p95_ms": elapsed[int(len(elapsed) * 0.95)],
        "rss_added_mb": after - before if before is not None and after is not None else None,
        "largest_difference": largest_difference(judge, chains[:_DELTA_ROWS], values[:_DELTA_ROWS]),
        "values": values[:_DELTA_ROWS],
    }  # fmt: skip
    print(json.dumps(found))


def resident_mb() -> float | None:
    """Memory of this process now, in MB; None where the system does not tell."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except (OSError, IndexError, ValueError):
        return None
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def largest_difference(judge: Any, chains: Sequence[Any], expected: Sequence[float | None]) -> float:
    """Between the values above and those in reverse order, shuffled, in one batch and through eight threads.

    An answer that is scored in one way and skipped in another counts as 1.
    """

    def value(chain: Any) -> float | None:
        return getattr(judge.evaluate(chain), "value", None)

    n = len(chains)
    orders = [list(range(n))[::-1], random.Random(2).sample(range(n), n)]
    seen = [{i: value(chains[i]) for i in order} for order in orders]
    with ThreadPoolExecutor(8) as pool:
        seen.append(dict(enumerate(pool.map(value, chains))))
    if hasattr(judge, "evaluate_many"):
        seen.append({i: getattr(r, "value", None) for i, r in enumerate(judge.evaluate_many(chains))})
    return max((difference(expected[i], way[i]) for way in seen for i in range(n)), default=0.0)


def difference(one: float | None, other: float | None) -> float:
    """Of two values; 1 where one is unknown and the other is not."""
    if one is None or other is None:
        return 0.0 if one is other else 1.0
    return abs(one - other)


if __name__ == "__main__":
    main()
