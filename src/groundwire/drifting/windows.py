"""Two windows of time compared: every signal, and the gates that were asked for."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from groundwire.agreement.figures import Numbers
from groundwire.agreement.resampling import SEED
from groundwire.comparing.comparison import ALPHA, MIN_N
from groundwire.comparing.intervals import drawn_sums, draws_for
from groundwire.comparing.measures import score_names
from groundwire.comparing.runs import Run, incomparable
from groundwire.comparing.significance import holm
from groundwire.drifting.limits import Limit, LimitOutcome, decide, limit
from groundwire.drifting.shift import MODERATE, Shift, shift, verdict_of
from groundwire.drifting.signals import Signal, signals, table
from groundwire.errors import ConfigurationError

ANY = "drift"
"""What a gate on all signals is called."""


@dataclass(frozen=True, slots=True)
class DriftGate:
    """`drift`, for all signals, or the name of one."""

    text: str
    outcome: LimitOutcome
    told: str

    def as_json(self) -> dict[str, Any]:
        """Ready for `json.dumps`."""
        return {"gate": self.text, "outcome": self.outcome, "told": self.told}


@dataclass(frozen=True, slots=True)
class Drift:
    """Two windows of time, signal by signal."""

    reference: Run
    current: Run
    alpha: float
    min_n: int
    threshold: float
    """Of the index, from which on a signal has drifted."""
    shifts: tuple[Shift, ...]
    refused: dict[str, str]
    """Evaluator to why its scores do not compare."""
    limits: tuple[Limit, ...]
    gates: tuple[DriftGate, ...]

    @property
    def failed(self) -> bool:
        """Whether a gate or a limit did not hold."""
        return "failed" in self._outcomes

    @property
    def incomplete(self) -> bool:
        """Whether one could not be decided, or an evaluator broke."""
        return "unknown" in self._outcomes or bool(self.reference.broke or self.current.broke)

    @property
    def _outcomes(self) -> list[LimitOutcome]:
        return [*(one.outcome for one in self.limits), *(gate.outcome for gate in self.gates)]

    def as_json(self) -> dict[str, Any]:
        """Ready for `json.dumps`."""
        return {
            "reference": self.reference.as_json(), "current": self.current.as_json(), "alpha": self.alpha,
            "min_n": self.min_n, "psi_threshold": self.threshold, "correction": "holm",
            "signals": [s.as_json() for s in self.shifts], "not_compared": self.refused,
            "limits": [one.as_json() for one in self.limits], "gates": [g.as_json() for g in self.gates],
        }  # fmt: skip


def drift(
    reference: Run,
    current: Run,
    *,
    floors: Sequence[str] = (),
    ceilings: Sequence[str] = (),
    fail_on: Sequence[str] = (),
    alpha: float = ALPHA,
    min_n: int = MIN_N,
    threshold: float = MODERATE,
) -> Drift:
    """Compare two windows; neither may be empty.

    Args:
        reference: What is taken as usual.
        current: What is looked at.
        floors: Lower limits of the current window, see `limits.limit`.
        ceilings: Upper limits likewise.
        fail_on: `drift`, or names of signals that must not drift.
        alpha: Chance of an alarm where nothing drifts, over all signals together; 1 less the level of intervals.
        min_n: With fewer values in either window nothing is inferred about a signal.
        threshold: The index from which on a signal has drifted.

    Raises:
        ConfigurationError: a limit or a gate that names nothing that is measured.
    """
    names = list(dict.fromkeys([*score_names(reference.answers), *score_names(current.answers)]))
    refused = {name: why for name in names if (why := incomparable(name, reference, current))}
    watched = signals(names)
    tables = (table(reference, watched), table(current, watched))
    limits = [limit(kind, text, watched) for kind, text in _limits(floors, ceilings)]
    columns = {signal.name: tables[1][:, i] for i, signal in enumerate(watched)}
    comparable = [i for i, s in enumerate(watched) if not any(s.name in (n, f"{n}.failing") for n in refused)]
    _checked(fail_on, [s.name for s in watched])
    shifts = _shifts(
        [watched[i] for i in comparable], (tables[0][:, comparable], tables[1][:, comparable]), alpha, min_n
    )
    corrected = holm([s.p for s in shifts])
    shifts = [replace(s, p_holm=p) for s, p in zip(shifts, corrected, strict=True)]
    shifts = [replace(s, verdict=verdict_of(s, alpha, threshold)) for s in shifts]
    return Drift(
        reference, current, alpha, min_n, threshold, tuple(shifts), refused,
        tuple(decide(one, columns[one.name], min_n) for one in limits),
        tuple(_gate(text, shifts, refused) for text in fail_on),
    )  # fmt: skip


def _limits(floors: Sequence[str], ceilings: Sequence[str]) -> list[tuple[Literal["floor", "ceiling"], str]]:
    return [*(("floor", text) for text in floors), *(("ceiling", text) for text in ceilings)]


def _shifts(watched: Sequence[Signal], tables: tuple[Numbers, Numbers], alpha: float, min_n: int) -> list[Shift]:
    draws = max(draws_for(len(tables[0])), draws_for(len(tables[1])))
    drawn = [_drawn_means(values, draws, SEED + i) for i, values in enumerate(tables)]
    return [
        shift(signal, tables[0][:, i], tables[1][:, i], (drawn[0][:, i], drawn[1][:, i]), alpha=alpha, min_n=min_n)
        for i, signal in enumerate(watched)
    ]


def _drawn_means(values: Numbers, draws: int, seed: int) -> Numbers:
    """Means of the known values over resampled requests, shape (draws, signals)."""
    known = np.isfinite(values)
    sums = drawn_sums(np.hstack([np.where(known, values, 0.0), known.astype(float)]), draws, seed)
    totals, counts = np.hsplit(sums, 2)
    means = np.full(totals.shape, np.nan)
    np.divide(totals, counts, out=means, where=counts > 0)
    return means


def _checked(fail_on: Sequence[str], names: Sequence[str]) -> None:
    for text in fail_on:
        if text != ANY and text not in names:
            raise ConfigurationError(f"--fail-on {text}: expected {ANY}, or one of {', '.join(names)}")


def _gate(text: str, shifts: Sequence[Shift], refused: dict[str, str]) -> DriftGate:
    """Fails where a signal drifted and not for the better; not decided where nothing, or not all of it, is known."""
    own = [s for s in shifts if text in (ANY, s.name)]
    moved = [s.name for s in own if s.drifted]
    if moved:
        return DriftGate(text, "failed", f"{', '.join(moved)} drifted")
    if not any(s.judged for s in own):
        why = next((why for name, why in refused.items() if text in (name, f"{name}.failing")), "")
        return DriftGate(text, "unknown", f"not compared: {why}" if why else "too few values in one of the windows")
    gone = [s.name for s in own if s.verdict == "gone"]
    if gone or (text == ANY and refused):
        return DriftGate(text, "unknown", f"no longer known: {', '.join([*gone, *refused])}")
    return DriftGate(text, "holds", "nothing drifted for the worse")
