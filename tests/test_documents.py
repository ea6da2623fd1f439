"""What a retriever may return, as documents."""

import json
from collections import UserList
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any
from unittest.mock import MagicMock

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from groundwire import Document
from groundwire.documents import as_documents, from_columns, from_row, passage, scores_descend


class Page(BaseModel):
    """As LangChain's documents are."""

    page_content: str
    metadata: dict[str, Any] = {}


class Found(BaseModel):
    passages: list[Page] = []


@dataclass
class Hit:
    text: str
    score: float = 0.5


@dataclass
class Answer:
    seconds: float
    hits: list[Hit] = field(default_factory=list)


class Frame:
    """As pandas' frames are, as far as it matters."""

    def iterrows(self) -> None:
        raise AssertionError

    def to_dict(self, orient: str) -> list[dict[str, Any]]:
        assert orient == "records"
        return [{"text": "a", "_distance": 0.5}]


A, B = Document("a"), Document("b")
SCORED = Document("a", score=0.5)


@pytest.mark.parametrize(
    ("found", "documents"),
    [
        # nothing
        (None, []),
        ([], []),
        ("", [Document("")]),
        ({}, []),
        (7, []),
        (b"bytes", []),
        (object(), []),
        ([None, 7, 0.5, b"x", object(), {}], []),
        ([[0.1, 0.2], [0.3, 0.4]], []),  # vectors
        # texts and documents
        ("a", [A]),
        (A, [A]),
        (["a", B], [A, B]),
        (("a", "b"), [A, B]),
        ({"a"}, [A]),
        ([["a"], ["b"]], [A, B]),
        ([["a", "b"], []], [A, B]),
        (UserList(["a", "b"]), [A, B]),
        # mappings
        ({"text": "a"}, [A]),
        ([{"content": "a"}, {"page_content": "b"}], [A, B]),
        ({"text": "a", "id": 7, "score": 0.5, "metadata": {"p": 1}}, [Document("a", "7", 0.5, {"p": 1})]),
        ([{"body": "a", "distance": 1}], [Document("a", score=1.0)]),
        ([{"id": "x"}], [Document(id="x")]),
        ([{"text": "a", "score": "high"}], [A]),
        ([{"text": "a", "score": True}], [A]),
        ({"answer": "no", "source_documents": [{"page_content": "a"}]}, [A]),
        ({"whatever": ["a", "b"]}, [A, B]),
        ({"documents": []}, []),
        # pairs
        ([("a", 0.5)], [SCORED]),
        ([["a", 0.5]], [SCORED]),
        ([(A, 0.5), ({"text": "b", "score": 9}, 1)], [SCORED, Document("b", score=1.0)]),
        ((["a", "b"], 2), [A, B]),  # how many there are in all
        # objects
        (Page(page_content="a", metadata={"p": 1}), [Document("a", metadata={"p": 1})]),
        ([Page(page_content="a")], [Document("a", metadata={})]),
        (Found(passages=[Page(page_content="a")]), [Document("a", metadata={})]),
        (Found(), []),
        ([Hit("a")], [SCORED]),
        (Hit("a"), [SCORED]),
        (Answer(0.1, [Hit("a")]), [SCORED]),
        (
            SimpleNamespace(node=SimpleNamespace(text="a", id_="n", metadata={}), score=0.5),
            [Document("a", "n", 0.5, {})],
        ),
        (SimpleNamespace(source_nodes=[SimpleNamespace(node=Hit("a", 0.1), score=0.5)]), [SCORED]),
        ([SimpleNamespace(text=lambda: "method", id="x")], [Document(id="x")]),
        (Frame(), [SCORED]),
        # what stores return
        (
            {"ids": [["x"], ["y"]], "documents": [["a"], ["b"]], "distances": [[0.5], [1.0]], "metadatas": None},
            [Document("a", "x", 0.5), Document("b", "y", 1.0)],
        ),
        ({"ids": ["x"], "documents": ["a"], "metadatas": [{"p": 1}]}, [Document("a", "x", None, {"p": 1})]),
        (
            SimpleNamespace(points=[SimpleNamespace(id=1, score=0.5, payload={"text": "a", "p": 1})]),
            [Document("a", "1", 0.5, {"p": 1})],
        ),
        (
            {"matches": [{"id": "x", "score": 0.5, "metadata": {"text": "a", "p": 1}}]},
            [Document("a", "x", 0.5, {"p": 1})],
        ),
        (
            {"took": 3, "hits": {"total": 1, "hits": [{"_id": "x", "_score": 0.5, "_source": {"body": "a"}}]}},
            [Document("a", "x", 0.5, None)],
        ),
        ([[{"id": 1, "distance": 0.5, "entity": {"text": "a"}}]], [Document("a", "1", 0.5, None)]),
        (
            SimpleNamespace(objects=[SimpleNamespace(uuid="x", properties={"content": "a"})]),
            [Document("a", "x", None, None)],
        ),
    ],
)
def test_every_usual_shape_is_read(found: Any, documents: list[Document]) -> None:
    assert as_documents(found) == documents


def test_an_iterator_inside_is_left_for_the_application() -> None:
    inside = iter(["a", "b"])
    assert as_documents([inside]) == []
    assert list(inside) == ["a", "b"]


