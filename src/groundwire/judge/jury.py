"""`Jury`: several judges of one metric; each sentence goes by their majority."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeAlias

from groundwire.errors import ConfigurationError, JudgeError
from groundwire.judge.faithfulness import Judge, explain
from groundwire.judge.together import at_once
from groundwire.model import Evaluator, Evidence, RagChain, Score, Skipped, Usage
from groundwire.plugins import evaluator as load_evaluator

_SEVERITY = {"supported": 0, "not_checkable": 1, "unsupported": 2, "contradicted": 3}
_Verdicts: TypeAlias = Sequence[tuple[int, Evidence]]
"""Juror and what it found about one sentence."""


@dataclass(frozen=True, slots=True)
class Jury:
    """Several evaluators of one metric, asked at the same time.

    Value: the mean of theirs. A sentence has the verdict that most of its jurors gave it; of several such verdicts the
    most severe. `unfaithful` where the value is below the threshold, else `partly` where some sentence is not
    supported, else `faithful`. Usage and cost are sums, and unknown where one of them is.

    Details: `agreement`, the share of sentences that had the same verdict from all jurors, of those that two or more
    judged; `flip_rate`, the same for one judge that sits several times: the share of sentences on which it did not
    agree with itself; `jurors`, how many gave a score; `spread`, the highest value less the lowest.

    Skipped: the first juror's reason, where none gave a score and none failed.

    Raises:
        ConfigurationError: fewer than two jurors, or jurors of different metrics.
        JudgeError: (`evaluate`) fewer than half of those who did not decline could judge.

    Args:
        judges: objects, or names of installed evaluators.
        threshold: values below it are `unfaithful`; by default the mean of the jurors' own.
    """

    judges: Sequence[Evaluator | str]
    threshold: float | None = None

    def __post_init__(self) -> None:
        seats = tuple(load_evaluator(j) if isinstance(j, str) else j for j in self.judges)
        if len(seats) < 2:
            raise ConfigurationError(f"a jury needs two judges or more, got {len(seats)}")
        if len(names := {j.name for j in seats}) > 1:
            raise ConfigurationError(f"a jury judges one metric, got {', '.join(sorted(names))}")
        object.__setattr__(self, "judges", seats)
        if self.threshold is None:
            known = [t for j in seats if isinstance(t := getattr(j, "threshold", None), int | float)]
            object.__setattr__(self, "threshold", sum(known) / len(known) if known else 0.5)

    @classmethod
    def repeated(cls, judge: Judge, times: int = 3) -> "Jury":
        """One judge that sits several times, each with a seed of its own: its `flip_rate` says how sure it is."""
        return cls(tuple(replace(judge, seed=judge.seed + n) for n in range(times)))

    @property
    def name(self) -> str:
        """That of all jurors."""
        return self._seats[0].name

    @property
    def version(self) -> str:
        """Those of all jurors."""
        return "jury-1(" + ",".join(j.version for j in self._seats) + ")"

    @property
    def _seats(self) -> tuple[Evaluator, ...]:
        return self.judges  # type: ignore[return-value]  # pyright: ignore[reportReturnType]

    def evaluate(self, chain: RagChain, /) -> Score | Skipped:
        """Judge one chain."""
        outcomes = at_once([partial(seat.evaluate, chain) for seat in self._seats], len(self._seats))
        scores = [(n, o) for n, o in enumerate(outcomes) if isinstance(o, Score)]
        failures = [o for o in outcomes if isinstance(o, Exception)]
        if len(scores) < len(failures) or (not scores and failures):
            raise JudgeError(f"{len(failures)} of {len(outcomes)} jurors failed; {failures[0]}")
        if not scores:
            return next(o for o in outcomes if isinstance(o, Skipped))
        sentences = _by_sentence(scores)
        evidence = tuple(_majority(verdicts) for verdicts in sentences)
        value = sum(s.value for _, s in scores) / len(scores)
        threshold = self.threshold if self.threshold is not None else 0.5
        bad = [e for e in evidence if e.verdict in ("unsupported", "contradicted", "irrelevant")]
        checkable = sum(e.verdict != "not_checkable" for e in evidence)
        label = "unfaithful" if value < threshold else "partly" if bad else "faithful"
        return Score(
            value, label, f"{len(scores)} jurors: {explain(bad, checkable)}", evidence,
            self._details(scores, sentences, len(failures)), value >= threshold,
            model="jury", usage=_usage([s for _, s in scores]), cost_usd=_cost([s for _, s in scores]),
        )  # fmt: skip

    def _details(
        self, scores: Sequence[tuple[int, Score]], sentences: Sequence[_Verdicts], failures: int
    ) -> dict[str, float]:
        values = [s.value for _, s in scores]
        details = {"jurors": float(len(scores)), "failed": float(failures), "spread": max(values) - min(values)}
        shared = [v for v in sentences if len(v) > 1]
        if shared:
            details["agreement"] = sum(_unanimous(v) for v in shared) / len(shared)
        twins: dict[str, list[int]] = defaultdict(list)
        for n, _ in scores:
            twins[self._seats[n].version].append(n)
        again = [own for seats in twins.values() for v in sentences if len(own := [e for e in v if e[0] in seats]) > 1]
        if again:
            details["flip_rate"] = 1.0 - sum(_unanimous(v) for v in again) / len(again)
        return details


def _by_sentence(scores: Sequence[tuple[int, Score]]) -> list[_Verdicts]:
    """Sentences in their order, each with all that was found about it."""
    found: dict[tuple[int, int], list[tuple[int, Evidence]]] = defaultdict(list)
    for juror, score in scores:
        for entry in score.evidence:
            found[entry.start, entry.end].append((juror, entry))
    return [found[span] for span in sorted(found)]


def _majority(verdicts: _Verdicts) -> Evidence:
    votes = Counter(e.verdict for _, e in verdicts)
    verdict = max(votes, key=lambda v: (votes[v], _SEVERITY.get(v, 0)))
    agreeing = [e for _, e in verdicts if e.verdict == verdict]
    shown = next((e for e in agreeing if e.passage is not None), agreeing[0])
    return replace(shown, probability=sum(e.probability for _, e in verdicts) / len(verdicts))


def _unanimous(verdicts: _Verdicts) -> bool:
    return len({e.verdict for _, e in verdicts}) == 1


def _usage(scores: Sequence[Score]) -> Usage | None:
    given = [s.usage for s in scores if s.usage is not None]
    if not given:
        return None
    asked = [u.input_tokens for u in given]
    made = [u.output_tokens for u in given]
    return Usage(_total(asked), _total(made))


def _total(counts: Sequence[int | None]) -> int | None:
    known = [c for c in counts if c is not None]
    return sum(known) if len(known) == len(counts) else None


def _cost(scores: Sequence[Score]) -> float | None:
    """The sum; None where a juror that used tokens does not know its cost, or none used any."""
    costs = [s.cost_usd for s in scores if s.usage is not None or s.cost_usd is not None]
    known = [c for c in costs if c is not None]
    return sum(known) if known and len(known) == len(costs) else None
