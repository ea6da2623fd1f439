"""Dataclasses of which every call makes some."""

from dataclasses import dataclass, field
from typing import TypeVar, dataclass_transform

Made = TypeVar("Made")


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def unchanging(cls: type[Made]) -> type[Made]:
    """A dataclass with slots that nobody changes: type checkers see to that, nothing does at run time.

    A frozen one takes three times as long to make, and a traced call makes five. Where applications hold them in their
    hands (chains, scores), dataclasses are frozen in earnest.
    """
    return dataclass(slots=True, unsafe_hash=True)(cls)
