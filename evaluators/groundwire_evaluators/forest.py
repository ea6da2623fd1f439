"""Fitted numbers at work: additive trees and a linear model, read from a JSON file beside this module."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

Floats: TypeAlias = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Forest:
    """Boosted regression trees of equal depth or less, and the log-odds they add up to."""

    feature: npt.NDArray[np.intp]
    """Shape (n_nodes,): the measurement that a node asks about; a leaf asks about the first."""
    limit: Floats
    """Go left where the measurement is at most this; infinite in a leaf."""
    left: npt.NDArray[np.intp]
    """A leaf leads to itself."""
    right: npt.NDArray[np.intp]
    value: Floats
    roots: npt.NDArray[np.intp]
    depth: int
    base: float

    def log_odds(self, rows: Floats) -> Floats:
        """Sum over the trees, shape (n_rows,), for measurements of shape (n_rows, n_features)."""
        at = np.broadcast_to(self.roots, (len(rows), len(self.roots)))
        line = np.arange(len(rows))[:, None]
        for _ in range(self.depth):
            at = np.where(rows[line, self.feature[at]] <= self.limit[at], self.left[at], self.right[at])
        total: Floats = self.base + self.value[at].sum(axis=1)
        return total

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> "Forest":
        """From `{"base", "depth", "trees"}`, a tree being a list of `[feature, limit, left, right]` or `[value]`."""
        feature: list[int] = []
        limit: list[float] = []
        left: list[int] = []
        right: list[int] = []
        value: list[float] = []
        roots: list[int] = []
        for tree in stored["trees"]:
            offset = len(feature)
            roots.append(offset)
            for i, node in enumerate(tree):
                leaf = len(node) == 1
                feature.append(0 if leaf else node[0])
                limit.append(float("inf") if leaf else node[1])
                left.append(offset + (i if leaf else node[2]))
                right.append(offset + (i if leaf else node[3]))
                value.append(node[0] if leaf else 0.0)
        return cls(
            np.asarray(feature, np.intp), np.asarray(limit), np.asarray(left, np.intp), np.asarray(right, np.intp),
            np.asarray(value), np.asarray(roots, np.intp), int(stored["depth"]), float(stored["base"]),
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Linear:
    """A logistic regression: log-odds are `bias + weights @ row`."""

    weights: Floats
    bias: float
    low: Floats | float = -np.inf
    """Measurements are limited to the range that was seen in fitting, below ..."""
    high: Floats | float = np.inf
    """... and above."""

    def log_odds(self, rows: Floats) -> Floats:
        """Shape (n_rows,), for rows of shape (n_rows, n_features)."""
        odds: Floats = np.clip(rows, self.low, self.high) @ self.weights + self.bias
        return odds

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> "Linear":
        """From `{"weights": [...], "bias": ..., "low": [...], "high": [...]}`, the limits being optional."""
        low, high = np.asarray(stored.get("low", -np.inf), float), np.asarray(stored.get("high", np.inf), float)
        return cls(np.asarray(stored["weights"], float), float(stored["bias"]), low, high)


def probability(log_odds: Floats) -> Floats:
    """The logistic function, safe for any finite input."""
    chances: Floats = 1.0 / (1.0 + np.exp(-np.clip(log_odds, -30.0, 30.0)))
    return chances


@lru_cache(maxsize=8)
def stored_weights(name: str) -> Mapping[str, Any]:
    """The fitted numbers of one evaluator, `weights/<name>.json`, read once."""
    loaded: Mapping[str, Any] = json.loads(
        files("groundwire_evaluators").joinpath("weights", f"{name}.json").read_text("utf-8")
    )
    return loaded


def rows(measures: Sequence[Sequence[float]], width: int) -> Floats:
    """Measurements as an array of shape (n, width), also for n = 0."""
    return np.asarray(measures, float).reshape(len(measures), width)
