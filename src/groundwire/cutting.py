"""Passages cut out of a prompt, for traces in which no span lists them.

A prompt is read line by line. A heading such as `Context:`, a tag such as `<documents>` or a marker such as
`Document 1:` opens the passages; a heading such as `Question:` or an instruction closes them; markers, rules, bullets
or blank lines part them. Linear in the length of the prompt.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

_CONTEXT = (
    r"contexts?|documents?|docs?|passages?|sources?|excerpts?|extracts?|snippets?|chunks?|references?"
    r"|knowledge(?: base)?"
    r"|(?:search |retrieval )?results?|background|evidence|articles?(?: section)?|facts|notes|information|materials?"
    r"|(?:structured |retrieved )?data"
    r"|kontext|contexte|contexto|contesto|dokumente|documentos|documenti|quellen|fuentes|fontes|fonti|auszüge|extraits"
)
_STRONG = (
    r"contexts?|documents?|passages?|sources?|excerpts?|search results?"
    r"|kontext|contexte|contexto|contesto|dokumente|documentos|documenti|quellen|fuentes|fontes|fonti"
)
_ITEM_NOUN = r"document|doc|passage|source|chunk|excerpt|context|result|snippet|article|reference"
_END = (
    r"(?:(?:the |current |original |standalone )?(?:user(?:'s)? )?(?:question|query|q|input|request|prompt|message)"
    r"|human|user|(?:helpful |final |your |concise |short |now )*(?:answer|response|reply|output)"
    r"|instructions?|tasks?|assistant|ai"
    r"|frage|antwort|réponse|pregunta|respuesta|pergunta|resposta|domanda|risposta"
    r"|chat history|(?:previous )?conversation(?: history)?|history|rules|guidelines|requirements|format)"
)
_DECOR = r"[^\w\n<\[({]{0,6}"

_HEADING = re.compile(rf"(?i)^{_DECOR}(?:[\w'/-]+ ){{0,8}}(?:{_CONTEXT})\b[^:<]{{0,60}}:[*_ \t]*")
_STRONG_HEADING = re.compile(rf"(?i)^{_DECOR}(?:[\w'/-]+ ){{0,8}}(?:{_STRONG})\b[^:<]{{0,60}}:[*_ \t]*")
_ANNOUNCED = re.compile(rf"(?i)^{_DECOR}(?:[\w'/-]+ ){{0,6}}(?:{_CONTEXT})\b.{{0,40}}\b(?:below|follow(?:s|ing)?)\W*$")
_STRONG_ANNOUNCED = re.compile(
    rf"(?i)^{_DECOR}(?:[\w'/-]+ ){{0,6}}(?:{_STRONG})\b.{{0,40}}\b(?:below|follow(?:s|ing)?)\W*$"
)
_TRAILING = re.compile(rf"(?i)[.!?\"'»”] (?:[\w'-]+ ){{0,5}}(?:{_CONTEXT}):[ \t]*$")
_ASKED_OF = re.compile(
    rf"(?i)\b(?:following|provided|given|retrieved|these)\b[\w ,'-]{{0,40}}\b(?:{_STRONG})\b[^\n]*"
    r"\b(?:question|query|answer)"
)
_KEY = re.compile(rf"(?i)^(?:retrieved[ _-])?(?:{_CONTEXT.replace(' ', '[ _-]')})$")
_BODY_LABEL = re.compile(r"(?im)^[ \t]*[\"']?(?:page[ _]?)?(?:content|text|passage|body)[\"']?[ \t]*[:=][ \t]*")
_FIELD = re.compile(r"^\[\[ ## (\w+) ## \]\]$", re.MULTILINE)
_TITLE = re.compile(rf"(?i)^(?:#+|\*\*)[ \t]*(?:[\w'-]+ ){{0,3}}(?:{_CONTEXT})[ \t]*\**[ \t]*$")
_END_HEADING = re.compile(
    rf"(?i)^(?:{_DECOR}{_END}\b[^:.?]{{0,30}}:|(?:#+|\*\*)[ \t]*(?:[\w'-]+ ){{0,2}}{_END}\b[^:]{{0,20}}$|</)"
)
_INSTRUCTION = re.compile(
    r"(?i)^\W*(?:given|in case|answer|using|use|based on|please|if (?:you|the)|do not|don't"
    r"|respond|reply|remember|now|only"
    r"|you (?:are|must|should|will)|your task|write|cite|provide|be (?:concise|brief)|think|let's|note that you)\b"
)
_MARKER = re.compile(
    r"(?i)^[ \t]*(?:[-*•][ \t]+)?(?:\*\*|#+[ \t]*)?(?:"
    rf"\[(?:(?:{_ITEM_NOUN})[ #:]*)?([\w.-]{{1,40}})(?:[ |,][^\]]{{0,200}})?\][:.]?"
    rf"|(?:{_ITEM_NOUN})[ \t]*(?:[#:]|no\.?|id:?)?[ \t]*\[?(\d+)\]?(?:[ \t]*\([^)]{{0,200}}\))?"
    r"[ \t]*(?:\*\*)?[ \t]*(?:[:.)|-]|$)"
    r"|\(?(\d{1,3})[.)](?=\s)"
    r")(?:\*\*)?[ \t]*"
)
_NAMED = re.compile(rf"(?i)^[ \t]*(?:[-*•][ \t]+)?(?:\*\*|#+[ \t]*)?\[?(?:{_ITEM_NOUN})\b")
_QUESTION_LABEL = re.compile(rf"(?i)^{_DECOR}(?:the |user(?:'s)? )?(?:question|query|human|user|input)[*_ \t]*:")
_RULE = re.compile(r"^[ \t]*(?:-{3,}|={3,}|\*{3,}|#{3,}|_{3,}|`{3,}\w*|\"{3})[ \t]*$")
_BULLET = re.compile(r"^[ \t]*[-*•][ \t]+")
_TAG = re.compile(rf"(?i)<((?:retrieved[_ -])?(?:{_CONTEXT.replace(' ', '[ _-]')})(?:_[a-z]+)?)\b[^<>]*>")
_ITEM_TAG = re.compile(rf"(?i)<({_ITEM_NOUN}|item)\b([^<>]*)>")
_BODY_TAG = re.compile(r"(?i)<((?:document_|page_)?content|text|body)\b[^<>]*>")
_BRACKETED = re.compile(r"(?m)^[ \t]*\[\d{1,3}\]")
_METADATA = re.compile(r"(?:^[ \t]*[\w .-]{1,30}[:=] ?\S{1,80}[ \t]*(?:\n|\Z))+\Z", re.MULTILINE)
"""Nothing but lines such as `page_label: 3`."""
_ANY_TAG = re.compile(r"</?[a-zA-Z][\w-]*(?: [^<>]*)?>")
_ID = re.compile(r"""(?i)\b(?:id|index|n|number)\s*=\s*["']?([\w.-]+)""")
_WORD = re.compile(r"\w+")
_ROW_TEXT = ("content", "text", "page_content", "passage", "snippet", "body", "document")


