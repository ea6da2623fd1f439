"""Training examples of the local model: windows of labelled rows, and of rows that were made worse by rule."""

import gzip
import json
import random
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from corruptions import Change, changed_direction, changed_name, changed_negation, changed_number

from groundwire.labelled import Labelled, labelled
from groundwire_evaluators.context_relevance import RELEVANCE_WINDOW
from groundwire_evaluators.evidence import EvidenceReader, Window
from groundwire_evaluators.passages import index_passages
from groundwire_evaluators.sentences import sentences
from groundwire_evaluators.support import best_support
from groundwire_evaluators.wordpiece import WordPiece
from groundwire_evaluators.words import read_words

FAITHFULNESS: Mapping[str, int | None] = {
    "faithfulness-ragtruth": None, "data2text-quintd": None, "data2text-d2t-eval": None, "data2text-nba": None,
    "summaries-summedits": None, "claims-factcg": None, "claims-fm2": None, "claims-falke": None,
    "claims-scifact": None, "claims-infotabs": 3000, "dialogue-begin": None, "dialogue-begin-v1": 2000,
    "dialogue-q2": None, "dialogue-dialfact": None, "dialogue-faithdial-audit": None,
}  # fmt: skip
"""Sets that are trained on, and how many of their rows are drawn. Left out on purpose, to be measured as foreign: WiCE,
FRANK (and XSum spans: the same articles), AttributionBench, MTRAG; and every set without a stated licence."""
RELEVANCE = ("relevance-qnli", "relevance-squad2", "relevance-clapnq")
WRITTEN = ("faithfulness-ragtruth", "data2text-quintd", "data2text-d2t-eval", "summaries-summedits")
"""Sets whose answers were written by language models: their sound sentences are what gets corrupted."""


@dataclass(frozen=True, slots=True)
class Example:
    """A window and what is known about it. -1 stands for "not known"."""

    window: Window
    tokens: list[int]
    """For each piece of the answer: 1 unsupported, 0 supported."""
    sentences: list[int]
    """For each sentence of the window: 1 unsupported, 0 supported."""
    contradicted: list[int]
    """For each sentence: 1 where the passages say otherwise, 0 where it is supported or they are silent."""
    any_bad: int
    """1 where some sentence of the window is unsupported and nobody said which."""
    relevant: int
    """1 where the passage holds what the question asks for: only in windows of questions."""
    name: str
    """Set it comes from."""
    source: str
    row: int
    """Number of the row in its set (evaluation groups by it)."""


def raw_lines(file: Path) -> dict[int, Mapping[str, Any]]:
    """Line number to the object as published."""
    with gzip.open(file, "rt", encoding="utf-8") as stream:
        return {i: json.loads(line) for i, line in enumerate(stream, 1) if line.strip()}


def faithfulness_rows(data: Path, name: str, limit: int | None = None) -> list[Labelled]:
    """The rows of a set that have a label of faithfulness; a fixed draw where there is a limit."""
    rows = [r for r in labelled(data / f"{name}.jsonl.gz").rows if "faithfulness" in r.good and r.answer.strip()]
    return rows if limit is None or len(rows) <= limit else random.Random(0).sample(rows, limit)


_OTHERWISE = frozenset({"contradicted", "refutes", "contradiction"})
_CONFLICT = re.compile(r"conflict|^incorrect$|contradict", re.IGNORECASE)


def conflicts(item: Mapping[str, Any]) -> tuple[tuple[int, int], ...] | bool | None:
    """Spans that the passages contradict; True or False for a row of one claim; None where nobody told them apart."""
    spans = item.get("spans")
    if isinstance(spans, list) and spans and isinstance(spans[0], Mapping):
        kind = "label_type" if "label_type" in spans[0] else "type" if "type" in spans[0] else ""
        if kind:
            return tuple((s["start"], s["end"]) for s in spans if _CONFLICT.search(str(s.get(kind, ""))))
    label = str(item.get("label", "")).lower()
    if label in _OTHERWISE:
        return True
    return False if label in ("neutral", "not enough info", "hallucination", "off-topic") else None


