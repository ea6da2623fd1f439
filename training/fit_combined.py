"""Fit what joins words and model, on the held-out sources; write `weights/combined.json`.

    python training/fit_combined.py ../shared/data

Neither the words' weights nor the model's have seen these sources, so both enter as they do in use. The figures printed
are cross-fitted by source over five folds: every row is judged by a combination that was fitted without its source.
Needs scikit-learn and onnxruntime. Only a few dozen numbers are fitted here.
"""

import argparse
import json
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
from corruptions import short_chains
from fit_faithfulness import best_threshold, export_line, rounded, sentence_labels
from held_out import is_dev
from local_examples import FAITHFULNESS, RELEVANCE, conflicts, faithfulness_rows, raw_lines
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from groundwire.agreement import auc, bootstrap_interval, ece, f1, span_f1
from groundwire.labelled import Labelled, labelled
from groundwire.model import Score
from groundwire_evaluators import context_relevance, faithfulness
from groundwire_evaluators.combined import answer_row, marked
from groundwire_evaluators.local_model import SentenceOdds, local_model
from groundwire_evaluators.passages import index_passages

MAIN = "faithfulness-ragtruth"
WEIGHT: Mapping[str, float] = {
    MAIN: 1.0, "short": 0.3, "summaries-summedits": 0.1, "claims-factcg": 0.2, "data2text-d2t-eval": 0.1, "*": 0.05,
}  # fmt: skip
FOLDS = 5
_WEIGHTS = Path(__file__).parent.parent / "evaluators/groundwire_evaluators/weights/combined.json"


@dataclass(slots=True)
class Case:
    """A held-out row as both tiers read it."""

    row: Labelled
    name: str
    kind: str
    lexical: float
    """Chance of the answer to be supported, by words alone."""
    rows: list[list[float]]
    """One `sentence_row` for each checkable sentence."""
    labels: list[int]
    """1 unsupported, 0 supported, -1 not known."""
    against: list[int]
    odds: list[SentenceOdds]
    bounds: list[tuple[int, int]]
    measures: list[list[float]]
    """The words' measurements, shape (checkable sentences, features)."""

    @property
    def bad(self) -> bool:
        return not self.row.good["faithfulness"]

    @property
    def fold(self) -> int:
        return int(sha256(f"combined:{self.row.source}".encode("utf-8", "replace")).hexdigest(), 16) % FOLDS


def read(row: Labelled, name: str, otherwise: Any) -> Case | None:
    model = local_model("local")
    passages = [p for p in row.passages if p.strip()]
    if (
        model is None
        or not passages
        or not isinstance(faithfulness.Faithfulness(tier="lexical").evaluate(row.chain), Score)
    ):
        return None
    reading = faithfulness.read_answer(row.answer, passages, row.question, faithfulness._fitted().novelty)
    words = faithfulness.by_words(row.answer, reading)
    odds = faithfulness.model_odds(row.answer, row.question, reading, model)
    checked = [c for c in reading.claims if c.checkable]
    bounds = [(c.words.start, c.words.end) for c in checked]
    labels = sentence_labels(row, bounds)
    against: list[int] = []
    for (start, end), label in zip(bounds, labels, strict=True):
        if label != 1 or otherwise is None:
            against.append(-1)
        else:
            against.append(
                int(otherwise) if isinstance(otherwise, bool) else int(any(a < end and start < b for a, b in otherwise))
            )
    return Case(
        row, name, faithfulness.answer_kind(reading.measures), words.value,
        faithfulness.sentence_rows(words.unsupported, odds, reading.measures), labels, against, odds,
        bounds, [list(m) for m in reading.measures],
    )  # fmt: skip


@dataclass(slots=True)
class Line:
    """A regression on standardised, limited columns."""

    low: np.ndarray
    high: np.ndarray
    scale: StandardScaler
    line: LogisticRegression

    def chance(self, x: np.ndarray) -> np.ndarray:
        return self.line.predict_proba(self.scale.transform(np.clip(x, self.low, self.high)))[:, 1]

    def export(self) -> dict[str, Any]:
        return export_line(self.scale, self.line) | {"low": rounded(self.low), "high": rounded(self.high)}


