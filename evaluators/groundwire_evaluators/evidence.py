"""What the local model reads: parts of an answer, each beside the statements of the passages that bear on it most.

A transformer of 512 positions cannot hold a long context, and truncation would drop evidence without a word. So each
part of the answer (a few sentences) is read beside the statements that cover its words best, and every token says
whether the other side holds it: a small model does not learn to compare two texts by itself.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from groundwire_evaluators.passages import IndexedPassages, is_known
from groundwire_evaluators.quantities import quantities
from groundwire_evaluators.synonyms import SYNONYMS
from groundwire_evaluators.tokens import TOKEN, is_content
from groundwire_evaluators.wordpiece import WordPiece
from groundwire_evaluators.words import WORD_STEMS

WINDOW = 192
"""Pieces the model reads at once."""
PART = 64
"""Pieces of the answer in one window, unless one sentence alone is longer."""
_LONGEST_SENTENCE = 120
_LONGEST_QUESTION = 24
_LONGEST_STATEMENT = 96
_COMMON = 64
_PREFIX = 5

SPECIAL, FUNCTION, HELD, HELD_LOOSELY, ELSEWHERE, ELSEWHERE_LOOSELY, NEW, NEW_NAME, NEW_NUMBER = range(9)
"""Matches of a token of the answer: in the evidence beside it, in another statement, or nowhere; loosely: in another
form or as a synonym."""
CONTEXT, SHARED, SHARED_LOOSELY, OTHER_NUMBER, CONTEXT_FUNCTION = range(9, 14)
"""Matches of a token of the evidence: whether the answer's part holds it."""
MATCHES = 14
NEIGHBOURS = 4
"""Whether the pair with the word before (1), the word after (2), both (3) or neither (0) occurs on the other side."""


@dataclass(frozen=True, slots=True)
class Window:
    """One input of the model. The four lists run in parallel."""

    ids: list[int]
    segments: list[int]
    """0 for question and evidence, 1 for the part of the answer."""
    matches: list[int]
    neighbours: list[int]
    first: int
    """Place of the first piece of the answer."""
    starts: list[int]
    """Offsets in the answer of the pieces from `first` on, up to the closing separator."""
    ends: list[int]
    sentences: tuple[tuple[int, int, int], ...]
    """(number of the sentence, first piece, end): pieces counted from `first`."""


@dataclass(frozen=True, slots=True)
class _Line:
    """A text as pieces and words: what both sides are compared by."""

    ids: list[int]
    starts: list[int]
    ends: list[int]
    word: list[int]
    """For each piece its word, -1 for signs between words."""
    stems: list[str]
    raw: list[str]
    numbers: frozenset[int]
    """Words that are part of a number."""


