"""What judging may cost: limits in USD and in calls, for a run and for a day.

What a call is expected to cost is set aside before it is made, and settled by what it did cost: several threads
cannot spend the same cent. Days are days of UTC. What was spent today stands in a file that all processes share.
"""

import json
import logging
import os
import threading
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from groundwire.errors import ConfigurationError
from groundwire.fork import on_fork
from groundwire.judge.exchange import mapping
from groundwire.judge.folders import cache_folder, private, write_private

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Spent:
    """Money and calls."""

    usd: float = 0.0
    calls: int = 0

    def plus(self, usd: float, calls: int) -> "Spent":
        """With that much more."""
        return Spent(max(0.0, self.usd + usd), max(0, self.calls + calls))


class Budget:
    """Limits that judges share; None: no limit of that kind.

    Give one object to several judges and they spend from one purse. A limit in USD needs a known price: a model
    without one is not asked (say `price=`, or set a limit in calls).

    Args:
        usd_per_run: as long as this object lives.
        usd_per_day: by all processes that use the same ledger.
        calls_per_run: requests that a model answered; repairs count.
        calls_per_day: the same, for the day.
        ledger: folder of what was spent by day; by default in the platform's cache folder.

    Raises:
        ConfigurationError: a limit is negative.
    """

    def __init__(
        self,
        *,
        usd_per_run: float | None = None,
        usd_per_day: float | None = None,
        calls_per_run: int | None = None,
        calls_per_day: int | None = None,
        ledger: Path | str | None = None,
    ) -> None:
        limits = {
            "usd_per_run": usd_per_run,
            "usd_per_day": usd_per_day,
            "calls_per_run": calls_per_run,
            "calls_per_day": calls_per_day,
        }
        for name, limit in limits.items():
            if limit is not None and not limit >= 0:
                raise ConfigurationError(f"{name} must be 0 or more, got {limit!r}")
        self._run_limits = (usd_per_run, calls_per_run)
        self._day_limits = (usd_per_day, calls_per_day)
        self._ledger = _Ledger(cache_folder() / "spent" if ledger is None else Path(ledger))
        self._lock = threading.Lock()
        self._run = Spent()
        on_fork(self)

    def __repr__(self) -> str:
        names = ("usd_per_run", "calls_per_run", "usd_per_day", "calls_per_day")
        limits = zip(names, (*self._run_limits, *self._day_limits), strict=True)
        return f"Budget({', '.join(f'{name}={limit}' for name, limit in limits if limit is not None)})"

    @property
    def in_usd(self) -> bool:
        """Whether any limit is one of money."""
        return self._run_limits[0] is not None or self._day_limits[0] is not None

    @property
    def run(self) -> Spent:
        """Spent through this object, with what is set aside for calls under way."""
        return self._run

    @property
    def today(self) -> Spent:
        """Spent today by all processes with this ledger."""
        return self._ledger.read()

    def set_aside(self, usd: float) -> str | None:
        """Reserve one call; or which limit forbids it."""
        with self._lock, self._ledger.locked():
            if (limit := _over(self._run.plus(usd, 1), self._run_limits)) is not None:
                return f"{limit} a run"
            if (limit := _over(self._ledger.read().plus(usd, 1), self._day_limits)) is not None:
                return f"{limit} a day"
            self._run = self._run.plus(usd, 1)
            self._ledger.add(usd, 1)
        return None

    def settle(self, set_aside: float, usd: float) -> None:
        """A call was answered: what it cost instead of what was expected."""
        self._correct(usd - set_aside, 0)

    def give_back(self, set_aside: float) -> None:
        """A call was not answered, and will not be charged."""
        self._correct(-set_aside, -1)

    def after_fork(self) -> None:
        """A thread of the parent may hold the lock."""
        self._lock = threading.Lock()

    def _correct(self, usd: float, calls: int) -> None:
        with self._lock, self._ledger.locked():
            self._run = self._run.plus(usd, calls)
            self._ledger.add(usd, calls)


def _over(spent: Spent, limits: tuple[float | None, int | None]) -> str | None:
    usd, calls = limits
    if usd is not None and spent.usd > usd:
        return f"{usd:g} USD"
    return f"{calls} calls" if calls is not None and spent.calls > calls else None


class _Ledger:
    """A file a day. Where it cannot be written, the day is counted in this process alone, and that is said once."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._broken = False
        self._memory: tuple[str, Spent] = ("", Spent())

    def read(self) -> Spent:
        day = _today()
        if self._broken:
            return self._memory[1] if self._memory[0] == day else Spent()
        try:
            stored: Any = json.loads((self._folder / f"{day}.json").read_bytes())
        except FileNotFoundError:
            return Spent()
        except (OSError, ValueError, RecursionError) as error:
            _log.warning("what judging cost today cannot be read (%s): counted from 0", type(error).__name__)
            return Spent()
        fields = mapping(stored)
        usd, calls = fields.get("usd"), fields.get("calls")
        return Spent(
            float(usd) if isinstance(usd, int | float) and usd >= 0 else 0.0,
            calls if isinstance(calls, int) and calls >= 0 else 0,
        )

    def add(self, usd: float, calls: int) -> None:
        day = _today()
        spent = self.read().plus(usd, calls)
        self._memory = (day, spent)
        if self._broken:
            return
        try:
            data = json.dumps({"usd": round(spent.usd, 9), "calls": spent.calls}).encode()
            write_private(private(self._folder) / f"{day}.json", data)
        except OSError as error:
            self._broken = True
            _log.warning("what judging costs is counted in this process alone: %s", error)

    @contextmanager
    def locked(self) -> Generator[None]:
        """Alone among processes, where the platform has file locks; else among threads only."""
        try:
            import fcntl

            handle = os.open(private(self._folder) / ".lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        except (ImportError, OSError):
            yield
            return
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            os.close(handle)


def _today() -> str:
    return datetime.now(UTC).date().isoformat()