def fit_line(x: np.ndarray, y: np.ndarray, weight: np.ndarray, strength: float) -> Line:
    low, high = np.quantile(x, [0.002, 0.998], axis=0)
    x = np.clip(x, low, high)
    scale = StandardScaler().fit(x)
    return Line(
        low, high, scale, LogisticRegression(C=strength, max_iter=5000).fit(scale.transform(x), y, sample_weight=weight)
    )


def fit(cases: Sequence[Case]) -> tuple[Line, dict[str, Line]]:
    x = np.array([r for c in cases for r in c.rows])
    y = np.array([v for c in cases for v in c.labels])
    w = np.array([WEIGHT.get(c.name, WEIGHT["*"]) for c in cases for _ in c.labels])
    known = y >= 0
    sentence = fit_line(x[known], y[known], w[known], 0.1)
    answers: dict[str, Line] = {}
    for kind in ("one_sentence", "prose", "structured"):
        used = [c for c in cases if c.kind == kind]
        rows = np.array([answer_of(c, sentence.chance(np.array(c.rows))) for c in used])
        weight = np.array([WEIGHT.get(c.name, WEIGHT["*"]) for c in used])
        answers[kind] = fit_line(rows, np.array([c.bad for c in used]), weight, 1.0)
    return sentence, answers


def judge(case: Case, sentence: Line, answers: Mapping[str, Line]) -> tuple[float, np.ndarray]:
    chances = sentence.chance(np.array(case.rows))
    return float(1 - answers[case.kind].chance(np.array([answer_of(case, chances)]))[0]), chances


def answer_of(case: Case, chances: np.ndarray) -> list[float]:
    p = [float(c) for c in chances]
    return answer_row(case.lexical, faithfulness._fitted().faithful(p, case.measures), p)


def spans_of(
    case: Case, value: float, chances: np.ndarray, threshold: float, limit: float, bar: float
) -> list[tuple[int, int]]:
    least = min(limit, float(chances.max())) if value < threshold else 0.5
    found: list[tuple[int, int]] = []
    for chance, one, bounds in zip(chances, case.odds, case.bounds, strict=True):
        if chance >= least:
            found += marked(case.row.answer, one.pieces, bar) or [bounds]
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--dry-run", action="store_true")
    args = parser.parse_args()
    cases: list[Case] = []
    for name, limit in FAITHFULNESS.items():
        raw = raw_lines(args.data / f"{name}.jsonl.gz")
        rows = [r for r in faithfulness_rows(args.data, name, limit) if is_dev(r.source)]
        cases += [c for r in rows if (c := read(r, name, conflicts(raw[r.line])))]
        if name == MAIN:
            cases += [c for r in short_chains(rows) if (c := read(r, "short", None))]
    main_cases = [c for c in cases if c.name == MAIN]
    print(f"{len(cases)} rows of held-out sources, {len(main_cases)} of RAGTruth", flush=True)
    values: dict[int, float] = {}
    chances: dict[int, np.ndarray] = {}
    for k in range(FOLDS):
        fitted = fit([c for c in cases if c.fold != k])
        for case in cases:
            if case.fold == k:
                values[id(case)], chances[id(case)] = judge(case, *fitted)
    v, bad = np.array([values[id(c)] for c in main_cases]), np.array([c.bad for c in main_cases])
    threshold = best_threshold(v, bad)
    limit, bar = best_marks(main_cases, values, chances, threshold)
    report(cases, values, chances, threshold, limit, bar)
    against = np.array([o.contradicted for c in cases for o, a in zip(c.odds, c.against, strict=True) if a >= 0])
    told = np.array([a for c in cases for a in c.against if a >= 0], bool)
    contradiction = best_contradiction(against, told)
    print(f"contradicted against baseless: n {len(told)}, AUC {auc(against, told)}, bar {contradiction:.2f}")
    sentence, answers = fit(cases)
    relevance = fit_relevance(args.data)
    if not args.dry_run:
        stored = {
            "provenance": {
                "fitted": date.today().isoformat(), "command": "python training/fit_combined.py <data>",
                "held_out_rows": {n: sum(c.name == n for c in cases) for n in FAITHFULNESS},
            },
            "sentence": sentence.export(), "answers": {k: line.export() for k, line in answers.items()},
            "threshold": threshold, "sentence_threshold": limit, "piece_threshold": bar,
            "contradiction_threshold": contradiction, "context_relevance": relevance,
        }  # fmt: skip
        _WEIGHTS.write_text(json.dumps(stored, indent=1) + "\n", "utf-8")
        print(f"wrote {_WEIGHTS.name}")