def examples_of(
    row: Labelled, number: int, name: str, pieces: WordPiece, *, otherwise: tuple[tuple[int, int], ...] | bool | None
) -> Iterator[Example]:
    """The windows of a row with their labels."""
    passages = [p for p in row.passages if p.strip()]
    if not passages:
        return
    spans = sentences(row.answer)
    windows = EvidenceReader(index_passages(passages), pieces).windows(row.answer, spans, row.question)
    good = row.good["faithfulness"]
    marked = row.spans if row.spans is not None and (row.spans or good) else None
    for window in windows:
        n = len(window.starts)
        if marked is not None:
            tokens = [
                int(any(a < e and s < b for a, b in marked)) for s, e in zip(window.starts, window.ends, strict=True)
            ]
        else:
            tokens = [0 if good else -1] * n
        labels: list[int] = []
        against: list[int] = []
        for _, first, end in window.sentences:
            inside = tokens[first:end]
            bad = -1 if -1 in inside else int(1 in inside)
            if bad == -1 and len(spans) == 1:
                bad = int(not good)
            labels.append(bad)
            if bad == 0:
                against.append(0)
            elif isinstance(otherwise, bool):
                against.append(int(otherwise) if bad == 1 else -1)
            elif otherwise is None or bad == -1:
                against.append(-1)
            else:
                s, e = window.starts[first], window.ends[end - 1]
                against.append(int(any(a < e and s < b for a, b in otherwise)))
        any_bad = int(not good and marked is None and len(windows) == 1 and -1 in labels)
        yield Example(window, tokens, labels, against, any_bad, -1, name, row.source, number)


# --- rows made worse by rule ----------------------------------------------------------------------------------------

_NUMBER = re.compile(r"\d[\d,]*(?:\.\d+)?")
_NAME = re.compile(r"(?<=[a-z,\"'(:] )[A-Z][a-z]{2,}(?: [A-Z][a-z]{2,})*|(?<=\")[A-Z][a-z]{2,}(?: [A-Z][a-z]{2,})*")
_PHRASE = re.compile(
    r"(?:, | )(?:in|at|for|with|by|from|after|during|because of|including|such as) [^,.;:()\"]{6,45}(?=[,.])"
)
_OPPOSITES = (
    "increase decrease|increased decreased|rose fell|rise fall|higher lower|more less|most least|before after|"
    "first last|all some|always never|best worst|early late|earlier later|above below|accept reject|"
    "accepted rejected|approved denied|agree disagree|agreed refused|allow forbid|allowed banned|arrived left|"
    "begin end|began ended|big small|bought sold|buy sell|cheap expensive|clean dirty|closed open|cold hot|"
    "common rare|confirmed denied|cut raised|daily weekly|day night|deny admit|denied admitted|easy difficult|"
    "east west|eastern western|north south|northern southern|failed managed|fast slow|few many|"
    "positive negative|gain loss|gained lost|good bad|guilty innocent|happy unhappy|hard soft|healthy unhealthy|"
    "high low|husband wife|inside outside|indoor outdoor|large small|largest smallest|legal illegal|"
    "likely unlikely|long short|loud quiet|male female|man woman|maximum minimum|mother father|near far|new old|"
    "often rarely|older younger|opened closed|outdoor indoor|own rent|passed failed|poor rich|"
    "possible impossible|praised criticized|private public|quickly slowly|safe dangerous|same different|"
    "single married|son daughter|started stopped|strong weak|success failure|support oppose|supported opposed|"
    "sweet bitter|top bottom|upper lower|urban rural|win lose|won lost|wide narrow|yes no|year month|"
    "years months|weeks days|hours minutes|brother sister|boys girls|monday friday|tuesday thursday|"
    "saturday wednesday|january march|february august|april october|june december|morning evening|"
    "million billion|majority minority|include exclude|includes excludes|friendly rude|casual formal|"
    "available unavailable|free paid|breakfast dinner|lunch brunch"
)
_SWAPS = {a: b for pair in _OPPOSITES.split("|") for x, y in [pair.split()] for a, b in ((x, y), (y, x))}


def swapped_word(text: str, rng: random.Random) -> Change | None:
    """An everyday word replaced by its opposite or a sibling, its capital kept."""
    found = [m for m in re.finditer(r"[A-Za-z]+", text) if m.group().lower() in _SWAPS]
    if not found:
        return None
    match = rng.choice(found)
    other = _SWAPS[match.group().lower()]
    other = other.capitalize() if match.group()[0].isupper() else other
    return text[: match.start()] + other + text[match.end() :], (match.start(), match.start() + len(other))


