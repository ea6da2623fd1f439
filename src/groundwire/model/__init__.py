"""The values that everything else speaks: calls, spans, chains, verdicts.

None of them changes once it is made. `None` means unknown; zero means zero.
"""

from groundwire.model.calls import Document, Message, Request, Response, Usage
from groundwire.model.chains import NoChain, Passage, PassageSource, RagChain, Reason
from groundwire.model.empty import NOTHING
from groundwire.model.providers import Accumulator, Operation, OperationKind, Provider, Substitute
from groundwire.model.spans import LogEvent, SpanEvent, SpanLink, SpanRecord
from groundwire.model.verdicts import (
    BatchEvaluator,
    Evaluation,
    Evaluator,
    Evidence,
    Failed,
    Flaw,
    PassageVerdict,
    Score,
    Skipped,
    Verdict,
)

__all__ = [
    "NOTHING",
    "Accumulator",
    "BatchEvaluator",
    "Document",
    "Evaluation",
    "Evaluator",
    "Evidence",
    "Failed",
    "Flaw",
    "LogEvent",
    "Message",
    "NoChain",
    "Operation",
    "OperationKind",
    "Passage",
    "PassageSource",
    "PassageVerdict",
    "Provider",
    "RagChain",
    "Reason",
    "Request",
    "Response",
    "Score",
    "Skipped",
    "SpanEvent",
    "SpanLink",
    "SpanRecord",
    "Substitute",
    "Usage",
    "Verdict",
]
