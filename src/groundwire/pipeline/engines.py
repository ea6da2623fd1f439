"""Where buckets are scored: in this process, or in several on this machine. Ray has a file of its own."""

import contextlib
import multiprocessing
import os
import signal
import sys
from collections import deque
from collections.abc import Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any, Protocol, cast

from groundwire.errors import ConfigurationError, GroundwireError
from groundwire.model import Evaluator
from groundwire.pipeline.bucket import Done, Job, perform
from groundwire.pipeline.collecting import rarely_collecting
from groundwire.pipeline.control import BucketControl, RunControl
from groundwire.pipeline.order import Recipe

_TRIES = 3
"""How often a bucket is begun whose worker dies; the journal keeps what it did before."""


class Engine(Protocol):
    """Scores buckets. The result does not depend on which engine does."""

    def run(self, jobs: Iterable[Job], control: RunControl) -> Iterator[Done]:
        """What comes of the jobs, in whatever order they end.

        Raises:
            GroundwireError: one of them cannot be done.
        """
        ...

    def close(self) -> None:
        """Let go of what it holds. Never raises."""
        ...


@dataclass(frozen=True, slots=True)
class Here:
    """One bucket after the other, in this process."""

    evaluators: Sequence[Evaluator]

    def run(self, jobs: Iterable[Job], control: RunControl) -> Iterator[Done]:
        """What comes of the jobs, in their order."""
        for job in jobs:
            done = perform(job, self.evaluators, BucketControl(control, job.bucket.name, job.bucket.size))
            control.done(job.bucket.name, job.bucket.size)
            yield done

    def close(self) -> None:
        """Nothing."""


