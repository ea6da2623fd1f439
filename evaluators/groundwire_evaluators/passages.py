"""Passages indexed by their words."""

import re
from collections import defaultdict
from collections.abc import Callable, Hashable, Sequence
from functools import lru_cache
from itertools import pairwise
from math import log
from threading import Lock
from typing import Generic, TypeVar

from groundwire.fork import on_fork
from groundwire_evaluators.dates import MONTHS, Day, dates, numeric_dates
from groundwire_evaluators.flatten import Statement, statements
from groundwire_evaluators.forest import whole
from groundwire_evaluators.quantities import QuantityIndex, quantities
from groundwire_evaluators.synonyms import SYNONYMS
from groundwire_evaluators.tokens import CARRIES, TOKEN, listed, stem, token_pattern
from groundwire_evaluators.words import WORD_STEMS, Words, negated, read_words, words_of

Held = TypeVar("Held", bound=Hashable)
Of = TypeVar("Of")
Made = TypeVar("Made")

COMMON = 64
"""A stem in more statements than this does not propose statements: keeps searching linear."""
PREFIX = 5
"""Words that begin alike so far count as forms of one word."""
_MONTHS = tuple(MONTHS)
_ISO_DATE = re.compile(r"-(?<=\b\d\d\d\d-)(\d\d)-\d\d")  # begins with its rarest character
_GENERIC_KEYS = frozenset(
    stem(w) for w in listed("attributes restaurants restaurant business good for has is info details")
)
_KEPT = 50_000
"""Characters of passages, or of one passage, up to which what was read of them is kept for the next evaluator."""
_NO_STEMS = frozenset[str]()


class _Once(Generic[Of, Made]):
    """A property that is worked out when first asked, and kept.

    Without the lock of `functools`, which until Python 3.12 one thread holds for all objects while it works: a child
    that is forked meanwhile would wait for it for ever.
    """

    def __init__(self, work: Callable[[Of], Made]) -> None:
        self._work = work
        self.__doc__ = work.__doc__

    def __get__(self, instance: Of, owner: type[Of]) -> Made:
        made = vars(instance)[self._work.__name__] = self._work(instance)
        return made


class Unit:
    """One statement of a passage, as its words."""

    __slots__ = ("_words", "content", "group", "joined", "key", "numbers", "own", "raw", "statement", "stems")

    def __init__(self, statement: Statement) -> None:
        self.statement = statement
        self.raw: Sequence[str] = token_pattern(statement.text).findall(statement.text)
        """Its own tokens."""
        self.own = len(self.raw)
        self.joined = ""
        """The innermost key as one stem; empty where there is none."""
        self.key = self.group = _NO_STEMS
        """Stems of the key of a yes/no/null value, and of the keys above that."""
        stems = [WORD_STEMS[w] for w in self.raw]
        content = [s for s in stems if CARRIES[s]]
        if statement.path:
            above = [WORD_STEMS[w] for w in TOKEN.findall(statement.path)]
            self.joined = stem("".join(statement.key.split()).lower())
            content += [self.joined, *[s for s in above if CARRIES[s]]]
            stems = above + stems
        self.stems = tuple(stems)
        """Those of the keys above it first, then its own."""
        self.content = frozenset(content)
        """Stems that carry meaning, those of the keys above included."""
        if statement.polarity != "plain" and statement.key:
            self.key = frozenset([s for w in TOKEN.findall(statement.key) if CARRIES[s := WORD_STEMS[w]]])
            self.key -= _GENERIC_KEYS
            self.group = frozenset(stems[: len(stems) - self.own]) - self.key - _GENERIC_KEYS
        self.numbers = quantities(self.raw, ordinals=True)
        self._words: Words | None = None

    @property
    def negated(self) -> bool:
        """True where it says no: by its value, or by a word such as `not`."""
        return self.statement.polarity == "false" or negated(self.raw)

    def words(self, most: int) -> Words:
        """Its own words, of the first `most` characters."""
        text = self.statement.text
        if len(text) > most or "[" in text:
            return read_words(text, 0, min(len(text), most))
        if self._words is None:
            numbers = tuple(quantities(self.raw)) if self.numbers else ()
            own = self.stems[len(self.stems) - self.own :]
            self._words = words_of(text, 0, len(text), self.raw, own, numbers)
        return self._words


class _Passage:
    """What one passage says."""

    def __init__(self, text: str) -> None:
        found, self.structured = statements(text)
        self.units = [Unit(statement) for statement in found]
        self.known = set[str]().union(*[unit.stems for unit in self.units])
        self.known.update([unit.joined for unit in self.units if unit.statement.path])
        if "-" in text:
            self.known.update(_MONTHS[int(m) - 1] for m in _ISO_DATE.findall(text) if 1 <= int(m) <= 12)

    @_Once
    def pairs(self) -> set[tuple[str, str]]:
        return set[tuple[str, str]]().union(*[pairwise(unit.stems) for unit in self.units])


