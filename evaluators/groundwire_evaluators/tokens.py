"""Words of a text: Unicode tokens, light stems, function words, negations and scripts without spaces."""

import re
from collections.abc import Callable
from typing import Generic, TypeVar

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

TOKEN = re.compile(
    r"\[\d{1,3}(?:\s?[,;\u2013-]\s?\d{1,3}){0,20}\]|[^\W\d_]+(?:['\u2019][^\W\d_]+)?|\d+(?:[.,:]\d+)*|[%\u00b0]"
)
"""A citation such as `[1]` (dropped by readers), a word, a number as written, a percent or degree sign."""
_ASCII_TOKEN = re.compile(
    r"[A-Za-z]+(?:'[A-Za-z]+)?|[0-9]+(?:[.,:][0-9]+)*|\[[0-9]{1,3}(?:\s?[,;-]\s?[0-9]{1,3}){0,20}\]|%"
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
_UNSPACED = re.compile(
    "[\u0e00-\u0eff\u0f00-\u0fff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
    "\U00020000-\U0003ffff]"
)
_LETTER = re.compile(r"[^\W\d_]")
_WORD = re.compile(r"[^\W\d_]+(?:['\u2019][^\W\d_]+)?")
_SAMPLE = 20_000
_ENOUGH = 1_600
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


def stem(word: str) -> str:
    """A crude English stem, case folded: `Stories` and `story`, `completed` and `completing` agree.

    Stop words and numbers come back in lower case. It errs on the side of joining: overlap is what is measured.
    """
    return _STEMS[word]


def _stem(word: str) -> str:
    w = word.lower().replace("\u2019", "'")
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


def writes_without_spaces(text: str) -> bool:
    """True where three letters in ten belong to a script without spaces (Chinese, Japanese, Thai, Khmer ...).

    Overlap of words says nothing there. Looks at the first 20,000 characters; False for a text without letters.
    """
    sample = text[:_SAMPLE]
    if sample.isascii() or not _UNSPACED.search(sample):
        return False
    letters = len(_LETTER.findall(sample))
    return letters > 0 and len(_UNSPACED.findall(sample)) >= 0.3 * letters


_SCRIPTS = (
    ("latin", re.compile("[A-Za-z\u00c0-\u024f]")),
    ("greek", re.compile("[\u0370-\u03ff]")),
    ("cyrillic", re.compile("[\u0400-\u052f]")),
    ("hebrew", re.compile("[\u0590-\u05ff]")),
    ("arabic", re.compile("[\u0600-\u06ff\u0750-\u077f]")),
    ("indic", re.compile("[\u0900-\u0d7f]")),
    ("hangul", re.compile("[\u1100-\u11ff\uac00-\ud7af]")),
)
_BEYOND_LATIN = re.compile("[\u0370-\u0d7f\u1100-\u11ff\uac00-\ud7af]")
_ENGLISH_WORDS = "the of and to in is was are for on with as that by it at from his her they this be or an which has"
_ENGLISH = frozenset(listed(f"{_ENGLISH_WORDS} {_ENGLISH_WORDS.title()} {_ENGLISH_WORDS.upper()}"))


def language_conflict(answer: str, passages: str) -> bool:
    """True where answer and passages are plainly in different languages, so that words cannot be compared.

    Different scripts, or one text full of English function words and the other, of 12 words or more, with hardly any.
    """
    first, second = answer[:_SAMPLE], passages[:_SAMPLE]
    if _BEYOND_LATIN.search(first) or _BEYOND_LATIN.search(second):
        one, other = _script(first), _script(second)
        if one and other and one != other:
            return True
    a, b = _english_share(first), _english_share(second)
    return a is not None and b is not None and (min(a, b) < 0.02 and max(a, b) > 0.2)


def _script(text: str) -> str | None:
    counts = {name: len(pattern.findall(text)) for name, pattern in _SCRIPTS}
    name = max(counts, key=lambda k: counts[k])
    return name if counts[name] >= 10 else None


def _english_share(text: str) -> float | None:
    words = _WORD.findall(text[:_ENOUGH])
    if len(words) < 12:
        return None
    return sum(map(_ENGLISH.__contains__, words)) / len(words)