def best_marks(
    cases: Sequence[Case], values: Mapping[int, float], chances: Mapping[int, np.ndarray], threshold: float
) -> tuple[float, float]:
    marks = [list(c.row.spans or ()) for c in cases]
    best = (0.0, 0.3, 0.0)
    for limit in (0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5):
        for bar in (-2.0, -1.5, -1.0, -0.5, 0.0, 0.5, 1.0):
            found = [spans_of(c, values[id(c)], chances[id(c)], threshold, limit, bar) for c in cases]
            best = max(best, (span_f1(found, marks) or 0.0, limit, bar))
    return best[1], best[2]


def best_contradiction(odds: np.ndarray, told: np.ndarray) -> float:
    """The lowest bar from which three of four sentences called contradicted are: a wrong word is worse than none."""
    order = np.argsort(-odds)
    precision = np.cumsum(told[order]) / np.arange(1, len(order) + 1)
    enough = np.flatnonzero(precision[19:] >= 0.75)
    return round(float(odds[order[19 + enough[-1]]]) if len(enough) else float(odds.max()), 3)


def report(
    cases: Sequence[Case], values: Mapping[int, float], chances: Mapping[int, np.ndarray], threshold: float,
    limit: float, bar: float,
) -> None:  # fmt: skip
    print(f"threshold {threshold:.3f}, sentence {limit:.3f}, piece {bar:.2f}")
    print(f"{'rows':28s} {'n':>5s} {'bad':>5s} {'AUC':>6s} {'words':>6s} {'F1':>6s} {'ECE':>6s} {'span F1':>8s}")
    groups: dict[str, Callable[[Case], bool]] = {"RAGTruth, all": lambda c: c.name == MAIN}
    for task in ("qa", "summary", "data2txt"):
        groups[task] = lambda c, t=task: c.name == MAIN and c.row.task == t
    groups["gpt-4, gpt-3.5"] = lambda c: c.name == MAIN and c.row.generator.startswith("gpt")
    groups["gpt, data2txt"] = lambda c: (
        c.name == MAIN and c.row.generator.startswith("gpt") and c.row.task == "data2txt"
    )
    for name in ("short", *FAITHFULNESS):
        if name != MAIN:
            groups[name] = lambda c, n=name: c.name == n
    for name, member in groups.items():
        used = [c for c in cases if member(c)]
        if not used:
            continue
        v, bad = np.array([values[id(c)] for c in used]), np.array([c.bad for c in used])
        spanned = [c for c in used if c.row.spans is not None]
        spans = span_f1(
            [spans_of(c, values[id(c)], chances[id(c)], threshold, limit, bar) for c in spanned],
            [c.row.spans or () for c in spanned],
        )
        figures = (
            auc(v, ~bad), auc([c.lexical for c in used], ~bad), f1(v < threshold, bad), ece(v, ~bad), spans,
        )  # fmt: skip
        cells = " ".join(f"{'-' if x is None else format(x, '.3f'):>6s}" for x in figures)
        print(f"{name:28s} {len(used):5d} {bad.sum():5d} {cells}", flush=True)
    used = [c for c in cases if c.name == MAIN]
    v, good = np.array([values[id(c)] for c in used]), np.array([not c.bad for c in used])
    print("AUC all, 95 % by source:", bootstrap_interval(lambda i: auc(v[i], good[i]), [c.row.source for c in used]))
    y = np.array([label for c in used for label in c.labels])
    p = np.concatenate([chances[id(c)] for c in used])
    print(f"sentences {len(y)}, unsupported {y.mean():.3f}, AUC {auc(-p, y == 0):.3f}", flush=True)


