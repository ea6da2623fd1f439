"""How far a long run is, on stderr: one line that changes on a terminal, a line every ten seconds elsewhere."""

import sys
from collections.abc import Callable
from time import monotonic

_QUICK_S, _SLOW_S = 0.2, 10.0


class Progress:
    """Tells how much was read and scored, how fast, and how long it may still take.

    Args:
        command: what stands before the lines.
        clock: for tests.
    """

    def __init__(self, command: str = "groundwire score", clock: Callable[[], float] = monotonic) -> None:
        self._command = command
        self._clock = clock
        self._terminal = sys.stderr.isatty()
        self._every = _QUICK_S if self._terminal else _SLOW_S
        self._began = self._told_at = clock()
        self._scoring_since: float | None = None
        self._drawn = False

    def read(self, spans: int) -> None:
        """So many spans have been read so far."""
        self._tell(lambda now: f"{spans:,} spans read, {_rate(spans, now - self._began)}")

    def scoring(self, answers: int, share: float) -> None:
        """So many answers have been scored so far; the share of everything that is behind us."""
        if self._scoring_since is None:
            self._scoring_since = self._clock()
        since = self._scoring_since
        self._tell(lambda now: f"{answers:,} answers scored, {_rate(answers, now - since)}{_left(share, now - since)}")

    def clear(self) -> None:
        """Take the line away."""
        if self._drawn:
            print("\r\x1b[2K", end="", file=sys.stderr, flush=True)
            self._drawn = False

    def _tell(self, words: Callable[[float], str]) -> None:
        now = self._clock()
        if now - self._told_at < self._every:
            return
        self._told_at = now
        if self._terminal:
            print(f"\r\x1b[2K{words(now)}"[:90], end="", file=sys.stderr, flush=True)
            self._drawn = True
        else:
            print(f"{self._command}: {words(now)}", file=sys.stderr, flush=True)


def _rate(count: int, seconds: float) -> str:
    if seconds <= 0:
        return "..."
    rate = count / seconds
    return f"{rate:,.0f}/s" if rate >= 10 else f"{rate:.1f}/s"


def _left(share: float, seconds: float) -> str:
    """What is done, and how long the rest takes if it goes on like this.

    >>> _left(0.25, 60)
    ', 25 %, 3 min left'
    """
    if share <= 0.005 or seconds <= 0:
        return ""
    return f", {share:.0%}, {duration(seconds * (1 - share) / share)} left".replace("%", " %")


def duration(seconds: float) -> str:
    """A time as people say it.

    >>> duration(8), duration(200), duration(9000), duration(400_000)
    ('8 s', '3 min', '2.5 h', '4.6 d')
    """
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 5_400:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3_600:.1f} h" if seconds < 172_800 else f"{seconds / 86_400:.1f} d"