@dataclass(slots=True)
class EvidenceReader:
    """Cuts windows for the answers over one set of passages; statements are tokenised once."""

    index: IndexedPassages
    pieces: WordPiece
    window: int = WINDOW
    _rank: list[int] = field(init=False)
    """Place of each unit with the passages in the order of their texts: the order they came in changes nothing."""
    _lines: dict[int, _Line] = field(default_factory=dict[int, _Line])
    _by_prefix: dict[str, list[str]] | None = None

    def __post_init__(self) -> None:
        units, texts, passage_of = self.index.units, self.index.texts, self.index.passage_of
        order = sorted(range(len(units)), key=lambda u: (texts[passage_of[u]], units[u].statement.start, u))
        self._rank = [0] * len(units)
        for place, unit in enumerate(order):
            self._rank[unit] = place

    def windows(self, answer: str, spans: Sequence[tuple[int, int]], question: str | None = None) -> list[Window]:
        """Windows that together hold every sentence of the answer once, in order.

        Args:
            answer: The text.
            spans: Its sentences, from `sentences(answer)`.
            question: Shown beside the evidence, its first 24 pieces.
        """
        asked = self.pieces.encode(question[:400]).ids[:_LONGEST_QUESTION] if question else []
        found: list[Window] = []
        part: list[tuple[int, _Line]] = []
        size = 0
        for number, (start, end) in enumerate(spans):
            for line in self._cut(answer, start, end):
                if part and size + len(line.ids) > PART:
                    found.append(self._window(part, asked))
                    part, size = [], 0
                part.append((number, line))
                size += len(line.ids)
        if part:
            found.append(self._window(part, asked))
        return found

    def _cut(self, answer: str, start: int, end: int) -> Iterable[_Line]:
        """The sentence, in pieces of at most 120 tokens: a run-on text is read whole, part by part."""
        line = _line(answer, start, end, self.pieces)
        if not line.ids:
            return
        at = 0
        while len(line.ids) - at > _LONGEST_SENTENCE:
            stop = line.ends[at + _LONGEST_SENTENCE - 1]
            yield _line(answer, line.starts[at], stop, self.pieces)
            at += _LONGEST_SENTENCE
        yield line if at == 0 else _line(answer, line.starts[at], end, self.pieces)

    def _window(self, part: Sequence[tuple[int, _Line]], asked: Sequence[int]) -> Window:
        size = sum(len(line.ids) for _, line in part)
        chosen = self._choose([line for _, line in part], self.window - 3 - len(asked) - size)
        shown = [self._statement(u) for u in chosen]
        here, there = _Side([line for _, line in part]), _Side(shown)
        ids, matches, neighbours = (
            [self.pieces.id("[CLS]"), *asked],
            [SPECIAL] * (1 + len(asked)),
            [0] * (1 + len(asked)),
        )
        for line in shown:
            ids += line.ids
            by_word = [here.of_evidence(line, i) for i in range(len(line.raw))]
            matches += [by_word[w] if w >= 0 else CONTEXT_FUNCTION for w in line.word]
            near = _neighbours(line.stems, here.pairs)
            neighbours += [near[w] if w >= 0 else 0 for w in line.word]
        ids.append(self.pieces.id("[SEP]"))
        matches.append(SPECIAL)
        neighbours.append(0)
        first = len(ids)
        starts: list[int] = []
        ends: list[int] = []
        sentences: list[tuple[int, int, int]] = []
        for number, line in part:
            at = len(starts)
            ids += line.ids
            starts += line.starts
            ends += line.ends
            by_word = [self._of_answer(line, i, there) for i in range(len(line.raw))]
            matches += [by_word[w] if w >= 0 else FUNCTION for w in line.word]
            near = _neighbours(line.stems, self.index.pairs)
            neighbours += [near[w] if w >= 0 else 0 for w in line.word]
            sentences.append((number, at, len(starts)))
        ids.append(self.pieces.id("[SEP]"))
        matches.append(SPECIAL)
        neighbours.append(0)
        segments = [0] * first + [1] * (len(ids) - first)
        return Window(ids, segments, matches, neighbours, first, starts, ends, tuple(sentences))

    def _of_answer(self, line: _Line, i: int, there: "_Side") -> int:
        s = line.stems[i]
        if i in line.numbers:
            if s in there.stems:
                return HELD
            return ELSEWHERE if s in self.index.known else NEW_NUMBER
        if not is_content(s):
            return FUNCTION
        if s in there.stems:
            return HELD
        if there.holds_loosely(s):
            return HELD_LOOSELY
        if s in self.index.known:
            return ELSEWHERE
        if is_known(self.index, s):
            return ELSEWHERE_LOOSELY
        return NEW_NAME if line.raw[i][0].isupper() and i else NEW

    def _statement(self, unit: int) -> _Line:
        line = self._lines.get(unit)
        if line is None:
            statement = self.index.units[unit].statement
            text = f"{statement.path}: {statement.text.strip()}." if statement.path else statement.text
            line = _line(text, 0, min(len(text), 8 * _LONGEST_STATEMENT), self.pieces, _LONGEST_STATEMENT)
            self._lines[unit] = line
        return line

    def _choose(self, part: Sequence[_Line], room: int) -> list[int]:
        """Statements that fit, first the best of each sentence, then what adds most, then the neighbours of these."""
        units, rank = self.index.units, self._rank
        if not units or room <= 0:
            return []
        weights: dict[str, float] = {}
        gains: dict[int, float] = {}
        best: list[int] = []
        for line in part:
            own: dict[int, float] = {}
            for s in sorted({s for i, s in enumerate(line.stems) if i in line.numbers or is_content(s)}):
                for form, share in self._forms(s):
                    posting = self.index.postings.get(form, ())
                    if len(posting) <= _COMMON:
                        weight = share * self.index.idf[form]
                        weights[form] = weight
                        for u in posting:
                            own[u] = own.get(u, 0.0) + weight
            for u, gain in own.items():
                gains[u] = gains.get(u, 0.0) + gain
            if own:
                best.append(min(own, key=lambda u: (-own[u], rank[u])))
        chosen: set[int] = set()
        covered: set[str] = set()
        shown: set[tuple[int, ...]] = set()
        left = room

        def take(unit: int) -> None:
            nonlocal left
            ids = tuple(self._statement(unit).ids)
            size = len(ids)
            if unit not in chosen and 0 < size <= left and ids not in shown:
                chosen.add(unit)
                shown.add(ids)
                covered.update(units[unit].content & weights.keys())
                left -= size

        for u in dict.fromkeys(best):
            take(u)
        candidates = sorted(gains, key=lambda u: (-gains[u], rank[u]))[:24]
        for _ in range(6):
            fresh = {
                u: sum(weights[s] for s in sorted(units[u].content & weights.keys() - covered)) for u in candidates
            }
            following = max(fresh, key=lambda u: (fresh[u], -rank[u]), default=None)
            if following is None or fresh[following] <= 0.0 or left <= 0:
                break
            take(following)
            candidates.remove(following)
        for u in dict.fromkeys(best):
            for near in (u - 1, u + 1):
                if 0 <= near < len(units) and self.index.passage_of[near] == self.index.passage_of[u]:
                    take(near)
        for u in candidates:
            take(u)
        for u in sorted(range(len(units)), key=rank.__getitem__)[:40]:
            if left < 8:
                break
            take(u)
        return sorted(chosen, key=rank.__getitem__)

    def _forms(self, s: str) -> list[tuple[str, float]]:
        """The stem itself, or else other forms and synonyms that the passages hold, with what a hit counts."""
        if s in self.index.postings:
            return [(s, 1.0)]
        found = [(other, 0.7) for other in sorted(SYNONYMS.get(s, ())) if other in self.index.postings]
        if len(s) >= _PREFIX:
            if self._by_prefix is None:
                self._by_prefix = {}
                for known in self.index.postings:
                    if len(known) >= _PREFIX:
                        self._by_prefix.setdefault(known[:_PREFIX], []).append(known)
            found += [(other, 0.6) for other in sorted(self._by_prefix.get(s[:_PREFIX], ()))[:4]]
        return found


