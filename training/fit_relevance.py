"""Fitting of the relevance evaluators: context relevance by passage, answer relevance by answer."""

import gzip
import json
import random
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from hashlib import sha256
from math import log
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from fit_faithfulness import _WEIGHTS, FOLDS, best_threshold, export_line, export_trees
from held_out import is_dev
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from groundwire.agreement import auc, ece, f1
from groundwire.labelled import Labelled, labelled
from groundwire_evaluators import answer_relevance, context_relevance
from groundwire_evaluators.passages import index_passages
from groundwire_evaluators.questions import content_of, read_question
from groundwire_evaluators.refusal import abstention
from groundwire_evaluators.sentences import sentences
from groundwire_evaluators.words import read_words

Floats: TypeAlias = npt.NDArray[np.float64]
CONTEXT_WEIGHT: Mapping[str, float] = {
    "relevance-qnli": 1.0, "relevance-squad2": 0.2, "relevance-clapnq": 2.0, "relevance-ares-synthetic": 1.0,
    "other source": 1.0,
}  # fmt: skip
_ARES_ROWS = 3000


@dataclass(frozen=True, slots=True)
class Pair:
    """A question with a passage (and an answer), measured."""

    set_name: str
    fold: int
    good: bool
    measures: tuple[float, ...]
    question: str = ""
    passages: tuple[str, ...] = ()
    answer: str = ""


def fold_of(source: str) -> int:
    return int(sha256(source.encode("utf-8", "replace")).hexdigest(), 16) % FOLDS


def general_idf(passages: Iterable[str], keep: int = 2500) -> dict[str, float]:
    """Log of passages over passages that hold the stem, for the commonest stems; `""` for all others."""
    seen: Counter[str] = Counter()
    n = 0
    for text in passages:
        n += 1
        seen.update(content_of(read_words(text, 0, min(len(text), 4000))))
    commonest = sorted(seen.items(), key=lambda item: (-item[1], item[0]))[:keep]  # ties by name: repeatable
    table = {s: round(log(n / df), 2) for s, df in sorted(commonest)}
    return {"": round(max(table.values()), 2)} | table


def fit_models(pairs: Sequence[Pair], weight: Mapping[str, float], iterations: int) -> Any:
    x = np.array([p.measures for p in pairs])
    y = np.array([p.good for p in pairs])
    w = np.array([weight[p.set_name] for p in pairs])
    trees = HistGradientBoostingClassifier(
        max_iter=iterations, learning_rate=0.06, max_leaf_nodes=8, max_depth=4, min_samples_leaf=40,
        l2_regularization=5.0, max_features=0.5, random_state=0,
    ).fit(x, y, sample_weight=w)  # fmt: skip
    scale = StandardScaler().fit(x)
    return trees, scale, LogisticRegression(C=0.1, max_iter=3000).fit(scale.transform(x), y, sample_weight=w)


def chances(models: Any, pairs: Sequence[Pair]) -> Floats:
    trees, scale, line = models
    x = np.array([p.measures for p in pairs])
    return 1 / (1 + np.exp(-0.5 * (trees.decision_function(x) + line.decision_function(scale.transform(x)))))


def cross_validate(pairs: Sequence[Pair], weight: Mapping[str, float], iterations: int) -> Floats:
    values = np.zeros(len(pairs))
    for k in range(FOLDS):
        models = fit_models([p for p in pairs if p.fold != k], weight, iterations)
        test = [i for i, p in enumerate(pairs) if p.fold == k]
        values[test] = chances(models, [pairs[i] for i in test])
    return values


def table(pairs: Sequence[Pair], values: Floats, threshold: float, names: Iterable[str]) -> None:
    print(f"{'set':34s} {'n':>6s} {'good':>6s} {'AUC':>6s} {'F1 bad':>7s} {'ECE':>6s}")
    for name in names:
        k = [i for i, p in enumerate(pairs) if p.set_name == name or name == "all"]
        v, good = values[k], np.array([pairs[i].good for i in k])
        cells = [auc(v, good), f1(v < threshold, ~good), ece(v, good)]
        print(
            f"{name:34s} {len(k):6d} {good.sum():6d} "
            + " ".join(f"{'-' if c is None else format(c, '.3f'):>6s}" for c in cells)
        )


