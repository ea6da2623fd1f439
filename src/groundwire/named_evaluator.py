"""What a name of an evaluator stands for: a class to be made, an object, or a function to be asked."""

import inspect
from importlib import import_module
from typing import Any

from groundwire.errors import ConfigurationError
from groundwire.function_evaluator import evaluator as of_function
from groundwire.model import Evaluator


def imported(spelling: str) -> Evaluator:
    """The evaluator at `package.module:object`, where the object may have dots in it.

    Raises:
        ConfigurationError: there is no such module or object, it cannot be imported, or it is no evaluator.
    """
    module_name, _, path = spelling.partition(":")
    steps = path.split(".")
    if not all(step.isidentifier() for step in [*module_name.split("."), *steps]):
        raise ConfigurationError(f"evaluator {spelling!r}: write package.module:object")
    try:
        found: Any = import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{module_name}.".startswith(f"{error.name}."):
            raise ConfigurationError(f"evaluator {spelling!r}: {module_name} needs {error.name}, not found") from error
        raise ConfigurationError(
            f"evaluator {spelling!r}: no module {error.name!r}; is it installed, or in the folder you are in?"
        ) from error
    except Exception as error:
        raise ConfigurationError(
            f"evaluator {spelling!r}: {module_name} cannot be imported: {type(error).__name__}: {error}"
        ) from error
    for step in steps:
        try:
            found = getattr(found, step)
        except AttributeError:
            there = ", ".join(_judges_in(found)) or "none"
            raise ConfigurationError(
                f"evaluator {spelling!r}: no {step!r} in {module_name}; evaluators there: {there}"
            ) from None
    return made(found, repr(spelling), steps[-1])


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
