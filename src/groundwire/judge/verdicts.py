"""The verdicts in a model's reply: read out of whatever it wrote, each kept only if it can be what was asked for."""

import json
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast, get_args

from groundwire.model import Verdict

_SEVERITY: Mapping[Verdict, int] = {"supported": 0, "not_checkable": 1, "unsupported": 2, "contradicted": 3}
_THOUGHT = re.compile(r"\A\s*<think(?:ing)?>.*?</think(?:ing)?>", re.DOTALL)
_LONGEST = 400_000
"""Characters of a reply that are read."""
_STARTS = 1_000
"""Opening braces that are tried in a reply that is no JSON."""

SCHEMA: Mapping[str, Any] = {
    "type": "object",
    "properties": {
        "sentences": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "id": {"type": "integer"},
                    "passage": {"type": "integer"},
                    "quote": {"type": "string"},
                    "reason": {"type": "string"},
                    "verdict": {"type": "string", "enum": list(get_args(Verdict))},
                },
                "required": ["id", "passage", "quote", "reason", "verdict"],
                "additionalProperties": False,
            },
        }
    },
    "required": ["sentences"],
    "additionalProperties": False,
}
"""Evidence and reason stand before the verdict: a model writes in order, and should look before it judges."""


@dataclass(frozen=True, slots=True)
class Row:
    """What a model said about one sentence. Nothing of it is believed yet."""

    id: int
    verdict: Verdict
    passage: int = 0
    """As numbered in the question, from 1; 0: none."""
    quote: str = ""


@dataclass(frozen=True, slots=True)
class Reading:
    """The verdicts of one or two replies."""

    rows: Mapping[int, Row]
    problem: str | None
    """What is wrong, for the model to mend; None: every sentence has its verdict."""
    open: tuple[int, ...] = ()
    """Sentences without a verdict, or with several that differ."""


def read_rows(replies: Sequence[str], count: int) -> Reading:
    """The verdicts on sentences 1 to `count`; a later reply fills what an earlier one left open.

    Where two verdicts on a sentence differ still, the more severe one holds.
    """
    rows: dict[int, Row] = {}
    problem: str | None = None
    unsettled: set[int] = set(range(1, count + 1))
    for reply in replies:
        found, problem, disputed = _read(reply, count)
        for number, row in found.items():
            if number in unsettled and (number not in rows or _severity(row) > _severity(rows[number])):
                rows[number] = row
        unsettled -= found.keys() - disputed
    left = tuple(sorted(unsettled))
    if not left:
        return Reading(rows, None)
    missing = [n for n in left if n not in rows]
    told = problem or ("sentences are missing" if missing else "sentences have several verdicts")
    return Reading(rows, told, left)


def _severity(row: Row) -> int:
    return _SEVERITY[row.verdict]


def _read(reply: str, count: int) -> tuple[dict[int, Row], str | None, set[int]]:
    """Rows by sentence, what was wrong, and sentences whose rows differ."""
    entries, problem = _entries(reply)
    rows: dict[int, Row] = {}
    disputed: set[int] = set()
    for entry in entries:
        row = _row(entry)
        if row is None:
            problem = problem or "an entry lacks an id or has no verdict of the four"
        elif not 1 <= row.id <= count:
            problem = problem or f"there is no such sentence: ids go from 1 to {count}"
        elif row.id in rows and rows[row.id].verdict != row.verdict:
            problem = problem or "a sentence has several verdicts"
            disputed.add(row.id)
            rows[row.id] = max(rows[row.id], row, key=_severity)
        else:
            rows.setdefault(row.id, row)
    return rows, problem, disputed


def _entries(text: str) -> tuple[list[Any], str | None]:
    """The list of verdicts; of broken or cut JSON, those entries that are whole."""
    whole_entries: list[Any] = []
    for found in objects(text):
        listed_entries = found.get("sentences")
        if isinstance(listed_entries, list):
            return listed_entries, None
        if "id" in found and "verdict" in found:
            whole_entries.append(found)
    return whole_entries, "it is no JSON object with a list `sentences`, or was cut"


def objects(text: str) -> Iterator[dict[str, Any]]:
    """JSON objects in what a model wrote: words, code fences or broken JSON may be around them, thoughts before."""
    text = _THOUGHT.sub("", text[:_LONGEST])
    decoder = json.JSONDecoder()
    at = text.find("{")
    for _ in range(_STARTS):
        if at < 0:
            return
        try:
            found, end = decoder.raw_decode(text, at)
        except (ValueError, RecursionError):
            at = text.find("{", at + 1)
            continue
        if isinstance(found, dict):
            yield cast("dict[str, Any]", found)
        at = text.find("{", end)


def _row(entry: Any) -> Row | None:
    if not isinstance(entry, dict):
        return None
    fields = cast("dict[str, Any]", entry)
    number = whole(fields.get("id"))
    said = str(fields.get("verdict")).strip().lower().replace(" ", "_")
    verdict: Verdict | None = next((v for v in _SEVERITY if v == said), None)
    if number is None or verdict is None:
        return None
    quote = fields.get("quote")
    return Row(number, verdict, whole(fields.get("passage")) or 0, quote if isinstance(quote, str) else "")


def whole(value: Any) -> int | None:
    """An integer, also one written as text; None for anything else."""
    if isinstance(value, str) and value.strip().isascii() and value.strip().isdecimal() and len(value) < 10:
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def listed(numbers: Collection[int]) -> str:
    """Numbers as a model reads them: `1, 4, 7`."""
    return ", ".join(map(str, sorted(numbers)))