class Processes:
    """Several processes of this machine, each with evaluators of its own.

    They are started at once, and load what they need while the source is still being read; anew, not forked, so a
    script that scores needs the usual `if __name__ == "__main__":`.
    """

    def __init__(self, recipe: Recipe, workers: int) -> None:
        self._recipe = recipe
        self._workers: dict[Connection, _Worker] = {}
        try:
            for _ in range(workers):
                self._hire()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Have all of them gone."""
        for worker in self._workers.values():
            worker.end()
        self._workers.clear()

    def _hire(self) -> "_Worker":
        worker = _Worker(self._recipe)
        self._workers[worker.pipe] = worker
        return worker

    def run(self, jobs: Iterable[Job], control: RunControl) -> Iterator[Done]:
        """What comes of the jobs, in the order in which they end."""
        waiting = deque((job, 1) for job in jobs)
        for worker in self._workers.values():
            if waiting:
                worker.take(*waiting.popleft())
        while busy := [w.pipe for w in self._workers.values() if w.job is not None]:
            for pipe in cast(list[Connection], wait(busy)):
                worker = self._workers[pipe]
                try:
                    done = worker.hear(control)
                except (EOFError, OSError):
                    again = worker.died()
                    del self._workers[pipe]
                    self._hire().take(*again)
                    continue
                if done is not None:
                    control.done(done[0].bucket.name, done[0].bucket.size)
                    if waiting:
                        worker.take(*waiting.popleft())
                    yield done[1]
            if control.why is not None:
                for worker in self._workers.values():
                    worker.stop(control.why)


@contextlib.contextmanager
def _unheard_by_children() -> Generator[None]:
    """Processes that are started meanwhile never hear Ctrl-C, not even while they begin; this one does, afterwards."""
    if sys.platform == "win32":
        yield
        return
    resource_tracker.ensure_running()  # or it is started in between, and lets the signal through
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


class _Worker:
    """A process as its master sees it."""

    def __init__(self, recipe: Recipe) -> None:
        context = multiprocessing.get_context("spawn")
        self.pipe, theirs = context.Pipe()
        self._process: BaseProcess = context.Process(
            target=_serve, args=(theirs, recipe), name="groundwire-scoring", daemon=True
        )
        try:
            with _unheard_by_children():
                self._process.start()
        except Exception as error:  # what cannot be sent to another process fails in a dozen ways
            raise ConfigurationError(
                f"the evaluators cannot be sent to another process ({type(error).__name__}: {error}); "
                "name them package.module:object, or use one worker"
            ) from error
        theirs.close()
        self.job: Job | None = None
        self._tries = 0
        self._stopped = False

    def take(self, job: Job, tries: int) -> None:
        """Begin a job."""
        self.job, self._tries = job, tries
        with contextlib.suppress(OSError):  # it died: the next thing heard of it says so
            self.pipe.send(("job", job))

    def stop(self, why: str) -> None:
        """Have it judge nothing more."""
        if not self._stopped:
            self._stopped = True
            with contextlib.suppress(OSError):
                self.pipe.send(("stop", why))

    def hear(self, control: RunControl) -> tuple[Job, Done] | None:
        """Take one message; the job and its result where that is what it was.

        Raises:
            EOFError: the process is gone.
            GroundwireError: the job cannot be done.
        """
        message = self.pipe.recv()
        job = self.job
        assert job is not None
        match message:
            case ("judged", answers, broke, share):
                control.progress(job.bucket.name, job.bucket.size, answers, broke, share)
            case ("reserve", usd):
                self.pipe.send(("aside", control.reserve(usd)))
            case ("settle", reserved, expected, usd):
                control.settle(reserved, expected, usd)
            case ("done", done):
                self.job = None
                return job, done
            case ("failed", told):
                raise GroundwireError(told)
            case _:
                raise GroundwireError(f"a worker broke: {message[-1]}")
        return None

    def died(self) -> tuple[Job, int]:
        """The job to do again, and which try that is.

        Raises:
            GroundwireError: it has been tried often enough.
        """
        self._process.join(5)
        job = self.job
        assert job is not None
        code = self._process.exitcode
        if self._tries >= _TRIES:
            raise GroundwireError(
                f"a worker process died {_TRIES} times over the same traces (exit code {code}: out of memory?); "
                "what was scored is kept"
            )
        return job, self._tries + 1

    def end(self) -> None:
        """Have it gone."""
        with contextlib.suppress(OSError):
            self.pipe.close()
        if self.job is None:
            self._process.join(2)
        if self._process.is_alive():
            self._process.kill()
            self._process.join(5)


def _serve(pipe: Connection, recipe: Recipe) -> None:
    """What a worker does: jobs, until nobody sends any. It does not outlive its master: the pipe tells."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the master hears it, and says what to do
    if "" not in sys.path:
        sys.path.append("")  # as in the command that began it
    control = _Remote(pipe)
    evaluators: Sequence[Evaluator] | None = None
    with contextlib.suppress(Exception):  # it is told where there is a job to be told of
        import groundwire.assembly as _  # noqa: F401  # what it takes a while to load

        evaluators = recipe.make()
    with rarely_collecting(), contextlib.suppress(EOFError, BrokenPipeError, ConnectionResetError):
        while True:
            match pipe.recv():
                case ("job", job):
                    try:
                        if evaluators is None:
                            evaluators = recipe.make()
                        pipe.send(("done", perform(job, evaluators, control)))
                    except GroundwireError as error:
                        pipe.send(("failed", str(error)))
                    except OSError as error:
                        if isinstance(error, BrokenPipeError | ConnectionResetError):
                            raise
                        pipe.send(("failed", f"cannot keep what was scored: {error}"))
                    except Exception as error:
                        pipe.send(("broke", f"{type(error).__name__}: {error}"))
                case ("stop", why):
                    control.why = why
                case _:
                    return


class _Remote:
    """The master's control, at the other end of a pipe."""

    def __init__(self, pipe: Connection) -> None:
        self._pipe = pipe
        self.why: str | None = None

    def stopped(self) -> str | None:
        self._listen()
        return self.why

    def reserve(self, usd: float | None) -> float | None:
        self._pipe.send(("reserve", usd))
        while True:
            match self._receive():
                case ("aside", aside):
                    return cast(float | None, aside)
                case other:
                    self._note(other)

    def settle(self, reserved: float, expected: float, usd: float) -> None:
        self._pipe.send(("settle", reserved, expected, usd))

    def judged(self, answers: int, broke: int, share: float) -> None:
        self._pipe.send(("judged", answers, broke, share))

    def _listen(self) -> None:
        while self._pipe.poll():
            self._note(self._receive())

    def _receive(self) -> Any:
        try:
            return self._pipe.recv()
        except (EOFError, OSError):
            os._exit(1)  # the master is gone: another may have taken over what we are at

    def _note(self, message: Any) -> None:
        if isinstance(message, tuple) and message[0] == "stop":
            self.why = message[1]
