"""Answer relevance: does the answer address the question, rather than decline or talk of something else?"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import log

from groundwire.model import RagChain, Score, Skipped
from groundwire_evaluators.forest import Forest, Linear, Row, both, stored_weights
from groundwire_evaluators.passages import IndexedPassages, index_passages, is_known
from groundwire_evaluators.questions import (
    Question,
    content_of,
    holds_kind,
    is_bare_yes_or_no,
    read_question,
)
from groundwire_evaluators.refusal import Abstention, abstention
from groundwire_evaluators.sentences import sentences
from groundwire_evaluators.support import best_support
from groundwire_evaluators.tokens import language_conflict, writes_without_spaces
from groundwire_evaluators.words import read_words

FEATURES = (
    "question_in_answer", "question_in_answer_and_support", "answer_in_passages", "support_coverage",
    "question_in_support", "question_in_best", "same_statement", "statement_distance", "kind_held", "kind_missing",
    "fresh_share",
    "log_answer", "log_question", "one_word", "names_in_answer", "partly_declined", "has_passages",
    "asks_number", "asks_time", "asks_name", "asks_place", "asks_reason", "asks_manner", "asks_yes_no",
    "answer_has_number",
    "answer_has_name",
)  # fmt: skip
"""Measurements of an answer, in order. How alike question and answer are counts for little by itself: wrong and evasive
answers echo the question as well."""


def relevance_measures(
    question: Question, answer: str, index: IndexedPassages, declined: Abstention
) -> tuple[float, ...]:
    """Measure an answer against its question, with the passages (which may be empty) as the link between the two."""
    words = read_words(answer, 0, min(len(answer), 20_000))
    content = content_of(words)
    fresh = content - question.content
    asked = question.content
    n_asked = max(1, len(asked))
    support = best_support(index, fresh or content)
    goal = best_support(index, asked)
    there = index.units[support.unit].content if support.unit is not None else frozenset[str]()
    distance = 1.0
    if support.unit is not None and goal.unit is not None:
        same = index.passage_of[support.unit] == index.passage_of[goal.unit]
        distance = min(1.0, abs(support.unit - goal.unit) / 10) if same else 1.0
    held = holds_kind(question, words)
    strict = question.kind in ("number", "time", "name", "place")
    kind = question.kind
    return (
        len(asked & content) / n_asked, len(asked & (content | there)) / n_asked,
        sum(is_known(index, s) for s in content) / max(1, len(content)), support.coverage,
        len(asked & there) / n_asked, goal.plain_coverage,
        float(support.unit is not None and support.unit == goal.unit), distance, float(held),
        float(strict and not held),
        len(fresh) / max(1, len(content)), log(1 + len(words.raw)), log(1 + len(asked)), float(len(content) <= 1),
        len(question.names & content) / max(1, len(question.names)), float(declined == "partial"),
        float(bool(index.units)),
        float(kind == "number"), float(kind == "time"), float(kind == "name"), float(kind == "place"),
        float(kind == "reason"), float(kind == "manner"), float(kind == "yes_no"), float(bool(words.numbers)),
        float(any(words.raw[i][0].isupper() for i in words.content)),
    )  # fmt: skip


_BARE_ANSWER = 0.9
"""Set by hand: "Yes." addresses "Is it open?", and no labelled set has such answers to fit on."""


@dataclass(frozen=True, slots=True)
class _Fitted:
    forest: Forest
    linear: Linear
    threshold: float

    def relevant(self, measures: Sequence[Row]) -> list[float]:
        """Chance of each row to address its question, shape (n,)."""
        return both(self.forest, self.linear, measures)


@lru_cache(maxsize=1)
def _fitted() -> _Fitted:
    stored = stored_weights("answer_relevance")
    return _Fitted(Forest.from_json(stored["forest"]), Linear.from_json(stored["linear"]), float(stored["threshold"]))


@dataclass(frozen=True, slots=True)
class AnswerRelevance:
    """Chance, in [0, 1], that the answer addresses the question. Whether it is true is another matter.

    An answer that declines as a whole ("the passages do not say"), or that the provider marked as a refusal, has the
    value 0.0 and the label `refusal`: the asker was not served. Labels otherwise: `relevant`, `irrelevant`; only
    `relevant` passes.

    Skipped: `no_question`, `empty_answer`, `language`.
    """

    name: str = "answer_relevance"
    version: str = "1"

    @property
    def threshold(self) -> float:
        """Lower values are `irrelevant`."""
        return _fitted().threshold

    def evaluate(self, chain: RagChain, /) -> Score | Skipped:
        """Judge one chain. The passages need not be there; they help to tell what the answer speaks about."""
        if not chain.question or not chain.question.strip():
            return Skipped("no_question")
        if not chain.answer.strip():
            return Skipped("empty_answer")
        texts = [p.text for p in chain.context if p.text.strip()]
        sample = " ".join(t[:4000] for t in texts[:20])
        if writes_without_spaces(chain.question) or writes_without_spaces(chain.answer):
            return Skipped("language", "words are not separated by spaces")
        if language_conflict(chain.answer, chain.question):
            return Skipped("language", "question and answer are in different languages")
        declined = abstention(_texts(chain.answer[:20_000]))
        if chain.refused or declined == "whole":
            return Score(0.0, "refusal", "the answer declines to answer", details={"refusal": 1.0}, passed=False)
        question = read_question(chain.question)
        if not question.content:
            return Skipped("no_question", "no word of it carries meaning")
        index = index_passages(texts if not writes_without_spaces(sample) else [])
        measures = relevance_measures(question, chain.answer, index, declined)
        fitted = _fitted()
        value = fitted.relevant([measures])[0]
        if question.kind == "yes_no" and is_bare_yes_or_no(chain.answer):
            value = max(value, _BARE_ANSWER)
        relevant = value >= fitted.threshold
        named: dict[str, float] = dict(zip(FEATURES, measures, strict=True))
        details = {
            "question_covered": named["question_in_answer_and_support"],
            "kind_held": named["kind_held"],
            "refusal": 0.0,
        }
        return Score(
            value, "relevant" if relevant else "irrelevant", _explain(question, named, relevant), (), details, relevant
        )


def _texts(answer: str) -> Sequence[str]:
    return [answer[a:b] for a, b in sentences(answer)]


_WANTED = {"number": "a number", "time": "a date or time", "name": "a name", "place": "a place"}


def _explain(question: Question, named: Mapping[str, float], relevant: bool) -> str:
    parts = [
        f"{named['question_in_answer_and_support']:.0%} of the question's words are in the answer or the "
        f"statement behind it"
    ]
    if named["kind_missing"]:
        parts.append(f"the question asks for {_WANTED.get(question.kind, question.kind)} and the answer has none")
    if named["has_passages"] and named["support_coverage"] < 0.3:
        parts.append("no passage speaks of what the answer says")
    return ("addresses the question: " if relevant else "does not seem to address the question: ") + "; ".join(parts)
