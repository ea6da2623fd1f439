"""One block of a prompt, or what a tool returned, parted into passages."""

import ast
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from groundwire.shown_fields import all_fields

ITEM_NOUN = r"document|doc|passage|source|chunk|excerpt|context|result|snippet|article|reference"
_DRESS = r"[ \t]*(?:[-*•][ \t]+)?(?:\*\*|#+[ \t]*|[-=]{2,}[ \t]*)?"
MARKER = re.compile(
    rf"(?i)^{_DRESS}(?:"
    rf"\[(?:(?:{ITEM_NOUN})[ #:]*)?([\w.-]{{1,40}})(?:[ |,][^\]]{{0,200}})?\][:.]?"
    rf"|(?:{ITEM_NOUN})[ \t]*(?:[#:]|no\.?|id:?)?[ \t]*\[?(\d+)\]?(?:[ \t]*[(\[][^)\]]{{0,200}}[)\]])?"
    r"[ \t]*(?:\*\*(?:[ \t]*\([^)]{0,200}\))?)?[ \t]*(?:[:.)|]|[-=]+|$)"
    r"|\(?(\d{1,3})[.)](?=\s)"
    r")(?:\*\*)?[ \t]*"
)
NAMED = re.compile(rf"(?i)^{_DRESS}\[?(?:{ITEM_NOUN})\b")
_FILE = re.compile(r"^[ \t]*([\w./ ()-]{1,80}\.[a-zA-Z]{2,5}(?:#[\w=&.-]{1,40})?): ")
"""The name of a file in front of its text, as Azure's samples write sources."""
RULE = re.compile(r"^[ \t]*(?:-{3,}|={3,}|\*{3,}|#{3,}|_{3,}|`{3,}\w*|\"{3})[ \t]*$")
WORD = re.compile(r"\w+")
_BODY_LABEL = re.compile(r"(?im)^[ \t]*[\"']?(?:page[ _]?)?(?:content|text|passage|body)[\"']?[ \t]*[:=][ \t]*")
_BULLET = re.compile(r"^[ \t]*[-*•][ \t]+")
_ITEM_TAG = re.compile(rf"(?i)<({ITEM_NOUN}|item)\b([^<>]*)>")
_BODY_TAG = re.compile(r"(?i)<((?:document_|page_)?content|text|body)\b[^<>]*>")
_METADATA = re.compile(r"(?:^[ \t]*[\w .-]{1,30}[:=] ?\S{1,80}[ \t]*(?:\n|\Z))+\Z", re.MULTILINE)
"""Nothing but lines such as `page_label: 3`."""
_NAMED = re.compile(r"[^\w\n]*([^\W\d_][\w .-]{0,30}?)[^\w\n]*[:=][^\w\n]*(\S.*?)\s*\Z")
_FIELD_TAG = re.compile(r"<([a-zA-Z][\w-]*)>\s*([^<>]{1,400}?)\s*</\1>")
_ATTRIBUTE = re.compile(r"""([\w-]+)\s*=\s*["']([^"'<>]{1,400})["']""")
_ANY_TAG = re.compile(r"</?[a-zA-Z][\w-]*(?: [^<>]*)?>")
_ID = re.compile(r"""(?i)\b(?:id|index|n|number)\s*=\s*["']?([\w.-]+)""")
_FAILED = re.compile(
    r"\s*(?:Error: ?)?(?:[A-Z]\w*(?:Error|Exception)[:(]|Traceback \(most recent call last\)"
    r"|Error (?:executing|calling|invoking|running) (?:the )?tool\b)"
)
_ROW_TEXT = ("content", "text", "page_content", "passage", "snippet", "body", "document")


@dataclass(frozen=True, slots=True)
class Cut:
    """A passage found in a prompt."""

    text: str
    id: str | None = None
    fields: tuple[str, ...] = ()
    """Others of its row, each as `name: value`."""


def cut_tool_result(text: str) -> list[Cut]:
    """Passages in what a tool returned: the rows of a JSON list, or the text itself; none where it failed."""
    if _FAILED.match(text[:400]):
        return []
    try:
        value: Any = json.loads(text)
    except ValueError:
        return parted(text)
    if isinstance(value, Mapping):
        value = next((v for v in value.values() if isinstance(v, list)), [value])
    return rows(value)


