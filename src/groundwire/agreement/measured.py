"""An evaluator's figures on labelled rows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import numpy as np

from groundwire.agreement.confusion import Confusion
from groundwire.agreement.correction import Corrected, Observed, corrected
from groundwire.agreement.figures import Indices, Interval, auc, auc_of_places, average_precision, ece, span_f1_of
from groundwire.agreement.grouping import groups
from groundwire.agreement.judged import Judged
from groundwire.agreement.reliability import Bin, reliability
from groundwire.agreement.resampling import bootstrap_intervals

_DRAWS = 500
_EMPTY: Mapping[str, Any] = MappingProxyType({})
GROUPED_BY = ("task", "generator", "length")

Group = Mapping[str, float | int | None]
"""`n`, `bad`, `auc`, `f1`, `balanced_accuracy`, `tpr`, `tnr`, `span_f1`, `ece` of some of the rows."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """An evaluator's figures on labelled rows. None: not defined for these rows."""

    evaluator: str
    version: str
    n: int
    """Rows that have a label for this evaluator, skipped ones included."""
    n_good: int
    skipped: Mapping[str, int]
    """Reason to rows that the evaluator declined to judge."""
    auc: Mapping[str, float | None]
    """Over all rows and within each task. A skipped row counts as value 1.0: nobody is warned about it."""
    auc_scored: float | None
    """Over the rows that got a score alone."""
    f1: float | None
    """For the class unfaithful (irrelevant), at the evaluator's own frozen verdict: `passed` is False."""
    f1_by_task: Mapping[str, float | None]
    span_f1: float | None
    """By characters: what evidence marks as unsupported against what people marked."""
    ece: float | None
    """Over the rows that got a score."""
    ms: Mapping[str, float]
    """Milliseconds for one chain: `p50`, `p95`."""
    intervals: Mapping[str, Interval | None]
    """95 % by bootstrap over sources: `auc`, `f1`, `balanced_accuracy`, `kappa`, `span_f1`, `map`."""
    by_generator: Mapping[str, Group] = field(default_factory=lambda: _EMPTY)
    threshold: float | None = None
    confusion: Confusion | None = None
    """None where the evaluator gives values and no verdicts."""
    map: float | None = None
    """Mean average precision over the questions that have good and bad passages."""
    questions: int = 0
    """How many such questions there are."""
    reliability: tuple[Bin, ...] = ()
    """Of the rows that got a score."""
    groups: Mapping[str, Mapping[str, Group]] = field(default_factory=lambda: _EMPTY)
    """By key (task, generator, length, ...) and by the rows' value for it."""
    correction: Corrected | None = None
    sources: int = 0
    spanned: int = 0
    """Rows in which people marked spans, or that there are none."""
    unlabelled: int = 0
    failed: Mapping[str, int] = field(default_factory=lambda: _EMPTY)
    first_error: str | None = None
    models: Mapping[str, int] = field(default_factory=lambda: _EMPTY)
    cost_usd: float | None = None
    labels: Mapping[str, int] = field(default_factory=lambda: _EMPTY)
    """Name of the label that a row was compared with, to rows."""

    def as_json(self) -> dict[str, Any]:
        """Plain lists, numbers and None, ready for `json.dumps`."""
        return {
            "evaluator": self.evaluator, "version": self.version, "threshold": self.threshold, "n": self.n,
            "good": self.n_good, "sources": self.sources, "labels": dict(self.labels), "unlabelled": self.unlabelled,
            "skipped": dict(self.skipped), "failed": dict(self.failed), "first_error": self.first_error,
            "models": dict(self.models), "cost_usd": self.cost_usd, "auc": dict(self.auc),
            "auc_scored": self.auc_scored, "f1": self.f1, "f1_by_task": dict(self.f1_by_task),
            "confusion": self.confusion.as_json() if self.confusion else None, "span_f1": self.span_f1,
            "spanned": self.spanned, "map": self.map, "questions": self.questions, "ece": self.ece,
            "reliability": [
                {"low": b.low, "high": b.high, "n": b.n, "mean": b.mean, "good": b.good} for b in self.reliability
            ],
            "ms": dict(self.ms), "intervals": {k: list(v) if v else None for k, v in self.intervals.items()},
            "by_generator": {k: dict(v) for k, v in self.by_generator.items()},
            "groups": {key: {k: dict(v) for k, v in found.items()} for key, found in self.groups.items()},
            "correction": self.correction.as_json() if self.correction else None,
        }  # fmt: skip


