"""Two runs compared: every figure, slices by attributes, gates."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from groundwire.comparing.difference import Difference
from groundwire.comparing.gates import Gate, decide, gate
from groundwire.comparing.measures import RESOURCES, Measure, score, score_names
from groundwire.comparing.pairing import Group, Pairing, attribute_of, known_attributes, pair
from groundwire.comparing.runs import Run, incomparable, unversioned
from groundwire.comparing.significance import holm
from groundwire.comparing.table import Table
from groundwire.errors import ConfigurationError

MIN_N = 30
"""Below that, a rare large difference that the sample happens to lack makes intervals lie: of 10 % of questions that
rise by 0.45 where all others fall by 0.05, 20 questions show none with a chance of .12, and 30 with .04."""
ALPHA = 0.05
MAX_MISSING = 0.2


@dataclass(frozen=True, slots=True)
class Slice:
    """The questions whose answers have one value of an attribute."""

    value: str
    """`a → b` where the attribute itself changed between the runs."""
    questions: tuple[int, int]
    """Of each run."""
    differences: tuple[Difference, ...]


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two runs, figure by figure."""

    base: Run
    candidate: Run
    pairing: Pairing
    paired: bool
    """False: not one question pairs, or an unpaired comparison was asked for."""
    alpha: float
    min_n: int
    differences: tuple[Difference, ...]
    refused: Mapping[str, str]
    """Evaluator to why its scores do not compare."""
    unversioned: tuple[str, ...]
    """Evaluators whose scores do not say by which version they were made: that they compare is an assumption."""
    slices: Mapping[str, tuple[Slice, ...]]
    """By attribute; within each the largest slice first."""
    gates: tuple[Gate, ...]

    def difference(self, name: str) -> Difference | None:
        """That of one figure."""
        return next((d for d in self.differences if d.name == name), None)

    @property
    def failed(self) -> bool:
        """Whether a gate failed."""
        return any(g.outcome == "failed" for g in self.gates)

    @property
    def incomplete(self) -> bool:
        """Whether a gate could not be decided, or an evaluator broke."""
        return any(g.outcome == "unknown" for g in self.gates) or bool(self.base.broke or self.candidate.broke)

    def as_json(self) -> dict[str, Any]:
        """Ready for `json.dumps`."""
        return {
            "base": self.base.as_json(), "candidate": self.candidate.as_json(), "by": self.pairing.by,
            "paired": self.paired, "pairs": len(self.pairing.paired),
            "only_base": [self.pairing.base[k].title for k in self.pairing.only_base],
            "only_candidate": [self.pairing.candidate[k].title for k in self.pairing.only_candidate],
            "without_key": list(self.pairing.without_key), "alpha": self.alpha, "min_n": self.min_n,
            "correction": "holm", "differences": [d.as_json() for d in self.differences],
            "not_compared": dict(self.refused), "version_not_recorded": list(self.unversioned),
            "slices": {
                key: [
                    {
                        "value": s.value, "questions": list(s.questions),
                        "differences": [d.as_json() for d in s.differences],
                    }
                    for s in found
                ]
                for key, found in self.slices.items()
            },
            "gates": [g.as_json() for g in self.gates],
        }  # fmt: skip


def compare(
    base: Run,
    candidate: Run,
    *,
    key: str | None = None,
    unpaired: bool = False,
    by: Sequence[str] = (),
    fail_on: Sequence[str] = (),
    alpha: float = ALPHA,
    min_n: int = MIN_N,
    max_missing: float = MAX_MISSING,
    strict: bool = False,
) -> Comparison:
    """Compare two runs; neither may be empty.

    Args:
        base: What was.
        candidate: What shall replace it.
        key: Attribute whose value pairs answers; None: their question.
        unpaired: Compare as two independent sets even where questions pair.
        by: Attributes to slice by.
        fail_on: Gates, see `gates.gate`.
        alpha: 1 less the level of all intervals.
        min_n: With fewer questions a figure has no interval, and a gate on it is not decided.
        max_missing: The share of the base's questions that the candidate may be without before a gate is not decided.
        strict: Whether a gate fails where the figure is not shown to be within its limit.

    Raises:
        ConfigurationError: an attribute that no answer has, or a gate that names no figure.
    """
    pairing = pair(base, candidate, key)
    paired = bool(pairing.paired) and not unpaired
    names = list(dict.fromkeys([*score_names(base.answers), *score_names(candidate.answers)]))
    refused = {name: why for name in names if (why := incomparable(name, base, candidate))}
    measures = [*(score(name) for name in names if name not in refused), *RESOURCES]
    table = Table.of(measures, base, candidate, pairing, paired)
    differences = table.differences(alpha, min_n)
    slices = {attribute: _slices(attribute, table, base, candidate, alpha, min_n) for attribute in by}
    known = [*differences, *(_refused(score(name)) for name in refused)]
    gates = [gate(text, known) for text in fail_on]
    lacking = len(pairing.only_base) if paired else 0
    decided = tuple(
        replace(g, told=f"not compared: {refused[g.name]}")
        if g.name in refused
        else decide(
            g, next(d for d in differences if d.name == g.name),
            min_n=min_n, max_missing=max_missing, strict=strict, unpaired=lacking,
        )
        for g in gates
    )  # fmt: skip
    vague = tuple(name for name in names if name not in refused and unversioned(name, base, candidate))
    return Comparison(
        base, candidate, pairing, paired, alpha, min_n, differences, refused, vague, slices, decided
    )  # fmt: skip


def _refused(measure: Measure) -> Difference:
    return Difference(measure.name, measure.unit, measure.better, True, (0, 0), (0, 0), 0)


def _slices(
    attribute: str, table: Table, base: Run, candidate: Run, alpha: float, min_n: int
) -> tuple[Slice, ...]:  # fmt: skip
    """One slice for each value; all their differences are corrected together, as one looks at them together."""
    if all(attribute_of(answer, attribute) is None for run in (base, candidate) for answer in run.answers):
        raise ConfigurationError(f"--by {attribute}: no answer has that attribute; {known_attributes(base)}")
    found = [
        Slice(value, (len(rows[0]), len(rows[1])), table.differences(alpha, min_n, rows))
        for value, rows in table.rows_by(lambda group: _value(group, attribute)).items()
    ]
    found.sort(key=lambda s: (-sum(s.questions), s.value))
    flat = iter(holm([d.p for s in found for d in s.differences]))
    return tuple(replace(s, differences=tuple(replace(d, p_holm=next(flat)) for d in s.differences)) for s in found)


def _value(group: Group, attribute: str) -> str:
    """The values of the attribute in the answers of a group; mostly one."""
    values = {"(none)" if (v := attribute_of(a, attribute)) is None else str(v) for a in group.answers}
    return ", ".join(sorted(values))
