"""A RAG chain: what was asked, what was retrieved for it, what was answered."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from groundwire.model.calls import Usage
from groundwire.model.empty import NOTHING

PassageSource: TypeAlias = Literal["retrieval", "rerank", "prompt", "given"]


@dataclass(frozen=True, slots=True)
class Passage:
    """One passage that was retrieved for an answer."""

    text: str
    id: str | None = None
    score: float | None = None
    in_prompt: bool = True
    """False: it was retrieved and never reached the prompt, so the answer cannot rest on it."""
    source: PassageSource = "given"
    """`prompt` where no span listed it and it was cut out of the prompt itself."""
    span_id: str | None = None
    """The span that supplied it."""
    retrieved_rank: int | None = None
    """From 1: its place in the retrieval that found it, before any reranking; the best place where several did."""
    prompt_rank: int | None = None
    """From 1: its place among the passages in the prompt's text; None where that is not known."""


@dataclass(frozen=True, slots=True)
class RagChain:
    """A question, the passages that were retrieved for it, and the answer given: what evaluators read."""

    question: str | None
    passages: tuple[Passage, ...]
    """In the order of the (last) ranking; dropped ones after those that reached the prompt."""
    answer: str
    reference: str | None = None
    """A known right answer, where there is one."""
    model: str | None = None
    provider: str | None = None
    usage: Usage | None = None
    refused: bool = False
    """The provider itself marked the message as a refusal."""
    trace_id: str = ""
    span_id: str = ""
    """The answer span."""
    attributes: Mapping[str, Any] = field(default=NOTHING, compare=False)

    @property
    def context(self) -> tuple[Passage, ...]:
        """The passages that the model could see, best ranked first."""
        return tuple(p for p in self.passages if p.in_prompt)


Reason: TypeAlias = Literal[
    "no_content", "no_passages", "no_answer_text", "part_of_search", "judgement", "query", "duplicate", "error"
]


@dataclass(frozen=True, slots=True)
class NoChain:
    """A chat span that is not a RAG answer, and why."""

    trace_id: str
    span_id: str
    reason: Reason
    detail: str = ""
