"""Every figure of every question in two runs: measured once, then compared as a whole and in slices."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from groundwire.comparing.difference import Difference, paired_difference, unpaired_difference
from groundwire.comparing.measures import Measure
from groundwire.comparing.pairing import Column, Group, Pairing, column, singly
from groundwire.comparing.runs import Run
from groundwire.comparing.significance import holm

Rows: TypeAlias = tuple[Sequence[int], Sequence[int]]
"""Which questions of each run; the same ones twice where they are paired."""


@dataclass(frozen=True, slots=True)
class Table:
    """Figures by question."""

    measures: tuple[Measure, ...]
    base: tuple[Group, ...]
    candidate: tuple[Group, ...]
    """In the order of `base`, where paired."""
    columns: tuple[tuple[Column, Column], ...]
    """One for each measure."""
    paired: bool

    @staticmethod
    def of(measures: Sequence[Measure], base: Run, candidate: Run, pairing: Pairing, paired: bool) -> "Table":
        """Measure two runs: the questions that pair, or else all of each, those without a key among them."""
        groups: list[Mapping[str, Group]] = [pairing.base, pairing.candidate]
        if not paired:
            groups = [singly(run, found) for run, found in zip((base, candidate), groups, strict=True)]
        keys = [pairing.paired if paired else tuple(found) for found in groups]
        columns = tuple(
            (column(base, groups[0], measure, keys[0]), column(candidate, groups[1], measure, keys[1]))
            for measure in measures
        )
        first, second = (tuple(found[key] for key in order) for found, order in zip(groups, keys, strict=True))
        return Table(tuple(measures), first, second, columns, paired)

    def differences(self, alpha: float, min_n: int, rows: Rows | None = None) -> tuple[Difference, ...]:
        """The difference of each figure over some questions, or all; p corrected over the figures."""
        measured = paired_difference if self.paired else unpaired_difference
        found: list[Difference] = []
        for measure, (one, other) in zip(self.measures, self.columns, strict=True):
            if rows is not None:
                one, other = _some(one, rows[0]), _some(other, rows[1])
            found.append(measured(measure, one, other, alpha=alpha, min_n=min_n))
        corrected = holm([d.p for d in found])
        return tuple(replace(d, p_holm=p) for d, p in zip(found, corrected, strict=True))

    def rows_by(self, value: Callable[[Group], str]) -> dict[str, Rows]:
        """Questions by a value of theirs; `a → b` where it differs between the paired answers."""
        found: dict[str, tuple[list[int], list[int]]] = {}
        if self.paired:
            for row, (one, other) in enumerate(zip(self.base, self.candidate, strict=True)):
                before, after = value(one), value(other)
                rows = found.setdefault(before if before == after else f"{before} → {after}", ([], []))
                rows[0].append(row)
                rows[1].append(row)
        else:
            for side, groups in enumerate((self.base, self.candidate)):
                for row, group in enumerate(groups):
                    found.setdefault(value(group), ([], []))[side].append(row)
        return {name: (rows[0], rows[1]) for name, rows in found.items()}


def _some(whole: Column, rows: Sequence[int]) -> Column:
    return Column(tuple(whole.values[i] for i in rows), tuple(whole.expected[i] for i in rows))
