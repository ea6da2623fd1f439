"""Which parts of a chain a function asks for, by the names and annotations of its parameters."""

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, get_args, get_type_hints

from groundwire.errors import ConfigurationError
from groundwire.model import RagChain, Skipped

Part: TypeAlias = Literal["question", "passages", "answer", "reference", "chain"]
Need: TypeAlias = Literal["required", "default", "nullable"]
"""What becomes of a part that the chain lacks: no judgement, the parameter's own default, or None (no passages)."""
PARTS: tuple[Part, ...] = get_args(Part)
_MISSING: dict[Part, str] = {"question": "no_question", "passages": "no_passages", "reference": "no_reference"}
_SOME = f"name its parameters among {', '.join(PARTS)}, or let it take the chain alone"


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of the function, and what it gets."""

    name: str
    part: Part
    positional: bool
    need: Need


def parameters_of(function: Callable[..., Any], title: str) -> tuple[Parameter, ...]:
    """What the function asks for, in its order.

    Args:
        function: anything that can be called.
        title: what to call it in a message.

    Raises:
        ConfigurationError: it asks for something that an answer does not have, or for nothing.
    """
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):
        raise ConfigurationError(f"{title}: Python does not tell what {function!r} takes; wrap it in a def") from None
    hints = _hints(function)
    alone = len(signature.parameters) == 1
    taken: list[Parameter] = []
    for parameter in signature.parameters.values():
        if parameter.kind is parameter.VAR_POSITIONAL:
            raise ConfigurationError(f"{title} takes *{parameter.name}, which tells nothing; {_SOME}")
        if parameter.kind is parameter.VAR_KEYWORD:
            taken += [Parameter(p, p, False, "nullable") for p in PARTS if p not in signature.parameters]
            continue
        hint = hints.get(parameter.name)
        part = _part_for(parameter, hint, alone=alone)
        optional = parameter.default is not parameter.empty
        if part is not None:
            need: Need = "default" if optional else "nullable" if _may_be_none(hint) else "required"
            taken.append(Parameter(parameter.name, part, parameter.kind is parameter.POSITIONAL_ONLY, need))
        elif not optional:
            raise ConfigurationError(f"{title} takes {parameter.name!r}, which an answer does not have; {_SOME}")
    if not taken:
        raise ConfigurationError(f"{title} takes nothing of the answer; {_SOME}")
    if (gap := next((p for p in taken if p.positional and p.need == "default"), None)) is not None:
        # Left to its default, it would move the next ones into its place.
        raise ConfigurationError(f"{title}: {gap.name!r} is positional only and has a default; drop the / after it")
    return tuple(taken)


def arguments(chain: RagChain, parameters: Sequence[Parameter]) -> tuple[list[Any], dict[str, Any]] | Skipped:
    """Positional and named arguments for one call; `Skipped` where the chain lacks a part that is required."""
    positional: list[Any] = []
    named: dict[str, Any] = {}
    for parameter in parameters:
        value: Any
        if parameter.part == "chain":
            value = chain
        elif parameter.part == "passages":
            value = [passage.text for passage in chain.context]
        else:
            value = getattr(chain, parameter.part)
        if value is None or (parameter.part == "passages" and not value):
            if parameter.need == "required":
                return Skipped(_MISSING[parameter.part])
            if parameter.need == "default":
                continue
        if parameter.positional:
            positional.append(value)
        else:
            named[parameter.name] = value
    return positional, named


def _part_for(parameter: inspect.Parameter, hint: Any, *, alone: bool) -> Part | None:
    if hint is RagChain:
        return "chain"
    for part in PARTS:
        if parameter.name == part:
            return part
    # A single `sample` is the chain. `text: str` is something whose name we do not know, and `self` is neither.
    required = parameter.default is parameter.empty
    unclear = hint not in (None, Any, object) or parameter.name in ("self", "cls")
    return "chain" if alone and required and not unclear else None


def _may_be_none(hint: Any) -> bool:
    return "None" in hint or "Optional" in hint if isinstance(hint, str) else type(None) in get_args(hint)


def _hints(function: Callable[..., Any]) -> dict[str, Any]:
    described: Any = getattr(function, "func", function)  # of a functools.partial
    if not inspect.isroutine(described):
        described = type(described).__call__
    try:
        return get_type_hints(described)
    except Exception:  # names that exist for the type checker alone: the annotations as written must do
        written: dict[str, Any] = dict(getattr(described, "__annotations__", {}))
        return {key: RagChain if str(hint).endswith("RagChain") else hint for key, hint in written.items()}
