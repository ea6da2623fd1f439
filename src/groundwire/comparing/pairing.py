"""Which answers of two runs belong together: those to the same question, or with the same value of an attribute."""

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from groundwire.answers import Answer
from groundwire.comparing.measures import Measure
from groundwire.comparing.runs import Run
from groundwire.errors import ConfigurationError

_EDGES = " .?!…,;:\"'`«»“”„‘’¿¡。？！"
_MOST_NAMES = 8


def normalised(question: str) -> str:
    r"""A question without what does not change it: case, width and runs of blanks, punctuation at its ends.

    >>> normalised("  How tall is\nit ?") == normalised("how tall is it")
    True
    """
    text = unicodedata.normalize("NFKC", question).casefold()
    return re.sub(r"\s+", " ", text).strip(_EDGES)


@dataclass(frozen=True, slots=True)
class Group:
    """All answers of a run to one question."""

    key: str
    answers: tuple[Answer, ...]

    @property
    def title(self) -> str:
        """The question as it was asked first, else the key."""
        return next((a.question for a in self.answers if a.question), self.key)


@dataclass(frozen=True, slots=True)
class Pairing:
    """Two runs side by side."""

    by: str
    """`question`, or the attribute."""
    paired: tuple[str, ...]
    """Keys that both runs have, in the order of the first."""
    base: Mapping[str, Group]
    candidate: Mapping[str, Group]
    without_key: tuple[int, int]
    """Answers of each run that have no question, or lack the attribute."""

    @property
    def only_base(self) -> tuple[str, ...]:
        """Keys that the second run lacks."""
        return tuple(key for key in self.base if key not in self.candidate)

    @property
    def only_candidate(self) -> tuple[str, ...]:
        """Keys that the first run lacks."""
        return tuple(key for key in self.candidate if key not in self.base)


def pair(base: Run, candidate: Run, key: str | None = None) -> Pairing:
    """Pair two runs by question, or by an attribute of the answer's span, its request's root or its resource.

    Raises:
        ConfigurationError: no answer of a run has that attribute.
    """
    groups: list[dict[str, Group]] = []
    without: list[int] = []
    for run in (base, candidate):
        members: dict[str, list[Answer]] = {}
        for answer in run.answers:
            name = _key(answer, key)
            if name:
                members.setdefault(name, []).append(answer)
        if key is not None and run.answers and not members:
            raise ConfigurationError(f"no answer in {run.name} has the attribute {key!r}; {known_attributes(run)}")
        groups.append({name: Group(name, tuple(found)) for name, found in members.items()})
        without.append(len(run.answers) - sum(map(len, members.values())))
    both = tuple(name for name in groups[0] if name in groups[1])
    return Pairing(key or "question", both, groups[0], groups[1], (without[0], without[1]))


def _key(answer: Answer, attribute: str | None) -> str:
    if attribute is None:
        return normalised(answer.question or "")
    value = attribute_of(answer, attribute)
    return "" if value is None else str(value)


def attribute_of(answer: Answer, name: str) -> Any:
    """An attribute of the answer's span, its request's root or its resource; `model` is the model, whoever wrote it."""
    value = answer.attribute(name)
    return answer.chain.model if value is None and name == "model" else value


def known_attributes(run: Run) -> str:
    """Some attributes that may be meant: those with short values."""
    names: dict[str, None] = {}
    for answer in run.answers[:20]:
        for attributes in (answer.span.attributes, answer.trace.root.attributes, answer.span.resource):
            names.update({n: None for n, v in attributes.items() if _is_short(v) and ".evaluation." not in n})
    shown = [name for name in names if not name.startswith(("gen_ai.usage.", "telemetry."))]
    more = f" and {len(shown) - _MOST_NAMES} more" if len(shown) > _MOST_NAMES else ""
    return f"there are {', '.join(shown[:_MOST_NAMES])}{more}" if shown else "there are none"


def _is_short(value: Any) -> bool:
    return isinstance(value, bool | int | float) or (isinstance(value, str) and len(value) <= 60)


@dataclass(frozen=True, slots=True)
class Column:
    """A figure of each group of a run."""

    values: tuple[float | None, ...]
    """The mean over the answers of the group that have it: answers to one question are no independent trials."""
    expected: tuple[bool, ...]
    """False where the group has no answer of its own to measure: its requests count with their first question."""


def column(run: Run, groups: Mapping[str, Group], measure: Measure, keys: Sequence[str]) -> Column:
    """A figure of a run, averaged within each group."""
    place = {(a.span.trace_id, a.span.span_id): key for key in keys for a in groups[key].answers}
    found: dict[str, list[float | None]] = {}
    for answer, value in run.values(measure):
        key = place.get((answer.span.trace_id, answer.span.span_id))
        if key is not None:
            found.setdefault(key, []).append(value)
    values = tuple(mean(v for v in found.get(key, ()) if v is not None) for key in keys)
    return Column(values, tuple(key in found for key in keys))


def mean(values: Iterable[float]) -> float | None:
    """The mean; None of nothing."""
    known = list(values)
    return sum(known) / len(known) if known else None


def singly(run: Run, groups: Mapping[str, Group]) -> dict[str, Group]:
    """The groups, and each answer without a key as one of its own: for a comparison that pairs nothing."""
    grouped = {(a.span.trace_id, a.span.span_id) for group in groups.values() for a in group.answers}
    alone = [a for a in run.answers if (a.span.trace_id, a.span.span_id) not in grouped]
    return {**groups, **{(key := f"{a.span.trace_id}/{a.span.span_id}"): Group(key, (a,)) for a in alone}}
