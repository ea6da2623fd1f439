"""Runs cost.py once for each tier, and once more for each, to see whether another process gives the same scores."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import cost
from targets import LATENCY_MS, MEMORY_MB, SAME_SCORE


def measure_costs(rows: Path) -> list[dict[str, Any]]:
    """One entry a tier that is installed; empty where the rows are not there."""
    if not rows.exists():
        return []
    found = [tier for without in (True, False) if (tier := _tier(rows, without)) is not None]
    by_model = {tier["model"]: tier for tier in found}
    lexical = next(iter(found), None)
    for tier in by_model.values():
        p50, p95 = LATENCY_MS.get(str(tier["model"]), LATENCY_MS["lexical"] if tier is lexical else (None, None))
        tier["goal_ms"] = [p50, p95]
        tier["goal_rss_mb"] = None if tier is lexical else MEMORY_MB
        tier["goal_difference"] = SAME_SCORE
    return list(by_model.values())


def _tier(rows: Path, without_model: bool) -> dict[str, Any] | None:
    command = [sys.executable, str(Path(cost.__file__)), str(rows), *(["--without-model"] if without_model else [])]
    runs = [
        json.loads(subprocess.run([*command, "--rows", str(n)], capture_output=True, text=True, check=True).stdout)
        for n in (200, 60)
    ]
    first, second = runs
    again = max(map(cost.difference, first.pop("values"), second["values"]), default=0.0)
    first["largest_difference"] = max(first["largest_difference"], second["largest_difference"], again)
    return first
