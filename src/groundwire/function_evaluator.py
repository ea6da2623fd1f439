"""An evaluator from a function: `@groundwire.evaluator`."""

import inspect
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from importlib import import_module
from typing import Any, Generic, ParamSpec, TypeVar, cast, overload

from groundwire.errors import ConfigurationError
from groundwire.model import RagChain, Score, Skipped
from groundwire.outcomes import outcome
from groundwire.parameters import Parameter, arguments, parameters_of

P = ParamSpec("P")
R = TypeVar("R")

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")


@dataclass(frozen=True, slots=True)
class FunctionEvaluator(Generic[P, R]):
    """An evaluator that asks a function, and can still be called as that function. Made by `@groundwire.evaluator`.

    It can be pickled where its function can: by name.
    """

    function: Callable[P, R]
    name: str
    version: str = "1"
    threshold: float = 0.5
    """Lower values do not pass."""
    labels: tuple[str, ...] = ("fail", "pass")
    """From the worst to the best."""
    _parameters: tuple[Parameter, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        _check_settings(self)
        object.__setattr__(self, "_parameters", parameters_of(self.function, f"evaluator {self.name!r}"))

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        return self.function(*args, **kwargs)

    @property
    def __wrapped__(self) -> Callable[P, R]:
        return self.function

    def evaluate(self, chain: RagChain, /) -> Score | Skipped:
        """Ask the function about one chain. An `async` function is run to completion, on a loop of our own.

        Raises:
            TypeError: it returned something that is no judgement.
            ValueError: it returned a number outside [0, 1], or an unknown label.
            Exception: whatever the function raised.
        """
        given = arguments(chain, self._parameters)
        if isinstance(given, Skipped):
            return given
        positional, named = given
        returned: Any = cast("Callable[..., Any]", self.function)(*positional, **named)
        if inspect.isawaitable(returned):
            from groundwire.coroutines import completed  # asyncio takes a while to import

            returned = completed(returned)
        return outcome(returned, labels=self.labels, threshold=self.threshold)

    def __reduce__(self) -> tuple[Any, ...]:
        # The decorator has put us in the place of the function: pickle finds us, and not it, under its name.
        module, path = self.function.__module__, getattr(self.function, "__qualname__", "")
        if _found(module, path) is self:
            return _imported, (module, path)
        return FunctionEvaluator, (self.function, self.name, self.version, self.threshold, self.labels)


@overload
def evaluator(function: Callable[P, R], /) -> FunctionEvaluator[P, R]: ...


@overload
def evaluator(
    *, name: str | None = None, version: str = "1", threshold: float = 0.5, labels: tuple[str, ...] = ("fail", "pass")
) -> Callable[[Callable[P, R]], FunctionEvaluator[P, R]]: ...


def evaluator(
    function: Callable[..., Any] | None = None,
    /,
    *,
    name: str | None = None,
    version: str = "1",
    threshold: float = 0.5,
    labels: tuple[str, ...] = ("fail", "pass"),
) -> Any:
    """Turn a function into an evaluator. It stays a function for whoever calls it.

    >>> @evaluator
    ... def brief(answer: str) -> bool:
    ...     return len(answer.split()) <= 50
    >>> brief.evaluate(RagChain("Who?", (), "Ada Lovelace.")).label
    'pass'
    >>> brief("Ada Lovelace.")
    True

    The function takes the whole `RagChain`, or the parts of it that its parameters name: `question`, `passages` (texts
    of those that the model saw), `answer`, `reference`, `chain`. A chain that lacks one of them is `Skipped`
    (`no_question`, `no_passages`, `no_reference`), unless the parameter has a default or may be None. It returns
    a bool; a number in [0, 1], higher is better; one of the labels; a pair of one of these and an explanation; a
    `Score` or `Skipped`; or None, where it has nothing to say. It may raise, which the runner records, and may be
    `async`. It is called from one thread or several.

    Args:
        function: given where the decorator stands without parentheses.
        name: under which scores stand on spans; by default the function's own.
        version: raise it when earlier scores stop being comparable.
        threshold: lower values do not pass; in [0, 1].
        labels: from the worst to the best, two or more.

    Raises:
        ConfigurationError: this can never work, and why.
    """
    if function is not None:
        return FunctionEvaluator(function, _name_of(function), version, threshold, labels)

    def decorate(decorated: Callable[P, R]) -> FunctionEvaluator[P, R]:
        return FunctionEvaluator(decorated, _name_of(decorated) if name is None else name, version, threshold, labels)

    return decorate


def _name_of(function: Any) -> str:
    if isinstance(function, str):
        raise ConfigurationError(f"@groundwire.evaluator({function!r}): write name={function!r}")
    if isinstance(function, partial):
        return _name_of(cast("Any", function).func)
    return getattr(function, "__name__", type(function).__name__)


def _check_settings(made: FunctionEvaluator[Any, Any]) -> None:
    function, title = made.function, f"evaluator {made.name!r}"
    if isinstance(function, type):
        raise ConfigurationError(
            f"{title}: a class needs no decorator; give it name, version and evaluate(chain), and pass an object of it"
        )
    if isinstance(function, FunctionEvaluator) or not callable(function):
        raise ConfigurationError(f"{title}: a function is wanted, got {type(function).__name__}")
    if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
        raise ConfigurationError(f"{title}: it yields; a judgement is one value, returned")
    if not isinstance(made.name, str) or not _NAME.fullmatch(made.name):
        raise ConfigurationError(
            f"{title}: a name stands in span attributes and is made of letters, digits, _ and -; give one with name="
        )
    if not isinstance(made.version, str) or not made.version:
        raise ConfigurationError(f"{title}: version is text, for instance '1', got {made.version!r}")
    limit: Any = made.threshold
    if isinstance(limit, bool) or not isinstance(limit, int | float) or not 0 <= limit <= 1:
        raise ConfigurationError(f"{title}: threshold is a number in [0, 1], got {limit!r}")
    labels: Any = made.labels
    if isinstance(labels, list):
        labels = tuple(labels)
        object.__setattr__(made, "labels", labels)
    if not isinstance(labels, tuple) or not all(isinstance(one, str) and one for one in cast("tuple[Any]", labels)):
        raise ConfigurationError(f"{title}: labels are texts from the worst to the best, got {labels!r}")
    if len(made.labels) < 2 or len(set(made.labels)) < len(made.labels):
        raise ConfigurationError(f"{title}: two labels or more are wanted, all different, got {labels!r}")


def _found(module: str, path: str) -> Any:
    found: Any = sys.modules.get(module)
    for step in path.split("."):
        found = getattr(found, step, None)
    return found


def _imported(module: str, path: str) -> Any:
    import_module(module)
    return _found(module, path)
