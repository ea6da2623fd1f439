"""Objects that are named on the command line: `package.module:object`, where the object may have dots in it."""

from collections.abc import Callable
from importlib import import_module
from typing import Any

from groundwire.errors import ConfigurationError


def spelled(spelling: str, what: str, form: str, also: Callable[[Any], str] | None = None) -> Any:
    """The object behind a name.

    Args:
        spelling: as the user wrote it.
        what: `evaluator`, `target`: begins every message.
        form: how such a name looks.
        also: adds to the message about a missing object, given what was found up to it.

    Raises:
        ConfigurationError: there is no such module or object, or the module cannot be imported.
    """
    module_name, colon, path = spelling.partition(":")
    steps = path.split(".")
    if not colon or not all(step.isidentifier() for step in [*module_name.split("."), *steps]):
        raise ConfigurationError(f"{what} {spelling!r}: write {form}")
    try:
        found: Any = import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{module_name}.".startswith(f"{error.name}."):
            raise ConfigurationError(f"{what} {spelling!r}: {module_name} needs {error.name}, not found") from error
        raise ConfigurationError(
            f"{what} {spelling!r}: no module {error.name!r}; is it installed, or in the folder you are in?"
        ) from error
    except Exception as error:
        raise ConfigurationError(
            f"{what} {spelling!r}: {module_name} cannot be imported: {type(error).__name__}: {error}"
        ) from error
    for step in steps:
        try:
            found = getattr(found, step)
        except AttributeError:
            more = also(found) if also is not None else ""
            raise ConfigurationError(f"{what} {spelling!r}: no {step!r} in {module_name}{more}") from None
    return found
