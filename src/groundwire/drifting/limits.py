"""Floors and ceilings on the current window: quality has a floor, cost and latency have ceilings.

A limit is about the requests that are there, and no inference from them: the figure itself is below its floor or it is
not. Its interval is told beside, for who wants to know whether the next window will do the same. A figure with too few
values is neither above nor below: no data is not 0, and not a pass.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeAlias

import numpy as np

from groundwire.agreement.figures import Numbers
from groundwire.comparing.gates import named
from groundwire.comparing.measures import Unit
from groundwire.drifting.signals import Signal
from groundwire.errors import ConfigurationError

Kind: TypeAlias = Literal["floor", "ceiling"]
LimitOutcome: TypeAlias = Literal["holds", "failed", "unknown"]
_NUMBER = r"(?P<number>\d+(?:\.\d*)?|\.\d+)"
_VALUE = re.compile(rf"(?P<sign>-?)(?P<dollar>\$?){_NUMBER}\s*(?P<unit>%|ms|s|usd|)", re.IGNORECASE)
_STATISTIC = re.compile(r"mean|p(?:\d{1,2})(?:\.\d+)?")
_UNITS: dict[Unit, dict[str, float]] = {
    "usd": {"": 1.0, "usd": 1.0, "$": 1.0}, "ms": {"ms": 1.0, "s": 1000.0, "": 1.0}, "share": {"": 1.0, "%": 0.01},
}  # fmt: skip
"""How many of a signal's units one of these is."""
_FORM = "expected NAME:VALUE or NAME:p95:VALUE, such as faithfulness:0.8, cost:0.02, latency:p95:3000ms"
_ROUNDING = 1e-9


@dataclass(frozen=True, slots=True)
class Limit:
    """What was asked for, and what became of it."""

    kind: Kind
    text: str
    name: str
    statistic: str
    """`mean`, or a percentile: `p95`."""
    value: float
    """In the unit of the signal."""
    outcome: LimitOutcome = "unknown"
    found: float | None = None
    """The figure of the current window; None where it is not known."""
    n: int = 0
    told: str = ""

    def as_json(self) -> dict[str, Any]:
        """Ready for `json.dumps`."""
        return {
            "kind": self.kind, "limit": self.text, "name": self.name, "statistic": self.statistic, "value": self.value,
            "outcome": self.outcome, "found": self.found, "n": self.n, "told": self.told,
        }  # fmt: skip


def limit(kind: Kind, text: str, watched: Sequence[Signal]) -> Limit:
    """Read `NAME:VALUE` or `NAME:STATISTIC:VALUE`.

    Raises:
        ConfigurationError: no such signal or statistic, or a limit on its wrong side.
    """

    def wrong(why: str) -> ConfigurationError:
        return ConfigurationError(f"--{kind} {text}: {why}")

    known = {s.name: s for s in watched}
    name, given = named(text, known)
    rest = [part.strip() for part in given.split(":")]
    if name not in known:
        raise wrong(f"no figure {name!r} in these traces; there are {', '.join(known)}")
    signal = known[name]
    if signal.better != "neither" and (signal.better == "higher") != (kind == "floor"):
        raise wrong(f"of {name} {signal.better} is better: use --{'floor' if kind == 'ceiling' else 'ceiling'}")
    statistic = rest[0].lower() if len(rest) == 2 else "mean"
    if len(rest) not in (1, 2) or not _STATISTIC.fullmatch(statistic):
        raise wrong(_FORM)
    match = _VALUE.fullmatch(rest[-1])
    units = _UNITS.get(signal.unit, {"": 1.0})
    unit = "" if match is None else match["dollar"] or match["unit"].lower()
    if match is None or unit not in units or len(match["number"]) > 20:
        raise wrong(f"{rest[-1]!r} is no value of {name}; {_FORM}")
    number = float(match["number"]) * units[unit] * (-1 if match["sign"] else 1)
    return Limit(kind, text, name, statistic, number)


def decide(asked: Limit, values: Numbers, min_n: int) -> Limit:
    """The limit with its outcome.

    Args:
        asked: From `limit`.
        values: Of the signal in the current window, shape (n,); NaN where not known.
        min_n: The least number of values.
    """
    known = values[np.isfinite(values)]
    n = len(known)
    if n < min_n:
        lacking = f", {len(values) - n} requests are without it" if len(values) > n else ""
        return replace(asked, n=n, told=f"n is {n}, the least is {min_n} (--min-n){lacking}")
    if asked.statistic == "mean":
        figure = float(known.mean())
    else:
        figure = float(np.percentile(known, float(asked.statistic[1:])))
    slack = _ROUNDING * max(1e-12, abs(asked.value))
    within = figure >= asked.value - slack if asked.kind == "floor" else figure <= asked.value + slack
    return replace(asked, n=n, found=figure, outcome="holds" if within else "failed")
