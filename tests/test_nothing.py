"""What mappings are where nothing is given: one object for all, so that nobody may write into it."""

import copy
import pickle
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import pytest

from groundwire.model import NOTHING, Score, Usage


@pytest.mark.parametrize(
    "write",
    [
        lambda mapping: mapping.__setitem__("a", 1),
        lambda mapping: mapping.update(a=1),
        lambda mapping: mapping.setdefault("a", 1),
        lambda mapping: mapping.__ior__({"a": 1}),
    ],
)
def test_it_refuses_to_be_written_into(write: Callable[[Any], Any]) -> None:
    with pytest.raises(TypeError, match="cannot be written into"):
        write(Score(1.0, "fine").details)
    assert Usage(1, 2).apart == {} == NOTHING


def test_copies_and_other_processes_have_the_same_one() -> None:
    assert pickle.loads(pickle.dumps(NOTHING)) is NOTHING
    assert copy.deepcopy(Usage(1, 2)).terms is NOTHING
    assert asdict(Usage(1, 2))["apart"] == {}