@dataclass(frozen=True, slots=True)
class Cut:
    """A passage found in a prompt."""

    text: str
    id: str | None = None


def cut_marked(text: str, *, strong: bool = False) -> list[Cut]:
    """Passages that the text marks as such: in tags, under a heading, or behind markers.

    Args:
        text: one message of a prompt.
        strong: take only headings that can mean nothing else.
    """
    tagged = elements(text, _TAG)
    if tagged:
        return [cut for attributes, body in tagged for cut in _parted(body, attributes)]
    if text.lstrip()[:1] == "{" and (cuts := _members(text)):
        return cuts
    text = _FIELD.sub(r"## \1", text)
    cuts = []
    lines = text.splitlines()
    for block in _Blocks(strong, numbered=len(_BRACKETED.findall(text)) > 1).read(lines):
        cuts += _parted("\n".join(block))
    return cuts or _between(lines)


def _members(text: str) -> list[Cut]:
    """Passages in the members of a JSON object that are called so."""
    try:
        value: Any = json.loads(text)
    except (ValueError, RecursionError):
        return []
    cuts: list[Cut] = []
    for key, member in value.items() if isinstance(value, dict) else ():
        if _KEY.match(key):
            cuts += _parted(member) if isinstance(member, str) else _rows(member)
    return cuts