def measure(judged: Judged, by: Sequence[str] = GROUPED_BY, observed: Observed | None = None) -> Agreement:
    """All figures of rows that were judged.

    Args:
        judged: From `judge`.
        by: Keys to give figures apart for: `task`, `generator`, `length`, `file`, any column of the rows.
        observed: A share of flagged answers elsewhere, to be corrected by the errors found here.
    """
    y, scored = judged.good, judged.scored
    figures = Figures(judged)
    whole = figures(np.arange(len(y)))
    tasks = {name: figures.group(i) for name, i in groups(judged.rows, "task").items()}
    apart = {key: {name: figures.group(i) for name, i in groups(judged.rows, key).items()} for key in by}
    return Agreement(
        judged.evaluator, judged.version, len(y), int(y.sum()), judged.skipped,
        {"all": whole["auc"]} | {name: figure(group["auc"]) for name, group in tasks.items()},
        auc(judged.values[scored], y[scored]), whole["f1"],
        {name: figure(group["f1"]) for name, group in tasks.items()}, whole["span_f1"],
        ece(judged.values[scored], y[scored]),
        {"p50": float(np.median(judged.milliseconds)), "p95": float(np.quantile(judged.milliseconds, 0.95))},
        bootstrap_intervals(figures, judged.sources, _DRAWS),
        {name: figures.group(i) for name, i in groups(judged.rows, "generator").items()},
        judged.threshold,
        Confusion.of(judged.flagged, y) if judged.has_verdicts else None,
        whole["map"], len(figures.precisions), reliability(judged.values[scored], y[scored]),
        {key: found for key, found in apart.items() if found},
        corrected(observed, judged.flagged, y, judged.sources) if observed and judged.has_verdicts else None,
        len(set(judged.sources)), int(judged.spanned.sum()), judged.unlabelled, judged.failed, judged.first_error,
        judged.models, judged.cost_usd, judged.labels,
    )  # fmt: skip


def figure(value: float | int | None) -> float | None:
    """As a float, where there is one."""
    return None if value is None else float(value)


class Figures:
    """Figures of any choice of the judged rows, repeats allowed: what a resample asks for hundreds of times."""

    def __init__(self, judged: Judged) -> None:
        self.judged = judged
        self.place = np.unique(judged.values, return_inverse=True)[1]
        queries = ranked_questions(judged)
        self.precisions = np.asarray([p for _, p in queries], float)
        """Average precision of each question that has good and bad passages."""
        self.query = np.full(len(judged.good), -1)
        self.weight = np.zeros(len(judged.good))
        for q, (rows, _) in enumerate(queries):
            self.query[rows] = q
            self.weight[rows] = 1 / len(rows)  # a question drawn twice brings each of its rows twice

    def __call__(self, rows: Indices) -> dict[str, float | None]:
        """`auc`, `f1`, `balanced_accuracy`, `kappa`, `span_f1`, `map` of the rows."""
        judged = self.judged
        good = judged.good[rows]
        counts = Confusion.of(judged.flagged[rows], good) if judged.has_verdicts else None
        spanned = rows[judged.spanned[rows]]
        return {
            "auc": auc_of_places(self.place[rows], good),
            "f1": counts.f1 if counts else None,
            "balanced_accuracy": counts.balanced_accuracy if counts else None,
            "kappa": counts.kappa if counts else None,
            "span_f1": span_f1_of(judged.characters[spanned]),
            "map": self.mean_average_precision(rows),
        }

    def mean_average_precision(self, rows: Indices) -> float | None:
        """Over the questions that the rows belong to; None where none of them has good and bad passages."""
        asked = rows[self.query[rows] >= 0]
        weight = self.weight[asked]
        return float(np.average(self.precisions[self.query[asked]], weights=weight)) if len(asked) else None

    def group(self, rows: Indices) -> Group:
        """The figures of a part of the rows."""
        judged = self.judged
        found = self(rows)
        counts = Confusion.of(judged.flagged[rows], judged.good[rows]) if judged.has_verdicts else None
        scored = rows[judged.scored[rows]]
        return {
            "n": len(rows), "bad": int((~judged.good[rows]).sum()), "auc": found["auc"], "f1": found["f1"],
            "balanced_accuracy": found["balanced_accuracy"], "tpr": counts.tpr if counts else None,
            "tnr": counts.tnr if counts else None, "span_f1": found["span_f1"],
            "ece": ece(judged.values[scored], judged.good[scored]),
        }  # fmt: skip


def ranked_questions(judged: Judged) -> list[tuple[Indices, float]]:
    """(rows, average precision) of each question that has good and bad passages, of the rows that have no answer."""
    asked: dict[str, list[int]] = {}
    for i, row in enumerate(judged.rows):
        if row.question and not row.answer:
            asked.setdefault(row.question, []).append(i)
    found: list[tuple[Indices, float]] = []
    for rows in asked.values():
        indices = np.asarray(rows)
        good = judged.good[indices]
        precision = average_precision(judged.values[indices], good)
        if precision is not None and not good.all():
            found.append((indices, precision))
    return found
