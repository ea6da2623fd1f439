"""Reading a source on behalf of a verb that works on scores: answers that carry none are scored first."""

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice

from groundwire.cli.reading import counted, read
from groundwire.figures import plural
from groundwire.model import Evaluation, Evaluator, RagChain, SpanRecord
from groundwire.terminal import inert
from groundwire.traces import Problem


@dataclass(frozen=True, slots=True)
class ScoredSource:
    """The spans of a source, each once, with a judgement of every RAG answer where that could be had."""

    spec: str
    """As the user gave it."""
    spans: list[SpanRecord]
    """Those that were read, then the `evaluate` spans made here."""
    problems: list[Problem]
    """What could not be read."""
    scored_now: int = 0
    """Answers that were judged here, because they carried no score of some evaluator asked for."""
    evaluators: tuple[str, ...] = field(default=())
    """Names of those that judged here."""


def read_scored(spec: str, evaluators: Sequence[str] | None = None, *, score: bool = True) -> ScoredSource:
    """Read a source; judge what was not judged.

    Args:
        spec: as `groundwire.traces.open_source` takes it.
        evaluators: names; an answer gets those that it has no outcome of. None: the defaults, and only for answers
            without any outcome.
        score: False leaves everything as it was stored.

    Raises:
        SourceError: nothing can be read.
        ConfigurationError: an evaluator has no such name.
    """
    from groundwire.chain import chains
    from groundwire.checks import checks
    from groundwire.plugins import evaluators as load_evaluators

    spans, problems = read(spec)
    if not score:
        return ScoredSource(spec, spans, problems)
    scorers = load_evaluators(list(evaluators) if evaluators else None)
    judged = {key: {check.name for check in found} for key, found in checks(spans).items()}
    groups: dict[tuple[str, ...], list[RagChain]] = {}
    for chain in chains(spans).chains:
        has = judged.get((chain.trace_id, chain.span_id), set[str]())
        missing = tuple(e.name for e in scorers if e.name not in has) if evaluators or not has else ()
        if missing:
            groups.setdefault(missing, []).append(chain)
    pending = sum(map(len, groups.values()))
    if not pending:
        return ScoredSource(spec, spans, problems)
    names = tuple(e.name for e in scorers if any(e.name in missing for missing in groups))
    told = f"{inert(spec)}: {pending} {plural('answer', pending)} without scores, scored now by {', '.join(names)}"
    print(told, file=sys.stderr)
    answers = {(s.trace_id, s.span_id): s for s in spans}
    made = counted(_judgements(groups, scorers), "answers scored", pending)
    new = [record for evaluations in made for record in _records(evaluations, answers)]
    return ScoredSource(spec, [*spans, *new], problems, pending, names)


def _judgements(
    groups: dict[tuple[str, ...], list[RagChain]], scorers: Sequence[Evaluator]
) -> Iterator[list[Evaluation]]:
    """The new evaluations of each answer."""
    from groundwire.scoring import score as evaluate_all

    for names, chains in groups.items():
        chosen = [e for e in scorers if e.name in names]
        evaluations = evaluate_all(chains, chosen)
        for _ in chains:
            yield list(islice(evaluations, len(chosen)))


def _records(evaluations: Sequence[Evaluation], answers: dict[tuple[str, str], SpanRecord]) -> Iterator[SpanRecord]:
    from groundwire.scoring import evaluation_record

    for evaluation in evaluations:
        yield evaluation_record(evaluation, answers[evaluation.chain.trace_id, evaluation.chain.span_id])
