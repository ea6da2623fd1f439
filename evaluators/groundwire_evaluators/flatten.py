"""Statements of a passage: sentences of prose, and leaves of JSON, key-value lists and tables.

Every statement keeps its place in the passage; a leaf also carries the names of the keys above it, so that
`{"WiFi": "free"}` can support "free WiFi" and `{"Music": false}` can contradict "live music".
"""

import re
from typing import Literal, NamedTuple, TypeAlias

from groundwire_evaluators.sentences import sentences
from groundwire_evaluators.tables import Row, table_rows

Polarity: TypeAlias = Literal["plain", "true", "false", "unknown"]

_JSON_TOKEN = re.compile(
    r'"(?:[^"\\]|\\.)*+"?|\'(?:[^\'\\]|\\.)*+\'(?=\s*[,:}\]])|[{}\[\],:]|[^\s{}\[\],:"\']+|\'', re.DOTALL
)
_ESCAPE = re.compile(r"\\(?:u[0-9a-fA-F]{4}|.)", re.DOTALL)
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])|[_\-./]+")
_TRUE = frozenset({"true", "yes"})
_FALSE = frozenset({"false", "no"})
_UNKNOWN = frozenset({"null", "none", "nan", "n/a", "undefined"})
_NESTED = re.compile(r"\s*[{\[]\s*\\*u?[\"'][^{}]{0,200}:")
_LITERAL = re.compile(r"\s*u?'([^']*)'\s*")
_QUOTE_ESCAPE = re.compile(r"\\([\"'\\])")
_PYTHON_PREFIX = re.compile(r"(?<![^\W_])u(?=')")
_KEY_LINE = re.compile(r"[^\S\n]*(?:[-*\u2022][^\S\n]*)?[\"']?([^\W\d_][\w /()&-]{0,40})[\"']?[^\S\n]*:[^\S\n]+(?=\S)")


_NAMES = frozenset({"name", "key", "label", "field", "title", "property"})
_VALUES = frozenset({"value", "values", "val"})
_DEEPEST = 40
_OPENS_JSON = re.compile(r"(?!\[\d{1,4}\]\s*[^\s,\]])[{\[]\s*(?:[{\[\"'\d\]}-]|true|false|null)")
_JUDGED = 2_000
_CLOSES = frozenset('.!?\u2026"\u201d')
"""Characters that tell whether a text is JSON."""


class Statement(NamedTuple):
    """One thing a passage says."""

    start: int
    """First character in the passage."""
    end: int
    text: str
    """The words themselves, as long as the span: escapes are blanked."""
    path: str = ""
    """Names of the keys above a leaf, outermost first, as words: `Ambience romantic`."""
    key: str = ""
    """The innermost name, as words."""
    polarity: Polarity = "plain"


def statements(text: str) -> tuple[list[Statement], bool]:
    """The statements of a passage in order, and whether it is structured (JSON or the like). Linear; never raises.

    Broken or cut JSON is read as far as it goes.
    """
    if _is_json(text):
        leaves = _leaves(text)
        if len(leaves) >= 2 or (leaves and leaves[0].path):
            return leaves, True
    rows = table_rows(text)
    if rows:
        return [_row(row) for row in rows], True
    found: list[Statement] = []
    keyed = 0
    for start, end in sentences(text):
        pair = _KEY_LINE.match(text, start, end) if ":" in text[start : start + 60] else None
        if pair and end - start < 300:
            value = text[pair.end() : end]
            keyed += value.rstrip()[-1:] not in _CLOSES  # "Anna: I agree." is speech, "height: 330 m" a record
            polarity = "plain" if len(value) > 12 else _polarity(value)
            found.append(Statement(start, end, text[start:end], "", pair.group(1).strip(), polarity))
        else:
            found.append(Statement(start, end, text[start:end]))
    return found, keyed >= 3 and keyed * 2 > len(found)


def _is_json(text: str) -> bool:
    """Whether a text is JSON, whole or cut, or a Python literal: it opens like one, and values are separated.

    `[1] The tower is tall.` opens like a list, and is a numbered passage.
    """
    opening = text[:_JUDGED].lstrip()
    if opening[:1] not in ("{", "[") or not _OPENS_JSON.match(opening):
        return False
    values = unseparated = 0
    after_value = False
    for match in _JSON_TOKEN.finditer(opening):
        token = match.group()
        if token in "{[,:":
            after_value = False
            continue
        if token in "}]":
            after_value = True
            continue
        values += 1
        unseparated += after_value
        after_value = True
    return unseparated * 5 <= values


