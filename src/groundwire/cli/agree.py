"""`groundwire agree`: how well an evaluator agrees with people."""

import json
import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

_MOST_REJECTED = 5


_ABOUT = """\
Compare an evaluator with labels that people gave.

Prints AUC, F1 for the bad class, span F1, calibration error and speed, with
intervals, over all rows and by task. A row that the evaluator declines counts
as not flagged, so that leaving rows out cannot raise a figure."""
_EXAMPLE = """\
Example:
  groundwire agree ragtruth.jsonl.gz --evaluator faithfulness"""


def options(parser: ArgumentParser) -> None:
    """What the command takes."""
    parser.description, parser.epilog = _ABOUT, _EXAMPLE
    parser.add_argument("labels", type=Path, help="Labelled rows, one JSON object a line: .jsonl or .jsonl.gz.")
    parser.add_argument(
        "-e", "--evaluator", metavar="NAME", default="faithfulness",
        help="Which evaluator to compare. [default: %(default)s]",
    )  # fmt: skip
    parser.add_argument("--json", dest="as_json", action="store_true", help="Print the figures as one JSON object.")


def agree(*, labels: Path, evaluator: str, as_json: bool) -> int:
    """Compare an evaluator with labels that people gave; the exit code."""
    from groundwire.agreement import agree as compare
    from groundwire.agreement import labelled
    from groundwire.cli.reading import counted
    from groundwire.errors import SourceError
    from groundwire.plugins import evaluator as load_evaluator

    file = labelled(labels)
    judge = load_evaluator(evaluator)
    try:
        figures = compare(counted(file.rows, "rows judged", len(file.rows)), judge).as_json()
    except ValueError as error:
        raise SourceError(f"{labels}: {error}") from error
    if as_json:
        print(json.dumps({**figures, "rejected_lines": [list(r) for r in file.rejected]}, ensure_ascii=False))
    else:
        print("\n".join(_lines(figures)))
        for line, why in file.rejected[:_MOST_REJECTED]:
            print(f"left out: {labels}:{line}: {why}", file=sys.stderr)
        if len(file.rejected) > _MOST_REJECTED:
            print(f"left out: {len(file.rejected) - _MOST_REJECTED} more lines (--json lists all)", file=sys.stderr)
    return 3 if file.rejected else 0


def _lines(figures: dict[str, Any]) -> list[str]:
    n, good = figures["n"], figures["good"]
    skipped = sum(figures["skipped"].values())
    lines = [f"{figures['evaluator']} v{figures['version']} against {n} labelled rows: {good} good, {n - good} bad"]
    if skipped:
        why = ", ".join(f"{count} {reason.replace('_', ' ')}" for reason, count in figures["skipped"].items())
        lines.append(f"{skipped} not scored ({why}): they count as not flagged")
    lines += [
        "",
        f"AUC                  {_number(figures['auc']['all'])}{_interval(figures['intervals'].get('auc'))}",
        f"AUC, scored rows     {_number(figures['auc_scored'])}",
        f"F1 of the bad class  {_number(figures['f1'])}{_interval(figures['intervals'].get('f1'))}",
        f"F1 of bad spans      {_number(figures['span_f1'])}",
        f"calibration error    {_number(figures['ece'])}",
        f"ms a chain           {figures['ms']['p50']:.1f} (p50), {figures['ms']['p95']:.1f} (p95)",
    ]
    tasks = [task for task in figures["auc"] if task != "all"]
    if tasks:
        width = max(map(len, tasks))
        lines += ["", f"{'task':<{width}}    AUC     F1"]
        lines += [f"{t:<{width}}  {_number(figures['auc'][t])}  {_number(figures['f1_by_task'].get(t))}" for t in tasks]
    models = figures["by_generator"]
    if models:
        width = max(map(len, models))
        lines += ["", f"{'model':<{width}}      n    bad    AUC     F1"]
        lines += [
            f"{name:<{width}}  {row['n']:>5}  {row['bad']:>5}  {_number(row['auc'])}  {_number(row['f1'])}"
            for name, row in models.items()
        ]
    return lines


def _number(value: float | None) -> str:
    return "  n/a" if value is None else f"{value:.3f}"


def _interval(interval: list[float] | None) -> str:
    return "" if interval is None else f"  (95%: {interval[0]:.3f} to {interval[1]:.3f})"
