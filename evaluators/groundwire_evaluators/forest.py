"""Fitted numbers at work: additive trees and a linear model, read from a JSON file beside this module.

In plain Python: an answer has a handful of rows, for which importing numpy would take a hundred times as long.
"""

import json
import math
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from operator import getitem, mul
from typing import Any, TypeAlias

Row: TypeAlias = Sequence[float]
"""The measurements of one thing, shape (n_features,)."""

_STEPS = 1 << 40
_LEAVES = 8
"""At most in a tree: as many as there are bits in a byte."""


def whole(value: float) -> float:
    """The nearest multiple of 2^-40. Thousands of them add up without an error, whatever their order: plain sums do."""
    return round(value * _STEPS) / _STEPS


@dataclass(frozen=True, slots=True)
class _Asked:
    """All that the trees ask about one measurement, lowest limit first."""

    feature: int
    limits: Sequence[float]
    left: Sequence[int]
    """One more than limits. `left[i]`: the leaves that a value can reach which `i` of the limits lie below."""


@dataclass(frozen=True, slots=True)
class Forest:
    """Boosted regression trees, and the log-odds they add up to.

    Each tree is one byte of a whole number, each of its leaves a bit. A row asks about every measurement once, not once
    a node: a limit that it exceeds strikes out the leaves to its left. The lowest bit that is left in a byte is the
    leaf (QuickScorer, Lucchese et al., SIGIR 2015). In Python that is three times as fast as walking down the trees.
    """

    asked: Sequence[_Asked]
    leaves: Sequence[Sequence[float]]
    """For each tree what it gives, by what its byte holds in the end."""
    base: float

    def log_odds(self, rows: Sequence[Row]) -> list[float]:
        """Sum over the trees for each row; empty for no rows."""
        n = len(self.leaves)
        totals: list[float] = []
        columns: list[Row] = list(zip(*rows, strict=True))
        shared = (1 << _LEAVES * n) - 1
        differing: list[tuple[Row, Sequence[int], Row]] = []
        for asked in self.asked if rows else ():
            column = columns[asked.feature]
            if column.count(column[0]) == len(column):  # most measurements are the same for all rows of an answer
                shared &= asked.left[bisect_left(asked.limits, column[0])]
            else:
                differing.append((asked.limits, asked.left, column))
        for i in range(len(rows)):
            reached = shared
            for limits, left, column in differing:
                reached &= left[bisect_left(limits, column[i])]
            totals.append(sum(map(getitem, self.leaves, reached.to_bytes(n, "little"))) + self.base)
        return totals

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> "Forest":
        """From `{"base", "trees"}`, a tree being a list of `[feature, limit, left, right]` or `[value]`.

        Go left where the measurement is at most the limit. Raises ValueError for a tree of more than 8 leaves.
        """
        n = len(stored["trees"])
        struck: dict[int, list[tuple[float, int]]] = {}
        leaves: list[Sequence[float]] = []
        for at, tree in enumerate(stored["trees"]):
            values: list[float] = []
            for feature, limit, bits in _struck_out(tree, 0, values):
                struck.setdefault(feature, []).append((limit, bits << _LEAVES * at))
            values += [0.0] * (_LEAVES - len(values))
            leaves.append([values[(byte & -byte).bit_length() - 1] if byte else 0.0 for byte in range(1 << _LEAVES)])
        asked: list[_Asked] = []
        for feature, nodes in sorted(struck.items()):
            nodes.sort()
            left = [(1 << _LEAVES * n) - 1]
            for _, bits in nodes:
                left.append(left[-1] & ~bits)
            asked.append(_Asked(feature, [limit for limit, _ in nodes], left))
        return cls(asked, leaves, float(stored["base"]))


def _struck_out(tree: Sequence[Any], node: int, values: list[float]) -> list[tuple[int, float, int]]:
    """For each node from this one down: measurement, limit, and the leaves that a higher value cannot reach as bits.

    The leaves' values are added from left to right.
    """
    if len(tree[node]) == 1:
        values.append(whole(float(tree[node][0])))
        if len(values) > _LEAVES:
            raise ValueError(f"a tree may have {_LEAVES} leaves at most")
        return []
    feature, limit, left, right = tree[node]
    first = len(values)
    found = _struck_out(tree, left, values)
    bits = (1 << len(values)) - (1 << first)
    return [*found, (int(feature), float(limit), bits), *_struck_out(tree, right, values)]


@dataclass(frozen=True, slots=True)
class Linear:
    """A logistic regression: log-odds are `bias + weights @ row`."""

    weights: Row
    bias: float
    low: Row | None = None
    """Measurements are limited to the range that was seen in fitting, below ..."""
    high: Row | None = None
    """... and above; None: they are not."""

    def log_odds(self, rows: Sequence[Row]) -> list[float]:
        """For each row; empty for no rows. Raises ValueError for a row of another length than the weights."""
        if rows and len(rows[0]) != len(self.weights):
            raise ValueError(f"fitted for {len(self.weights)} measurements, got {len(rows[0])}")
        if self.low is not None:
            rows = [list(map(max, row, self.low)) for row in rows]
        if self.high is not None:
            rows = [list(map(min, row, self.high)) for row in rows]
        return [self.bias + math.fsum(map(mul, self.weights, row)) for row in rows]

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> "Linear":
        """From `{"weights": [...], "bias": ..., "low": [...], "high": [...]}`, the limits being optional."""
        return cls([float(w) for w in stored["weights"]], float(stored["bias"]), stored.get("low"), stored.get("high"))


def probability(log_odds: float) -> float:
    """The logistic function, safe for any finite input."""
    return 1.0 / (1.0 + math.exp(-min(max(log_odds, -30.0), 30.0)))


def both(forest: Forest, linear: Linear, rows: Sequence[Row]) -> list[float]:
    """The chance of each row by both models: their mean in log-odds."""
    return [probability(0.5 * (a + b)) for a, b in zip(forest.log_odds(rows), linear.log_odds(rows), strict=True)]


@lru_cache(maxsize=8)
def stored_weights(name: str) -> Mapping[str, Any]:
    """The fitted numbers of one evaluator, `weights/<name>.json`, read once."""
    loaded: Mapping[str, Any] = json.loads(
        files("groundwire_evaluators").joinpath("weights", f"{name}.json").read_text("utf-8")
    )
    return loaded
