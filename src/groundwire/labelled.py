"""Rows with human (or machine) labels, from JSON lines in the shapes that published sets use.

One line is one JSON object. What is read, by the keys it has:

- answers: `answer` with `context` (or `passages`) and `spans`, `annotations`, `faithful`, `label` or `votes`
- claims: `claim` with `context` or `evidence`, and `label` or `relevant`
- sentences: `sentences` with `votes` or `supported`
- pairs: `knowledge`, `right_answer`, `hallucinated_answer` (two rows)
- relevance: `question` with `passage`, `sentence` or `passages`, and `relevant` or `answerable`, or the ARES columns
"""

import gzip
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any, TypeAlias

from groundwire.errors import SourceError
from groundwire.model import Passage, RagChain

Object: TypeAlias = Mapping[str, Any]
ACCEPTED = (
    "one JSON object a line (.jsonl or .jsonl.gz) with answer + context (or passages) + spans | annotations |"
    " faithful | label | votes; "
    "claim + context (or evidence) + label; sentences + votes; right_answer + hallucinated_answer; "
    "question + passage (or sentence) + relevant | answerable"
)


def _words(text: str) -> list[str]:
    return text.split()


_GOOD = frozenset(_words("1 true yes supports supported entailment entailed consistent faithful attributable relevant"))
_BAD = frozenset(
    _words(
        "0 false no refutes refuted contradiction contradicted hallucination partial partially "
        "partially_supported not_supported neutral off-topic inconsistent unfaithful irrelevant "
        "not_enough_info"
    )
)
_NO_FLAW = frozenset({"misleading", "other", "incoherent", "repetitive"})
"""Types of marked spans that say nothing about support."""
_NUMBERED = re.compile(r"(?:^|\n)[ \t]*passage[ \t]+\d{1,3}[ \t]*:", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Labelled:
    """One chain and what people said about it."""

    question: str | None
    passages: tuple[str, ...]
    answer: str
    good: Mapping[str, bool]
    """Evaluator's name to the right outcome: faithful, relevant."""
    spans: tuple[tuple[int, int], ...] | None = None
    """Characters of the answer that nothing supports, end exclusive; None where nobody marked any."""
    source: str = ""
    """Rows of one source are drawn together in a bootstrap and kept on one side of a split."""
    task: str = ""
    generator: str = ""
    line: int = 0

    @property
    def chain(self) -> RagChain:
        """The row as evaluators read it."""
        return RagChain(self.question, tuple(Passage(p) for p in self.passages), self.answer)


@dataclass(frozen=True, slots=True)
class LabelledFile:
    """The rows of a file, and the lines that gave none."""

    rows: tuple[Labelled, ...]
    rejected: tuple[tuple[int, str], ...] = ()
    """Line number (from 1) and why: no JSON, no known shape, no usable label."""
    name: str = field(default="", compare=False)


def labelled(path: str | Path) -> LabelledFile:
    """Read labelled rows from `.jsonl` or `.jsonl.gz`.

    A line that cannot be used is reported in `rejected`. Contexts of the form `passage 1: ... passage 2: ...` become
    several passages; a JSON context stays one.

    Raises:
        SourceError: there is no such file, it is not readable, or not one row in it can be used.
    """
    file = Path(path)
    rows: list[Labelled] = []
    rejected: list[tuple[int, str]] = []
    try:
        for number, line in enumerate(_lines(file), 1):
            if not line.strip():
                continue
            try:
                item: Any = json.loads(line)
                found = list(_rows(item, number)) if isinstance(item, dict) else []
                if not found:
                    rejected.append((number, "no known shape or no usable label"))
                rows.extend(found)
            except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
                rejected.append((number, f"{type(error).__name__}: {error}"[:200]))
    except (OSError, EOFError, UnicodeDecodeError) as error:
        raise SourceError(f"{file}: cannot be read ({error}); expected {ACCEPTED}") from error
    if not rows:
        first = f"; first problem: line {rejected[0][0]}: {rejected[0][1]}" if rejected else ""
        raise SourceError(f"{file}: no usable row{first}; expected {ACCEPTED}")
    return LabelledFile(tuple(rows), tuple(rejected), file.name)


def _lines(file: Path) -> Iterator[str]:
    with file.open("rb") as raw:
        zipped = raw.read(2) == b"\x1f\x8b"
    if zipped:
        with gzip.open(file, "rt", encoding="utf-8", errors="replace") as stream:
            yield from stream
    else:
        with file.open(encoding="utf-8", errors="replace") as stream:
            yield from stream


def _rows(item: Object, line: int) -> Iterator[Labelled]:
    if "right_answer" in item and "hallucinated_answer" in item:
        for key in ("right_answer", "hallucinated_answer"):
            yield _row(item, line, str(item[key]), {"faithfulness": key == "right_answer"}, None)
    elif "context_relevance" in item:
        labels = {
            name: str(item[column]).lower() == "yes"
            for name, column in (
                ("context_relevance", "context_relevance"),
                ("faithfulness", "answer_faithfulness"),
                ("answer_relevance", "answer_relevance"),
            )
            if str(item.get(column) or "").lower() in ("yes", "no")
        }
        yield _row(item, line, str(item.get("answer") or ""), labels, None)
    elif "relevant_passages" in item:
        yield _row(item, line, str(item.get("answer") or ""), {"context_relevance": True}, None)
    elif ("relevant" in item or "answerable" in item) and "claim" not in item:
        good = _verdict(item["relevant"] if "relevant" in item else item["answerable"])
        if good is not None:
            yield _row(item, line, "", {"context_relevance": good}, None)
    elif isinstance(item.get("evidence"), list) and any(isinstance(e, Mapping) for e in item["evidence"]):
        for evidence in item["evidence"]:
            good = _verdict(evidence.get("label"))
            if good is not None:
                text = evidence.get("text") or evidence.get("evidence") or evidence.get("sentence")
                yield _row({**item, "context": text}, line, str(item["claim"]), {"faithfulness": good}, None)
    elif isinstance(item.get("sentences"), list) and ("votes" in item or "supported" in item):
        yield from _by_sentence(item, line)
    else:
        answer = item.get("answer", item.get("claim"))
        if isinstance(answer, str):
            good, spans = _judged(item, len(answer))
            if good is not None:
                yield _row(item, line, answer, {"faithfulness": good}, spans)


def _row(
    item: Object, line: int, answer: str, good: Mapping[str, bool], spans: tuple[tuple[int, int], ...] | None
) -> Labelled:
    source = item.get("source_id") or item.get("title") or _context(item)[:80] or item.get("id") or line
    return Labelled(
        _question(item), _passages(item), answer, good, spans, str(source),
        str(item.get("task") or item.get("set") or item.get("data") or item.get("dataset") or item.get("domain") or ""),
        str(item.get("generator") or ""), line,
    )  # fmt: skip


def _question(item: Object) -> str | None:
    for key in ("question", "message"):
        if isinstance(item.get(key), str):
            return str(item[key])
    for key in ("conversation", "history"):
        turns = item.get(key)
        if isinstance(turns, list) and turns:
            return re.sub(r"^(?:user|agent):\s*", "", str(turns[-1]))
        if isinstance(turns, str) and turns:
            return turns
    return None


def _context(item: Object) -> str:
    for key in ("context", "knowledge", "passage", "sentence"):
        if isinstance(item.get(key), str):
            return str(item[key])
    return ""


def _passages(item: Object) -> tuple[str, ...]:
    listed = item.get("passages") or item.get("relevant_passages")
    if isinstance(listed, list):
        return tuple(str(p["text"] if isinstance(p, Mapping) else p) for p in listed)
    evidence = item.get("evidence")
    if isinstance(evidence, list) and "context" not in item:
        apart = item.get("distractors") or []
        return tuple(p for p in ("\n".join(map(str, evidence)), "\n".join(map(str, apart))) if p)
    context = _context(item)
    if not context and isinstance(item.get("context"), (Mapping, list)):
        context = json.dumps(item["context"], ensure_ascii=False)
    if not context.lstrip().startswith(("{", "[")):
        parts = [p.strip() for p in _NUMBERED.split(context)]
        if len(parts) > 2:
            return tuple(p for p in parts if p)
    return (context,) if context else ()


def _verdict(value: Any) -> bool | None:
    """True for supported, False for not; None for a label that says neither (`generic`)."""
    if isinstance(value, (bool, int, float)):
        return value >= 0.5
    word = str(value).strip().lower().replace(" ", "_")
    if word in _GOOD or word == "fully_attributable":
        return True
    return False if word in _BAD or word == "not_fully_attributable" else None


def _judged(item: Object, length: int) -> tuple[bool | None, tuple[tuple[int, int], ...] | None]:
    """Whether the answer is faithful, and the unsupported spans, from whichever labels the row has."""
    spans: tuple[tuple[int, int], ...] | None = None
    annotations = item.get("annotations")
    if isinstance(item.get("spans"), list):
        spans = _marked(item["spans"], length)
    elif isinstance(annotations, list):
        people = [_marked(a, length) for a in annotations]
        if not people:
            return None, None
        spans = _agreed(people)
        return sum(map(bool, people)) * 2 <= len(people) - (len(people) % 2 == 0), spans
    for key in ("faithful", "label"):
        if key in item:
            good = _verdict(item[key])
            if good is not None or key == "label":
                return good, spans
    votes = item.get("votes")
    if isinstance(votes, Mapping) and votes.get("faithfulness"):
        return median(votes["faithfulness"]) >= 3.5, None
    return (None, None) if spans is None else (not spans, spans)


def _marked(spans: Sequence[Object], length: int) -> tuple[tuple[int, int], ...]:
    kept = [s for s in spans if str(s.get("type", "")).lower() not in _NO_FLAW]
    return tuple((int(s["start"]), int(s["end"])) for s in kept if 0 <= int(s["start"]) < int(s["end"]) <= length)


def _agreed(people: Sequence[tuple[tuple[int, int], ...]]) -> tuple[tuple[int, int], ...]:
    """Characters that at least half of the people marked."""
    edges = sorted((at, step) for spans in people for a, b in spans for at, step in ((a, 1), (b, -1)))
    found: list[tuple[int, int]] = []
    depth, opened, need = 0, None, (len(people) + 1) // 2
    for at, step in edges:
        depth += step
        if depth >= need and opened is None:
            opened = at
        elif depth < need and opened is not None:
            if at > opened:
                found.append((opened, at))
            opened = None
    return tuple(found)


def _by_sentence(item: Object, line: int) -> Iterator[Labelled]:
    texts = [str(s) for s in item["sentences"]]
    if "supported" in item:
        fine = [bool(s) for s in item["supported"]]
    else:
        fine = [sum(_verdict(v) is True for v in votes) * 2 > len(votes) for votes in item["votes"]]
    spans: list[tuple[int, int]] = []
    at = 0
    for text, ok in zip(texts, fine, strict=True):
        if not ok:
            spans.append((at, at + len(text)))
        at += len(text) + 1
    yield _row(item, line, " ".join(texts), {"faithfulness": not spans}, tuple(spans))
