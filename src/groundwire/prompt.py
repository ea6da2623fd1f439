"""What a prompt holds: which passages reached it, and which earlier answers.

Templates differ and nobody marks them up, so everything here goes by words: white space, case, punctuation and
JSON escapes do not count when a passage is looked for.
"""

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from html import unescape
from unicodedata import is_normalized, normalize

from groundwire.fields import observed_in

_WORD = re.compile(r"\w+")
_BEYOND_ASCII = re.compile(r"[^\x00-\x7f]")
_FEW = 16
_ESCAPES = re.compile(r"\\(?:[nrt\"/]|u[0-9a-fA-F]{4})")
_WINDOW = 8
"""Words that are looked for at a time where a passage is not in the prompt as a whole."""

_ANSWER_LABEL = re.compile(r"(?i)(?:(?:answer|response|reply|assistant|ai|bot|output|draft)(?![.!?])|\ba)\W{0,6}$")
_SUB_ANSWER = re.compile(r"(?i)\bsub[- _]?(?:question|query)\b[^\n]*\n[^\n]{0,20}$")
"""An answer that stands behind the part of the question that it answers: the synthesis rests on it."""
_PAIR = re.compile(r"(?i)(?:^|\n)[^\w\n]*(?:question|query)[^\w\n]*:[^\n]*\n[^\n]{0,20}$")
_HISTORY = re.compile(r"(?i)\b(?:history|conversation|previous|chat)\b")
"""Where pairs of a question and an answer are what was said before."""
_DRAFT_LABEL = re.compile(
    r"(?i)\b(?:existing|original|previous|prior|current|initial|draft|intermediate|partial) "
    r"(?:answer|response|summary)\W{0,8}$"
)
_REFINES = re.compile(r"(?i)\b(?:refin|improv|revis)(?:e|ing) (?:[\w'-]+ ){0,3}(?:answer|response|summary)\b")
_SHORTEST = 12
"""Characters of an answer that no prompt holds by chance."""
_CONTEXT_LABEL = re.compile(
    r"(?i)\b(?:contexts?|documents?|passages?|sources?|excerpts?|extracts?|evidence|notes|facts|pairs|knowledge)\b"
)
_OBSERVED = re.compile(
    r"^[ \t]*Observation:\s*(.+?)(?=^[ \t]*(?:Thought|Action|Observation):|\Z)", re.DOTALL | re.MULTILINE
)
"""What a tool answered, where models reason and act in plain text (ReAct)."""


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
        return f" {' '.join(text.translate(_SPACED).split())} "
    return f" {' '.join(_WORD.findall(text.casefold()))} "


def holds(text: str, piece: str) -> bool:
    """Whether a text holds a piece to the letter: quick, and False also where it holds its words in another dress."""
    bare = piece.strip()
    return len(bare) >= _SHORTEST and " " in bare and bare in text


@lru_cache(maxsize=512)
def _parts(sign: str) -> bool:
    """Whether a character stands between words, as a blank does."""
    return sign.casefold() == sign and not _WORD.match(sign)


def _unescaped(escape: re.Match[str]) -> str:
    """What an escape of JSON stands for, where that is a letter; else a blank."""
    code = escape.group()[2:]
    return chr(int(code, 16)) if len(code) == 4 and not 0xD800 <= int(code, 16) < 0xE000 else " "


_kept_words = lru_cache(maxsize=64)(_words)
_SPACED = "".join(chr(i).lower() if _WORD.match(chr(i)) else " " for i in range(128))
"""What stands for each ASCII character: its small letter, a blank for what is in no word."""


def spoken(text: str) -> str:
    """A prompt that was put into a model's own chat template, with its tokens told as labels and blank lines."""
    if ("<" not in text and "[INST]" not in text) or not any(sign in text for sign in _TOKEN_SIGNS):
        return text
    return _TOKEN.sub("\n\n", _ROLE_TOKEN.sub(lambda m: f"\n\n{next(g for g in m.groups() if g)}:\n", text))


_TOKEN_SIGNS = ("<|", "[INST]", "<start_of_turn>", "<s>")
_ROLE_TOKEN = re.compile(
    r"<\|im_start\|>\s*(\w+)|<\|start_header_id\|>\s*(\w+)\s*<\|end_header_id\|>|<\|(system|user|assistant)\|>"
    r"|<start_of_turn>\s*(\w+)"
)
_TOKEN = re.compile(r"<\|[\w ]{1,30}\|>|</?s>|\[/?INST\]|<</?SYS>>|<end_of_turn>")


# --- passages that spans listed -------------------------------------------------------------------------------------


def reached(passages: Sequence[str], prompt: str, quoted: Sequence[str] = ()) -> list[int | None]:
    """For each passage, where the prompt holds it, whole, cleaned up, or cut short; None where it does not.

    Places are to be compared with each other alone: they count characters, of the prompt or of its bare words.

    Args:
        passages: texts, in any order.
        prompt: texts of a prompt, joined.
        quoted: earlier answers. A passage that is in the prompt only because such an answer repeats it has not
            reached it: a request for follow-up questions carries the answer, not its sources.
    """
    if not quoted and all(holds(prompt, passage) for passage in passages):
        return [prompt.find(passage.strip()) for passage in passages]  # nearly always
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
            of_a_part = _SUB_ANSWER.search(before) or (_PAIR.search(before) and not _HISTORY.search(before))
            labelled = _ANSWER_LABEL.search(before[-40:]) and not of_a_part
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


def observations_in(text: str) -> list[str]:
    """What tools answered that were called in plain text; what a template says of that before its question is none."""
    seen: list[str] = []
    if "bservation" not in text:
        return seen
    if "Observation:" in text:
        seen = _OBSERVED.findall(text[max(text.rfind("\nQuestion:"), 0) :])
    seen += observed_in(text)
    return [part.strip() for part in seen if part.strip()]


def repeats(text: str, answer: str) -> bool:
    """Whether a prompt repeats an earlier answer to the letter; a question that a model asked is none."""
    said = answer.strip()
    return len(said) >= _SHORTEST and not said.endswith("?") and said in text


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