def _between(lines: Sequence[str]) -> list[Cut]:
    """Paragraphs between an instruction to answer from what follows and a label such as `Question:`."""
    start = next((n for n, line in enumerate(lines) if _ASKED_OF.search(line[:2000])), None)
    if start is None:
        return []
    end = next((n for n, line in enumerate(lines) if n > start and _QUESTION_LABEL.match(line[:2000])), None)
    between = "\n".join(lines[start + 1 : end]) if end is not None else ""
    return cut_unmarked(between) if lines[start + 1 : start + 2] == [""] else []


def cut_unmarked(text: str) -> list[Cut]:
    """Paragraphs that are neither a question nor an instruction: the guess of last resort."""
    return [
        cut
        for paragraph in re.split(r"\n[ \t]*\n", text)
        if len(_WORD.findall(paragraph)) >= 6 and not paragraph.rstrip().endswith("?") and not _instructs(paragraph)
        for cut in _parted(paragraph)
    ]


def cut_tool_result(text: str) -> list[Cut]:
    """Passages in what a tool returned: the rows of a JSON list, or the text itself."""
    try:
        value: Any = json.loads(text)
    except ValueError:
        return _parted(text)
    if isinstance(value, Mapping):
        value = next((v for v in value.values() if isinstance(v, list)), [value])
    return _rows(value)


def elements(text: str, opening: re.Pattern[str]) -> list[tuple[str, str]]:
    """(attributes, content) of the outermost elements with such a start tag; those never closed are passed over."""
    found: list[tuple[str, str]] = []
    unclosed: set[str] = set()
    at = 0
    while (start := opening.search(text, at)) is not None:
        at = start.end()
        name = start.group(1).casefold()
        if name in unclosed:
            continue
        end = re.compile(rf"(?i)</{re.escape(name)}\s*>").search(text, at)
        if end is None:
            unclosed.add(name)
            continue
        found.append((start.group(), text[at : end.start()]))
        at = end.end()
    return found


@dataclass(slots=True)
class _Blocks:
    """Reads lines and keeps those that belong to passages, block by block."""

    strong: bool
    numbered: bool
    """Whether lines such as `[1] ...` stand for passages even without a heading."""
    blocks: list[list[str]] = field(default_factory=list[list[str]])
    inside: bool = False
    fenced: bool = False

    def read(self, lines: Sequence[str]) -> list[list[str]]:
        last = max((n for n, line in enumerate(lines) if line.strip()), default=-1)
        after_blank = True
        for number, raw in enumerate(lines):
            line = raw[:2000]  # patterns need no more of a line to tell what it is
            if not line.strip():
                after_blank = True
                self._keep(raw)
                continue
            if self.inside and self._closes(line, after_blank, number == last):
                self.inside = self.fenced = False
            elif not self._opens(line, raw):
                self._keep(raw)
            after_blank = False
        return self.blocks

    def _keep(self, line: str) -> None:
        if self.inside:
            self.blocks[-1].append(line)

    def _opens(self, line: str, raw: str) -> bool:
        """Whether the line is a heading, which is no passage itself; what follows its colon is."""
        if _RULE.match(line) and self.inside and not any(kept.strip() for kept in self.blocks[-1]):
            self.fenced = True
            return True
        if _MARKER.match(line) is not None:
            if not self.inside and (_NAMED.match(line) or (self.numbered and _BRACKETED.match(line))):
                self._open(raw)
                return True
            if self.inside:
                return False
        heading = (_STRONG_HEADING if self.strong else _HEADING).match(line)
        if heading is not None and not self._is_prose(heading.group()):
            self._open(raw[heading.end() :])
            return True
        announced = (_STRONG_ANNOUNCED if self.strong else _ANNOUNCED).match(line)
        if not self.inside and (_TITLE.match(line) or announced or (not self.strong and _TRAILING.search(line))):
            self._open("")
            return True
        return False

    def _is_prose(self, heading: str) -> bool:
        """Inside passages only a short heading counts: their own prose has colons too."""
        return self.inside and len(_WORD.findall(heading)) > 3

    def _open(self, rest: str) -> None:
        self.inside = True
        self.fenced = False
        self.blocks.append([rest] if rest.strip() else [])

    def _closes(self, line: str, after_blank: bool, last: bool) -> bool:
        if self.fenced:
            return _RULE.match(line) is not None
        if _END_HEADING.match(line):
            return True
        if not after_blank or not self.blocks[-1]:
            return False
        if _MARKER.match(line):
            return False
        return _instructs(line) or (last and line.rstrip().endswith("?") and len(_WORD.findall(line)) <= 60)


