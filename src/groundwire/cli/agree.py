"""`groundwire agree`: how well an evaluator agrees with people."""

import random
import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from groundwire.terminal import json_line

if TYPE_CHECKING:
    from groundwire.agreement import Agreement, Judged
    from groundwire.labelled import Labelled

_MOST_REJECTED = 5
_ABOUT = """\
Compare an evaluator with labels that people gave.

Prints AUC, F1 for the bad class, balanced accuracy, kappa, the four counts,
span F1, calibration and speed, with 95 % intervals drawn by source, over all
rows and in groups. A row that the evaluator declines counts as not flagged, so
that leaving rows out cannot raise a figure.

Labels are JSON lines or CSV; docs/labels.md tells the format, and
docs/agreement.md what each figure means.

Exit codes: 0 done; 1 a floor was not reached; 2 a mistake in what was asked, or
nothing to work on; 3 some lines could not be used, or the evaluator broke."""
_EXAMPLE = """\
Example:
  groundwire agree ragtruth.jsonl.gz --evaluator faithfulness
  groundwire agree labels.csv --by team --min-auc 0.8 --plot reliability.png
  groundwire agree labels.jsonl -e faithfulness --against my_package:judge"""
_FLOORS: tuple[tuple[str, str], ...] = (
    ("auc", "AUC"), ("f1", "F1 of the bad class"), ("balanced_accuracy", "balanced accuracy"),
    ("span_f1", "F1 of bad spans"), ("map", "mean average precision"),
)  # fmt: skip


def options(parser: ArgumentParser) -> None:
    """What the command takes."""
    parser.description, parser.epilog = _ABOUT, _EXAMPLE
    parser.add_argument(
        "labels", type=Path, nargs="+", help="Labelled rows: .jsonl (one JSON object a line) or .csv, also .gz."
    )
    parser.add_argument(
        "-e", "--evaluator", metavar="NAME", default="faithfulness",
        help="Which evaluator to compare. [default: %(default)s]",
    )  # fmt: skip
    parser.add_argument(
        "--against", metavar="NAME",
        help="Another evaluator for the same rows: prints the differences, with intervals from a paired bootstrap.",
    )  # fmt: skip
    parser.add_argument(
        "--by", metavar="KEY", action="append",
        help="Figures for each value of a column, also task, generator, length, file; may be given several times."
        " [default: task, generator, length]",
    )  # fmt: skip
    parser.add_argument("--label", metavar="NAME", help="Label to compare with. [default: the evaluator's name]")
    parser.add_argument(
        "--threshold", metavar="VALUE", type=float, help="Flag values below it, in place of the evaluator's verdict."
    )
    parser.add_argument(
        "--spans-as", choices=("flaws", "sentences"), default="flaws",
        help="What the evaluator marks: words found wanting, or whole sentences. [default: %(default)s]",
    )  # fmt: skip
    parser.add_argument("--sample", metavar="N", type=int, help="Judge N rows, drawn at random.")
    parser.add_argument("--seed", metavar="N", type=int, default=0, help="Of the sample. [default: %(default)s]")
    parser.add_argument(
        "--observed", metavar="SHARE",
        help="What the evaluator flagged elsewhere, such as 240/2000 or 12%%: prints the true share behind it.",
    )  # fmt: skip
    parser.add_argument("--plot", metavar="FILE.png", type=Path, help="Draw the reliability plot into this file.")
    for name, title in _FLOORS:
        parser.add_argument(
            f"--min-{name.replace('_', '-')}", metavar="FLOOR", type=float, dest=f"min_{name}",
            help=f"Exit with 1 where the {title} is lower.",
        )  # fmt: skip
    parser.add_argument(
        "--max-ece", metavar="CEILING", type=float, help="Exit with 1 where the calibration error is higher."
    )
    parser.add_argument("--json", dest="as_json", action="store_true", help="Print the figures as one JSON object.")


