"""Attributes stay within their size and stay valid JSON."""

import json
import math
import tracemalloc
from hashlib import sha256
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from groundwire import semconv
from groundwire.budget import bounded_messages, bounded_rows, encodable, to_json
from groundwire.model import Document

LIMIT = 20_000


def message(text: str, role: str = "user") -> dict[str, Any]:
    return {"role": role, "parts": [{"type": "text", "content": text}]}


def test_what_fits_is_not_touched() -> None:
    messages = [message("short")]
    assert json.loads(bounded_messages(messages, LIMIT)) == messages


@pytest.mark.parametrize("text", ["x" * 1_000_000, '"\\\n' * 300_000, "日本語" * 100_000, "\x00" * 200_000])
def test_a_long_text_is_cut_and_says_what_it_was(text: str) -> None:
    cut = bounded_messages([message("system", "system"), message(text)], LIMIT)
    assert LIMIT * 0.7 < len(cut) <= LIMIT
    (part,) = json.loads(cut)[1]["parts"]
    assert text.startswith(part["content"])
    assert part["groundwire.original_length"] == len(text)
    assert len(part["groundwire.sha256"]) == 64


def test_short_texts_survive_beside_a_long_one() -> None:
    rows = json.loads(bounded_rows([{"id": "a", "content": "short"}, {"id": "b", "content": "y" * 90_000}], LIMIT))
    assert rows[0] == {"id": "a", "content": "short"}
    assert rows[1]["id"] == "b"


@pytest.mark.parametrize(("n", "size"), [(2_000, 1_000), (20_000, 200), (100_000, 0)])
def test_many_rows_are_left_out_and_counted(n: int, size: int) -> None:
    rows = [{"id": str(i), "content": "z" * size} for i in range(n)]
    text = bounded_rows(rows, LIMIT)
    assert LIMIT * 0.5 < len(text) <= LIMIT
    kept = json.loads(text)
    assert kept[0]["id"] == "0"
    assert kept[-1] == {"groundwire.dropped_documents": n - len(kept) + 1}


def test_texts_far_beyond_the_limit_are_cut_before_they_are_written() -> None:
    texts = [f"{n}" * 50_000 + '"\n' for n in range(100)]
    rows = [{"id": str(n), "content": text, "metadata": {"page": n}} for n, text in enumerate(texts)]
    tracemalloc.start()
    try:
        written = bounded_rows(rows, 100_000)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < 2_000_000  # of 9,000,000 characters
    assert 90_000 < len(written) <= 100_000
    for row, text in zip(json.loads(written), texts, strict=True):
        assert text.startswith(row["content"])
        assert row["groundwire.original_length"] == len(text)
        assert row["groundwire.sha256"] == sha256(text.encode()).hexdigest()
    assert rows[0] == {"id": "0", "content": texts[0], "metadata": {"page": 0}}


def test_of_many_messages_the_first_and_the_last_stay() -> None:
    messages = [message(f"{i} " + "w" * 300) for i in range(2_000)]
    text = bounded_messages(messages, LIMIT)
    assert len(text) <= LIMIT
    kept = json.loads(text)
    assert kept[0]["parts"][0]["content"].startswith("0 ")
    assert kept[-1]["parts"][0]["content"].startswith("1999 ")
    assert kept[1]["groundwire.dropped_messages"] == 2_000 - len(kept) + 1


def test_odd_values_are_written_as_text() -> None:
    circular: dict[str, Any] = {}
    circular["self"] = circular
    metadata = {("a", 1): math.nan, "b": b"bytes", "c": {1, 2}, "d": circular, "e": object}
    text = semconv.documents_json([Document("text", "1", math.inf, metadata)], LIMIT)
    (row,) = json.loads(text)
    assert row["content"] == "text"
    assert row["metadata"]["('a', 1)"] is None


@given(
    st.recursive(
        st.none() | st.floats() | st.text() | st.binary(), lambda s: st.lists(s) | st.dictionaries(st.text(), s)
    )
)
def test_anything_becomes_valid_json(value: Any) -> None:
    json.loads(to_json(value))
    encodable(to_json(value)).encode()
