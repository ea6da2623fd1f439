"""Fitting of the faithfulness evaluator: novelty table, sentence models, answer model, thresholds."""

import json
import random
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from hashlib import sha256
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from corruptions import short_chains
from held_out import is_dev
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from groundwire.agreement import auc, bootstrap_interval, ece, f1, span_f1
from groundwire.labelled import Labelled, labelled
from groundwire_evaluators.claims import FEATURES, Mark
from groundwire_evaluators.faithfulness import AnswerKind, answer_kind, answer_measures, read_answer

Floats: TypeAlias = npt.NDArray[np.float64]
MAIN = "faithfulness-ragtruth"
SENTENCE_WEIGHT: Mapping[str, float] = {
    MAIN: 1.0, "short": 0.3, "data2text-quintd": 0.1, "data2text-d2t-eval": 0.1, "claims-factcg": 0.1,
    "claims-falke": 0.1, "claims-fm2": 0.05, "dialogue-begin": 0.05, "summaries-summedits": 0.1,
}  # fmt: skip
"""Sets that may be trained on, and what one of their sentences counts against one of RAGTruth."""
_OTHER_PROSE = {"claims-factcg": 0.1, "summaries-summedits": 0.1}
ANSWER_WEIGHT: Mapping[AnswerKind, tuple[Mapping[str, float], float]] = {
    "one_sentence": (
        {MAIN: 1.0, "short": 1.0, "claims-factcg": 0.5},
        1.0,
    ),
    "prose": ({MAIN: 1.0, **_OTHER_PROSE}, 0.1),
    "structured": ({MAIN: 1.0, "data2text-quintd": 0.2, "data2text-d2t-eval": 0.2}, 0.005),
}
"""The same for whole answers, by kind, and the inverse strength of the penalty."""
_ANSWER_SETS = frozenset(name for weight, _ in ANSWER_WEIGHT.values() for name in weight)
ONLY_MEASURED = (
    "claims-wice", "claims-attributionbench", "summaries-frank", "summaries-xsum-spans", "faithfulness-mtrag",
    "claims-infotabs", "claims-scifact", "claims-healthver", "claims-covidfact", "claims-rte", "claims-shroom",
    "dialogue-begin-v1", "dialogue-dialfact", "dialogue-q2", "dialogue-faithdial-audit", "summaries-cliff",
    "summaries-qags",
    "answers-lfqa", "qa-halueval",
)  # fmt: skip
FOLDS = 5
_NOVELTY = FEATURES.index("novel_weight_sum")
_LOG_CONTENT = FEATURES.index("log_content")
_WEIGHTS = Path(__file__).parent.parent / "evaluators/groundwire_evaluators/weights"
_ROW_LIMIT = 4000
Weights = Mapping[str, float]


@dataclass(slots=True)
class Case:
    """A labelled row, measured."""

    row: Labelled
    set_name: str
    fold: int
    raw: Floats
    labels: np.ndarray
    """For each checkable sentence: 1 unsupported, 0 supported, -1 not known."""
    novel: list[list[tuple[str, bool]]]
    marks: list[tuple[Mark, ...]]
    bounds: list[tuple[int, int]]
    measures: Floats = field(default_factory=lambda: np.zeros((0, len(FEATURES))))
    chances: Floats = field(default_factory=lambda: np.zeros(0))

    @property
    def bad(self) -> bool:
        return not self.row.good["faithfulness"]


def sentence_labels(row: Labelled, bounds: Sequence[tuple[int, int]]) -> list[int]:
    """1 unsupported, 0 supported, -1 not known, for each checkable sentence: by the marks, or the row's own label."""
    good = row.good["faithfulness"]
    if row.spans is not None and (row.spans or good):
        return [int(any(a < end and start < b for a, b in row.spans)) for start, end in bounds]
    return [0 if good else 1 if len(bounds) == 1 else -1] * len(bounds)


