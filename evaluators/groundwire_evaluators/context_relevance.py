"""Context relevance: do the passages that reached the prompt bear on the question?"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from math import log

from groundwire.model import Evidence, RagChain, Score, Skipped
from groundwire_evaluators.combined import log_odds
from groundwire_evaluators.evidence import EvidenceReader
from groundwire_evaluators.forest import Forest, Linear, Row, both, probability, stored_weights
from groundwire_evaluators.local_model import LocalModel, Tier, local_model, tier_version
from groundwire_evaluators.passages import IndexedPassages, index_passages
from groundwire_evaluators.questions import Question, holds_kind, read_question
from groundwire_evaluators.tokens import language_conflict, writes_without_spaces

FEATURES = (
    "recall", "recall_plain", "best_sentence", "best_sentence_plain", "best_window", "loose_recall", "pair_recall",
    "dearest_missing", "missing_share", "names_missing", "numbers_missing", "kind_in_best", "kind_near_best",
    "kind_anywhere",
    "log_question", "log_passage", "best_length", "matched_density", "asks_number", "asks_time", "asks_name",
    "asks_place",
    "asks_reason", "asks_manner", "asks_yes_no", "mean_sentence", "order_kept",
)  # fmt: skip
"""Measurements of one passage, in order; shares are in [0, 1]."""
_LONG = 400
"""Sentences of a passage that are looked at."""


def passage_measures(question: Question, index: IndexedPassages, prior: Mapping[str, float]) -> tuple[float, ...]:
    """Measure one indexed passage against the question.

    Args:
        question: With at least one content word.
        index: Of this passage alone.
        prior: How telling each stem is in general (idf over many passages); the key `""` holds that of any other.
    """
    rare = prior[""]
    weight = {s: prior.get(s, rare) for s in sorted(question.content)}
    total = sum(weight.values())
    count = len(weight)

    def share(there: frozenset[str] | set[str]) -> float:
        return sum([w for s, w in weight.items() if s in there]) / total

    known = {s for s in weight if s in index.known}
    loose = {s for s in weight if s in known or (len(s) >= 5 and s[:5] in index.prefixes)}
    units = index.units[:_LONG]
    by_unit = [share(u.content) for u in units] or [0.0]
    best = max(range(len(by_unit)), key=lambda i: (by_unit[i], -i))
    near = units[max(0, best - 1) : best + 2]
    window = share(frozenset().union(*(u.content for u in near))) if near else 0.0
    near_words = [u.words(2000) for u in near]
    best_words = near_words[min(best, 1)] if near else None
    missing = [w for s, w in weight.items() if s not in loose]
    numbers = {s for s in weight if s[0].isdigit()}
    in_best = units[best].content if units else frozenset[str]()
    order = [s for s in question.words.stems if s in in_best]
    there = best_words.stems if best_words else ()
    place = {s: i for i, s in reversed(list(enumerate(there)))}
    kept = sum(place.get(a, 0) < place.get(b, 0) for a, b in pairwise(order))
    kind = question.kind
    return (
        share(known), len(known) / count, by_unit[best],
        sum(s in in_best for s in weight) / count, window, share(loose),
        sum(p in index.pairs for p in question.pairs) / max(1, len(question.pairs)),
        max(missing, default=0.0), sum(missing) / total,
        len(question.names - loose) / max(1, len(question.names)), len(numbers - known) / max(1, len(numbers)),
        float(best_words is not None and holds_kind(question, best_words)),
        float(any(holds_kind(question, w) for w in near_words)),
        float(kind not in ("number", "time") or index.numbers.any()),
        log(1 + count), log(1 + index.n_tokens), log(1 + len(there)),
        sum(s in question.content for s in there) / max(1, len(there)),
        float(kind == "number"), float(kind == "time"), float(kind == "name"), float(kind == "place"),
        float(kind == "reason"), float(kind == "manner"), float(kind == "yes_no"),
        sum(by_unit) / len(by_unit), kept / max(1, len(order) - 1),
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Fitted:
    prior: Mapping[str, float]
    forest: Forest
    linear: Linear
    threshold: float

    def relevant(self, measures: Sequence[Row]) -> list[float]:
        """Chance of each passage to be relevant, shape (n,)."""
        return both(self.forest, self.linear, measures)


@lru_cache(maxsize=1)
def _fitted() -> _Fitted:
    stored = stored_weights("context_relevance")
    return _Fitted(
        stored["prior"],
        Forest.from_json(stored["forest"]),
        Linear.from_json(stored["linear"]),
        float(stored["threshold"]),
    )


RELEVANCE_WINDOW = 256
"""Pieces of one passage and the question that the local model reads: the statements nearest to the question."""


def relevance_row(lexical: float, model: float) -> list[float]:
    """What a passage is judged by where the model is there: both verdicts as log-odds."""
    return [log_odds(lexical), model]


def model_relevance(question: str, index: IndexedPassages, model: LocalModel) -> float:
    """The model's log-odds that one indexed passage holds what is asked for; 0 for a question without letters."""
    windows = EvidenceReader(index, model.pieces, RELEVANCE_WINDOW).windows(question, [(0, len(question))])
    return model.relevance(windows[0]) if windows else 0.0


