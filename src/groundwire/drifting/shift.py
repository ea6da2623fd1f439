"""One signal in two windows: has its distribution moved, how far, which way, and could that be chance?"""

from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np

from groundwire.agreement.figures import Interval, Numbers
from groundwire.comparing.intervals import ends
from groundwire.comparing.measures import Better, Unit
from groundwire.drifting.ks import ks_p, ks_statistic
from groundwire.drifting.psi import Psi, psi
from groundwire.drifting.signals import Signal

Verdict: TypeAlias = Literal["worse", "better", "changed", "stable", "too_few", "no_data", "gone"]
"""`gone`: the reference has enough values and the current window has too few, though it has requests enough."""
MODERATE, LARGE = 0.1, 0.25
"""Of the index, less what chance gives."""
LEAST_SHARE = 0.02
"""Of a share: the index says little of rare things. From 1 % of errors to 5 % it is .07, and that is not stable."""


@dataclass(frozen=True, slots=True)
class Shift:
    """One signal in two windows. A difference is current less reference."""

    name: str
    unit: Unit
    better: Better
    n: tuple[int, int]
    """Requests of each window in which it is known."""
    missing: tuple[int, int]
    """Requests in which it is not."""
    verdict: Verdict
    means: tuple[float | None, float | None] = (None, None)
    current_interval: Interval | None = None
    """Of the current mean."""
    interval: Interval | None = None
    """Of the difference of the means."""
    psi: Psi | None = None
    """None below the least n."""
    ks: float | None = None
    p: float | None = None
    """Of the Kolmogorov-Smirnov test."""
    p_holm: float | None = None
    """Corrected for all signals."""

    @property
    def value(self) -> float | None:
        """Current less reference mean."""
        one, other = self.means
        return None if one is None or other is None else other - one

    @property
    def drifted(self) -> bool:
        """Whether it moved, more than by chance, and not for the better."""
        return self.verdict in ("worse", "changed")

    @property
    def judged(self) -> bool:
        """Whether there was enough to say."""
        return self.verdict not in ("too_few", "no_data", "gone")

    def as_json(self) -> dict[str, Any]:
        """Ready for `json.dumps`."""
        index = self.psi
        return {
            "name": self.name, "unit": self.unit, "direction": self.better, "verdict": self.verdict,
            "n_reference": self.n[0], "n_current": self.n[1],
            "missing_reference": self.missing[0], "missing_current": self.missing[1],
            "reference": self.means[0], "current": self.means[1], "difference": self.value,
            "interval": list(self.interval) if self.interval else None,
            "current_interval": list(self.current_interval) if self.current_interval else None,
            "psi": index.value if index else None, "psi_raw": index.raw if index else None,
            "psi_expected_by_chance": index.expected if index else None,
            "psi_interval": list(index.interval) if index else None, "bins": index.bins if index else None,
            "ks": self.ks, "p": self.p, "p_holm": self.p_holm,
        }  # fmt: skip


def shift(
    signal: Signal, one: Numbers, other: Numbers, drawn: tuple[Numbers, Numbers], *, alpha: float, min_n: int
) -> Shift:  # fmt: skip
    """Compare a signal in two windows; the verdict is not given yet where there is enough to say.

    Args:
        signal: What it is.
        one: Its value in each request of the reference, shape (n,); NaN where not known.
        other: The same in the current window, shape (m,).
        drawn: Means over resampled requests of both windows, shape (draws,) each.
        alpha: 1 less the level of intervals.
        min_n: With fewer values in either window nothing is inferred.
    """
    first, second = one[np.isfinite(one)], other[np.isfinite(other)]
    n = (len(first), len(second))
    missing = (len(one) - n[0], len(other) - n[1])
    means = (float(first.mean()) if n[0] else None, float(second.mean()) if n[1] else None)
    current = ends(drawn[1], n[1], alpha) if n[1] >= min_n else None
    if min(n) < min_n:
        gone = n[0] >= min_n and len(other) >= min_n
        verdict: Verdict = "gone" if gone else "no_data" if not any(n) else "too_few"
        return Shift(signal.name, signal.unit, signal.better, n, missing, verdict, means, current)
    return Shift(
        signal.name, signal.unit, signal.better, n, missing, "stable", means, current,
        ends(drawn[1] - drawn[0], min(n), alpha), psi(first, second, alpha), ks_statistic(first, second),
        ks_p(first, second),
    )  # fmt: skip


def verdict_of(found: Shift, alpha: float, threshold: float) -> Verdict:
    """What a shift amounts to, once its p is corrected: too unlikely to be chance *and* large enough to matter."""
    if not found.judged or found.psi is None or found.p_holm is None:
        return found.verdict
    index = found.psi.value
    large = abs(found.value or 0.0) >= LEAST_SHARE if found.unit == "share" else index >= threshold
    if found.p_holm >= alpha or not large:
        return "stable"
    low, high = found.interval or (0.0, 0.0)
    if found.better == "neither" or low <= 0 <= high:
        return "changed"
    return "better" if (low > 0) == (found.better == "higher") else "worse"