def measure(row: Labelled, set_name: str) -> Case:
    """Read one row; sentences take their label from the spans, or from the row where that leaves no doubt."""
    reading = read_answer(row.answer, [p for p in row.passages if p.strip()], row.question, {"": 0.3})
    claims = [c for c in reading.claims if c.checkable]
    bounds = [(c.words.start, c.words.end) for c in claims]
    labels = sentence_labels(row, bounds)
    novel: list[list[tuple[str, bool]]] = []
    for claim, label in zip(claims, labels, strict=True):
        words = claim.words
        inside = {
            s: row.spans is None or any(a <= at < b for a, b in row.spans)
            for s, at in zip(words.stems, words.starts, strict=True)
        }
        novel.append([(s, label == 1 and inside[s]) for s in claim.novel])
    fold = int(sha256(row.source.encode("utf-8", "replace")).hexdigest(), 16) % FOLDS
    measures = np.asarray(reading.measures, float).reshape(-1, len(FEATURES))
    return Case(row, set_name, fold, measures, np.asarray(labels, int), novel, [c.marks for c in claims], bounds)


def novelty_table(cases: Iterable[Case], prior: float = 6.0, least: int = 5) -> dict[str, float]:
    """Chance that a word which appears from nowhere is an invention, smoothed towards the mean of all words."""
    seen: Counter[str] = Counter()
    invented: Counter[str] = Counter()
    for case in cases:
        for label, words in zip(case.labels, case.novel, strict=True):
            if label >= 0:
                for word, inside in set(words):
                    seen[word] += 1
                    invented[word] += inside
    mean = sum(invented.values()) / max(1, sum(seen.values()))
    table = {w: round((invented[w] + prior * mean) / (n + prior), 3) for w, n in sorted(seen.items()) if n >= least}
    return {"": round(mean, 3)} | {w: p for w, p in table.items() if abs(p - mean) > 0.02}


def with_novelty(case: Case, table: Weights) -> Floats:
    """The measurements under another novelty table."""
    measures = case.raw.copy()
    for i, words in enumerate(case.novel):
        chances = [table.get(w, table[""]) for w, _ in words]
        content = max(1, round(np.exp(measures[i, _LOG_CONTENT]) - 1))
        measures[i, _NOVELTY : _NOVELTY + 3] = (
            min(6.0, sum(chances)),
            max(chances, default=0.0),
            sum(chances) / content,
        )
    return measures


@dataclass(slots=True)
class SentenceModel:
    """Trees and a line, averaged in log-odds as the evaluator does."""

    trees: HistGradientBoostingClassifier
    scale: StandardScaler
    line: LogisticRegression

    def chances(self, measures: Floats) -> Floats:
        if not len(measures):
            return np.zeros(0)
        odds = 0.5 * (
            self.trees.decision_function(measures) + self.line.decision_function(self.scale.transform(measures))
        )
        return 1 / (1 + np.exp(-odds))


def fit_sentences(cases: Sequence[Case]) -> SentenceModel:
    x = np.vstack([c.measures for c in cases if len(c.measures)])
    y = np.concatenate([c.labels for c in cases])
    weight = np.concatenate([np.full(len(c.labels), SENTENCE_WEIGHT[c.set_name]) for c in cases])
    known = y >= 0
    x, y, weight = x[known], y[known], weight[known]
    trees = HistGradientBoostingClassifier(
        max_iter=150, learning_rate=0.06, max_leaf_nodes=8, max_depth=4, min_samples_leaf=40, l2_regularization=5.0,
        max_features=0.4, random_state=0,
    ).fit(x, y, sample_weight=weight)  # fmt: skip
    scale = StandardScaler().fit(x)
    line = LogisticRegression(C=0.05, max_iter=3000).fit(scale.transform(x), y, sample_weight=weight)
    return SentenceModel(trees, scale, line)


