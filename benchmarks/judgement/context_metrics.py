"""How well the context metrics agree with people, over the labelled sets of a folder; prints a Markdown table.

    python benchmarks/judgement/context_metrics.py <data>

Every figure is of the shipped evaluators with their defaults. Draws are seeded: the same data give the same table. Sets
that are missing are left out. "seen" marks sets on which the judge behind the metric was fitted: those figures flatter.
"""

import argparse
import gzip
import json
import random
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, median
from typing import Any

import numpy as np

from groundwire.agreement import auc, bootstrap_interval
from groundwire.model import Evaluator, Passage, RagChain, Score
from groundwire_evaluators.answerability import Answerability
from groundwire_evaluators.citation_support import CitationSupport
from groundwire_evaluators.completeness import Completeness
from groundwire_evaluators.context_precision import ContextPrecision
from groundwire_evaluators.context_recall import ContextRecall
from groundwire_evaluators.context_utilization import ContextUtilization
from groundwire_evaluators.declined import Refusal
from groundwire_evaluators.rerank_lift import RerankLift

Row = dict[str, Any]
_SEED = 20_260_101
_TURN = re.compile(r"^(?:user|agent):\s*")
_CITES = re.compile(r"[Pp]assages? \d|\[\d\]")


@dataclass(frozen=True)
class Figure:
    """One row of the table."""

    metric: str
    data: str
    what: str
    n: int
    value: float | None
    interval: tuple[float, float] | None = None
    seen: bool = False

    def __str__(self) -> str:
        value = "–" if self.value is None else f"{self.value:.2f}"
        between = f" ({self.interval[0]:.2f} to {self.interval[1]:.2f})" if self.interval else ""
        seen = "seen" if self.seen else ""
        return f"| `{self.metric}` | {self.data} | {self.what} | {self.n:,} | {value}{between} | {seen} |"


def rows(folder: Path, name: str) -> list[Row]:
    """Rows of a set; none where it is not there."""
    path = folder / f"{name}.jsonl.gz"
    if not path.exists():
        return []
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def score(metric: Evaluator, chain: RagChain) -> Score | None:
    """The score, or None where the metric declined to judge."""
    result = metric.evaluate(chain)
    return result if isinstance(result, Score) else None


def passages(texts: Iterable[str]) -> tuple[Passage, ...]:
    return tuple(Passage(t) for t in texts)


def spearman(one: Sequence[float], other: Sequence[float]) -> float | None:
    """Rank correlation with mean ranks for ties; None where one of them is constant."""
    a, b = (_ranks(np.asarray(v, float)) for v in (one, other))
    return float(np.corrcoef(a, b)[0, 1]) if len(a) > 2 and a.std() > 0 and b.std() > 0 else None


def _ranks(values: Any) -> Any:
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    return (np.cumsum(counts) - (counts - 1) / 2)[place]


def ranked(
    metric: str, data: str, what: str, found: Sequence[tuple[str, float, bool]], *, seen: bool = False
) -> Iterable[Figure]:
    """AUC of (source, value, good) rows, with a bootstrap over the sources."""
    if not found:
        return
    values, good = [v for _, v, _ in found], [g for _, _, g in found]

    def over(drawn: Any) -> float | None:
        return auc([values[i] for i in drawn], [good[i] for i in drawn])

    interval = bootstrap_interval(over, [s for s, _, _ in found])
    yield Figure(metric, data, f"AUC, {what}", len(found), auc(values, good), interval, seen)


def correlated(
    metric: str, data: str, what: str, found: Sequence[tuple[str, float, float]], *, seen: bool = False
) -> Iterable[Figure]:
    """Rank correlation of (source, value, label) rows, with a bootstrap over the sources."""
    if not found:
        return

    def over(drawn: Any) -> float | None:
        return spearman([found[i][1] for i in drawn], [found[i][2] for i in drawn])

    interval = bootstrap_interval(over, [s for s, _, _ in found])
    yield Figure(metric, data, f"rank correlation, {what}", len(found), over(range(len(found))), interval, seen)


# --- lists of passages with known relevance ---------------------------------------------------------------------------


@dataclass(frozen=True)
class Ranking:
    """Passages of one question, in an order drawn at random, and which of them people called relevant."""

    question: str
    texts: tuple[str, ...]
    relevant: tuple[bool, ...]


def rankings(folder: Path) -> dict[str, list[Ranking]]:
    """Lists of at most ten passages with at least one relevant and one irrelevant."""
    draw = random.Random(_SEED)
    found: dict[str, list[Ranking]] = {"TrecQA": [], "MTRAG-UN": []}
    by_question: dict[str, list[tuple[str, bool]]] = defaultdict(list)
    for row in rows(folder, "relevance-trecqa"):
        by_question[row["question"]].append((row["sentence"], bool(row["relevant"])))
    pools: dict[str, list[Row]] = defaultdict(list)
    for row in rows(folder, "relevance-mtrag-un"):
        pools[row["collection"]].append(row)
    for question, pairs in by_question.items():
        found["TrecQA"] += _drawn(question, pairs, draw)
    for pool in pools.values():
        for row in pool:
            own = set(row["relevant_passages"])
            others = [
                p for r in pool if r["source_id"] != row["source_id"] for p in r["relevant_passages"] if p not in own
            ]
            pairs = [(p, True) for p in sorted(own)] + [(p, False) for p in sorted(set(others))]
            found["MTRAG-UN"] += _drawn(_TURN.sub("", row["conversation"][-1]), pairs, draw)
    return found


