"""Scoring in the background: a bounded queue, a polite worker, a deadline for every answer.

The worker is a guest in the application's process. Where it finds the interpreter busy, it rests fifty times as long
as it worked, and a second at least; where it finds it idle, as it is while an application waits for a model, it
works at once.
"""

import atexit
import logging
import queue
import threading
import weakref
from collections import Counter, deque
from collections.abc import Callable, Sequence
from time import monotonic, perf_counter, sleep
from typing import TypeAlias

from groundwire.chain_index import Material
from groundwire.model import Evaluation, Evaluator, Failed, NoChain, SpanRecord
from groundwire.scoring import evaluate
from groundwire.untraced import untraced

_log = logging.getLogger(__name__)

Done: TypeAlias = Callable[[Sequence[Evaluation], str | None], None]
"""(evaluations, why there are none) -> None; called exactly once for every job."""
Prepare: TypeAlias = Callable[[], tuple[SpanRecord, Material] | None]
"""The answer span and what bears on it; None where it is no answer after all."""
Late: TypeAlias = Callable[[Sequence[Evaluation]], None]

_BUSY_S = 0.002
"""Waking up this late means that somebody else held the interpreter."""
_PROBES = 3
"""A process that is busy now and then is found idle by one of so many looks."""
_REST = 50
_SHORTEST_REST_S = 1.0
_LONGEST_REST_S = 2.0
_REPLACEMENTS = 8
"""Hung evaluators that are given up on, each with its thread, before nothing is scored any more."""
_SHUTDOWN_S = 5.0


def chosen(trace_id: int, sample: float) -> bool:
    """Whether a trace is among the share that is scored: the same everywhere, as it depends on the id alone."""
    return trace_id & (2**64 - 1) < round(sample * 2**64)


class Job:
    """One answer span on its way through the scorer."""

    __slots__ = ("_taken", "deadline", "done", "late", "prepare", "started")

    def __init__(self, prepare: Prepare, done: Done, late: Late, deadline: float) -> None:
        self.prepare = prepare
        self.done = done
        self.late = late
        self.deadline = deadline
        self.started = False
        self._taken = threading.Lock()

    def finish(self, evaluations: Sequence[Evaluation], reason: str | None) -> bool:
        """Hand over the outcome, unless somebody did before."""
        if not self._taken.acquire(blocking=False):
            return False
        try:
            self.done(evaluations, reason)
        except Exception:
            _log.warning("a scored span could not be passed on", exc_info=True)
        return True

    @property
    def finished(self) -> bool:
        """Whether the outcome was handed over."""
        return self._taken.locked()


