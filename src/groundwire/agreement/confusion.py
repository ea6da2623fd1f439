"""Flagged or passed, bad or good: the four counts, and the rates that follow from them."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from groundwire.agreement.figures import Booleans


@dataclass(frozen=True, slots=True)
class Confusion:
    """Counts of rows. Bad is the class that is looked for: an unfaithful answer, an irrelevant passage.

    >>> c = Confusion(caught=30, missed=10, false_alarms=20, cleared=60)
    >>> c.tpr, c.tnr, c.precision, c.balanced_accuracy
    (0.75, 0.75, 0.6, 0.75)
    >>> round(c.kappa, 3), round(c.f1, 3)
    (0.471, 0.667)
    """

    caught: int
    """Bad and flagged: true positives."""
    missed: int
    """Bad and passed: false negatives."""
    false_alarms: int
    """Good and flagged: false positives."""
    cleared: int
    """Good and passed: true negatives."""

    @staticmethod
    def of(flagged: Booleans, good: Booleans) -> "Confusion":
        """Count rows of shape (n,)."""
        cells = np.bincount(2 * good.astype(int) + (~flagged).astype(int), minlength=4)
        return Confusion(*(int(n) for n in cells))

    @property
    def n(self) -> int:
        """All rows."""
        return self.bad + self.good

    @property
    def bad(self) -> int:
        """Rows that people found bad."""
        return self.caught + self.missed

    @property
    def good(self) -> int:
        """Rows that people found good."""
        return self.false_alarms + self.cleared

    @property
    def flagged(self) -> int:
        """Rows that the evaluator did not let pass."""
        return self.caught + self.false_alarms

    @property
    def tpr(self) -> float | None:
        """Share of the bad rows that is flagged: sensitivity, recall."""
        return _share(self.caught, self.bad)

    @property
    def tnr(self) -> float | None:
        """Share of the good rows that passes: specificity."""
        return _share(self.cleared, self.good)

    @property
    def precision(self) -> float | None:
        """Share of the flagged rows that is bad."""
        return _share(self.caught, self.flagged)

    @property
    def f1(self) -> float | None:
        """Harmonic mean of precision and TPR; None where no row is bad."""
        return 2 * self.caught / (self.flagged + self.bad) if self.bad else None

    @property
    def balanced_accuracy(self) -> float | None:
        """Mean of TPR and TNR: 0.5 is chance, whatever the share of bad rows."""
        return None if self.tpr is None or self.tnr is None else (self.tpr + self.tnr) / 2

    @property
    def kappa(self) -> float | None:
        """Agreement beyond chance (Cohen 1960): 1 is perfect, 0 is chance; None unless there are good and bad rows."""
        if not self.bad or not self.good:
            return None
        observed = (self.caught + self.cleared) / self.n
        passed = self.n - self.flagged
        chance = (self.flagged * self.bad + passed * self.good) / self.n**2
        return (observed - chance) / (1 - chance)

    def as_json(self) -> dict[str, Any]:
        """Counts and rates, ready for `json.dumps`."""
        return {
            "caught": self.caught, "missed": self.missed, "false_alarms": self.false_alarms, "cleared": self.cleared,
            "precision": self.precision, "recall": self.tpr, "tpr": self.tpr, "tnr": self.tnr, "f1": self.f1,
            "balanced_accuracy": self.balanced_accuracy, "kappa": self.kappa,
            "flagged_share": _share(self.flagged, self.n), "bad_share": _share(self.bad, self.n),
        }  # fmt: skip


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None
