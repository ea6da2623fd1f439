"""How a sentence treats the keys of structured passages whose value is yes, no or null."""

from dataclasses import dataclass

from groundwire_evaluators.passages import COMMON, IndexedPassages, Unit
from groundwire_evaluators.words import Words, negated_at


@dataclass(frozen=True, slots=True)
class FlagChecks:
    """How the sentence treats keys whose value is yes, no or null."""

    agreeing: int = 0
    clashing: tuple[int, ...] = ()
    """Tokens that say the opposite of a key, the group's name being in the sentence as well."""
    clashing_loosely: tuple[int, ...] = ()
    """The same without the group's name ("casual" where `Ambience` is not mentioned)."""
    unknown: tuple[int, ...] = ()
    """Tokens that speak about a key whose value is null."""


NO_FLAGS = FlagChecks()


def check_flags(index: IndexedPassages, words: Words) -> FlagChecks:
    """Compare a sentence with the yes/no/null leaves of structured passages."""
    if not index.flags:
        return NO_FLAGS
    here = {words.stems[i] for i in words.content}
    agreeing = 0
    clashing: list[int] = []
    loosely: list[int] = []
    unknown: list[int] = []
    for at in words.content:
        units = index.flags.get(words.stems[at], ())
        if not units or len(units) > COMMON // 4:
            continue
        outcomes = {o for u in units if (o := _flag_outcome(index.units[u], words, here, at)) is not None}
        if "agree" in outcomes:
            agreeing += 1
        elif "clash" in outcomes:
            clashing.append(at)
        elif "loose" in outcomes:
            loosely.append(at)
        elif "unknown" in outcomes:
            unknown.append(at)
    return FlagChecks(agreeing, tuple(clashing), tuple(loosely), tuple(unknown))


def _flag_outcome(unit: Unit, words: Words, here: set[str], at: int) -> str | None:
    if not unit.key <= here:
        return None
    if unit.statement.polarity == "unknown":
        return "unknown"
    if (unit.statement.polarity == "false") == negated_at(words, at):
        return "agree"
    return "clash" if not unit.group or not unit.group.isdisjoint(here) or len(unit.key) > 1 else "loose"
