"""Passages indexed by their words, and what can be measured of a sentence against them."""

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import pairwise
from math import fsum, log

from groundwire_evaluators.dates import MONTHS, Day, dates, numeric_dates
from groundwire_evaluators.flatten import Statement, statements
from groundwire_evaluators.quantities import Quantity, QuantityIndex, quantities
from groundwire_evaluators.synonyms import SYNONYMS
from groundwire_evaluators.tokens import (
    CARRIES,
    NEGATIONS,
    TOKEN,
    Remembered,
    is_content,
    listed,
    plain,
    stem,
    token_pattern,
)

_COMMON = 64
"""A stem in more statements than this does not propose statements: keeps the search linear."""
_PREFIX = 5
_MONTHS = tuple(MONTHS)
_ISO_DATE = re.compile(r"-(?<=\b\d\d\d\d-)(\d\d)-\d\d")  # begins with its rarest character
_SHORT_MONTHS = {m[:3]: m for m in _MONTHS} | {"sept": stem("september")}
_DAYS = {
    d[:n]: d
    for d in ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
    for n in (3, 4, 5)
    if len(d) > n
}


_GENERIC_KEYS = frozenset(
    stem(w) for w in listed("attributes restaurants restaurant business good for has is info details")
)


def word_stem(raw: str) -> str:
    """The stem of a token, with short names of months and days spelt out (`Jan` is `January`)."""
    return _WORD_STEMS[raw]


def _word_stem(raw: str) -> str:
    s = stem(raw)
    return _SHORT_MONTHS.get(s, s) if len(s) <= 4 and raw[:1].isupper() else s


_WORD_STEMS = Remembered(_word_stem)
_NEGATING = Remembered(lambda raw: plain(raw).lower() in NEGATIONS)
_NOT_ONLY = frozenset(listed("only just merely simply solely"))


def negates(raw: Sequence[str], at: int) -> bool:
    """Whether a token denies something: `not` does, and that of "not only" does not."""
    return _NEGATING[raw[at]] and not (at + 1 < len(raw) and raw[at + 1].lower() in _NOT_ONLY)


def negated(raw: Sequence[str]) -> bool:
    """Whether one of the tokens denies something."""
    if not any(map(_NEGATING.__getitem__, raw)):
        return False
    return any(negates(raw, i) for i in range(len(raw)))


@dataclass(frozen=True, slots=True)
class Unit:
    """One statement of a passage, as its words."""

    passage: int
    """Index into the texts that were indexed."""
    statement: Statement
    content: frozenset[str]
    """Stems that carry meaning, those of the keys above included."""
    key: frozenset[str] = frozenset()
    """Stems of the key of a yes/no/null value."""
    group: frozenset[str] = frozenset()
    """Stems of the keys above that."""

    @property
    def negated(self) -> bool:
        """True where it says no: by its value, or by a word such as `not`. Worked out anew each time: few are asked."""
        text = self.statement.text
        return self.statement.polarity == "false" or negated(token_pattern(text).findall(text))


@dataclass(slots=True)
class IndexedPassages:
    """Everything the passages say, ready for look-up. Built once for a chain; equal texts count once."""

    units: list[Unit] = field(default_factory=list[Unit])
    known: set[str] = field(default_factory=set[str])
    """Every stem, function words included."""
    pairs: set[tuple[str, str]] = field(default_factory=set[tuple[str, str]])
    prefixes: set[str] = field(default_factory=set[str])
    postings: defaultdict[str, list[int]] = field(default_factory=lambda: defaultdict[str, list[int]](list))
    """Stem to the units that hold it."""
    numbers: QuantityIndex = field(default_factory=QuantityIndex)
    flags: dict[str, list[int]] = field(default_factory=dict[str, list[int]])
    """Stem of a key with a yes/no/null value to its units."""
    structured: float = 0.0
    """Share of the passages that are JSON, tables or lists of key and value."""
    n_tokens: int = 0
    texts: tuple[str, ...] = ()
    runs: list[tuple[str, ...]] = field(default_factory=list[tuple[str, ...]])
    """Stems of each unit, those of the keys above it first."""
    _days: list[Day] | None = None
    _triples: set[tuple[str, str, str]] | None = None
    _idf: dict[str, float] = field(default_factory=dict[str, float])

    @property
    def triples(self) -> set[tuple[str, str, str]]:
        """Three stems in a row. Worked out when first asked: not every evaluator does."""
        if self._triples is None:
            self._triples = set[tuple[str, str, str]]()
            for stems in self.runs:
                self._triples.update(zip(stems, stems[1:], stems[2:], strict=False))
        return self._triples

    def days(self) -> list[Day]:
        """The dates of the passages that give more than a month. Worked out when first asked: few answers have any."""
        if self._days is None:
            told = {u for s in _MONTHS for u in self.postings.get(s, ())}
            if "may" in self.known:  # a stop word, for which there is no look-up
                told.update(i for i, unit in enumerate(self.units) if "May" in unit.statement.text)
            found = [d for text in self.texts for d in numeric_dates(text)]
            for unit in sorted(told):
                words = TOKEN.findall(self.units[unit].statement.text)
                found += [d for date in dates(words, [word_stem(w) for w in words]) for d in date.readings]
            self._days = found
        return self._days

    def idf(self, s: str) -> float:
        """How telling a stem is among the statements: from near 0 (in all) to about log(n + 1) (in none)."""
        known = self._idf.get(s)
        if known is None:
            n, df = len(self.units), len(self.postings[s]) if s in self.postings else 0
            known = self._idf[s] = log(1.0 + (n - df + 0.5) / (df + 0.5)) + 0.25
        return known