def as_words(name: str) -> str:
    """A key as words.

    >>> as_words("RestaurantsTakeOut"), as_words("BusinessParking"), as_words("review_stars"), as_words("WiFi")
    ('Restaurants Take Out', 'Business Parking', 'review stars', 'WiFi')
    """
    return "WiFi" if name.lower() in ("wifi", "wi-fi") else _CAMEL.sub(" ", name).strip()


def _polarity(value: str) -> Polarity:
    word = value.strip().strip("\"'.").lower()
    if word in _TRUE:
        return "true"
    if word in _FALSE:
        return "false"
    return "unknown" if word in _UNKNOWN else "plain"


def _leaves(text: str) -> list[Statement]:
    found: list[Statement] = []
    keys: list[str] = []  # one for each open object or list; "" where the list gave no name
    named: list[str] = []  # what `"name": ...` said beside a `"value": ...`, for each open object
    pending = ""
    pending_at = depth = 0
    tokens = list(_JSON_TOKEN.finditer(text))
    n = len(tokens)
    for i, match in enumerate(tokens):
        token = match.group()
        if token in "{[":
            depth += 1
            if depth <= _DEEPEST:
                keys.append(pending)
                named.append("")
            pending = ""
        elif token in "}]":
            if 0 < depth <= _DEEPEST:
                keys.pop()
                named.pop()
            depth = max(0, depth - 1)
            pending = ""
        elif token == ",":
            pending = ""
        elif token == ":":
            continue
        elif token[0] in "\"'" and i + 1 < n and tokens[i + 1].group() == ":" and not pending:
            pending, pending_at = as_words(token.strip("\"'")), match.start()
        else:
            if named and pending.lower() in _NAMES and len(token) < 60:
                named[-1] = token.strip("\"'")
            above = pending
            if named and named[-1] and pending.lower() in _VALUES:
                above = named[-1]
            _add_leaf(found, text, match, keys, above, pending_at)
            pending = pending if token[0] not in "\"'" else ""
    return found


def _add_leaf(
    found: list[Statement], text: str, match: re.Match[str], keys: list[str], pending: str, pending_at: int
) -> None:
    start, end = match.span()
    quoted = text[start] in "\"'"
    body_start = start + 1 if quoted else start
    body_end = end - 1 if quoted and end - start > 1 and text[end - 1] == text[start] else end
    above = [k for k in keys if k]
    path = " ".join([*above[-3:], pending]).strip()
    key = pending or (above[-1] if above else "")
    body = text[body_start:body_end]
    if quoted and _NESTED.match(body):
        found += _nested(body, body_start, path)
        return
    if len(body) < 60 and (literal := _LITERAL.fullmatch(body)):  # a Python string inside the JSON one: "u'free'"
        body_start, body = body_start + literal.start(1), literal.group(1)
    polarity = _polarity(body) if len(body) <= 9 else "plain"
    if "\\" in body:
        body = _ESCAPE.sub(lambda m: " " * len(m.group()), body)
    if len(body) > 120:
        for a, b in sentences(body):
            found.append(Statement(body_start + a, body_start + b, body[a:b], path, ""))
        return
    whole_start = pending_at if pending and start - pending_at < 120 else start
    found.append(Statement(whole_start, end, body, path, key, polarity))


def _nested(body: str, offset: int, path: str) -> list[Statement]:
    """The leaves of JSON, or of a Python dictionary, that was written into a string, as Yelp's attributes are."""
    opened = _QUOTE_ESCAPE.sub(r" \1", _PYTHON_PREFIX.sub(" ", body))
    return [
        Statement(
            offset + leaf.start, offset + leaf.end, leaf.text,
            f"{path} {leaf.path}".strip(), leaf.key or path.rpartition(" ")[2], leaf.polarity,
        )
        for leaf in _leaves(opened)
    ]  # fmt: skip


def _row(row: Row) -> Statement:
    """A row under the names of its columns; of two cells the first is the key where the second says yes or no."""
    polarity = _polarity(row.cells[1]) if len(row.cells) == 2 and len(row.cells[1]) <= 9 else "plain"
    key = as_words(row.cells[0]) if polarity != "plain" else ""
    return Statement(row.start, row.end, row.text, row.header, key, polarity)
