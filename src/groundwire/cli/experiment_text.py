"""What `groundwire experiment` did, as text and as JSON."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from groundwire.experiments import Experiment
from groundwire.figures import milliseconds, plural, price
from groundwire.pipeline.tally import Figures, Tally
from groundwire.terminal import inert


def tally_of(result: Experiment, minimums: Mapping[str, Sequence[float]]) -> Tally:
    """The scores of all rows, counted as `score` counts them: gates read both.

    Args:
        result: of the experiment.
        minimums: the values that single answers are compared with, by evaluator.
    """
    tally = Tally()
    for row in result:
        tally.answers += bool(row.checks)
        for check in row.checks.values():
            figures = tally.evaluators.setdefault(check.name, Figures(check.version))
            if check.value is not None:
                figures.scored += 1
                figures.total += check.value
                figures.passed += check.passed is True
                figures.below += check.passed is False
                for minimum in minimums.get(check.name, ()):
                    figures.under[minimum] += check.value < minimum
            elif check.broke:
                figures.failed[check.reason.removeprefix("failed: ")] += 1
                figures.first_error = figures.first_error or check.reason
            else:
                figures.skipped[check.reason] += 1
    return tally


def told(result: Experiment, tally: Tally, cases: int) -> list[str]:
    """A table, and what became of the rest; within 80 columns."""
    width = min(30, max([len("evaluator"), *map(len, tally.evaluators)]))
    repeated = len(result) > cases
    head = f"{'evaluator':<{width}}  {'scored':>6}  {'mean':>5}  {'failed':>6}"
    lines = [f"{head}  {'spread':>6}  not scored" if repeated else f"{head}  not scored"]
    for name, figures in tally.evaluators.items():
        mean = "" if figures.mean is None else f"{figures.mean:.2f}"
        row = f"{inert(name)[:width]:<{width}}  {figures.scored:>6}  {mean:>5}  {figures.below:>6}"
        if repeated:
            spread = result.spread(name)
            row += f"  {'' if spread is None else f'{spread:.2f}':>6}"
        missing = [f"{n} {why.replace('_', ' ')}" for why, n in figures.skipped.most_common()]
        missing += [f"{n} broke" for n in [figures.failed.total()] if n]
        lines.append(_cut(f"{row}  {inert(', '.join(missing))}".rstrip()))
    times = "" if not repeated else f" in {len(result)} runs"
    lines += ["", _cut(f"{cases} {plural('case', cases)}{times}, {inert(result.name)}")]
    failures = Counter(row.error for row in result.failures)
    if failures:
        lines.append(f"the target failed {failures.total()} {plural('time', failures.total())}:")
        lines += [_cut(f"  {n} {inert(error or '')}") for error, n in failures.most_common(5)]
    silent = Counter(row.not_scored for row in result if row.not_scored is not None)
    if silent:
        why = ", ".join(f"{n} {inert(reason or '').replace('_', ' ')}" for reason, n in silent.most_common())
        lines.append(_cut(f"nothing to judge: {why}"))
    lines += [_cut(f"{inert(n)} broke: {inert(f.first_error)}") for n, f in tally.evaluators.items() if f.failed]
    latencies = sorted(row.duration_ms for row in result if row.error is None)
    if latencies:
        cost = f", cost {price(result.cost_usd)}" if result.cost_usd is not None else ""
        lines.append(f"latency p50 {milliseconds(_at(latencies, 0.5))}, p95 {milliseconds(_at(latencies, 0.95))}{cost}")
    if result.path is None:
        lines.append("nothing was written; -o run.jsonl keeps the traces")
    else:
        lines.append(f"{len(result) - result.resumed} written to {inert(result.path)}")
        if result.resumed:
            lines.append(f"{result.resumed} were there already and were not run again; --fresh starts over")
        if "://" not in result.path and result.path != "standard output":
            lines.append(f"next: groundwire show {inert(result.path)}")
    return lines


def object_of(result: Experiment, tally: Tally, broken: Sequence[tuple[str, str]]) -> dict[str, Any]:
    """The same, ready for `json.dumps`."""
    latencies = sorted(row.duration_ms for row in result if row.error is None)
    return {
        "experiment": result.name,
        "rows": len(result),
        "resumed": result.resumed,
        "answered": sum(row.answer is not None for row in result),
        "failures": [{"case": r.case_id, "repeat": r.repeat, "error": r.error} for r in result.failures],
        "not_scored": dict(Counter(r.not_scored for r in result if r.not_scored is not None)),
        "evaluators": {
            name: {
                "version": f.version,
                "scored": f.scored,
                "mean": f.mean,
                "below_threshold": f.below,
                "spread": result.spread(name),
                "skipped": dict(f.skipped),
                "failed": dict(f.failed),
            }
            for name, f in tally.evaluators.items()
        },
        "latency_ms": {"p50": _at(latencies, 0.5), "p95": _at(latencies, 0.95)} if latencies else None,
        "cost_usd": result.cost_usd,
        "broken_gates": [{"rule": rule, "why": why} for rule, why in broken],
        "written_to": result.path,
    }


def _at(values: Sequence[float], share: float) -> float:
    """The value that so large a share of sorted values does not exceed."""
    return values[max(0, math.ceil(share * len(values)) - 1)]


def _cut(text: str) -> str:
    return text if len(text) <= 80 else f"{text[:77]}..."
