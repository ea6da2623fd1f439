import gzip
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from groundwire.agreement import agree, auc, bootstrap_interval, ece, f1, labelled, span_f1
from groundwire.errors import SourceError
from groundwire.labelled import Labelled
from groundwire.model import Evidence, Flaw, RagChain, Score, Skipped


@dataclass(frozen=True, slots=True)
class Length:
    """Long answers are bad; empty ones are not judged."""

    name: str = "faithfulness"
    version: str = "7"
    threshold: float = 0.5

    def evaluate(self, chain: RagChain, /) -> Score | Skipped:
        if not chain.answer:
            return Skipped("empty_answer")
        value = 1 / len(chain.answer)
        bad = value < self.threshold
        verdict = "unsupported" if bad else "supported"
        evidence = Evidence(chain.answer, 0, len(chain.answer), verdict, value, flaws=(Flaw(0, 2, "words"),))
        return Score(value, "unfaithful" if bad else "faithful", evidence=(evidence,), passed=not bad)


def row(answer: str, good: bool, source: str = "a", **more: Any) -> Labelled:
    return Labelled("q", ("p",), answer, {"faithfulness": good}, source=source, **more)


def test_auc_by_hand() -> None:
    assert auc([0.9, 0.8, 0.3, 0.8], [True, True, False, False]) == 0.875
    assert auc([1, 2, 3], [False, True, True]) == 1
    assert auc([1, 1], [False, True]) == 0.5
    assert auc([1, 2], [True, True]) is None
    assert auc([], []) is None


@given(st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=2, max_size=30))
def test_auc_of_the_opposite_is_the_complement(pairs: list[tuple[float, bool]]) -> None:
    values, good = [p[0] for p in pairs], [p[1] for p in pairs]
    one, other = auc(values, good), auc([1 - v for v in np.round(values, 6)], good)
    if one is not None and other is not None and len(set(np.round(values, 6))) == len(set(values)):
        assert one == pytest.approx(1 - other)


def test_f1_by_hand() -> None:
    assert f1([True, True, False, False], [True, False, True, False]) == 0.5
    assert f1([False], [True]) == 0
    assert f1([True], [False]) is None


def test_span_f1_counts_characters_once() -> None:
    assert span_f1([[(0, 4)]], [[(2, 6)]]) == pytest.approx(0.5)
    assert span_f1([[(0, 4), (2, 6)]], [[(0, 6)]]) == 1
    assert span_f1([[]], [[(0, 2)]]) == 0
    assert span_f1([[(0, 2)]], [[]]) is None


def test_ece_by_hand() -> None:
    assert ece([0.9, 0.9, 0.1], [True, False, False]) == pytest.approx((0.4 * 2 + 0.1) / 3)
    assert ece([1.0, 0.0], [True, False]) == 0
    assert ece([], []) is None


def test_bootstrap_draws_whole_sources_and_repeats_itself() -> None:
    sources = [str(i // 4) for i in range(80)]
    values = np.arange(80) % 7 / 7
    interval = bootstrap_interval(lambda i: float(values[i].mean()), sources)
    assert interval is not None
    low, high = interval
    assert low < values.mean() < high
    assert interval == bootstrap_interval(lambda i: float(values[i].mean()), sources)
    assert bootstrap_interval(lambda i: 1.0, ["a", "a"]) is None
    assert bootstrap_interval(lambda i: None, ["a", "b"]) is None


def test_agree_compares_scores_with_labels() -> None:
    rows = [
        row("a", True, "s1", task="qa", generator="g", spans=()),
        row("abcd", False, "s2", task="qa", generator="g", spans=((0, 4),)),
        row("ab", True, "s3", task="summary"),
        row("abc", False, "s4", task="summary"),
        row("", False, "s5"),
    ]
    found = agree(rows, Length())
    assert (found.n, found.n_good, found.skipped) == (5, 2, {"empty_answer": 1})
    assert found.auc == {"all": pytest.approx((2 + 2 + 0.5 + 0) / 6), "qa": 1.0, "summary": 1.0}
    assert found.auc_scored == 1
    assert found.f1 == pytest.approx(2 * 2 / (2 + 3))
    assert found.span_f1 == pytest.approx(2 * 2 / (2 + 4))
    assert found.by_generator["g"]["n"] == 2
    assert found.threshold == 0.5
    stored = json.loads(json.dumps(found.as_json()))
    assert stored["evaluator"] == "faithfulness"
    assert stored["version"] == "7"
    assert set(stored["ms"]) == {"p50", "p95"}
    assert set(stored) >= {
        "n",
        "skipped",
        "auc",
        "f1",
        "span_f1",
        "ece",
        "ms",
        "intervals",
        "by_generator",
        "threshold",
    }


def test_rows_without_a_label_for_the_evaluator_are_not_counted() -> None:
    other = Labelled("q", ("p",), "a", {"context_relevance": True})
    assert agree([other, row("a", True), row("abc", False)], Length()).n == 2
    with pytest.raises(ValueError, match="no row has a label"):
        agree([other], Length())


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
