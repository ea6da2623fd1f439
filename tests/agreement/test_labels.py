import csv
import gzip
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from groundwire.errors import SourceError
from groundwire.label_verdicts import agreed_spans, marked_tokens, verdict
from groundwire.labelled import LabelledFile, labelled


def rows_of(tmp_path: Path, *items: Any) -> LabelledFile:
    file = tmp_path / "rows.jsonl"
    file.write_text("".join(json.dumps(i) + "\n" for i in items), "utf-8")
    return labelled(file)


def table(tmp_path: Path, header: Sequence[str], *rows: Sequence[Any], name: str = "t.csv", **dialect: Any) -> Path:
    file = tmp_path / name
    with file.open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream, **dialect).writerows([header, *rows])
    return file


SHAPES: list[tuple[dict[str, Any], list[tuple[str, bool]]]] = [
    ({"question": "q", "context": "c", "answer": "a b", "spans": []}, [("faithfulness", True)]),
    ({"question": None, "context": "c", "answer": "a b", "spans": [{"start": 0, "end": 1}]}, [("faithfulness", False)]),
    ({"claim": "x", "evidence": ["e1", "e2"], "label": "supported"}, [("faithfulness", True)]),
    ({"claim": "x", "evidence": ["e1"], "label": "partially_supported"}, [("faithfulness", False)]),
    ({"claim": "x", "evidence": ["e"], "distractors": ["d"], "label": "REFUTES"}, [("faithfulness", False)]),
    (
        {"claim": "x", "evidence": [{"text": "e", "label": "SUPPORTS"}, {"text": "f", "label": "NOT_ENOUGH_INFO"}]},
        [("faithfulness", True), ("faithfulness", False)],
    ),
    ({"claim": "x", "context": "c", "label": 1}, [("faithfulness", True)]),
    ({"claim": "x", "context": {"k": [1]}, "label": "neutral"}, [("faithfulness", False)]),
    ({"context": "c", "answer": "a", "faithful": False}, [("faithfulness", False)]),
    ({"context": "c", "message": "m", "answer": "a", "label": "Fully attributable"}, [("faithfulness", True)]),
    ({"context": "c", "message": "m", "answer": "a", "label": "Not fully attributable"}, [("faithfulness", False)]),
    (
        {"passages": ["p"], "conversation": ["user: hi"], "answer": "a", "votes": {"faithfulness": [4, 4, 3]}},
        [("faithfulness", True)],
    ),
    ({"context": "c", "sentences": ["a.", "b."], "supported": [True, False]}, [("faithfulness", False)]),
    (
        {"context": "c", "sentences": ["a."], "votes": [["supported", "supported", "partially"]]},
        [("faithfulness", True)],
    ),
    (
        {"context": "c", "answer": "abcd", "annotations": [[{"start": 0, "end": 2, "type": "incorrect"}]]},
        [("faithfulness", False)],
    ),
    (
        {"context": "c", "answer": "abcd", "annotations": [[{"start": 0, "end": 2, "type": "other"}]]},
        [("faithfulness", True)],
    ),
    (
        {"knowledge": "k", "question": "q", "right_answer": "r", "hallucinated_answer": "h"},
        [("faithfulness", True), ("faithfulness", False)],
    ),
    ({"question": "q", "sentence": "s", "relevant": 1}, [("context_relevance", True)]),
    ({"question": "q", "passage": "s", "answerable": False}, [("context_relevance", False)]),
    ({"question": "q", "passages": [{"title": "t", "text": "s"}], "answerable": True}, [("context_relevance", True)]),
    (
        {"question": "q", "passage": "p", "answer": "a", "context_relevance": "Yes", "answer_faithfulness": "No"},
        [("context_relevance", True)],
    ),
]  # fmt: skip