@dataclass(slots=True)
class AnswerLine:
    """One regression over whole answers."""

    kind: AnswerKind
    low: Floats
    high: Floats
    scale: StandardScaler
    line: LogisticRegression

    def faithful(self, case: Case) -> float:
        row = np.clip(answer_measures(case.chances, case.measures, self.kind), self.low, self.high)
        return float(1 - self.line.predict_proba(self.scale.transform(row[None, :]))[0, 1])


AnswerModel = Mapping[AnswerKind, AnswerLine]


def faithful(model: AnswerModel, case: Case) -> float:
    return model[answer_kind(case.measures)].faithful(case) if len(case.measures) else 1.0


def fit_answers(cases: Sequence[Case]) -> AnswerModel:
    models: dict[AnswerKind, AnswerLine] = {}
    for kind, (weight, strength) in ANSWER_WEIGHT.items():
        used = [c for c in cases if c.set_name in weight and len(c.measures) and answer_kind(c.measures) == kind]
        x = np.array([answer_measures(c.chances, c.measures, kind) for c in used])
        low, high = np.quantile(x, [0.002, 0.998], axis=0)
        x = np.clip(x, low, high)
        scale = StandardScaler().fit(x)
        line = LogisticRegression(C=strength, max_iter=5000)
        line.fit(scale.transform(x), [c.bad for c in used], sample_weight=[weight[c.set_name] for c in used])
        models[kind] = AnswerLine(kind, low, high, scale, line)
    return models


def fit_all(cases: Sequence[Case]) -> tuple[dict[str, float], SentenceModel, AnswerModel]:
    """Novelty table, sentence and answer model. Every stage sees the stage before as it does on new sources."""
    groups = sorted({c.fold for c in cases})
    for k in groups:
        table = novelty_table(c for c in cases if c.fold != k)
        for case in cases:
            if case.fold == k:
                case.measures = with_novelty(case, table)
    for k in groups:
        inner = fit_sentences([c for c in cases if c.fold != k])
        for case in cases:
            if case.fold == k and case.set_name in _ANSWER_SETS:
                case.chances = inner.chances(case.measures)
    return novelty_table(cases), fit_sentences(cases), fit_answers(cases)


def apply(cases: Iterable[Case], table: Weights, sentence: SentenceModel, answer: AnswerModel) -> list[float]:
    values: list[float] = []
    for case in cases:
        case.measures = with_novelty(case, table)
        case.chances = sentence.chances(case.measures)
        values.append(faithful(answer, case))
    return values


def best_threshold(values: Floats, bad: np.ndarray) -> float:
    """The lowest threshold whose F1, for `value < threshold`, is within 0.01 of the best: the fewest false alarms."""
    grid = np.unique(np.round(np.linspace(0.05, 0.95, 181), 3))
    scores = [f1(values < t, bad) or 0.0 for t in grid]
    smooth = np.convolve(np.pad(scores, 3, mode="edge"), np.ones(7) / 7, mode="valid")
    return float(grid[int(np.argmax(smooth >= smooth.max() - 0.01))])


def predicted_spans(case: Case, value: float, threshold: float, limit: float) -> list[tuple[int, int]]:
    """What the evaluator would mark."""
    if not len(case.chances):
        return []
    bar = min(limit, float(case.chances.max())) if value < threshold else 0.5
    spans: list[tuple[int, int]] = []
    for chance, marks, bounds in zip(case.chances, case.marks, case.bounds, strict=True):
        if chance >= bar:
            spans += [(m.start, m.end) for m in marks] or [bounds]
    return spans


