"""Which languages two texts are in, as far as comparing their words needs it: told by scripts and function words."""

import re
from functools import lru_cache

_SAMPLE = 20_000
_ENOUGH = 1_600
_LETTER = re.compile(r"[^\W\d_]")
_WORD = re.compile(r"[^\W\d_]+(?:['\u2019][^\W\d_]+)?")
_ASCII_WORD = re.compile(r"[A-Za-z]+(?:'[A-Za-z]+)?")
"""Finds the same in ASCII, faster."""
_UNSPACED = re.compile(  # Thai, Lao, Tibetan, Burmese, Khmer, Tai, Balinese, kana, Han, Yi, Javanese, Cham ...
    "[\u0e00-\u0fff\u1000-\u109f\u1780-\u17ff\u1950-\u19ff\u1a20-\u1aaf\u1b00-\u1b7f\u3005-\u3007\u3040-\u30ff"
    "\u3100-\u312f\u31a0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\ua000-\ua4cf\ua980-\ua9df\uaa00-\uaadf\uf900-\ufaff"
    "\uff66-\uff9f\U00016fe0-\U0001b2ff\U00020000-\U0003ffff]"
)
_BEYOND_LATIN = re.compile("[\u0370-\u0d7f\u10a0-\u10ff\u1100-\u11ff\u1200-\u139f\uac00-\ud7af]")
_SCRIPTS = (
    ("latin", re.compile("[A-Za-z\u00c0-\u024f\u1e00-\u1eff\uff21-\uff3a\uff41-\uff5a]")),
    ("greek", re.compile("[\u0370-\u03ff\u1f00-\u1fff]")),
    ("cyrillic", re.compile("[\u0400-\u052f]")),
    ("armenian", re.compile("[\u0530-\u058f]")),
    ("hebrew", re.compile("[\u0590-\u05ff]")),
    ("arabic", re.compile("[\u0600-\u06ff\u0750-\u077f]")),
    ("indic", re.compile("[\u0900-\u0d7f]")),
    ("georgian", re.compile("[\u10a0-\u10ff]")),
    ("hangul", re.compile("[\u1100-\u11ff\uac00-\ud7af]")),
    ("ethiopic", re.compile("[\u1200-\u139f]")),
)


def _spelt(words: str) -> frozenset[str]:
    return frozenset(f"{words} {words.title()} {words.upper()}".split())


_ENGLISH = _spelt(
    "the of and to in is was are for on with as that by it at from his her they this be or an which has have not but "
    "you your my we our she their its if am were been had would will can could should does did what why how when "
    "who where there about than then just like know think don't it's i'm"
)
_OTHERS = tuple(
    _spelt(words)
    for words in (
        "der die das und ist ein eine nicht mit von zu den dem des im auf f\u00fcr sich auch wird wurde sind war bei",
        "le la les des et est un une du dans que qui pour sur pas avec au aux sont par plus ne ce il elle",
        "el la los las y es un una del en que por con para se su como m\u00e1s fue al son lo pero",
        "il lo la gli e \u00e8 un una di che del della nel con per non si sono da alla dei delle anche",
        "o a os as e \u00e9 um uma do da dos das que em no na com para n\u00e3o se por mais foi ao s\u00e3o",
        "de het een en van is niet met op te dat voor zijn er aan ook als bij door wordt werd uit naar",
        "och att det som en ett \u00e4r av f\u00f6r p\u00e5 med inte den till har var fr\u00e5n de om vid",
        "og at det som en et er af p\u00e5 med ikke den til har var fra de om ved blev ble",
        "i w na z si\u0119 nie do to jest \u017ce jak o od po przez dla by\u0142 by\u0142a s\u0105 oraz kt\u00f3ry",
        "ve bir bu da de i\u00e7in ile olarak olan daha gibi \u00e7ok en ne kadar sonra veya taraf\u0131ndan ise",
        "ja on ei se ett\u00e4 oli joka ovat my\u00f6s mutta kun h\u00e4n sen ole tai kuin ovat ollut jossa",
        "a je se na v \u017ee s z do o k i jako pro byl byla jsou nebo kter\u00fd kter\u00e1 jeho ve",
        "\u0219i de la \u00een cu nu este un o pe care din pentru mai sunt fost prin al ale dar",
        "\u00e9s a az nem hogy egy is volt van meg m\u00e1r csak mint vagy ez azt de ki",
        "yang dan di dari untuk dengan ini itu pada adalah tidak dalam akan ke oleh sebagai juga telah",
    )
)
"""German, French, Spanish, Italian, Portuguese, Dutch, Swedish, Danish and Norwegian, Polish, Turkish, Finnish, Czech,
Romanian, Hungarian, Indonesian."""
_OF_OTHERS = frozenset[str]().union(*_OTHERS)
_SHARE = 0.12
_SHORT_SHARE = 0.25
_PLAINLY = 0.3
"""A share of English function words that no other language has by chance, though `is` and `in` are Dutch as well."""
_DISTINCT = 3
_ALSO_ENGLISH = _spelt("a i do to on no in is as me was at by for of an he we so had")
"""Function words of others that English texts hold too: "i do have a dog" is no Polish."""
_OWN = 2