class _Lately:
    """The passages that were read last, oldest first: those that many questions find are read once."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._known: dict[str, _Passage] = {}
        self._held = 0
        self._lock = Lock()
        on_fork(self)

    def after_fork(self) -> None:
        """Another thread of the parent may have held the lock."""
        self._lock = Lock()

    def read(self, text: str) -> _Passage:
        """A passage, read now or lately. Long ones are not kept."""
        known = self._known
        found = known.get(text) or _Passage(text)
        if len(text) > _KEPT:
            return found
        with self._lock:
            self._held += 0 if known.pop(text, None) else len(text)
            known[text] = found
            while self._held > self._most:
                oldest = next(iter(known))
                del known[oldest]
                self._held -= len(oldest)
        return found


_LATELY = _Lately(250_000)
"""Characters of them: at about 56 bytes for each, 14 MB."""


class IndexedPassages:
    """Everything the passages say, ready for look-up. What some evaluators never ask for is worked out when asked."""

    def __init__(self, texts: tuple[str, ...]) -> None:
        self.texts = texts
        self.units: list[Unit] = []
        self.passage_of: list[int] = []
        """Index into the texts for each unit."""
        self._passages: list[_Passage] = []
        seen: set[str] = set()
        for number, text in enumerate(texts):
            if text not in seen:
                seen.add(text)
                passage = _LATELY.read(text)
                self._passages.append(passage)
                self.units += passage.units
                self.passage_of += [number] * len(passage.units)

    @_Once
    def structured(self) -> float:
        """Share of the passages that are JSON, tables or lists of key and value."""
        return sum([p.structured for p in self._passages]) / len(self._passages) if self._passages else 0.0

    @_Once
    def n_tokens(self) -> int:
        """Tokens of the statements, keys above them left out."""
        return sum([unit.own for unit in self.units])

    @_Once
    def known(self) -> set[str]:
        """Every stem, function words included."""
        return _joined([p.known for p in self._passages])

    @_Once
    def pairs(self) -> set[tuple[str, str]]:
        """Two stems in a row."""
        return _joined([p.pairs for p in self._passages])

    @_Once
    def triples(self) -> set[tuple[str, str, str]]:
        """Three stems in a row."""
        runs = [unit.stems for unit in self.units]
        return set[tuple[str, str, str]]().union(*[zip(s, s[1:], s[2:], strict=False) for s in runs])

    @_Once
    def prefixes(self) -> set[str]:
        """How the longer stems begin."""
        return {s[:PREFIX] for s in self.known if len(s) >= PREFIX}

    @_Once
    def postings(self) -> dict[str, list[int]]:
        """Stem that carries meaning to the units that hold it."""
        found: defaultdict[str, list[int]] = defaultdict(list)
        for number, unit in enumerate(self.units):
            for s in unit.content:
                found[s].append(number)
        found.default_factory = None
        return found

    @_Once
    def numbers(self) -> QuantityIndex:
        """Every number of the passages."""
        found = QuantityIndex()
        for unit in self.units:
            found.add(unit.numbers)
        return found

    @_Once
    def flags(self) -> dict[str, list[int]]:
        """Stem of a key with a yes/no/null value to its units."""
        found: dict[str, list[int]] = {}
        for number, unit in enumerate(self.units):
            for s in unit.key:
                found.setdefault(s, []).append(number)
        return found

    @_Once
    def days(self) -> list[Day]:
        """The dates of the passages that give more than a month."""
        told = {u for s in _MONTHS for u in self.postings.get(s, ())}
        if "may" in self.known:  # a stop word, for which there is no look-up
            told.update(i for i, unit in enumerate(self.units) if "May" in unit.statement.text)
        found = [d for text in self.texts for d in numeric_dates(text)]
        for unit in sorted(told):
            words = TOKEN.findall(self.units[unit].statement.text)
            found += [d for date in dates(words, [WORD_STEMS[w] for w in words]) for d in date.readings]
        return found

    @_Once
    def idf(self) -> dict[str, float]:
        """How telling any stem is among the statements: from near 0 (in all) to about log(n + 1) (in none)."""
        return _Idf(len(self.units), self.postings)


class _Idf(dict[str, float]):
    """Worked out for the stems that are asked for; sums of them are exact."""

    def __init__(self, units: int, postings: dict[str, list[int]]) -> None:
        super().__init__()
        self._units = units
        self._postings = postings

    def __missing__(self, s: str) -> float:
        held = len(self._postings.get(s, ()))
        told = self[s] = whole(log(1.0 + (self._units - held + 0.5) / (held + 0.5)) + 0.25)
        return told


def _joined(sets: Sequence[set[Held]]) -> set[Held]:
    return sets[0] if len(sets) == 1 else set[Held]().union(*sets)


def index_passages(texts: Sequence[str]) -> IndexedPassages:
    """Index passages. Repeated texts add nothing, and the order does not change what is known; linear in size.

    Several evaluators ask about the same passages one after the other: the latest indices and passages are kept, unless
    they are long. What they hold must not be changed.
    """
    texts = tuple(texts)
    return _index(texts) if sum(map(len, texts)) <= _KEPT else IndexedPassages(texts)


@lru_cache(maxsize=4)
def _index(texts: tuple[str, ...]) -> IndexedPassages:
    return IndexedPassages(texts)


def is_known(index: IndexedPassages, s: str) -> bool:
    """True for a stem that the passages hold, or hold in another form, or as a synonym."""
    if s in index.known or (len(s) >= PREFIX and s[:PREFIX] in index.prefixes):
        return True
    return s in SYNONYMS and not index.known.isdisjoint(SYNONYMS[s])
