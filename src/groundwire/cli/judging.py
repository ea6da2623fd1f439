"""The options by which a verb takes a model as judge of faithfulness."""

from argparse import ArgumentParser
from collections.abc import Sequence

from groundwire.errors import ConfigurationError
from groundwire.model import Evaluator


def judge_options(parser: ArgumentParser) -> None:
    """`--judge`, `--judge-url` and `--judge-budget`."""
    group = parser.add_argument_group("a model as judge of faithfulness")
    group.add_argument(
        "--judge", metavar="MODEL", help="Ask this model instead of the local evaluator; one call an answer, cached."
    )
    group.add_argument(
        "--judge-url", metavar="URL",
        help="Where it is, as an SDK takes it: http://localhost:11434/v1. [default: the vendor's]",
    )  # fmt: skip
    group.add_argument(
        "--judge-budget",
        metavar="USD",
        type=float,
        help="What judging may cost a day, of all runs. [default: no limit]",
    )


def with_judge(
    evaluators: Sequence[Evaluator], model: str | None, url: str | None, usd_per_day: float | None
) -> tuple[Evaluator, ...]:
    """The evaluators, with the judge in the place of its local namesake, or after them; no model: as they are.

    Raises:
        ConfigurationError: a limit or an address without a judge, or settings that the judge refuses.
    """
    if model is None:
        if url is not None or usd_per_day is not None:
            raise ConfigurationError("--judge-url and --judge-budget need --judge MODEL")
        return tuple(evaluators)
    from groundwire.judge import Budget, Judge

    budget = None if usd_per_day is None else Budget(usd_per_day=usd_per_day)
    judge = Judge(model, base_url=url, budget=budget)
    if judge.name not in {e.name for e in evaluators}:
        return (*evaluators, judge)
    return tuple(judge if e.name == judge.name else e for e in evaluators)
