"""The user's question in the last message of a prompt, without the template around it.

Templates are read as people write them: a label, a tag or a title in front of the question, an instruction that ends in
it ("Answer the question based on the above context: ..."), quotes around it, the next label glued to its end.
"""

import json
import re
from collections.abc import Sequence
from typing import Any

from groundwire.cutting import QUESTION_KEYS, cut_marked, instructs
from groundwire.fields import asked_in
from groundwire.parting import RULE, elements
from groundwire.prompt import holds, words

_QUESTION = (
    r"(?:the |current |original |new |latest |follow[- ]?up )?(?:(?:user|customer)(?:'s)? )?"
    r"(?:question|query|q|input|request|prompt|message)|human|user|customer"
    r"|frage|pregunta|pergunta|domanda|(?:用户|当前)?问题|用户提问|問題|質問|질문"
)
_AFTER_QUESTION = (
    r"(?:helpful |final |your |concise |short )*(?:answer|response|reply|output)|instructions?|assistant|ai"
    r"|(?:user )?(?:question|query)|(?:\w+ ){0,2}(?:contexts?|documents?|passages?|sources?|information|facts|evidence)"
    r"|search results?"
    r"|(?:\w+ )?history|<|上下文|回答|答案|답변"
)
_LABELLED = re.compile(
    rf"(?is)(?:^|\n)[ \t]*[^\w\n<]{{0,6}}(?P<label>(?:{_QUESTION})|(?:[\w'-]+ ){{1,8}}(?:question|query))"
    rf"(?: (?:is|was|as|follows|below|to|you|must|should|need|have|work|on|answer|now)){{0,5}}"
    rf"[*_ \t]*[:：][*_\s]*(?:-{{3,}}\s*)?(?P<text>[^\n]+(?:\n(?![ \t]*\n|[^\w\n]*</"
    rf"|[ \t]*[^\w\n<]{{0,6}}(?:{_AFTER_QUESTION})[^\n:：]{{0,30}}[:：])[^\n]*)*)"
)
_FOR_THE_QUESTION = re.compile(r"(?i)\b(?:contexts?|documents?|passages?|sources?|information)\b(?!.*\banswer)")
"""A label of the passages that speaks of the question."""
_ROLE = re.compile(r"(?i)human|user|customer")
_TITLED = re.compile(
    rf"(?i)(?:^|\n)[ \t]*(?:#+[ \t]*(?:{_QUESTION})|\[\[ *(?:{_QUESTION}) *\]\]|(?:user(?:'s)? )?(?:question|query))"
    r"[ \t]*\n\s*([^\n#]+)"
)
_TAG = re.compile(r"(?i)<((?:user_?)?(?:question|query|input|request)|q)\b[^<>]*>")
_INLINE = re.compile(
    r"(?i)\b(?:question|query|answer|prompt|request|asked)(?: [^\n:?.]{1,60})?[ \t]*:\s*([^\n]+\?[\"'`”»]?)"
    r"|\b(?:question|query) (?:is )?(?-i:(?=[A-Z¿¡]))([^\n? ]+ [^\n? ]+ [^\n?]+\?)"
)
_QUOTED = re.compile(
    r"(?i)\b(?:question|query|frage|pregunta|pergunta|domanda)[ \t:]*"
    r"(?:[\"“«„]([^\"”»“\n]+)[\"”»“]|'([^\n]+?)'(?!\w)|`([^`\n]+)`)"
)
_LAST = re.compile(r"(?i)\b(?:question|query|prompt|request|asked)(?: [^\n:?.]{1,60})?:\s*(\w[^\n]+)")
"""An instruction that ends in what is asked, question mark or none."""
_NEXT_LABEL = re.compile(
    r"(?i)[.;]?(?: (?:with|using|from|here|is|are|the|this|these|following|relevant|retrieved))* ?"
    r"(?:contexts?|documents?|passages?|sources?|information|answer|response):\Z"
)
_FIRST = re.compile(
    r"(?i)\A([^\n:]+)\n\s*(?:[\w'-]+ ){0,3}(?:contexts?|documents?|sources?|passages?|search results?):\s*(?:\n|\Z)"
)
"""What is asked, and behind it a heading of passages."""
_IN_QUOTES = re.compile(r"""\A([\"'`“«„])(.{3,}?)[\"'`”»“](?!\w)(\W*\Z)?""")
_LEAD = re.compile(
    r"(?i)\A(?:based|relying|using|given|from|according)\b(?: [\w']+){0,6} (?:above|below|provided|given"
    r"|(?:context|document|passage|source|excerpt|result|information)s?)(?: (?:above|below|only))?, (?=\w)"
)
"""Where the answer is to come from, in front of a question."""
_ENDED = re.compile(r"(.*?\?)(?:[\"'`”»]?[^\w\n(]*|[^\n?]{0,80}[:：]\W*)\Z")
"""A question behind which nothing stands but signs, or the next label."""
_BEFORE_A_PASSAGE = re.compile(r"[\s\[({\"']*(?:\d{1,3}[\])}.:])?\s*")
"""A line of which a passage was the rest: what opens a list, or its number."""
_EMPTY = re.compile(r"<(\w+)\b[^<>]*>\s*</\1>")
_A_TAG = re.compile(r"\s*</?\w+\b[^<>]*>\s*")
_FEW = 4
"""Words of a query that is more than what a question is about."""
_MANY = 200
"""Passages that are taken out of a message that lists more of them, at most: what is left holds the question."""
_BLANK_LINE = re.compile(r"\n[ \t]*\n")
_SAYING = re.compile(r"[^\W\d]{2}")
_THE_QUESTION = re.compile(r"(?i)\b(?:my|the|this) (?:question|query)\b")
_ANSWERED = re.compile(r"(?i)[^\w\n]*\n[^\w\n]*(?:a(?:nswer)?|assistant|ai|bot)[^\w\n]*:[ \t]*\w")


