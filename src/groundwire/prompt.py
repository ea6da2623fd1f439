"""What a prompt holds: which passages reached it, and the user's question inside it.

Templates differ and nobody marks them up, so everything here goes by words: white space, case, punctuation and
JSON escapes do not count when a passage is looked for.
"""

import json
import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from html import unescape
from typing import Any
from unicodedata import is_normalized, normalize

from groundwire.cutting import QUESTION_KEYS, cut_marked, instructs
from groundwire.parting import elements

_WORD = re.compile(r"\w+")
_BEYOND_ASCII = re.compile(r"[^\x00-\x7f]")
_FEW = 16
_ESCAPES = re.compile(r"\\(?:[nrt\"/]|u[0-9a-fA-F]{4})")
_WINDOW = 8
"""Words that are looked for at a time where a passage is not in the prompt as a whole."""

_QUESTION = (
    r"(?:the |current |original )?(?:user(?:'s)? )?(?:question|query|q|input|request|prompt)|human|user"
    r"|frage|pregunta|pergunta|domanda|(?:用户|当前)?问题|用户提问|問題|質問|질문"
)
_AFTER_QUESTION = (
    r"(?:helpful |final |your |concise |short )*(?:answer|response|reply|output)|instructions?|assistant|ai"
    r"|contexts?|documents?|passages?|sources?|search results?|<|上下文|回答|答案|답변"
)
_LABELLED_QUESTION = re.compile(
    rf"(?is)(?:^|\n)[^\w\n<]{{0,6}}(?:(?:{_QUESTION})|(?:[\w'-]+ ){{1,6}}(?:question|query))"
    rf"[*_ \t]*[:：][*_ \t]*\n*(.+?)"
    rf"(?=\n[^\w\n<]{{0,6}}(?:{_AFTER_QUESTION})[^\n:：]{{0,30}}[:：]|\n[ \t]*\n|\n[^\w\n]*</|$)"
)
_TITLED_QUESTION = re.compile(rf"(?i)(?:^|\n)#+[ \t]*(?:{_QUESTION})[ \t]*\n+([^\n#]+)")
_QUESTION_TAG = re.compile(r"(?i)<((?:user_?)?(?:question|query|input|request))\b[^<>]*>")
_INLINE_QUESTION = re.compile(r"(?i)\b(?:question|query|answer)[ \t]*:[ \t]*([^\n]+\?)")
_QUOTED_QUESTION = re.compile(
    r"(?i)\b(?:question|query|frage|pregunta|pergunta|domanda)[ \t:]*[\"“«„]([^\"”»“\n]+)[\"”»“]"
)
_ANSWER_LABEL = re.compile(r"(?i)(?:answer|response|reply|assistant|ai|bot|output|draft|\ba)\W{0,6}$")
_SUB_ANSWER = re.compile(r"(?i)\bsub[- _]?(?:question|query)\b[^\n]*\n[^\n]{0,20}$")
"""An answer that stands behind the part of the question that it answers: the synthesis rests on it."""
_ANSWERED = re.compile(r"(?i)[^\w\n]*\n[^\w\n]*a(?:nswer)?[^\w\n]*:[ \t]*\w")
_DRAFT_LABEL = re.compile(
    r"(?i)\b(?:existing|original|previous|prior|current|initial|draft|intermediate|partial) "
    r"(?:answer|response|summary)\W{0,8}$"
)
_REFINES = re.compile(r"(?i)\b(?:refin|improv|revis)(?:e|ing) (?:[\w'-]+ ){0,3}(?:answer|response|summary)\b")
_SHORTEST = 12
"""Characters of an answer that no prompt holds by chance."""
_CONTEXT_LABEL = re.compile(
    r"(?i)\b(?:contexts?|documents?|passages?|sources?|excerpts?|extracts?|evidence|notes|facts)\b"
)


def words(text: str) -> str:
    """The text as case-folded words, one blank between and around them: two texts compare by this."""
    return _kept_words(text) if len(text) <= _KEPT else _words(text)


_KEPT = 20_000
"""Characters up to which the words of the latest texts are kept: assembly asks about each passage several times."""