@pytest.mark.parametrize(("item", "expected"), SHAPES)
def test_every_documented_shape_is_read(tmp_path: Path, item: dict[str, Any], expected: list[tuple[str, bool]]) -> None:
    file = tmp_path / "rows.jsonl"
    file.write_text(json.dumps(item) + "\n", "utf-8")
    rows = labelled(file).rows
    found = [(name, good) for r in rows for name, good in r.good.items()]
    assert [f for f in found if f in expected] == expected
    assert all(r.passages and r.line == 1 for r in rows)


def test_numbered_passages_are_split_and_json_is_not(tmp_path: Path) -> None:
    file = tmp_path / "rows.jsonl.gz"
    rows = [
        {"context": "passage 1:One.\n\npassage 2:Two.\n\npassage 3:Three.", "answer": "a", "spans": []},
        {"context": '{"a": "passage 1: x"}', "answer": "a", "spans": []},
    ]
    with gzip.open(file, "wt", encoding="utf-8") as stream:
        stream.writelines(json.dumps(r) + "\n" for r in rows)
    found = labelled(file).rows
    assert found[0].passages == ("One.", "Two.", "Three.")
    assert found[1].passages == ('{"a": "passage 1: x"}',)


def test_people_who_disagree_are_settled_by_the_majority(tmp_path: Path) -> None:
    mark = {"start": 0, "end": 3, "type": "extrinsic"}
    file = tmp_path / "rows.jsonl"
    file.write_text(
        json.dumps({"context": "c", "answer": "abcdef", "annotations": [[mark], [{**mark, "end": 5}], []]}) + "\n",
        "utf-8",
    )
    (found,) = labelled(file).rows
    assert found.good == {"faithfulness": False}
    assert found.spans == ((0, 3),)


def test_a_bad_line_is_reported_and_the_rest_is_read(tmp_path: Path) -> None:
    file = tmp_path / "rows.jsonl"
    good = json.dumps({"context": "c", "answer": "a", "spans": []})
    file.write_text(f"{good}\nnot json\n[1]\n\n{json.dumps({'x': 1})}\n{good}\n", "utf-8")
    found = labelled(file)
    assert [r.line for r in found.rows] == [1, 6]
    assert [line for line, _ in found.rejected] == [2, 3, 5]


