"""`Cascade`: a cheap evaluator judges everything, a dear one what the cheap one is not sure of."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from groundwire.errors import ConfigurationError
from groundwire.fork import on_fork
from groundwire.judge.together import Outcome, at_once
from groundwire.model import BatchEvaluator, Evaluator, RagChain, Score, Skipped
from groundwire.plugins import evaluator as load_evaluator

_BEYOND_ME = frozenset({"language"})
"""Reasons to decline that say something about the evaluator, not about the answer: another may manage."""


class _Share:
    """How many were seen and how many were sent on: never more than the share, but for the first."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.seen = 0
        self.sent = 0
        on_fork(self)

    def after_fork(self) -> None:
        """A thread of the parent may hold the lock."""
        self._lock = threading.Lock()

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
        (outcome,) = self.evaluate_many([chain])
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    def evaluate_many(self, chains: Sequence[RagChain], /) -> list[Outcome]:
        """Judge some chains: those that are sent on, together."""
        first, second = self._tiers
        opinions = _judged(first, chains)
        sent = [n for n, opinion in enumerate(opinions) if self._sends(opinion)]
        verdicts = dict(zip(sent, _judged(second, [chains[n] for n in sent]), strict=True))
        return [
            _joined(opinion, verdicts[n]) if n in verdicts else _with(opinion, tier=0.0)
            for n, opinion in enumerate(opinions)
        ]

    def _sends(self, opinion: Outcome) -> bool:
        self._sent.see()
        return self._uncertain(opinion) and self._sent.take(self.share)

    def _uncertain(self, opinion: Outcome) -> bool:
        if isinstance(opinion, Skipped):
            return opinion.reason in _BEYOND_ME
        if isinstance(opinion, Exception):
            return True
        threshold: float = getattr(self._tiers[0], "threshold", 0.5)
        return abs(opinion.value - threshold) <= self.width


def _judged(evaluator: Evaluator, chains: Sequence[RagChain]) -> list[Outcome]:
    """What an evaluator gives or raises on each."""
    if len(chains) > 1 and isinstance(evaluator, BatchEvaluator):
        return list(evaluator.evaluate_many(chains))
    return at_once([partial(evaluator.evaluate, chain) for chain in chains], 1)


def _joined(opinion: Outcome, verdict: Outcome) -> Outcome:
    """The second's verdict, or the first's opinion where the second gave none."""
    if isinstance(verdict, Score):
        joined = _with(verdict, tier=1.0 + verdict.details.get("tier", 0.0))
        return _with(joined, first_value=opinion.value) if isinstance(opinion, Score) else joined
    failed = isinstance(verdict, Exception)
    why = type(verdict).__qualname__ if isinstance(verdict, Exception) else verdict.reason
    note = f"a second evaluator {'failed' if failed else 'skipped'} ({why})"
    if isinstance(opinion, Score):
        told = replace(opinion, explanation="; ".join(filter(None, [opinion.explanation, note])))
        return _with(told, tier=0.0, **{"second_failed" if failed else "second_skipped": 1.0})
    if isinstance(opinion, Skipped):
        return replace(opinion, detail="; ".join(filter(None, [opinion.detail, note])))
    return opinion


def _with(outcome: Outcome, **details: float) -> Outcome:
    return replace(outcome, details={**outcome.details, **details}) if isinstance(outcome, Score) else outcome