def swapped_from_context(text: str, context: str, rng: random.Random) -> Change | None:
    """A name or number replaced by another of the same passages: every word is there, the combination is not."""
    for pattern in rng.sample((_NAME, _NUMBER), 2):
        found = list(pattern.finditer(text))
        others = sorted({m.group() for m in pattern.finditer(context[:20_000])})
        if not found or len(others) < 2:
            continue
        match = rng.choice(found)
        other = rng.choice(others)
        if other.lower() in text.lower() or match.group() in other:
            continue
        return text[: match.start()] + other + text[match.end() :], (match.start(), match.start() + len(other))
    return None


def swapped_names(text: str, rng: random.Random) -> tuple[str, list[tuple[int, int]]] | None:
    """Two names of a sentence that change places."""
    found = list(_NAME.finditer(text))
    if len(found) < 2:
        return None
    a, b = sorted(rng.sample(found, 2), key=lambda m: m.start())
    if a.group() == b.group():
        return None
    made = text[: a.start()] + b.group() + text[a.end() : b.start()] + a.group() + text[b.end() :]
    shift = len(b.group()) - len(a.group())
    return made, [(a.start(), a.start() + len(b.group())), (b.start() + shift, b.start() + shift + len(a.group()))]


def grown(text: str, phrases: Sequence[str], rng: random.Random) -> Change | None:
    """A phrase of another answer put in before the full stop."""
    if not phrases or not text.endswith("."):
        return None
    phrase = rng.choice(phrases)
    return text[:-1] + phrase + ".", (len(text) - 1, len(text) - 1 + len(phrase))


@dataclass(frozen=True, slots=True)
class Pools:
    """What foreign names and phrases are drawn from."""

    names: Sequence[str]
    phrases: Sequence[str]


def pools(rows: Iterable[Labelled]) -> Pools:
    """Names of passages, phrases of answers."""
    names: set[str] = set()
    phrases: set[str] = set()
    for row in rows:
        names.update(m.group() for p in row.passages for m in _NAME.finditer(p[:5000]))
        phrases.update(m.group() for m in _PHRASE.finditer(row.answer))
    return Pools(sorted(names), sorted(phrases))


def worse(row: Labelled, pool: Pools, rng: random.Random, share: float = 0.4) -> Labelled | None:
    """The row with some of its sound sentences changed; marks of people are kept, the changes are marked too."""
    if row.spans is None or (not row.spans and not row.good["faithfulness"]):
        return None
    context = "\n".join(row.passages)
    answer, at = "", 0
    spans: list[tuple[int, int]] = []
    for start, end in sentences(row.answer):
        answer += row.answer[at:start]
        here, text = len(answer), row.answer[start:end]
        old = [(max(a, start) - start, min(b, end) - start) for a, b in row.spans if a < end and start < b]
        made: tuple[str, list[tuple[int, int]]] | None = None
        if not old and rng.random() < share:
            made = _changed(text, context, pool, rng)
        text, new = made or (text, old)
        spans += [(here + a, here + b) for a, b in new]
        answer += text
        at = end
    answer += row.answer[at:]
    if len(spans) <= len(row.spans):
        return None
    return replace(row, answer=answer, spans=tuple(spans), good={"faithfulness": False})


def _changed(text: str, context: str, pool: Pools, rng: random.Random) -> tuple[str, list[tuple[int, int]]] | None:
    ways = [
        lambda: changed_number(text, rng), lambda: changed_name(text, pool.names, rng),
        lambda: changed_negation(text, rng), lambda: changed_direction(text, rng), lambda: swapped_word(text, rng),
        lambda: swapped_word(text, rng),
        lambda: swapped_from_context(text, context, rng), lambda: swapped_from_context(text, context, rng),
        lambda: grown(text, pool.phrases, rng),
    ]  # fmt: skip
    if rng.random() < 0.15 and (both := swapped_names(text, rng)):
        return both
    rng.shuffle(ways)
    for way in ways:
        change = way()
        if change is not None:
            return change[0], [change[1]]
    return None