@pytest.mark.parametrize("content", [b"", b"nonsense\n", b'{"x": 1}\n', b"\x1f\x8bbroken"])
def test_a_file_without_a_usable_row_is_a_source_error(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "rows.jsonl"
    file.write_bytes(content)
    with pytest.raises(SourceError, match="expected one JSON object a line"):
        labelled(file)


def test_a_missing_file_is_a_source_error(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="cannot be read"):
        labelled(tmp_path / "none.jsonl")


# --- our own format ---


def test_labels_name_the_evaluators_they_are_for(tmp_path: Path) -> None:
    labels = {"faithfulness": "partly", "politeness": True, "brevity": None}
    (row,) = rows_of(tmp_path, {"context": "c", "answer": "a", "reference": "r", "labels": labels}).rows
    assert row.good == {"faithfulness": False, "politeness": True}
    assert row.chain.reference == "r"


def test_relevance_of_each_passage_gives_a_row_each(tmp_path: Path) -> None:
    found = rows_of(tmp_path, {"question": "q", "passages": ["p1", {"text": "p2"}], "relevant": [1, "no"]}).rows
    assert [(r.passages, r.good["context_relevance"], r.question) for r in found] == [
        (("p1",), True, "q"), (("p2",), False, "q"),
    ]  # fmt: skip


def test_labels_of_passages_and_of_the_answer_are_both_read(tmp_path: Path) -> None:
    item = {"question": "q", "passages": ["p1", "p2"], "relevant": [1, 0], "answer": "a", "label": "unfaithful"}
    found = rows_of(tmp_path, item, {"question": "q", "passages": ["p"], "labels": {"context_relevance": 1}})
    assert [(r.answer, dict(r.good)) for r in found.rows] == [
        ("", {"context_relevance": True}), ("", {"context_relevance": False}), ("a", {"faithfulness": False}),
        ("", {"context_relevance": True}),
    ]  # fmt: skip
    assert found.rejected == ()


def test_flagged_tokens_become_spans(tmp_path: Path) -> None:
    item = {
        "claim": "HM Prison Prescoed is open.", "claim_tokens": ["HM", "Prison", "Prescoed", "is", "open", "."],
        "non_supported": [True, True, False, False, True, False], "evidence": ["e"], "label": "partially_supported",
    }  # fmt: skip
    (row,) = rows_of(tmp_path, item).rows
    assert [row.answer[a:b] for a, b in row.spans or ()] == ["HM Prison", "open"]
    assert row.good == {"faithfulness": False}


def test_short_columns_are_kept_for_figures_apart(tmp_path: Path) -> None:
    item = {"context": "c" * 81, "answer": "a", "label": 1, "team": "blue", "closed_book": False}
    (row,) = rows_of(tmp_path, item).rows
    assert row.columns == {"answer": "a", "label": "1", "team": "blue", "closed_book": "False"}


def test_sources_stay_what_splits_were_made_by(tmp_path: Path) -> None:
    items: list[dict[str, Any]] = [
        {"source_id": 0, "title": "t", "context": "c", "answer": "a", "label": 1},
        {"title": "t", "question": "q", "sentence": "s", "relevant": 1},
        {"title": None, "question": "q", "sentence": "s", "relevant": 1},
        {"question": "q", "sentence": "s", "relevant": 1},
        {"id": 7, "context": "c" * 90, "answer": "a", "label": 1},
        {"claim": "a", "evidence": ["e1", "e2"], "label": 1},
        {"id": 7, "question": "q", "passages": ["p"], "answerable": 1},
        {"passages": ["p"], "answer": "a", "label": 1},
    ]
    sources = [r.source for r in rows_of(tmp_path, *items).rows]
    assert sources == ["0", "t", "s", "q", "c" * 80, "e1\ne2", "7", "rows.jsonl:8"]


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"answer": "a", "label": 1}, "nothing to judge by"),
    ({"context": "c", "label": 1}, "no answer, claim"),
    ({"context": "c", "answer": "a"}, "no label in it"),
    ({"context": "c", "answer": "a", "label": "generic"}, "label 'generic' is neither good nor bad"),
    ({"context": "c", "answer": "a", "label": 7}, "label 7 is neither"),
    ({"context": "c", "answer": "a", "labels": {"x": "maybe"}}, "labels.x 'maybe' is neither"),
    ({"context": "c", "answer": "a", "labels": ["x"]}, "labels must map"),
    ({"context": "c", "answer": "abc", "spans": [{"start": 1, "end": 9}]}, "span 1, 1 to 9, is not inside the answer"),
    ({"context": "c", "answer": "abc", "spans": [{"start": 0, "end": 2, "text": "xy"}]}, "has 'ab' there, not 'xy'"),
    ({"context": "c", "answer": "abc", "spans": [{"start": 0}]}, "KeyError: 'end'"),
    ({"question": "q", "passages": ["p"], "relevant": [1, 0]}, "relevant has 2 entries, passages 1"),
    ({"question": "q", "passages": ["p"], "relevant": ["?"]}, "relevant, entry 1: '?'"),
    ({"question": "q", "passages": "p", "relevant": 1}, "passages must be a list"),
    ({"question": "q", "relevant_passages": []}, "relevant_passages is empty"),
    ({"context": "c", "sentences": ["a", "b"], "supported": [True]}, "2 sentences and 1 labels"),
    ({"claim": "a b", "evidence": ["e"], "claim_tokens": ["a", "x"], "non_supported": [1, 0]}, "token 'x' does not"),
    ({"claim": "x", "evidence": [{"text": "e", "label": "DISPUTED"}]}, "evidence 1: label 'DISPUTED'"),
    ({"question": "q", "passage": "p", "context_relevance": "dunno"}, "none of context_relevance"),
]  # fmt: skip


