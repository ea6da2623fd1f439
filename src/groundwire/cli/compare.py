"""`groundwire compare`: is one run worse than another, by how much, and is that more than chance?"""

import sys
from argparse import ArgumentParser
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from groundwire.errors import ConfigurationError
from groundwire.terminal import json_line

if TYPE_CHECKING:
    from groundwire.cli.junit import Case
    from groundwire.comparing import Comparison, Regression

_ABOUT = """\
Compare two runs of an application, question by question: scores, cost, latency
and tokens, with intervals, and the answers that became worst side by side.

Answers to one question are paired, and averaged first where a run has several.
A run that has no scores is scored first, in memory.

A gate, NAME:LIMIT, fails where the whole interval lies beyond the limit. Scores
may fall (faithfulness:-0.03), cost, latency, input_tokens and output_tokens may
rise (cost:+10%, latency:+200ms). docs/compare.md tells how each is computed.

Exit codes: 0 all gates hold; 1 a gate failed; 2 a mistake in what was asked, or
nothing to compare; 3 a gate could not be decided, an evaluator broke, or a part
of a source could not be read."""
_EXAMPLE = """\
Example:
  groundwire compare v1.jsonl v2.jsonl --by model \\
    --fail-on faithfulness:-0.03 --fail-on cost:+10% --markdown > comment.md"""


def options(parser: ArgumentParser) -> None:
    """What the command takes."""
    parser.description, parser.epilog = _ABOUT, _EXAMPLE
    parser.add_argument("base", help="The run that was: a file, folder or pattern; -; jaeger+http://host:16686?...")
    parser.add_argument("candidate", help="The run that shall take its place.")
    parser.add_argument("--key", metavar="ATTR", help="Pair by this attribute, not by question.")
    parser.add_argument("--unpaired", action="store_true", help="Compare as two independent sets of questions.")
    parser.add_argument(
        "--by", metavar="ATTR", action="append",
        help="Also compare slices: model, or any attribute such as app.version; may be repeated.",
    )  # fmt: skip
    parser.add_argument(
        "-e", "--evaluator", dest="evaluators", metavar="NAME", action="append",
        help="Score both runs with it first, where its present version has not; may be repeated.",
    )  # fmt: skip
    parser.add_argument("--fail-on", metavar="NAME:LIMIT", action="append", help="A gate; may be repeated.")
    parser.add_argument(
        "--alpha", type=float, default=0.05, metavar="A",
        help="Intervals have the level 1 - A. [default: %(default)s]",
    )  # fmt: skip
    parser.add_argument(
        "--min-n", type=int, default=30, metavar="N",
        help="With fewer questions a figure has no interval and no gate is decided. [default: %(default)s]",
    )  # fmt: skip
    parser.add_argument(
        "--max-missing", type=float, default=0.2, metavar="SHARE",
        help="No gate is decided where CAND lacks the figure for more of BASE's questions. [default: %(default)s]",
    )  # fmt: skip
    parser.add_argument(
        "--strict", action="store_true", help="A gate also fails where the interval holds its limit: no proof, no pass."
    )
    parser.add_argument(
        "--worst", type=int, default=3, metavar="N", help="How many regressions to show. [default: %(default)s]"
    )
    parser.add_argument("--json", dest="as_json", action="store_true", help="Print one JSON object.")
    parser.add_argument("--markdown", action="store_true", help="Print Markdown, for a pull request.")
    parser.add_argument("--junit", metavar="FILE", type=Path, help="Also write the gates as JUnit XML.")


