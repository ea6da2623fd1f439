"""Words of a text: Unicode tokens, light stems, function words, negations."""

import re
import unicodedata
from collections.abc import Callable
from typing import Generic, TypeVar

from groundwire_evaluators.languages import language_conflict, writes_without_spaces

__all__ = [
    "CARRIES", "NEGATIONS", "STOP_WORDS", "TOKEN", "Remembered", "is_content", "language_conflict", "listed", "plain",
    "stem", "token_pattern", "writes_without_spaces",
]  # fmt: skip

Known = TypeVar("Known")


def listed(words: str) -> list[str]:
    """The words of a list that is written as one string, in order."""
    return words.split()


class Remembered(dict[str, Known], Generic[Known]):
    """What a function says of a word, for the words met before: a look-up costs a third of a cached call.

    Forgets everything when full, and never keeps what is longer than a word. Safe to read from several threads.
    """

    __slots__ = ("_ask",)

    def __init__(self, ask: Callable[[str], Known]) -> None:
        super().__init__()
        self._ask = ask

    def __missing__(self, word: str) -> Known:
        known = self._ask(word)
        if len(word) <= _LONGEST_WORD:
            if len(self) >= _REMEMBERED:
                self.clear()
            self[word] = known
        return known


_REMEMBERED = 1 << 16
_LONGEST_WORD = 64

_INVISIBLE = "\u00ad\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufe00-\ufe0f\ufeff"
_INDIC_SIGNS = "".join(
    f"{chr(at)}-{chr(at + 3)}{chr(at + 0x3A)}-{chr(at + 0x57)}{chr(at + 0x62)}-{chr(at + 0x63)}"
    for at in range(0x900, 0xD80, 0x80)
)
_INSIDE_WORDS = (
    "\u0300-\u036f\u0483-\u0489\u0591-\u05bd\u05bf-\u05c7\u0610-\u061a\u0640\u064b-\u065f\u0670\u06d6-\u06ed"
    f"\u0711\u0730-\u074a\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff{_INDIC_SIGNS}{_INVISIBLE}"
)
"""Accents written apart, vowel signs, and what cannot be seen: soft hyphens, joiners, marks of direction."""
TOKEN = re.compile(
    rf"[^\W\d_]+(?:[{_INSIDE_WORDS}]+[^\W\d_]*)*(?:['\u2019\u02bc\uff07][^\W\d_]+)?"
    r"|\d+(?:[.,:/\u066b\u066c\uff0c\uff0e\uff1a]\d+)*"
    r"|\[\d{1,3}(?:\s?[,;\u2013-]\s?\d{1,3}){0,20}\]|[%\u00b0$\u20ac\u00a3\u00a5\u066a\uff05]"
)
"""A word, a number as written, a citation such as `[1]` (dropped by readers), a sign of percent, degree or currency."""
_ASCII_TOKEN = re.compile(
    r"[A-Za-z]+(?:'[A-Za-z]+)?|[0-9]+(?:[.,:/][0-9]+)*|\[[0-9]{1,3}(?:\s?[,;-]\s?[0-9]{1,3}){0,20}\]|[%$]"
)


def token_pattern(text: str) -> re.Pattern[str]:
    """TOKEN, or what finds the same in this text in two thirds of the time."""
    return _ASCII_TOKEN if text.isascii() else TOKEN


STOP_WORDS = frozenset(
    listed(
        "a an the this that these those some any each every such same other another both either neither "
        "all i me my mine myself we us our ours you your yours he him his she her hers it its itself they "
        "them their theirs themselves himself herself one ones who whom whose which what where when why "
        "how there here is am are was were be been being do does did doing done have has had having will "
        "would shall should can could may might must ought need let get gets got getting and or but nor "
        "so yet if then else than because since while although though whereas unless until as of in on at "
        "by for with from to into onto over under about above below between among through during before "
        "after against within without toward towards upon across along around off out up down per via not "
        "no never none n't also too very just only even still again already ever quite rather almost more "
        "most less least much many few several own well however therefore thus hence moreover furthermore "
        "additionally etc eg ie approximately roughly nearly s t d ll re ve m st nd rd th pm isn't aren't "
        "wasn't weren't don't doesn't "
        "didn't won't can't cannot couldn't wouldn't shouldn't hasn't haven't hadn't it's he's she's "
        "they're we're you're i'm i've there's that's what's let's"
    )
)
NEGATIONS = frozenset(
    listed(
        "no not never none nobody nothing nowhere nor neither without cannot can't won't don't doesn't "
        "didn't isn't aren't wasn't weren't hasn't haven't hadn't wouldn't couldn't shouldn't unable lack "
        "lacks lacked lacking fail fails failed n't ain't false unavailable absent"
    )
)
_MAP = {
    "metre": "meter", "litre": "liter", "centre": "center", "theatre": "theater", "fibre": "fiber", "grey": "gray",
    "men": "man", "women": "woman", "children": "child", "people": "person", "feet": "foot", "wrote": "write",
    "written": "write", "began": "begin", "begun": "begin", "became": "become", "said": "say", "told": "tell",
    "made": "make", "took": "take", "taken": "take", "gave": "give", "given": "give", "went": "go", "gone": "go",
    "found": "find", "left": "leave", "built": "build", "bought": "buy", "sold": "sell", "paid": "pay", "held": "hold",
    "led": "lead", "lost": "lose", "won": "win", "saw": "see", "seen": "see", "knew": "know", "known": "know",
    "born": "bear", "grew": "grow", "grown": "grow", "rose": "rise", "risen": "rise", "fell": "fall", "fallen": "fall",
    "died": "die", "dead": "die", "death": "die", "kept": "keep", "sent": "send", "spent": "spend", "met": "meet",
    "ran": "run", "spoke": "speak", "spoken": "speak", "chose": "choose", "chosen": "choose", "shown": "show",
    "thought": "think", "brought": "bring", "taught": "teach", "caught": "catch", "felt": "feel", "stood": "stand",
}  # fmt: skip


