"""Passages cut out of a prompt, for traces in which no span lists them.

A prompt is read line by line. A heading such as `Context:`, a tag such as `<documents>` or a marker such as
`Document 1:` opens the passages; a heading such as `Question:` or an instruction closes them; markers, rules, bullets
or blank lines part them. Linear in the length of the prompt.
"""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from groundwire.parting import ITEM_NOUN, MARKER, NAMED, RULE, WORD, Cut, elements, has_text, parted, rows

_CONTEXT = (
    r"contexts?|documents?|docs?|passages?|sources?|excerpts?|extracts?|snippets?|chunks?|references?"
    r"|(?<!prior )knowledge(?: base)?"
    r"|(?:search |retrieval )?results?|background|evidence|articles?(?: section)?|facts|notes|information|materials?"
    r"|(?:structured |retrieved )?data|(?:retrieved|relevant) (?:content|texts?)"
    r"|kontext|contexte|contexto|contesto|dokumente|documentos|documenti|quellen|fuentes|fontes|fonti|auszüge|extraits"
    r"|上下文|(?:参考|背景)(?:资料|知识|信息)?|已知(?:信息|内容)|文档|文檔|資料|参考情報|コンテキスト|문맥|문서"
)
_STRONG = (
    r"contexts?|documents?|passages?|sources?|excerpts?|search results?"
    r"|kontext|contexte|contexto|contesto|dokumente|documentos|documenti|quellen|fuentes|fontes|fonti"
    r"|上下文|(?:参考|背景)(?:资料|知识|信息)?|已知(?:信息|内容)|文档|文檔|資料|参考情報|コンテキスト|문맥|문서"
)
_END = (
    r"(?:(?:now |here(?:'s| is) |the |my |current |original |standalone |new |latest ){0,4}"
    r"(?:(?:user|customer)(?:'s)? )?(?:question|query|q|input|request|prompt|message)|human|user|customer"
    r"|(?:helpful |final |your |concise |short |now |generated |summary )*(?:answer|response|reply|output)"
    r"|instructions?|tasks?|assistant|ai"
    r"|frage|antwort|réponse|pregunta|respuesta|pergunta|resposta|domanda|risposta"
    r"|(?:用户|当前)?问题|用户提问|問題|質問|질문|回答|答案|답변"
    r"|chat history|(?:previous )?conversation(?: history)?|history|rules|guidelines|requirements|format)"
)
_DECOR = r"[^\w\n<\[({]{0,6}"

