"""Which sentences of an answer make a claim at all."""

import re

from groundwire_evaluators.refusal import is_padding
from groundwire_evaluators.tokens import listed, stem
from groundwire_evaluators.words import Words

_COURTESY = re.compile(
    r"\W*(?:(?:i )?hope (?:this|that|it)\b|let me know\b|feel free\b|happy to help|glad to help|"
    r"you(?:['\u2019]re| are) welcome|"
    r"thank(?:s| you)\b|hello\b|hi\b|hey\b|dear\b|sure\b|certainly\b|of course\b|great question|good question|"
    r"absolutely\b|"
    r"here(?:['\u2019]s| is| are)\b[^.]{0,120}:?\W*$|is there anything|if you have any|good luck|enjoy\b|"
    r"best regards|sincerely)",
    re.IGNORECASE,
)


def is_checkable(text: str, words: Words, *, declined: bool = False) -> bool:
    """False for what makes no claim: questions, greetings, offers of help, headings, refusals, links, code, `Yes.`."""
    sentence = text[words.start : words.end]
    if not words.content or sentence.startswith(("```", "~~~")):
        return False
    if sentence.rstrip("\"'\u201d\u2019)* ").endswith(("?", "\uff1f", "\u061f")):
        return False
    stems = [words.stems[i] for i in words.content]
    if all(s in _EMPTY_ANSWERS for s in stems):
        return False
    if sentence.endswith(":") and len(words.raw) <= 14 and not words.numbers:
        return False
    if sentence.startswith(("http://", "https://", "www.")) and " " not in sentence:
        return False
    if _COURTESY.match(sentence[:400]) and len(words.content) <= 14 and not words.numbers:
        return False
    if declined and not words.numbers:
        return False
    return len(words.content) > 10 or bool(words.numbers) or not is_padding(sentence)


_EMPTY_ANSWERS = frozenset(
    stem(w)
    for w in listed(
        "yes no ok okay sure true false maybe correct right incorrect wrong accurate inaccurate exactly absolutely "
        "indeed answer source sources note"
    )
)