RELEVANCE_WEIGHT: Mapping[str, float] = {"relevance-qnli": 0.5, "relevance-squad2": 0.1, "relevance-clapnq": 1.0}
_WORDS_SHARE = 0.5
"""Of the standardised words' verdict, the model's having the rest. Fixed: fitted, the share follows whichever set has
most rows (words are nearly blind on SQuAD 2, and lead on QNLI)."""


def fit_mixture(x: np.ndarray, y: np.ndarray, weight: np.ndarray) -> tuple[np.ndarray, float]:
    """Weights of both verdicts and the bias that make their fixed mixture a calibrated chance."""
    direction = np.array([_WORDS_SHARE, 1 - _WORDS_SHARE]) / x.std(0)
    line = LogisticRegression(C=10.0, max_iter=1000).fit((x @ direction)[:, None], y, sample_weight=weight)
    return direction * line.coef_[0, 0], float(line.intercept_[0])


def fit_relevance(data: Path) -> dict[str, Any]:
    """The line of context relevance, cross-fitted figures printed."""
    rows: list[list[float]] = []
    good: list[bool] = []
    names: list[str] = []
    sources: list[str] = []
    for name in RELEVANCE:
        for row in labelled(data / f"{name}.jsonl.gz").rows:
            if "context_relevance" not in row.good or not row.question or not is_dev(row.source):
                continue
            found = relevance_pair(row)
            if found:
                rows.append(found)
                good.append(row.good["context_relevance"])
                names.append(name)
                sources.append(row.source)
    x, y = np.array(rows), np.array(good)
    w = np.array([RELEVANCE_WEIGHT[n] for n in names])
    fold = np.array([int(sha256(s.encode("utf-8", "replace")).hexdigest(), 16) % FOLDS for s in sources])
    values = np.zeros(len(y))
    for k in range(FOLDS):
        weights, bias = fit_mixture(x[fold != k], y[fold != k], w[fold != k])
        values[fold == k] = 1 / (1 + np.exp(-(x[fold == k] @ weights + bias)))
    groups: dict[str, list[int]] = defaultdict(list)
    for i, n in enumerate(names):
        groups[n].append(i)
    for name, i in groups.items():
        print(
            f"{name:28s} n {len(i)} AUC {auc(values[i], y[i]):.3f} words {auc(x[i, 0], y[i]):.3f} "
            f"model {auc(x[i, 1], y[i]):.3f} ECE {ece(values[i], y[i]):.3f}", flush=True,
        )  # fmt: skip
    weights, bias = fit_mixture(x, y, w)
    usual = np.array([n != "relevance-squad2" for n in names])  # a retriever returns no near misses written to deceive
    threshold = best_threshold(values[usual], ~y[usual])
    return {"line": {"weights": rounded(weights), "bias": bias}, "threshold": threshold}


def relevance_pair(row: Labelled) -> list[float] | None:
    model = local_model("local")
    result = context_relevance.ContextRelevance(tier="lexical").evaluate(row.chain)
    if model is None or not isinstance(result, Score) or not row.question:
        return None
    odds = [
        context_relevance.model_relevance(row.question, index_passages([p]), model) for p in row.passages if p.strip()
    ]
    return context_relevance.relevance_row(result.value, max(odds))


if __name__ == "__main__":
    main()
