"""What holds for a whole run: how much may be spent, how much may break, and what is told while it goes on."""

from dataclasses import dataclass, field
from typing import Protocol

_NOT_SEEN = 2.5
"""What judgements may cost, in what is expected of them, as long as none has been paid for."""


class Watcher(Protocol):
    """Somebody who looks on."""

    def read(self, spans: int) -> None:
        """So many spans have been read from the source so far."""
        ...

    def scoring(self, answers: int, share: float) -> None:
        """So many answers have been scored so far; the share of everything that is behind us, in [0, 1]."""
        ...


class Nobody:
    """Does not look."""

    def read(self, spans: int) -> None:
        """Nothing."""

    def scoring(self, answers: int, share: float) -> None:
        """Nothing."""


@dataclass(slots=True)
class RunControl:
    """Limits and progress of a run in this process; those of other processes ask it through their pipes."""

    watcher: Watcher
    total: int
    """Bytes of all buckets."""
    max_usd: float | None = None
    spent: float = 0.0
    """USD, with what is set aside for judgements under way."""
    max_errors: int | None = None
    """Judgements that may break before the run stops."""
    errors: int = 0
    answers: int = 0
    behind: float = 0.0
    """Bytes of the buckets that are done."""
    shares: dict[str, float] = field(default_factory=dict[str, float])
    """Bytes that are done of each bucket under way."""
    why: str | None = None
    dearer: float = _NOT_SEEN
    """The most that judgements did cost, in what they were expected to."""

    def stopped(self) -> str | None:
        """Why nothing more is to be judged."""
        return self.why

    def reserve(self, usd: float | None) -> float | None:
        """Set money aside for a judgement, if it is there: more than expected, by how much earlier ones were dearer."""
        if self.max_usd is None:
            return 0.0
        if usd is None:
            self.why = self.why or "no price is known for the judge, so no limit can be kept"
            return None
        aside = usd * self.dearer
        if self.spent + aside > self.max_usd:
            self.why = self.why or f"the next judgement would pass {self.max_usd:g} USD"
            return None
        self.spent += aside
        return aside

    def settle(self, reserved: float, expected: float, usd: float) -> None:
        """What was set aside did cost so much."""
        self.spent += usd - reserved
        if expected > 0:
            seen = usd / expected
            self.dearer = seen if self.dearer == _NOT_SEEN else max(self.dearer, seen)

    def progress(self, bucket: str, size: int, answers: int, broke: int, share: float) -> None:
        """News of a bucket."""
        self.answers += answers
        self.errors += broke
        self.shares[bucket] = size * share
        if self.max_errors is not None and self.errors > self.max_errors:
            self.why = self.why or f"{self.errors} judgements broke, and {self.max_errors} were allowed"
        self._tell()

    def done(self, bucket: str, size: int) -> None:
        """A bucket is finished."""
        self.shares.pop(bucket, None)
        self.behind += size
        self._tell()

    def _tell(self) -> None:
        share = (self.behind + sum(self.shares.values())) / self.total if self.total else 1.0
        self.watcher.scoring(self.answers, min(1.0, share))


@dataclass(slots=True)
class BucketControl:
    """The run's control as one bucket of this process sees it."""

    run: RunControl
    bucket: str
    size: int

    def stopped(self) -> str | None:
        """Why nothing more is to be judged."""
        return self.run.stopped()

    def reserve(self, usd: float | None) -> float | None:
        """What is set aside for it."""
        return self.run.reserve(usd)

    def settle(self, reserved: float, expected: float, usd: float) -> None:
        """What it did cost."""
        self.run.settle(reserved, expected, usd)

    def judged(self, answers: int, broke: int, share: float) -> None:
        """Progress."""
        self.run.progress(self.bucket, self.size, answers, broke, share)