def store(
    name: str, models: Any, features: Sequence[str], threshold: float, rows: Mapping[str, int], extra: Mapping[str, Any]
) -> None:
    trees, scale, line = models
    stored = {
        "provenance": {
            "fitted": date.today().isoformat(), "command": f"python training/fit_lexical.py {name} <data>",
            "rows": dict(rows), "licences": "training/README.md",
        },
        "features": list(features), "threshold": threshold, "forest": export_trees(trees),
        "linear": export_line(scale, line),
        **extra,
    }  # fmt: skip
    path = _WEIGHTS / f"{name}.json"
    path.write_text(json.dumps(stored, ensure_ascii=False, separators=(",", ":")) + "\n", "utf-8")
    print(f"wrote {path.name}, {path.stat().st_size / 1e3:.0f} kB")


# --- context relevance ------------------------------------------------------------------------------------------------


def context_rows(data: Path, name: str, limit: int | None = None) -> list[Labelled]:
    rows = [r for r in labelled(data / f"{name}.jsonl.gz").rows if "context_relevance" in r.good and r.question]
    if limit and len(rows) > limit:
        rows = [rows[i] for i in sorted(random.Random(0).sample(range(len(rows)), limit))]
    return rows


def context_pairs(rows: Iterable[Labelled], set_name: str, prior: Mapping[str, float]) -> list[Pair]:
    pairs: list[Pair] = []
    for row in rows:
        question = read_question(row.question or "")
        if question.content:
            for passage in row.passages:
                found = context_relevance.passage_measures(question, index_passages([passage]), prior)
                pairs.append(Pair(set_name, fold_of(row.source), row.good["context_relevance"], found))
    return pairs


def from_other_sources(rows: Sequence[Labelled], seed: int = 3) -> list[Labelled]:
    """Each tenth question with a passage of another source: retrieval that missed altogether."""
    rng = random.Random(seed)
    made = []
    for row in rows[::10]:
        other = rng.choice(rows)
        if other.source != row.source and fold_of(other.source) == fold_of(row.source):
            made.append(Labelled(row.question, other.passages, "", {"context_relevance": False}, None, row.source))
    return made


def fit_context(data: Path, *, zero_shot: bool, write: bool) -> None:
    """Cross-validate, print, fit on all sources but those held out, measure on these, write."""
    sets = {
        n: context_rows(data, n, _ARES_ROWS if "ares" in n else None) for n in CONTEXT_WEIGHT if n != "other source"
    }
    sets["other source"] = from_other_sources([r for rows in sets.values() for r in rows])
    held = {n: [r for r in rows if is_dev(r.source)] for n, rows in sets.items()}
    sets = {n: [r for r in rows if not is_dev(r.source)] for n, rows in sets.items()}
    prior = general_idf({p for rows in sets.values() for r in rows for p in r.passages})
    pairs = [p for name, rows in sets.items() for p in context_pairs(rows, name, prior)]
    values = cross_validate(pairs, CONTEXT_WEIGHT, 150)
    # near misses written to deceive (SQuAD 2) are left out: they are not what a retriever returns
    usual = [i for i, p in enumerate(pairs) if p.set_name != "relevance-squad2"]
    threshold = best_threshold(values[usual], ~np.array([pairs[i].good for i in usual]))
    print(f"\ncontext relevance, {FOLDS}-fold CV by source; threshold {threshold:.3f}")
    table(pairs, values, threshold, ["all", *CONTEXT_WEIGHT])
    models = fit_models(pairs, CONTEXT_WEIGHT, 150)
    print("held-out sources, never fitted on")
    unseen = [p for name, rows in held.items() for p in context_pairs(rows, name, prior)]
    table(unseen, chances(models, unseen), threshold, ["all", *CONTEXT_WEIGHT])
    if zero_shot:
        print("only measured")
        for name in ("relevance-trecqa",):
            others = context_pairs(context_rows(data, name), name, prior)
            table(others, chances(models, others), threshold, [name])
    if write:
        store(
            "context_relevance",
            models,
            context_relevance.FEATURES,
            threshold,
            Counter(p.set_name for p in pairs),
            {"prior": prior},
        )


# --- answer relevance -------------------------------------------------------------------------------------------------

ANSWER_WEIGHT: Mapping[str, float] = {
    "ares": 0.5, "ares, no passages": 0.3, "squad2: other answer, same passage": 1.0,
    "squad2: answer from elsewhere": 0.5,
    "ragtruth qa: answer to another question": 1.0, "ragtruth qa: the same, no passages": 1.0,
    "clapnq: answer to another question": 1.0,
}  # fmt: skip


def answer_pair(
    set_name: str, source: str, good: bool, question: str, passages: Sequence[str], answer: str
) -> Pair | None:
    read = read_question(question)
    declined = abstention([answer[a:b] for a, b in sentences(answer)])
    if not read.content or not answer.strip() or declined == "whole":
        return None
    found = answer_relevance.relevance_measures(read, answer, index_passages(passages), declined)
    return Pair(set_name, fold_of(source), good, found, question, tuple(passages), answer)


