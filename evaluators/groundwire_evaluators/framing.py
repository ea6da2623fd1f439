"""What an answer says about itself: "based on the passages", "it is important to note that", "(Passage 2)".

Such words make no claim about the world. They are left out of what is checked; the rest of the sentence is not.
"""

import re

from groundwire_evaluators.quantities import SOURCES, quantities
from groundwire_evaluators.tokens import listed, stem
from groundwire_evaluators.words import Words, read_words

_ADVERB = (
    r"(?:(?:however|additionally|overall|in summary|to summari[sz]e|in conclusion|in addition|furthermore|moreover|"
    r"also|finally|therefore|thus|so|yes|no|and|but|lastly|besides),?\s{1,3}){0,2}"
)
_SOURCE = (
    r"(?:passages?|contexts?|texts?|documents?|sources?|information|articles?|excerpts?|snippets?|search results?|"
    r"materials?|manual|guide|documentation|knowledge base|report|page|website|data|references?)"
)
_WHICH = (
    r"(?:(?:the|this|these|those|your|my|all)\s)?"
    r"(?:(?:given|provided|above|following|available|retrieved|structured)\s)?"
)
_AFTER = r"(?:\s(?:provided|given|above|below|available|here|in|passages?|\[?\d{1,3}\]?|and|to|you|me|we|have))*"
_LEAD_IN = re.compile(
    rf"[\s\"'*(]*{_ADVERB}(?:"
    rf"(?:based (?:up)?on|according to|as (?:stated|mentioned|described|noted|explained|per|seen|shown) (?:in )?|"
    rf"as per|from|per|in|going by)\s{{0,2}}{_WHICH}{_SOURCE}{_AFTER}\s?[,:]\s*"
    rf"|(?:it is|it['\u2019]s|it should be|is) (?:also )?(?:important|worth|essential|crucial|necessary|interesting|"
    rf"useful|noted)\s?(?:to (?:note|mention|remember|know|keep in mind|point out|consider)|noting|mentioning)?,?\s?"
    rf"(?:here )?that\s+"
    rf"|(?:please )?(?:note|keep in mind|remember|be aware) that\s+"
    rf"|{_WHICH}{_SOURCE}{_AFTER} (?:also |further )?(?:states?|mentions?|says?|notes?|explains?|describes?|suggests?|"
    rf"indicates?|reports?|adds?) that\s+)",
    re.IGNORECASE,
)
_YES_OR_NO = re.compile(
    r"[\s\"'*(]*(?:yes|no|nope|sure|correct|right|indeed|actually|certainly|absolutely|of course|exactly)"
    r"(?:\s?[,!.;:\u2013\u2014-]+)\s+(?=\w)",
    re.IGNORECASE,
)
"""A word of assent or denial before the claim: "No, it is open" denies the question, not that it is open."""
_LOOK = 200
_FIRST_WORD = re.compile(r"[\s\"'*(]*([A-Za-z]+)")
_OPENINGS = frozenset(
    listed(
        "however additionally overall in to furthermore moreover also finally therefore thus so yes no and but lastly "
        "besides based according as from per going it is please note keep remember be the this these those your my all "
        "given provided above following available retrieved structured passage passages context contexts text texts "
        "nope sure correct right indeed actually certainly absolutely of exactly "
        "document documents source sources information article articles excerpt excerpts snippet snippets search "
        "material materials manual guide documentation knowledge report page website data reference "
        "references"
    )
)
"""First words of what the long pattern can match: spares most sentences it."""
_SOURCE_STEMS = frozenset(map(stem, SOURCES))


def lead_in(text: str, start: int, end: int) -> int:
    """Where the claim of a sentence begins, past what leads to it; `start` where nothing does.

    >>> text = "Based on the given passages, the tower is tall."
    >>> text[lead_in(text, 0, len(text)) :]
    'the tower is tall.'
    """
    first = _FIRST_WORD.match(text, start, min(end, start + _LOOK))
    if not first or first.group(1).lower() not in _OPENINGS:
        return start
    found = _LEAD_IN.match(text, start, min(end, start + _LOOK)) or _YES_OR_NO.match(text, start, end)
    return found.end() if found and found.end() < end else start


def claimed_words(text: str, start: int, end: int) -> Words:
    """The words of the sentence `[start, end)` that claim something; its bounds stay those of the whole sentence."""
    begin = lead_in(text, start, end)
    words = read_words(text, begin, end)
    if begin > start:
        words = words._replace(start=start)
    return words if _SOURCE_STEMS.isdisjoint(words.stems) else _without_references(words)


def _without_references(words: Words) -> Words:
    """Without `Passage 2`, `Passages 1 and 3`, `Sources: 2, 5`."""
    dropped: set[int] = set()
    n = len(words.raw)
    for at, s in enumerate(words.stems):
        if s in _SOURCE_STEMS and at + 1 < n and _is_small(words.raw[at + 1]):
            last = at + 1
            while last + 1 < n and (
                _is_small(words.raw[last + 1])
                or (words.stems[last + 1] in ("and", "or", "to") and last + 2 < n and _is_small(words.raw[last + 2]))
            ):
                last += 1
            dropped.update(range(at, last + 1))
    if not dropped:
        return words
    kept = [i for i in range(n) if i not in dropped]
    place = {old: new for new, old in enumerate(kept)}
    raw = tuple([words.raw[i] for i in kept])
    return words._replace(
        raw=raw,
        stems=tuple([words.stems[i] for i in kept]),
        content=tuple([place[i] for i in words.content if i in place]),
        numbers=tuple(quantities(raw)),
        kept=tuple(kept),
    )


def _is_small(token: str) -> bool:
    return token.isdecimal() and len(token) <= 2
