"""`groundwire drift`: has an application changed between two stretches of time, and does it keep its limits?"""

import sys
from argparse import ArgumentParser
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from groundwire.errors import ConfigurationError, SourceError
from groundwire.terminal import json_line
from groundwire.time_spans import seconds

if TYPE_CHECKING:
    from groundwire.cli.junit import Case
    from groundwire.comparing import Run
    from groundwire.drifting import Drift
    from groundwire.traces import Problem

_ABOUT = """\
Compare two stretches of time: scores, refusals, errors, retrieval scores,
lengths, cost, latency and tokens. Nothing is paired: other questions were
asked. A request is one observation, whatever it holds.

A signal has drifted if its distribution differs by more than chance
(Kolmogorov-Smirnov, corrected for all signals) and by enough to matter
(population stability index, less what chance gives). --fail-on drift fails
unless what moved became better. Floors and ceilings hold for the current
traces alone. docs/compare.md tells how each figure is computed.

Exit codes: 0 all holds; 1 drift, or a limit not kept, where it was asked for;
2 a mistake in what was asked, or nothing to compare; 3 too little data to
decide, an evaluator broke, or a part of a source could not be read."""
_EXAMPLE = """\
Example:
  groundwire drift lastweek.jsonl today.jsonl --fail-on drift \\
    --floor faithfulness:0.8 --ceiling cost:0.02 --ceiling latency:p95:3000ms
  groundwire drift traces.jsonl --window 24h"""


def options(parser: ArgumentParser) -> None:
    """What the command takes."""
    parser.description, parser.epilog = _ABOUT, _EXAMPLE
    parser.add_argument("reference", help="What is usual: a file, folder or pattern; -; jaeger+http://host:16686?...")
    parser.add_argument("current", nargs="?", help="What is looked at; left out with --window.")
    parser.add_argument(
        "--window", metavar="TIME",
        help="Split one source: the current traces are those that began within this time (90m, 24h, 7d) before "
        "the last; all earlier ones are the reference.",
    )  # fmt: skip
    parser.add_argument(
        "-e", "--evaluator", dest="evaluators", metavar="NAME", action="append",
        help="Score both with it first, where its present version has not; may be repeated.",
    )  # fmt: skip
    parser.add_argument(
        "--fail-on", metavar="NAME", action="append",
        help="drift: exit with 1 where any signal drifted, unless for the better; or the name of one.",
    )  # fmt: skip
    parser.add_argument(
        "--floor", metavar="NAME:VALUE", action="append",
        help="Exit with 1 where the current mean, or percentile (faithfulness:p10:0.5), is lower; may be repeated.",
    )  # fmt: skip
    parser.add_argument(
        "--ceiling", metavar="NAME:VALUE", action="append",
        help="Exit with 1 where it is higher: cost:0.02, latency:p95:3000ms, refusals:10%%; may be repeated.",
    )  # fmt: skip
    parser.add_argument(
        "--psi", type=float, default=0.1, metavar="X",
        help="The index from which on a signal has drifted: 0.1 moderate, 0.25 large. [default: %(default)s]",
    )  # fmt: skip
    parser.add_argument(
        "--alpha", type=float, default=0.05, metavar="A",
        help="Chance of an alarm without drift, over all signals; intervals have the level 1 - A. "
        "[default: %(default)s]",
    )  # fmt: skip
    parser.add_argument(
        "--min-n", type=int, default=30, metavar="N",
        help="With fewer values in either nothing is inferred. [default: %(default)s]",
    )  # fmt: skip
    parser.add_argument("--json", dest="as_json", action="store_true", help="Print one JSON object.")
    parser.add_argument("--markdown", action="store_true", help="Print Markdown.")
    parser.add_argument("--junit", metavar="FILE", type=Path, help="Also write gates and limits as JUnit XML.")


def drift(
    *,
    reference: str,
    current: str | None,
    window: str | None,
    evaluators: list[str] | None,
    fail_on: list[str] | None,
    floor: list[str] | None,
    ceiling: list[str] | None,
    psi: float,
    alpha: float,
    min_n: int,
    as_json: bool,
    markdown: bool,
    junit: Path | None,
) -> int:
    """Compare two stretches of time; the exit code."""
    from groundwire.cli.junit import checked_junit, write_junit
    from groundwire.cli.reading import report
    from groundwire.cli.runs import with_scores
    from groundwire.drifting import drift as find_drift

    seconds = _seconds(window)
    _check(reference, current, window, psi, alpha, min_n, as_json and markdown)
    checked_junit(junit)
    runs, problems = _runs(reference, current, seconds)
    first, second = with_scores(runs, evaluators)
    found = find_drift(
        first, second, floors=floor or (), ceilings=ceiling or (), fail_on=fail_on or (), alpha=alpha, min_n=min_n,
        threshold=psi,
    )  # fmt: skip
    _print(found, as_json, markdown, problems)
    if junit is not None:
        write_junit(junit, "groundwire drift", _cases(found))
    report(problems)
    if found.failed:
        return 1
    return 3 if problems or found.incomplete else 0


