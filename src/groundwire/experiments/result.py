"""What came of an experiment: a row for each case and repeat, and what they say together."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from statistics import fmean, stdev
from typing import Any

from groundwire import semconv
from groundwire.answers import of_trace
from groundwire.chain import chains
from groundwire.checks import Check
from groundwire.errors import ConfigurationError
from groundwire.experiments.spans import ROOT
from groundwire.model import RagChain, SpanRecord
from groundwire.trace import Trace, read_trace


@dataclass(frozen=True, slots=True)
class Row:
    """One run of one case, as its spans tell it."""

    case_id: str
    repeat: int
    """From 1."""
    question: str
    reference: str | None
    answer: str | None
    """None: the target failed, or returned nothing and no call of it was traced."""
    checks: Mapping[str, Check]
    """By evaluator; a check without a value says why in `reason`. Empty where there is no answer."""
    error: str | None
    """What the target raised; None: nothing."""
    not_scored: str | None
    """Why there is nothing to judge; None: there is, or the target failed."""
    trace_id: str
    duration_ms: float
    cost_usd: float | None
    """None: no price is known."""
    tokens: tuple[int, int] | None
    """In, out; None: nobody says."""
    chain: RagChain | None = field(repr=False, compare=False)
    """What was judged; None where there is nothing to judge."""
    spans: tuple[SpanRecord, ...] = field(repr=False, compare=False)
    """Everything that was traced, scores included; empty where it went to a file."""

    def without_spans(self) -> "Row":
        """The same, in less memory."""
        chain = None if self.chain is None else replace(self.chain, attributes={})
        return replace(self, chain=chain, spans=())

    def score(self, name: str) -> float | None:
        """Value of one evaluator, in [0, 1]; None where it gave none."""
        check = self.checks.get(name)
        return None if check is None else check.value

    def as_dict(self) -> dict[str, Any]:
        """Plain values, one column an evaluator: for a data frame."""
        told = {name: getattr(self, name) for name in _COLUMNS}
        tokens = self.tokens or (None, None)
        told |= {"input_tokens": tokens[0], "output_tokens": tokens[1]}
        return told | {name: check.value for name, check in self.checks.items()}


_COLUMNS = (
    *("case_id", "repeat", "question", "reference", "answer", "error", "not_scored", "trace_id", "duration_ms"),
    "cost_usd",
)


@dataclass(frozen=True, slots=True)
class Experiment:
    """All rows of an experiment."""

    name: str
    rows: tuple[Row, ...]
    """In the order of the dataset, repeats of a case together."""
    path: str | None = None
    """Where the traces are; None: nowhere but in `spans`."""
    resumed: int = 0
    """Rows that were in the file already."""

    def __str__(self) -> str:
        means = [f"{name} {'not scored' if mean is None else f'{mean:.3f}'}" for name, mean in self.means.items()]
        told = [f"{len(self.rows)} rows", *means, *([f"{len(self.failures)} failed"] if self.failures else [])]
        return f"{self.name}: {', '.join(told)}"

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[Row]:
        return iter(self.rows)

    @property
    def failures(self) -> tuple[Row, ...]:
        """Rows whose target raised or took too long."""
        return tuple(r for r in self.rows if r.error is not None)

    @property
    def broken(self) -> tuple[tuple[Row, Check], ...]:
        """Evaluators that broke, and where."""
        return tuple((r, c) for r in self.rows for c in r.checks.values() if c.broke)

    @property
    def evaluators(self) -> tuple[str, ...]:
        """Names of all that judged; faithfulness first, as they judged."""
        return tuple(dict.fromkeys(name for r in self.rows for name in r.checks))

    def values(self, name: str) -> list[float]:
        """All values of one evaluator."""
        return [value for r in self.rows if (value := r.score(name)) is not None]

    @property
    def means(self) -> Mapping[str, float | None]:
        """Mean of each evaluator, over the rows that it gave a value; None where that is none of them."""
        return {name: fmean(found) if (found := self.values(name)) else None for name in self.evaluators}

    def spread(self, name: str) -> float | None:
        """How much repeats of one case differ: mean standard deviation within a case; None without repeats."""
        by_case: dict[str, list[float]] = {}
        for row in self.rows:
            if (value := row.score(name)) is not None:
                by_case.setdefault(row.case_id, []).append(value)
        deviations = [stdev(found) for found in by_case.values() if len(found) > 1]
        return fmean(deviations) if deviations else None

    def below(self, name: str, minimum: float | None = None) -> tuple[Row, ...]:
        """Rows that score below a value; without one, that do not pass the evaluator's own threshold.

        Raises:
            ConfigurationError: no such evaluator judged.
        """
        if name not in self.evaluators:
            known = ", ".join(self.evaluators) or "none"
            raise ConfigurationError(f"{name!r} is not among the evaluators: {known}")
        found = [(r, r.checks[name]) for r in self.rows if name in r.checks]
        if minimum is None:
            return tuple(r for r, c in found if c.failed)
        return tuple(r for r, c in found if c.value is not None and c.value < minimum)

    @property
    def cost_usd(self) -> float | None:
        """Of all rows whose price is known; None where it is known of none."""
        costs = [r.cost_usd for r in self.rows if r.cost_usd is not None]
        return sum(costs) if costs else None

    @property
    def spans(self) -> tuple[SpanRecord, ...]:
        """Everything that was traced, scores included; empty where it went to `path`."""
        return tuple(s for r in self.rows for s in r.spans)

    def to_dicts(self) -> list[dict[str, Any]]:
        """One plain dictionary a row: `pandas.DataFrame(result.to_dicts())`."""
        return [row.as_dict() for row in self.rows]


def row_of(spans: Sequence[SpanRecord]) -> Row | None:
    """The row that the spans of one case tell; None where they are none of an experiment."""
    root = next((s for s in spans if s.name == ROOT and semconv.CASE_ID in s.attributes), None)
    trace = None if root is None else read_trace(spans)
    if root is None or trace is None:
        return None
    attributes = root.attributes
    answers = list(of_trace(trace))
    last = max(answers, key=lambda a: (a.span.end_ns, a.span.start_ns), default=None)
    error = _error(root)
    answer = attributes.get(semconv.OUTPUT_VALUE)
    reference = attributes.get(semconv.REFERENCE)
    repeat = attributes.get(semconv.EXPERIMENT_REPEAT)
    return Row(
        case_id=str(attributes[semconv.CASE_ID]),
        repeat=repeat if isinstance(repeat, int) else 1,
        question=str(attributes.get(semconv.INPUT_VALUE, "")),
        reference=reference if isinstance(reference, str) else None,
        answer=answer if isinstance(answer, str) else None,
        checks={} if last is None else {c.name: c for c in _in_order(last.checks.values(), attributes)},
        error=error,
        not_scored=_why_not(trace) if last is None and error is None else None,
        trace_id=root.trace_id,
        duration_ms=(root.end_ns - root.start_ns) / 1e6,
        cost_usd=trace.cost_usd,
        tokens=trace.tokens,
        chain=None if last is None else last.chain,
        spans=tuple(spans),
    )


def _in_order(found: Any, attributes: Mapping[str, Any]) -> list[Check]:
    """Checks in the order in which the evaluators were given."""
    asked = [str(name).partition("/")[0] for name in attributes.get(semconv.EXPERIMENT_EVALUATORS) or ()]
    return sorted(found, key=lambda c: (asked.index(c.name) if c.name in asked else len(asked), c.name))


def _error(root: SpanRecord) -> str | None:
    if root.status != "error":
        return None
    kind = str(root.attributes.get(semconv.ERROR_TYPE) or "error")
    return f"{kind}: {root.status_message}" if root.status_message else kind


def _why_not(trace: Trace) -> str:
    rejected = chains(trace.spans).rejected
    return rejected[-1].reason if rejected else "no_answer"
