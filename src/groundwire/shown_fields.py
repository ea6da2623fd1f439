"""What a prompt shows of a document beside its text: its title, its year, its price. Answers rest on that as well."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from groundwire.model import Document

_AROUND = 300
"""Characters of the prompt before a passage and after it, among which its fields are looked for."""
_LONGEST = 400
"""Characters of a value; what is longer is a text of its own."""
_NO_FACT = re.compile(
    r"(?i)_?(?:id|index|n|number|type|score|distance|similarity|relevance_score|source|url|uri|link|path"
    r"|page(?:[ _]?(?:label|number))?|file(?:[ _]?(?:name|path))?)"
)
"""Names of what says where a row is or how near, and nothing of what it is about."""
_MOST = 24
"""Fields of one document."""
_TELLING = re.compile(
    r"[^\W\d_]{3}.*[ \d]|[ \d].*[^\W\d_]{3}|(?=[^a-z]*[A-Z])[^\W\d_]{3}|\d{3}|\d[.,]\d|[^\x00-\x7f]{2}"
)
"""In a value that stands nowhere by chance: several words, a name, a number of some digits."""
_PARTED = re.compile(r"(?<=[a-z])(?=[A-Z])|[\W_]+")
"""Where a name has its words: `companyName`, `company_name`."""
_ABOVE = re.compile(r".*\n[ \t]*\n", re.DOTALL)
"""All but the last paragraph above a passage: an instruction may use the same words."""
_SIGNS = r"[\\W_]{0,3}"
_HEAD = re.compile(r"[^\n\"'\\]{12,60}")
"""As much of a passage as stands in a prompt in the same way, whether it is escaped there or not."""
_ASKED = re.compile(r".*\?(?=[\s\"'<]|\Z)", re.DOTALL)
"""What is asked in front of a passage is no field of it."""


def shown_fields(document: Document, prompt: str) -> list[str]:
    """Fields of a document other than its text that a prompt shows beside that, each as `name: value`.

    Args:
        document: a row of a store; its text is in the prompt.
        prompt: all of the prompt.
    """
    text = (document.text or "").strip()
    at = _place(text, prompt) if text and document.metadata else None
    if at is None:
        return []
    before = _ASKED.sub("", prompt[max(0, at - _AROUND) : at])
    after = prompt[at : at + len(text) + _AROUND]
    fields = dict.fromkeys(_fields(document.metadata or {}))
    return [f"{k}: {v}" for k, v in fields if not k.startswith("_") and v not in text and _shows(before, after, k, v)]


def all_fields(row: Mapping[str, Any], text: str) -> list[str]:
    """Fields of a row that stands in a prompt as it is, each as `name: value`; without its text, place and scores."""
    fields = ((k, v) for k, v in _fields(row) if _NO_FACT.fullmatch(k) is None and v not in text)
    return [f"{k}: {v}" for k, v in fields if 0 < len(v) <= _LONGEST]


def _place(text: str, prompt: str) -> int | None:
    """Where the text begins in the prompt; where it stands there in another way, the beginning of it counts."""
    for piece in (text, *(found[0] for found in [_HEAD.search(text)] if found is not None)):
        if (at := prompt.find(piece)) >= 0:
            return at
    return None


def _fields(metadata: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Names and values of a row, those of mappings and lists in it too."""
    left = _MOST
    for name, value in metadata.items():
        inner = value.items() if isinstance(value, Mapping) else [(name, value)]
        for key, held in inner:
            for one in held if isinstance(held, list) else [held]:
                if isinstance(one, str | int | float) and not isinstance(one, bool):
                    if left == 0:
                        return
                    left -= 1
                    yield str(key), str(one).strip()


def _shows(before: str, after: str, name: str, value: str) -> bool:
    """Whether the value stands there behind its name, or alone above the passage, where it tells something."""
    if not 0 < len(value) <= _LONGEST or (value not in before and value not in after):
        return False
    bare = rf"(?<!\w){re.escape(value)}(?!\w)"
    above = _ABOVE.sub("", before.rstrip())
    if (_TELLING.search(value) and re.search(bare, above)) or f'"{value}"' in above:
        return True
    named = re.compile(rf"(?i)(?<![^\W_]){_PARTED.sub(_SIGNS, name)}\W{{1,8}}{bare}")
    return any(named.search(part) for part in (before, after))
