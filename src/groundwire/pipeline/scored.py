"""`groundwire.score`: stored traces from Python, by the same road as from the command line."""

import shutil
import tempfile
import weakref
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from groundwire.answers import Answer, of_trace
from groundwire.errors import ConfigurationError, MissingLibrary
from groundwire.filters import conditions
from groundwire.model import Evaluator, LogEvent, RagChain, SpanRecord
from groundwire.pipeline.codec import Item
from groundwire.pipeline.order import Order, Recipe
from groundwire.pipeline.records import with_linked
from groundwire.pipeline.run import Limits, Result, execute
from groundwire.pipeline.selection import Selection, instant_ns
from groundwire.pipeline.tally import Tally
from groundwire.pipeline.workspace import Workspace
from groundwire.trace import read_trace
from groundwire.traces import Problem, open_source

if TYPE_CHECKING:
    from types import TracebackType


def score(
    source: str | Path | Iterable[SpanRecord | LogEvent],
    evaluators: Sequence[str | Evaluator] | None = None,
    *,
    where: Sequence[str] | str = (),
    sample: float = 1.0,
    since: str | None = None,
    until: str | None = None,
    limit: int | None = None,
    force: bool = False,
    workers: int = 1,
    max_cost: float | None = None,
    max_errors: int | None = None,
    work: str | Path | None = None,
) -> "Scored":
    """Score the RAG answers in stored traces.

    Args:
        source: what `groundwire score` takes (a file, a folder, a pattern, an address), or spans.
        evaluators: names or objects; None: the defaults.
        where: conditions that an answer must meet, as for `--where`: `"gen_ai.request.model=gpt-4o"`.
        sample: share of the traces, in [0, 1], chosen by their ids.
        since: answers that began then or later: RFC 3339, or how long ago: `"24h"`.
        until: answers that began before.
        limit: at most so many answers, the same ones every time.
        force: judge again what the source has judgements of.
        workers: processes; with more than one a script needs the usual `if __name__ == "__main__":`.
        max_cost: USD that judging may cost.
        max_errors: judgements that may break before the run stops.
        work: folder that keeps what was judged, so that a run that was killed goes on; it is removed when the run is
            done. None: nothing is kept.

    Returns:
        The scored answers. Nothing is read before they are asked for.

    Raises:
        ConfigurationError: a setting is wrong.
        SourceError: there is no such source; on iterating: it cannot be read.
    """
    recipe = _recipe(evaluators, max_cost)
    made = recipe.make()
    if not made:
        raise ConfigurationError("no evaluators: name some, or leave them out for the defaults")
    if workers < 1:
        raise ConfigurationError(f"workers must be 1 or more, got {workers!r}")
    selection = Selection(
        conditions([where] if isinstance(where, str) else where),
        sample,
        None if since is None else instant_ns(since, "since"),
        None if until is None else instant_ns(until, "until"),
        limit,
    )
    spec = str(source) if isinstance(source, str | Path) else None
    opened = open_source(spec) if spec is not None else _items(cast(Iterable[object], source))
    order = Order(recipe, selection, "traces", force, in_cost=max_cost is not None)
    return Scored(
        opened, order, made, workers, Limits(max_cost, max_errors), spec, None if work is None else Path(work)
    )


def _items(given: Iterable[object]) -> Iterator[Item]:
    for item in given:
        if not isinstance(item, SpanRecord | LogEvent):
            hint = "; chains are scored by groundwire.scoring.score" if isinstance(item, RagChain) else ""
            raise ConfigurationError(f"stored traces are spans, got {type(item).__name__}{hint}")
        yield item


def _recipe(evaluators: Sequence[str | Evaluator] | None, max_cost: float | None) -> Recipe:
    if evaluators is None:
        return Recipe(run_budget=max_cost)
    if isinstance(evaluators, str):
        raise ConfigurationError(f"evaluators must be a list, got {evaluators!r}")
    names = tuple(e for e in evaluators if isinstance(e, str))
    if len(names) == len(evaluators):
        return Recipe(names, run_budget=max_cost)
    from groundwire.plugins import evaluators as load

    return Recipe(objects=load(list(evaluators)))