def question_among(messages: Sequence[str], queries: Sequence[str], passages: Sequence[str]) -> str | None:
    """The user's question in the last messages of a prompt, which nobody answered in between; None where there is none.

    Who puts passages, or what to do with them, into a message of their own may put that behind the question.

    Args:
        messages: texts of these messages, one at least.
        queries: as in `question_in`.
        passages: likewise.
    """
    for message in reversed(messages if len(messages) > 1 else ()):
        if not _asks_nothing(message, passages):
            return question_in(message, queries, passages)
    return question_in(messages[-1], queries, passages)


def marked_question(message: str, passages: Sequence[str]) -> str | None:
    """The question that a message marks as such, by a tag or a label; None where it marks none."""
    bare = _without(message, passages)
    return _tagged(bare) or _labelled(bare)


def question_in(message: str, queries: Sequence[str], passages: Sequence[str]) -> str | None:
    """The user's question; None where the message is empty.

    Args:
        message: text of the last user message.
        queries: texts that were retrieved with, latest first. A query may be a rewrite, so the message goes first.
        passages: texts known to be in the message.
    """
    asked_for = _member(message)
    if asked_for is not None:
        return asked_for
    bare = _without(message, passages)  # a passage may hold questions of its own
    if (tagged := _tagged(bare)) is not None:
        return tagged
    labelled = _labelled(bare)
    inside = next((q for q in queries if holds(message, q) or (len(words(q)) > 2 and words(q) in words(message))), None)
    if labelled is not None:
        if inside is None:
            return labelled
        # A question of several paragraphs was searched for as a whole; one that has its answer was asked before.
        whole = words(inside).startswith(words(labelled))
        return inside if whole or (_answered(labelled, bare) and labelled in bare.rpartition(inside)[0]) else labelled
    key = words(message)
    shown = any(words(p) in key for p in passages)
    cuts = [] if shown else [cut.text for cut in cut_marked(message)[:_MANY]]
    if not cuts and not shown:
        if inside is not None and message.replace(inside, "").count("?") == 0 and len(inside.split()) >= 3:
            return inside
        return (_without_instructions(message) if len(message) <= 8000 else None) or inside
    # The last of what looks like passages may be the question.
    found = _unlabelled(_without(bare, cuts), (), bool(passages)) or _unlabelled(bare, queries, bool(passages))
    if inside is None:
        return found
    # A few words that were searched for may stand in the question, or in a passage.
    searched = words(inside)
    inner = searched not in words(bare) or (found is not None and searched in words(found))
    return found if inner and len(searched.split()) < _FEW else inside


def _without(message: str, passages: Sequence[str]) -> str:
    for passage in passages:
        message = message.replace(passage.strip(), "\n\n")
    if not passages:
        return message
    while "\n\n\n" in message:  # each line costs every pattern a look
        message = message.replace("\n\n\n", "\n\n")
    return _EMPTY.sub("\n\n", message) if "</" in message else message


