"""Gates on a comparison: how much worse a figure may become, and whether it did.

The interval decides, at its end that is nearer to the limit: a gate *fails* where the whole interval of level 1 - alpha
lies beyond it, so that the change is larger than allowed with confidence. Alpha is split between the ends, so a change
of exactly the limit fails with a chance of about alpha / 2; docs/compare.md has the measured rates. Where the interval
holds the limit, the runs do not suffice to say; the gate then holds, and says so, unless `strict` asks for proof.
A gate whose figure is not known is neither: no data is not a pass.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeAlias

from groundwire.comparing.difference import Difference
from groundwire.errors import ConfigurationError

Outcome: TypeAlias = Literal["holds", "unproven", "failed", "unknown"]
_FORM = "expected NAME:LIMIT such as faithfulness:-0.03, cost:+10%, latency:+200ms"
_LIMIT = re.compile(
    r"(?P<sign>[+\-−]?)(?P<dollar>\$?)(?P<number>\d+(?:\.\d*)?|\.\d+)\s*(?P<unit>%|ms|s|usd|\$|)", re.IGNORECASE
)
_UNITS = {"score": {""}, "usd": {"", "usd", "$"}, "ms": {"ms", "s"}, "tokens": {""}}
_ROUNDING = 1e-9
_LONGEST = 20
"""Characters of a number: longer ones may be infinite, and mean nothing."""


@dataclass(frozen=True, slots=True)
class Gate:
    """What was asked for, and what became of it."""

    text: str
    name: str
    limit: float
    """The change that is still allowed: negative for figures of which more is better. A share where `relative`."""
    relative: bool
    outcome: Outcome = "unknown"
    told: str = ""
    """Why."""

    def as_json(self) -> dict[str, Any]:
        """Ready for `json.dumps`."""
        return {
            "gate": self.text, "name": self.name, "limit": self.limit, "relative": self.relative,
            "outcome": self.outcome, "told": self.told,
        }  # fmt: skip


def gate(text: str, known: Iterable[Difference]) -> Gate:
    """Read `NAME`, `NAME:-0.03`, `NAME:+10%`, `NAME:+200ms`. Without a limit no change for the worse is allowed.

    Raises:
        ConfigurationError: no such figure, or a limit that does not suit it.
    """
    differences = {d.name: d for d in known}
    name, given = named(text, differences)
    if name not in differences:
        raise ConfigurationError(
            f"--fail-on {text}: no figure {name!r} in these runs; there are {', '.join(differences)}"
        )
    difference = differences[name]
    match = _LIMIT.fullmatch(given.strip() or "0")
    if match is None or len(match["number"]) > _LONGEST:
        raise ConfigurationError(f"--fail-on {text}: {given!r} is no limit; {_FORM}")
    unit = match["dollar"] or match["unit"].lower()
    number = float(match["number"])
    falls = difference.better == "higher"
    wrong_side = match["sign"] == "+" if falls else match["sign"] in ("-", "−")
    if number and (wrong_side or not match["sign"]):
        why = "higher is better: the limit is a drop" if falls else "lower is better: the limit is a rise"
        better = f"{name}:{'-' if falls else '+'}{match['number']}{match['unit']}"
        raise ConfigurationError(f"--fail-on {text}: of {name} {why}; use {better}")
    if number and unit != "%" and unit not in _UNITS.get(difference.unit, {""}):
        units = " or ".join(sorted(u or "none" for u in _UNITS.get(difference.unit, {""})))
        raise ConfigurationError(f"--fail-on {text}: {unit or 'no unit'!r} does not suit {name}; use %, or {units}")
    size = number / 100 if unit == "%" else number * 1000 if unit == "s" else number
    return Gate(text.strip(), name, -size if falls else size, unit == "%")


def named(text: str, known: Iterable[str]) -> tuple[str, str]:
    """The name in `NAME:REST`, and the rest: names may hold colons, so the longest known one counts.

    >>> named("a:b:-1", ["a", "a:b"]), named("c:1", ["a"])
    (('a:b', '-1'), ('c', '1'))
    """
    text = text.strip()
    fitting = [name for name in known if text == name or text.startswith(f"{name}:")]
    name = max(fitting, key=len, default=text.partition(":")[0])
    return name, text[len(name) + 1 :]


def decide(asked: Gate, difference: Difference, *, min_n: int, max_missing: float, strict: bool, unpaired: int) -> Gate:
    """The gate with its outcome.

    Args:
        asked: From `gate`.
        difference: Of the figure that it names.
        min_n: The least number of questions.
        max_missing: The largest share, in [0, 1], of the base's questions that the candidate may be without.
        strict: Whether what is not shown to be within the limit fails.
        unpaired: Questions of the base that the candidate lacks altogether.
    """

    def ended(outcome: Outcome, told: str) -> Gate:
        return replace(asked, outcome=outcome, told=told)

    least = min(difference.n)
    if not least:
        if difference.paired:
            return ended("unknown", "no question has it in both runs")
        lacking = [run for run, n in zip(("BASE", "CAND"), difference.n, strict=True) if not n]
        return ended("unknown", f"no answer has it in {' and '.join(lacking)}")
    if least < min_n:
        return ended("unknown", f"n is {least}, the least is {min_n} (--min-n)")
    gone, of = difference.lost + unpaired, difference.n[0] + difference.lost + unpaired
    if difference.paired and gone > max_missing * of:
        return ended("unknown", f"CAND lacks it for {gone} of the {of} questions that BASE has it for (--max-missing)")
    # Of nothing any share is nothing: then no change for the worse is allowed.
    of_nothing = asked.relative and difference.means[0] == 0
    allowed = 0.0 if of_nothing else asked.limit
    interval = difference.relative_interval if asked.relative and not of_nothing else difference.interval
    if interval is None:
        return ended("unknown", "BASE is next to nothing: a share of it says nothing")
    falls = difference.better == "higher"
    slack = _ROUNDING * (1.0 if asked.relative else max(abs(allowed), abs(difference.means[0] or 0.0)))
    near, far = (interval[1], interval[0]) if falls else (interval[0], interval[1])

    def beyond(end: float) -> bool:
        return end < allowed - slack if falls else end > allowed + slack

    if beyond(near):
        return ended("failed", "the whole interval is beyond the limit")
    if beyond(far):
        return ended("failed" if strict else "unproven", "the interval holds the limit: too few questions to say")
    return ended("holds", "the whole interval is within the limit")
