"""What cited passages say of the statements that cite them: each alone, and together where none suffices."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from groundwire.model import Evaluator, RagChain, Score, Skipped
from groundwire_evaluators.verdicts import checkable

Places: TypeAlias = tuple[int, ...]
"""Indices into the chain's passages, ascending."""
_MOST_CITED = 8
"""Passages of one statement that are looked at."""
_MOST_SETS = 32
"""Sets of several passages that are looked at, over all statements: bounds what a hostile answer costs."""


@dataclass(frozen=True, slots=True)
class Claim:
    """A statement without its marks, and the passages that it cites."""

    text: str
    cited: Places


@dataclass(frozen=True, slots=True)
class Backing:
    """What its citations are worth to a claim. A cited passage is in one of `counting`, `idle`, or unchecked."""

    cited: Places
    recalled: bool | None
    """Whether the cited passages support it together; None where that could not be judged."""
    probability: float = 0.0
    """Of being supported by them."""
    best: int | None = None
    """The cited passage that supports it best."""
    contradicted: bool = False
    counting: frozenset[int] = frozenset()
    """Cited passages that support it, alone or as a needed part."""
    idle: frozenset[int] = frozenset()
    """Cited passages that do not."""
    unchecked: int = 0


@dataclass(frozen=True, slots=True)
class Backings:
    """One for each claim, and the judge's scores behind them."""

    backings: tuple[Backing, ...]
    scores: tuple[Score, ...]


@dataclass(frozen=True, slots=True)
class _Finding:
    supported: bool
    probability: float
    contradicted: bool


_NOTHING = _Finding(False, 0.0, False)


def backings(judge: Evaluator, chain: RagChain, claims: Sequence[Claim]) -> Backings:
    """Check every claim against what it cites.

    Claims that cite the same passage are put before the judge at once, as one answer: so each passage is read once for
    its claims. Sets of passages are looked at where no passage of them supports the claim alone.
    """
    bench = _Bench(judge, chain)
    alone: list[dict[int, _Finding | None]] = [{} for _ in claims]
    citing: dict[int, list[int]] = {}
    for i, claim in enumerate(claims):
        for place in claim.cited[:_MOST_CITED]:
            citing.setdefault(place, []).append(i)
    for place, members in sorted(citing.items()):
        for i, finding in zip(members, bench.hear([claims[i].text for i in members], (place,)), strict=True):
            alone[i][place] = finding
    together: dict[int, _Finding | None] = {}
    open_sets: dict[Places, list[int]] = {}
    for i, findings in enumerate(alone):
        if len(findings) > 1 and not any(f and f.supported for f in findings.values()):
            open_sets.setdefault(tuple(findings), []).append(i)
    for places, members in list(open_sets.items())[:_MOST_SETS]:
        for i, finding in zip(members, bench.hear([claims[i].text for i in members], places), strict=True):
            together[i] = finding
    given = tuple(_backing(bench, c, alone[i], together.get(i, _NOTHING)) for i, c in enumerate(claims))
    return Backings(given, tuple(bench.scores))


class _Bench:
    """Puts statements before the judge, and keeps the count."""

    def __init__(self, judge: Evaluator, chain: RagChain) -> None:
        self._judge = judge
        self._chain = chain
        self._sets = _MOST_SETS
        self.scores: list[Score] = []

    def hear(self, texts: Sequence[str], places: Places) -> list[_Finding | None]:
        """What these passages say of each text; None where that cannot be judged."""
        passages = tuple(replace(self._chain.passages[i], in_prompt=True) for i in places)
        result = self._judge.evaluate(
            replace(self._chain, answer="\n\n".join(texts), passages=passages, reference=None)
        )
        if isinstance(result, Skipped):
            return [_NOTHING if result.reason == "no_passages" else None] * len(texts)
        self.scores.append(result)
        found: list[_Finding | None] = []
        rows = sorted(checkable(result), key=lambda e: e.start)
        at = start = 0
        for text in texts:
            end = start + len(text)
            first = at
            while at < len(rows) and rows[at].start < end:
                at += 1
            inside = rows[first:at]
            found.append(
                _Finding(
                    all(e.verdict == "supported" for e in inside),
                    min(e.probability for e in inside),
                    any(e.verdict == "contradicted" for e in inside),
                )
                if inside
                else None
            )
            start = end + 2
        return found

    def needed(self, text: str, places: Places) -> frozenset[int]:
        """Those of several passages without which the others do not support the text. All, where two are cited."""
        if len(places) == 2:
            return frozenset(places)
        needed = set(places)
        for place in places:
            if self._sets <= 0:
                break
            self._sets -= 1
            (finding,) = self.hear([text], tuple(p for p in places if p != place))
            if finding is not None and finding.supported:
                needed.discard(place)
        return frozenset(needed)


def _backing(bench: _Bench, claim: Claim, alone: dict[int, _Finding | None], together: _Finding | None) -> Backing:
    known = {place: f for place, f in alone.items() if f is not None}
    unchecked = len(claim.cited) - len(known)
    if not known:
        return Backing(claim.cited, None if claim.cited else False, unchecked=unchecked)
    best = max(known, key=lambda place: (known[place].probability, -place))
    counting = frozenset(place for place, f in known.items() if f.supported)
    contradicted = any(f.contradicted for f in known.values())
    if counting:
        idle = frozenset(known) - counting
        return Backing(claim.cited, True, known[best].probability, best, False, counting, idle, unchecked)
    if together is not None and together.supported:
        counting = bench.needed(claim.text, tuple(known))
        idle = frozenset(known) - counting
        return Backing(claim.cited, True, together.probability, best, False, counting, idle, unchecked)
    chance = max(known[best].probability, together.probability if together else 0.0)
    return Backing(claim.cited, False, chance, best, contradicted, frozenset(), frozenset(known), unchecked)