def _seconds(window: str | None) -> float | None:
    if window is None:
        return None
    found = seconds(window)
    if not found:
        raise ConfigurationError(f"--window {window}: expected a time such as 90m, 24h or 7d")
    return found


def _check(
    reference: str, current: str | None, window: str | None, psi: float, alpha: float, min_n: int, two_forms: bool
) -> None:
    from groundwire.comparing.intervals import LEAST

    if (current is None) == (window is None):
        raise ConfigurationError("expected two sources, or one and --window 24h")
    if reference == current == "-":
        raise ConfigurationError("standard input cannot be both")
    if not 0 < alpha < 0.5:
        raise ConfigurationError(f"--alpha must be between 0 and 0.5, got {alpha:g}")
    if not 0 <= psi < float("inf"):
        raise ConfigurationError(f"--psi must not be negative, got {psi:g}")
    if min_n < LEAST:
        raise ConfigurationError(f"--min-n must be at least {LEAST}: fewer values tell nothing; got {min_n}")
    if two_forms:
        raise ConfigurationError("--json and --markdown: choose one")


def _runs(reference: str, current: str | None, seconds: float | None) -> "tuple[list[Run], list[Problem]]":
    from groundwire.cli.runs import checked, read_run

    whole, problems = read_run(reference)
    if current is not None:
        after, more = read_run(current)
        return [whole, after], [*problems, *more]
    starts = [a.trace.start_ns for a in whole.answers] + [trace.start_ns for trace in whole.errors]
    cut = max(starts) - round((seconds or 0.0) * 1e9)
    if cut < min(starts):
        raise SourceError(f"{reference}: all {whole.requests} requests began within the window, none before it")
    day = _time(cut)
    parts = whole.split(cut, (f"{reference} until {day}", f"{reference} since {day}"))
    for part in parts:
        checked(part, part.requests)
    return list(parts), problems


def _time(ns: int) -> str:
    try:
        return datetime.fromtimestamp(ns / 1e9, UTC).strftime("%Y-%m-%d %H:%M:%SZ")
    except (ValueError, OverflowError, OSError):
        return f"{ns} ns"


def _print(found: "Drift", as_json: bool, markdown: bool, problems: "Sequence[Problem]") -> None:
    if as_json:
        from groundwire.cli.reading import as_json as problems_json

        whole: dict[str, Any] = {**found.as_json(), "problems": problems_json(problems)}
        print(json_line(whole, allow_nan=False))
    elif markdown:
        from groundwire.cli.drift_text import drift_markdown

        print("\n".join(drift_markdown(found)))
    else:
        from groundwire.cli.drift_text import drift_lines
        from groundwire.terminal import page_of

        print("\n".join(drift_lines(found, page_of(sys.stdout))))
        return
    for gate in found.gates:
        if gate.outcome != "holds":
            print(f"groundwire drift: --fail-on {gate.text}: {gate.outcome}, {gate.told}", file=sys.stderr)
    for one in found.limits:
        if one.outcome != "holds":
            print(f"groundwire drift: --{one.kind} {one.text}: {one.outcome} {one.told}".rstrip(), file=sys.stderr)


def _cases(found: "Drift") -> "list[Case]":
    """A case for each gate and limit; without any, one for each signal, which cannot fail."""
    from groundwire.cli.drift_text import limit_told, signal_told
    from groundwire.cli.junit import Case, CaseOutcome

    outcomes: dict[str, CaseOutcome] = {"holds": "passed", "failed": "failed", "unknown": "unknown"}
    cases = [Case(f"--fail-on {g.text}", outcomes[g.outcome], g.told) for g in found.gates]
    cases += [Case(f"--{one.kind} {one.text}", outcomes[one.outcome], limit_told(one, found)) for one in found.limits]
    return cases or [Case(s.name, "passed", signal_told(s)) for s in found.shifts]
