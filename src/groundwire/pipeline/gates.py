"""Rules that a run must keep: what `--fail-on` says."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias, cast, get_args

from groundwire.errors import ConfigurationError
from groundwire.model import Evaluator
from groundwire.pipeline.tally import Figures, Tally

Figure: TypeAlias = Literal["any", "mean", "passed", "scored"]

FORM = "NAME, NAME:0.5, NAME:mean:0.8, NAME:passed:0.95 or NAME:scored:0.9"


@dataclass(frozen=True, slots=True)
class Gate:
    """One rule.

    - `faithfulness`: no answer is below the evaluator's own threshold; `faithfulness:0.5`: none is below 0.5.
    - `faithfulness:mean:0.8`: the mean of the scores is 0.8 or more.
    - `faithfulness:passed:0.95`: so large a share of the scores passes the evaluator's own threshold.
    - `faithfulness:scored:0.9`: so large a share of the answers has a score at all.

    A rule about the mean or a share that nothing can be said of, because nothing was scored, does not hold.
    """

    text: str
    name: str
    figure: Figure
    minimum: float | None

    @classmethod
    def of(cls, text: str, evaluators: Sequence[Evaluator]) -> "Gate":
        """Read one as a user writes it.

        Raises:
            ConfigurationError: it is none, or names no evaluator.
        """
        # A name may have colons in it, so the longest one that is known counts.
        names = sorted((e.name for e in evaluators), key=len, reverse=True)
        name = next((n for n in names if text == n or text.startswith(f"{n}:")), None)
        if name is None:
            known = ", ".join(e.name for e in evaluators)
            raise ConfigurationError(
                f"--fail-on {text}: {text.partition(':')[0]!r} is not among the evaluators: {known}"
            )
        rest = text[len(name) + 1 :]
        if not rest:
            return cls(text, name, "any", None)
        figure, colon, limit = rest.rpartition(":")
        if colon and figure not in get_args(Figure)[1:]:
            raise ConfigurationError(f"--fail-on {text}: {figure!r} is no figure; expected {FORM}")
        try:
            minimum = float(limit)
        except ValueError:
            raise ConfigurationError(f"--fail-on {text}: {limit!r} is no number; use for instance {name}:0.5") from None
        if not 0.0 <= minimum <= 1.0:
            raise ConfigurationError(f"--fail-on {text}: {limit} is not in [0, 1], where all scores are")
        return cls(text, name, cast(Figure, figure) if colon else "any", minimum)

    def broken(self, tally: Tally) -> str | None:
        """What is wrong, in a few words; None: it holds."""
        figures = tally.evaluators.get(self.name, Figures())
        if self.figure == "any":
            below = figures.below if self.minimum is None else figures.under[self.minimum]
            return f"{below} answers below" if below else None
        value = self._value(figures)
        if value is None:
            return f"nothing was scored by {self.name}"
        minimum = self.minimum or 0.0
        return f"{_WORDS[self.figure]} {value:.4g}, below {minimum:g}" if value < minimum else None

    def _value(self, figures: Figures) -> float | None:
        match self.figure:
            case "mean":
                return figures.mean
            case "passed":
                decided = figures.passed + figures.below
                return figures.passed / decided if decided else None
            case _:
                return figures.scored / figures.answers if figures.answers else None


_WORDS = {"mean": "the mean is", "passed": "the share that passes is", "scored": "the share that is scored is"}


def minimums(gates: Sequence[Gate]) -> dict[str, tuple[float, ...]]:
    """The values that single answers are compared with, by evaluator."""
    found: dict[str, Counter[float]] = {}
    for gate in gates:
        if gate.figure == "any" and gate.minimum is not None:
            found.setdefault(gate.name, Counter())[gate.minimum] += 1
    return {name: tuple(values) for name, values in found.items()}