def parted(block: str, attributes: str = "") -> list[Cut]:
    """The passages of one block: by item tags, markers, bullets, or rules and blank lines."""
    items = elements(block, _ITEM_TAG)
    bodies = elements(block, _BODY_TAG)
    if len(bodies) == 1 and not any(_BODY_TAG.search(body) for _, body in items):
        items = [(attributes, block)]  # the block is one item
    if items:
        return [cut for tag, body in items if _worth((cut := _item(tag, body)).text)]
    stripped = block.strip()
    if len(stripped) > 2 and stripped[0] == stripped[-1] and stripped[0] in "'\"":
        block = stripped = stripped[1:-1]
    if stripped[:1] in ("[", "{"):
        try:
            json.loads(stripped)
        except (ValueError, RecursionError):
            if _PYTHON_LIST.match(stripped) and (listed := _python_list(stripped)):
                return rows(listed)
        else:
            return cut_tool_result(stripped) if stripped[0] == "[" else [Cut(stripped)]
    lines = block.splitlines()
    first = next((line for line in lines if line.strip()), "")
    pieces: list[tuple[str | None, list[str]]] = []
    if MARKER.match(first):
        by_marker = NAMED.match(first) is not None
        for line in lines:
            marker = MARKER.match(line[:2000])
            if marker is not None and bool(NAMED.match(line)) == by_marker:
                pieces.append((next((g for g in marker.groups() if g), None), [line[marker.end() :]]))
            elif pieces and not RULE.match(line):
                pieces[-1][1].append(line)
    elif _BULLET.match(first) or _FILE.match(first):
        opening = _BULLET if _BULLET.match(first) else _FILE
        for line in lines:
            if (start := opening.match(line[:2000])) is not None:
                pieces.append((start[1] if opening is _FILE else None, [line[start.end() :]]))
            elif pieces:
                pieces[-1][1].append(line)
    else:
        pieces = [(_id(attributes), [])]
        for line in lines:
            if line.strip() and not RULE.match(line):
                pieces[-1][1].append(line)
            elif pieces[-1][1]:
                pieces.append((None, []))
    return [cut for identity, body in pieces if _worth((cut := _bare(identity, "\n".join(body))).text)]


def _python_list(block: str) -> list[Any] | None:
    """A list as Python writes it: what a template gets that is given the list itself."""
    try:
        value = ast.literal_eval(block) if len(block) <= _LONGEST_LITERAL else None
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return None
    return value if isinstance(value, list) else None


_PYTHON_LIST = re.compile(r"(?s)\[\s*[\"'{].*\]\Z")
_LONGEST_LITERAL = 100_000
"""Characters of Python that are read: it takes a hundred times the memory."""


def _bare(identity: str | None, piece: str) -> Cut:
    """The passage in a piece: without quotes around it, and with what stands above a label such as `Content:` apart."""
    piece = piece.strip()
    if piece[:1] == "«" and piece[-1:] == "»":
        piece = piece[1:-1].strip()
    label = _BODY_LABEL.search(piece[:400])
    if label is None or label.end() == len(piece):
        return Cut(piece, identity)
    above = piece[: label.start()].splitlines()
    described = len(above) <= 6 and all(n == 0 or ":" in line or "=" in line for n, line in enumerate(above))
    if not described:
        return Cut(piece, identity)
    text = piece[label.end() :].strip()
    named = {found[1]: found[2] for line in above if (found := _NAMED.match(line)) is not None}
    return Cut(text, identity, tuple(all_fields(named, text)))


def _item(tag: str, body: str) -> Cut:
    """An element: the text of its content element, where it has one beside others, which are its fields."""
    content = elements(body, _BODY_TAG)
    text = _ANY_TAG.sub(" ", content[0][1] if content else body).strip()
    others = _FIELD_TAG.findall(body) if content else []
    return Cut(text, _id(tag), tuple(all_fields(dict([*_ATTRIBUTE.findall(tag), *others]), text)))


def rows(value: Any) -> list[Cut]:
    """The passages of a list of texts or objects, or of one."""
    entries: Sequence[Any] = value if isinstance(value, list) else [value]
    return [cut for row in entries if (cut := _row(row)) is not None and _worth(cut.text)]


def has_text(row: Mapping[str, Any]) -> bool:
    """Whether a row has a text under one of the usual names."""
    return any(isinstance(row.get(key), str) for key in _ROW_TEXT)


def _row(row: Any) -> Cut | None:
    if isinstance(row, Mapping):
        body = next((row[key] for key in _ROW_TEXT if isinstance(row.get(key), str)), None)
        identity = None if row.get("id") is None else str(row["id"])
        if not body:
            return Cut(json.dumps(row, ensure_ascii=False), identity)
        return Cut(body, identity, tuple(all_fields(row, body)))
    return Cut(row) if isinstance(row, str) else None


def _id(tag: str) -> str | None:
    found = _ID.search(tag)
    return found.group(1) if found else None


def _worth(text: str) -> bool:
    words = WORD.findall(text[:2000])
    # A language without spaces has one long word where others have a sentence.
    return (len(words) >= 3 or any(len(w) >= 6 and not w.isascii() for w in words)) and not _METADATA.match(text)


def elements(text: str, opening: re.Pattern[str]) -> list[tuple[str, str]]:
    """(start tag, content) of the outermost elements with such a start tag; those never closed are passed over.

    An instruction may name a tag before its element comes ("the text in <context> tags"): the last start tag before an
    end counts. `<context/>` ends an element too, and `<document page="2"/>` starts one: templates that many have copied
    write it so.
    """
    found: list[tuple[str, str]] = []
    unclosed: set[str] = set()
    at = 0
    while (start := opening.search(text, at)) is not None:
        at = start.end()
        name = start.group(1).casefold()
        if name in unclosed or (start.group().endswith("/>") and "=" not in start.group()):
            continue
        end = re.compile(rf"(?i)</{re.escape(name)}\s*>|<{re.escape(name)}\s*/>").search(text, at)
        if end is None:
            unclosed.add(name)
            continue
        for again in re.compile(rf"(?i)<{re.escape(name)}\b[^<>]*>").finditer(text, at, end.start()):
            start, at = again, again.end()
        found.append((start.group(), text[at : end.start()]))
        at = end.end()
    return found
