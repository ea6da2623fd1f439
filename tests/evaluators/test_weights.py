import json
from importlib.resources import files

import pytest

from groundwire_evaluators import answer_relevance, claims, context_relevance
from groundwire_evaluators.forest import Forest, Linear, probability


@pytest.mark.parametrize(
    ("name", "features"),
    [
        ("faithfulness", claims.FEATURES),
        ("context_relevance", context_relevance.FEATURES),
        ("answer_relevance", answer_relevance.FEATURES),
    ],
)
def test_stored_weights_were_fitted_for_these_measurements(name: str, features: tuple[str, ...]) -> None:
    raw = files("groundwire_evaluators").joinpath("weights", f"{name}.json").read_bytes()
    stored = json.loads(raw)
    assert tuple(stored["features"]) == features
    assert len(stored["linear"]["weights"]) == len(features)
    assert 0 < stored["threshold"] < 1
    assert set(stored["provenance"]) == {"fitted", "command", "rows", "licences"}
    assert len(raw) < 120_000


def test_a_forest_adds_up_its_leaves() -> None:
    tree = [[1, 0.5, 1, 2], [-1.0], [0, 3.0, 3, 4], [2.0], [5.0]]
    forest = Forest.from_json({"base": 0.25, "depth": 2, "trees": [tree, [[0.5]]]})
    assert forest.log_odds([[0.0, 0.5], [3.0, 0.6], [4.0, 9.0]]) == [-0.25, 2.75, 5.75]
    assert forest.log_odds([]) == []


def test_a_line_keeps_measurements_within_what_was_seen() -> None:
    line = Linear.from_json({"weights": [2.0, 1.0], "bias": 1.0, "low": [0.0, 0.0], "high": [1.0, 10.0]})
    assert line.log_odds([[5.0, 3.0], [-1.0, 3.0]]) == [6.0, 4.0]


def test_extreme_log_odds_stay_probabilities() -> None:
    assert [probability(odds) for odds in (-1e9, 0.0, 1e9)] == pytest.approx([0, 0.5, 1])
