"""A run: the answers of stored traces with their scores, and what stands in the way of comparing them with others'."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any

from groundwire.answers import Answer, of_trace
from groundwire.checks import checks
from groundwire.comparing.measures import Measure
from groundwire.comparing.slimmed import Slimmer
from groundwire.model import Evaluator, LogEvent, SpanRecord
from groundwire.scoring import evaluation_record
from groundwire.scoring import score as evaluate_all
from groundwire.trace import Trace, read_traces
from groundwire.traces import joined


@dataclass(frozen=True, slots=True)
class Run:
    """Answers of one version of an application, or of one stretch of time."""

    name: str
    """What the user called its source."""
    answers: tuple[Answer, ...]
    """In order of time."""
    errors: tuple[Trace, ...] = ()
    """Requests that ended in an error before they gave an answer."""
    scored_now: Counter[str] = field(default_factory=Counter[str])
    """Evaluator and version to how many answers were judged for this comparison: their scores are not stored."""
    broke: Counter[str] = field(default_factory=Counter[str])
    """Evaluator to how many answers it broke on, in judging them now."""

    @property
    def requests(self) -> int:
        """With an answer, or with an error in its place."""
        return len({id(a.trace) for a in self.answers}) + len(self.errors)

    def split(self, at_ns: int, names: tuple[str, str]) -> "tuple[Run, Run]":
        """What began until a moment, in Unix nanoseconds, and what began after it."""
        return (
            Run(
                names[0], tuple(a for a in self.answers if a.trace.start_ns <= at_ns),
                tuple(t for t in self.errors if t.start_ns <= at_ns),
            ),
            Run(
                names[1], tuple(a for a in self.answers if a.trace.start_ns > at_ns),
                tuple(t for t in self.errors if t.start_ns > at_ns),
            ),
        )  # fmt: skip

    def as_json(self) -> dict[str, Any]:
        """What it is, ready for `json.dumps`."""
        return {
            "source": self.name, "answers": len(self.answers), "requests": self.requests, "errors": len(self.errors),
            "scored_now": dict(self.scored_now), "broke": dict(self.broke),
        }  # fmt: skip

    def values(self, measure: Measure) -> Iterator[tuple[Answer, float | None]]:
        """A figure of each answer; of a whole request only with its first answer, so that it counts once."""
        seen: set[int] = set()
        for answer in self.answers:
            if measure.per_request:
                if id(answer.trace) in seen:
                    continue
                seen.add(id(answer.trace))
            yield answer, measure.of(answer)


def run_of(name: str, items: Iterable[SpanRecord | LogEvent]) -> Run:
    """The run that stored spans, and log records beside them, tell of; without any RAG answer in them an empty one."""
    return run_of_traces(name, read_traces(joined(items)))


def run_of_traces(name: str, traces: Iterable[Trace], slimmer: Slimmer | None = None) -> Run:
    """The run of some requests; with a slimmer nothing is kept of them that comparing does not need."""
    found: list[Answer] = []
    errors: list[Trace] = []
    for trace in traces:
        own = list(of_trace(trace))
        found += own if slimmer is None else slimmer.answers(own)
        if not own and _failed(trace):
            errors.append(trace if slimmer is None else slimmer.trace(trace))
    found.sort(key=lambda a: (a.span.end_ns, a.chain.trace_id, a.chain.span_id))
    return Run(name, tuple(found), tuple(errors))


def _failed(trace: Trace) -> bool:
    """Whether a request that asks a model got no further for an error."""
    asks = any(stage.call is not None and stage.call.kind == "chat" for stage in trace.stages)
    retrieves = any(stage.call is not None and stage.call.kind in ("retrieval", "rerank") for stage in trace.stages)
    return (asks or retrieves) and (trace.root.status == "error" or any(call.is_error for call in trace.calls))


def judged(run: Run, evaluators: Sequence[Evaluator]) -> Iterator[Answer]:
    """The answers of a run, each judged by those evaluators whose verdict of this version is not stored with it.

    A stored verdict of another version gives way; one where the evaluator broke is tried again. Answers come as they
    are done, for a counter to show; `with_answers` makes a run of them.
    """
    missing = [_missing(answer, evaluators) for answer in run.answers]
    if not any(missing):
        yield from run.answers
        return
    # Evaluators that take many chains at once shall get them: all answers that lack the same ones go together.
    groups: dict[tuple[str, ...], list[int]] = {}
    for place, names in enumerate(missing):
        groups.setdefault(names, []).append(place)
    for names, places in groups.items():
        wanted = [e for e in evaluators if e.name in names]
        evaluations = evaluate_all((run.answers[i].chain for i in places), wanted)
        for place in places:
            answer = run.answers[place]
            records = [evaluation_record(e, answer.span) for e in islice(evaluations, len(wanted))]
            found = checks(records).get((answer.span.trace_id, answer.span.span_id), ())
            yield replace(answer, checks={**answer.checks, **{check.name: check for check in found}})


def with_answers(run: Run, answers: Iterable[Answer], evaluators: Sequence[Evaluator]) -> Run:
    """The run with its answers as `judged` gave them, and how much of that is new."""
    before = {(a.span.trace_id, a.span.span_id): a for a in run.answers}
    after = sorted(answers, key=lambda a: (a.span.end_ns, a.chain.trace_id, a.chain.span_id))
    new: Counter[str] = Counter()
    broke: Counter[str] = Counter()
    for answer in after:
        for evaluator in evaluators:
            check = answer.checks.get(evaluator.name)
            if check is not None and check is not before[answer.span.trace_id, answer.span.span_id].checks.get(
                check.name
            ):
                new[f"{evaluator.name} {evaluator.version}"] += 1
                broke[evaluator.name] += check.broke
    return replace(run, answers=tuple(after), scored_now=new, broke=+broke)


def _missing(answer: Answer, evaluators: Sequence[Evaluator]) -> tuple[str, ...]:
    stored = {name for name, check in answer.checks.items() if not check.broke}
    return tuple(
        e.name for e in evaluators if e.name not in stored or answer.checks[e.name].version != e.version
    )  # fmt: skip


def was_judged(run: Run) -> bool:
    """Whether some evaluator scored an answer in it, or declined to with a reason."""
    return any(not check.broke for answer in run.answers for check in answer.checks.values())


def incomparable(name: str, base: Run, candidate: Run) -> str:
    """Why the scores of an evaluator in two runs do not compare; empty where they do, as far as is recorded."""
    versions = [
        sorted({a.checks[name].version for a in run.answers if name in a.checks and a.score(name) is not None})
        for run in (base, candidate)
    ]
    known = [[v for v in found if v] for found in versions]
    if not all(known) or len({*known[0], *known[1]}) == 1:
        return ""
    told = [" and ".join(found) for found in known]
    if known[0] == known[1]:
        return f"each run has scores of several versions ({told[0]})"
    return f"scored by {told[0]} in the first run, by {told[1]} in the second"


def unversioned(name: str, base: Run, candidate: Run) -> bool:
    """Whether some score of an evaluator does not say by which version it was made."""
    return any(
        a.score(name) is not None and not a.checks[name].version for run in (base, candidate) for a in run.answers
    )
