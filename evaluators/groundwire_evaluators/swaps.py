"""Right words in the wrong relation: who did it to whom, whose number it is, and what is denied.

Compares a sentence with the statement that supports it best. Order alone proves little, so only close patterns count:
"A beat B" against "B beat A", "A has 5 and B 7" against "A has 7 and B 5", "is not open" against "is open".
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from groundwire_evaluators.dates import MONTHS, dates
from groundwire_evaluators.tokens import CARRIES, listed
from groundwire_evaluators.words import Words, is_clause_break, negates

_AUXILIARY = frozenset(listed("has have had was were is are be been will would did does do also then later not"))
_REACH = 3
"""Content words that a negation governs after it, within its clause."""
_LONG = 80
"""Tokens of a sentence or statement that are looked at."""


@dataclass(frozen=True, slots=True)
class Swaps:
    """Tokens of the sentence that stand in another relation than in the statement."""

    names: tuple[int, ...] = ()
    """Subjects that are objects there."""
    numbers: tuple[int, ...] = ()
    """Numbers that belong to another name there."""
    denied: tuple[int, ...] = ()
    """Words denied on one side alone."""


NO_SWAPS = Swaps()


def find_swaps(words: Words, statement: Words, *, near_copy: bool) -> Swaps:
    """Compare a sentence with a statement.

    Args:
        words: The sentence.
        statement: What supports it best.
        near_copy: Whether most of the sentence is in it; otherwise negations are not compared.
    """
    place = {s: i for i, s in reversed(list(enumerate(statement.stems[:_LONG])))}
    return Swaps(
        tuple(_swapped_names(words, statement, place)),
        tuple(_swapped_numbers(words, statement, place)),
        tuple(_denied_on_one_side(words, statement)) if near_copy else (),
    )


def _is_name(words: Words, at: int) -> bool:
    return words.raw[at][0].isupper() and CARRIES[words.stems[at]]


def _verb_after(words: Words, at: int) -> int | None:
    """The word that a subject at `at` governs, auxiliaries skipped; None where another name or a stop word follows."""
    at += 1
    while at < len(words.raw) and words.stems[at] in _AUXILIARY:
        at += 1
    if at < len(words.raw) and words.raw[at][0].islower() and CARRIES[words.stems[at]]:
        return at
    return None


def _swapped_names(words: Words, statement: Words, place: Mapping[str, int]) -> list[int]:
    found: list[int] = []
    names = [i for i in words.content[:_LONG] if _is_name(words, i) and words.stems[i] in place]
    for subject in names:
        verb = _verb_after(words, subject)
        there_verb = place.get(words.stems[verb]) if verb is not None else None
        if verb is None or there_verb is None or place[words.stems[subject]] <= there_verb:
            continue
        for other in names:
            there = place[words.stems[other]]
            if other > verb and words.stems[other] != words.stems[subject] and there < there_verb:
                acts = _verb_after(statement, there) == there_verb
                passive = "by" in words.stems[verb:other]
                passive_there = "by" in statement.stems[there_verb : place[words.stems[subject]]]
                if acts and passive == passive_there:
                    found.append(subject)
                    break
    return found


def _numbers_of_names(words: Words, place: Mapping[str, int] | None = None) -> dict[str, list[tuple[str, int]]]:
    """Name to the numbers between it and the next name; dates are nobody's."""
    dated = {i for d in dates(words.raw, words.stems) for i in range(d.start, d.end)}
    numbers = {q.start for q in words.numbers if q.value is not None}
    found: dict[str, list[tuple[str, int]]] = {}
    name = ""
    for at in words.content[:_LONG]:
        if at in dated or words.stems[at] in MONTHS:
            continue
        if at in numbers:
            if name:
                found.setdefault(name, []).append((words.stems[at], at))
        elif _is_name(words, at) and (place is None or words.stems[at] in place):
            name = words.stems[at]
    return found


def _swapped_numbers(words: Words, statement: Words, place: Mapping[str, int]) -> list[int]:
    if len(statement.numbers) < 2 or not words.numbers:
        return []
    here = _numbers_of_names(words, place)
    if not here:
        return []
    there = _numbers_of_names(statement)
    owner: dict[str, set[str]] = {}
    for name, numbers in there.items():
        for number, _ in numbers:
            owner.setdefault(number, set()).add(name)
    return [
        at
        for name, numbers in here.items()
        for number, at in numbers
        if there.get(name) and number in owner and name not in owner[number]
    ]


def _denied(words: Words) -> dict[str, int]:
    """Stems that a negation governs, to their tokens."""
    found: dict[str, int] = {}
    n = min(len(words.raw), _LONG)
    for at in range(n):
        if negates(words.raw, at):
            left = _REACH
            for i in range(at + 1, n):
                if not left or is_clause_break(words.raw[i]):
                    break
                if CARRIES[words.stems[i]]:
                    found.setdefault(words.stems[i], i)
                    left -= 1
    return found


def _denied_on_one_side(words: Words, statement: Words) -> Sequence[int]:
    here, there = _denied(words), _denied(statement)
    if not here and not there:
        return []
    said, said_there = set(words.stems), set(statement.stems)
    first = next((at for s, at in here.items() if s in said_there and s not in there), None)
    other = next((s for s in there if s in said and s not in here), None)
    if first is not None and (not there or other is not None):
        return [first]
    return [words.stems.index(other)] if other is not None and not here else []
