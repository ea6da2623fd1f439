"""Assertions on answers: what an evaluator says of them must be good enough."""

from collections.abc import Collection
from typing import Any

from groundwire.errors import ConfigurationError
from groundwire.model import Evaluation, Evaluator, Failed, RagChain, Score, Skipped
from groundwire.plugins import evaluators
from groundwire.scoring import evaluate
from groundwire.testing.explaining import explained
from groundwire.testing.recording import record
from groundwire.testing.subject import chain_of


def assert_faithful(
    answer: Any,
    passages: Any = None,
    question: str | None = None,
    min: float | None = None,
    *,
    allow: Collection[str] = (),
    evaluator: str | Evaluator = "faithfulness",
) -> Score | Skipped:
    """The answer is supported by its passages.

    Example:
        >>> from groundwire.testing import assert_faithful
        >>> assert_faithful("It is 330 m tall.", ["The tower is 330 m tall."]).label
        'faithful'

    Args:
        answer: a text; or one that knows its passages: `groundwire.answer` of the fixture, a chain, a stored answer, a
            row of an experiment.
        passages: texts or documents, where the answer is a text.
        question: what was asked; it helps to read short answers.
        min: lowest value that will do, in [0, 1]; None: the evaluator's own threshold.
        allow: reasons for which there may be no score (`refusal`, ...): whoever expects a refusal allows it. What
            cannot be judged fails otherwise: a test that judges nothing must not pass.
        evaluator: another one than the local, for instance a judge.

    Raises:
        AssertionError: it is not. The message quotes the sentences that nothing supports, and the nearest passages.
        ConfigurationError: a mistake in the above.
    """
    __tracebackhide__ = True
    return _asserted(evaluator, chain_of(answer, passages, question, None), min, allow)


def assert_relevant(
    answer: Any,
    passages: Any = None,
    question: str | None = None,
    min: float | None = None,
    *,
    allow: Collection[str] = (),
    evaluator: str | Evaluator = "answer_relevance",
) -> Score | Skipped:
    """The answer is one to its question. Arguments as for `assert_faithful`; a text needs a question.

    Raises:
        AssertionError: it is not.
        ConfigurationError: a mistake in the arguments.
    """
    __tracebackhide__ = True
    return _asserted(evaluator, chain_of(answer, passages, question, None), min, allow)


def assert_score(
    name: str | Evaluator,
    answer: Any,
    passages: Any = None,
    question: str | None = None,
    *,
    reference: str | None = None,
    min: float | None = None,
    allow: Collection[str] = (),
) -> Score | Skipped:
    """Any evaluator gives the answer a value that is good enough. Arguments as for `assert_faithful`.

    Args:
        name: of the evaluator (`context_relevance`, `completeness`, `package.module:object`), or itself.
        answer: see there.
        passages: see there.
        question: see there.
        reference: a right answer, for evaluators that compare with one.
        min: lowest value that will do; needed where the evaluator has no threshold of its own.
        allow: reasons for which there may be no score.

    Raises:
        AssertionError: it does not.
        ConfigurationError: a mistake in the arguments.
    """
    __tracebackhide__ = True
    return _asserted(name, chain_of(answer, passages, question, reference), min, allow)


def _asserted(
    asked: str | Evaluator, chain: RagChain, minimum: float | None, allow: Collection[str]
) -> Score | Skipped:
    __tracebackhide__ = True
    if minimum is not None and not 0.0 <= minimum <= 1.0:
        raise ConfigurationError(f"min is {minimum!r}; scores are in [0, 1]")
    if isinstance(allow, str):
        allow = (allow,)
    (evaluator,) = evaluators([asked])
    evaluation = evaluate(chain, evaluator)
    good = _good(evaluation, minimum, allow)
    record(evaluation, good)
    result = evaluation.result
    if not good or isinstance(result, Failed):
        raise AssertionError(explained(evaluation, minimum))
    return result


def _good(evaluation: Evaluation, minimum: float | None, allow: Collection[str]) -> bool:
    result = evaluation.result
    if isinstance(result, Skipped):
        return result.reason in allow
    if isinstance(result, Failed):
        return False
    if minimum is not None:
        return result.value >= minimum
    if result.passed is None:
        raise ConfigurationError(f"{evaluation.name} has no threshold of its own: say what will do, min=0.8")
    return result.passed