def agree(
    *,
    labels: list[Path],
    evaluator: str,
    against: str | None,
    by: list[str] | None,
    label: str | None,
    threshold: float | None,
    spans_as: Literal["flaws", "sentences"],
    sample: int | None,
    seed: int,
    observed: str | None,
    plot: Path | None,
    as_json: bool,
    **limits: float | None,
) -> int:
    """Compare an evaluator with labels that people gave; the exit code."""
    from groundwire.agreement import GROUPED_BY, Observed, compare, measure
    from groundwire.agreement.grouping import checked
    from groundwire.cli.agreement_text import comparison_lines, figure_lines
    from groundwire.errors import SourceError
    from groundwire.plugins import evaluator as load_evaluator

    _check(threshold, sample, plot)
    elsewhere = Observed.parse(observed) if observed is not None else None
    judges = [load_evaluator(name) for name in (evaluator, against) if name is not None]
    rows, rejected = _read(labels)
    if sample is not None and sample < len(rows):
        rows = [rows[i] for i in sorted(random.Random(seed).sample(range(len(rows)), sample))]
    checked(rows, by or ())
    keys = tuple(by or (*GROUPED_BY, *(("file",) if len(labels) > 1 else ())))
    what = ", ".join(map(str, labels))
    try:
        judged = [
            _judged(rows, judge, label, threshold if number == 0 else None, spans_as)
            for number, judge in enumerate(judges)
        ]
    except ValueError as error:
        raise SourceError(f"{what}: {error}") from error
    measured = [measure(j, keys, elsewhere) for j in judged]
    comparison = compare(judged[0], judged[1], (evaluator, against)) if against is not None else None
    if plot is not None:
        _draw(plot, measured[0])
    missed = _missed(measured[0], limits)
    if as_json:
        found: dict[str, Any] = {
            **measured[0].as_json(), "rejected_lines": [[line, why, str(file)] for file, line, why in rejected],
            "missed_limits": missed, "against": measured[1].as_json() if comparison else None,
            "comparison": comparison.as_json() if comparison else None,
        }  # fmt: skip
        print(json_line(found))
    else:
        blocks = [figure_lines(m) for m in measured] + ([comparison_lines(comparison)] if comparison else [])
        print("\n\n".join("\n".join(lines) for lines in blocks))
        if plot is not None:
            print(f"\nreliability plot: {plot}")
    _tell(rejected, missed)
    return 1 if missed else 3 if rejected or any(m.failed for m in measured) else 0


def _check(threshold: float | None, sample: int | None, plot: Path | None) -> None:
    """Raise for what can be known to go wrong before hours of judging."""
    from groundwire.errors import ConfigurationError

    if threshold is not None and not 0 <= threshold <= 1:
        raise ConfigurationError(f"--threshold must be in [0, 1], got {threshold}")
    if sample is not None and sample < 1:
        raise ConfigurationError(f"--sample must be at least 1, got {sample}")
    if plot is not None and plot.suffix.lower() != ".png":
        raise ConfigurationError(f"--plot writes a PNG: expected a name such as reliability.png, got {plot}")
    if plot is not None and not plot.parent.is_dir():
        raise ConfigurationError(f"--plot: there is no directory {plot.parent}")


def _read(files: list[Path]) -> "tuple[list[Labelled], list[tuple[Path, int, str]]]":
    from groundwire.agreement import labelled

    rows: list[Labelled] = []
    rejected: list[tuple[Path, int, str]] = []
    for file in files:
        found = labelled(file)
        rows.extend(found.rows)
        rejected.extend((file, line, why) for line, why in found.rejected)
    return rows, rejected


def _judged(rows: "list[Labelled]", judge: Any, label: str | None, threshold: float | None, spans_as: Any) -> "Judged":
    from groundwire.agreement import judge as judge_rows
    from groundwire.cli.reading import counted

    shown = counted(rows, f"rows judged by {judge.name}", len(rows))
    return judge_rows(shown, judge, label=label, threshold=threshold, spans_as=spans_as)


def _draw(plot: Path, measured: "Agreement") -> None:
    from groundwire.agreement.plot import reliability_png
    from groundwire.errors import SinkError

    error = "n/a" if measured.ece is None else f"{measured.ece:.3f}"
    title = f"{measured.evaluator} v{measured.version}: ECE {error}"
    scored = sum(b.n for b in measured.reliability)
    try:
        plot.write_bytes(reliability_png(measured.reliability, title, f"{scored} scored rows"))
    except OSError as problem:
        raise SinkError(f"{plot}: cannot be written ({problem.strerror or problem})") from problem


def _missed(measured: "Agreement", limits: dict[str, float | None]) -> list[str]:
    """What is below its floor, above its ceiling, or not known though a limit was set."""
    counts = measured.confusion
    found = {
        "auc": measured.auc["all"], "f1": measured.f1, "span_f1": measured.span_f1, "map": measured.map,
        "balanced_accuracy": counts.balanced_accuracy if counts else None,
    }  # fmt: skip
    missed: list[str] = []
    for name, title in _FLOORS:
        floor, value = limits.get(f"min_{name}"), found[name]
        if floor is not None and (value is None or value < floor):
            missed.append(f"{title} is {_number(value)}, the floor {floor:g}")
    ceiling = limits.get("max_ece")
    if ceiling is not None and (measured.ece is None or measured.ece > ceiling):
        missed.append(f"calibration error is {_number(measured.ece)}, the ceiling {ceiling:g}")
    return missed


def _number(value: float | None) -> str:
    return "not known" if value is None else f"{value:.4f}"


def _tell(rejected: list[tuple[Path, int, str]], missed: list[str]) -> None:
    for file, line, why in rejected[:_MOST_REJECTED]:
        print(f"left out: {file}:{line}: {why}", file=sys.stderr)
    if len(rejected) > _MOST_REJECTED:
        print(f"left out: {len(rejected) - _MOST_REJECTED} more lines (--json lists all)", file=sys.stderr)
    for told in missed:
        print(f"not reached: {told}", file=sys.stderr)
