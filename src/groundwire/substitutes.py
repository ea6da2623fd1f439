"""Classes in the place of such as are written in C, whose methods cannot be replaced."""

import inspect
import logging
from collections.abc import Callable, Mapping
from typing import Any

import wrapt

_log = logging.getLogger(__name__)
_IMMUTABLE = 1 << 8
"""`Py_TPFLAGS_IMMUTABLETYPE`."""


def substitute(original: type[Any], methods: Mapping[str, tuple[str, ...]]) -> type[Any]:
    """A subclass of the same name, with these methods written in Python: they do what the original's do."""
    named = {"__module__": original.__module__, "__qualname__": original.__qualname__, "__doc__": original.__doc__}
    passing = {name: _passing(getattr(original, name), parameters) for name, parameters in methods.items()}
    return type(original.__name__, (original,), named | passing)


def _passing(method: Callable[..., Any], parameters: tuple[str, ...]) -> Callable[..., Any]:
    def passed(*args: Any, **kwargs: Any) -> Any:
        return method(*args, **kwargs)

    passed.__name__, passed.__doc__ = method.__name__, method.__doc__
    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    signature = inspect.Signature([inspect.Parameter(name, kind) for name in ("self", *parameters)])
    passed.__signature__ = signature  # type: ignore[attr-defined]
    return passed


def handing_out(made: type[Any], attribute: str, active: Callable[[], bool], function: Any) -> Any:
    """The function, but that what it returns has the class in the attribute where the original would be used.

    That is where the application put nothing there, or the original itself, as Django does.
    """

    def called(wrapped: Callable[..., Any], _: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        result = wrapped(*args, **kwargs)
        try:
            # One of the application's own making chooses for itself.
            if active() and type(result).__flags__ & _IMMUTABLE and getattr(result, attribute) in (None, made.__base__):
                setattr(result, attribute, made)
        except Exception:
            _log.debug("%r cannot be given a class", result, exc_info=True)
        return result

    return wrapt.FunctionWrapper(function, called)