def fit(data: Path, *, zero_shot: bool, write: bool) -> None:
    """Cross-validate, print, fit on all sources but those held out, measure on these, write."""
    began = time.time()
    loaded = load(data, SENTENCE_WEIGHT)
    cases = [c for c in loaded if not is_dev(c.row.source)]
    held = [c for c in loaded if is_dev(c.row.source)]
    print(f"{len(cases)} rows measured in {time.time() - began:.0f} s; folds are by source over all sets", flush=True)
    main = [c for c in cases if c.set_name == MAIN]
    values: dict[int, float] = {}
    for k in range(FOLDS):
        train, test = [c for c in cases if c.fold != k], [c for c in cases if c.fold == k]
        models = fit_all(train)
        for case, value in zip(test, apply(test, *models), strict=True):
            values[id(case)] = value
    v = np.array([values[id(c)] for c in main])
    bad = np.array([c.bad for c in main])
    threshold = best_threshold(v, bad)
    sentence_threshold = best_sentence_threshold(main, v, threshold)
    report(cases, values, threshold, sentence_threshold)
    table, sentence, answer = fit_all(cases)
    unseen = {id(c): v for c, v in zip(held, apply(held, table, sentence, answer), strict=True)}
    print("\nheld-out sources, never fitted on")
    report(held, unseen, threshold, sentence_threshold)
    if write:
        stored = {
            "provenance": provenance(cases), "features": list(FEATURES), "threshold": threshold,
            "sentence_threshold": sentence_threshold, "novelty": table,
            "forest": export_trees(sentence.trees), "linear": export_line(sentence.scale, sentence.line),
            "answers": {kind: export_answers(line) for kind, line in answer.items()},
        }  # fmt: skip
        path = _WEIGHTS / "faithfulness.json"
        path.write_text(json.dumps(stored, ensure_ascii=False, separators=(",", ":")) + "\n", "utf-8")
        print(f"wrote {path.name}, {path.stat().st_size / 1e3:.0f} kB")
    if zero_shot:
        report_zero_shot(data, cases)


def load(data: Path, names: Iterable[str]) -> list[Case]:
    cases: list[Case] = []
    for name in names:
        if name == "short":
            continue
        rows = [r for r in labelled(data / f"{name}.jsonl.gz").rows if "faithfulness" in r.good]
        if len(rows) > _ROW_LIMIT:
            rows = [rows[i] for i in sorted(random.Random(0).sample(range(len(rows)), _ROW_LIMIT))]
        cases += [measure(r, name) for r in rows]
        if name == MAIN and "short" in names:
            cases += [measure(r, "short") for r in short_chains(rows)]
    return cases


def best_sentence_threshold(main: Sequence[Case], values: Floats, threshold: float) -> float:
    """Where the marked characters agree best with people's."""
    marked = [list(c.row.spans or ()) for c in main]
    grid = [round(0.1 + 0.025 * i, 3) for i in range(25)]
    scores = [
        span_f1([predicted_spans(c, v, threshold, t) for c, v in zip(main, values, strict=True)], marked) or 0.0
        for t in grid
    ]
    return grid[int(np.argmax(scores))]


def report(cases: Sequence[Case], values: Mapping[int, float], threshold: float, sentence_threshold: float) -> None:
    main = [c for c in cases if c.set_name == MAIN]
    print(f"\nRAGTruth sample, {FOLDS}-fold CV by source (our own partition: not comparable with papers)")
    print(f"threshold {threshold:.3f}, sentence threshold {sentence_threshold:.3f}")
    print(f"{'rows':28s} {'n':>5s} {'bad':>5s} {'AUC':>6s} {'F1':>6s} {'ECE':>6s} {'span F1':>8s}")
    groups: dict[str, Callable[[Case], bool]] = {"all": lambda c: True}
    groups |= {t: (lambda c, t=t: c.row.task == t) for t in ("qa", "summary", "data2txt")}
    groups |= {"gpt-4, gpt-3.5": lambda c: c.row.generator.startswith("gpt")}
    groups |= {
        f"gpt, {t}": (lambda c, t=t: c.row.generator.startswith("gpt") and c.row.task == t)
        for t in ("qa", "summary", "data2txt")
    }
    for name, member in groups.items():
        line(name, [c for c in main if member(c)], values, threshold, sentence_threshold)
    v, good = np.array([values[id(c)] for c in main]), np.array([not c.bad for c in main])
    interval = bootstrap_interval(lambda i: auc(v[i], good[i]), [c.row.source for c in main])
    print("AUC all, 95 % by source:", interval and [round(x, 3) for x in interval])
    y = np.concatenate([c.labels for c in main])
    p = np.concatenate([c.chances for c in main])
    print(f"sentences {len(y)}, unsupported {y.mean():.3f}, AUC {auc(-p, y == 0):.3f}")
    print("\nother sets trained on, same CV (threshold of RAGTruth)")
    for name in SENTENCE_WEIGHT:
        if name != MAIN:
            line(name, [c for c in cases if c.set_name == name], values, threshold, sentence_threshold)


