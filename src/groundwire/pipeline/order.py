"""What is asked of the pipeline, as one value that can be sent to another process."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from groundwire.model import Evaluator
from groundwire.pipeline.selection import Selection

Form: TypeAlias = Literal["lines", "traces", "judgements", "nothing"]
"""What a bucket gives: OTLP/JSON lines of its traces; its traces as records; new judgements alone; only figures."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """How the evaluators are made: by name wherever possible, so that each process makes its own."""

    names: tuple[str, ...] | None = None
    """As on the command line; None: the defaults."""
    objects: tuple[Evaluator, ...] | None = None
    """Instead of the names."""
    judge: str | None = None
    """A model that judges faithfulness in the place of its local namesake."""
    judge_url: str | None = None
    judge_budget: float | None = None
    """USD a day."""
    run_budget: float | None = None
    """USD for all of it."""
    dry: bool = False
    """They will not be asked, so a judge needs no key."""

    def make(self) -> tuple[Evaluator, ...]:
        """The evaluators.

        Raises:
            ConfigurationError: one cannot be made.
        """
        from groundwire.plugins import evaluators

        if self.objects is not None:
            return evaluators(self.objects)
        made = evaluators(None if self.names is None else list(self.names))
        if self.judge is None and self.judge_url is None and self.judge_budget is None:
            return made
        from groundwire.judge.placing import with_judge

        return with_judge(made, self.judge, self.judge_url, self.judge_budget, self.run_budget, asked=not self.dry)


@dataclass(frozen=True, slots=True)
class Order:
    """What to do with every bucket."""

    recipe: Recipe = field(default_factory=Recipe)
    selection: Selection = field(default_factory=Selection)
    form: Form = "nothing"
    force: bool = False
    """Judge anew what has been judged."""
    dry: bool = False
    """Judge nothing: only tell what would be."""
    in_cost: bool = False
    """Ask before every judgement that costs: there is a limit."""
    minimums: Mapping[str, tuple[float, ...]] = field(default_factory=dict[str, tuple[float, ...]])
    """Values that gates ask about, by evaluator."""
