"""Sentences of a text, as character offsets: lists, headings, abbreviations and citations survive."""

import re
from functools import lru_cache
from typing import TypeAlias

from groundwire_evaluators.tokens import listed

Span: TypeAlias = tuple[int, int]

_FENCE = re.compile(r"^[ \t]*(```|~~~)", re.MULTILINE)
_FREE = "\u3002\uff01\uff1f\uff61\u0964\u0965\u06d4\u1362\u17d4\u104b\u0f0d"  # no space need follow
_MARKS = f".!?\u2026\u061f{_FREE}"
_CLOSERS = "\"'\u201d\u2019\u00bb\u203a)\\]*_`\u300d\u300f\uff09\u300b\u3011"
_STOP = re.compile(  # begins with a set of characters, for which the engine skips ahead ten times as fast
    f"[{_MARKS}\\n](?:(?<=\\n)\\s*+"
    # possessive, and begun once a run of marks: linear on "........" too
    f"|(?<!\\n)(?<![{_MARKS}][{_MARKS}])[{_MARKS}]*+"
    f"[{_CLOSERS}]*+(?:\\s?\\[\\d{{1,3}}(?:\\s?[,;\u2013-]\\s?\\d{{1,3}}){{0,20}}\\])*+"
    f"(?:(?=\\s|$|</?[a-zA-Z])|(?<=[{_FREE}])|(?<=[{_FREE}][{_CLOSERS}]))"
    r"|(?<=[^\W\d_][^\W\d_][^\W\d_]\.)(?=[A-Z][a-z]{0,20}[\s,]))"  # "per year.The next": text cut from pages
)
_TAGS = re.compile(r"\s*+(?:</?[a-zA-Z][^<>\n]{0,200}>\s*+)++")
_LIST_MARK = re.compile(
    r"\s*+(?:[-*\u2022\u2023\u25aa\u25cf\u2013\u2014+>#|]+\s+|\(?\d{1,3}[.)](?=\s)|\(?[a-zA-Z]\)(?=\s))\s*"
)
_LINE_MARK = re.compile(r"[-*\u2022\u25cf+>#|]|\(?\d{1,3}[.)]\s|\(?[a-zA-Z]\)\s")
_OPENED = re.compile(r"[(\[\"'\u201c\u2018]")
_ABBREVIATIONS = frozenset(
    listed(
        "mr mrs ms dr prof sr jr st mt ft gen col lt sgt capt rep sen gov pres hon rev supt messrs vs v "
        "e.g eg i.e ie cf al dept univ assn bros inc ltd co corp "
        "llc plc approx ca jan feb mar apr jun jul aug sep sept oct nov dec a.m p.m u.s u.k "
        "u.n e.u d.c ph.d b.c a.d w.r.t a.k.a ave blvd"
    )
)
_BEFORE_FIGURES = frozenset(listed("no nos vol pp p ch sec art fig figs eq est min max approx ca para tel ext"))
"""Abbreviations that only a figure follows: "No. 5", but "No. We do not." """
_ENDS_ANYWAY = frozenset(
    listed("inc ltd co corp llc plc a.m p.m u.s u.k u.n e.u d.c ph.d b.c a.d jr sr st ave blvd al dept")
)
"""Abbreviations that close a sentence when a capital and a common opening word follow."""
_OPENERS = frozenset(
    listed(
        "the a an it he she they we i you this that these those in on at for but and however its his her their there"
    )
)
_NEXT_WORD = re.compile(r"\s*[\"'\u201c\u2018(\[*_]*([^\W\d_]*)")
_LOOK_BACK = 24
_WRAPPED = 50
_GOES_ON = frozenset(
    listed(
        "the a an of to in on at by for from with and or but as into than that which who is are was were be been has "
        "have had its his her their our your my this these those between during under over about mr mrs dr st"
    )
)
_FIGURE = re.compile(r"\s{0,3}[#(]?(?:\d|[IVX]+\b)")
_CAPITAL = re.compile(r"[A-Z\u00c0-\u00de]")
_ONE_IN = 60
"""Characters for each capital letter from which on a text counts as written without: cased English has 20 to 40."""
_JUDGED = 4000