def _drawn(question: str, pairs: Sequence[tuple[str, bool]], draw: random.Random) -> list[Ranking]:
    good, bad = [p for p in pairs if p[1]], [p for p in pairs if not p[1]]
    chosen = draw.sample(good, min(len(good), 3)) + draw.sample(bad, min(len(bad), 7))
    draw.shuffle(chosen)
    if not good or not bad:
        return []
    return [Ranking(question, tuple(t for t, _ in chosen), tuple(r for _, r in chosen))]


def average_precision(hits: Sequence[bool]) -> float:
    return mean(sum(hits[: i + 1]) / (i + 1) for i, hit in enumerate(hits) if hit)


def ndcg(order: Sequence[bool]) -> float:
    gains = sum(hit / np.log2(rank + 1) for rank, hit in enumerate(order, 1))
    return float(gains / sum(1 / np.log2(rank + 1) for rank in range(1, sum(order) + 1)))


def context_precision(folder: Path) -> Iterable[Figure]:
    for data, lists in rankings(folder).items():
        values: list[tuple[str, float, float]] = []
        shares: list[tuple[str, float, float]] = []
        for ranking in lists:
            found = score(ContextPrecision(), RagChain(ranking.question, passages(ranking.texts), "x"))
            if found is not None:
                values.append((ranking.question, found.value, average_precision(ranking.relevant)))
                shares.append((ranking.question, found.details["precision"], mean(ranking.relevant)))
        yield from correlated("context_precision", data, "average precision as judged and as labelled", values)
        if values:
            gap = mean(abs(v - w) for _, v, w in values)
            yield Figure("context_precision", data, "mean distance of the two", len(values), gap)
            gap = mean(abs(v - w) for _, v, w in shares)
            yield Figure("context_precision", data, "mean distance of the plain shares", len(shares), gap)


def rerank_lift(folder: Path) -> Iterable[Figure]:
    draw = random.Random(_SEED)
    for data, lists in rankings(folder).items():
        values: list[tuple[str, float, float]] = []
        for ranking in lists:
            ranks = list(range(1, len(ranking.texts) + 1))
            draw.shuffle(ranks)
            given = tuple(Passage(t, retrieved_rank=r) for t, r in zip(ranking.texts, ranks, strict=True))
            found = score(RerankLift(), RagChain(ranking.question, given, "x"))
            before = [hit for _, hit in sorted(zip(ranks, ranking.relevant, strict=True))]
            if found is not None:
                values.append((ranking.question, found.details["lift"], ndcg(ranking.relevant) - ndcg(before)))
        yield from correlated("rerank_lift", data, "lift between two random orders as judged and as labelled", values)


# --- questions, answers, references ---------------------------------------------------------------------------------


def answerability(folder: Path) -> Iterable[Figure]:
    for name, data in (("relevance-clapnq", "CLAPNQ"), ("relevance-squad2", "SQuAD 2.0")):
        found: list[tuple[str, float, bool]] = []
        for row in rows(folder, name):
            texts = (
                [p["text"] for p in row["passages"]] if "passages" in row else [row.get("context") or row["passage"]]
            )
            result = score(Answerability(), RagChain(row["question"], passages(texts), "x"))
            if result is not None:
                found.append((str(row.get("title") or row["id"]), result.value, bool(row["answerable"])))
        yield from ranked("answerability", data, "answerable or not", found, seen=True)


def refusal(folder: Path) -> Iterable[Figure]:
    kinds: dict[str, list[bool]] = defaultdict(list)
    for row in rows(folder, "relevance-mtrag-un"):
        result = score(Refusal(), RagChain(None, (), row["answer"]))  # without passages: an answer, or why not
        kinds[row["answerability"]].append(result is None)
    for kind, what in (("UNANSWERABLE", "unanswerable"), ("ANSWERABLE", "answerable")):
        if kinds[kind]:
            what = f"share of people's answers to {what} questions that is found to decline"
            yield Figure("refusal", "MTRAG-UN", what, len(kinds[kind]), mean(kinds[kind]))


def refusal_justified(folder: Path) -> Iterable[Figure]:
    found: list[tuple[str, float, bool]] = []
    for row in rows(folder, "relevance-clapnq"):
        texts = passages(p["text"] for p in row["passages"])
        result = score(Refusal(), RagChain(row["question"], texts, "The passages do not say."))
        if result is not None:
            found.append((str(row["id"]), result.value, not row["answerable"]))
    yield from ranked("refusal", "CLAPNQ", "a refusal put in place of the answer: justified or not", found, seen=True)


