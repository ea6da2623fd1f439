"""Scoring without tracing: in a notebook, a test, a script."""

from collections.abc import Sequence
from typing import Any

from groundwire.documents import as_documents
from groundwire.errors import ConfigurationError
from groundwire.model import Evaluator, Failed, Passage, RagChain, Score, Skipped
from groundwire.plugins import evaluators as load_evaluators
from groundwire.scoring import score


def evaluate(
    *,
    question: str | None = None,
    passages: Sequence[Any] = (),
    answer: str,
    reference: str | None = None,
    evaluators: Sequence[str | Evaluator] | None = None,
) -> dict[str, Score | Skipped | Failed]:
    """Judge one answer by its passages.

    Example:
        >>> import groundwire
        >>> scores = groundwire.evaluate(
        ...     question="How tall is the Eiffel Tower?",
        ...     passages=["The Eiffel Tower is 330 metres tall."],
        ...     answer="It is 350 metres tall.",
        ...     evaluators=["faithfulness"],
        ... )
        >>> scores["faithfulness"].label
        'unfaithful'

    Args:
        question: what was asked.
        passages: texts, or anything that `groundwire.retrieval` takes as documents.
        answer: what was answered.
        reference: a known right answer, for evaluators that compare with one.
        evaluators: names or objects; by default the local ones.

    Returns:
        By evaluator's name: a `Score`, or `Skipped` with its reason, or `Failed` if the evaluator raised.

    Raises:
        ConfigurationError: an unknown evaluator, or an answer that is no text.
    """
    if not isinstance(answer, str):
        raise ConfigurationError(f"answer must be text, got {type(answer).__name__}")
    texts = [Passage(d.text, d.id, d.score) for d in as_documents(list(passages)) if d.text is not None]
    chain = RagChain(question, tuple(texts), answer, reference)
    return {e.name: e.result for e in score([chain], load_evaluators(evaluators))}