_HEADING = re.compile(rf"(?i)^{_DECOR}(?:[\w'/-]+ ){{0,8}}(?:{_CONTEXT})\b[^:：<]{{0,60}}[:：][*_ \t]*")
_STRONG_HEADING = re.compile(rf"(?i)^{_DECOR}(?:[\w'/-]+ ){{0,8}}(?:{_STRONG})\b[^:：<]{{0,60}}[:：][*_ \t]*")
_ANNOUNCED = re.compile(rf"(?i)^{_DECOR}(?:[\w'/-]+ ){{0,6}}(?:{_CONTEXT})\b.{{0,40}}\b(?:below|follow(?:s|ing)?)\W*$")
_STRONG_ANNOUNCED = re.compile(
    rf"(?i)^{_DECOR}(?:[\w'/-]+ ){{0,6}}(?:{_STRONG})\b.{{0,40}}\b(?:below|follow(?:s|ing)?)\W*$"
)
_TRAILING = re.compile(
    rf"(?i)(?:[.!?] ?|[\"'»”] )(?:[\w'-]+ ){{0,5}}(?:{_CONTEXT}):[ \t]*|\b(?:{_STRONG})[ \t]*:[ \t]*$"
)
_SAYS = re.compile(
    r"(?i)^\W*(?:when(?:ever)?|if|unless)\b|^[\"'][^\"']*[\"']|\b(?:say|reply|respond|write|output|state|answer with)"
    r"(?: (?:with|exactly|only|just|this|that|so|the following|as follows)){0,3}\W*$"
)
"""An instruction: on a condition, or on the words in which nothing is to be said; or JSON that shows a form."""
_ASKED_OF = re.compile(
    rf"(?i)\b(?:following|provided|given|retrieved|these)\b[\w ,'-]{{0,40}}\b(?:{_STRONG})\b[^\n]*"
    r"\b(?:question|query|answer)"
)
_FOLLOWING = re.compile(rf"(?i)\bfollowing [\w ,'-]{{0,40}}\b(?:{_STRONG})\b")
_KEY = re.compile(rf"(?i)^(?:retrieved[ _-])?(?:{_CONTEXT.replace(' ', '[ _-]')})$")
_JSON_LIST = re.compile(r"(?m)^[ \t]*(\[\s*\{)")
QUESTION_KEYS = ("question", "query", "user_question", "user_query", "input")
"""Members of a JSON object under which a question stands."""
_FIELD = re.compile(r"^\[\[ ## (\w+) ## \]\]$", re.MULTILINE)
_TITLE = re.compile(rf"(?i)^(?:#+|\*\*)[ \t]*(?:[\w'-]+ ){{0,3}}(?:{_CONTEXT})[ \t]*\**[ \t]*$")
_END_HEADING = re.compile(
    rf"(?i)^(?:{_DECOR}{_END}\b[^:：.?]{{0,30}}[:：]|(?:#+|\*\*)[ \t]*(?:[\w'-]+ ){{0,2}}{_END}\b[^:]{{0,20}}$"
    rf"|</(?!(?:{ITEM_NOUN}|item|(?:\w+_)?(?:content|text)|title|body)\b)"
    r"|(?:user(?:'s)? )?(?:question|query)[ \t]*$)"
)
_INSTRUCTION = re.compile(
    r"(?i)^\W*(?:(?:note|important|reminder)\W+)?(?:given|in case|answer|using|use|based on|please|if (?:you|the)"
    r"|do not|don't|respond|reply|remember|now|only"
    r"|you (?:are|must|should|will)|your task|write|cite|provide|be (?:concise|brief)|think|let's|note that you)\b"
)
_ASKING = re.compile(r"(?i)\b(?:question|query)[^\n.:]{0,30}:[ \t]*$")
_FENCE = re.compile(r"[ \t]*(?:`{3,}\w*|\"{3})[ \t]*$")
"""A rule that opens as well as closes."""
_LABEL = 12
"""Words of a label such as `Relevance score (0-10):`, at most."""
_LAST_INSTRUCTION = re.compile(r"(?i)^\W*(?:give|summari[sz]e|explain)\b")
_QUESTION_LABEL = re.compile(rf"(?i)^{_DECOR}(?:the |user(?:'s)? )?(?:question|query|human|user|input)[*_ \t]*:")
_TAG = re.compile(rf"(?i)<((?:retrieved[_ -])?(?:{_CONTEXT.replace(' ', '[ _-]')})(?:_[a-z]+)?)\b[^<>]*>")
_BRACKETED = re.compile(r"(?m)^[ \t]*\[\d{1,3}\]")


def cut_marked(text: str, *, strong: bool = False) -> list[Cut]:
    """Passages that the text marks as such: in tags, under a heading, or behind markers.

    Args:
        text: one message of a prompt.
        strong: take only headings that can mean nothing else.
    """
    tagged = elements(text, _TAG)
    if tagged:
        return [cut for attributes, body in tagged for cut in parted(body, attributes)]
    if text.lstrip()[:1] == "{" and (cuts := _members(text)):
        return cuts
    text = _FIELD.sub(r"## \1", text)
    cuts = []
    lines = text.splitlines()
    for block in _Blocks(strong, numbered=len(_BRACKETED.findall(text)) > 1).read(lines):
        cuts += parted("\n".join(block))
    return cuts or _between(lines) or _json_rows(text)


def _members(text: str) -> list[Cut]:
    """Passages in the members of a JSON object that are called so, where another one is a question."""
    try:
        value: Any = json.loads(text)
    except (ValueError, RecursionError):
        return []
    cuts: list[Cut] = []
    if not isinstance(value, dict) or not any(isinstance(value.get(key), str) for key in QUESTION_KEYS):
        return []
    for key, member in value.items():
        if _KEY.match(key):
            cuts += parted(member) if isinstance(member, str) else rows(member)
    return cuts


def _json_rows(text: str) -> list[Cut]:
    """Passages in a JSON list of objects with a text each, wherever a line begins with one; messages are none."""
    for start in islice(_JSON_LIST.finditer(text), 8):
        try:
            value, _ = json.JSONDecoder().raw_decode(text, start.start(1))
        except (ValueError, RecursionError):
            continue
        if all(isinstance(row, dict) and "role" not in row and has_text(row) for row in value):
            return rows(value)
    return []