def answer_pairs(data: Path, *, held_out: bool, seed: int = 5) -> list[Pair]:
    """Labelled ARES rows, and right answers swapped: within a passage, and between questions.

    Of the sources that weights are fitted on, or of those that are kept for measuring.
    """
    rng = random.Random(seed)
    made: list[Pair | None] = []
    ares = [
        r
        for r in labelled(data / "relevance-ares-synthetic.jsonl.gz").rows
        if "answer_relevance" in r.good and is_dev(r.source) == held_out
    ]
    for i, row in enumerate(rng.sample(ares, min(len(ares), 3000))):
        name = "ares" if i % 3 else "ares, no passages"
        made.append(
            answer_pair(
                name,
                row.source,
                row.good["answer_relevance"],
                row.question or "",
                row.passages if i % 3 else (),
                row.answer,
            )
        )
    with gzip.open(data / "relevance-squad2.jsonl.gz", "rt", encoding="utf-8") as stream:
        squad = [
            r for r in map(json.loads, stream) if r["answerable"] and r["answers"] and is_dev(r["title"]) == held_out
        ]
    by_passage: dict[tuple[str, int], list[Any]] = {}
    for row in squad:
        by_passage.setdefault((row["title"], row["passage_id"]), []).append(row)
    for row in squad:
        source, own = row["title"], row["answers"][0][0]
        others = [o["answers"][0][0] for o in by_passage[row["title"], row["passage_id"]]]
        others = [o for o in others if o not in own and own not in o]
        far = rng.choice(squad)
        name = "squad2: other answer, same passage"
        made.append(answer_pair(name, source, True, row["question"], (row["passage"],), own))
        if others:
            made.append(answer_pair(name, source, False, row["question"], (row["passage"],), rng.choice(others)))
        if far["title"] != source and rng.random() < 0.5:
            name = "squad2: answer from elsewhere"
            made.append(answer_pair(name, source, True, row["question"], (row["passage"],), own))
            made.append(answer_pair(name, source, False, row["question"], (row["passage"],), far["answers"][0][0]))
    rag = [
        r
        for r in labelled(data / "faithfulness-ragtruth.jsonl.gz").rows
        if r.task == "qa" and is_dev(r.source) == held_out
    ]
    made += swapped("ragtruth qa: answer to another question", rag, rng, with_passages=True)
    made += swapped("ragtruth qa: the same, no passages", rag, rng, with_passages=False)
    with gzip.open(data / "relevance-clapnq.jsonl.gz", "rt", encoding="utf-8") as stream:
        clap = [
            Labelled(r["question"], (r["passages"][0]["text"],), r["output"][0]["answer"], {}, None, r["id"])
            for r in map(json.loads, stream) if r["answerable"] and r["output"] and r["output"][0]["answer"]
            and is_dev(r["id"]) == held_out
        ]  # fmt: skip
    made += swapped("clapnq: answer to another question", clap, rng, with_passages=True)
    return [p for p in made if p]


def swapped(name: str, rows: Sequence[Labelled], rng: random.Random, *, with_passages: bool) -> list[Pair | None]:
    made: list[Pair | None] = []
    for row in rows:
        passages = row.passages if with_passages else ()
        other = rng.choice([r for r in rows if fold_of(r.source) == fold_of(row.source) and r.source != row.source])
        made.append(answer_pair(name, row.source, True, row.question or "", passages, row.answer))
        made.append(answer_pair(name, row.source, False, row.question or "", passages, other.answer))
    return made


def fit_answer(data: Path, *, zero_shot: bool, write: bool) -> None:
    """Cross-validate, print, fit on all sources but those held out, measure on these, write."""
    pairs = answer_pairs(data, held_out=False)
    values = cross_validate(pairs, ANSWER_WEIGHT, 120)
    good = np.array([p.good for p in pairs])
    threshold = best_threshold(values, ~good)
    print(f"\nanswer relevance, {FOLDS}-fold CV by source; threshold {threshold:.3f}")
    table(pairs, values, threshold, ["all", *ANSWER_WEIGHT])
    echo = np.array([p.measures[0] for p in pairs])
    print("likeness of question and answer alone:")
    table(pairs, echo, 0.5, ["all", *ANSWER_WEIGHT])
    models = fit_models(pairs, ANSWER_WEIGHT, 120)
    print("held-out sources, never fitted on")
    unseen = answer_pairs(data, held_out=True)
    table(unseen, chances(models, unseen), threshold, ["all", *ANSWER_WEIGHT])
    if write:
        store("answer_relevance", models, answer_relevance.FEATURES, threshold, Counter(p.set_name for p in pairs), {})
