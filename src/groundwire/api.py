"""Scoring without tracing: in a notebook, a test, a script."""

from collections.abc import Sequence
from typing import Any

from groundwire.documents import as_documents
from groundwire.errors import ConfigurationError
from groundwire.model import Document, Evaluator, Failed, Passage, RagChain, Score, Skipped
from groundwire.plugins import evaluators as load_evaluators
from groundwire.scoring import score


def evaluate(
    *,
    question: str | None = None,
    passages: Sequence[Any] = (),
    answer: str,
    reference: str | None = None,
    retrieved: Sequence[Any] = (),
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
        retrieved: everything that the retriever returned, in its order, where only some of it, or another order of it,
            became `passages`. What is not among the passages counts as dropped before the prompt.
        evaluators: names or objects; by default the local ones.

    Returns:
        By evaluator's name: a `Score`, or `Skipped` with its reason, or `Failed` if the evaluator raised.

    Raises:
        ConfigurationError: an unknown evaluator, or an answer that is no text.
    """
    if not isinstance(answer, str):
        raise ConfigurationError(f"answer must be text, got {type(answer).__name__}")
    chain = RagChain(
        question, _passages(as_documents(list(passages)), as_documents(list(retrieved))), answer, reference
    )
    return {e.name: e.result for e in score([chain], load_evaluators(evaluators))}


def _passages(given: Sequence[Document], retrieved: Sequence[Document]) -> tuple[Passage, ...]:
    """Those given, under their place in what was retrieved, then those of the retrieved that were not given."""
    from groundwire.prompt import words  # its patterns take 10 ms to compile

    first: dict[str, tuple[int, Document]] = {}
    for rank, document in enumerate(retrieved, 1):
        if document.text is not None:
            first.setdefault(words(document.text), (rank, document))
    places = {key: rank for key, (rank, _) in first.items()}
    passages = [
        Passage(d.text, d.id, d.score, retrieved_rank=places.get(words(d.text))) for d in given if d.text is not None
    ]
    held = {words(p.text) for p in passages}
    passages += [
        Passage(document.text or "", document.id, document.score, in_prompt=False, retrieved_rank=rank)
        for key, (rank, document) in first.items()
        if key not in held
    ]
    return tuple(passages)
