"""What judging an answer would cost: from the texts as they would be sent, and the price table."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from groundwire.model import Evaluator, RagChain, Usage

if TYPE_CHECKING:
    from groundwire.judge import Judge, Rubric


@dataclass(frozen=True, slots=True)
class Expected:
    """Tokens and USD of one judgement, before it is made. Replies that are cached cost nothing, which is not seen."""

    usage: Usage
    usd: float | None
    """None: no price is known."""


def expected(evaluator: Evaluator, chain: RagChain) -> Expected | None:
    """What a model would be asked, and at what price; None where none is asked.

    A cascade is counted as if it always went on to its second judge; a repair, which some replies need, is not counted.
    """
    found = [one for connection in _connections(evaluator) if (one := _of_connection(connection, chain)) is not None]
    if not found:
        return None
    costs = [one.usd for one in found if one.usd is not None]
    return Expected(
        Usage(sum(one.usage.input_tokens or 0 for one in found), sum(one.usage.output_tokens or 0 for one in found)),
        sum(costs) if len(costs) == len(found) else None,
    )


def asks_a_model(evaluator: Evaluator) -> bool:
    """Whether the evaluator asks a model over the network, as far as we know it."""
    return next(_connections(evaluator), None) is not None


def _connections(evaluator: object) -> "Iterator[Judge | Rubric]":
    from groundwire.judge import Cascade, Judge, Jury, Rubric  # hashing and TLS take a while to import

    match evaluator:
        case Judge() | Rubric():
            yield evaluator
        case Jury():
            for seat in evaluator.judges:
                yield from _connections(seat)
        case Cascade():
            yield from _connections(evaluator.first)
            yield from _connections(evaluator.second)
        case _:
            return


def _of_connection(connection: "Judge | Rubric", chain: RagChain) -> Expected | None:
    from groundwire.judge.client import cost_of
    from groundwire.tokens import estimate_tokens

    question = connection.question(chain)
    if question is None:
        return None

    usage = Usage(estimate_tokens(question.system) + estimate_tokens(question.user), question.expected_tokens)
    return Expected(usage, cost_of(connection, usage))
