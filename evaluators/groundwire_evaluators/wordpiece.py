"""WordPiece: a text as the pieces of a BERT vocabulary, each with its place in the text.

Lower-cased and without accents, as the uncased vocabularies expect (Wu et al. 2016, Devlin et al. 2019). In plain
Python: words repeat, so a cache of words costs less than a call into a native tokenizer for each sentence.
"""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field

_WORD = re.compile(r"[^\W_]+|[^\w\s]|_")
_WIDE = re.compile("[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]")
_LONGEST_WORD = 64
_CACHED_WORDS = 1 << 15


@dataclass(frozen=True, slots=True)
class Pieces:
    """Pieces of a text. All three run in parallel; offsets are characters of the text, end exclusive."""

    ids: list[int]
    starts: list[int]
    ends: list[int]


@dataclass(slots=True)
class WordPiece:
    """A vocabulary. Safe to share between threads: the cache only ever gains equal entries."""

    tokens: Sequence[str]
    """By id; must hold `[UNK]`."""
    _ids: dict[str, int] = field(init=False)
    _unknown: int = field(init=False)
    _cache: dict[str, tuple[tuple[int, int, int], ...]] = field(
        init=False, default_factory=dict[str, tuple[tuple[int, int, int], ...]]
    )

    def __post_init__(self) -> None:
        self._ids = {token: i for i, token in enumerate(self.tokens)}
        self._unknown = self._ids["[UNK]"]

    def id(self, token: str) -> int:
        """The id of a token of the vocabulary, `[UNK]`'s for any other."""
        return self._ids.get(token, self._unknown)

    def encode(self, text: str, start: int = 0, end: int | None = None) -> Pieces:
        """Cut the part `[start, end)` of a text into pieces; nothing is cut off and no special token added."""
        ids: list[int] = []
        starts: list[int] = []
        ends: list[int] = []
        cache = self._cache
        for match in _WORD.finditer(text, start, len(text) if end is None else end):
            word = match.group()
            found = cache.get(word)
            if found is None:
                found = self._split(word)
                if len(cache) < _CACHED_WORDS:
                    cache[word] = found
            at = match.start()
            for piece, a, b in found:
                ids.append(piece)
                starts.append(at + a)
                ends.append(at + b)
        return Pieces(ids, starts, ends)

    def _split(self, word: str) -> tuple[tuple[int, int, int], ...]:
        """(id, start, end) of each piece, relative to the word."""
        if _WIDE.search(word) and len(word) > 1:
            return tuple((p, i + a, i + b) for i, c in enumerate(word) for p, a, b in self._split(c))
        plain = "".join(c for c in unicodedata.normalize("NFD", word.lower()) if unicodedata.category(c) != "Mn")
        size = len(word)
        if not plain or len(plain) > _LONGEST_WORD:
            return ((self._unknown, 0, size),)
        exact = len(plain) == size
        pieces: list[tuple[int, int, int]] = []
        at = 0
        while at < len(plain):
            end = len(plain)
            while end > at:
                piece = self._ids.get(plain[at:end] if not at else "##" + plain[at:end])
                if piece is not None:
                    pieces.append((piece, at, end) if exact else (piece, 0, size))
                    break
                end -= 1
            else:
                return ((self._unknown, 0, size),)
            at = end
        return tuple(pieces)
