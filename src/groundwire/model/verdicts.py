"""What evaluators say of a chain, and what an evaluator is."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, TypeAlias, runtime_checkable

from groundwire.model.calls import Usage
from groundwire.model.chains import RagChain
from groundwire.model.empty import NOTHING

Verdict: TypeAlias = Literal["supported", "unsupported", "contradicted", "not_checkable"]
PassageVerdict: TypeAlias = Literal["relevant", "irrelevant", "used", "unused", "dropped"]
"""`dropped`: it never reached the prompt."""


@dataclass(frozen=True, slots=True)
class Flaw:
    """The words of a sentence that nothing supports. Offsets are characters of the answer, end exclusive."""

    start: int
    end: int
    reason: str
    """`number`, `date`, `name`, `negation`, `words`, `quote` ..."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What was found about one sentence of the answer, or about one passage."""

    text: str
    """The sentence (or the passage) judged."""
    start: int
    """First character in the answer; for evidence about a passage or the reference, in that."""
    end: int
    verdict: Verdict | PassageVerdict
    probability: float
    """Of being supported (relevant, used), in [0, 1]."""
    passage: int | None = None
    """Index into `RagChain.passages` of the best support, or of the passage judged."""
    passage_start: int | None = None
    passage_end: int | None = None
    flaws: tuple[Flaw, ...] = ()


@dataclass(frozen=True, slots=True)
class Score:
    """A judgement that could be made."""

    value: float
    """In [0, 1]; higher is better."""
    label: str
    """Low-cardinality: `faithful`, `partly`, `unfaithful`; `relevant`, `irrelevant` ..."""
    explanation: str = ""
    """Derived from the verdicts, never a second opinion."""
    evidence: tuple[Evidence, ...] = ()
    details: Mapping[str, float] = NOTHING
    """Named figures beside the value, for instance `precision`."""
    passed: bool | None = None
    """Against the evaluator's own frozen threshold; None where it has none."""
    model: str | None = None
    """What judged, where an evaluator has several ways: `lexical`, `local`, a judge's model name."""
    usage: Usage | None = None
    """Tokens that the judging itself took; None for local evaluators."""
    cost_usd: float | None = None
    """What the judging cost; None: nothing, or not known."""

    def __post_init__(self) -> None:
        if not 0.0 <= self.value <= 1.0:  # also catches NaN
            raise ValueError(f"a score must be in [0, 1], got {self.value!r}")


@dataclass(frozen=True, slots=True)
class Skipped:
    """A judgement that cannot be made, and why. Never 0, never NaN."""

    reason: str
    """`no_content`, `no_passages`, `no_question`, `refusal`, `empty_answer`, `nothing_checkable`, `language` ..."""
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Failed:
    """An evaluator that broke. Made by the runner alone."""

    error_type: str
    message: str = ""


@runtime_checkable
class Evaluator(Protocol):
    """A metric over one chain. Frozen, thread-safe and deterministic; settings are constructor fields."""

    @property
    def name(self) -> str:
        """Value of `gen_ai.evaluation.name`, for instance `faithfulness`."""
        ...

    @property
    def version(self) -> str:
        """Bumped when earlier scores stop being comparable."""
        ...

    def evaluate(self, chain: RagChain, /) -> Score | Skipped:
        """Judge one chain."""
        ...


@runtime_checkable
class BatchEvaluator(Evaluator, Protocol):
    """An evaluator to which many chains at once are cheaper than one by one. Stored traces are judged that way."""

    def evaluate_many(self, chains: Sequence[RagChain], /) -> Sequence[Score | Skipped | Exception]:
        """Judge some chains; one outcome for each, in their order, and the same as `evaluate` would give.

        A chain that breaks has its exception in its place. Where this raises, each chain is judged on its own.
        """
        ...


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The outcome of one evaluator on one chain."""

    chain: RagChain
    name: str
    version: str
    result: Score | Skipped | Failed
    duration_ms: float | None = None
    threshold: float | None = None
    """The evaluator's own frozen one, where it has a property `threshold`: lower values do not pass."""
