"""How well an evaluator agrees with people: ranking, classes, spans and calibration over labelled rows."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from time import perf_counter_ns
from types import MappingProxyType
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from groundwire.labelled import Labelled, LabelledFile, labelled
from groundwire.model import Evaluator, Evidence, Score

__all__ = [
    "Agreement", "Labelled", "LabelledFile", "agree", "auc", "bootstrap_interval", "ece", "f1", "labelled", "span_f1",
]  # fmt: skip

Interval: TypeAlias = tuple[float, float]
Spans: TypeAlias = Sequence[tuple[int, int]]
Numbers: TypeAlias = npt.NDArray[np.float64]
Booleans: TypeAlias = npt.NDArray[np.bool_]
_EMPTY: Mapping[str, Any] = MappingProxyType({})
_DRAWS = 200
_SEED = 20_260_101


def auc(values: Sequence[float] | Numbers, good: Sequence[bool] | Booleans) -> float | None:
    """Chance that a good row has a higher value than a bad one, ties counting half; None unless both kinds are there.

    >>> auc([0.9, 0.8, 0.3, 0.8], [True, True, False, False])
    0.875
    """
    v, y = np.asarray(values, float), np.asarray(good, bool)
    n_good, n_bad = int(y.sum()), int((~y).sum())
    if not n_good or not n_bad:
        return None
    _, place, counts = np.unique(v, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[place]
    return float((ranks[y].sum() - n_good * (n_good + 1) / 2) / (n_good * n_bad))


def f1(flagged: Sequence[bool] | Booleans, bad: Sequence[bool] | Booleans) -> float | None:
    """Harmonic mean of precision and recall for the class `bad`; None where no row is bad.

    >>> f1([True, True, False, False], [True, False, True, False])
    0.5
    """
    p, y = np.asarray(flagged, bool), np.asarray(bad, bool)
    if not y.any():
        return None
    return float(2 * (p & y).sum() / (p.sum() + y.sum()))


def span_f1(found: Iterable[Spans], marked: Iterable[Spans]) -> float | None:
    """F1 over characters, pooled over the answers; overlapping spans count once. None where nothing is marked.

    >>> round(span_f1([[(0, 4)]], [[(2, 6)]]), 2)
    0.5
    """
    both = n_found = n_marked = 0
    for one, other in zip(found, marked, strict=True):
        a, b = _characters(one), _characters(other)
        both, n_found, n_marked = both + len(a & b), n_found + len(a), n_marked + len(b)
    return 2 * both / (n_found + n_marked) if n_marked else None


def ece(values: Sequence[float] | Numbers, good: Sequence[bool] | Booleans, bins: int = 10) -> float | None:
    """Expected calibration error: mean gap between value and share of good rows, over equally wide bins. None if empty.

    >>> round(ece([0.9, 0.9, 0.1], [True, False, False]), 3)
    0.3
    """
    v, y = np.asarray(values, float), np.asarray(good, float)
    if not len(v):
        return None
    place = np.minimum((v * bins).astype(int), bins - 1)
    gaps = [
        abs(v[place == b].mean() - y[place == b].mean()) * (place == b).sum() for b in range(bins) if (place == b).any()
    ]
    return float(sum(gaps) / len(v))


def bootstrap_interval(
    figure: Callable[[npt.NDArray[np.intp]], float | None],
    sources: Sequence[str],
    draws: int = _DRAWS,
    seed: int = _SEED,
) -> Interval | None:
    """The middle 95 % of a figure over resamples of whole sources.

    Args:
        figure: From row indices (with repeats) to the figure, or None where it is not defined for them.
        sources: The source of each row.
        draws: Number of resamples.
        seed: Of the generator: equal seeds give equal intervals.

    Returns:
        (low, high), or None with fewer than two sources or fewer than half of the draws defined.
    """
    groups: dict[str, list[int]] = {}
    for i, s in enumerate(sources):
        groups.setdefault(s, []).append(i)
    if len(groups) < 2:
        return None
    members = [np.asarray(g) for g in groups.values()]
    rng = np.random.default_rng(seed)
    drawn: list[float] = []
    for _ in range(draws):
        chosen = rng.integers(len(members), size=len(members))
        value = figure(np.concatenate([members[k] for k in chosen]))
        if value is not None:
            drawn.append(value)
    if len(drawn) * 2 < draws:
        return None
    low, high = np.quantile(drawn, [0.025, 0.975])
    return float(low), float(high)


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
    """95 % by bootstrap over sources: `auc`, `f1`."""
    by_generator: Mapping[str, Mapping[str, float | int | None]] = field(default_factory=lambda: _EMPTY)
    threshold: float | None = None

    def as_json(self) -> dict[str, Any]:
        """Plain lists, numbers and None, ready for `json.dumps`."""
        return {
            "evaluator": self.evaluator, "version": self.version, "n": self.n, "good": self.n_good,
            "skipped": dict(self.skipped), "auc": dict(self.auc), "auc_scored": self.auc_scored, "f1": self.f1,
            "f1_by_task": dict(self.f1_by_task), "span_f1": self.span_f1, "ece": self.ece, "ms": dict(self.ms),
            "intervals": {k: list(v) if v else None for k, v in self.intervals.items()},
            "by_generator": {k: dict(v) for k, v in self.by_generator.items()}, "threshold": self.threshold,
        }  # fmt: skip


def agree(rows: Iterable[Labelled], evaluator: Evaluator) -> Agreement:
    """Judge every row that has a label for this evaluator and compare.

    The label is the one under the evaluator's name, or the row's only one. A row that is skipped counts in `auc` and
    `f1` as not flagged (value 1.0): leaving hard rows out cannot raise a figure. `auc_scored` and `ece` say how the
    judged rows fare; `skipped` says how many were not.

    Raises:
        ValueError: no row has a label for the evaluator.
    """
    used: list[Labelled] = []
    good: list[bool] = []
    values: list[float] = []
    flagged: list[bool] = []
    found: list[Spans | None] = []
    elapsed: list[float] = []
    skipped: Counter[str] = Counter()
    scored: list[bool] = []
    for row in rows:
        label = row.good.get(evaluator.name)
        if label is None and len(row.good) == 1 and evaluator.name not in _KNOWN:
            label = next(iter(row.good.values()))
        if label is None:
            continue
        chain = row.chain
        began = perf_counter_ns()
        result = evaluator.evaluate(chain)
        elapsed.append((perf_counter_ns() - began) / 1e6)
        used.append(row)
        good.append(label)
        scored.append(isinstance(result, Score))
        if isinstance(result, Score):
            values.append(result.value)
            flagged.append(result.passed is False)
            found.append(_unsupported(result.evidence))
        else:
            values.append(1.0)
            flagged.append(False)
            found.append(())
            skipped[result.reason] += 1
    if not used:
        raise ValueError(f"no row has a label for {evaluator.name!r}")
    v, y, p, s = np.asarray(values), np.asarray(good), np.asarray(flagged), np.asarray(scored)
    sources = [row.source for row in used]
    tasks = _members(row.task for row in used)
    spanned = [i for i, row in enumerate(used) if row.spans is not None]
    return Agreement(
        evaluator.name, evaluator.version, len(used), int(y.sum()), dict(skipped),
        {"all": auc(v, y)} | {t: auc(v[i], y[i]) for t, i in tasks.items()},
        auc(v[s], y[s]), f1(p, ~y), {t: f1(p[i], ~y[i]) for t, i in tasks.items()},
        span_f1([found[i] or () for i in spanned], [used[i].spans or () for i in spanned]),
        ece(v[s], y[s]),
        {"p50": float(np.median(elapsed)), "p95": float(np.quantile(elapsed, 0.95))},
        {
            "auc": bootstrap_interval(lambda i: auc(v[i], y[i]), sources),
            "f1": bootstrap_interval(lambda i: f1(p[i], ~y[i]), sources),
        },
        {
            name: {"n": len(i), "bad": int((~y[i]).sum()), "auc": auc(v[i], y[i]), "f1": f1(p[i], ~y[i])}
            for name, i in _members(row.generator for row in used).items()
        },
        getattr(evaluator, "threshold", None),
    )  # fmt: skip


_KNOWN = frozenset({"faithfulness", "context_relevance", "answer_relevance"})


def _members(names: Iterable[str]) -> dict[str, npt.NDArray[np.intp]]:
    groups: dict[str, list[int]] = {}
    for i, name in enumerate(names):
        if name:
            groups.setdefault(name, []).append(i)
    return {name: np.asarray(groups[name]) for name in sorted(groups)}


def _unsupported(evidence: Iterable[Evidence]) -> list[tuple[int, int]]:
    """The flaws of unsupported sentences, or the sentence where it has none."""
    return [
        span for e in evidence if e.verdict in ("unsupported", "contradicted")
        for span in ([(f.start, f.end) for f in e.flaws] or [(e.start, e.end)])
    ]  # fmt: skip


def _characters(spans: Spans) -> set[int]:
    return {i for start, end in spans for i in range(start, end)}