@lru_cache(maxsize=1)
def _combined() -> tuple[Linear, float]:
    stored = stored_weights("combined")["context_relevance"]
    return Linear.from_json(stored["line"]), float(stored["threshold"])


@dataclass(frozen=True, slots=True)
class ContextRelevance:
    """Chance, in [0, 1], that the best passage in the prompt holds what the question asks for.

    Every passage that reached the prompt gets its own calibrated chance, as evidence. The value is the highest of them:
    one good passage is enough to answer. The details rate the whole list: `precision` (share of relevant passages),
    `average_precision` (sum of precision@i over relevant ranks i / number of relevant passages; 0 where none is),
    `mean` (mean chance), `relevant` and `passages` (counts).

    Labels: `relevant`, `irrelevant`; `passed` is the first. Skipped: `no_question`, `no_passages`, `language`.

    Two tiers, as for faithfulness: words alone, about 0.2 ms a passage, or words and the local model, about 20 ms.
    """

    name: str = "context_relevance"
    tier: Tier = "auto"

    @property
    def version(self) -> str:
        """Of the fitted numbers, and the tier: scores of the two do not compare."""
        return tier_version(self.tier)

    @property
    def threshold(self) -> float:
        """Passages with a lower chance are `irrelevant`."""
        return _fitted().threshold if self.version == "2-lexical" else _combined()[1]

    def evaluate(self, chain: RagChain, /) -> Score | Skipped:
        """Judge the passages of one chain.

        Raises:
            ConfigurationError: `tier="local"` without onnxruntime.
        """
        places = [i for i, p in enumerate(chain.passages) if p.in_prompt and p.text.strip()]
        if not chain.question or not chain.question.strip():
            return Skipped("no_question")
        if not places:
            return Skipped("no_passages")
        sample = " ".join(chain.passages[i].text[:4000] for i in places[:20])
        if writes_without_spaces(chain.question) or writes_without_spaces(sample):
            return Skipped("language", "words are not separated by spaces")
        if language_conflict(chain.question, sample):
            return Skipped("language", "question and passages are in different languages")
        question = read_question(chain.question)
        if not question.content:
            return Skipped("no_question", "no word of it carries meaning")
        fitted = _fitted()
        indexed = [index_passages([chain.passages[i].text]) for i in places]
        chances = fitted.relevant([passage_measures(question, index, fitted.prior) for index in indexed])
        model = local_model(self.tier)
        if model is None:
            return _score(chain, places, chances, fitted.threshold, "lexical")
        odds = [model_relevance(chain.question, index, model) for index in indexed]
        line, threshold = _combined()
        rows = [relevance_row(chance, one) for chance, one in zip(chances, odds, strict=True)]
        return _score(chain, places, [probability(o) for o in line.log_odds(rows)], threshold, "local")


def _score(chain: RagChain, places: Sequence[int], chances: Sequence[float], threshold: float, model: str) -> Score:
    hits = [c >= threshold for c in chances]
    evidence = tuple(
        Evidence(
            chain.passages[i].text, 0, len(chain.passages[i].text), "relevant" if hit else "irrelevant", chance, i
        )
        for i, hit, chance in zip(places, hits, chances, strict=True)
    )  # fmt: skip
    relevant = sum(hits)
    details = {
        "precision": relevant / len(hits), "average_precision": average_precision(hits),
        "mean": sum(chances) / len(chances), "relevant": float(relevant), "passages": float(len(hits)),
    }  # fmt: skip
    value = max(chances)
    best = places[max(range(len(chances)), key=lambda k: (chances[k], -k))]
    explanation = f"{relevant} of {len(hits)} passages relevant; best is passage {best + 1} ({value:.2f})"
    return Score(value, "relevant" if relevant else "irrelevant", explanation, evidence, details, relevant > 0, model)


def average_precision(hits: Sequence[bool]) -> float:
    """Mean of precision@i over the ranks i of the hits; 0.0 where there is none.

    >>> round(average_precision([True, False, True]), 3)
    0.833
    """
    found = 0
    total = 0.0
    for rank, hit in enumerate(hits, 1):
        if hit:
            found += 1
            total += found / rank
    return total / found if found else 0.0