class _Side:
    """The words of one side of a window."""

    def __init__(self, lines: Sequence[_Line]) -> None:
        self.stems = {s for line in lines for s in line.stems}
        self.prefixes = {s[:_PREFIX] for s in self.stems if len(s) >= _PREFIX}
        self.pairs = {p for line in lines for p in pairwise(line.stems)}

    def holds_loosely(self, s: str) -> bool:
        """Another form or a synonym of the stem is there."""
        return (len(s) >= _PREFIX and s[:_PREFIX] in self.prefixes) or not self.stems.isdisjoint(SYNONYMS.get(s, ()))

    def of_evidence(self, line: _Line, i: int) -> int:
        """The match of a word of the evidence against this side."""
        s = line.stems[i]
        number = i in line.numbers
        if not number and not is_content(s):
            return CONTEXT_FUNCTION
        if s in self.stems:
            return SHARED
        if number:
            return OTHER_NUMBER
        return SHARED_LOOSELY if self.holds_loosely(s) else CONTEXT


def _line(text: str, start: int, end: int, pieces: WordPiece, limit: int | None = None) -> _Line:
    cut = pieces.encode(text, start, end)
    ids, starts, ends = cut.ids[:limit], cut.starts[:limit], cut.ends[:limit]
    stop = ends[-1] if ends else start
    found = [(m.start(), m.end(), m.group()) for m in TOKEN.finditer(text, start, stop) if m.group()[0] != "["]
    raw = [token for _, _, token in found]
    word = [-1] * len(ids)
    at = 0
    for i, (a, b) in enumerate(zip(starts, ends, strict=True)):
        while at < len(found) and found[at][1] <= a:
            at += 1
        if at < len(found) and found[at][0] < b:
            word[i] = at
    numbers = frozenset(i for q in quantities(raw) for i in range(q.start, min(q.end, len(raw))))
    return _Line(ids, starts, ends, word, [WORD_STEMS[w] for w in raw], raw, numbers)


def _neighbours(stems: Sequence[str], pairs: set[tuple[str, str]]) -> list[int]:
    known = [p in pairs for p in pairwise(stems)]
    return [(1 if i and known[i - 1] else 0) + (2 if i < len(known) and known[i] else 0) for i in range(len(stems))]
