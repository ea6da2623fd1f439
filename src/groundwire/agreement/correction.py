"""From the share that an evaluator flags to the share that is bad: what its known errors do to a rate."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from groundwire.agreement.confusion import Confusion
from groundwire.agreement.figures import Booleans, Interval
from groundwire.agreement.resampling import SEED, middle, resamples
from groundwire.errors import ConfigurationError

_DRAWS = 1000


@dataclass(frozen=True, slots=True)
class Observed:
    """What an evaluator flagged somewhere else, for instance in a week of traffic."""

    share: float
    """In [0, 1], of all answers: those that it declined to judge count as not flagged."""
    n: int | None = None
    """Of how many answers; None: so many that the share itself is certain."""

    @staticmethod
    def parse(text: str) -> "Observed":
        """Read `240/2000`, `0.12` or `12%`.

        Raises:
            ConfigurationError: anything else.
        """
        try:
            if "/" in text:
                part, whole = (int(number) for number in text.split("/"))
                if 0 <= part <= whole and whole:
                    return Observed(part / whole, whole)
            else:
                share = float(text.rstrip("%")) / (100 if text.endswith("%") else 1)
                if 0 <= share <= 1:
                    return Observed(share)
        except ValueError:
            pass
        raise ConfigurationError(f"{text!r} is no share: expected FLAGGED/TOTAL such as 240/2000, or 0.12, or 12%")


@dataclass(frozen=True, slots=True)
class Corrected:
    """A rate with the evaluator's errors taken out of it."""

    observed: Observed
    share: float | None
    """Of bad answers, in [0, 1]; None where the evaluator flags good rows no less often than bad ones."""
    interval: Interval | None
    """95 %; None where a part of the resamples allows no correction."""
    possible: bool = True
    """False: the observed share is below the rate of false alarms or above the TPR, so that the errors measured on the
    labelled rows cannot be those of the rows observed; `share` is then 0 or 1."""

    def as_json(self) -> dict[str, Any]:
        """Ready for `json.dumps`."""
        return {
            "observed": self.observed.share, "of": self.observed.n, "corrected": self.share,
            "interval": list(self.interval) if self.interval else None, "possible": self.possible,
        }  # fmt: skip


def rogan_gladen(observed: float, tpr: float | None, tnr: float | None) -> float | None:
    """The share of bad rows behind a share of flagged ones: (observed + TNR - 1) / (TPR + TNR - 1), kept in [0, 1].

    Rogan and Gladen 1978. It holds where TPR and TNR on the labelled rows are those of the rows that were observed.

    Returns:
        None where TPR or TNR is unknown, or together they are no better than chance.

    >>> round(rogan_gladen(0.30, tpr=0.8, tnr=0.9), 3)
    0.286
    """
    if tpr is None or tnr is None or tpr + tnr <= 1:
        return None
    return min(1.0, max(0.0, (observed + tnr - 1) / (tpr + tnr - 1)))


def corrected(observed: Observed, flagged: Booleans, good: Booleans, sources: Sequence[str]) -> Corrected:
    """Correct a rate by the errors on labelled rows of shape (n,).

    The interval holds both doubts: labelled sources are drawn anew, and so is the observed count (binomial).
    """
    counts = Confusion.of(flagged, good)
    share = rogan_gladen(observed.share, counts.tpr, counts.tnr)
    if share is None or counts.tpr is None or counts.tnr is None:
        return Corrected(observed, None, None)
    rng = np.random.default_rng(SEED + 1)
    drawn: list[float] = []
    draws = 0
    for indices in resamples(sources, _DRAWS):
        draws += 1
        seen = observed.share if observed.n is None else rng.binomial(observed.n, observed.share) / observed.n
        again = Confusion.of(flagged[indices], good[indices])
        value = rogan_gladen(float(seen), again.tpr, again.tnr)
        if value is not None:
            drawn.append(value)
    certain = draws > 0 and len(drawn) >= draws * 0.975
    possible = 1 - counts.tnr <= observed.share <= counts.tpr
    return Corrected(observed, share, middle(drawn) if certain else None, possible)