def index_passages(texts: Sequence[str]) -> IndexedPassages:
    """Index passages. Repeated texts add nothing, and the order does not change what is known; linear in size.

    Several evaluators ask about the same passages one after the other: the latest indices and passages are kept, unless
    they are long. An index is not changed once it is made.
    """
    texts = tuple(texts)
    return _index(texts) if sum(map(len, texts)) <= _KEPT else _index.__wrapped__(texts)


_KEPT = 50_000
"""Characters of passages, or of one passage, up to which what was read of them is kept for the next evaluator."""


@lru_cache(maxsize=4)
def _index(texts: tuple[str, ...]) -> IndexedPassages:
    index = IndexedPassages(texts=texts)
    seen: set[str] = set()
    structured = 0
    for number, text in enumerate(texts):
        if text in seen:
            continue
        seen.add(text)
        found, keyed = _read_passage(text) if len(text) <= _KEPT else _read_passage.__wrapped__(text)
        structured += keyed
        for statement in found:
            _add(index, number, statement)
        if "-" in text:
            index.known.update(_MONTHS[int(m) - 1] for m in _ISO_DATE.findall(text) if 1 <= int(m) <= 12)
    index.structured = structured / len(seen) if seen else 0.0
    index.prefixes = {s[:_PREFIX] for s in index.known if len(s) >= _PREFIX}
    return index


@dataclass(frozen=True, slots=True)
class _Read:
    """A statement, and what an index takes of it."""

    statement: Statement
    stems: tuple[str, ...]
    """Those of the keys above it first."""
    own: int
    """How many of them are its own."""
    content: frozenset[str]
    joined: str
    """The innermost key as one stem; empty where there is none."""
    key: frozenset[str]
    group: frozenset[str]
    numbers: tuple[Quantity, ...]


@lru_cache(maxsize=32)
def _read_passage(text: str) -> tuple[tuple[_Read, ...], bool]:
    found, keyed = statements(text)
    return tuple(map(_read, found)), keyed


def _read(statement: Statement) -> _Read:
    raw = token_pattern(statement.text).findall(statement.text)
    stems = [_WORD_STEMS[w] for w in raw]
    own = len(stems)
    joined = ""
    key = group = _NO_STEMS
    if statement.path:
        joined = stem("".join(statement.key.split()).lower())
        stems = [_WORD_STEMS[w] for w in TOKEN.findall(statement.path)] + stems
        content = frozenset([joined, *[s for s in stems if CARRIES[s]]])
    else:
        content = frozenset([s for s in stems if CARRIES[s]])
    if statement.polarity != "plain" and statement.key:
        key = frozenset(s for w in TOKEN.findall(statement.key) if is_content(s := word_stem(w))) - _GENERIC_KEYS
        group = frozenset(stems[: len(stems) - own]) - key - _GENERIC_KEYS
    return _Read(statement, tuple(stems), own, content, joined, key, group, tuple(quantities(raw, ordinals=True)))


def _add(index: IndexedPassages, passage: int, read: _Read) -> None:
    number = len(index.units)
    stems = read.stems
    if read.statement.path:
        index.known.add(read.joined)
    for s in read.key:
        index.flags.setdefault(s, []).append(number)
    index.units.append(Unit(passage, read.statement, read.content, read.key, read.group))
    index.known.update(stems)
    index.pairs.update(pairwise(stems))
    index.runs.append(stems)
    index.numbers.add(read.numbers)
    index.n_tokens += read.own
    for s in read.content:
        index.postings[s].append(number)


_NO_STEMS = frozenset[str]()


@dataclass(frozen=True, slots=True)
class Words:
    """The tokens of one sentence. All tuples run in parallel."""

    start: int
    end: int
    raw: tuple[str, ...]
    stems: tuple[str, ...]
    content: tuple[int, ...]
    """Indices of the tokens that carry meaning, numbers included."""
    numbers: tuple[Quantity, ...]
    text: str
    """What they are cut from: all of it."""
    begin: int
    """Where cutting began: `start`, or past a lead-in."""
    kept: tuple[int, ...] | None = None
    """Which of the tokens that were cut these are; None: all."""

    @property
    def starts(self) -> tuple[int, ...]:
        """Where each token begins in the text. Worked out anew each time: few sentences are marked."""
        found = token_pattern(self.text).finditer(self.text, self.begin, self.end)
        places = [m.start() for m in found if self.text[m.start()] != "["]
        return tuple(places if self.kept is None else [places[i] for i in self.kept])


