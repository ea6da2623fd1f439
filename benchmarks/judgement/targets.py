"""What the judges are to reach: one row of the table each, in the order in which it is printed."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeAlias

from groundwire.labelled import Labelled

FigureName: TypeAlias = Literal["auc", "f1", "balanced_accuracy", "span_f1", "ece", "map"]
Kind: TypeAlias = Literal["faithfulness", "context_relevance"]
RAGTRUTH = "faithfulness-ragtruth"


def _every(_: Labelled) -> bool:
    return True


def _task(name: str) -> Callable[[Labelled], bool]:
    return lambda row: row.task == name


def _gpt(row: Labelled) -> bool:
    return row.generator.startswith(("gpt-4", "gpt-3.5"))


def _gpt_data(row: Labelled) -> bool:
    return _gpt(row) and row.task == "data2txt"


@dataclass(frozen=True, slots=True)
class Target:
    """A figure on rows of a set, and what it should be at least (for `ece`: at most)."""

    title: str
    set: str
    figure: FigureName
    goal: float | None
    chosen: Callable[[Labelled], bool] = _every
    kind: Kind = "faithfulness"

    def reached(self, value: float) -> bool | None:
        """None where there is no goal."""
        if self.goal is None:
            return None
        return value <= self.goal if self.figure == "ece" else value >= self.goal


TARGETS = (
    Target("RAGTruth, all", RAGTRUTH, "auc", 0.88),
    Target("  question answering", RAGTRUTH, "auc", 0.88, _task("qa")),
    Target("  summaries", RAGTRUTH, "auc", 0.77, _task("summary")),
    Target("  data to text", RAGTRUTH, "auc", 0.82, _task("data2txt")),
    Target("  by gpt-4, gpt-3.5", RAGTRUTH, "auc", None, _gpt),
    Target("  gpt, data to text", RAGTRUTH, "auc", 0.75, _gpt_data),
    Target("RAGTruth, all", RAGTRUTH, "f1", 0.75),
    Target("RAGTruth, all", RAGTRUTH, "span_f1", 0.45),
    Target("RAGTruth, all", RAGTRUTH, "ece", 0.05),
    Target("WiCE", "claims-wice", "balanced_accuracy", 0.68),
    Target("FRANK", "summaries-frank", "balanced_accuracy", 0.68),
    Target("AttributionBench", "claims-attributionbench", "auc", 0.82),
    Target("LFQA-Verification", "answers-lfqa", "auc", 0.92),
    Target("MTRAG", "faithfulness-mtrag", "auc", 0.91),
    Target("SummEdits", "summaries-summedits", "auc", 0.68),
    Target("LLMs as Span Annotators", "data2text-d2t-eval", "span_f1", 0.40),
    Target("CLAPNQ, answerable", "relevance-clapnq", "auc", 0.92, kind="context_relevance"),
    Target("TrecQA", "relevance-trecqa", "map", 0.82, kind="context_relevance"),
    Target("SQuAD 2.0, answerable", "relevance-squad2", "auc", 0.72, kind="context_relevance"),
    Target("QNLI", "relevance-qnli", "auc", 0.92, kind="context_relevance"),
)

LATENCY_MS = {"lexical": (1.5, 6.0), "local": (50.0, 150.0)}
"""By what judged: p50 and p95 of one answer on one core, at most."""
MEMORY_MB = 120
"""That the local model may add to the process."""
SAME_SCORE = 1e-6
"""Between the values of one answer in any order, batch, thread and process."""