def context_changed(row: Labelled, pool: Pools, rng: random.Random) -> Labelled | None:
    """The same answer over passages in which one to three of its numbers, names or yes/no values were changed."""
    if row.spans is None or (not row.spans and not row.good["faithfulness"]):
        return None
    passages = list(row.passages)
    spans = list(row.spans)
    found = [m for m in (*_NUMBER.finditer(row.answer), *_NAME.finditer(row.answer)) if len(m.group()) > 1]
    rng.shuffle(found)
    changed = 0
    for match in found:
        word = match.group()
        pattern = re.compile(rf"(?<![\w.]){re.escape(word)}(?![\w])")
        if any(a < match.end() and match.start() < b for a, b in spans) or not any(pattern.search(p) for p in passages):
            continue
        change = changed_number(word, rng) if word[0].isdigit() else (rng.choice(pool.names), (0, 0))
        if change is None or change[0] == word or any(change[0] in p for p in passages):
            continue
        passages = [pattern.sub(lambda _, c=change: c[0], p) for p in passages]
        spans += [m.span() for m in pattern.finditer(row.answer)]
        changed += 1
        if changed >= rng.choice((1, 2, 3)):
            break
    if not changed:
        return None
    return replace(row, passages=tuple(passages), spans=tuple(sorted(spans)), good={"faithfulness": False})


def evidence_removed(row: Labelled, rng: random.Random) -> tuple[Labelled, int] | None:
    """The row without the statements that carry one of its sound sentences, and that sentence's number."""
    if row.spans is None or (not row.spans and not row.good["faithfulness"]):
        return None
    passages = [p for p in row.passages if p.strip()]
    index = index_passages(passages)
    if index.structured or len(index.units) < 4:
        return None
    found = sentences(row.answer)
    order = list(range(len(found)))
    rng.shuffle(order)
    for number in order:
        start, end = found[number]
        if any(a < end and start < b for a, b in row.spans):
            continue
        words = read_words(row.answer, start, end)
        content = frozenset(words.stems[i] for i in words.content)
        if len(content) < 5 or best_support(index, content).coverage < 0.55:
            continue
        gone = [u for u, unit in enumerate(index.units) if len(unit.content & content) >= 0.34 * len(content)]
        if not gone or len(gone) > 0.5 * len(index.units):
            continue
        kept = list(passages)
        for u in sorted(gone, key=lambda u: -index.units[u].statement.start):
            text, cut = kept[index.passage_of[u]], index.units[u].statement
            kept[index.passage_of[u]] = text[: cut.start] + " " + text[cut.end :]
        rest = index_passages(kept)
        if best_support(rest, content).neighbour_coverage < 0.4:
            return replace(row, passages=tuple(kept), good={"faithfulness": False}), number
    return None


def removed_examples(row: Labelled, gone: int, number: int, name: str, pieces: WordPiece) -> Iterator[Example]:
    """Windows of a row whose sentence `gone` lost its evidence: the others are as not known."""
    for example in examples_of(row, number, name, pieces, otherwise=None):
        if all(s != gone for s, _, _ in example.window.sentences):
            continue
        labels = [1 if s == gone else -1 for s, _, _ in example.window.sentences]
        yield replace(
            example,
            tokens=[-1] * len(example.tokens),
            sentences=labels,
            contradicted=[0 if v == 1 else -1 for v in labels],
        )


# --- questions ------------------------------------------------------------------------------------------------------


def question_example(
    question: str, passages: Sequence[str], relevant: bool, pieces: WordPiece, name: str, source: str, row: int
) -> Example | None:
    """One window: the question in the answer's place, read beside the passage."""
    texts = [p for p in passages if p.strip()]
    if not texts or not question.strip():
        return None
    reader = EvidenceReader(index_passages(texts), pieces, RELEVANCE_WINDOW)
    windows = reader.windows(question, [(0, len(question))])
    if not windows:
        return None
    n = len(windows[0].starts)
    return Example(windows[0], [-1] * n, [-1], [-1], 0, int(relevant), name, source, row)


def changed_question(question: str, passage: str, pool: Pools, rng: random.Random) -> str | None:
    """The question with a name, number or word of another kind: what it asks is no longer in the passage."""
    for way in rng.sample((0, 1, 2), 3):
        if way == 0:
            change = swapped_word(question, rng)
        elif way == 1:
            change = changed_number(question, rng)
        else:
            change = changed_name(question, pool.names, rng)
        if change is not None and change[0][change[1][0] : change[1][1]].lower() not in passage.lower():
            return change[0]
    return None


def answer_sentences(passage: str, answer: str) -> tuple[list[str], list[str]]:
    """The sentences of a passage that hold the answer, and the others."""
    parts = [passage[a:b] for a, b in sentences(passage)]
    low = answer.lower().strip(" .\"'")
    return [p for p in parts if low in p.lower()], [p for p in parts if low not in p.lower()]
