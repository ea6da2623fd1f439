"""`texts_for`: what the numbers of an index stand for."""

import gc

import numpy as np
import pytest

import groundwire
from groundwire.errors import ConfigurationError
from groundwire.model import Document
from groundwire.texts import document_at, name_of


class Index:
    """Something that finds numbers."""


def test_a_list_is_looked_up_by_place_and_the_index_comes_back() -> None:
    index = Index()
    assert groundwire.texts_for(index, ["a", "b"], name="docs") is index
    assert document_at(index, 1, 0.5) == Document("b", "1", 0.5)
    assert name_of(index) == "docs"


def test_a_place_after_the_end_or_before_the_start_is_a_document_without_text() -> None:
    index = groundwire.texts_for(Index(), {"-1": "wrong", 3: "right"})
    assert document_at(index, 9, 1.0) == Document(None, "9", 1.0)
    assert document_at(index, 3) == Document("right", "3")


def test_rows_and_documents_keep_their_own_ids_and_metadata() -> None:
    rows = [{"id": 7, "text": "a", "page": 1}, Document("b", "x", None, {"page": 2}), Document("c")]
    index = groundwire.texts_for(Index(), rows)
    assert [document_at(index, n, 0.5) for n in range(3)] == [
        Document("a", "7", 0.5, {"page": 1}),
        Document("b", "x", 0.5, {"page": 2}),
        Document("c", "2", 0.5),
    ]


def test_what_is_added_later_is_found_and_the_last_word_counts() -> None:
    texts = ["a"]
    index = groundwire.texts_for(Index(), texts)
    texts.append("b")
    assert document_at(index, 1).text == "b"
    groundwire.texts_for(index, np.array(["c"]))
    assert document_at(index, 0).text == "c"


def test_texts_go_with_their_index_and_an_index_at_the_same_place_has_none_of_them() -> None:
    for _ in range(20):
        index = Index()
        assert document_at(index, 0).text is None
        groundwire.texts_for(index, ["a"])
        del index
        gc.collect(0)


@pytest.mark.parametrize(
    "texts", ["abc", b"abc", None, 7, iter(["a"])], ids=["text", "bytes", "none", "number", "iterator"]
)
def test_what_cannot_be_looked_up_in_is_told(texts: object) -> None:
    with pytest.raises(ConfigurationError, match="a list of texts or a mapping"):
        groundwire.texts_for(Index(), texts)


def test_what_is_no_index_is_told() -> None:
    with pytest.raises(ConfigurationError, match="takes an index, not list"):
        groundwire.texts_for([], ["a"])
