"""What is watched over time: one number a request for each signal, so that requests are what is drawn and compared.

Answers of one request, and passages of one answer, stand and fall together: they are averaged first.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from groundwire.agreement.figures import Numbers
from groundwire.answers import Answer
from groundwire.comparing.measures import RESOURCES, Better, Measure, Unit, score
from groundwire.comparing.pairing import mean
from groundwire.comparing.runs import Run

Read: TypeAlias = Callable[[Answer], float | None]


@dataclass(frozen=True, slots=True)
class Signal:
    """One figure of a request."""

    name: str
    unit: Unit
    better: Better
    """`neither`: any change is worth a look."""
    read: Read
    """Of one answer; None where it is not known."""
    after_error: float | None = None
    """Of a request that ended in an error and gave no answer; None: such a request has no such figure."""


def signals(scores: Sequence[str]) -> list[Signal]:
    """All signals, for runs with scores by these evaluators."""
    found: list[Signal] = []
    for name in scores:
        found += [_of(score(name)), Signal(f"{score(name).name}.failing", "share", "lower", _failing(name))]
    return [
        *found,
        Signal("refusals", "share", "lower", _refused),
        Signal("errors", "share", "lower", lambda answer: 0.0, after_error=1.0),
        Signal("retrieval_score", "", "neither", _mean_score),
        Signal("top_retrieval_score", "", "neither", _top_score),
        Signal("passages", "count", "neither", lambda answer: float(len(answer.chain.context))),
        Signal("passage_length", "characters", "neither", lambda a: mean(float(len(p.text)) for p in a.chain.context)),
        Signal("question_length", "characters", "neither", lambda a: float(len(a.question)) if a.question else None),
        Signal("answer_length", "characters", "neither", lambda answer: float(len(answer.chain.answer))),
        *map(_of, RESOURCES),
    ]


def _of(measure: Measure) -> Signal:
    return Signal(measure.name, measure.unit, measure.better, measure.of)


def _failing(name: str) -> Read:
    """Whether a score did not pass its evaluator's own threshold: a few that fail anew hardly move the mean."""

    def read(answer: Answer) -> float | None:
        check = answer.checks.get(name)
        return None if check is None or check.value is None or check.passed is None else float(not check.passed)

    return read


def _refused(answer: Answer) -> float | None:
    """Whether the answer declines: known where the provider said so, or where an evaluator that looks for it did.

    Of evaluators' names only those of a judgement that declines to judge refusals are heeded: that another one gave a
    score says nothing.
    """
    if answer.chain.refused:
        return 1.0
    checks = answer.checks
    if any(c.value is None and c.reason.partition(":")[0] == "refusal" for c in checks.values()):
        return 1.0
    whole = checks.get("refusal")
    if whole is not None and whole.value is not None:
        return float(whole.label in ("justified", "unjustified"))
    return 0.0 if "faithfulness" in checks and checks["faithfulness"].value is not None else None


def _mean_score(answer: Answer) -> float | None:
    return mean(_scores(answer))


def _top_score(answer: Answer) -> float | None:
    return next(iter(_scores(answer)), None)


def _scores(answer: Answer) -> list[float]:
    """Of the passages as the store gave them, best ranked first; a distance or a similarity, nobody says which."""
    found = [p.score for p in answer.chain.passages if p.score is not None]
    return [score for score in found if np.isfinite(score) and abs(score) < 1e100]


def table(run: Run, watched: Sequence[Signal]) -> Numbers:
    """The signals of all requests of a run, shape (requests, signals); NaN where not known."""
    by_request: dict[int, list[Answer]] = {}
    for answer in run.answers:
        by_request.setdefault(id(answer.trace), []).append(answer)
    rows: list[list[float]] = []
    for answers in by_request.values():
        rows.append([_or_nan(mean(v for a in answers if (v := s.read(a)) is not None)) for s in watched])
    rows += [[_or_nan(s.after_error) for s in watched] for _ in run.errors]
    return np.array(rows, float).reshape(len(rows), len(watched))


def _or_nan(value: float | None) -> float:
    return float("nan") if value is None else value
