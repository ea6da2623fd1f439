"""One labelled row: a chain, and what people said about it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TypeAlias

from groundwire.model import Passage, RagChain

Spans: TypeAlias = tuple[tuple[int, int], ...]


def _nothing() -> Mapping[str, str]:
    return MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Labelled:
    """One chain and what people said about it."""

    question: str | None
    passages: tuple[str, ...]
    answer: str
    good: Mapping[str, bool]
    """Evaluator's name to the right outcome: faithful, relevant."""
    spans: Spans | None = None
    """Characters of the answer that nothing supports, end exclusive; None where nobody marked any."""
    source: str = ""
    """Rows of one source are drawn together in a bootstrap and kept on one side of a split."""
    task: str = ""
    generator: str = ""
    line: int = 0
    reference: str | None = None
    """A known right answer, where the row has one."""
    file: str = ""
    columns: Mapping[str, str] = field(default_factory=_nothing, compare=False)
    """Every short text, number and flag of the row by its key, for figures apart."""

    @property
    def chain(self) -> RagChain:
        """The row as evaluators read it."""
        return RagChain(self.question, tuple(Passage(p) for p in self.passages), self.answer, self.reference)
