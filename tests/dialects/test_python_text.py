"""What `repr` wrote is read back, and nothing else, silently."""

import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from groundwire.dialects.langchain_text import model_in, prompt_in, reply_in, usage_in
from groundwire.dialects.python_text import literal

_scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
_values = st.recursive(
    _scalars, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner) | st.lists(inner).map(tuple)
)


@given(_values)
def test_what_repr_wrote_is_read_back(value: Any) -> None:
    assert literal(repr(value)) == value


@pytest.mark.parametrize(
    "text",
    [
        *("", "nan", "object()", "<X at 0x1>", "'a' 'b", "{'a': \\d}", "'\\d'", "1if 1else 1", "lambda: 1", "f'{x}'"),
        *("{" + "-" * 100_000 + "1}", "[" * 100_000, "{1:" * 50_000, "1if " * 50_000, "'" * 150_001, "('a', " * 20_000),
    ],
)
def test_anything_else_is_nothing(text: str) -> None:
    started = time.process_time()
    assert literal(text) is None
    assert time.process_time() - started < 2.0


def test_messages_of_langchain_as_text() -> None:
    said = 'It\'s 14 hours.\nNot "15".'
    one = (
        f"content={said!r} additional_kwargs={{}} response_metadata={{'model_name': 'gpt-4o'}} id='x' "
        "usage_metadata={'input_tokens': 171, 'output_tokens': 14, 'input_token_details': {'cache_read': 128}}"
    )
    assert [m["parts"][0]["content"] for m in reply_in(one)] == [said]
    assert (model_in(one), (usage_in(one) or {})["input_token_details"]) == ("gpt-4o", {"cache_read": 128})
    asked = (
        "messages=[SystemMessage(content='Be brief.', additional_kwargs={}), "
        f"HumanMessage(content={said!r}, additional_kwargs={{}}), ToolMessage(content='found', tool_call_id='c')]"
    )
    assert [(m["role"], m["parts"][0]["type"]) for m in prompt_in(asked)] == [
        ("system", "text"),
        ("user", "text"),
        ("tool", "tool_call_response"),
    ]
    chunks = (
        "content='' additional_kwargs={}",
        "content='14 ' additional_kwargs={}",
        "content='h.' additional_kwargs={}",
    )
    assert [m["parts"][0]["content"] for m in reply_in(chunks)] == ["14 h."]


@pytest.mark.parametrize("value", [None, 3, "", "14 hours.", ["14 hours."], "content=", "content='x' additional", ()])
def test_other_values_hold_no_such_message(value: Any) -> None:
    assert reply_in(value) == []
    assert prompt_in(value) == []
    assert usage_in(value) is None