def plain(token: str) -> str:
    """A token in its usual spelling: composed, with ASCII digits and apostrophes, and without what cannot be seen.

    >>> plain("\uff12\uff10\uff12\uff16"), plain("\u0661\u0662"), plain("co\u00adop"), plain("don\u2019t")
    ('2026', '12', 'coop', "don't")
    """
    if token.isascii():
        return token
    composed = unicodedata.normalize("NFKC", _UNSEEN.sub("", token))
    return composed if composed.isascii() else "".join(_plain_character(c) for c in composed)


_UNSEEN = re.compile(
    f"[{_INVISIBLE}\u0591-\u05bd\u05bf-\u05c7\u0640\u064b-\u065f\u0670]"
)  # vowel points may be left out
_PLAIN_SIGNS = {
    "\u2018": "'", "\u2019": "'", "\u02bc": "'", "\u066b": ".", "\u066c": ",", "\u066a": "%", "\u2044": "/",
}  # fmt: skip


def _plain_character(character: str) -> str:
    digit = unicodedata.decimal(character, None)
    return _PLAIN_SIGNS.get(character, character) if digit is None else str(digit)


def stem(word: str) -> str:
    """A crude English stem, case folded: `Stories` and `story`, `completed` and `completing` agree.

    Stop words and numbers come back in lower case. It errs on the side of joining: overlap is what is measured.
    """
    return _STEMS[word]


def _stem(word: str) -> str:
    w = plain(word).lower()
    if w in STOP_WORDS or not w[:1].isalpha():
        return w
    if w.endswith("'s"):
        w = w[:-2]
    elif "'" in w:
        w = w.replace("'", "")
    w = _MAP.get(w, w)
    n = len(w)
    if n > 4 and w.endswith("ies"):
        w = w[:-3] + "y"
    elif n > 4 and w.endswith(("sses", "ches", "shes", "xes", "zzes")):
        w = w[:-2]
    elif n > 3 and w[-1] == "s" and w[-2] not in "sui":
        w = w[:-1]
    w = _MAP.get(w, w)
    for suffix, least in _SUFFIXES:
        if w.endswith(suffix) and len(w) - len(suffix) >= least:
            w = w[: -len(suffix)]
            if len(w) > 3 and w[-1] == w[-2] and w[-1] not in "ls":
                w = w[:-1]
            break
    if len(w) > 4 and w[-1] == "e":
        w = w[:-1]
    if len(w) > 4 and w[-1] == "y":
        w = w[:-1] + "i"
    return w


_SUFFIXES = (
    ("ization", 3), ("isation", 3), ("ational", 3), ("ations", 4), ("ation", 4), ("ition", 4), ("ising", 4),
    ("izing", 4), ("ised", 4), ("ized", 4), ("ments", 4), ("ment", 4), ("ness", 4), ("ingly", 4), ("edly", 4),
    ("tion", 4), ("ing", 3), ("ed", 3), ("ly", 3), ("ize", 4), ("ise", 4), ("er", 4), ("or", 5),
)  # fmt: skip


_STEMS = Remembered(_stem)


def is_content(stemmed: str) -> bool:
    """True for a stem that carries meaning: neither a function word, a sign nor a citation."""
    return CARRIES[stemmed]


def _is_content(stemmed: str) -> bool:
    return stemmed not in STOP_WORDS and (len(stemmed) > 1 or stemmed.isdigit()) and stemmed[0] != "["


CARRIES = Remembered(_is_content)
"""`is_content` as a look-up."""