def _instructs(paragraph: str) -> bool:
    return _INSTRUCTION.match(paragraph) is not None and len(_WORD.findall(paragraph)) <= 60


def _parted(block: str, attributes: str = "") -> list[Cut]:
    """The passages of one block: by item tags, markers, bullets, or rules and blank lines."""
    items = elements(block, _ITEM_TAG)
    if items:
        return [Cut(t, _id(tag)) for tag, body in items if _worth(t := _inner(body))]
    stripped = block.strip()
    if stripped[:1] in ("[", "{"):
        try:
            json.loads(stripped)
        except (ValueError, RecursionError):
            pass
        else:
            return cut_tool_result(stripped) if stripped[0] == "[" else [Cut(stripped)]
    lines = block.splitlines()
    first = next((line for line in lines if line.strip()), "")
    pieces: list[tuple[str | None, list[str]]] = []
    if _MARKER.match(first):
        by_marker = _NAMED.match(first) is not None
        for line in lines:
            marker = _MARKER.match(line[:2000])
            if marker is not None and bool(_NAMED.match(line)) == by_marker:
                pieces.append((next((g for g in marker.groups() if g), None), [line[marker.end() :]]))
            elif pieces and not _RULE.match(line):
                pieces[-1][1].append(line)
    elif _BULLET.match(first):
        for line in lines:
            if _BULLET.match(line):
                pieces.append((None, [_BULLET.sub("", line)]))
            elif pieces:
                pieces[-1][1].append(line)
    else:
        pieces = [(_id(attributes), [])]
        for line in lines:
            if line.strip() and not _RULE.match(line):
                pieces[-1][1].append(line)
            elif pieces[-1][1]:
                pieces.append((None, []))
    return [Cut(text, identity) for identity, body in pieces if _worth(text := _bare("\n".join(body)))]


def _bare(piece: str) -> str:
    """The passage in a piece: without quotes around it, and without the metadata above a label such as `Content:`."""
    piece = piece.strip()
    if piece[:1] == "«" and piece[-1:] == "»":
        piece = piece[1:-1].strip()
    label = _BODY_LABEL.search(piece[:400])
    return piece[label.end() :].strip() if label is not None and label.end() < len(piece) else piece


def _inner(body: str) -> str:
    """Text of an item: its content element, where it has one beside its metadata."""
    content = elements(body, _BODY_TAG)
    return _ANY_TAG.sub(" ", content[0][1] if content else body).strip()


def _rows(value: Any) -> list[Cut]:
    rows: Sequence[Any] = value if isinstance(value, list) else [value]
    return [cut for row in rows if (cut := _row(row)) is not None and _worth(cut.text)]


def _row(row: Any) -> Cut | None:
    if isinstance(row, Mapping):
        body = next((row[key] for key in _ROW_TEXT if isinstance(row.get(key), str)), None)
        identity = row.get("id")
        return Cut(body or json.dumps(row, ensure_ascii=False), None if identity is None else str(identity))
    return Cut(row) if isinstance(row, str) else None


def _id(tag: str) -> str | None:
    found = _ID.search(tag)
    return found.group(1) if found else None


def _worth(text: str) -> bool:
    words = _WORD.findall(text[:2000])
    # A language without spaces has one long word where others have a sentence.
    return (len(words) >= 3 or any(len(w) >= 6 and not w.isascii() for w in words)) and not _METADATA.match(text)
