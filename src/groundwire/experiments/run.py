"""Runs a target over a dataset: every case traced, scored, written down, one after the other or several at once."""

import os
import queue
import sys
import threading
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from time import monotonic
from typing import Any

from opentelemetry.trace import TracerProvider

from groundwire.budget import encodable
from groundwire.capturing import capturing
from groundwire.datasets.case import Case
from groundwire.datasets.file import Dataset
from groundwire.datasets.file import dataset as dataset_of
from groundwire.errors import ConfigurationError
from groundwire.experiments.file import Destination, destination
from groundwire.experiments.one_case import CaseRun, Outcome
from groundwire.experiments.result import Experiment, Row, row_of
from groundwire.experiments.spans import Plan
from groundwire.experiments.target import Target
from groundwire.model import Evaluator
from groundwire.plugins import DEFAULT_EVALUATORS
from groundwire.plugins import evaluators as load_evaluators

Progress = Callable[[Row, int, int], None]
"""Told each row, how many are done, and of how many."""


def experiment(
    target: Any,
    dataset: Any,
    evaluators: Sequence[str | Evaluator] | None = None,
    repeats: int = 1,
    *,
    name: str | None = None,
    out: str | os.PathLike[str] | None = None,
    max_concurrency: int = 1,
    timeout_s: float | None = None,
    app_version: str | None = None,
    resume: bool = True,
    raise_errors: bool = False,
    tracer_provider: TracerProvider | None = None,
    progress: Progress | None = None,
) -> Experiment:
    """Run an application over a dataset; its traces, scored, are what comes of it.

    Each case is a request of its own, under a root span `experiment case`. Calls of traced libraries nest in it, and
    the answer is read from them as everywhere else. Where none of them gave it, the answer is what the target returned,
    with the passages that it returned, or that traced retrievals found. A reference in a case reaches the evaluators
    that want one, now and whenever the file is scored again.

    Example:
        >>> import groundwire
        >>> result = groundwire.experiment(
        ...     lambda question: {"answer": "It is 350 m tall.", "passages": ["The tower is 330 m tall."]},
        ...     ["How tall is the tower?"],
        ...     ["faithfulness"],
        ... )
        >>> result.rows[0].checks["faithfulness"].label
        'unfaithful'

    Args:
        target: a callable, or the place of one (`package.module:function`). It takes the question, or a `Case` if its
            parameter is called `case`. It returns text; or a mapping or an object with `answer`, and `passages` where
            its retrieval is not traced (also `model`, `input_tokens`, `output_tokens`, `cost_usd`); or a pair of answer
            and passages; or a stream of text; or None, where its calls are traced. It may be async.
        dataset: a file, a `Dataset`, or cases or questions.
        evaluators: names or objects; by default the local ones, and completeness where cases have references.
        repeats: how often each case is run.
        name: of the experiment; by default that of the target.
        out: where the traces go, a line a case: a file to which a broken-off run is gone on with (cases whose target
            failed are run again), or `otlp+http://host:4318`. None: nowhere, they are in the result.
        max_concurrency: cases at once, on so many threads; one at a time they run on the caller's.
        timeout_s: a case that takes longer counts as failed. An async target is cancelled; another one goes on
            unheard.
        app_version: what is under experiment, as `app.version` on every root.
        resume: False: what is in the file is written over.
        raise_errors: raise what a target raised, after writing it down; by default it is recorded and counted.
        tracer_provider: what spans go through; by default what the application has, else one of our own.
        progress: told each row; by default a counter on stderr, where that is a terminal.

    Raises:
        ConfigurationError: a mistake in the above, or a file that holds another experiment.
        SourceError, SinkError: the dataset cannot be read, or the file not be written.
        BaseException: what a target raised, with `raise_errors`.
    """
    asked = Target.of(target)
    cases = dataset_of(dataset)
    if cases.problems:
        line, why = cases.problems[0]
        raise ConfigurationError(f"{cases.name}: line {line} is no case: {why}; groundwire dataset validate tells all")
    if repeats < 1 or max_concurrency < 1 or (timeout_s is not None and not timeout_s > 0):
        raise ConfigurationError("repeats, max_concurrency and timeout_s must be positive")
    scorers = load_evaluators(default_evaluators(cases) if evaluators is None else evaluators)
    version = None if app_version is None else encodable(app_version)
    plan = Plan(encodable(name or asked.name), cases.name, cases.hash, scorers, version)
    order = [(c, n) for c in cases for n in range(1, repeats + 1)]
    tell = progress or _counter(sys.stderr)
    with _running(asked, plan, timeout_s, tracer_provider) as run, _opened(out, plan, resume=resume) as place:
        rows = {(r.case_id, r.repeat): r for r in place.done}
        todo = [(c, n) for c, n in order if (c.id, n) not in rows]
        done = len(order) - len(todo)
        for outcome in _each(run, todo, max_concurrency):
            place.write(outcome.spans)
            row = row_of(outcome.spans)
            assert row is not None
            row = row if out is None else row.without_spans()
            rows[row.case_id, row.repeat] = row
            done += 1
            tell(row, done, len(order))
            if outcome.error is not None and raise_errors:
                raise outcome.error
    return Experiment(plan.name, tuple(rows[c.id, n] for c, n in order), place.name or None, len(order) - len(todo))


