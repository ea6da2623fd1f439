"""A model as judge among other evaluators: in the place of the local one of its metric."""

from collections.abc import Sequence

from groundwire.errors import ConfigurationError
from groundwire.judge.faithfulness import Judge
from groundwire.judge.spending import Budget
from groundwire.model import Evaluator


def with_judge(
    evaluators: Sequence[Evaluator],
    model: str | None,
    url: str | None = None,
    usd_per_day: float | None = None,
    usd_per_run: float | None = None,
    *,
    asked: bool = True,
) -> tuple[Evaluator, ...]:
    """The evaluators, with the judge in the place of its local namesake, or after them; no model: as they are.

    Without `asked` it is only to tell what it would cost: it needs no key, and has none that a vendor would take.

    Raises:
        ConfigurationError: a limit or an address without a judge, or settings that the judge refuses.
    """
    if model is None:
        if url is not None or usd_per_day is not None:
            raise ConfigurationError("--judge-url and --judge-budget need --judge MODEL")
        return tuple(evaluators)
    limited = usd_per_day is not None or usd_per_run is not None
    budget = Budget(usd_per_day=usd_per_day, usd_per_run=usd_per_run) if limited else None
    judge = Judge(model, base_url=url, budget=budget, api_key=None if asked else "none-for-a-dry-run")
    if judge.name not in {e.name for e in evaluators}:
        return (*evaluators, judge)
    return tuple(judge if e.name == judge.name else e for e in evaluators)
