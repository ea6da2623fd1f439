"""What a question asks for, and whether a text holds something of that kind."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Literal, TypeAlias

from groundwire_evaluators.tokens import STOP_WORDS, is_content, listed, stem
from groundwire_evaluators.words import Words, read_words

Kind: TypeAlias = Literal["name", "place", "time", "number", "yes_no", "reason", "manner", "thing"]

_PATTERNS: tuple[tuple[Kind, str], ...] = (
    (
        "number",
        r"\bhow (?:many|much|tall|long|high|far|deep|old|big|large|fast|often|wide|heavy|hot|cold)\b|"
        r"\b(?:what|which) (?:is the |was the |are the )?(?:number|percentage|percent|population|"
        r"price|cost|amount|rate|height|"
        r"length|distance|age|temperature|speed|score|size|average|total)\b",
    ),
    (
        "time",
        r"\bwhen\b|\b(?:what|which) (?:year|date|day|month|time|century|decade|era)\b|"
        r"\bhow long ago\b|\bwhat time\b",
    ),
    (
        "place",
        r"\bwhere\b|\b(?:what|which) (?:country|city|state|town|place|location|continent|"
        r"region|county|river|island)\b",
    ),
    (
        "name",
        r"\bwho(?:se|m)?\b|\b(?:what|which) (?:person|man|woman|president|king|queen|actor|singer|"
        r"author|company|team|band|name)\b|"
        r"\bwhat(?:'s| is| was) the name\b",
    ),
    ("reason", r"\bwhy\b|\bhow come\b|\bwhat (?:causes?|caused|is the reason|are the reasons)\b"),
    ("manner", r"\bhow\b"),
    ("yes_no", r"^\W*(?:is|are|was|were|do|does|did|can|could|will|would|should|has|have|had|may|must|am)\b"),
)


def _compiled(patterns: Sequence[tuple[Kind, str]]) -> list[tuple[Kind, re.Pattern[str]]]:
    return [(kind, re.compile(pattern, re.IGNORECASE)) for kind, pattern in patterns]


_ASKS = _compiled(_PATTERNS)


def _kind_of(text: str) -> Kind:
    for kind, pattern in _ASKS:
        if pattern.search(text):
            return kind
    return "thing"


_MONTHS = frozenset(
    listed(
        "january february march april may june july august september october november december monday "
        "tuesday wednesday thursday friday saturday sunday today yesterday tomorrow century decade year "
        "month week spring summer autumn winter morning"
    )
)
_BECAUSE = frozenset(listed("because due since cause reason result so therefore owing thanks order prevent help allow"))
_YES_NO = frozenset(listed("yes no not never cannot indeed correct true false"))


@dataclass(frozen=True, slots=True)
class Question:
    """A question, read once for a chain."""

    kind: Kind
    words: Words
    content: frozenset[str]
    """Stems that carry meaning. Question words and polite openings are not among them."""
    names: frozenset[str]
    """Those written with a capital inside the question."""
    pairs: frozenset[tuple[str, str]]
    """Neighbouring content stems."""


_POLITE = frozenset(stem(w) for w in listed("please tell explain describe list give know question answer mean name"))


@lru_cache(maxsize=16)  # several evaluators ask about the same question one after the other
def read_question(text: str) -> Question:
    """Read a question; of several sentences the whole. Without content words (`Why?`) `content` is empty."""
    words = read_words(text, 0, min(len(text), 4000))
    order = [words.stems[i] for i in words.content if words.stems[i] not in _POLITE] or [
        words.stems[i] for i in words.content
    ]
    names = frozenset(words.stems[i] for i in words.content if i > 0 and words.raw[i][0].isupper())
    return Question(_kind_of(text[:2000]), words, frozenset(order), names, frozenset(pairwise(order)))


def holds_kind(question: Question, words: Words) -> bool:
    """True where a text holds something of the kind that is asked for, beyond the question's own words."""
    fresh = [i for i in words.content if words.stems[i] not in question.content]
    if question.kind == "number":
        return bool(words.numbers)
    if question.kind == "time":
        return bool(words.numbers) or any(words.raw[i].lower() in _MONTHS for i in words.content)
    if question.kind in ("name", "place"):
        return any(words.raw[i][0].isupper() for i in fresh)
    lower = {w.lower() for w in words.raw}
    if question.kind == "reason":
        return not _BECAUSE.isdisjoint(lower)
    if question.kind == "yes_no":
        return not _YES_NO.isdisjoint(lower) or len(fresh) >= 3
    return bool(fresh)


def is_bare_yes_or_no(text: str) -> bool:
    """True for `Yes.`, `No` and the like, without a word of content beside it."""
    found = [w.lower() for w in re.findall(r"[^\W\d_]+", text[:80])]
    return 0 < len(found) <= 3 and len(text) <= 80 and found[0] in ("yes", "no")


def content_of(words: Words) -> frozenset[str]:
    """The stems of a text that carry meaning."""
    return frozenset(s for s in words.stems if s not in STOP_WORDS and is_content(s))