_LONG = 4_000


def read_words(text: str, start: int, end: int) -> Words:
    """Cut the part `[start, end)` of a text into tokens, citations dropped; numbers among the first 4,000 are read."""
    raw = token_pattern(text).findall(text, start, end)
    if "[" in text:
        raw = [w for w in raw if w[0] != "["]
    stems = [_WORD_STEMS[w] for w in raw]
    content = [i for i, s in enumerate(stems) if CARRIES[s]]
    return Words(
        start,
        end,
        tuple(raw),
        tuple(stems),
        tuple(content),
        tuple(quantities(raw[:_LONG])),
        text,
        start,
    )


@dataclass(frozen=True, slots=True)
class Support:
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
    units = index.units
    weights = {s: index.idf(s) for s in content}
    total = fsum(weights.values())
    gains: defaultdict[int, float] = defaultdict(float)
    for s in sorted(content):
        posting = index.postings.get(s, ())
        if len(posting) <= _COMMON:
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
    unit, here = units[best], held[best]
    near = [u for u in (best - 1, best, best + 1) if 0 <= u < len(units) and units[u].passage == unit.passage]
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
    begun = {p for s in missing if (p := s[:_PREFIX]) in known_prefixes}
    prefixes = {p for stems in there for s in stems if (p := s[:_PREFIX]) in begun} if begun else begun
    loosely = sum([
        s[:_PREFIX] in prefixes or (s in SYNONYMS and any(not stems.isdisjoint(SYNONYMS[s]) for stems in there))
        for s in missing
    ])  # fmt: skip
    return 1.0 - (len(missing) - loosely) / count


def is_known(index: IndexedPassages, s: str) -> bool:
    """True for a stem that the passages hold, or hold in another form, or as a synonym."""
    if s in index.known or (len(s) >= _PREFIX and s[:_PREFIX] in index.prefixes):
        return True
    return s in SYNONYMS and not index.known.isdisjoint(SYNONYMS[s])


def negated_at(words: Words, at: int) -> bool:
    """True where a negation governs the token: before it in the clause, or within four tokens after it."""
    for i in range(at - 1, max(-1, at - 14), -1):
        if negates(words.raw, i):
            return True
        if words.raw[i].lower() in _CLAUSE_BREAKS:
            break
    for i in range(at + 1, min(len(words.raw), at + 5)):
        if words.raw[i].lower() in _CLAUSE_BREAKS:
            break
        if negates(words.raw, i):
            return True
    return False


_CLAUSE_BREAKS = frozenset(listed("but while although though whereas however yet which"))


def is_clause_break(raw: str) -> bool:
    """True for a word at which the reach of a negation ends."""
    return raw.lower() in _CLAUSE_BREAKS


@dataclass(frozen=True, slots=True)
class FlagChecks:
    """How the sentence treats keys whose value is yes, no or null."""

    agreeing: int = 0
    clashing: tuple[int, ...] = ()
    """Tokens that say the opposite of a key, the group's name being in the sentence as well."""
    clashing_loosely: tuple[int, ...] = ()
    """The same without the group's name ("casual" where `Ambience` is not mentioned)."""
    unknown: tuple[int, ...] = ()
    """Tokens that speak about a key whose value is null."""


NO_FLAGS = FlagChecks()


def check_flags(index: IndexedPassages, words: Words) -> FlagChecks:
    """Compare a sentence with the yes/no/null leaves of structured passages."""
    if not index.flags:
        return NO_FLAGS
    here = {words.stems[i] for i in words.content}
    agreeing = 0
    clashing: list[int] = []
    loosely: list[int] = []
    unknown: list[int] = []
    for at in words.content:
        units = index.flags.get(words.stems[at], ())
        if not units or len(units) > _COMMON // 4:
            continue
        outcomes = {o for u in units if (o := _flag_outcome(index.units[u], words, here, at)) is not None}
        if "agree" in outcomes:
            agreeing += 1
        elif "clash" in outcomes:
            clashing.append(at)
        elif "loose" in outcomes:
            loosely.append(at)
        elif "unknown" in outcomes:
            unknown.append(at)
    return FlagChecks(agreeing, tuple(clashing), tuple(loosely), tuple(unknown))


def _flag_outcome(unit: Unit, words: Words, here: set[str], at: int) -> str | None:
    if not unit.key <= here:
        return None
    if unit.statement.polarity == "unknown":
        return "unknown"
    if (unit.statement.polarity == "false") == negated_at(words, at):
        return "agree"
    return "clash" if not unit.group or not unit.group.isdisjoint(here) or len(unit.key) > 1 else "loose"
