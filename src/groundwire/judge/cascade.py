"""`Cascade`: a cheap evaluator judges everything, a dear one what the cheap one is not sure of."""

import threading
from dataclasses import dataclass, field, replace
from typing import Literal, TypeAlias

from groundwire.errors import ConfigurationError
from groundwire.model import Evaluator, RagChain, Score, Skipped
from groundwire.plugins import evaluator as load_evaluator

Passing: TypeAlias = Literal["failed", "skipped"]

_BEYOND_ME = frozenset({"language"})
"""Reasons to decline that say something about the evaluator, not about the answer: another may manage."""


class _Share:
    """How many were seen and how many were sent on: never more than the share, but for the first."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.seen = 0
        self.sent = 0

    def see(self) -> None:
        with self._lock:
            self.seen += 1

    def take(self, share: float) -> bool:
        with self._lock:
            if share <= 0.0 or self.sent + 1 > max(1.0, share * self.seen):
                return False
            self.sent += 1
            return True


@dataclass(frozen=True, slots=True)
class Cascade:
    """First asks one evaluator, and a second where the first is not sure. Both judge the same metric.

    The second is asked where the first's value lies within `band` of its threshold, or where the first declines for a
    reason of its own (`language`); and only while no more than `share` of all answers have been sent on (the first
    such answer always is). Whether an answer is uncertain depends on it alone; whether it is sent on depends on what
    came before in this process only where the share is used up.

    More tiers: the second may be a cascade, `Cascade("lexical", Cascade("local", judge))`; its share is of what
    reaches it.

    Details of the score: `tier` that decided (0: the first), `first_value`, and `second_failed` or `second_skipped`
    (1.0) where the second was asked in vain and the first's word stands; the explanation then says why. `Score.model`
    names who judged.

    Raises:
        ConfigurationError: different metrics; `share` or `band` is not in [0, 1]; no threshold to be uncertain about.
        What the first raises, where there is no second opinion.

    Args:
        first: cheap; asked about everything. It needs a `threshold`.
        second: dear.
        share: of all answers, that may be sent on.
        band: distance from the threshold that is uncertain; by default as wide as gives `share` if values were spread
            evenly, which they are not: measure it on your answers.
    """

    first: Evaluator | str
    second: Evaluator | str
    share: float = 0.1
    band: float | None = None
    _sent: _Share = field(default_factory=_Share, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        for name in ("first", "second"):
            given = getattr(self, name)
            object.__setattr__(self, name, load_evaluator(given) if isinstance(given, str) else given)
        first, second = self._tiers
        if first.name != second.name:
            raise ConfigurationError(f"a cascade judges one metric, got {first.name} and {second.name}")
        for name, value in (("share", self.share), ("band", self.band)):
            if value is not None and not 0.0 <= value <= 1.0:
                raise ConfigurationError(f"{name} must be in [0, 1], got {value!r}")
        if not isinstance(getattr(first, "threshold", None), int | float):
            raise ConfigurationError(f"the first evaluator of a cascade needs a threshold; {first!r} has none")

    @property
    def _tiers(self) -> tuple[Evaluator, Evaluator]:
        return self.first, self.second  # type: ignore[return-value]  # pyright: ignore[reportReturnType]

    @property
    def name(self) -> str:
        """That of both."""
        return self._tiers[0].name

    @property
    def version(self) -> str:
        """Those of both: the share does not change what a score means."""
        return "cascade-1({},{})".format(*(e.version for e in self._tiers))

    @property
    def threshold(self) -> float | None:
        """That of both, if it is the same."""
        first, second = (getattr(e, "threshold", None) for e in self._tiers)
        return first if first == second else None

    @property
    def width(self) -> float:
        """Distance from the first's threshold within which an answer is uncertain."""
        threshold: float = getattr(self._tiers[0], "threshold", 0.5)
        return self.share * max(threshold, 1.0 - threshold) if self.band is None else self.band

    def evaluate(self, chain: RagChain, /) -> Score | Skipped:
        """Judge one chain."""
        first, second = self._tiers
        self._sent.see()
        try:
            opinion: Score | Skipped | Exception = first.evaluate(chain)
        except Exception as error:
            opinion = error
        if not self._uncertain(opinion) or not self._sent.take(self.share):
            return _own(opinion)
        try:
            verdict = second.evaluate(chain)
        except Exception as error:
            return _stands(opinion, "failed", type(error).__qualname__)
        if isinstance(verdict, Skipped):
            return _stands(opinion, "skipped", verdict.reason)
        details = {**verdict.details, "tier": 1.0 + verdict.details.get("tier", 0.0)}
        if isinstance(opinion, Score):
            details["first_value"] = opinion.value
        return replace(verdict, details=details)

    def _uncertain(self, opinion: Score | Skipped | Exception) -> bool:
        if isinstance(opinion, Skipped):
            return opinion.reason in _BEYOND_ME
        if isinstance(opinion, Exception):
            return True
        threshold: float = getattr(self._tiers[0], "threshold", 0.5)
        return abs(opinion.value - threshold) <= self.width


def _own(opinion: Score | Skipped | Exception) -> Score | Skipped:
    """What the first said, as its own."""
    if isinstance(opinion, Exception):
        raise opinion
    if isinstance(opinion, Skipped):
        return opinion
    return replace(opinion, details={**opinion.details, "tier": 0.0})


def _stands(opinion: Score | Skipped | Exception, passing: Passing, why: str) -> Score | Skipped:
    """The first's word, with a note that another was asked for in vain."""
    own = _own(opinion)
    if isinstance(own, Skipped):
        return replace(own, detail="; ".join(filter(None, [own.detail, f"a second evaluator {passing}: {why}"])))
    note = f"{own.explanation}; a second evaluator {passing} ({why})"
    return replace(own, explanation=note, details={**own.details, f"second_{passing}": 1.0})
