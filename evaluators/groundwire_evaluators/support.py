"""The statements of the passages that cover a sentence best."""

from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

from groundwire_evaluators.passages import COMMON, PREFIX, IndexedPassages
from groundwire_evaluators.synonyms import SYNONYMS


class Support(NamedTuple):
    """The statements that cover a sentence best."""

    unit: int | None
    coverage: float
    """Share of the sentence's content found in that unit, by idf, in [0, 1]."""
    plain_coverage: float
    """The same, each stem counting once."""
    pair_coverage: float
    """Share covered by the best unit and the one that adds most to it."""
    neighbour_coverage: float
    """Share covered by the best unit and its two neighbours in the passage."""
    loose_coverage: float
    """The same, other forms and synonyms of a word counting as the word, and each word once."""


_TRIED = 5
"""How many statements are looked at closely."""
_NO_SUPPORT = Support(None, 0.0, 0.0, 0.0, 0.0, 0.0)


def best_support(index: IndexedPassages, content: frozenset[str]) -> Support:
    """Search the statements through their rarer words. Ties go to the text that sorts first, not to the order."""
    if not content or not index.units:
        return _NO_SUPPORT
    units, passage_of, idf, postings = index.units, index.passage_of, index.idf, index.postings
    weights = {s: idf[s] for s in content}
    total = sum(weights.values())
    gains: defaultdict[int, float] = defaultdict(float)
    common: list[str] = []
    for s, weight in weights.items():
        if (posting := postings.get(s)) is None:
            continue
        if len(posting) > COMMON:
            common.append(s)
            continue
        for u in posting:
            gains[u] += weight
    if not gains:
        return _NO_SUPPORT
    if len(gains) > _TRIED:
        floor = sorted(gains.values())[-_TRIED]
        some = sorted([(-gain, units[u].statement.text, u) for u, gain in gains.items() if gain >= floor])[:_TRIED]
        gains = defaultdict(float, {u: -gain for gain, _, u in some})
    for s in common:
        for u in gains:
            if s in units[u].content:
                gains[u] += weights[s]
    most = max(gains.values())
    best = min([(units[u].statement.text, u) for u, gain in gains.items() if gain == most])[1]
    here = content & units[best].content
    near = [u for u in (best - 1, best, best + 1) if 0 <= u < len(units) and passage_of[u] == passage_of[best]]
    window = here.union(*[content & units[u].content for u in near if u != best])
    two = most
    for u, gain in gains.items():
        if two < total and most + gain > two and not (there := content & units[u].content) <= here:
            two = max(two, sum([weights[s] for s in here | there]))
    return Support(
        best,
        most / total,
        len(here) / len(content),
        two / total,
        sum([weights[s] for s in window]) / total if window != here else most / total,
        _loose_share(content - window, len(content), [units[u].content for u in near], index.prefixes),
    )


def _loose_share(
    missing: frozenset[str], count: int, there: Sequence[frozenset[str]], known_prefixes: set[str]
) -> float:
    if not missing:
        return 1.0
    begun = {p for s in missing if (p := s[:PREFIX]) in known_prefixes}
    prefixes = {p for stems in there for s in stems if (p := s[:PREFIX]) in begun} if begun else begun
    loosely = sum([
        s[:PREFIX] in prefixes or (s in SYNONYMS and any(not stems.isdisjoint(SYNONYMS[s]) for stems in there))
        for s in missing
    ])  # fmt: skip
    return 1.0 - (len(missing) - loosely) / count