def _between(lines: Sequence[str]) -> list[Cut]:
    """Paragraphs between an instruction to answer from what follows and a label such as `Question:`.

    Without a label they reach to the end, as in system instructions: there `following` says that passages follow.
    """
    start = next((n for n, line in enumerate(lines) if _ASKED_OF.search(line[:2000])), None)
    if start is None:
        return []
    end = next((n for n, line in enumerate(lines) if n > start and _QUESTION_LABEL.match(line[:2000].lstrip())), None)
    if end is None and _FOLLOWING.search(lines[start][:2000]) is None:
        return []
    between = list(lines[start + 1 : end])
    while between and (line := between[0].strip()) and (instructs(line) or line[0].islower()):
        del between[0]  # what else is asked of the answer
    parted_off = bool(between) and (not between[0].strip() or "at the end" in lines[start])
    return cut_unmarked("\n".join(between)) if parted_off else []


def cut_unmarked(text: str) -> list[Cut]:
    """Paragraphs that are neither a question nor an instruction: the guess of last resort."""
    return [
        cut
        for paragraph in re.split(r"\n[ \t]*\n", text)
        if len(WORD.findall(paragraph)) >= 6 and not paragraph.rstrip().endswith("?") and not instructs(paragraph)
        for cut in parted(paragraph)
    ]


@dataclass(slots=True)
class _Blocks:
    """Reads lines and keeps those that belong to passages, block by block."""

    strong: bool
    numbered: bool
    """Whether lines such as `[1] ...` stand for passages even without a heading."""
    blocks: list[list[str]] = field(default_factory=list[list[str]])
    inside: bool = False
    fenced: bool = False
    between_fences: bool = False
    """Whether a fence was closed and nothing has come after it."""

    def read(self, lines: Sequence[str]) -> list[list[str]]:
        last = max((n for n, line in enumerate(lines) if line.strip()), default=-1)
        after_blank = True
        for number, raw in enumerate(lines):
            raw = raw.lstrip()  # templates are indented with the code around them
            line = raw[:2000]  # patterns need no more of a line to tell what it is
            if not line.strip():
                after_blank = True
                self._keep(raw)
                continue
            fences, self.between_fences = self.between_fences, False
            if self.inside and self._closes(line, after_blank, number == last):
                self.between_fences = self.fenced
                self.inside = self.fenced = False
            elif fences and _FENCE.match(line):
                self._open("")
                self.fenced = True
            elif not self._opens(line, raw):
                self._keep(raw)
            after_blank = RULE.match(line) is not None
        return self.blocks

    def _keep(self, line: str) -> None:
        if self.inside:
            self.blocks[-1].append(line)

    def _opens(self, line: str, raw: str) -> bool:
        """Whether the line is a heading, which is no passage itself; what follows its colon is."""
        if RULE.match(line) and self.inside and not any(kept.strip() for kept in self.blocks[-1]):
            self.fenced = True
            return True
        if MARKER.match(line) is not None:
            if not self.inside and (NAMED.match(line) or (self.numbered and _BRACKETED.match(line))):
                self._open(raw)
                return True
            if self.inside:
                return False
        heading = (_STRONG_HEADING if self.strong else _HEADING).match(line)
        if heading is not None and not self._is_prose(heading.group()):
            self._open(raw[heading.end() :])
            return True
        announced = not line[0].islower() and (_STRONG_ANNOUNCED if self.strong else _ANNOUNCED).match(line)
        if not self.inside and (_TITLE.match(line) or announced):
            self._open("")
            return True
        trailing = None if self.inside or self.strong or _SAYS.search(line) else _TRAILING.search(line)
        if trailing is not None:
            self._open(raw[trailing.end() :])
        return trailing is not None

    def _is_prose(self, heading: str) -> bool:
        """Inside passages only a short heading counts: their own prose has colons too."""
        return len(WORD.findall(heading)) > 3 if self.inside else _SAYS.search(heading) is not None

    def _open(self, rest: str) -> None:
        self.inside = True
        self.fenced = False
        self.blocks.append([rest] if rest.strip() else [])

    def _closes(self, line: str, after_blank: bool, last: bool) -> bool:
        if self.fenced:
            return RULE.match(line) is not None
        if _END_HEADING.match(line):
            return True
        length = len(WORD.findall(line)) if last else 0
        if last and line.rstrip().endswith(":") and length <= _LABEL:
            return True
        if not after_blank or not self.blocks[-1]:
            return False
        if MARKER.match(line):
            return False
        asks = last and length <= 60 and (line.rstrip().endswith("?") or _LAST_INSTRUCTION.match(line) is not None)
        return asks or instructs(line) or _ASKING.search(line) is not None


def instructs(paragraph: str) -> bool:
    """Whether a short paragraph tells the model what to do."""
    return _INSTRUCTION.match(paragraph) is not None and len(WORD.findall(paragraph)) <= 60
