"""One sentence of an answer against the passages: what is checkable, what is measured, which words nothing supports."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import log
from typing import NamedTuple, TypeAlias

from groundwire_evaluators.checkable import is_checkable
from groundwire_evaluators.dates import dates, unsupported_dates
from groundwire_evaluators.flags import check_flags
from groundwire_evaluators.framing import claimed_words
from groundwire_evaluators.hours import Hours, hours_clashes
from groundwire_evaluators.passages import IndexedPassages, Unit, is_known
from groundwire_evaluators.quantities import Quantity
from groundwire_evaluators.refusal import declines
from groundwire_evaluators.sentences import Span
from groundwire_evaluators.support import Support, best_support
from groundwire_evaluators.swaps import NO_SWAPS, Swaps, find_swaps
from groundwire_evaluators.wording import OPPOSITES, manner, speaks_of_itself
from groundwire_evaluators.words import Words, negated, negates, read_words

__all__ = ["FEATURES", "OPPOSITES", "Claim", "Mark", "in_answer", "is_checkable", "read_claim"]

_QUOTED = re.compile(r"[\"\u201c]([^\"\u201c\u201d]{8,300})[\"\u201d]")

FEATURES = (
    "log_tokens", "log_content", "novel_share", "novel_count", "strictly_novel_share", "novel_beyond_question",
    "novel_weight_sum", "novel_weight_max", "novel_weight_mean", "new_pairs", "new_triples", "new_content_pairs",
    "longest_run",
    "numbers", "numbers_unknown", "number_words_unknown", "unit_clashes", "numbers_elsewhere",
    "names", "names_unknown", "initial_unknown", "names_elsewhere", "pair_names_unseen",
    "coverage", "plain_coverage", "pair_coverage", "neighbour_coverage", "loose_coverage", "covered_gap",
    "negated", "support_negated", "negation_differs", "negated_copy", "opposites",
    "flags_agreeing", "flags_clashing", "flags_clashing_loosely", "flags_unknown", "hours_agreeing", "hours_clashing",
    "quote_unknown", "first_person", "hedges", "praise", "reports", "declines", "position",
    "log_context", "structured", "has_question", "mean_novel", "mean_triples", "mean_coverage", "log_sentences",
)  # fmt: skip
"""Names of the measurements, in order. Shares are in [0, 1]; counts are capped at 6."""

WeightOfNovelty: TypeAlias = Mapping[str, float]
"""Stem to the chance that its appearing from nowhere is an invention; the key `""` holds the chance of other words."""


class Mark(NamedTuple):
    """A stretch of the answer that nothing supports."""

    start: int
    end: int
    reason: str
    """`number`, `unit`, `date`, `name`, `negation`, `opposite`, `value`, `hours`, `quote` or `words`."""


class Claim(NamedTuple):
    """A sentence of an answer, read against the passages."""

    words: Words
    checkable: bool
    support: Support
    marks: tuple[Mark, ...]
    measures: tuple[float, ...]
    """The first of FEATURES, as far as one sentence alone gives them; () where not checkable."""
    novel: tuple[str, ...] = ()
    """Stems that neither the passages nor the question hold."""


def read_claim(
    text: str, span: Span, index: IndexedPassages, asked: frozenset[str], weights: WeightOfNovelty, hours: Hours
) -> Claim:
    """Measure one sentence.

    Args:
        text: The whole answer.
        span: Offsets of the sentence.
        index: What the passages say.
        asked: Stems of the question: an answer may repeat them.
        weights: How telling each novel word is.
        hours: Opening hours of the passages.
    """
    words = claimed_words(text, *span)
    declined = declines(text[span[0] : span[1]])
    if not is_checkable(text, words, declined=declined):
        return Claim(words, False, best_support(index, frozenset()), (), ())
    stems, raw = words.stems, words.raw
    content = [stems[i] for i in words.content]
    distinct = frozenset(content)
    support = best_support(index, distinct)
    unit = index.units[support.unit] if support.unit is not None else None
    there = unit.content if unit else frozenset[str]()
    known, pairs, triples = index.known, index.pairs, index.triples
    numeric = {i for q in words.numbers for i in range(q.start, q.end)}
    plain = [i for i in words.content if i not in numeric] if numeric else words.content
    novel = [i for i in plain if stems[i] not in known]
    strictly = [i for i in novel if not is_known(index, stems[i])]
    # the question may lend its words, but no name or day: "Sunday too" is a claim though "Sunday?" was asked
    beyond = [i for i in strictly if stems[i] not in asked or (i > 0 and raw[i][0].isupper())]
    other = weights.get("", 0.3)
    chances = [weights.get(stems[i], other) for i in beyond]
    names = [i for i in plain if raw[i][0].isupper() and i > 0]
    novel_here = set(beyond)
    names_unknown = [i for i in names if i in novel_here]
    initial = [i for i in beyond[:1] if i == 0 and raw[0][0].isupper()]
    numbers = _check_numbers(words, index, there)
    flags = check_flags(index, words)
    hours_agreeing, hours_wrong = hours_clashes(hours, text, *span)
    denies = negated(raw)
    opposed = [
        i for i in words.content
        if (s := stems[i]) in OPPOSITES and s not in there and OPPOSITES[s] in there and OPPOSITES[s] not in distinct
    ]  # fmt: skip
    quotes = _unknown_quotes(text, span, index)
    new_pairs = [p not in pairs for p in pairwise(stems)]
    new_triples = [t not in triples for t in zip(stems, stems[1:], stems[2:], strict=False)]
    new_dense = [p not in pairs for p in pairwise(content)]
    n_content, n_tokens = max(1, len(content)), max(1, len(raw))
    name_pairs = [i for i, j in pairwise(names) if i + 1 == j and new_pairs[i]]
    gap = support.coverage - sum([s in known for s in content]) / n_content
    near_copy = support.plain_coverage >= 0.4 and support.neighbour_coverage >= 0.9
    negation_differs = (
        unit is not None
        and (near_copy or support.plain_coverage >= 0.6)
        and unit.statement.polarity == "plain"
        and denies != unit.negated
    )
    alike = unit if support.plain_coverage >= 0.5 else None
    swaps = _find_swaps(words, alike, denies, near_copy=near_copy or support.plain_coverage >= 0.6)
    found = dates(raw, stems)
    misdated = unsupported_dates(found, index.days) if found else []
    measures = (
        log(1 + len(raw)), log(1 + len(content)), len(novel) / n_content, _cap(len(novel)),
        len(strictly) / n_content,
        _cap(len(beyond)), min(6.0, sum(chances)), max(chances, default=0.0), sum(chances) / n_content,
        sum(new_pairs) / max(1, len(new_pairs)), sum(new_triples) / max(1, len(new_triples)),
        sum(new_dense) / max(1, len(new_dense)), _longest_run(new_pairs) / n_tokens,
        _cap(len(words.numbers)), _cap(numbers.unknown + len(misdated)), _cap(len(numbers.wrong) - numbers.unknown),
        _cap(len(numbers.clashing)), _cap(numbers.elsewhere),
        _cap(len(names)), _cap(len(names_unknown)), float(bool(initial)),
        sum([stems[i] not in there for i in names]) / max(1, len(names)), _cap(len(name_pairs)),
        support.coverage, support.plain_coverage, support.pair_coverage, support.neighbour_coverage,
        support.loose_coverage, gap,
        float(denies), float(unit is not None and unit.negated), float(negation_differs),
        float(negation_differs and near_copy), _cap(len(opposed) + len(swaps.names) + len(swaps.numbers)),
        _cap(flags.agreeing), _cap(len(flags.clashing)), _cap(len(flags.clashing_loosely)), _cap(len(flags.unknown)),
        _cap(hours_agreeing), _cap(len(hours_wrong)), float(bool(quotes)),
        float(speaks_of_itself(raw)), *map(_cap, manner(content)), float(declined),
    )  # fmt: skip
    capital = {*initial, *names_unknown}
    told = [
        *[(q.start, q.end, "unit" if q.start in numbers.clashing else "number") for q in numbers.wrong],
        *[(i, i + 1, "name") for i in (*initial, *names_unknown)],
        *[(i, i + 1, "words") for i in beyond if i not in capital and weights.get(stems[i], other) >= 0.6 * other],
        *[(i, i + 1, "opposite") for i in opposed],
        *[(i, i + 1, "value") for i in (*flags.clashing, *flags.clashing_loosely, *flags.unknown)],
        *[(i, i + 1, "opposite") for i in (*swaps.names, *swaps.numbers)],
        *[(i, i + 1, "negation") for i in swaps.denied],
        *[(d.start, d.end, "date") for d in misdated],
        *([(i, i + 1, "negation") for i in range(len(raw)) if negates(raw, i)][:1] if negation_differs else ()),
    ]
    marks = [
        *_marks(words, told),
        *[Mark(a, b, "hours") for a, b in hours_wrong],
        *[Mark(a, b, "quote") for a, b in quotes],
    ]
    marks.sort(key=lambda m: (m.start, m.end))
    return Claim(words, True, support, tuple(marks), measures, tuple([stems[i] for i in beyond]))


@dataclass(frozen=True, slots=True)
class _Numbers:
    wrong: Sequence[Quantity] = ()
    unknown: int = 0
    """How many of the wrong ones are written in digits."""
    clashing: frozenset[int] = frozenset()
    """First tokens of the wrong ones that the passages hold in another unit."""
    elsewhere: int = 0
    """Right ones that stand in another statement than the one that supports the sentence."""


_NO_NUMBERS = _Numbers()


def _check_numbers(words: Words, index: IndexedPassages, there: frozenset[str]) -> _Numbers:
    if not words.numbers:
        return _NO_NUMBERS
    counted = len({words.stems[i] for i in words.content if words.raw[i][0].isupper()}) + sum(
        not q.in_words for q in words.numbers
    )
    fitting = [
        index.numbers.supports(q) or (q.in_words and q.value is not None and q.value <= min(10, counted))
        for q in words.numbers  # "two prizes, in 1903 and 1911": a count of what follows
    ]
    wrong = [q for q, fits in zip(words.numbers, fitting, strict=True) if not fits]
    elsewhere = sum(
        fits and q.value is not None and not q.in_words and words.stems[q.start] not in there
        for q, fits in zip(words.numbers, fitting, strict=True)
    )
    return _Numbers(
        wrong,
        sum(not q.in_words for q in wrong),
        frozenset(q.start for q in wrong if index.numbers.clashes_in_unit(q)),
        elsewhere,
    )


def _find_swaps(words: Words, unit: Unit | None, negated: bool, *, near_copy: bool) -> Swaps:
    if unit is None or unit.statement.polarity != "plain":
        return NO_SWAPS
    capitals = sum([words.raw[i][0].isupper() for i in words.content])
    if capitals < 2 and not (capitals and words.numbers) and not (near_copy and (negated or unit.negated)):
        return NO_SWAPS  # nothing that could stand the wrong way round
    return find_swaps(words, unit.words(_LONG_STATEMENT), near_copy=near_copy)


_LONG_STATEMENT = 1_000


def in_answer(claims: list[Claim], index: IndexedPassages, asked: frozenset[str]) -> list[tuple[float, ...]]:
    """The full measurements of the checkable claims, those that compare a sentence with the whole answer added."""
    checkable = [c for c in claims if c.checkable]
    n = max(1, len(checkable))
    novel = sum(c.measures[_NOVEL] for c in checkable) / n
    triples = sum(c.measures[_TRIPLES] for c in checkable) / n
    coverage = sum(c.measures[_COVERAGE] for c in checkable) / n
    tail = (
        log(1 + index.n_tokens),
        index.structured,
        float(bool(asked)),
        novel,
        triples,
        coverage,
        log(len(checkable) + 1),
    )
    return [(*c.measures, i / max(1, n - 1), *tail) for i, c in enumerate(checkable)]


_NOVEL, _TRIPLES, _COVERAGE = (FEATURES.index(f) for f in ("novel_share", "new_triples", "coverage"))


def _cap(count: int) -> float:
    return float(min(count, 6))


def _longest_run(new_pairs: list[bool]) -> int:
    best = run = 0
    for is_new in new_pairs:
        run = 0 if is_new else run + 1
        best = max(best, run)
    return best


def _marks(words: Words, told: Sequence[tuple[int, int, str]]) -> list[Mark]:
    """Marks in the text for (first token, one past the last, reason)."""
    if not told:
        return []
    starts, raw = words.starts, words.raw
    return [Mark(starts[first], starts[end - 1] + len(raw[end - 1]), reason) for first, end, reason in told]


def _unknown_quotes(text: str, span: Span, index: IndexedPassages) -> list[Span]:
    """Quotations of three words or more that are not word for word in the passages.

    Two words that do not stand together there are forgiven for each place where a quotation is cut ("..."), goes on
    with the next sentence, or has something put in ("[he]").
    """
    found: list[Span] = []
    for match in _QUOTED.finditer(text, *span):
        stems = read_words(text, match.start(1), match.end(1)).stems
        forgiven = len(_JOINED.findall(match.group(1)))
        if len(stems) >= 3 and sum([p not in index.pairs for p in pairwise(stems)]) > forgiven:
            found.append((match.start(1), match.end(1)))
    return found


_JOINED = re.compile(r"[.!?\u2026]+|[\[\]()\u2013\u2014;:]")
