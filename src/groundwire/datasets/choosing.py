"""Which stored answers become cases: by their scores, by conditions, by lot."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from groundwire.answers import Answer
from groundwire.errors import ConfigurationError
from groundwire.filters import Condition, hold

Which: TypeAlias = Literal["all", "failed", "passed", "worst", "random"]


@dataclass(frozen=True, slots=True)
class Choice:
    """Which answers become cases."""

    which: Which = "all"
    number: int | None = None
    """How many of the worst, or at random."""
    seed: int = 0
    evaluators: tuple[str, ...] = ()
    """The scores that decide; empty: all of them."""
    where: tuple[Condition, ...] = ()

    @classmethod
    def of(cls, text: Sequence[str] | None, **more: Any) -> "Choice":
        """Read `failed`, `passed`, `worst 20` or `random 50` (also `worst:20`), in words as given to `--only`.

        Raises:
            ConfigurationError: it is none of these.
        """
        words = [w for part in text or ["all"] for w in part.replace(":", " ").replace("=", " ").split()]
        match words:
            case ["all" | "failed" | "passed" as which]:
                return cls(which, **more)
            case ["worst" | "random" as which, count] if count.isascii() and count.isdigit() and int(count) > 0:
                return cls(which, int(count), **more)
            case _:
                said = " ".join(text or ())
                raise ConfigurationError(f"--only {said}: use failed, passed, worst N or random N (N from 1 on)")


@dataclass(frozen=True, slots=True)
class Rank:
    """How bad an answer is."""

    failed: bool
    value: float | None
    """The lowest of the scores that decide; None: none of them was given."""


def rank_of(answer: Answer, names: Sequence[str]) -> Rank:
    """By the scores of these evaluators; by all of them where none are named."""
    deciding = [c for c in answer.checks.values() if c.value is not None and (not names or c.name in names)]
    failing = [c.value for c in deciding if c.failed and c.value is not None]
    values = failing or [c.value for c in deciding if c.value is not None]
    return Rank(bool(failing), min(values, default=None))


def refused(answer: Answer, rank: Rank, choice: Choice) -> str | None:
    """Why an answer becomes no case; None: it may become one."""
    if not (answer.question or "").strip():
        return "no question"
    if not hold(choice.where, lambda name: lookup(answer, name)):
        return "where"
    if choice.which in ("failed", "passed", "worst") and rank.value is None:
        return "not scored"
    if choice.which == "failed" and not rank.failed:
        return "passed"
    if choice.which == "passed" and rank.failed:
        return "failed"
    return None


def lookup(answer: Answer, name: str) -> Any:
    """What a name means in a condition: a word for what every answer has, an attribute, or an evaluator's value."""
    match name:
        case "question":
            return answer.question
        case "answer":
            return answer.chain.answer
        case "model":
            return answer.chain.model
        case "provider":
            return answer.chain.provider
        case "trace_id":
            return answer.chain.trace_id
        case "span_id":
            return answer.chain.span_id
        case "cost_usd":
            return answer.cost_usd
        case "duration_ms":
            return answer.duration_ms
        case _:
            value = answer.attribute(name)
            if value is not None:
                return value
            check = answer.checks.get(name.removesuffix(".label"))
            return None if check is None else check.label if name.endswith(".label") else check.value


def unscored(choice: Choice, source: str) -> str:
    """What to say where scores decide and there are none."""
    what = f"scores of {', '.join(choice.evaluators)}" if choice.evaluators else "scores"
    return (
        f"{source}: no {what} in it, and --only {choice.which} goes by them; "
        f"first: groundwire score {source} -o scored.jsonl"
    )


def lot(seed: int, identity: str) -> str:
    """By lot, and the same lot whatever else is in the source."""
    return hashlib.sha256(f"{seed}/{identity}".encode(errors="surrogatepass")).hexdigest()
