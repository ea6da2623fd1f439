"""How well an evaluator agrees with people: ranking, classes, spans and calibration over labelled rows.

`agree` judges and measures in one go. Its parts: `judge` runs an evaluator over rows, each once; `measure` makes the
figures; `compare` sets two evaluators side by side. docs/agreement.md says what each figure means.
"""

from collections.abc import Iterable, Sequence

from groundwire.agreement.comparison import Comparison, Difference, compare
from groundwire.agreement.confusion import Confusion
from groundwire.agreement.correction import Corrected, Observed, corrected, rogan_gladen
from groundwire.agreement.figures import auc, average_precision, ece, f1, span_f1
from groundwire.agreement.judged import Judged, judge
from groundwire.agreement.measured import GROUPED_BY, Agreement, measure
from groundwire.agreement.reliability import Bin, reliability
from groundwire.agreement.resampling import bootstrap_interval, bootstrap_intervals
from groundwire.labelled import Labelled, LabelledFile, labelled
from groundwire.model import Evaluator

__all__ = [
    "GROUPED_BY", "Agreement", "Bin", "Comparison", "Confusion", "Corrected", "Difference", "Judged", "Labelled",
    "LabelledFile", "Observed", "agree", "auc", "average_precision", "bootstrap_interval", "bootstrap_intervals",
    "compare", "corrected", "ece", "f1", "judge", "labelled", "measure", "reliability", "rogan_gladen", "span_f1",
]  # fmt: skip


def agree(rows: Iterable[Labelled], evaluator: Evaluator, by: Sequence[str] = GROUPED_BY) -> Agreement:
    """Judge every row that has a label for this evaluator and compare.

    The label is the one under the evaluator's name, or the row's only one. A row that is skipped counts in `auc` and
    `f1` as not flagged (value 1.0): leaving hard rows out cannot raise a figure. `auc_scored` and `ece` say how the
    judged rows fare; `skipped` says how many were not.

    Raises:
        ValueError: no row has a label for the evaluator.
    """
    return measure(judge(rows, evaluator), by)