def compare(
    *,
    base: str,
    candidate: str,
    key: str | None,
    unpaired: bool,
    by: list[str] | None,
    evaluators: list[str] | None,
    fail_on: list[str] | None,
    alpha: float,
    min_n: int,
    max_missing: float,
    strict: bool,
    worst: int,
    as_json: bool,
    markdown: bool,
    junit: Path | None,
) -> int:
    """Compare two runs; the exit code."""
    from groundwire.cli.junit import checked_junit, write_junit
    from groundwire.cli.reading import report
    from groundwire.cli.runs import read_run, with_scores
    from groundwire.comparing import compare as compare_runs
    from groundwire.comparing import regressions

    _check(alpha, min_n, max_missing, worst, as_json and markdown, base == candidate == "-", key, unpaired)
    checked_junit(junit)
    problems: list[Any] = []
    runs: list[Any] = []
    for name in (base, candidate):
        run, found = read_run(name, [*(by or ()), *([key] if key else ())])
        problems += found
        runs.append(run)
    first, second = with_scores(runs, evaluators)
    comparison = compare_runs(
        first, second, key=key, unpaired=unpaired, by=by or (), fail_on=fail_on or (), alpha=alpha, min_n=min_n,
        max_missing=max_missing, strict=strict,
    )  # fmt: skip
    shown = _worst(comparison)
    regressed = regressions(comparison, shown, worst) if shown and worst else []
    _print(comparison, regressed, as_json, markdown, problems)
    if junit is not None:
        write_junit(junit, "groundwire compare", list(_cases(comparison)))
    report(problems)
    if comparison.failed:
        return 1
    return 3 if problems or comparison.incomplete else 0


def _check(
    alpha: float,
    min_n: int,
    max_missing: float,
    worst: int,
    two_forms: bool,
    twice: bool,
    key: str | None,
    unpaired: bool,
) -> None:
    from groundwire.comparing.intervals import LEAST

    if not 0 < alpha < 0.5:
        raise ConfigurationError(f"--alpha must be between 0 and 0.5, got {alpha:g}")
    if min_n < LEAST:
        raise ConfigurationError(f"--min-n must be at least {LEAST}: fewer questions tell nothing; got {min_n}")
    if not 0 <= max_missing <= 1:
        raise ConfigurationError(f"--max-missing must be in [0, 1], got {max_missing:g}")
    if worst < 0:
        raise ConfigurationError(f"--worst must not be negative, got {worst}")
    if two_forms:
        raise ConfigurationError("--json and --markdown: choose one")
    if twice:
        raise ConfigurationError("standard input cannot be both runs")
    if unpaired and key is not None:
        raise ConfigurationError("--key pairs, and --unpaired does not: choose one")


def _worst(comparison: "Comparison") -> str | None:
    """The score whose regressions are shown: that of the first gate on one, else faithfulness, else the first."""
    scores = [d.name for d in comparison.differences if d.unit == "score" and min(d.n)]
    gated = [g.name for g in comparison.gates if g.name in scores]
    return next(iter([*gated, *scores]), None)


def _print(
    comparison: "Comparison", regressed: Sequence["Regression"], as_json: bool, markdown: bool, problems: Sequence[Any]
) -> None:
    if as_json:
        from groundwire.cli.reading import as_json as problems_json

        regressions_json = [one.as_json() for one in regressed]
        whole = {**comparison.as_json(), "worst": regressions_json, "problems": problems_json(problems)}
        print(json_line(whole, allow_nan=False))
    elif markdown:
        from groundwire.cli.compare_markdown import comparison_markdown

        print("\n".join(comparison_markdown(comparison, regressed)))
    else:
        from groundwire.cli.compare_text import comparison_lines, gate_lines
        from groundwire.cli.regressions_text import regression_lines
        from groundwire.terminal import page_of

        page = page_of(sys.stdout)
        print("\n".join(comparison_lines(comparison, page)))
        for line in (*regression_lines(regressed, page), *gate_lines(comparison.gates, comparison, page)):
            print(line)
        return
    for gate in comparison.gates:
        if gate.outcome in ("failed", "unknown"):
            print(f"groundwire compare: --fail-on {gate.text}: {gate.outcome}, {gate.told}", file=sys.stderr)


def _cases(comparison: "Comparison") -> "list[Case]":
    """A case for each gate; without gates one for each figure, which cannot fail."""
    from groundwire.cli.compare_text import gate_figures
    from groundwire.cli.junit import Case, CaseOutcome
    from groundwire.cli.quantities import changed
    from groundwire.comparing.gates import Outcome

    if not comparison.gates:
        return [Case(d.name, "passed", " ".join(changed(d))) for d in comparison.differences]
    outcomes: dict[Outcome, CaseOutcome] = {
        "holds": "passed", "unproven": "passed", "failed": "failed", "unknown": "unknown",
    }  # fmt: skip
    return [
        Case(f"--fail-on {g.text}", outcomes[g.outcome], f"{gate_figures(g, comparison)} {g.told}".strip())
        for g in comparison.gates
    ]
