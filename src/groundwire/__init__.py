"""OpenTelemetry tracing for RAG and LLM applications that tells whether the answers are true to their sources.

import groundwire
groundwire.instrument()          # the whole integration
"""

import logging as _logging
from typing import TYPE_CHECKING, Any

from groundwire.api import evaluate
from groundwire.chain import Assembly, chains
from groundwire.errors import (
    ConfigurationError,
    GroundwireError,
    JudgeError,
    MissingLibrary,
    SinkError,
    SourceError,
    UnknownPlugin,
)
from groundwire.function_evaluator import FunctionEvaluator, evaluator
from groundwire.instrument import flush, instrument, shutdown, uninstrument
from groundwire.manual import retrieval, retriever, workflow
from groundwire.model import (
    BatchEvaluator,
    Document,
    Evaluation,
    Evaluator,
    Evidence,
    Failed,
    Flaw,
    NoChain,
    Operation,
    Passage,
    Provider,
    RagChain,
    Request,
    Response,
    Score,
    Skipped,
    SpanRecord,
    Usage,
)
from groundwire.processor import ScoringSpanProcessor
from groundwire.texts import texts_for
from groundwire.version import __version__

if TYPE_CHECKING:
    from groundwire.datasets import Case, Dataset
    from groundwire.experiments import Experiment, experiment
    from groundwire.judge import Budget, Cascade, Judge, Jury, Rubric
    from groundwire.pipeline.scored import score

__all__ = [
    "Assembly",
    "BatchEvaluator",
    "Budget",
    "Cascade",
    "Case",
    "ConfigurationError",
    "Dataset",
    "Document",
    "Evaluation",
    "Evaluator",
    "Evidence",
    "Experiment",
    "Failed",
    "Flaw",
    "FunctionEvaluator",
    "GroundwireError",
    "Judge",
    "JudgeError",
    "Jury",
    "MissingLibrary",
    "NoChain",
    "Operation",
    "Passage",
    "Provider",
    "RagChain",
    "Request",
    "Response",
    "Rubric",
    "Score",
    "ScoringSpanProcessor",
    "SinkError",
    "Skipped",
    "SourceError",
    "SpanRecord",
    "UnknownPlugin",
    "Usage",
    "__version__",
    "chains",
    "evaluate",
    "evaluator",
    "experiment",
    "flush",
    "instrument",
    "retrieval",
    "retriever",
    "score",
    "shutdown",
    "texts_for",
    "uninstrument",
    "workflow",
]

_logging.getLogger(__name__).addHandler(_logging.NullHandler())

_LATER = {
    **dict.fromkeys(("Budget", "Cascade", "Judge", "Jury", "Rubric"), "groundwire.judge"),
    **dict.fromkeys(("Case", "Dataset"), "groundwire.datasets"),
    **dict.fromkeys(("Experiment", "experiment"), "groundwire.experiments"),
    "score": "groundwire.pipeline.scored",
}
"""Loaded when first asked for: most applications need none of them, and they take a while to import."""


def __getattr__(name: str) -> Any:
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_LATER[name]), name)
