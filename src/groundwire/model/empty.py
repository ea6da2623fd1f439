"""What mappings are where nothing is given."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

_EMPTY: Mapping[str, Any] = MappingProxyType({})
_NONE: Mapping[str, Any] = {}


def empty() -> Mapping[str, Any]:
    """One for all."""
    return _EMPTY


def none() -> Mapping[str, Any]:
    """For what is copied and sent to other processes, as a proxy cannot be."""
    return _NONE
