"""The application under experiment: how it is called, and what its result says."""

import asyncio
import contextvars
import inspect
import threading
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from groundwire.coroutines import completed
from groundwire.datasets.case import Case
from groundwire.documents import as_documents
from groundwire.errors import ConfigurationError
from groundwire.model import Document
from groundwire.spelled import spelled

_ANSWER = ("answer", "output", "response", "result", "text", "content", "completion", "generation")
_PASSAGES = ("passages", "contexts", "context", "documents", "source_documents", "sources", "source_nodes", "chunks")
_MODEL = ("model", "model_name")
_MISSING = object()


@dataclass(frozen=True, slots=True)
class Reply:
    """What a target returned, as far as it says something."""

    answer: str | None = None
    """None: nothing was returned; the spans of the call may tell."""
    passages: tuple[Document, ...] | None = None
    """What the answer rests on; None: the target does not say."""
    model: str | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    cost_usd: float | None = None


@dataclass(frozen=True, slots=True)
class Target:
    """A callable of a question, or of a case."""

    function: Callable[..., Any]
    name: str
    takes_case: bool = False

    @classmethod
    def of(cls, given: Any) -> "Target":
        """A target from a callable, or from the place of one: `package.module:function`.

        It gets the question, or the whole case where its first parameter is called `case` or annotated with `Case`.

        Raises:
            ConfigurationError: it cannot be imported, called, or asks for more than one argument.
        """
        if isinstance(given, str):
            return cls.of(spelled(given, "target", "package.module:function"))
        if not callable(given):
            raise ConfigurationError(f"the target must be callable with a question or a case, got {given!r:.80}")
        name = getattr(given, "__qualname__", None) or type(given).__name__
        if isinstance(given, type):
            raise ConfigurationError(f"the target {name} is a class; give an object of it, or its method")
        plain = str(name).replace("<locals>.", "").replace("<lambda>", "lambda")
        return cls(given, plain, _takes_case(given, plain))

    def call(self, case: Case, timeout_s: float | None) -> Any:
        """The result: awaited where it is awaitable, joined where it is a stream of texts.

        Raises:
            TimeoutError: it took longer. A function that is not async cannot be stopped: it goes on, unheard.
            BaseException: whatever the target raised.
        """
        if timeout_s is None:
            return self._called(case, None)
        outcome: list[Any] = []
        error: list[BaseException] = []

        def work() -> None:
            try:
                outcome.append(self._called(case, timeout_s))
            except BaseException as raised:
                error.append(raised)

        thread = threading.Thread(
            target=contextvars.copy_context().run, args=(work,), name="groundwire-case", daemon=True
        )
        thread.start()
        thread.join(timeout_s)
        if error:
            raise error[0]
        if not outcome:
            raise TimeoutError(f"no answer within {timeout_s:g} s")
        return outcome[0]

    def _called(self, case: Case, timeout_s: float | None) -> Any:
        result = self.function(case if self.takes_case else case.question)
        if inspect.isawaitable(result):
            result = completed(_within(result, timeout_s))
        if inspect.isasyncgen(result) or (hasattr(result, "__aiter__") and not isinstance(result, Mapping)):
            result = completed(_within(_gathered(result), timeout_s))
        if isinstance(result, Iterator):
            result = list(result)
            if result and all(isinstance(piece, str) for piece in result):
                return "".join(result)
            result = result[-1] if result else ""  # a stream of states: the last one is whole
        return result


def reply_of(value: Any) -> Reply:
    """What a result says: text, a mapping or an object with an answer and passages, or a pair of both.

    Raises:
        TypeError: it is none of these. The message says what would do.
    """
    if value is None:
        return Reply()
    if isinstance(value, str):
        return Reply(value)
    if isinstance(value, tuple) and len(value) == 2 and isinstance(value[0], str):
        return Reply(value[0], _documents(value[1]))
    answer = _member(value, _ANSWER)
    said = answer if answer is None or answer is _MISSING or isinstance(answer, str) else _member(answer, _ANSWER)
    if not isinstance(said, str) and said is not None:
        raise TypeError(
            f"the target returned {type(value).__name__}; return text, or a mapping or object with `answer` and, if "
            "its retrieval is not traced, `passages`"
        )
    passages = _member(value, _PASSAGES)
    model = _member(value, _MODEL)
    usage = _member(value, ("usage",))
    return Reply(
        said,
        None if passages is _MISSING or passages is None else _documents(passages),
        model if isinstance(model, str) else None,
        _count(value, usage, ("input_tokens", "prompt_tokens")),
        _count(value, usage, ("output_tokens", "completion_tokens")),
        _cost(value),
    )


def _documents(value: Any) -> tuple[Document, ...]:
    return tuple(d for d in as_documents(value) if d.text and d.text.strip())


def _member(value: Any, names: Sequence[str]) -> Any:
    """The first of these members that is there; methods are none."""
    for name in names:
        found = value.get(name, _MISSING) if isinstance(value, Mapping) else getattr(value, name, _MISSING)
        if found is not _MISSING and not callable(found):
            return found
    return _MISSING


def _count(value: Any, usage: Any, names: Sequence[str]) -> int | None:
    for holder in (value, usage):
        count = _member(holder, names)
        if isinstance(count, int) and not isinstance(count, bool) and count >= 0:
            return count
    return None


def _cost(value: Any) -> float | None:
    cost = _member(value, ("cost_usd",))
    return float(cost) if isinstance(cost, int | float) and not isinstance(cost, bool) and cost >= 0 else None


async def _within(awaitable: Awaitable[Any], timeout_s: float | None) -> Any:
    if timeout_s is None:
        return await awaitable
    limit = asyncio.timeout(timeout_s)
    try:
        async with limit:
            return await awaitable
    except TimeoutError:
        if limit.expired():
            raise TimeoutError(f"no answer within {timeout_s:g} s") from None
        raise


async def _gathered(stream: Any) -> Any:
    pieces = [piece async for piece in stream]
    if pieces and all(isinstance(piece, str) for piece in pieces):
        return "".join(pieces)
    return pieces[-1] if pieces else ""


def _takes_case(function: Callable[..., Any], name: str) -> bool:
    try:
        parameters = list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):
        return False
    positional = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    required = [p.name for p in parameters if p.default is p.empty and p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
    first = next(iter(positional), None)
    several = any(p.kind is p.VAR_POSITIONAL for p in parameters)
    if (first is None and not several) or len(required) > 1 or (required and first and required[0] != first.name):
        raise ConfigurationError(
            f"the target {name}{inspect.signature(function)} must take one argument, the question or a parameter "
            "named case; wrap it in a function that does"
        )
    if first is None:
        return False
    annotation = first.annotation
    return first.name == "case" or annotation is Case or annotation in ("Case", "groundwire.Case")
