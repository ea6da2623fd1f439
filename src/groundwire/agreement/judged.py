"""Every labelled row judged once by an evaluator: what all figures are made of."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from groundwire.agreement.figures import Booleans, Numbers, Spans, shared_characters
from groundwire.labelled_row import Labelled
from groundwire.model import Evaluator, Evidence, Failed, Score
from groundwire.scoring import evaluate

SpansAs: TypeAlias = Literal["flaws", "sentences"]
"""What an evaluator's marks are: the words found wanting (the sentence where it names none), or whole sentences."""
_OWN_LABELS = frozenset({"faithfulness", "context_relevance", "answer_relevance"})


@dataclass(frozen=True, slots=True)
class Judged:
    """An evaluator's outcomes on labelled rows; arrays of shape (n,), in the order of the rows."""

    evaluator: str
    version: str
    threshold: float | None
    """Values below it are flagged, as far as is known: the evaluator's own, or the one that was asked for."""
    rows: tuple[Labelled, ...]
    good: Booleans
    values: Numbers
    """1.0 where there is no score: nobody is warned about such a row."""
    flagged: Booleans
    scored: Booleans
    has_verdicts: bool
    """False: not one score says whether it passed, so there is nothing to count."""
    characters: npt.NDArray[np.int64]
    """Shape (n, 3): characters marked by both, by the evaluator, by people; zeros where people marked none."""
    spanned: Booleans
    """Rows in which people marked spans, or marked that there are none."""
    milliseconds: Numbers
    labels: Mapping[str, int]
    """Name of the label that a row was compared with, to rows."""
    unlabelled: int
    """Rows that were passed over: no label for this evaluator."""
    skipped: Mapping[str, int]
    failed: Mapping[str, int]
    """Error type to rows on which the evaluator raised."""
    first_error: str | None
    models: Mapping[str, int]
    """What judged (`Score.model`) to rows."""
    cost_usd: float | None
    """Of all the judging; None: nothing, or not known."""

    @property
    def sources(self) -> list[str]:
        """The source of each row."""
        return [row.source for row in self.rows]


def judge(
    rows: Iterable[Labelled],
    evaluator: Evaluator,
    *,
    label: str | None = None,
    threshold: float | None = None,
    spans_as: SpansAs = "flaws",
) -> Judged:
    """Judge every row that has a label for this evaluator, each once.

    A row that is skipped, or on which the evaluator raises, has value 1.0 and is not flagged: leaving hard rows out
    cannot raise a figure.

    Args:
        rows: Labelled rows.
        evaluator: Any evaluator.
        label: Name of the label to compare with; by default the one of the evaluator's name, or the row's only one.
        threshold: Flag values below it, in place of the evaluator's own verdict.
        spans_as: What of the evidence counts as marked.

    Raises:
        ValueError: no row has a label for the evaluator.
    """
    used: list[Labelled] = []
    good: list[bool] = []
    values: list[float] = []
    flagged: list[bool] = []
    scored: list[bool] = []
    characters: list[tuple[int, int, int]] = []
    elapsed: list[float] = []
    skipped: Counter[str] = Counter()
    failed: Counter[str] = Counter()
    models: Counter[str] = Counter()
    labels: Counter[str] = Counter()
    costs: list[float] = []
    there: set[str] = set()
    unlabelled, has_verdicts, first_error = 0, threshold is not None, None
    for row in rows:
        named = _label(row, evaluator.name, label)
        if named is None:
            unlabelled += 1
            there.update(row.good)
            continue
        outcome = evaluate(row.chain, evaluator)
        result = outcome.result
        used.append(row)
        good.append(row.good[named])
        labels[named] += 1
        elapsed.append(outcome.duration_ms or 0.0)
        scored.append(isinstance(result, Score))
        marks: Spans = ()
        if isinstance(result, Score):
            values.append(result.value)
            flagged.append(result.passed is False if threshold is None else result.value < threshold)
            has_verdicts = has_verdicts or result.passed is not None
            marks = unsupported(result.evidence, spans_as)
            models.update([result.model] if result.model else [])
            costs.extend([] if result.cost_usd is None else [result.cost_usd])
        else:
            values.append(1.0)
            flagged.append(False)
            if isinstance(result, Failed):
                failed[result.error_type] += 1
                first_error = first_error or f"{result.error_type}: {result.message}"
            else:
                skipped[result.reason] += 1
        characters.append((0, 0, 0) if row.spans is None else shared_characters(marks, row.spans))
    if not used:
        known = f"; there are labels for {', '.join(sorted(there))}" if there else ""
        raise ValueError(f"no row has a label for {label or evaluator.name!r}{known}")
    own = getattr(evaluator, "threshold", None)
    limit = threshold if threshold is not None else float(own) if isinstance(own, int | float) else None
    return Judged(
        evaluator.name, evaluator.version, limit, tuple(used), np.asarray(good, bool), np.asarray(values, float),
        np.asarray(flagged, bool), np.asarray(scored, bool), has_verdicts, np.asarray(characters, np.int64),
        np.asarray([row.spans is not None for row in used], bool), np.asarray(elapsed, float), dict(labels), unlabelled,
        dict(skipped), dict(failed), first_error, dict(models), sum(costs) if costs else None,
    )  # fmt: skip


def _label(row: Labelled, name: str, asked: str | None) -> str | None:
    """The name of the label to compare with: the one asked for, the evaluator's own, or the only one."""
    if asked is not None or name in row.good:
        return asked or name if (asked or name) in row.good else None
    return next(iter(row.good)) if len(row.good) == 1 and name not in _OWN_LABELS else None


def unsupported(evidence: Iterable[Evidence], spans_as: SpansAs = "flaws") -> list[tuple[int, int]]:
    """Characters of the unsupported sentences: their flaws, or all of a sentence where it has none."""
    spans: list[tuple[int, int]] = []
    for e in evidence:
        if e.verdict in ("unsupported", "contradicted"):
            named = [(f.start, f.end) for f in e.flaws] if spans_as == "flaws" else []
            spans.extend(named or [(e.start, e.end)])
    return spans
