"""Answers that decline: "the passages do not say", "I don't know". Whole answers, or single sentences of one."""

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Literal, TypeAlias

Abstention: TypeAlias = Literal["none", "partial", "whole"]

_SOURCES = (
    r"(?:passages?|contexts?|documents?|sources?|texts?|articles?|excerpts?|snippets?|(?:search |"
    r"provided )?results?|materials?|"
    r"(?:knowledge base|data|reference|report|page|information)s?|"
    r"(?:none|neither|any)(?: of (?:the|these|those))?(?: \w+){0,3})"
)
_VERBS = (
    r"(?:mention|say|state|specify|contain|include|provide|give|cover|address|discuss|answer|tell|indicate|"
    r"offer|explain|"
    r"describe|list|reveal|clarify|have|refer|support|elaborate|detail)"
)
_NOT = (
    r"(?:do(?:es)?(?: not|n['\u2019]t)|did(?: not|n['\u2019]t)|(?:is|are) not able to|"
    r"cannot|can(?: not|['\u2019]t)|fails? to)"
)
_DECLINES = re.compile(
    "|".join(
        (
            rf"\b{_SOURCES}(?: (?:that )?(?:you |i |we )?(?:provided|given|available|above|here|retrieved|have|"
            rf"has|supplied|found)){{0,2}}"
            rf"(?: \d+)? {_NOT}(?: \w+ly)? {_VERBS}\b",
            rf"\b(?:none|neither|no) (?:of )?(?:the |these |those |my )?(?:\w+ )?(?:passages?|documents?|"
            rf"sources?|contexts?|texts?|"
            rf"articles?|results?) (?:\w+ )?{_VERBS}s?\b",
            rf"\b(?:it|they) {_NOT}(?: \w+ly)? (?:mention|say|state|specify|tell|indicate|address|discuss|"
            rf"answer|clarify)\b",
            r"\bi (?:do(?: not|n['\u2019]t)|did(?: not|n['\u2019]t)) (?:\w+ly )?(?:know|have (?:any |enough |"
            r"sufficient |information|details|data|specific |the |access|that|this))",
            r"\bi(?:['\u2019]m| am) (?:sorry|afraid|not sure|unsure|not certain|unable to|not able to|unfamiliar)\b",
            r"\b(?:i|we) (?:can(?: ?not|['\u2019]t)|could(?: not|n['\u2019]t)|am unable to|are unable to|"
            r"was unable to) (?:\w+ly )?"
            r"(?:find|answer|provide|determine|say|tell|help|assist|give|locate|confirm|verify|respond|offer|"
            r"comply|discuss|share)\b",
            r"\b(?:unable|not able|impossible|not possible) to (?:\w+ly )?(?:answer|provide|determine|find|say|"
            r"tell|give|help|respond)\b",
            r"\b(?:cannot|can ?not|can['\u2019]t|could not|couldn['\u2019]t) be (?:answered|determined|found|"
            r"inferred)\b",
            r"\bthere(?: is|['\u2019]s| are| was)(?: no|n['\u2019]t (?:any|enough)| not (?:any|enough)|"
            r" insufficient) (?:\w+ ){0,3}"
            r"(?:information|mention|evidence|data|details?|answer|reference|indication|context|passages?)\b",
            r"\bno (?:relevant |specific |further |such |additional )?(?:information|answer|mention|details?|"
            r"data|results?)"
            r"(?: \w+){0,4} (?:found|available|provided|given|in the)\b",
            r"^\W*no (?:answer|information|idea|results?)(?: found| available)?\W*$",
            r"\b(?:insufficient|not enough|lack of) (?:\w+ )?(?:information|context|data|evidence|details?)\b",
            r"\b(?:is|are|was|were) ?(?:not|n['\u2019]t) (?:\w+ly )?(?:mentioned|specified|stated|provided|"
            r"given|available|included|"
            r"discussed|covered|addressed|contained|found|clear|known|answerable|described|listed) (?:in|by|"
            r"from|within|here)\b",
            r"\b(?:is|are|was|were) ?(?:not|n['\u2019]t) (?:\w+ly )?(?:mentioned|specified|stated|provided|"
            r"known|answerable)\W*$",
            r"^\W*(?:unanswerable|unknown|n/?a|not (?:mentioned|specified|stated|provided|given|available|known|"
            r"sure|answerable|found))\W*$",
            r"\bas an ai\b",
        )
    ),
    re.IGNORECASE,
)
_PADDING = re.compile(
    r"\b(?:please|could you|can you|would you|feel free|let me know|if you (?:have|need|can|could|would|want|"
    r"provide)|i (?:can|could|would|will) (?:only|need|be)|"
    r"i['\u2019]d (?:recommend|suggest|be)|i (?:recommend|suggest)|you (?:may|might|could|can|should) (?:want|"
    r"need|try|check|consult|contact|refer|look|visit)|"
    r"(?:try|consider) (?:asking|rephrasing|providing|checking|contacting|searching)|more (?:information|"
    r"context|details?)|"
    r"rephrase|apologi[sz]e|sorry|hope (?:this|that)|therefore,? i|"
    r"it (?:is|would be) (?:best|recommended|advisable)|based on the (?:given|provided) \w+\W*$)\b",
    re.IGNORECASE,
)
_LOOK = 1_000
"""Characters of a sentence that are looked at: an abstention does not hide behind a thousand."""
_SIGN = re.compile(
    "n['\u2019]t|no[t ]|none|neither|un(?:able|known|answerable|sure|familiar)|sorry|afraid|insufficient|lack|fail|"
    "impossible|as an ai|n/a"
)
"""One of these is in every sentence that declines: spares most sentences the long pattern."""
_AFTERTHOUGHT = re.compile(r"\b(?:but|however|although|though|except|only that|while|instead)\b", re.IGNORECASE)


def declines(sentence: str) -> bool:
    """True for a sentence that says something is not known or not given.

    >>> declines("The passages do not mention his salary."), declines("Bats do not have feathers.")
    (True, False)
    """
    return _declines(sentence[:_LOOK])


@lru_cache(maxsize=256)  # the sentences of an answer are asked about twice: as its parts, and one by one
def _declines(sentence: str) -> bool:
    return _SIGN.search(sentence.lower()) is not None and _DECLINES.search(sentence) is not None


def is_padding(sentence: str) -> bool:
    """True for an offer of help, an apology or a hint to look elsewhere."""
    return _PADDING.search(sentence[:_LOOK]) is not None


def abstention(answer: Sequence[str]) -> Abstention:
    """Whether an answer, given as its sentences, abstains: wholly, in part, or not at all.

    Whole: some sentence declines and every other one declines too or only pads. A sentence that declines and then goes
    on ("..., but the tower is 330 m tall") is content. No sentence: `none`.
    """
    declined = [declines(s) for s in answer]
    if not any(declined):
        return "none"
    for said_no, sentence in zip(declined, answer, strict=True):
        if said_no:
            if _goes_on(sentence):
                return "partial"
        elif not is_padding(sentence) and len(sentence.split()) > 3:
            return "partial"
    return "whole"


def _goes_on(sentence: str) -> bool:
    turns = list(_AFTERTHOUGHT.finditer(sentence[:_LOOK]))
    if not turns:
        return False
    rest = sentence[turns[-1].end() : _LOOK]
    return len(rest.split()) >= 4 and not declines(rest) and not is_padding(rest)