class Scorer:
    """Evaluates answer spans off the caller's thread. Nothing here blocks or raises into a caller.

    Args:
        evaluators: run on every chain, in order.
        deadline_s: an answer that is not scored by then leaves unscored.
        queue_size: answers waiting; one more leaves unscored.
    """

    def __init__(self, evaluators: Sequence[Evaluator], *, deadline_s: float, queue_size: int) -> None:
        self._evaluators = tuple(evaluators)
        self._deadline_s = deadline_s
        self._queue_size = queue_size
        self.counts: Counter[str] = Counter()
        """Outcomes so far: `scored`, `skipped`, `failed`, and the reasons of answers that left unscored."""
        self.reset()

    def reset(self) -> None:
        """Start afresh, forgetting what was queued: a forked child must not export its parent's spans."""
        self._queue: queue.Queue[Job] = queue.Queue(self._queue_size)
        self._waiting: deque[Job] = deque()
        self._idle = threading.Condition()
        self._pending = 0
        self._hurry = threading.Event()
        self._closed = False
        self._start_lock = threading.Lock()
        self._worker: threading.Thread | None = None
        self._retired = threading.Event()
        self._watchdog: threading.Thread | None = None
        self._given_up = 0
        self._wake = threading.Event()

    def submit(self, prepare: Prepare, done: Done, late: Late) -> None:
        """Queue one answer; `done` is called with its outcome, at once if it cannot be queued.

        Args:
            prepare: tells the answer span and what else of its trace bears on it; called by the worker.
            done: takes the outcome.
            late: takes scores that come after the deadline.
        """
        job = Job(prepare, self._counted(done), late, monotonic() + self._deadline_s)
        if self._closed:
            job.finish((), "shutdown")
            return
        with self._idle:
            self._pending += 1
        try:
            self._queue.put_nowait(job)
        except queue.Full:
            job.finish((), "queue_full")
            return
        self._waiting.append(job)
        if not self._ensure_threads():
            job.finish((), "no_worker")
        if not self._wake.is_set():
            self._wake.set()

    def flush(self, timeout_s: float) -> bool:
        """Wait until everything queued is scored; what is not by then leaves unscored. False if any did."""
        self._hurry.set()
        try:
            with self._idle:
                done = self._idle.wait_for(lambda: self._pending == 0, timeout=max(0.0, timeout_s))
        finally:
            if not self._closed:
                self._hurry.clear()
        if not done:
            self._release_all("timeout")
        return done

    def shutdown(self, timeout_s: float) -> None:
        """Score what is queued within the timeout, release the rest, stop. Safe to call twice."""
        if self._closed:
            return
        self.flush(timeout_s)
        self._closed = True
        self._hurry.set()
        self._wake.set()
        self._release_all("shutdown")

    # --- threads ------------------------------------------------------------------------------------------------

    def _counted(self, done: Done) -> Done:
        def counted(evaluations: Sequence[Evaluation], reason: str | None) -> None:
            try:
                done(evaluations, reason)
            finally:
                for evaluation in evaluations:
                    self.counts[type(evaluation.result).__name__.lower().replace("score", "scored")] += 1
                if reason is not None:
                    self.counts[reason.partition(":")[0]] += 1
                with self._idle:
                    self._pending -= 1
                    if self._pending == 0:
                        self._idle.notify_all()

        return counted

    def _ensure_threads(self) -> bool:
        if self._worker is not None and self._worker.is_alive() and self._watchdog is not None:
            return True
        with self._start_lock:
            try:
                if self._worker is None or not self._worker.is_alive():
                    self._worker = self._start_worker()
                if self._watchdog is None or not self._watchdog.is_alive():
                    self._watchdog = threading.Thread(target=self._watch, name="groundwire-deadline", daemon=True)
                    self._watchdog.start()
            except RuntimeError:  # the interpreter is shutting down
                return self._worker is not None and self._worker.is_alive()
        return True

    def _start_worker(self) -> threading.Thread:
        _stopped_at_exit(self)
        self._retired = threading.Event()
        worker = threading.Thread(
            target=self._work, args=(self._queue, self._retired), name="groundwire-scorer", daemon=True
        )
        worker.start()
        return worker

    def _work(self, jobs: "queue.Queue[Job]", retired: threading.Event) -> None:
        worked_s = 0.0
        with untraced():
            while not retired.is_set():
                try:
                    job = jobs.get(timeout=5.0)
                except queue.Empty:
                    if self._closed:
                        return
                    continue
                self._be_polite(worked_s)
                if job.finished:
                    continue
                started = perf_counter()
                self._run(job)
                worked_s = perf_counter() - started

    def _run(self, job: Job) -> None:
        from groundwire.assembly import assemble

        job.started = True
        evaluations: list[Evaluation] = []
        reason: str | None = None
        try:
            prepared = job.prepare()
            chain = None if prepared is None else assemble(*prepared)
            if chain is None:
                reason = "no_chain: no_passages"
            elif isinstance(chain, NoChain):
                reason = f"no_chain: {chain.reason}"
            else:
                for evaluator in self._evaluators:
                    try:
                        evaluations.append(evaluate(chain, evaluator))
                    except BaseException as error:  # even SystemExit must not end the worker
                        result = Failed(type(error).__qualname__, str(error)[:500])
                        evaluations.append(Evaluation(chain, evaluator.name, evaluator.version, result))
        except BaseException:
            _log.warning("an answer could not be scored", exc_info=True)
            reason = "error"
        if not job.finish(evaluations, reason) and evaluations:
            try:
                job.late(evaluations)
            except Exception:
                _log.warning("late scores could not be passed on", exc_info=True)

    def _be_polite(self, worked_s: float) -> None:
        for _ in range(_PROBES):
            asleep = perf_counter()
            if self._hurry.wait(0.0005) or perf_counter() - asleep <= _BUSY_S:
                return
        self._hurry.wait(min(max(_REST * worked_s, _SHORTEST_REST_S), _LONGEST_REST_S))

    def _watch(self) -> None:
        while not self._closed:
            self._wake.wait()
            self._wake.clear()  # before looking: what is queued from now on sets it again
            while self._waiting and not self._closed:
                job = self._waiting[0]
                left = job.deadline - monotonic()
                if job.finished:
                    self._waiting.popleft()
                elif left > 0:
                    # Finished jobs at the head are cleared at least every quarter second: they hold their spans.
                    sleep(min(left, 0.25))
                else:
                    self._waiting.popleft()
                    if job.finish((), "timeout" if job.started else "overloaded") and job.started:
                        self._replace_worker()

    def _replace_worker(self) -> None:
        """The worker hangs in an evaluator: give it up, thread and all, and start another."""
        if self._given_up >= _REPLACEMENTS:
            return
        self._given_up += 1
        _log.warning("an evaluator did not return within %.1f s; its thread is given up", self._deadline_s)
        with self._start_lock:
            self._retired.set()
            try:
                self._worker = self._start_worker()
            except RuntimeError:
                self._worker = None

    def _release_all(self, reason: str) -> None:
        while self._waiting:
            try:
                job = self._waiting.popleft()
            except IndexError:
                return
            job.finish((), reason)


_at_work: "weakref.WeakSet[Scorer]" = weakref.WeakSet()


def _stopped_at_exit(scorer: Scorer) -> None:
    """Score what is queued before the interpreter ends, whoever forgets to; evaluators are all there by then still."""
    atexit.unregister(_stop_all)
    atexit.register(_stop_all)  # anew: it must run before whatever the evaluators have registered until now
    _at_work.add(scorer)


def _stop_all() -> None:
    for scorer in list(_at_work):
        scorer.shutdown(_SHUTDOWN_S)