def _words(text: str) -> str:
    if "\\" in text:
        text = _ESCAPES.sub(_unescaped, text)
    if "&" in text:
        text = unescape(text)
    if not text.isascii():
        text = text if is_normalized("NFC", text) else normalize("NFC", text)
        beyond = set(_BEYOND_ASCII.findall(text))
        if len(beyond) <= _FEW:
            for sign in beyond:  # curly quotes and dashes, as a rule
                text = text.replace(sign, " ") if _parts(sign) else text
    if text.isascii():  # the same as below, in a fifth of the time
        return f" {' '.join(text.lower().translate(_SPACED).split())} "
    return f" {' '.join(_WORD.findall(text.casefold()))} "


def _parts(sign: str) -> bool:
    """Whether a character stands between words, as a blank does."""
    return sign.casefold() == sign and not _WORD.match(sign)


def _unescaped(escape: re.Match[str]) -> str:
    """What an escape of JSON stands for, where that is a letter; else a blank."""
    code = escape.group()[2:]
    return chr(int(code, 16)) if len(code) == 4 and not 0xD800 <= int(code, 16) < 0xE000 else " "


_kept_words = lru_cache(maxsize=64)(_words)
_SPACED = "".join(chr(i) if _WORD.match(chr(i)) else " " for i in range(128))
"""What stands for each ASCII character: a blank for what is in no word."""


# --- passages that spans listed -------------------------------------------------------------------------------------


def reached(passages: Sequence[str], prompt: str, quoted: Sequence[str] = ()) -> list[int | None]:
    """For each passage, where the prompt holds it, whole, cleaned up, or cut short; None where it does not.

    Places are to be compared with each other alone: they count characters of the prompt's bare words.

    Args:
        passages: texts, in any order.
        prompt: texts of a prompt, joined.
        quoted: earlier answers. A passage that is in the prompt only because such an answer repeats it has not
            reached it: a request for follow-up questions carries the answer, not its sources.
    """
    whole = words(prompt)
    sources = words(without_answers(prompt, quoted)) if quoted else whole
    answers = [words(answer) for answer in quoted]
    keys = [words(passage) for passage in passages]
    found = [len(key) > 2 and key in (sources if any(key in answer for answer in answers) else whole) for key in keys]
    if all(found):
        return [_place(key, whole) for key in keys]
    # What belongs to passages found whole is taken out, or the overlap of neighbouring chunks would count for both.
    for key in sorted((k for k, held in zip(keys, found, strict=True) if held), key=len, reverse=True):
        sources = sources.replace(key, " \0 ")
    return [
        _place(key, whole) if held or _partly(key, sources) else None for key, held in zip(keys, found, strict=True)
    ]


def _place(key: str, prompt: str) -> int:
    """Where the prompt holds a passage that is in it, by its first words that are there."""
    at = prompt.find(key)
    tokens = key.split() if at < 0 else []
    for i in range(0, len(tokens), _WINDOW):
        at = prompt.find(f" {' '.join(tokens[i : i + _WINDOW])} ")
        if at >= 0:
            break
    return max(at, 0)


def _partly(key: str, prompt: str) -> bool:
    tokens = key.split()
    if len(tokens) < 2 * _WINDOW:
        return False
    starts = range(0, len(tokens) - _WINDOW + 1, _WINDOW)
    hits = [f" {' '.join(tokens[i : i + _WINDOW])} " in prompt for i in starts]
    beginning = next((n for n, hit in enumerate(hits) if not hit), len(hits))
    return sum(hits) >= len(hits) / 2 or beginning >= 3


def without_answers(prompt: str, answers: Iterable[str]) -> str:
    """The prompt without earlier answers in it: a follow-up that quotes the answer does not carry its passages.

    An earlier output that stands under a heading such as "Context:" stays: it is an extract made for this prompt.
    """
    for answer in answers:
        text = answer.strip()
        if len(text) < _SHORTEST:
            continue
        at = prompt.find(text)
        while at >= 0:
            before = prompt[max(0, at - 400) : at]
            labelled = _ANSWER_LABEL.search(before[-40:]) and not _SUB_ANSWER.search(before)
            if labelled or not _CONTEXT_LABEL.search(before):
                prompt = f"{prompt[:at]}\n{prompt[at + len(text) :]}"
                at = prompt.find(text, at)
            else:
                at = prompt.find(text, at + len(text))
    return prompt


