"""Short chains made by rule from labelled long ones: a user's first answers have one sentence, RAGTruth's have ten.

Good ones: a sentence of an answer in which people found no fault, a sentence of the passage itself, a phrase of it.
Bad ones: the same with one number, name, direction or negation changed, or one from another source.
"""

import random
import re
from collections.abc import Sequence

from groundwire.labelled import Labelled
from groundwire_evaluators.claims import OPPOSITES, is_checkable
from groundwire_evaluators.flatten import statements
from groundwire_evaluators.passages import index_passages
from groundwire_evaluators.sentences import sentences
from groundwire_evaluators.support import best_support
from groundwire_evaluators.synonyms import GROUPS
from groundwire_evaluators.tokens import STOP_WORDS, listed, stem
from groundwire_evaluators.words import read_words

_NUMBER = re.compile(r"\d[\d,]*(?:\.\d+)?")
_NAME = re.compile(r"(?<=[a-z,] )[A-Z][a-z]{2,}(?: [A-Z][a-z]{2,})*")
_BE = re.compile(r"\b(is|are|was|were|has|can|will|does|did)\b(?! not)")
_NOT = re.compile(r"\b(is|are|was|were|can|will|does|did|do) not ")
_DATE_NAMES = frozenset(listed("January February March April May June July August September October November December"))

Change = tuple[str, tuple[int, int]]


def changed_number(text: str, rng: random.Random) -> Change | None:
    """One number replaced by a near but different one."""
    found = list(_NUMBER.finditer(text))
    if not found:
        return None
    match = rng.choice(found)
    digits = match.group().replace(",", "")
    value = float(digits)
    if "." in digits:
        digits_after = len(digits.partition(".")[2])
        changed = value + rng.choice([-1, 1]) * rng.choice([0.3, 0.7, 1.1, 2.4])
        other = f"{changed:.{digits_after}f}".lstrip("-")
    elif 1500 <= value <= 2100:
        other = str(int(value) + rng.choice([-12, -7, -3, -2, -1, 1, 2, 3, 5, 9]))
    else:
        step = max(1, int(value * rng.choice([0.06, 0.1, 0.25, 0.5])))
        near = max(0, int(value) + rng.choice([-step, step, step * 2]))
        other = f"{near:,}" if "," in match.group() else str(near)
    if other == match.group() or other == digits:
        return None
    return text[: match.start()] + other + text[match.end() :], (match.start(), match.start() + len(other))


def changed_name(text: str, names: Sequence[str], rng: random.Random) -> Change | None:
    """One name inside the sentence replaced by a name from another source."""
    found = list(_NAME.finditer(text))
    if not found or not names:
        return None
    match = rng.choice(found)
    other = rng.choice(names)
    if other == match.group():
        return None
    return text[: match.start()] + other + text[match.end() :], (match.start(), match.start() + len(other))


def changed_negation(text: str, rng: random.Random) -> Change | None:
    """A `not` put in, or taken out."""
    gone = _NOT.search(text)
    if gone:
        return text[: gone.start()] + gone.group(1) + " " + text[gone.end() :], (
            gone.start(),
            gone.start() + len(gone.group(1)),
        )
    found = list(_BE.finditer(text))
    if not found:
        return None
    match = rng.choice(found)
    return text[: match.end()] + " not" + text[match.end() :], (match.start(), match.end() + 4)


def changed_direction(text: str, rng: random.Random) -> Change | None:
    """A word replaced by its opposite, where the list of the evaluator has one; inflected words are left alone."""
    found = [m for m in re.finditer(r"[a-z]+", text) if stem(m.group()) == m.group() and m.group() in OPPOSITES]
    if not found:
        return None
    match = rng.choice(found)
    other = OPPOSITES[match.group()]
    return text[: match.start()] + other + text[match.end() :], (match.start(), match.start() + len(other))


def short_chains(rows: Sequence[Labelled], seed: int = 7) -> list[Labelled]:
    """Rows with answers of one sentence or phrase, each under the source of the row it was made from."""
    rng = random.Random(seed)
    names = sorted(
        {m.group() for r in rows for p in r.passages for m in _NAME.finditer(p) if m.group() not in _DATE_NAMES}
    )
    made: list[Labelled] = []
    pool = [s for r in rows if not r.spans for s in _checkable(r.answer)]
    for row in rows:
        if row.spans or not row.passages:
            continue
        own = _checkable(row.answer)
        for text in rng.sample(own, min(1, len(own))):
            made += _pair(row, _loosened(text, rng), row.passages, names, pool, rng)
        for text in own:
            near = _near(row, text)
            if near and rng.random() < 0.4:
                made += _pair(row, _loosened(text, rng), near, names, pool, rng)
        made += _from_passage(row, names, pool, rng)
    return made