def line(name: str, cases: Sequence[Case], values: Mapping[int, float], threshold: float, limit: float) -> None:
    v = np.array([values[id(c)] for c in cases])
    bad = np.array([c.bad for c in cases])
    spanned = [c for c in cases if c.row.spans is not None]
    spans = span_f1(
        [predicted_spans(c, values[id(c)], threshold, limit) for c in spanned], [c.row.spans or () for c in spanned]
    )
    figures = (auc(v, ~bad), f1(v < threshold, bad), ece(v, ~bad), spans)
    cells = " ".join(f"{'-' if x is None else format(x, '.3f'):>6s}" for x in figures)
    print(f"{name:28s} {len(cases):5d} {bad.sum():5d} {cells}", flush=True)


def report_zero_shot(data: Path, cases: Sequence[Case]) -> None:
    """Fit on RAGTruth and the chains made from it alone; score the rest."""
    models = fit_all([c for c in cases if c.set_name in (MAIN, "short")])
    print("\nzero-shot: fitted on RAGTruth alone")
    others = [c for c in cases if c.set_name not in (MAIN, "short")] + load(data, ONLY_MEASURED)
    for name in sorted({c.set_name for c in others}):
        members = [c for c in others if c.set_name == name]
        values = {id(c): v for c, v in zip(members, apply(members, *models), strict=True)}
        line(name, members, values, 0.5, 0.5)
    print("\nonly measured: fitted on everything that is trained on")
    models = fit_all(cases)
    for name in ONLY_MEASURED:
        members = [c for c in others if c.set_name == name]
        values = {id(c): v for c, v in zip(members, apply(members, *models), strict=True)}
        line(name, members, values, 0.5, 0.5)


def rounded(numbers: Iterable[float]) -> list[float]:
    return [float(f"{x:.6g}") for x in numbers]


def export_line(scale: StandardScaler, fitted: LogisticRegression) -> dict[str, Any]:
    """The regression with the standardisation folded in."""
    weights = fitted.coef_[0] / scale.scale_
    return {"weights": rounded(weights), "bias": float(fitted.intercept_[0] - weights @ scale.mean_)}


def export_answers(model: AnswerLine) -> dict[str, Any]:
    return export_line(model.scale, model.line) | {"low": rounded(model.low), "high": rounded(model.high)}


def export_trees(model: HistGradientBoostingClassifier) -> dict[str, Any]:
    """Nodes as `[feature, limit, left, right]`, leaves as `[log-odds]`."""
    trees = []
    for (predictor,) in model._predictors:
        trees.append([
            [float(f"{n['value']:.5g}")] if n["is_leaf"]
            else [int(n["feature_idx"]), float(f"{n['num_threshold']:.9g}"), int(n["left"]), int(n["right"])]
            for n in predictor.nodes
        ])  # fmt: skip
    depth = max(int(n["depth"]) for (p,) in model._predictors for n in p.nodes)
    return {"base": float(np.ravel(model._baseline_prediction)[0]), "depth": depth, "trees": trees}


def provenance(cases: Sequence[Case]) -> dict[str, Any]:
    return {
        "fitted": date.today().isoformat(), "command": "python training/fit_lexical.py faithfulness <data>",
        "rows": dict(Counter(c.set_name for c in cases)), "licences": "training/README.md",
    }  # fmt: skip