@pytest.mark.parametrize(("item", "why"), REFUSED)
def test_what_cannot_be_used_says_why(tmp_path: Path, item: dict[str, Any], why: str) -> None:
    found = rows_of(tmp_path, {"context": "c", "answer": "a", "label": 1}, item)
    assert len(found.rows) == 1
    ((line, said),) = found.rejected
    assert line == 2
    assert why in said


def test_a_bad_answer_whose_place_nobody_could_mark_has_unknown_spans(tmp_path: Path) -> None:
    found = rows_of(
        tmp_path,
        {"context": "c", "answer": "ab", "label": 0, "spans": []},
        {"context": "c", "answer": "ab", "label": 1, "spans": []},
    ).rows
    assert [r.spans for r in found] == [None, ()]


def test_one_persons_overlapping_marks_are_one_persons(tmp_path: Path) -> None:
    assert agreed_spans([((0, 4), (2, 6)), (), ()]) == ()


@settings(deadline=None)
@given(st.lists(st.sampled_from(["ab", "a", "b.", "("]), min_size=1), st.data())
def test_token_spans_hold_flagged_tokens_alone(tokens: list[str], data: st.DataObject) -> None:
    flags = data.draw(st.lists(st.booleans(), min_size=len(tokens), max_size=len(tokens)))
    answer = " ".join(tokens)
    spans = marked_tokens(answer, tokens, flags)
    kept = " ".join(answer[s["start"] : s["end"]] for s in spans).split()
    assert kept == [t for t, flagged in zip(tokens, flags, strict=True) if flagged]


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -1, 2, "", None, "generic", [], {}])
def test_a_label_that_says_neither_is_unknown(value: Any) -> None:
    assert verdict(value) is None


def test_examples_of_the_documentation_are_read(tmp_path: Path) -> None:
    text = (Path(__file__).parents[2] / "docs/labels.md").read_text("utf-8")
    blocks = [block.split("\n", 1) for block in text.split("```")[1::2]]
    lines = [line for kind, body in blocks if kind == "json" for line in body.strip().splitlines()]
    found = rows_of(tmp_path, *map(json.loads, lines))
    assert [r.good for r in found.rows] == [
        {"faithfulness": False}, {"context_relevance": True}, {"context_relevance": False}, {"context_relevance": True},
        {"context_relevance": False},
    ]  # fmt: skip
    assert found.rejected == ()
    (body,) = (body for kind, body in blocks if not kind)
    (tmp_path / "t.csv").write_text(body, "utf-8")
    (row,) = labelled(tmp_path / "t.csv").rows
    assert [row.answer[a:b] for a, b in row.spans or ()] == ["350"]


# --- CSV ---


def test_a_table_is_read_like_json_lines(tmp_path: Path) -> None:
    spans = json.dumps([{"start": 0, "end": 2}])
    file = table(
        tmp_path, ["Question", "passages", "answer", "label", "spans", "team"],
        ["q, really?", json.dumps(["p1\nsecond line", "p2"]), "ab cd", "unfaithful", spans, "blue"],
        ["", '["p"]', "fine", "1", "", "red"],
    )  # fmt: skip
    first, second = labelled(file).rows
    assert (first.question, first.passages, first.spans) == ("q, really?", ("p1\nsecond line", "p2"), ((0, 2),))
    assert (first.good, first.columns["team"]) == ({"faithfulness": False}, "blue")
    assert (second.question, second.good, second.spans) == (None, {"faithfulness": True}, None)


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("zipped", [False, True])
def test_tables_have_any_usual_delimiter(tmp_path: Path, delimiter: str, zipped: bool) -> None:
    file = table(tmp_path, ["context", "answer", "label"], ["a, b; c", "x", "true"], delimiter=delimiter)
    file.write_bytes(b"\xef\xbb\xbf" + file.read_bytes())
    if zipped:
        other = tmp_path / "t.tsv.gz"
        other.write_bytes(gzip.compress(file.read_bytes()))
        file = other
    (row,) = labelled(file).rows
    assert (row.passages, row.good) == (("a, b; c",), {"faithfulness": True})