def default_evaluators(cases: Dataset) -> list[str]:
    """The local ones, and where cases have references the one that needs nothing but them."""
    referred = any(case.reference is not None for case in cases)
    return [*DEFAULT_EVALUATORS, *(["completeness"] if referred else [])]


@contextmanager
def _opened(out: str | os.PathLike[str] | None, plan: Plan, *, resume: bool) -> Generator[Destination]:
    place = destination(out, plan, resume=resume)
    try:
        yield place
    finally:
        place.close()


@contextmanager
def _running(
    target: Target, plan: Plan, timeout_s: float | None, tracer_provider: TracerProvider | None
) -> Generator[CaseRun]:
    wanted: set[str] = set()
    with capturing(
        tracer_provider=tracer_provider, service_name=plan.name, wanted=lambda trace_id: trace_id in wanted
    ) as capture:
        yield CaseRun(target, plan, capture, timeout_s, wanted)


def _each(run: CaseRun, todo: Sequence[tuple[Case, int]], threads: int) -> Iterator[Outcome]:
    """Outcomes as they come.

    One at a time they run where the caller is: what an application opened there (SQLite, for instance) may not be used
    elsewhere. Several run on threads of our own, so that a target that hangs keeps nobody from leaving.
    """
    if threads == 1:
        yield from (run.of(case, repeat) for case, repeat in todo)
        return
    pending: queue.SimpleQueue[tuple[Case, int]] = queue.SimpleQueue()
    for entry in todo:
        pending.put(entry)
    done: queue.SimpleQueue[Outcome | BaseException] = queue.SimpleQueue()
    stopped = threading.Event()

    def work() -> None:
        while not stopped.is_set():
            try:
                case, repeat = pending.get_nowait()
            except queue.Empty:
                return
            try:
                done.put(run.of(case, repeat))
            except BaseException as error:
                done.put(error)

    for number in range(min(threads, len(todo))):
        threading.Thread(target=work, name=f"groundwire-experiment-{number}", daemon=True).start()
    try:
        for _ in todo:
            outcome = done.get()
            if isinstance(outcome, BaseException):
                raise outcome
            yield outcome
    finally:
        stopped.set()


def _counter(stream: Any) -> Progress:
    """A line that counts, on a terminal; else nothing."""
    if not stream.isatty():
        return lambda row, done, total: None
    started, before = monotonic(), [0]

    def tell(row: Row, done: int, total: int) -> None:
        before[0] += 1
        left = (monotonic() - started) / before[0] * (total - done)
        end = "\r\x1b[2K" if done == total else ""
        print(f"\r\x1b[2K{done} of {total} cases, {left:.0f} s left{end}", end="", file=stream, flush=True)

    return tell
