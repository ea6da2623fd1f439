"""Fitted numbers at work: additive trees and a linear model, read from a JSON file beside this module.

In plain Python: an answer has a handful of rows, for which importing numpy would take a hundred times as long.
"""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import Any, TypeAlias

Row: TypeAlias = Sequence[float]
"""The measurements of one thing, shape (n_features,)."""

_LEAF = -1


@dataclass(frozen=True, slots=True)
class Forest:
    """Boosted regression trees, and the log-odds they add up to."""

    feature: Sequence[int]
    """Shape (n_nodes,): the measurement that a node asks about, or -1 in a leaf."""
    limit: Sequence[float]
    """Go left where the measurement is at most this; in a leaf, its value."""
    left: Sequence[int]
    right: Sequence[int]
    roots: Sequence[int]
    base: float

    def log_odds(self, rows: Sequence[Row]) -> list[float]:
        """Sum over the trees for each row; empty for no rows."""
        feature, limit, left, right = self.feature, self.limit, self.left, self.right
        totals: list[float] = []
        for row in rows:
            total = self.base
            for node in self.roots:
                while (asked := feature[node]) != _LEAF:
                    node = left[node] if row[asked] <= limit[node] else right[node]
                total += limit[node]
            totals.append(total)
        return totals

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> "Forest":
        """From `{"base", "trees"}`, a tree being a list of `[feature, limit, left, right]` or `[value]`."""
        feature: list[int] = []
        limit: list[float] = []
        left: list[int] = []
        right: list[int] = []
        roots: list[int] = []
        for tree in stored["trees"]:
            offset = len(feature)
            roots.append(offset)
            for node in tree:
                leaf = len(node) == 1
                feature.append(_LEAF if leaf else node[0])
                limit.append(node[0] if leaf else node[1])
                left.append(0 if leaf else offset + node[2])
                right.append(0 if leaf else offset + node[3])
        return cls(feature, limit, left, right, roots, float(stored["base"]))


@dataclass(frozen=True, slots=True)
class Linear:
    """A logistic regression: log-odds are `bias + weights @ row`."""

    weights: Row
    bias: float
    low: Row
    """Measurements are limited to the range that was seen in fitting, below ..."""
    high: Row
    """... and above."""

    def log_odds(self, rows: Sequence[Row]) -> list[float]:
        """For each row; empty for no rows."""
        return [
            self.bias
            + math.fsum(
                w * min(max(value, low), high)
                for w, value, low, high in zip(self.weights, row, self.low, self.high, strict=True)
            )
            for row in rows
        ]

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> "Linear":
        """From `{"weights": [...], "bias": ..., "low": [...], "high": [...]}`, the limits being optional."""
        weights = [float(w) for w in stored["weights"]]
        low = stored.get("low", [-math.inf] * len(weights))
        high = stored.get("high", [math.inf] * len(weights))
        return cls(weights, float(stored["bias"]), low, high)


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
