"""The same buckets on a Ray cluster: one task a bucket, sent with its spans, done again where a machine is lost.

Ray core rather than Ray Data: a bucket is the unit of work and of memory already, and its result must stay one piece.
"""

import os
import socket
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from importlib import import_module
from pathlib import Path
from typing import Any

from groundwire.errors import GroundwireError, MissingLibrary
from groundwire.model import Evaluator
from groundwire.pipeline.bucket import Done, Job, perform
from groundwire.pipeline.control import RunControl
from groundwire.pipeline.order import Recipe

_RETRIES = 5
"""How often a bucket is begun again whose machine is lost."""
_PATIENCE_S = 10.0


@dataclass(frozen=True, slots=True)
class OnRay:
    """A running cluster by its address, or one of this machine alone that is started for the run.

    The machines need the same groundwire, and the same evaluators, as this one. What a bucket's evaluators said is
    remembered when the bucket is done: a run that is killed begins the buckets again that it was at.
    """

    recipe: Recipe
    address: str | None = None

    def run(self, jobs: Iterable[Job], control: RunControl) -> Iterator[Done]:
        """What comes of the jobs, in the order in which they end.

        Raises:
            MissingLibrary: Ray is not installed.
            GroundwireError: there is no such cluster, or a bucket cannot be done there.
        """
        try:
            ray: Any = import_module("ray")
        except ImportError:
            raise MissingLibrary("--engine ray", "groundwire[ray]") from None
        ours = not ray.is_initialized()
        if ours:
            _reachable(self.address)
            os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nobody is told that it is used
            try:
                ray.init(address=self.address, log_to_driver=False, include_dashboard=False, configure_logging=False)
            except (ConnectionError, ValueError, RuntimeError) as error:
                raise GroundwireError(f"no Ray cluster at {self.address or 'this machine'}: {error}") from error
        try:
            yield from self._spread(ray, jobs, control)
        finally:
            if ours:
                ray.shutdown()

    def close(self) -> None:
        """Nothing: the cluster was left when the run ended."""

    def _spread(self, ray: Any, jobs: Iterable[Job], control: RunControl) -> Iterator[Done]:
        task: Any = ray.remote(max_retries=_RETRIES, num_cpus=1)(_perform)
        rest = iter(jobs)
        under_way: dict[Any, Job] = {}
        while True:
            width = max(2, 2 * int(ray.cluster_resources().get("CPU", 1)))
            while len(under_way) < width and (job := next(rest, None)) is not None:
                under_way[task.remote(_sent(job), self.recipe, control.why)] = job
            if not under_way:
                return
            ready, _ = ray.wait(list(under_way), num_returns=1)
            job = under_way.pop(ready[0])
            try:
                done: Done = ray.get(ready[0])
            except ray.exceptions.RayError as error:
                raise GroundwireError(f"bucket {job.bucket.name} cannot be scored on Ray: {_short(error)}") from error
            broke = done.tally.broke
            control.progress(job.bucket.name, job.bucket.size, done.tally.answers, broke, 1.0)
            control.done(job.bucket.name, job.bucket.size)
            yield done


def _reachable(address: str | None) -> None:
    """Ray itself tries for minutes, and then ends the process."""
    host, colon, port = (address or "").removeprefix("ray://").rpartition(":")
    if not colon or not port.isdecimal():
        return
    try:
        socket.create_connection((host, int(port)), timeout=_PATIENCE_S).close()
    except (OSError, OverflowError) as error:
        raise GroundwireError(f"no Ray cluster at {address}: {error}") from error


def _sent(job: Job) -> Job:
    """The job without files: those are on this machine."""
    known = b""
    if isinstance(job.journal, str) and Path(job.journal).exists():
        known = Path(job.journal).read_bytes()
    kept = None if job.journal is None else known
    return replace(job, bucket=job.bucket.inlined(), journal=kept, part=None)


def _perform(job: Job, recipe: Recipe, why: str | None) -> Done:
    return perform(job, _evaluators(recipe), _Far(why))


@lru_cache(maxsize=1)
def _evaluators(recipe: Recipe) -> Sequence[Evaluator]:
    return recipe.make()


@dataclass(frozen=True, slots=True)
class _Far:
    """Control of a bucket that is far away: it hears nothing once it has begun."""

    why: str | None

    def stopped(self) -> str | None:
        return self.why

    def reserve(self, usd: float | None) -> float | None:
        return 0.0 if self.why is None else None

    def settle(self, reserved: float, expected: float, usd: float) -> None:
        return None

    def judged(self, answers: int, broke: int, share: float) -> None:
        return None


def _short(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1][:300] if lines else type(error).__name__