def test_a_mock_is_no_document_with_text() -> None:
    assert [d.text for d in as_documents([MagicMock()])] in ([], [None])


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
    lambda inner: st.lists(inner) | st.tuples(inner, inner) | st.dictionaries(st.text() | st.integers(), inner),
    max_leaves=12,
)


@given(_JSON)
def test_nothing_makes_it_raise(found: Any) -> None:
    for document in as_documents(found):
        assert isinstance(document.text, str | None)
        assert isinstance(document.id, str | None)
        assert isinstance(document.score, float | None)


# --- columns --------------------------------------------------------------------------------------------------------


def test_columns_of_one_query_are_a_list_and_of_several_are_lists() -> None:
    assert from_columns({"ids": ["x"], "documents": None}) == [Document(id="x")]
    assert from_columns({"ids": [["x"], []], "documents": None}) == [[Document(id="x")], []]
    assert from_columns({"ids": []}) == []


def test_columns_that_are_missing_for_one_query_are_left_out() -> None:
    table = {"ids": [["x"], ["y"]], "documents": [None, ["b"]], "scores": [[0.5], None]}
    assert from_columns(table) == [[Document(id="x", score=0.5)], [Document("b", "y")]]


# --- payloads -------------------------------------------------------------------------------------------------------


def test_the_text_is_under_a_usual_key_and_the_rest_is_metadata() -> None:
    assert passage({"text": "a", "page": 1}) == ("a", {"page": 1})
    assert passage({"title": "much longer than the text", "chunk": "a"})[0] == "a"


def test_metadata_beside_the_text_is_the_metadata() -> None:
    assert passage({"page_content": "a", "metadata": {"page": 1}}) == ("a", {"page": 1})
    assert passage({"text": "a", "metadata": {"p": 1}, "x": 1}) == ("a", {"metadata": {"p": 1}, "x": 1})


def test_without_a_usual_key_the_longest_prose_is_the_text() -> None:
    payload = {"title": "A title", "absatz": "Somewhat longer prose", "url": "https://a-very-long-address/x/y/z"}
    text, rest = passage(payload)
    assert text == "Somewhat longer prose"
    assert rest == {k: v for k, v in payload.items() if k != "absatz"}


def test_a_node_of_llama_index_is_opened() -> None:
    assert passage({"_node_content": json.dumps({"text": "a"}), "page": 1}) == ("a", {"page": 1})
    assert passage({"_node_content": "[]"}) == (None, {"_node_content": "[]"})


def test_the_payload_is_left_as_it_was() -> None:
    payload = {"text": "a", "metadata": {"page": 1}}
    passage(payload)
    assert payload == {"text": "a", "metadata": {"page": 1}}


@given(st.dictionaries(st.text(), _JSON))
def test_any_payload_can_be_read(payload: dict[str, Any]) -> None:
    text, rest = passage(payload)
    assert isinstance(text, str | None)
    assert rest is None or rest.keys() <= payload.keys() or rest in payload.values()


def test_a_row_is_a_document_without_its_vectors() -> None:
    row = {"id": 7, "text": "Everest is high.", "page": 1, "vector": [0.5, 1.0], "blob": b"x", "pages": [1, 2]}
    assert from_row(row, score=0.5) == Document("Everest is high.", "7", 0.5, {"page": 1, "pages": [1, 2]})
    assert from_row({"_id": "a", "id": "b"}, "given") == Document(None, "given", None, {"_id": "a", "id": "b"})
    numbers = {"mixed": [1, 0.5, 0], "bytes": [7] * 33, "numpy": [np.float64(0.5)], "flags": [True] * 40, "none": []}
    assert from_row(numbers).metadata == {"flags": [True] * 40, "none": []}
    assert from_row({"vector": np.array([0.5]), "n": None}) == Document(None, None, None, {"n": None})
    chunks = [{"text": "One.", "vector": [0.5, 1.0], "deep": {"v": [1.5]}}, {"text": "Two.", "page": 2}]
    assert from_row({"chunks": chunks, "inner": {"v": [0.5], "n": 1}}).metadata == {
        "chunks": [{"text": "One.", "deep": {}}, {"text": "Two.", "page": 2}],
        "inner": {"n": 1},
    }
    words = {f"word {n}": n / 10 for n in range(40)}
    assert from_row({"tokens": words, "rated": {"by me": 0.5}}).metadata == {"rated": {"by me": 0.5}}
    assert from_row({"pk": 7, "text": "Everest is high."}) == Document("Everest is high.", "7")  # LangChain on Milvus
    assert from_row({}) == Document()


def test_documents_that_come_best_first_tell_what_their_scores_mean() -> None:
    def order(*scores: float | None) -> bool | None:
        return scores_descend([Document(score=score) for score in scores])

    assert order(2.0, None, 1.0) is True
    assert order(0.0, 0.5) is False
    assert order(1.0) is order(1.0, 1.0) is order(None) is order() is None


def test_queries_whose_scores_mean_different_things_tell_nothing_of_all() -> None:
    near, fused, one = ([Document(score=score) for score in scores] for scores in ((0.0, 0.5), (0.5, 0.3), (1.0,)))
    assert scores_descend([near, one, near]) is False
    assert scores_descend([one, fused]) is True
    assert scores_descend([near, fused]) is None
