"""How good the judges are: every published figure, from the labelled sets, with one command.

    python benchmarks/judgement/run.py DATA_DIR [--quick] [--json] [--tier lexical]

DATA_DIR holds the sets as `<name>.jsonl.gz`. Figures come from rows that the shipped weights have not seen (splits.py);
where the weights themselves say that they have, the figure is printed as `seen` and claims nothing. Beside each stands
the same figure of word overlap, and the goal. `--tier lexical` hides the local model. `--quick` judges 150 rows a set.
Exit code 0 whatever the figures are; 3 if a set is missing or an evaluator broke.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import peers
from baselines import Novelty, Overlap, best_f1_threshold, blind_auc
from measure_cost import measure_costs
from splits import Part, fitted_rows, is_dev, unseen
from targets import RAGTRUTH, TARGETS, Kind, Target

from groundwire.agreement import Judged, bootstrap_intervals, judge
from groundwire.agreement.figures import ece
from groundwire.agreement.measured import Figures
from groundwire.cli.reading import counted
from groundwire.labelled import Labelled, labelled
from groundwire.model import Evaluator
from groundwire.plugins import evaluator as load_evaluator
from report import cost_lines, set_lines, target_lines

_QUICK_ROWS = 150
_OTHER_ROWS = 1000
_DRAWS = 500


@dataclass(frozen=True, slots=True)
class Measured:
    """A set, judged by the evaluator and by the baselines, on the rows that count."""

    name: str
    part: Part
    total: int
    judged: Judged
    overlap: Judged
    novelty: Judged
    blind: float | None


def main() -> int:
    parser = argparse.ArgumentParser(description="How good the judges are.")
    parser.add_argument("data", type=Path, help="Directory of the labelled sets.")
    parser.add_argument("--quick", action="store_true", help=f"At most {_QUICK_ROWS} rows a set, no costs of tiers.")
    parser.add_argument("--json", dest="as_json", action="store_true", help="One JSON object.")
    parser.add_argument("--tier", choices=("installed", "lexical"), default="installed")
    parser.add_argument("--faithfulness", metavar="NAME", default="faithfulness", help="Evaluator of answers.")
    parser.add_argument("--relevance", metavar="NAME", default="context_relevance", help="Evaluator of passages.")
    given = parser.parse_args()
    if given.tier == "lexical":
        sys.modules["onnxruntime"] = None  # type: ignore[assignment]  # as in an install without the extra
    judges: dict[Kind, Evaluator] = {
        "faithfulness": load_evaluator(given.faithfulness), "context_relevance": load_evaluator(given.relevance),
    }  # fmt: skip
    files = sorted(given.data.glob("*.jsonl.gz"))
    missing = sorted({t.set for t in TARGETS} - {set_name(f) for f in files})
    if not files:
        parser.error(f"no *.jsonl.gz in {given.data}")
    threshold = overlap_threshold(given.data / f"{RAGTRUTH}.jsonl.gz")
    limit = _QUICK_ROWS if given.quick else None
    measured = [m for file in files if (m := measure_set(file, judges, threshold, limit)) is not None]
    by_name = {m.name: m for m in measured}
    found: dict[str, Any] = {
        "quick": given.quick, "tier": given.tier, "missing": missing,
        "evaluators": {kind: f"{e.name} v{e.version}" for kind, e in judges.items()},
        "overlap_threshold": threshold,
        "targets": [target_figures(t, by_name[t.set]) for t in TARGETS if t.set in by_name],
        "sets": [set_figures(m) for m in measured],
        "costs": [] if given.quick else measure_costs(given.data / f"{RAGTRUTH}.jsonl.gz"),
    }  # fmt: skip
    if given.as_json:
        print(json.dumps(found, ensure_ascii=False))
    else:
        blocks = [target_lines(found), set_lines(found), cost_lines(found), peers.lines()]
        print("\n\n".join("\n".join(block) for block in blocks if block))
    return 3 if missing or any(m.judged.failed for m in measured) else 0


def set_name(file: Path) -> str:
    """The file's name without its endings."""
    return file.name.removesuffix(".jsonl.gz")