class Scored:
    """The scored answers of stored traces: to go through as often as wanted, as rows, or as a dataframe.

    The work is done when they are first asked for. What does not fit into memory is in a temporary folder, which goes
    with this object.
    """

    def __init__(
        self,
        items: Iterable[Item],
        order: Order,
        evaluators: Sequence[Evaluator],
        workers: int,
        limits: Limits,
        spec: str | None,
        work: Path | None,
    ) -> None:
        self._items = items
        self._order = order
        self._evaluators = evaluators
        self._workers = workers
        self._limits = limits
        self._spec = spec
        self._work = work
        self._remove: Callable[[], object] | None = None
        self._result: Result | None = None

    def __enter__(self) -> "Scored":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: "TracebackType | None"
    ) -> None:
        self.close()

    def __iter__(self) -> Iterator[Answer]:
        """The answers that were chosen and scored; `checks` has what each evaluator said.

        Raises:
            SourceError: the source cannot be read.
        """
        names = {e.name for e in self._evaluators}
        for own, linked in self.spans():
            trace = read_trace(own, linked)
            if trace is not None:
                trace_id = own[0].trace_id
                yield from (a for a in of_trace(trace) if a.chain.trace_id == trace_id and names & a.checks.keys())

    def spans(self) -> Iterator[tuple[list[SpanRecord], list[SpanRecord]]]:
        """The spans of each trace with their scores and `evaluate` spans, and the spans elsewhere that it links to."""
        for piece in self._done().pieces():
            yield with_linked(piece)

    def rows(self) -> Iterator[dict[str, Any]]:
        """One flat row an answer: ids, texts, cost, and of each evaluator value, label, and why there is no value."""
        for answer in self:
            yield _row(answer, [e.name for e in self._evaluators])

    def to_pandas(self) -> Any:
        """The rows as a `pandas.DataFrame`.

        Raises:
            MissingLibrary: pandas is not installed.
        """
        return _library("pandas").DataFrame(list(self.rows()), columns=self.columns)

    def to_polars(self) -> Any:
        """The rows as a `polars.DataFrame`.

        Raises:
            MissingLibrary: polars is not installed.
        """
        return _library("polars").DataFrame(list(self.rows()), schema=self.columns, infer_schema_length=None)

    @property
    def columns(self) -> list[str]:
        """Names of the columns of the rows."""
        return [*_COLUMNS, *(f"{e.name}{suffix}" for e in self._evaluators for suffix in _SUFFIXES)]

    @property
    def summary(self) -> Tally:
        """What was read, chosen, scored, and not scored, by reason."""
        return self._done().tally

    @property
    def stopped(self) -> str | None:
        """Why the run ended before its end; None: it did not."""
        return self._done().stopped

    @property
    def problems(self) -> Sequence[Problem]:
        """Parts of the source that could not be read."""
        self._done()
        return getattr(self._items, "problems", ())

    def close(self) -> None:
        """Remove what is on disk; the answers cannot be gone through after this."""
        if self._remove is not None:
            self._remove()

    def _done(self) -> Result:
        if self._result is None:
            folder = Path(tempfile.mkdtemp(prefix="groundwire-"))
            self._remove = weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
            if self._work is None:
                workspace = Workspace(folder, {}, {})
            else:
                asked = {
                    "source": self._spec,
                    "evaluators": [[e.name, e.version] for e in self._evaluators],
                    "selection": repr(self._order.selection),
                }
                workspace = Workspace(self._work, asked, {})
            try:
                result = execute(
                    self._items, self._order, self._evaluators, workspace=workspace, workers=self._workers,
                    limits=self._limits,
                )  # fmt: skip
                result.move(folder / "parts")
            except BaseException:
                workspace.leave(finished=False)
                raise
            if self._work is not None:
                workspace.leave(finished=result.stopped is None)
            else:
                workspace.release()
            self._result = result
        return self._result


_COLUMNS = (
    "trace_id", "span_id", "question", "answer", "model", "duration_ms", "cost_usd", "input_tokens", "output_tokens",
    "passages",
)  # fmt: skip
_SUFFIXES = ("", "_label", "_passed", "_reason", "_explanation")


def _row(answer: Answer, names: Sequence[str]) -> dict[str, Any]:
    given, made = answer.tokens or (None, None)
    row: dict[str, Any] = {
        "trace_id": answer.chain.trace_id,
        "span_id": answer.chain.span_id,
        "question": answer.question,
        "answer": answer.chain.answer,
        "model": answer.chain.model,
        "duration_ms": answer.duration_ms,
        "cost_usd": answer.cost_usd,
        "input_tokens": given,
        "output_tokens": made,
        "passages": len(answer.chain.context),
    }
    for name in names:
        check = answer.checks.get(name)
        row[name] = None if check is None else check.value
        row[f"{name}_label"] = (check.label or None) if check is not None else None
        row[f"{name}_passed"] = None if check is None else check.passed
        row[f"{name}_reason"] = (check.reason or None) if check is not None else None
        row[f"{name}_explanation"] = (check.explanation or None) if check is not None else None
    return row


def _library(name: str) -> Any:
    from importlib import import_module

    try:
        return import_module(name)
    except ImportError:
        raise MissingLibrary(f"a {name} dataframe", name) from None
