"""Faithfulness: is every sentence of the answer supported by the passages the model saw?"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, TypeAlias

from groundwire.model import Evidence, Flaw, RagChain, Score, Skipped, Verdict
from groundwire_evaluators.claims import FEATURES, Claim, in_answer, read_claim
from groundwire_evaluators.combined import NO_MODEL, Combined, combined, log_odds, marked, sentence_row
from groundwire_evaluators.evidence import EvidenceReader
from groundwire_evaluators.forest import Forest, Linear, Row, both, probability, stored_weights
from groundwire_evaluators.hours import opening_hours
from groundwire_evaluators.local_model import LocalModel, SentenceOdds, Tier, local_model, strongest, tier_version
from groundwire_evaluators.passages import IndexedPassages, index_passages
from groundwire_evaluators.refusal import abstention
from groundwire_evaluators.sentences import sentences
from groundwire_evaluators.tokens import language_conflict, writes_without_spaces
from groundwire_evaluators.words import read_words

_QUOTED_SENTENCES = 3
_QUOTED_LENGTH = 120
_LONGEST_FOR_MODEL = 150_000
"""Characters of an answer, about 32,000 tokens, which the model reads in some 10 s; longer ones are judged by words."""
_CONTRADICTIONS = frozenset({"value", "hours", "opposite", "negation", "unit"})
_CERTAIN = _CONTRADICTIONS | {"number", "date"}


@dataclass(frozen=True, slots=True)
class Reading:
    """An answer read against its passages: what the model weighs, and what the evidence is made of."""

    claims: tuple[Claim, ...]
    index: IndexedPassages
    measures: Sequence[Row]
    """Shape (n_checkable, n_features)."""


def read_answer(answer: str, passages: Sequence[str], question: str | None, weights: Mapping[str, float]) -> Reading:
    """Index the passages and measure every sentence of the answer. No sentence: measures of shape (0, n_features)."""
    index = index_passages(passages)
    hours = opening_hours([u.statement for u in index.units]) if index.structured else {}
    asked = frozenset(read_words(question, 0, len(question)).stems) if question else frozenset[str]()
    claims = [read_claim(answer, span, index, asked, weights, hours) for span in sentences(answer)]
    return Reading(tuple(claims), index, in_answer(claims, index, asked))


AnswerKind: TypeAlias = Literal["one_sentence", "prose", "structured"]
_KINDS: tuple[AnswerKind, ...] = ("one_sentence", "prose", "structured")
_STRUCTURED, _HOURS_AGREEING, _HOURS_CLASHING = map(FEATURES.index, ("structured", "hours_agreeing", "hours_clashing"))


def answer_kind(measures: Sequence[Row]) -> AnswerKind:
    """Which of the answer models applies, for measurements of shape (n > 0, n_features).

    Prose is judged by its sentences' chances alone: more measurements rank RAGTruth no better and other sets worse.
    Over structured passages (JSON, tables) the counts of clashing values and hours add much.
    """
    if len(measures) == 1:
        return "one_sentence"
    return "structured" if measures[0][_STRUCTURED] > 0.5 else "prose"


def answer_measures(unsupported: Row, measures: Sequence[Row], kind: AnswerKind) -> list[float]:
    """What the whole answer is judged by: 1, 9 or 9 + 2 * n_features numbers.

    First the log-odds of its worst sentence; for several sentences also those of the two and three worst and of the
    average one, the log of the chance that all stand, twice, their number, mean and sum of the chances; for structured
    passages the mean and the maximum of each measurement as well.

    Args:
        unsupported: Chance of each checkable sentence to be unsupported, shape (n,), n > 0.
        measures: Shape (n, n_features).
        kind: From `answer_kind`.
    """
    p = sorted((min(max(float(chance), 1e-4), 1 - 1e-4) for chance in unsupported), reverse=True)
    odds = [math.log(chance / (1 - chance)) for chance in p]
    if kind == "one_sentence":
        return odds[:1]
    stand = sum(math.log1p(-chance) for chance in p)
    worst = [odds[0], _mean(odds[:2]), _mean(odds[:3]), _mean(odds)]
    summary = [*worst, stand, math.log(-stand), math.log(len(p)), _mean(p), sum(p)]
    if kind == "prose":
        return summary
    columns = list(zip(*measures, strict=True))
    return [*summary, *map(_mean, columns), *map(max, columns)]


def _mean(values: Row) -> float:
    return sum(values) / len(values)


@dataclass(frozen=True, slots=True)
class _Fitted:
    novelty: Mapping[str, float]
    forest: Forest
    linear: Linear
    answers: Mapping[AnswerKind, Linear]
    threshold: float
    sentence_threshold: float

    def unsupported(self, measures: Sequence[Row]) -> list[float]:
        """Chance of each sentence, shape (n,): the mean of both models in log-odds."""
        return both(self.forest, self.linear, measures)

    def faithful(self, unsupported: Row, measures: Sequence[Row]) -> float:
        """Chance that the whole answer is supported; limited to what was seen in fitting, however long it is."""
        kind = answer_kind(measures)
        row = answer_measures(unsupported, measures, kind)
        return probability(-self.answers[kind].log_odds([row])[0])


@lru_cache(maxsize=1)
def _fitted() -> _Fitted:
    stored = stored_weights("faithfulness")
    return _Fitted(
        stored["novelty"],
        Forest.from_json(stored["forest"]),
        Linear.from_json(stored["linear"]),
        {kind: Linear.from_json(stored["answers"][kind]) for kind in _KINDS},
        float(stored["threshold"]),
        float(stored["sentence_threshold"]),
    )


@dataclass(frozen=True, slots=True)
class _Verdicts:
    """What one tier makes of the checkable sentences, all of shape (n,)."""

    value: float
    unsupported: Row
    contradicted: Sequence[bool]
    marks: Sequence[tuple[Flaw, ...]]
    threshold: float
    sentence_threshold: float
    model: str


@dataclass(frozen=True, slots=True)
class Faithfulness:
    """Chance, in [0, 1], that the answer is fully supported by the passages that reached the prompt.

    The value is calibrated on answers with human labels. `supported_ratio` in the details is the other common figure:
    supported checkable sentences over checkable sentences.

    Labels: `unfaithful` where the value is below the frozen threshold; then at least one sentence is marked and quoted.
    Otherwise `partly` where some sentence is marked all the same, else `faithful`. `passed` is False for `unfaithful`
    alone. A sentence that contradicts a passage and one that no passage mentions both count as unsupported; the
    evidence tells them apart where that can be told.

    Two tiers: words, numbers and names alone (`lexical`), or these together with the local model (`local`), which needs
    onnxruntime. `tier="auto"` takes the second where it can; `Score.model` and the version say which it was. An answer
    of more than 150,000 characters is judged by words alone.

    Skipped: `empty_answer`, `no_passages`, `refusal` (the whole answer declines), `nothing_checkable`, `language`.

    >>> from groundwire.model import Passage, RagChain
    >>> tower = Passage("The Eiffel Tower is 330 metres tall. It was completed in 1889.")
    >>> Faithfulness().evaluate(RagChain("How tall is it?", (tower,), "The Eiffel Tower is 350 metres tall.")).label
    'unfaithful'
    """

    name: str = "faithfulness"
    tier: Tier = "auto"

    @property
    def version(self) -> str:
        """Of the fitted numbers, and the tier: scores of the two do not compare."""
        return tier_version(self.tier)

    @property
    def threshold(self) -> float:
        """Values below it are `unfaithful`. Set on training data, where it gave the best F1."""
        return _fitted().threshold if self.version == "2-lexical" else combined().threshold

    def evaluate(self, chain: RagChain, /) -> Score | Skipped:
        """Judge one chain. Cost grows linearly with the answer and the passages.

        Raises:
            ConfigurationError: `tier="local"` without onnxruntime.
        """
        places = [i for i, p in enumerate(chain.passages) if p.in_prompt and p.text.strip()]
        texts = [chain.passages[i].text for i in places]
        if not chain.answer.strip():
            return Skipped("empty_answer")
        if chain.refused:
            return Skipped("refusal", "marked by the provider")
        if not texts:
            return Skipped("no_passages")
        sample = " ".join(t[:4000] for t in texts[:20])
        if writes_without_spaces(chain.answer) or writes_without_spaces(sample):
            return Skipped("language", "words are not separated by spaces")
        if language_conflict(chain.answer, sample):
            return Skipped("language", "answer and passages are in different languages")
        if (
            len(chain.answer) < 20_000
            and abstention([chain.answer[a:b] for a, b in sentences(chain.answer)]) == "whole"
        ):
            return Skipped("refusal")
        fitted = _fitted()
        reading = read_answer(chain.answer, texts, chain.question, fitted.novelty)
        if not len(reading.measures):
            return Skipped("nothing_checkable")
        verdicts = by_words(chain.answer, reading, fitted)
        model = local_model(self.tier)
        if model is not None and len(chain.answer) <= _LONGEST_FOR_MODEL:
            odds = model_odds(chain.answer, chain.question, reading, model)
            verdicts = by_both(chain.answer, reading, verdicts, odds, combined())
        return _score(chain.answer, places, reading, verdicts)


def by_words(answer: str, reading: Reading, fitted: "_Fitted | None" = None) -> _Verdicts:
    """The verdicts of the lexical tier."""
    fitted = fitted or _fitted()
    unsupported = fitted.unsupported(reading.measures)
    checked = [c for c in reading.claims if c.checkable]
    return _Verdicts(
        fitted.faithful(unsupported, reading.measures), unsupported,
        [any(m.reason in _CONTRADICTIONS for m in c.marks) for c in checked], [_flaws(c) for c in checked],
        fitted.threshold, fitted.sentence_threshold, "lexical",
    )  # fmt: skip


def model_odds(answer: str, question: str | None, reading: Reading, model: LocalModel) -> list[SentenceOdds]:
    """What the model makes of each checkable sentence; the others are read beside them, as their context."""
    spans = [(c.words.start, c.words.end) for c in reading.claims]
    windows = EvidenceReader(reading.index, model.pieces).windows(answer, spans, question)
    found = strongest([odds for window in windows for odds in model.read(window)])
    return [found.get(i, NO_MODEL) for i, c in enumerate(reading.claims) if c.checkable]


def by_both(
    answer: str, reading: Reading, words: _Verdicts, odds: Sequence[SentenceOdds], fitted: Combined
) -> _Verdicts:
    """The verdicts of words and model together."""
    rows = sentence_rows(words.unsupported, odds, reading.measures)
    unsupported = fitted.unsupported(rows)
    joined = _fitted().faithful(unsupported, reading.measures)
    value = fitted.faithful(words.value, joined, unsupported, answer_kind(reading.measures))
    against = [
        known or one.contradicted >= fitted.contradiction_threshold
        for one, known in zip(odds, words.contradicted, strict=True)
    ]
    marks = [
        _told(marked(answer, one.pieces, fitted.piece_threshold), flaws)
        for one, flaws in zip(odds, words.marks, strict=True)
    ]
    return _Verdicts(
        value, unsupported, against, marks, fitted.threshold, fitted.sentence_threshold, "local"
    )  # fmt: skip


def sentence_rows(unsupported: Row, odds: Sequence[SentenceOdds], measures: Sequence[Row]) -> list[list[float]]:
    """What each checkable sentence is judged by, shape (n, 4).

    The words alone decide on opening hours: `17:30-23:0` and "from 5:30 PM to 11 PM" are all foreign to the model.
    """
    rows: list[list[float]] = []
    for chance, one, measured in zip(unsupported, odds, measures, strict=True):
        by_hours = measured[_HOURS_AGREEING] or measured[_HOURS_CLASHING]
        rows.append([log_odds(chance)] * 4 if by_hours else sentence_row(chance, one))
    return rows


def _told(spans: Sequence[tuple[int, int]], lexical: Sequence[Flaw]) -> tuple[Flaw, ...]:
    """The model's spans, each with the reason that the words give for a part of it; `meaning` where they give none.

    What the words know for certain (another number, value or unit than the passages have) is marked in any case.
    """
    found = [Flaw(a, b, next((f.reason for f in lexical if f.start < b and a < f.end), "meaning")) for a, b in spans]
    found += [
        f for f in lexical if f.reason in _CERTAIN and not any(m.start < f.end and f.start < m.end for m in found)
    ]
    return tuple(sorted(found, key=lambda f: f.start))


def _score(answer: str, places: Sequence[int], reading: Reading, verdicts: _Verdicts) -> Score:
    failed = verdicts.value < verdicts.threshold
    # the value and the verdicts must tell one story: a failed answer shows its weakest sentence, and a passed one is
    # only blamed for a sentence that is more likely wrong than right
    limit = min(verdicts.sentence_threshold, max(verdicts.unsupported)) if failed else 0.5
    evidence: list[Evidence] = []
    checked = iter(zip(verdicts.unsupported, verdicts.contradicted, verdicts.marks, strict=True))
    for claim in reading.claims:
        start, end = claim.words.start, claim.words.end
        if not claim.checkable:
            evidence.append(Evidence(answer[start:end], start, end, "not_checkable", 1.0))
            continue
        unsupported, contradicted, flaws = next(checked)
        verdict: Verdict = "supported"
        if unsupported >= limit:
            verdict = "contradicted" if contradicted else "unsupported"
        near = claim.support.unit
        best = None if near is None else reading.index.units[near].statement
        evidence.append(
            Evidence(
                answer[start:end], start, end, verdict, 1.0 - unsupported,
                None if near is None else places[reading.index.passage_of[near]],
                best.start if best else None, best.end if best else None,
                () if verdict == "supported" else flaws,
            )
        )  # fmt: skip
    bad = [e for e in evidence if e.verdict in ("unsupported", "contradicted")]
    n = len(verdicts.unsupported)
    label = "unfaithful" if failed else "partly" if bad else "faithful"
    details = {
        "supported_ratio": (n - len(bad)) / n, "sentences": float(len(evidence)), "checkable": float(n),
        "unsupported": float(len(bad)), "contradicted": float(sum(e.verdict == "contradicted" for e in bad)),
    }  # fmt: skip
    return Score(verdicts.value, label, _explain(answer, bad, n), tuple(evidence), details, not failed, verdicts.model)


def _flaws(claim: Claim) -> tuple[Flaw, ...]:
    """Marks of one sentence, overlapping or touching ones joined under the first reason."""
    joined: list[Flaw] = []
    for mark in claim.marks:
        if (
            joined
            and mark.start <= joined[-1].end + 1
            and (mark.reason == joined[-1].reason or mark.start < joined[-1].end)
        ):
            last = joined.pop()
            joined.append(Flaw(last.start, max(last.end, mark.end), last.reason))
        else:
            joined.append(Flaw(mark.start, mark.end, mark.reason))
    return tuple(joined)


def _explain(answer: str, bad: Sequence[Evidence], checkable: int) -> str:
    if not bad:
        return f"{checkable} of {checkable} sentences supported"
    quoted = "; ".join(f'"{_short(e.text)}" ({_reason(answer, e)})' for e in bad[:_QUOTED_SENTENCES])
    more = f"; and {len(bad) - _QUOTED_SENTENCES} more" if len(bad) > _QUOTED_SENTENCES else ""
    return f"{len(bad)} of {checkable} sentences not supported: {quoted}{more}"


def _reason(answer: str, evidence: Evidence) -> str:
    if not evidence.flaws:
        return "no passage says this together"
    order = sorted(evidence.flaws, key=lambda f: (f.reason == "words", f.start))
    words = ", ".join(dict.fromkeys(_short(answer[f.start : f.end], 40) for f in order[:4]))
    if evidence.verdict == "contradicted":
        return f"against the passages: {words}"
    if all(f.reason == "meaning" for f in evidence.flaws):
        return f"no passage says: {words}"
    return f"{words} not in any passage"


def _short(text: str, length: int = _QUOTED_LENGTH) -> str:
    text = " ".join(text[: 2 * length].split())
    return text if len(text) <= length else text[: length - 1].rstrip() + "\u2026"
