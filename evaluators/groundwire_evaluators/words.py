"""The tokens of a sentence, their stems, and what denies something among them."""

from collections.abc import Sequence
from typing import NamedTuple

from groundwire_evaluators.dates import MONTHS
from groundwire_evaluators.quantities import Quantity, quantities
from groundwire_evaluators.tokens import CARRIES, NEGATIONS, Remembered, listed, plain, stem, token_pattern

_SHORT_MONTHS = {m[:3]: m for m in MONTHS} | {"sept": stem("september")}


def _word_stem(raw: str) -> str:
    s = stem(raw)
    return _SHORT_MONTHS.get(s, s) if len(s) <= 4 and raw[:1].isupper() else s


WORD_STEMS = Remembered(_word_stem)
"""The stem of a token, with short names of months spelt out (`Jan` is `January`), as a look-up."""
_NEGATING = Remembered(lambda raw: plain(raw).lower() in NEGATIONS)
_NOT_ONLY = frozenset(listed("only just merely simply solely"))
_CLAUSE_BREAKS = frozenset(listed("but while although though whereas however yet which"))
_LONG = 4_000


class Words(NamedTuple):
    """The tokens of one sentence. Its tuples run in parallel, `numbers` and `content` aside.

    This and its like are named tuples where thousands are made a second: a frozen dataclass takes four times as long.
    """

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


def read_words(text: str, start: int, end: int) -> Words:
    """Cut the part `[start, end)` of a text into tokens, citations dropped; numbers among the first 4,000 are read."""
    raw = token_pattern(text).findall(text, start, end)
    if "[" in text:
        raw = [w for w in raw if w[0] != "["]
    stems = [WORD_STEMS[w] for w in raw]
    return words_of(text, start, end, raw, stems, tuple(quantities(raw[:_LONG])))


def words_of(
    text: str, start: int, end: int, raw: Sequence[str], stems: Sequence[str], numbers: tuple[Quantity, ...]
) -> Words:
    """The words of the part `[start, end)` of a text, whose tokens are known."""
    content = [i for i, s in enumerate(stems) if CARRIES[s]]
    return Words(start, end, tuple(raw), tuple(stems), tuple(content), numbers, text, start)


def negates(raw: Sequence[str], at: int) -> bool:
    """Whether a token denies something: `not` does, and that of "not only" does not."""
    return _NEGATING[raw[at]] and not (at + 1 < len(raw) and raw[at + 1].lower() in _NOT_ONLY)


def negated(raw: Sequence[str]) -> bool:
    """Whether one of the tokens denies something."""
    if not any(map(_NEGATING.__getitem__, raw)):
        return False
    return any(negates(raw, i) for i in range(len(raw)))


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


def is_clause_break(raw: str) -> bool:
    """True for a word at which the reach of a negation ends."""
    return raw.lower() in _CLAUSE_BREAKS
