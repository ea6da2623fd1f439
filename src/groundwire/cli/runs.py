"""Runs on behalf of the verbs that compare them: read, and scored where they are not."""

from collections.abc import Iterable, Iterator, Sequence

from groundwire.cli.reading import counted
from groundwire.comparing.measures import score_names
from groundwire.comparing.runs import Run, judged, run_of_traces, was_judged, with_answers
from groundwire.comparing.slimmed import Slimmer
from groundwire.errors import SourceError
from groundwire.model import Evaluator
from groundwire.pipeline.order import Order, Recipe
from groundwire.pipeline.run import Limits
from groundwire.pipeline.scored import Scored
from groundwire.trace import Trace, read_trace
from groundwire.traces import Problem, open_source


def read_run(spec: str, needed: Iterable[str] = ()) -> tuple[Run, list[Problem]]:
    """The run in a source, and what could not be read. Requests come one by one, through the buckets of scoring.

    Args:
        spec: What the user called it.
        needed: Attributes that answers will be paired or sliced by.

    Raises:
        SourceError: nothing can be read, or there is no RAG answer in it.
    """
    source = open_source(spec)
    order = Order(Recipe(objects=()), form="traces")
    seen = 0

    def requests() -> Iterator[Trace]:
        nonlocal seen
        with Scored(counted(source, "spans read"), order, (), 1, Limits(None, None), spec, None) as stored:
            for own, linked in stored.spans():
                trace = read_trace(own, linked)
                if trace is not None:
                    seen += 1
                    yield trace

    run = run_of_traces(spec, requests(), Slimmer(needed))
    checked(run, seen)
    return run, source.problems


def checked(run: Run, traces: int) -> None:
    """Raise where there is nothing to compare.

    Raises:
        SourceError: no RAG answer.
    """
    if not run.answers:
        errors = f", {len(run.errors)} of them ended in an error" if run.errors else ""
        raise SourceError(f"{run.name}: no RAG answer in {traces} traces{errors}; groundwire chains tells why")


def with_scores(runs: Sequence[Run], names: Sequence[str] | None) -> list[Run]:
    """The runs with scores on their answers.

    Args:
        runs: As read.
        names: Evaluators that were asked for: they judge whatever they, in their present version, have not judged.
            None: a run that nobody judged is judged by the evaluators that scored the others, as far as they are
            installed, else by the defaults; others stay as they are.

    Raises:
        ConfigurationError: no such evaluator.
    """
    from groundwire.plugins import evaluators

    if names is not None:
        chosen = evaluators(list(names))
        return [_judged(run, chosen) for run in runs]
    if all(map(was_judged, runs)):
        return list(runs)
    chosen = _like_the_others(runs)
    return [run if was_judged(run) else _judged(run, chosen) for run in runs]


def _like_the_others(runs: Sequence[Run]) -> tuple[Evaluator, ...]:
    from groundwire.plugins import evaluator_names, evaluators

    installed = set(evaluator_names())
    used = {name: None for run in runs for name in score_names(run.answers) if name in installed}
    return evaluators(list(used) or None)


def _judged(run: Run, chosen: Sequence[Evaluator]) -> Run:
    answers = counted(judged(run, chosen), f"answers of {run.name} looked at", len(run.answers))
    return with_answers(run, answers, chosen)
