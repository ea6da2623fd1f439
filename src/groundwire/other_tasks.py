"""What a model is asked about passages that is no answer: is this relevant, is that supported, how else to search.

Workflows grade what they found, check what they said, and word a question anew (corrective RAG, self-RAG, several
hops). Such a call has passages in its prompt as an answer has, and nothing on its span says what it is for. It is told
by two things that must both hold: what it was asked for, and that what came back is nothing but that. So a "Yes" to a
user's question stays an answer, and so does a text that was asked for along with a grade. Prompts are read in English.
Where what came back has names, they may say it all: `relevant`, `search_query`.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Literal

from groundwire.prompt import words

_REMARKS = re.compile(
    r"(?i)^(?:reason(?:ing|s)?|explanations?|justification|rationale|comments?|feedback|thoughts?|analysis"
    r"|statements?|claims?|evidence|quotes?|(?:document|doc|passage|chunk|source)(?:_?(?:id|name|number))?|id|gaps|issues"
    r"|missing\w*|discussion|\w+_(?:claims|ideas))$"
)
"""Members of a JSON object that say why, or of what."""
_VERDICT = re.compile(
    r"(?i)(?:scores?|grades?|verdict|relevan\w*|ground\w*|support\w*|rating|sufficien\w*|enough|useful\w*|faithful\w*"
    r"|hallucinat\w*|correct\w*|complete\w*|concise\w*|coheren\w*|accura\w*|factual|attributed|valid|confidence|decision"
    r"|judge?ment|ind(?:ex|ices))$|^(?:scores?|grade|relevan|ground|support)"
)
_SAYS_ENOUGH = re.compile(r"(?i)relevan|grounded|sufficien|faithful|hallucinat|binary_score|supported|^indices$")
"""Those of them that are no answer to whatever question."""
_VERDICTS = re.compile(
    r"(?i)(?:yes|no|not|true|false|partially|partly|highly|fully|somewhat|(?:ir)?relevant|(?:un)?(?:grounded|supported"
    r"|faithful|related)|(?:in)?(?:sufficient|correct)|enough|support|use(?:ful|less)|helpful|ambiguous|pass(?:ed)?|fail(?:ed)?"
    r"|good|bad|high|medium|low|idk|factual|hallucinated|contradict(?:s|ed|ory)|\d{1,3}(?:\.\d+)?(?:/\d+)?)"
)
_SAYS = re.compile(r"(?i)(?:response|answer|output|result)$")
"""Names that tell no more than that this is what was said."""
_JUDGES_ALONE = re.compile(r"(?i)(?:ir)?relevant|(?:in)?sufficient")
_NUMBERS = re.compile(r"(?i)\b(?:scor|rat(?:e|ing)|scale|grad|numbers?|ids?|ind(?:ex|ices))")
"""Without one of these in a prompt, a number is no grade."""
_FENCE = re.compile(r"\A```\w*\s*(.*?)\s*```\Z", re.DOTALL)
_CONCLUSION = re.compile(
    r"(?i)\n[^\w\n]*(?:(?:total|final|overall|relevance) )?(?:result|score|verdict|grade|rating|decision|judge?ment"
    r"|relevan\w+)[^\w\n]*[:\]][^\w\n]*([^\n]+)\Z"
)
"""The last line of who thinks aloud first."""
_RATED = re.compile(r"(\d{1,3}(?:\.\d+)?)\s*\n")
"""The first line of who gives reasons afterwards."""
_LONGEST_VERDICT = 40
_LONGEST_QUERY = 400
_CONCLUDES = 200
"""Characters at the end in which a conclusion stands."""
_DIGIT = re.compile(r"\d")
_QUALITIES = (
    r"relevan\w*|relat(?:ed|es)|ground\w*|support\w*|sufficien\w*|enough|faithful\w*|hallucinat\w*|useful|helpful"
    r"|in line with|address(?:es)?|resolves?|attribut\w*|contradict\w*|factual|(?:in)?correct(?:ly)?"
    r"|(?:deduced|derived|inferred) from"
)
_JUDGES = re.compile(
    r"(?i)\b(?:graders?|grading|classifiers?|binary score|grade (?:it|the|this|each|as))\b"
    r"|\b(?:assess|judg|evaluat|decid|determin|tell|check|verif|rat|scor|classif|estimat|indicat)(?:e|es|ing|y|ies)? "
    r"(?:(?:[\w'’-]+ ){0,4}(?:relevanc[ey]|faithfulness|groundedness|usefulness|helpfulness|sufficiency)\b"
    rf"|(?:[\w-]+ ){{0,2}}(?:if|whether|how) [^.\n]{{0,120}}\b(?:{_QUALITIES})\b)"
    rf"|\b(?:yes|true)\b\W{{0,2}} if [^.\n]{{0,60}}\b(?:{_QUALITIES})\b"
    r"|\bhow (?:well|relevant|useful|helpful)\b[^.?\n]{0,60}"
    r"\b(?:document|passage|context|chunk|excerpt|snippet|text|source|answer)s?\b"
    r"|\b(?:give|output|provide|assign|return) (?:a|one) (?:[\w'-]+ ){0,2}(?:score|rating)\b"
    r"|\b(?:is|are|does|do|which|whether)\b (?:(?:of|the|this|these|those|each|any|an?|given|retrieved|provided"
    r"|following) ){0,3}(?:document|passage|context|chunk|excerpt|snippet|text"
    rf"|source|answer|response|generation|information)s?\b[^.?\n]{{0,60}}\b(?:{_QUALITIES})\b"
)
_SELECTS = re.compile(
    r"(?i)\b(?:re-?rank|rank|order|select|choose|pick) (?:[\w'-]+ ){0,8}"
    r"(?:documents|passages|chunks|excerpts|snippets)\b"
)
"""Prompts to which numbers in brackets are the best passages."""
_ROUTES = re.compile(
    r"(?i)\b(?:rout(?:e|ing)|classify(?:ing)?) (?:(?:an?|the|this|each|every|user|user's|customer|incoming|given) )*"
    r"(?:questions?|quer(?:y|ies)|requests?|inquir(?:y|ies))\b"
)
_ROUTE = re.compile(r"\w[\w-]{1,40}")
"""A name that a program goes by."""
_ANSWERS_TOO = re.compile(
    r"(?im)\bbefore (?:you )?(?:answer|respond|reply)(?:ing)?\b|\bthen,? answer\b(?! \W?(?:yes|no|true|false)\b)"
    r"|(?<!to )\b(?:give|write|provide) (?:a|the|your) (?:[\w-]+ )?answer\b|\bgiving an answer\b"
    r"|(?:^[^\w\n]{0,6}|[.!:;] |\b(?:and|please|if so),? )answer (?:it|the|this|my|from|using|based|in|briefly"
    r"|only(?! (?:with )?\W?(?:yes|no|true|false|relevant)\b))\b"
    r"|\buse\b[^.\n]{0,80}\bto answer\b(?! \W?(?:yes|no|true|false)\b)"
)
"""Prompts that ask for an answer as well."""
_QUERY = re.compile(
    r"(?i)^(?:(?:new|improved|better|standalone|rewritten|rephrased|optimi[sz]ed|search|sub|web|next|follow[_ ]?up"
    r"|generated|possible|related|hypothetical)"
    r"[_ ]?)*(?:quer(?:y|ies)|questions?)(?:[_ ]?(?:\d+|list))?$"
)
_WORDS_QUERY = re.compile(
    r"(?i)\b(?:re-?write|(?<!user to )re-?phrase|re-?formulate|re-?word|improve|transform|formulate|generate|suggest"
    r"|propose|write|produce|come up with|(?:return|output) (?:an?|one|the)(?= (?:[\w-]+ ){0,2}(?:question|query)))\b"
    r"(?:(?!\b(?:answers?|respon[sd]\w*|reply|summary) )[^.\n]){0,80}\b(?:questions?|quer(?:y|ies))\b"
)
_QUERY_LABEL = re.compile(r"(?i)(?:^|\n)[^\w\n]*(?:\w+[ -]){0,3}(?:question|query|queries)[^\w\n]*:\W*\Z")
_REWORDS = re.compile(
    r"(?i)\b(?:re-?write|re-?phrase|re-?formulate|enhance|expand) (?:[\w-]+ ){0,3}(?:question|query)\b[^:\n]{0,80}"
    r": *[^\n]+\Z"
)
"""An instruction to word anew what stands behind it."""


_PREPARES = re.compile(
    r"(?i)\bsituat(?:e|es|ing) (?:this|the|each) (?:[\w-]+ ){0,2}(?:chunk|passage|excerpt|section|text)\b"
)
_ENDS = 600
"""Characters at the end of a prompt in which it says what it is for."""
_TAKES_OUT = re.compile(
    r"(?i)\b(?:extract|return|copy|quote) (?:[\w*'’-]+ ){0,10}(?:relevant|verbatim)\b"
    r"|\bextract (?:[\w*'’-]+ ){0,6}(?:sentences|segments|passages|parts?|snippets|spans|quotes)\b"
)
_TAKING = ("xtract", "XTRACT", "elevant", "ELEVANT", "erbatim", "ERBATIM")
"""Of the words in this, what is so whether they begin a sentence or not."""
_GIST = re.compile(
    r"(?i)\b(?:extract|list|identify) (?:the |all )?(?:key|main|most important) (?:[\w-]+ ){0,3}(?:\([^)\n]*\) )?from "
    r"(?:the |this )?(?:following |given )?(?:document|text|passage|chunk)\b"
)
"""Where nobody asks anything."""
_TAKEN = re.compile(r"(?i)relevant[_ ]?(?:statements|sentences|parts|passages|excerpts|quotes|snippets|segments)$")
_NOTHING = re.compile(
    r"(?i)\W*(?:no[_ ]output|none|nothing|n/?a)\W*"
    r"|[^.\n]{0,60}\bno(?:t|ne|thing)?\b[^.\n]{0,60}\brelevant\b[^.\n]{0,80}\W*"
)
_BEGINNING = 48
"""Characters of an answer that tell whether it may stand in a passage."""
_MENTION = 7
"""Words of a name or a number, at most."""
_NUMBERED = re.compile(r"\A\s*\d{1,3}[.)]\s")


def prepares(prompt: str, instructions: Callable[[], str]) -> bool:
    """Whether a prompt asks where in its document a chunk belongs, for an index to hold that as well.

    Args:
        prompt: its last message.
        instructions: as for `other_task`; asked for only where the message may be such a prompt.
    """
    end = prompt[-_ENDS:]
    return "situat" in end.casefold() and bool(_PREPARES.search(end) and _PREPARES.search(instructions()))


def is_taken_out(
    answer: str, passages: Sequence[str], prompt: Sequence[str], asks: bool, instructions: Callable[[], str]
) -> bool:
    """Whether a call took out of passages, word for word, what bears on a question, as it was asked to; or its gist.

    Args:
        answer: what it said.
        passages: those in its prompt.
        prompt: texts of its prompt.
        asks: whether its prompt certainly holds a question.
        instructions: as for `other_task`.
    """
    if not asks and _GIST.search(instructions()):
        return True
    if not any(sign in text for text in prompt for sign in _TAKING):  # so it is with most
        return False
    says_nothing = len(answer) <= _LONGEST_QUERY and _NOTHING.fullmatch(answer) is not None
    if not says_nothing and not _stands_in(answer, passages):
        return False
    asked = instructions()
    return _TAKES_OUT.search(asked) is not None and _ANSWERS_TOO.search(asked) is None


def _stands_in(answer: str, passages: Sequence[str]) -> bool:
    """Whether all its lines stand in passages, and are more than a name or a number, as answers a question."""
    held = [words(text) for text in passages]
    lines = [line for line in answer.splitlines() if line.strip()]
    begins = words(_NUMBERED.sub("", lines[0][:_BEGINNING]).rpartition(" ")[0]) if lines else ""
    if not any(begins in text for text in held) or len(answer.split()) <= _MENTION:  # so it is with nearly all
        return False
    return all(any(words(_NUMBERED.sub("", line)) in text for text in held) for line in lines)


def is_prose(answer: str) -> bool:
    """Whether an answer is too long for a grade or a query, and ends in none: as nearly all are."""
    text = answer.strip()
    if len(text) <= _LONGEST_QUERY or text[0] in "{[`" or text[-1] == "?":
        return False
    _, line, last = text[-_CONCLUDES:].rpartition("\n")
    return not line or (":" not in last and "]" not in last)


def other_task(
    instructions: Callable[[], str], end: str, output: str, fields: Mapping[str, str], answer: str
) -> Literal["judgement", "query", "route", "passages"] | None:
    """What a call did instead of answering; None where nothing certain says so.

    Args:
        instructions: gives its prompt, without the passages and the user's question, which may speak of anything; asked
            for only where what it said may be something else.
        end: how its prompt ends.
        output: what it said.
        fields: the same by name, where it was said in DSPy's fields; else empty.
        answer: what is taken for the answer in it.
    """
    text = output.strip()
    text = fenced[1] if (fenced := _FENCE.match(text)) else text
    names: list[str] = []
    if fields or text[:1] in ("{", "["):
        try:
            leaves = list(fields.items() or _leaves(json.loads(text)))
        except (ValueError, RecursionError):
            leaves = [("", text)] if text[:1] == "[" else []  # `[2] > [1]`
        said = [("" if _SAYS.match(key) else key, value) for key, value in leaves if not _REMARKS.match(key)]
        if said and all(_QUERY.match(key) for key, _ in said):
            return "query"
        if said and all(_TAKEN.match(key) for key, _ in said):
            return "passages"
        judged = bool(said) and all((not key or _VERDICT.search(key)) and _is_verdict(v) for key, v in said)
        # What is said under a name may say it all as well: {"verdict": "insufficient"}.
        names = [key for key, _ in said if key] + [v for key, v in said if key and _JUDGES_ALONE.match(str(v))]
    elif text.endswith("?") or (len(text) <= _LONGEST_QUERY and "\n" not in text and _asks_for_a_query(end)):
        asks = "\n" not in text or all(line.rstrip().endswith("?") for line in text.splitlines() if line.strip())
        return "query" if asks and (_REWORDS.search(end) or _WORDS_QUERY.search(instructions())) else None
    else:
        concluded = _CONCLUSION.search(text[-_CONCLUDES:]) or _RATED.match(text) if "\n" in text else None
        judged = _is_verdict(concluded[1] if concluded else text)
    if _ROUTE.fullmatch(answer) and _ROUTES.search(instructions()) and not _ANSWERS_TOO.search(instructions()):
        return "route"
    if judged and not names and text[:1] != "[" and _DIGIT.search(text) and not _NUMBERS.search(instructions()):
        return None
    if judged and (any(map(_SAYS_ENOUGH.search, names)) or _asks_to_judge(instructions(), text)):
        return "judgement"
    return None


def _asks_for_a_query(end: str) -> bool:
    return _QUERY_LABEL.search(end) is not None or _REWORDS.search(end) is not None


def _asks_to_judge(instructions: str, said: str) -> bool:
    judges = _JUDGES.search(instructions) or (said[:1] in ("[", "{") and _SELECTS.search(instructions))
    return bool(judges) and _ANSWERS_TOO.search(instructions) is None


def _leaves(value: Any, key: str = "") -> Iterator[tuple[str, Any]]:
    """What stands in a JSON document, each with the name of the member that it stands in."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _leaves(inner, name)
    elif isinstance(value, list):
        for inner in value:
            yield from _leaves(inner, key)
    else:
        yield key, value


def _is_verdict(value: Any) -> bool:
    if not isinstance(value, str):
        return isinstance(value, bool | int | float)
    if len(value) > _LONGEST_VERDICT:
        return False
    words = [word.strip("./") for word in re.findall(r"[\w./]+", value)]
    return bool(words) and all(_VERDICTS.fullmatch(word) for word in words)
