"""Asks a model once: cached, within a budget, a few at a time, with one repair. Raises or answers, never guesses."""

import os
import threading
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Generic, TypeAlias, TypeVar

from groundwire.errors import JudgeError
from groundwire.judge.adapting import exchange
from groundwire.judge.cache import Cache, Entry, key_of
from groundwire.judge.connection import Connection
from groundwire.judge.endpoint import Endpoint
from groundwire.judge.exchange import Ask
from groundwire.judge.folders import cache_folder
from groundwire.judge.transport import TimedOut
from groundwire.model import Skipped, Usage
from groundwire.tokens import estimate_tokens

T = TypeVar("T")
Read: TypeAlias = Callable[[Sequence[str]], tuple[T, str | None]]
"""All replies so far -> what they say, and what is wrong with them (None: nothing)."""


@dataclass(frozen=True, slots=True)
class Judged(Generic[T]):
    """What a model said, and what it took to hear it."""

    value: T
    usage: Usage | None
    cost_usd: float | None
    problem: str | None = None
    """What is wrong with it still; None: nothing."""
    cached: bool = False


def ask(to: Connection, question: Ask, read: Read[T], repair: Callable[[T, str], Ask]) -> Judged[T] | Skipped:
    """Ask, and ask once more if the reply cannot be used.

    Args:
        to: whom.
        question: what.
        read: makes sense of the replies; pure, because cached replies are read again.
        repair: the second question, from what was read and what is wrong with it.

    Returns:
        What was said; its `problem` tells if it is incomplete. `Skipped("budget")`, `Skipped("judge_refused")` or
        `Skipped("too_long")` where nothing was.

    Raises:
        JudgeError: the judge could not be asked.
    """
    place = to.place
    size = estimate_tokens(question.system) + estimate_tokens(question.user)
    if size > to.max_input_tokens:
        return Skipped("too_long", f"about {size} tokens, more than {to.max_input_tokens}")
    store = _store(to)
    key = key_of(
        format=1, api=place.api, base_url=place.base_url, model=to.model, seed=to.seed,
        system=question.system, user=question.user, schema=question.schema,
    )  # fmt: skip
    if store is not None and (entry := store.get(key)) is not None:
        value, problem = read(entry.replies)
        if problem is None:
            return Judged(value, entry.usage, entry.cost_usd, cached=True)
    until = monotonic() + to.timeout_s
    with _turn(place.base_url, to.concurrency, until):
        heard = _Heard(to, place, until)
        if isinstance(first := heard.ask(question, size), Skipped):
            return first
        value, problem = read(heard.replies)
        if problem is not None:
            value, problem = _repaired(heard, repair(value, problem), size, read, value, problem)
    if problem is None and store is not None:
        store.put(key, Entry(tuple(heard.replies), heard.usage, heard.cost_usd))
    return Judged(value, heard.usage, heard.cost_usd, problem)


def _repaired(heard: "_Heard", question: Ask, size: int, read: Read[T], value: T, problem: str) -> tuple[T, str | None]:
    """The second try; what the first gave stands if it fails."""
    try:
        second = heard.ask(question, size)
    except JudgeError as error:
        return value, f"{problem}; asked again: {error}"
    return (value, problem) if isinstance(second, Skipped) else read(heard.replies)


class _Heard:
    """One answer's conversation: replies, and what they took."""

    def __init__(self, to: Connection, place: Endpoint, until: float) -> None:
        self._to = to
        self._place = place
        self._until = until
        self.replies: list[str] = []
        self.usage: Usage | None = None
        self.cost_usd: float | None = None

    def ask(self, question: Ask, size: int) -> Skipped | None:
        """Add one reply; or why there is none."""
        budget = self._to.budget
        expected = cost_of(self._to, Usage(size, question.expected_tokens)) if budget is not None else None
        if budget is not None:
            if expected is None and budget.in_usd:
                return Skipped("budget", f"no price is known for {self._to.model}: give price=, or a limit in calls")
            if (limit := budget.set_aside(expected or 0.0)) is not None:
                return Skipped("budget", f"{limit} would be passed")
        try:
            reply = exchange(self._to, self._place, question, self._until)
        except TimedOut:
            raise  # it may be charged all the same: what was set aside stays so
        except JudgeError:
            if budget is not None:
                budget.give_back(expected or 0.0)
            raise
        if isinstance(reply, Skipped):
            if budget is not None:
                budget.give_back(expected or 0.0)
            return reply
        cost = None if reply.usage is None else cost_of(self._to, reply.usage, reply.model)
        if budget is not None:
            budget.settle(expected or 0.0, cost if cost is not None else expected or 0.0)
        if not self.replies:
            self.usage, self.cost_usd = reply.usage, cost
        else:
            self.usage = _sum(self.usage, reply.usage)
            self.cost_usd = None if cost is None or self.cost_usd is None else self.cost_usd + cost
        if reply.refused:
            return Skipped("judge_refused")
        self.replies.append(reply.text)
        return None


def cost_of(to: Connection, usage: Usage, answered: str | None = None) -> float | None:
    """USD; by the model that answered where the name asked for is an alias or a deployment; None: no price is known."""
    if to.price is not None:
        given, made = to.price
        return ((usage.input_tokens or 0) * given + (usage.output_tokens or 0) * made) / 1e6
    from groundwire.pricing import PRICES

    models = [to.model, *([answered] if answered else [])]
    costs = (PRICES.cost(to.place.provider, model, usage) for model in models)
    return next((cost.usd for cost in costs if cost is not None), None)


def _sum(one: Usage | None, other: Usage | None) -> Usage | None:
    if one is None or other is None:
        return None

    def total(a: int | None, b: int | None) -> int | None:
        return None if a is None and b is None else (a or 0) + (b or 0)

    return Usage(
        total(one.input_tokens, other.input_tokens),
        total(one.output_tokens, other.output_tokens),
        total(one.cache_read_tokens, other.cache_read_tokens),
        total(one.cache_creation_tokens, other.cache_creation_tokens),
        total(one.reasoning_tokens, other.reasoning_tokens),
    )


# --- one at a time, and what is kept ----------------------------------------------------------------------------------

_turns: dict[tuple[str, int], threading.BoundedSemaphore] = {}
_stores: dict[tuple[str, int], Cache] = {}
_lock = threading.Lock()


def _after_fork() -> None:
    global _lock
    _lock = threading.Lock()
    _turns.clear()
    _stores.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


@contextmanager
def _turn(base_url: str, concurrency: int, until: float) -> Generator[None]:
    with _lock:
        turn = _turns.setdefault((base_url, concurrency), threading.BoundedSemaphore(concurrency))
    if not turn.acquire(timeout=max(0.0, until - monotonic())):
        raise TimedOut(f"{concurrency} answers are being judged, and none was finished in time")
    try:
        yield
    finally:
        turn.release()


def _store(to: Connection) -> Cache | None:
    if to.cache is False:
        return None
    folder = cache_folder() / "judge" if to.cache is True else Path(to.cache)
    with _lock:
        return _stores.setdefault((str(folder), to.cache_bytes), Cache(folder, to.cache_bytes))
