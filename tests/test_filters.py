"""Conditions that choose answers."""

import pytest

from groundwire.errors import ConfigurationError
from groundwire.filters import Condition, conditions, hold

THING = {
    "model": "gpt-4o", "tokens": 128, "cost": 0.0, "stream": True, "tags": ("beta", "eu"), "question": "How tall? = x",
    "version": "1.10",
}  # fmt: skip


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("model=gpt-4o", True), ("model = gpt-4o", True), ("model=gpt", False), ("model!=gpt", True),
        ("model!=gpt-4o", False), ("model~^gpt-", True), ("model~claude", False),
        ("tokens=128", True),
        ("tokens=128.0", True), ("tokens>127", True), ("tokens>128", False), ("tokens>=128", True),
        ("tokens<1e3", True),
        ("tokens<=127", False), ("cost=0", True), ("stream=true", True), ("stream=True", True), ("stream=1", False),
        ("tags=eu", True), ("tags=us", False), ("tags!=us", True), ("tags!=eu", False), ("tags~^b", True),
        ("question~\\? = x", True), ("question=How tall? = x", True), ("version=1.10", True), ("version=1.1", False),
        ("nothing=1", False), ("nothing!=1", True), ("nothing<1", False), ("nothing~.", False), ("model>3", False),
    ],
)  # fmt: skip
def test_condition_holds_of_what_is_there(text: str, holds: bool) -> None:
    assert Condition.of(text).holds(THING.get) is holds


def test_all_conditions_must_hold() -> None:
    assert hold(conditions(["model=gpt-4o", "tokens>1"]), THING.get)
    assert not hold(conditions(["model=gpt-4o", "tokens>1000"]), THING.get)
    assert hold(conditions(None), THING.get)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("model", "is no condition"), ("", "is no condition"), ("=x", "is no condition"), ("a b=c", "is no condition"),
        ("model~(", "no regular expression"), ("tokens>many", "is no number"), ("tokens<nan", "is no number"),
    ],
)  # fmt: skip
def test_mistake_is_told(text: str, said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        Condition.of(text)