def _asks_nothing(message: str, passages: Sequence[str]) -> bool:
    """Whether a message holds passages and no more, or says what to do with the question that stands elsewhere."""
    bare = _without(
        message, [p for p in passages if p.strip() in message] or [c.text for c in cut_marked(message)[:_MANY]]
    )
    if bare == message:
        return instructs(message) and _THE_QUESTION.search(message) is not None
    rest = [p for piece in _BLANK_LINE.split(bare) if _SAYING.search(p := piece.strip())]
    return all(p.endswith(":") or instructs(p) for p in rest)


def _without_instructions(message: str) -> str:
    """A question without the paragraphs after it that tell how to answer."""
    first, *rest = _BLANK_LINE.split(message.strip())
    alone = first.rstrip().endswith("?") and all(instructs(p.strip()) for p in rest)
    return (first if alone else message).strip()


def _unlabelled(bare: str, queries: Sequence[str], known: bool) -> str | None:
    """The question in a template that does not label it.

    Args:
        bare: the message without its passages.
        queries: as in `question_in`.
        known: whether there were any passages in it.
    """
    bare = bare.strip()
    inline = _INLINE.findall(bare) or _QUOTED.findall(bare)
    inline = inline or [(last,) for last in _LAST.findall(bare) if not instructs(last)]
    if inline:
        return _own(next(group for group in inline[-1] if group))
    rest = [p for piece in _BLANK_LINE.split(bare) if (p := _trimmed(piece)) and not p.endswith(":")]
    asked = [line for p in reversed(rest) if (line := _trimmed(p.splitlines()[-1])).endswith("?")]
    said = [p for p in rest if _SAYING.search(p) and not _A_TAG.fullmatch(p)]
    asking = [p for p in said if not instructs(p)]
    alone = asking if len(asking) == 1 and known else []
    first = [m[1].strip() for m in [_FIRST.match(bare)] if m is not None and not instructs(m[1])]
    if first and first[0].endswith("?"):
        return first[0]  # what follows is the passages, which may ask as well
    return next(iter([*asked[:1], *alone, *first, *queries[:1], *(asking or said)[-1:]]), None)


def _member(message: str) -> str | None:
    """The question in a message that is a JSON object."""
    if message.lstrip().startswith("[[ ## "):
        return asked_in(message)
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


def _tagged(message: str) -> str | None:
    """What stands in the last tag such as `<question>`."""
    tagged = [text for _, body in elements(message, _TAG) if (text := body.strip())]
    return tagged[-1] if tagged else None


def _labelled(message: str) -> str | None:
    """What stands behind the last label such as `Question:`; turns of a conversation that were answered are none."""
    found = [
        text
        for m in _LABELLED.finditer(message)
        if not _FOR_THE_QUESTION.search(m["label"])
        and (text := _own(m["text"].strip("*")))
        and not (_ROLE.fullmatch(m["label"]) and _is_turn(text, message))
    ]
    found = found or [_trimmed(m.group(1)) for m in _TITLED.finditer(message)]
    return found[-1] if found and 0 < len(found[-1]) <= 4000 else None


def _is_turn(text: str, message: str) -> bool:
    """Whether what a user said is an earlier turn, or the template that holds the question."""
    return _answered(text, message) or (instructs(text) and not text.endswith("?"))


def _trimmed(text: str) -> str:
    """A question without quotes around it and without what follows it on its line: a sign, the next label."""
    text = _LEAD.sub("", text.strip())
    quoted = _IN_QUOTES.match(text)
    if quoted is not None and (quoted[3] is not None or quoted[2].endswith("?")):
        return quoted[2].strip()
    first, _, _ = text.partition("\n")
    ended = _ENDED.match(first.rstrip())
    if ended is None:
        return text
    closed = text[ended.end(1) : ended.end(1) + 1]
    return (ended[1] + (closed if closed in "\"'" and ended[1].count(closed) % 2 else "")).strip()


def _own(text: str) -> str:
    """What stands behind a label, without what else the template says in the lines after it."""
    first, *more = _trimmed(text).splitlines() or [""]
    lines = [_NEXT_LABEL.sub("", first) if (first := first.rstrip()).endswith(":") else first]
    for line in more:
        if (said := line.strip()).endswith(":") or instructs(said) or RULE.match(said):
            break
        lines.append(line)
    while len(lines) > 1 and _BEFORE_A_PASSAGE.fullmatch(lines[-1]):
        lines.pop()
    return "\n".join(lines).strip()