def repeated_in(text: str, answers: Iterable[str]) -> list[str]:
    """Those of the answers that a text repeats whole, single words left out."""
    key = words(text)
    return [answer for answer in answers if len(answer.strip()) >= _SHORTEST and words(answer) in key]


def drafts_in(prompt: str, answers: Iterable[str], said: Sequence[str] = ()) -> list[str]:
    """Earlier answers that the prompt hands on to be refined: the next answer rests on them as on its passages.

    Args:
        prompt: one message of it.
        answers: those of the trace so far.
        said: what stands in the other messages as said by the model.
    """
    if said and _REFINES.search(prompt):
        prompt = "".join(f"Existing answer: {text}\n" for text in said) + prompt
    found: list[str] = []
    for answer in answers:
        text = answer.strip()
        at = prompt.find(text) if text and text not in found else -1
        while at >= 0:
            if _DRAFT_LABEL.search(prompt[max(0, at - 60) : at]):
                found.append(text)
                break
            at = prompt.find(text, at + len(text))
    return found


# --- the question ---------------------------------------------------------------------------------------------------


def question_in(message: str, queries: Sequence[str], passages: Sequence[str]) -> str | None:
    """The user's question, without the template around it.

    Args:
        message: text of the last user message.
        queries: texts that were retrieved with, latest first. A query may be a rewrite, so the message goes first.
        passages: texts known to be in the message.
    """
    asked_for = _member(message)
    if asked_for is not None:
        return asked_for
    bare = message  # a passage may hold questions of its own
    for passage in passages:
        bare = bare.replace(passage.strip(), "\n\n")
    tagged = [text for _, body in elements(bare, _QUESTION_TAG) if (text := body.strip())]
    if tagged:
        return tagged[-1]
    labelled = _labelled(bare)
    key = words(message)
    inside = next((q for q in queries if len(words(q)) > 2 and words(q) in key), None)
    if labelled is not None:
        if inside is None:
            return labelled
        # A question of several paragraphs was searched for as a whole; one that has its answer was asked before.
        whole = words(inside).startswith(words(labelled))
        return inside if whole or (_answered(labelled, bare) and labelled in bare.rpartition(inside)[0]) else labelled
    templated = any(words(p) in key for p in passages) or bool(cut_marked(message))
    if not templated:
        if inside is not None and message.replace(inside, "").count("?") == 0 and len(inside.split()) >= 3:
            return inside
        return (message.strip() if len(message) <= 8000 else None) or inside
    if inside is not None:
        return inside
    inline = _INLINE_QUESTION.findall(bare) or _QUOTED_QUESTION.findall(bare)
    if inline:
        return str(inline[-1]).strip()
    rest = [p for piece in re.split(r"\n[ \t]*\n", bare) if (p := piece.strip()) and not p.endswith(":")]
    asked = [line for p in reversed(rest) if (line := p.splitlines()[-1].strip()).endswith("?")]
    alone = rest if len(rest) == 1 and passages and not instructs(rest[0]) else []
    return next(iter([*asked[:1], *alone, *queries[:1], *rest[-1:]]), None)


def _member(message: str) -> str | None:
    """The question in a message that is a JSON object."""
    if message.lstrip()[:1] != "{":
        return None
    try:
        value: Any = json.loads(message)
    except (ValueError, RecursionError):
        return None
    named = (value.get(key) for key in QUESTION_KEYS)
    return next((text.strip() for text in named if isinstance(text, str) and text.strip()), None)


def _answered(question: str, message: str) -> bool:
    """Whether the last that a message has of a question is followed by its answer."""
    return _ANSWERED.match(message.rpartition(question)[2]) is not None


def _labelled(message: str) -> str | None:
    """What stands behind the last label such as `Question:`."""
    found = [m.group(1).strip(" \t\n*") for m in _LABELLED_QUESTION.finditer(message)]
    found = found or [m.group(1).strip() for m in _TITLED_QUESTION.finditer(message)]
    if not found or not 0 < len(found[-1]) <= 4000:
        return None
    first, _, _ = found[-1].partition("\n")
    return first.strip() if first.rstrip().endswith("?") else found[-1]