def drawn(rows: Sequence[Labelled], limit: int | None) -> tuple[Labelled, ...]:
    """At most so many rows, always the same ones, in their order."""
    if limit is None or len(rows) <= limit:
        return tuple(rows)
    chosen = np.random.default_rng(7).choice(len(rows), limit, replace=False)
    return tuple(rows[i] for i in sorted(chosen))


def kind_of(rows: Sequence[Labelled]) -> Kind | None:
    """Which evaluator a set is for: the relevance of passages where it is labelled, else faithfulness."""
    for kind in ("context_relevance", "faithfulness"):
        if any(kind in row.good for row in rows):
            return kind  # type: ignore[return-value]
    return None


def measure_set(file: Path, judges: dict[Kind, Evaluator], threshold: float, limit: int | None) -> Measured | None:
    """Judge the rows that count; None where the set has no label for either evaluator, or no held-out row."""
    name, rows = set_name(file), labelled(file).rows
    kind = kind_of(rows)
    if kind is None:
        return None
    part = unseen(name, rows, fitted_rows(kind))
    if limit is None and name not in {t.set for t in TARGETS}:
        limit = _OTHER_ROWS
    used = drawn(part.rows, limit)
    if not used:
        return None
    judged = judge(counted(used, f"rows of {name}", len(used)), judges[kind], label=kind)
    overlap = judge(used, Overlap(kind), label=kind, threshold=threshold)
    novelty = judge(used, Novelty(kind), label=kind)
    blind = blind_auc(used, judged.good.tolist())
    return Measured(name, Part(used, part.split, part.why), len(rows), judged, overlap, novelty, blind)


def overlap_threshold(file: Path) -> float:
    """Frozen for the baseline as an evaluator's is: best F1 on the RAGTruth sources that are not held out."""
    if not file.exists():
        return 0.5
    rows = [r for r in labelled(file).rows if not is_dev(r.source)]
    judged = judge(rows, Overlap())
    return best_f1_threshold(judged.values.tolist(), judged.good.tolist())


def figures_of(judged: Judged, rows: np.ndarray) -> dict[str, float | None]:
    """All figures of some of the rows, calibration included."""
    scored = rows[judged.scored[rows]]
    return {**Figures(judged)(rows), "ece": ece(judged.values[scored], judged.good[scored])}


def target_figures(target: Target, m: Measured) -> dict[str, Any]:
    """One line of the first table."""
    rows = np.asarray([i for i, row in enumerate(m.judged.rows) if target.chosen(row)], dtype=np.intp)
    sources = [m.judged.rows[i].source for i in rows]
    whole = Figures(m.judged)
    intervals = bootstrap_intervals(lambda i: whole(rows[i]), sources, _DRAWS) if len(rows) else {}
    value = figures_of(m.judged, rows)[target.figure] if len(rows) else None
    reached = target.reached(value) if value is not None else None
    claim = {None: "", True: "reached", False: "missed"}[reached]
    return {
        "title": target.title, "set": m.name, "split": m.part.split, "why": m.part.why, "figure": target.figure,
        "n": len(rows), "bad": int((~m.judged.good[rows]).sum()), "sources": len(set(sources)), "value": value,
        "interval": intervals.get(target.figure), "goal": target.goal,
        "overlap": figures_of(m.overlap, rows)[target.figure] if len(rows) else None,
        "novelty": figures_of(m.novelty, rows)[target.figure] if len(rows) and target.figure == "auc" else None,
        "verdict": "broke" if m.judged.failed else "seen" if m.part.split == "seen" else claim,
    }  # fmt: skip


def set_figures(m: Measured) -> dict[str, Any]:
    """One line of the second table."""
    rows = np.arange(len(m.judged.rows))
    figures = figures_of(m.judged, rows)
    interval = bootstrap_intervals(Figures(m.judged), m.judged.sources, _DRAWS).get("auc")
    return {
        "set": m.name, "split": m.part.split, "why": m.part.why, "total": m.total, "n": len(rows),
        "bad": int((~m.judged.good).sum()), "sources": len(set(m.judged.sources)), **figures, "interval": interval,
        "overlap": figures_of(m.overlap, rows)["auc"], "novelty": figures_of(m.novelty, rows)["auc"],
        "blind": m.blind, "skipped": dict(m.judged.skipped), "failed": dict(m.judged.failed),
        "models": dict(m.judged.models),
    }  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