def context_recall(folder: Path) -> Iterable[Figure]:
    found: list[tuple[str, float, bool]] = []
    for row in rows(folder, "relevance-clapnq"):
        answer = row["output"][0]
        chosen, texts = set(answer["selected_sentences"]), row["passages"][0]["sentences"]
        rest = [t for t in texts if t not in chosen]
        if not row["answerable"] or not rest or len(rest) == len(texts):
            continue
        for kept, whole in ((texts, True), (rest, False)):
            chain = RagChain(row["question"], passages([" ".join(kept)]), "x", answer["answer"])
            result = score(ContextRecall(), chain)
            if result is not None:
                found.append((str(row["id"]), result.value, whole))
    what = "passage as it is, or without the sentences that people answered from"
    yield from ranked("context_recall", "CLAPNQ", what, found)


def completeness(folder: Path) -> Iterable[Figure]:
    data = rows(folder, "faithfulness-mtrag")
    right = {tuple(r["conversation"]): r["answer"] for r in data if r["generator"] == "reference"}
    found: list[tuple[str, float, float]] = []
    full: list[tuple[str, float, bool]] = []
    means: list[tuple[str, float, bool]] = []
    for row in data:
        reference = right.get(tuple(row["conversation"]))
        if row["generator"] == "reference" or reference is None or not row["votes"].get("completeness"):
            continue
        chain = RagChain(_TURN.sub("", row["conversation"][-1]), passages(row["passages"]), row["answer"], reference)
        result = score(Completeness(), chain)
        if result is not None:
            marks = median(row["votes"]["completeness"])
            found.append((row["source_id"], result.value, marks))
            full.append((row["source_id"], result.value, marks >= 4))
            means.append((row["source_id"], result.details.get("mean", 0.0), marks >= 4))
    yield from correlated("completeness", "MTRAG", "value and people's marks for completeness", found)
    yield from ranked("completeness", "MTRAG", "full marks (4 of 4) or fewer", full)
    yield from ranked("completeness", "MTRAG", "the same by `mean`", means)


def context_utilization(folder: Path) -> Iterable[Figure]:
    found: list[tuple[str, float, bool]] = []
    hits: list[tuple[bool, bool]] = []
    for row in rows(folder, "relevance-clapnq"):
        answer = row["output"][0]
        if not row["answerable"]:
            continue
        texts = row["passages"][0]["sentences"]
        result = score(ContextUtilization(), RagChain(row["question"], passages(texts), answer["answer"]))
        for e in result.evidence if result else ():
            chosen = e.text in answer["selected_sentences"]
            found.append((str(row["id"]), e.probability, chosen))
            hits.append((e.verdict == "used", chosen))
    if hits:
        both, used, chosen = (sum(map(f, hits)) for f in (all, lambda h: h[0], lambda h: h[1]))
        what = "sentences as passages, used against selected by people: "
        yield Figure("context_utilization", "CLAPNQ", what + "precision", used, both / used)
        yield Figure("context_utilization", "CLAPNQ", what + "recall", chosen, both / chosen)
        by_chance = chosen / len(hits)
        yield Figure("context_utilization", "CLAPNQ", what + "precision of a random choice", len(hits), by_chance)


# --- citations ------------------------------------------------------------------------------------------------------


def citation_support(folder: Path) -> Iterable[Figure]:
    found: list[tuple[str, float, bool]] = []
    for row in rows(folder, "claims-attributionbench"):
        claim = row["claim"].rstrip()
        cited = f"{claim[:-1]} [1]{claim[-1]}" if claim.endswith(".") else f"{claim} [1]."
        result = score(CitationSupport(), RagChain(row["question"], passages([row["context"]]), cited))
        if result is not None:
            found.append((str(row["id"]), min(e.probability for e in result.evidence), bool(row["label"])))
    yield from ranked("citation_support", "AttributionBench", "claims that cite their evidence", found)
    moved: list[tuple[str, float, bool]] = []
    for row in rows(folder, "faithfulness-ragtruth"):
        texts = [t.strip() for t in re.split(r"passage \d+:", str(row["context"]))[1:]]
        if row["task"] == "qa" and len(texts) > 1 and not row["spans"] and _CITES.search(row["answer"]):
            for shift, right in ((0, True), (1, False)):
                turned = texts[shift:] + texts[:shift]
                result = score(CitationSupport(), RagChain(row["question"], passages(turned), row["answer"]))
                if result is not None:
                    moved.append((str(row["source_id"]), result.value, right))
    what = "faithful answers that cite, their passages in place or moved by one"
    yield from ranked("citation_support", "RAGTruth", what, moved, seen=True)


MEASURED: tuple[Callable[[Path], Iterable[Figure]], ...] = (
    context_precision, context_utilization, context_recall, completeness, answerability, refusal, refusal_justified,
    citation_support, rerank_lift,
)  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="folder of the labelled sets (.jsonl.gz)")
    parser.add_argument("--metric", action="append", help="function of this file to run; all without it")
    arguments = parser.parse_args()
    print("| metric | set | what | n | figure (95 %) | |\n|---|---|---|---|---|---|")
    for measure in MEASURED:
        if not arguments.metric or measure.__name__ in arguments.metric:
            for figure in measure(arguments.data):
                print(figure, flush=True)


if __name__ == "__main__":
    main()