def _near(row: Labelled, text: str) -> tuple[str, ...]:
    """The statement that carries most of a sentence, with its neighbours; () where they carry too little of it."""
    words = read_words(text, 0, len(text))
    index = index_passages(row.passages)
    support = best_support(index, frozenset(words.stems[i] for i in words.content))
    if support.unit is None or support.neighbour_coverage < 0.5 or index.structured:
        return ()
    passage = index.passage_of[support.unit]
    places = [
        index.units[u].statement
        for u in range(support.unit - 1, support.unit + 2)
        if 0 <= u < len(index.units) and index.passage_of[u] == passage
    ]
    return (row.passages[passage][places[0].start : places[-1].end],)


def _checkable(answer: str) -> list[str]:
    found = [(answer[a:b], read_words(answer, a, b)) for a, b in sentences(answer)]
    return [text for text, words in found if is_checkable(answer, words) and 5 <= len(words.raw) <= 45]


def _from_passage(row: Labelled, names: Sequence[str], pool: Sequence[str], rng: random.Random) -> list[Labelled]:
    passage = rng.choice(row.passages)
    found, structured = statements(passage)
    prose = [s for s in found if not s.path and 6 <= len(s.text.split()) <= 40]
    if structured or len(prose) < 3:
        return []
    at = rng.randrange(len(prose))
    first, last = max(0, at - rng.randrange(3)), min(len(prose) - 1, at + rng.randrange(3))
    near = (passage[prose[first].start : prose[last].end],)
    text = prose[at].text
    made = _pair(row, _loosened(text, rng), near, names, pool, rng)
    numbers = list(_NUMBER.finditer(text))
    if numbers and rng.random() < 0.5:
        number = rng.choice(numbers).group()
        made.append(_row(row, number, near, ()))
        other = changed_number(number, rng)
        if other and other[0] not in near[0]:
            made.append(_row(row, other[0], near, (other[1],)))
    words = text.split()
    if rng.random() < 0.5 and len(words) > 8:
        length = rng.randrange(1, 5)
        start = rng.randrange(len(words) - length)
        phrase = " ".join(words[start : start + length]).strip(".,;:()\"' ")
        if any(w.lower() not in STOP_WORDS for w in re.findall(r"\w+", phrase)):
            made.append(_row(row, phrase, near, ()))
            other = " ".join(rng.choice(pool).split()[-length - 1 :]).strip(".,;:()\"' ")
            if set(re.findall(r"\w+", other.lower())).isdisjoint(re.findall(r"\w+", near[0].lower())):
                made.append(_row(row, other, near, ((0, len(other)),)))
    return made


def _loosened(text: str, rng: random.Random) -> str:
    """Same fact, other words: a parenthesis dropped, a unit abbreviated, a synonym, an opening added."""
    if rng.random() < 0.5:
        text = re.sub(r"\b[a-z]{3,}\b", lambda m: _synonym(m.group(), rng), text)
    text = re.sub(r"\s*\([^)]{0,60}\)", "", text) if rng.random() < 0.5 else text
    for full, brief in (
        ("kilometers", "km"),
        ("metres", "m"),
        ("meters", "m"),
        ("percent", "%"),
        ("million", "mn"),
        ("pounds", "lbs"),
    ):
        if rng.random() < 0.5:
            text = text.replace(f" {full}", f" {brief}")
    if rng.random() < 0.2 and text[:1].isupper():
        text = rng.choice(("According to the passage, ", "The text says that ", "Yes, ", "In short, ")) + text
    return text


_GROUP_OF = {word: group.split() for group in GROUPS for word in group.split()}


def _synonym(word: str, rng: random.Random) -> str:
    group = _GROUP_OF.get(word)
    return rng.choice(group) if group and rng.random() < 0.6 else word


def _pair(
    row: Labelled, text: str, passages: Sequence[str], names: Sequence[str], pool: Sequence[str], rng: random.Random
) -> list[Labelled]:
    made = [_row(row, text, passages, ())]
    ways = [
        lambda: changed_number(text, rng), lambda: changed_number(text, rng), lambda: changed_name(text, names, rng),
        lambda: changed_negation(text, rng), lambda: changed_direction(text, rng),
        lambda: _foreign(pool, passages, rng),
    ]  # fmt: skip
    rng.shuffle(ways)
    for way in ways:
        change = way()
        if change:
            made.append(_row(row, change[0], passages, (change[1],)))
            break
    return made


def _foreign(pool: Sequence[str], passages: Sequence[str], rng: random.Random) -> Change | None:
    text = rng.choice(pool)
    return None if any(text in p for p in passages) else (text, (0, len(text)))


def _row(row: Labelled, answer: str, passages: Sequence[str], spans: tuple[tuple[int, int], ...]) -> Labelled:
    return Labelled(
        row.question, tuple(passages), answer, {"faithfulness": not spans}, spans, row.source, "short", "rule"
    )
