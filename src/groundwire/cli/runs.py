"""Runs on behalf of the verbs that compare them: read, and scored where they are not."""

from collections.abc import Sequence

from groundwire.cli.reading import counted, read
from groundwire.comparing.measures import score_names
from groundwire.comparing.runs import Run, judged, run_of_traces, was_judged, with_answers
from groundwire.errors import SourceError
from groundwire.model import Evaluator
from groundwire.trace import Trace, read_traces
from groundwire.traces import Problem


def read_requests(spec: str) -> tuple[list[Trace], list[Problem]]:
    """The requests in a source, and what could not be read.

    Raises:
        SourceError: nothing can be read.
    """
    spans, problems = read(spec)
    return read_traces(spans), problems


def run_with_answers(name: str, traces: Sequence[Trace]) -> Run:
    """The run of some requests.

    Raises:
        SourceError: there is no RAG answer among them.
    """
    run = run_of_traces(name, traces)
    if not run.answers:
        errors = f", {len(run.errors)} of them ended in an error" if run.errors else ""
        raise SourceError(f"{name}: no RAG answer in {len(traces)} traces{errors}; groundwire chains tells why")
    return run


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