def sentences(text: str, start: int = 0, end: int | None = None) -> list[Span]:
    r"""Split a text, or the part `[start, end)` of it, in one pass: linear in its length.

    Spans come in order, do not overlap, are stripped of white space and list marks, and hold at least one letter or
    digit. A fenced code block is one span. A line break ends a sentence unless the next line goes on in lower case.
    In a text without capitals every full stop that ends no abbreviation ends a sentence.

    >>> text = "1. Dr. Ng paid $2.50. Why?\n- J. Doe did [1]."
    >>> [text[a:b] for a, b in sentences(text)]
    ['Dr. Ng paid $2.50.', 'Why?', 'J. Doe did [1].']
    """
    if start == 0 and end is None and len(text) <= _KEPT:
        return list(_whole(text))
    return _split(text, start, len(text) if end is None else end)


_KEPT = 20_000
"""Characters up to which the latest texts are kept split: several evaluators ask about the same ones."""


@lru_cache(maxsize=64)
def _whole(text: str) -> tuple[Span, ...]:
    return tuple(_split(text, 0, len(text)))


def _split(text: str, start: int, stop: int) -> list[Span]:
    spans: list[Span] = []
    at = start
    plain = _is_uncased(text[start : min(stop, start + _JUDGED)])
    fences = [m.start() for m in _FENCE.finditer(text, start, stop)] if "```" in text or "~~~" in text else []
    for opening, closing in zip(fences[::2], fences[1::2], strict=False):
        _prose(text, at, opening, spans, plain)
        line_end = text.find("\n", closing, stop)
        at = stop if line_end < 0 else line_end
        _keep(text, opening, at, spans)
    _prose(text, at, stop, spans, plain)
    return spans


def _is_uncased(text: str) -> bool:
    """Whether a text is written without capitals, as chat messages and the output of older summarisers are."""
    first = next(filter(str.isalpha, text), "A")
    return first.islower() and len(_CAPITAL.findall(text)) * _ONE_IN <= len(text)


def _prose(text: str, start: int, end: int, spans: list[Span], plain: bool) -> None:
    at = start
    for match in _STOP.finditer(text, start, end):
        if match.end() >= end or _ends_sentence(text, at, match, end, plain):
            cut = match.end()
            _keep(text, at, cut, spans)
            at = cut
    _keep(text, at, end, spans)


def _ends_sentence(text: str, at: int, match: re.Match[str], end: int, plain: bool) -> bool:
    mark = text[match.start()]
    after = match.end()
    if mark == "\n":
        if match.group().count("\n") > 1 or after >= end:
            return True
        if _LINE_MARK.match(text, after, min(end, after + 8)):
            return True
        return not text[after].islower() and not _is_wrapped(text, at, match.start())
    following = _NEXT_WORD.match(text, after, min(end, after + 40))
    word = following.group(1) if following else ""
    if word and word[0].islower() and not plain:
        return False
    if match.group() != ".":
        return True
    last = _word_before(text[max(at, match.start() - _LOOK_BACK) : match.start()])
    if plain and word and len(last) == 1:
        return False
    if last.isdigit():
        return not _is_list_mark(text, at, match.start())
    if len(last) == 1 and last.isupper():  # an initial: "J. Doe"; but "vitamin C. It ..." ends
        return word.lower() in _OPENERS
    if text[after : after + 1].isalpha() and ("/" in last or "@" in last):
        return False  # inside an address
    low = last.lower()
    if low in _BEFORE_FIGURES and _FIGURE.match(text, after, min(end, after + 6)):
        return False
    if low in _ABBREVIATIONS:
        return low in _ENDS_ANYWAY and word.lower() in _OPENERS and not plain
    return True


def _is_wrapped(text: str, at: int, line_end: int) -> bool:
    """True for a long line that breaks off where no sentence ends: after `the`, `of`, a comma ..."""
    if line_end - max(at, text.rfind("\n", at, line_end) + 1) < _WRAPPED:
        return False
    last = text[max(at, line_end - _LOOK_BACK) : line_end].rsplit(None, 1)[-1]
    return last[-1] == "," or last.lower() in _GOES_ON


def _word_before(text: str) -> str:
    if not text or text[-1].isspace():
        return ""
    last = text.split()[-1]
    return last if last.isalnum() else _OPENED.split(last)[-1]


def _is_list_mark(text: str, at: int, dot: int) -> bool:
    return dot - at <= 8 and text[at:dot].strip().isdigit()


def _keep(text: str, start: int, end: int, spans: list[Span]) -> None:
    tags = _TAGS.match(text, start, end)
    start = tags.end() if tags else start
    mark = _LIST_MARK.match(text, start, end)
    start = mark.end() if mark else start
    while start < end and (text[start].isspace() or text[start] in "*_|"):
        start += 1
    while end > start and (text[end - 1].isspace() or text[end - 1] in "*_|"):
        end -= 1
    if any(map(str.isalnum, text[start:end])):
        spans.append((start, end))
