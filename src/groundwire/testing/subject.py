"""What an assertion is about: texts, or anything that stands for a traced or stored answer."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from groundwire.answers import Answer
from groundwire.documents import as_documents
from groundwire.errors import ConfigurationError
from groundwire.experiments.result import Row
from groundwire.model import Passage, RagChain
from groundwire.testing.captured import CapturedAnswer, CapturedAnswers


def chain_of(answer: Any, passages: Any, question: str | None, reference: str | None) -> RagChain:
    """The chain to be judged.

    Args:
        answer: a text; or an answer of the fixture, the fixture itself (its last answer), a chain, a stored answer, or
            a row of an experiment, which all know their passages and their question.
        passages: texts or documents; they go before those that the answer knows.
        question: likewise.
        reference: likewise.

    Raises:
        ConfigurationError: it is none of these, or a text without passages.
    """
    known = _known(answer)
    if known is None:
        if not isinstance(answer, str):
            raise ConfigurationError(
                f"an answer is a text, a chain, or what the fixture `groundwire` or an experiment gives; got "
                f"{type(answer).__name__}"
            )
        known = RagChain(None, (), answer)
    changed = known
    if passages is not None:
        changed = replace(changed, passages=_passages(passages))
    if question is not None:
        changed = replace(changed, question=question)
    if (changed.passages, changed.question) != (known.passages, known.question):
        changed = replace(changed, trace_id="", span_id="")  # no longer the answer that was traced
    return changed if reference is None else replace(changed, reference=reference)


def _known(answer: Any) -> RagChain | None:
    match answer:
        case RagChain():
            return answer
        case CapturedAnswer() | Answer():
            return answer.chain
        case CapturedAnswers():
            return answer.answer.chain
        case Row():
            if answer.chain is None:
                why = answer.error or answer.not_scored or "none was given"
                raise AssertionError(f"no answer to judge: {why}")
            return answer.chain
        case _:
            return None


def _passages(given: Any) -> tuple[Passage, ...]:
    if isinstance(given, Sequence) and not isinstance(given, str) and all(isinstance(p, Passage) for p in given):
        return tuple(given)
    documents = as_documents(given)
    if given not in (None, "") and not isinstance(given, str) and len(given) and not any(d.text for d in documents):
        raise ConfigurationError(f"passages hold no text: {given!r:.80}; give texts, or objects with a text")
    return tuple(Passage(d.text, d.id, d.score) for d in documents if d.text)
