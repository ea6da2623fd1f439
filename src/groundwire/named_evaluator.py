"""What a name of an evaluator stands for: a class to be made, an object, or a function to be asked."""

import inspect
from typing import Any

from groundwire.errors import ConfigurationError
from groundwire.function_evaluator import evaluator as of_function
from groundwire.model import Evaluator
from groundwire.spelled import spelled


def imported(spelling: str) -> Evaluator:
    """The evaluator at `package.module:object`, where the object may have dots in it.

    Raises:
        ConfigurationError: there is no such module or object, it cannot be imported, or it is no evaluator.
    """
    found = spelled(
        spelling, "evaluator", "package.module:object",
        lambda there: f"; evaluators there: {', '.join(_judges_in(there)) or 'none'}",
    )  # fmt: skip
    return made(found, repr(spelling), spelling.rpartition(":")[2].rpartition(".")[2])


def made(found: Any, told: str, name: str) -> Evaluator:
    """An evaluator from what stands behind a name.

    Args:
        found: an evaluator; a class or a function without arguments that makes one; or a function of a chain.
        told: what to call it in a message.
        name: that of the evaluator, where it is a plain function of a chain.

    Raises:
        ConfigurationError: it is none of these, or breaks.
    """
    result = found
    if isinstance(found, type) or (not isinstance(found, Evaluator) and _makes(found)):
        try:
            result = found()
        except ConfigurationError:
            raise
        except Exception as error:
            raise ConfigurationError(
                f"evaluator {told} cannot be made without settings: {type(error).__name__}: {error}; "
                "make one yourself, and give or name the object"
            ) from error
    elif callable(found) and not isinstance(found, Evaluator):
        return of_function(name=name)(found)
    if not isinstance(result, Evaluator) or isinstance(result, type):
        raise ConfigurationError(
            f"evaluator {told} has no name, version and evaluate(chain), and is no function: {result!r:.200}"
        )
    return result


def _makes(found: Any) -> bool:
    """Whether a function asks for nothing, and so cannot be a function of an answer."""
    try:
        return callable(found) and not inspect.signature(found).parameters
    except (TypeError, ValueError):
        return False


def _judges_in(module: Any) -> list[str]:
    members = vars(module) if inspect.ismodule(module) else {}
    return sorted(n for n, it in members.items() if isinstance(it, Evaluator) and not isinstance(it, type))