def test_a_json_context_in_a_cell_stays_text(tmp_path: Path) -> None:
    file = table(tmp_path, ["context", "answer", "label"], ['{"stars": 4.0}', "x", "1"])
    assert labelled(file).rows[0].passages == ('{"stars": 4.0}',)


def test_a_cell_may_be_long(tmp_path: Path) -> None:
    file = table(tmp_path, ["context", "answer", "label"], ["word " * 100_000, "x", "1"])
    before = csv.field_size_limit()
    assert len(labelled(file).rows[0].passages[0]) == 500_000
    assert csv.field_size_limit() == before


def test_bad_lines_of_a_table_are_named_by_their_line(tmp_path: Path) -> None:
    file = table(
        tmp_path, ["passages", "answer", "label"],
        ['["a\nb"]', "x", "1"], ["[1", "x", "1"], ['["p"]', "x"], ['["p"]', "x", "maybe"], [],
    )  # fmt: skip
    file.write_bytes(b"\n" + file.read_bytes() + b'"[""p""]",\xff,1\r\n')
    assert [(line, why.split(":")[0]) for line, why in labelled(file).rejected] == [
        (5, "column passages"), (6, "2 cells where the header has 3"), (7, "label 'maybe' is neither good nor bad"),
        (9, "not UTF-8"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("content", "why"),
    [("", "no header"), ("a,b\n1,2\n", "nothing to judge by"), ("answer,answer\n", "names a column twice")],
)
def test_a_table_without_a_usable_row_is_a_source_error(tmp_path: Path, content: str, why: str) -> None:
    file = tmp_path / "t.csv"
    file.write_text(content)
    with pytest.raises(SourceError, match=why):
        labelled(file)


def test_lines_that_are_not_utf_8_or_no_object_are_reported(tmp_path: Path) -> None:
    good = json.dumps({"context": "c", "answer": "a", "label": 1}).encode()
    file = tmp_path / "rows.jsonl"
    file.write_bytes(b"\n".join([b"\xef\xbb\xbf" + good, b'{"context": "\xff"}', b"null", b"[]", b"[" * 9000, b'"x"']))
    found = labelled(file)
    assert len(found.rows) == 1
    assert [line for line, _ in found.rejected] == [2, 3, 4, 5, 6]
    assert found.rejected[0][1] == "not UTF-8"


KEYS = [
    "answer", "context", "label", "spans", "votes", "passages", "relevant", "sentences", "labels", "annotations",
    "claim", "evidence", "question", "start", "end", "text", "claim_tokens", "non_supported", "supported",
    "right_answer", "hallucinated_answer", "context_relevance",
]  # fmt: skip
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=5),
    lambda inside: st.lists(inside) | st.dictionaries(st.sampled_from(KEYS), inside),
)


@settings(deadline=None)
@given(ANYTHING)
def test_any_json_gives_rows_or_reasons(tmp_path_factory: pytest.TempPathFactory, item: Any) -> None:
    file = tmp_path_factory.mktemp("any") / "rows.jsonl"
    good = {"context": "c", "answer": "a", "label": 1}
    file.write_text(json.dumps(good) + "\n" + json.dumps(item) + "\n")
    found = labelled(file)
    assert {r.line for r in found.rows} | {line for line, _ in found.rejected} == {1, 2}
    for row in found.rows:
        assert isinstance(row.good, Mapping)
        assert all(0 <= a < b <= len(row.answer) for a, b in row.spans or ())
