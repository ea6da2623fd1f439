"""Is a quotation really there? Found by its characters, wherever white space and typography differ."""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

_SAME = str.maketrans(
    {
        **dict.fromkeys("‘’‚‛′`´ʼ", "'"),
        **dict.fromkeys("“”„‟″«»", '"'),
        **dict.fromkeys("‐‑‒–—―−", "-"),
    }
)
_DROPPED = frozenset("\u00ad\u200b\u200c\u200d\u2060\ufeff")
"""Soft hyphens, zero-width characters, byte order marks: they are not seen."""
_RUN = re.compile(r"[!-~]+|\s+|.", re.DOTALL)
_GAP = re.compile(r"\s*(?:\[\s*)?(?:\.{3,}|…)(?:\s*\])?\s*")
_WORD = re.compile(r"[^\W_]+")
_SHORTEST_PIECE = 8
"""Characters of a piece of a quotation with gaps: `the ... of` would be found anywhere."""
_SHORTEST, _LONGEST = 3, 600
_STEM = 4
"""Words whose first four characters agree are taken for one: `founded` and `founder`."""
_UNSPACED = re.compile("[\u0e00-\u0eff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]")


@dataclass(frozen=True, slots=True)
class Searchable:
    """A text as it is searched, and where each of its characters came from."""

    text: str
    places: tuple[int, ...]
    """Index into the original of each character, one more for the end."""

    @classmethod
    def of(cls, original: str) -> "Searchable":
        """Folded: compatible forms, case, quotation marks, dashes; runs of white space are one space."""
        kept: list[str] = []
        places: list[int] = []
        for run in _RUN.finditer(original):
            text, start = run.group(), run.start()
            if text.isascii() and not text.isspace():  # nearly all of nearly every text
                kept.append(text.translate(_SAME).lower())
                places.extend(range(start, run.end()))
            elif (folded := _folded(text)) and (folded != " " or (kept and kept[-1] != " ")):
                kept.append(folded)
                places.extend([start] * len(folded))
        return cls("".join(kept), (*places, len(original)))

    def find(self, quote: str) -> tuple[int, int] | None:
        """Where a quotation stands in the original: first character, and one past the last. None: nowhere."""
        return self.hold(pieces_of(quote))

    def hold(self, pieces: Sequence[str]) -> tuple[int, int] | None:
        """The same for the pieces of a quotation; none: nowhere."""
        start = end = -1
        for piece in pieces:
            at = _whole_words(self.text, piece, max(end, 0))
            if at < 0:
                return None
            start = at if start < 0 else start
            end = at + len(piece)
        return None if start < 0 else (self.places[start], self.places[end - 1] + 1)


def pieces_of(quote: str) -> list[str]:
    """A quotation as it is searched; empty for one that proves nothing.

    It may leave something out (`...`) if what remains is there in its order, every piece of eight characters at least.
    Fewer than three characters are no quotation; more than six hundred do not answer which words decide.
    """
    if len(quote) > 4 * _LONGEST:
        return []
    pieces = [p for part in _GAP.split(quote) if (p := Searchable.of(part).text.strip(" \"'"))]
    if not _SHORTEST <= len("".join(pieces)) <= _LONGEST:
        return []
    if len(pieces) > 1 and min(map(len, pieces)) < _SHORTEST_PIECE:
        return [Searchable.of(quote).text.strip(" \"'")]  # the dots may stand in the text itself
    return pieces


def _folded(text: str) -> str:
    """One character as it is searched, or a run of white space; nothing for what is not seen."""
    if text in _DROPPED:
        return ""
    folded = unicodedata.normalize("NFKC", text.translate(_SAME)).casefold()
    return " " if folded.isspace() else folded.replace(" ", "")


def _whole_words(text: str, piece: str, start: int) -> int:
    """Like `text.find`, but a number is not found inside a longer one, nor a word inside another."""
    at = text.find(piece, start)
    while at >= 0:
        end = at + len(piece)
        if not _inside(text[max(0, at - 2) : at], piece[0]) and not _inside(text[end : end + 2][::-1], piece[-1]):
            return at
        at = text.find(piece, at + 1)
    return at


def _inside(beside: str, edge: str) -> bool:
    """Whether the cut between an edge and the two characters beside it (the nearer one last) goes through a word."""
    if not beside or not edge.isalnum() or _UNSPACED.match(edge):
        return False
    return beside[-1].isalnum() or (edge.isdigit() and beside[-1] in ".," and beside[0].isdigit())


def locate(quote: str, texts: Sequence[Searchable], named: int | None) -> tuple[int, int, int] | None:
    """Which text holds a quotation, and where in it: (index, first character, one past the last).

    Args:
        quote: what was quoted.
        texts: where to look.
        named: the text that was named as its source, looked at first: models miscount.
    """
    order = list(range(len(texts)))
    if named is not None and 0 <= named < len(texts):
        order.insert(0, order.pop(named))
    pieces = pieces_of(quote)
    for index in order:
        if (span := texts[index].hold(pieces)) is not None:
            return index, *span
    return None


def content(text: str, function_words: frozenset[str] = frozenset()) -> frozenset[str]:
    """What a text is about: its numbers, its longer words by their beginnings, its characters in unspaced scripts."""
    found: set[str] = set()
    for word in _WORD.findall(unicodedata.normalize("NFKC", text).casefold()):
        if _UNSPACED.search(word):
            found.update(word)
        elif any(c.isdigit() for c in word):
            found.add(word)
        elif len(word) >= 3 and word not in function_words:
            found.add(word[:_STEM])
    return frozenset(found)
