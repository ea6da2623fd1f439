"""The statements of the passages that cover a sentence best."""

from collections import defaultdict
from collections.abc import Sequence
from math import fsum
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


_NO_SUPPORT = Support(None, 0.0, 0.0, 0.0, 0.0, 0.0)


def best_support(index: IndexedPassages, content: frozenset[str]) -> Support:
    """Search the statements through their rarer words. Ties go to the text that sorts first, not to the order."""
    if not content or not index.units:
        return _NO_SUPPORT
    units, passage_of, idf, postings = index.units, index.passage_of, index.idf, index.postings
    weights = {s: idf[s] for s in content}
    total = fsum(weights.values())
    gains: defaultdict[int, float] = defaultdict(float)
    for s in sorted(content):
        posting = postings.get(s, ())
        if len(posting) <= COMMON:
            weight = weights[s]
            for u in posting:
                gains[u] += weight
    if not gains:
        return _NO_SUPPORT
    floor = sorted(gains.values())[-5:][0]
    top = sorted([(-gain, units[u].statement.text, u) for u, gain in gains.items() if gain >= floor])[:5]
    held = {u: content & units[u].content for _, _, u in top}

    def covered(there: frozenset[str]) -> float:
        return fsum([weights[s] for s in there]) / total

    alone = {u: covered(there) for u, there in held.items()}
    best = min(alone, key=lambda u: (-alone[u], units[u].statement.text))
    here = held[best]
    near = [u for u in (best - 1, best, best + 1) if 0 <= u < len(units) and passage_of[u] == passage_of[best]]
    window = here.union(*[content & units[u].content for u in near if u != best])
    two = alone[best]
    for u, there in held.items():
        if two < 1.0 and alone[best] + alone[u] > two and not there <= here:
            two = max(two, covered(here | there))
    return Support(
        best,
        alone[best],
        len(here) / len(content),
        two,
        covered(window) if window != here else alone[best],
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