def _sample(text: str) -> str:
    if len(text) <= _SAMPLE:
        return text
    part, middle = _SAMPLE // 4, len(text) // 2
    return f"{text[: 2 * part]}\n{text[middle : middle + part]}\n{text[-part:]}"


def writes_without_spaces(text: str) -> bool:
    """True where three letters in ten belong to a script without spaces (Chinese, Japanese, Thai, Khmer ...).

    Overlap of words says nothing there. Looks at 20,000 characters; False for a text without letters.
    """
    sample = _sample(text)
    if sample.isascii() or not _UNSPACED.search(sample):
        return False
    letters = len(_LETTER.findall(sample))
    return letters > 0 and len(_UNSPACED.findall(sample)) >= 0.3 * letters


def language_conflict(answer: str, passages: str) -> bool:
    """True where answer and passages are plainly in different languages, so that words cannot be compared.

    Different scripts, or the function words of two languages. A text of names and numbers, or of fewer than eight
    words, is in no language and conflicts with none.
    """
    first, second = _sample(answer), _sample(passages)
    if not (first.isascii() and second.isascii()) and (_BEYOND_LATIN.search(first) or _BEYOND_LATIN.search(second)):
        one, other = _script(first), _script(second)
        if one and other and one != other:
            return True
    one_language = _language(first)
    if one_language is None:
        return False
    other_language = _language(second)
    return other_language is not None and one_language != other_language


def _script(text: str) -> str | None:
    counts = {name: len(pattern.findall(text)) for name, pattern in _SCRIPTS}
    name = max(counts, key=lambda k: counts[k])
    return name if counts[name] >= 10 else None


def _language(text: str) -> int | None:
    """-1 for English, a place in _OTHERS, or None where the function words do not tell."""
    return _told(text[:_ENOUGH])


@lru_cache(maxsize=16)  # several evaluators ask about the same texts one after the other
def _told(text: str) -> int | None:
    words = (_ASCII_WORD if text.isascii() else _WORD).findall(text)
    if len(words) < 8:
        return None
    english = sum(map(_ENGLISH.__contains__, words)) / len(words)
    if english >= _PLAINLY:
        return -1
    least = _SHARE if len(words) >= 20 else _SHORT_SHARE
    enough = max(least, 3 * english)
    if sum(map(_OF_OTHERS.__contains__, words)) / len(words) < enough:  # nor can one of them have as many
        return -1 if english >= _SHARE else None
    found = [sum(map(spelt.__contains__, words)) / len(words) for spelt in _OTHERS]
    best = max(range(len(found)), key=found.__getitem__)
    told = _OTHERS[best].intersection(words)
    if found[best] >= enough and len(told) >= _DISTINCT and len(told - _ALSO_ENGLISH) >= _OWN:
        return best
    return -1 if english >= _SHARE else None
