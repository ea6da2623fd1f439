"""Members of SDKs' objects are read alike, whatever they are made of."""

from types import SimpleNamespace
from typing import Any

import pytest
from pydantic import BaseModel, ConfigDict

from groundwire.wire import is_body, member


class Closed(BaseModel):
    text: str = "said"

    @property
    def shouted(self) -> str:
        return self.text.upper()


class Open(Closed):
    model_config = ConfigDict(extra="allow")


@pytest.mark.parametrize(
    "value", [{"text": "said"}, SimpleNamespace(text="said"), Closed(), Open(), Open(text="said", more=1)]
)
def test_a_member_that_is_there_is_read(value: Any) -> None:
    assert member(value, "text") == "said"
    assert member(value, "text") == "said"


@pytest.mark.parametrize("value", [None, {}, 1, SimpleNamespace(), Closed(), Open(), Open(more=1)])
def test_a_member_that_is_not_there_is_none(value: Any) -> None:
    assert member(value, "lacking") is None
    assert member(value, "lacking") is None


def test_what_one_model_lacks_another_of_its_class_may_have() -> None:
    assert member(Open(), "later") is None
    assert member(Open(later=0), "later") == 0
    assert member(Open(), "later") is None


def test_what_a_class_works_out_is_a_member_too() -> None:
    assert member(Closed(), "shouted") == "SAID"


def test_a_body_is_told_by_its_class() -> None:
    class Body:
        def iter_bytes(self) -> None: ...

    assert [is_body(value) for value in (Body(), Body(), Closed(), {}, None)] == [True, True, False, False, False]
