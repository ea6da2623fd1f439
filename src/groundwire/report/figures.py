"""What a run adds up to: scores and why some are missing, durations, cost, tokens; over all answers."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from math import ceil, isfinite, log10, sqrt
from typing import Any

from groundwire.checks import Check
from groundwire.comparing.measures import cost, tokens
from groundwire.report.entry import Entry, Listing
from groundwire.report.shown import line
from groundwire.trace import SEVERITY, Trace

_BINS = 20
_REASONS = 12
_SLICES = 24


def figures(run: Listing, by: Sequence[str]) -> dict[str, Any]:
    """Totals of a run, ready for JSON. What is not known is None or absent, never 0.

    Args:
        run: whose answers.
        by: attributes by which they are told apart as well.
    """
    requests = {id(e.answer.trace): e.answer.trace for e in run.entries}.values()
    names = evaluators(run.entries)
    return {
        "verdicts": verdicts(run.entries),
        "evaluators": [_evaluator(name, run.entries) for name in names],
        "requests": _requests(requests),
        "kinds": _kinds(requests),
        "slices": [_slices(attribute, run.entries, names) for attribute in by],
    }


def verdicts(entries: Iterable[Entry]) -> dict[str, int]:
    """How many answers have each verdict."""
    counts = Counter(e.verdict for e in entries)
    return {verdict: counts[verdict] for verdict in SEVERITY if counts[verdict]}


def evaluators(entries: Iterable[Entry]) -> list[str]:
    """Names of all evaluators that said anything, faithfulness first."""
    names = {name for e in entries for name in e.answer.checks}
    return sorted(names, key=lambda name: (name != "faithfulness", name))


# --- scores ---------------------------------------------------------------------------------------------------------


def _evaluator(name: str, entries: Iterable[Entry]) -> dict[str, Any]:
    found = [check for e in entries if (check := e.answer.checks.get(name)) is not None]
    values = [c.value for c in found if c.value is not None]
    versions = sorted({line(c.version, 40) for c in found if c.version})
    limits = Counter(c.threshold for c in found if c.threshold is not None)
    missing = Counter(_why(c) for c in found if c.value is None)
    judged = [c for c in found if c.passed is not None]
    return {
        "name": line(name, 80),
        "versions": versions,
        "scored": len(values),
        "mean": _mean(values),
        "median": quantile(values, 0.5),
        "failed": sum(c.failed for c in found),
        "judged": len(judged),
        "threshold": limits.most_common(1)[0][0] if len(limits) == 1 else None,
        "histogram": histogram(values, unit=True),
        "not_scored": [[reason, count] for reason, count in missing.most_common(_REASONS)],
        "not_scored_total": missing.total(),
    }


def _why(check: Check) -> str:
    """The reason without its particulars: reasons are counted, and texts of errors are endless."""
    first = line(check.reason.removeprefix("failed: ").partition(": ")[0], 60).replace("_", " ")
    return f"broke: {first}" if check.broke else first


# --- requests -------------------------------------------------------------------------------------------------------


def _requests(traces: Iterable[Trace]) -> dict[str, Any]:
    traces = list(traces)
    inputs, outputs = ([tokens(t, side) for t in traces] for side in ("input", "output"))
    return {
        "count": len(traces),
        "duration_ms": distribution([t.duration_ms for t in traces]),
        "cost_usd": distribution(_known(map(cost, traces))),
        "input_tokens": distribution(_known(inputs)),
        "output_tokens": distribution(_known(outputs)),
        "estimated_tokens": sum(t.estimated for t in traces),
        "first_ms": min((t.start_ns for t in traces), default=0) / 1e6 if traces else None,
        "last_ms": max((t.start_ns for t in traces), default=0) / 1e6 if traces else None,
    }


def _kinds(traces: Iterable[Trace]) -> list[dict[str, Any]]:
    """Time and cost by kind of call, the innermost calls only."""
    durations: dict[str, list[float]] = {}
    costs: dict[str, list[float]] = {}
    for trace in traces:
        for stage in trace.calls:
            if stage.call is not None:
                durations.setdefault(stage.call.kind, []).append(stage.duration_ms)
                if stage.cost_usd is not None:
                    costs.setdefault(stage.call.kind, []).append(stage.cost_usd)
    return [
        {
            "kind": kind,
            "calls": len(values),
            "p50": quantile(values, 0.5),
            "p95": quantile(values, 0.95),
            "p99": quantile(values, 0.99),
            "total_ms": sum(values),
            "usd": sum(costs[kind]) if kind in costs else None,
            "priced": len(costs.get(kind, ())),
        }
        for kind, values in sorted(durations.items(), key=lambda row: -sum(row[1]))
    ]


def distribution(values: Sequence[float]) -> dict[str, Any] | None:
    """Count, sum, mean and percentiles; None where there are no values."""
    if not values:
        return None
    return {
        "n": len(values),
        "total": sum(values),
        "mean": _mean(values),
        "p50": quantile(values, 0.5),
        "p95": quantile(values, 0.95),
        "p99": quantile(values, 0.99),
        "max": max(values),
        "histogram": histogram(values, unit=False),
    }


def quantile(values: Iterable[float], share: float) -> float | None:
    """The smallest value that at least this share of all do not exceed (nearest rank): always one that occurred.

    >>> quantile([4, 1, 3, 2], 0.5), quantile([7], 0.99), quantile([], 0.5)
    (2, 7, None)
    """
    ordered = sorted(values)
    return ordered[max(0, ceil(share * len(ordered)) - 1)] if ordered else None


def histogram(values: Sequence[float], *, unit: bool) -> dict[str, Any] | None:
    """Counts in twenty bins of equal width; None where there are no values.

    Args:
        values: any finite numbers.
        unit: whether they are scores: then from 0 to 1, unless some are outside. Otherwise from the least to the
            greatest, of equal ratios where all are positive and span more than a factor of twenty.
    """
    if not values or not isfinite(max(values) - min(values)):
        return None
    low, high = min(values), max(values)
    if unit and low >= 0 and high <= 1:
        low, high = 0.0, 1.0
    ratio = not unit and low > 0 and high / low > 20
    at: Callable[[float], float] = log10 if ratio else float
    first, last = at(low), at(high)
    width = (last - first) / _BINS
    counts = [0] * (_BINS if width > 0 else 1)
    for value in values:
        counts[min(len(counts) - 1, int((at(value) - first) / width)) if width > 0 else 0] += 1
    return {"low": low, "high": high, "ratio": ratio, "counts": counts}


# --- slices ---------------------------------------------------------------------------------------------------------


def slice_name(value: Any) -> str:
    """A value by which answers are grouped, as the page names it; empty where it is unknown."""
    return "" if value is None else line(value, 80)


def _slices(attribute: str, entries: Sequence[Entry], names: Sequence[str]) -> dict[str, Any]:
    groups: dict[str, list[Entry]] = {}
    for entry in entries:
        groups.setdefault(slice_name(entry.slice(attribute)), []).append(entry)
    largest = sorted(groups.items(), key=lambda row: (-len(row[1]), row[0]))
    return {
        "attribute": line(attribute, 80),
        "values": [_slice(value, members, names) for value, members in largest[:_SLICES]],
        "more": max(0, len(largest) - _SLICES),
    }


def _slice(value: str, members: Sequence[Entry], names: Sequence[str]) -> dict[str, Any]:
    judged = [e for e in members if any(c.passed is not None for c in e.checks)]
    failed = sum(e.verdict == "failed" for e in judged)
    traces = {id(e.answer.trace): e.answer.trace for e in members}.values()
    return {
        "value": value,
        "answers": len(members),
        "failed": failed,
        "judged": len(judged),
        "failed_interval": wilson(failed, len(judged)),
        "means": [_mean(_known(e.answer.score(name) for e in members)) for name in names],
        "p50_ms": quantile((t.duration_ms for t in traces), 0.5),
        "mean_usd": _mean(_known(map(cost, traces))),
    }


def wilson(count: int, of: int) -> tuple[float, float] | None:
    """95 % interval of a share (Wilson 1927); None where nothing was counted.

    >>> [round(end, 3) for end in wilson(1, 10)]
    [0.018, 0.404]
    """
    if not of:
        return None
    z = 1.959964
    share, spread = count / of, z * z / of
    middle = (share + spread / 2) / (1 + spread)
    half = z * sqrt(share * (1 - share) / of + spread / (4 * of)) / (1 + spread)
    return max(0.0, middle - half), min(1.0, middle + half)


def _known(values: Iterable[float | None]) -> list[float]:
    return [v for v in values if v is not None]


def _mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None
