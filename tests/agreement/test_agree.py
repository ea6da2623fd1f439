import json
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from groundwire.agreement import Confusion, agree, auc, bootstrap_interval, ece, f1, judge, measure, span_f1
from groundwire.agreement.grouping import checked
from groundwire.errors import ConfigurationError
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


@settings(deadline=None)
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


def test_each_row_is_judged_once() -> None:
    seen: list[str] = []

    @dataclass(frozen=True)
    class Counts:
        name: str = "faithfulness"
        version: str = "1"

        def evaluate(self, chain: RagChain, /) -> Score:
            seen.append(chain.answer)
            return Score(0.5, "partly")

    agree([row("a", True), row("b", False)], Counts())
    assert seen == ["a", "b"]


def test_an_evaluator_that_raises_stops_nothing_and_is_told() -> None:
    @dataclass(frozen=True)
    class Breaks:
        name: str = "faithfulness"
        version: str = "1"

        def evaluate(self, chain: RagChain, /) -> Score:
            if chain.answer == "b":
                raise OSError("no line")
            return Score(0.2, "unfaithful", passed=False, model="m", cost_usd=0.25)

    found = agree([row("a", False), row("b", False), row("c", True)], Breaks())
    assert (found.failed, found.first_error) == ({"OSError": 1}, "OSError: no line")
    assert found.confusion == Confusion(caught=1, missed=1, false_alarms=1, cleared=0)
    assert (found.models, found.cost_usd) == ({"m": 2}, 0.5)


def test_values_without_verdicts_flag_nothing_unless_a_threshold_is_given() -> None:
    @dataclass(frozen=True)
    class Bare:
        name: str = "faithfulness"
        version: str = "1"

        def evaluate(self, chain: RagChain, /) -> Score:
            return Score(len(chain.answer) / 10, "some")

    rows = [row("a", False), row("abcdefgh", True)]
    assert measure(judge(rows, Bare())).confusion is None
    assert measure(judge(rows, Bare())).f1 is None
    assert measure(judge(rows, Bare(), threshold=0.5)).confusion == Confusion(1, 0, 0, 1)


def test_the_label_to_compare_with_can_be_named() -> None:
    rows = [Labelled("q", ("p",), "a", {"tone": True, "length": False})]
    assert judge(rows, Length(), label="tone").good.tolist() == [True]
    with pytest.raises(ValueError, match="no row has a label for 'taste'; there are labels for length, tone"):
        judge(rows, Length(), label="taste")


def test_an_evaluator_of_another_name_takes_the_only_label() -> None:
    found = judge([row("a", True), row("abc", False)], Length(name="mine"))
    assert found.good.tolist() == [True, False]
    assert found.labels == {"faithfulness": 2}


def test_marks_are_flaws_or_whole_sentences() -> None:
    rows = [row("abcd", False, spans=((0, 4),))]
    assert judge(rows, Length()).characters.tolist() == [[2, 2, 4]]
    assert judge(rows, Length(), spans_as="sentences").characters.tolist() == [[4, 4, 4]]


def test_groups_divide_the_rows() -> None:
    rows = [
        row("a", True, "s1", task="qa", columns={"team": "red"}),
        row("a b " * 20, False, "s2", task="qa", columns={"team": "blue"}),
        row("ab", False, "s3", task="sum"),
    ]
    found = agree(rows, Length(), by=("task", "length", "team"))
    assert {k: {n: g["n"] for n, g in v.items()} for k, v in found.groups.items()} == {
        "task": {"qa": 2, "sum": 1},
        "length": {"to 25 words": 2, "26 to 50": 1},
        "team": {"blue": 1, "red": 1},
    }
    assert found.groups["task"]["qa"] == {
        "n": 2, "bad": 1, "auc": 1.0, "f1": 1.0, "balanced_accuracy": 1.0, "tpr": 1.0, "tnr": 1.0, "span_f1": None,
        "ece": pytest.approx((0 + 1 / 80) / 2),
    }  # fmt: skip
    checked(rows, ["team"])
    with pytest.raises(ConfigurationError, match="no row has a value for 'hue'; there are file, generator, length"):
        checked(rows, ["hue"])


@dataclass(frozen=True, slots=True)
class Told:
    """Passages say their own relevance."""

    name: str = "context_relevance"
    version: str = "1"

    def evaluate(self, chain: RagChain, /) -> Score:
        value = float(chain.passages[0].text)
        return Score(value, "relevant", passed=value >= 0.5)


def candidate(question: str, value: float, good: bool) -> Labelled:
    return Labelled(question, (str(value),), "", {"context_relevance": good}, source=question)


def test_mean_average_precision_is_over_questions_that_have_both_kinds() -> None:
    rows = [
        candidate("q1", 0.9, False), candidate("q1", 0.8, True), candidate("q1", 0.1, True),
        candidate("q2", 0.9, True), candidate("q2", 0.2, False),
        candidate("only good", 0.5, True), candidate("only bad", 0.5, False),
    ]  # fmt: skip
    found = agree(rows, Told())
    assert found.questions == 2
    assert found.map == pytest.approx(((1 / 2 + 2 / 3) / 2 + 1) / 2)
    interval = found.intervals["map"]
    assert interval is not None
    assert interval[0] < found.map < interval[1]


def test_answers_to_one_question_are_no_ranking() -> None:
    assert agree([row("a", True), row("abc", False)], Length()).map is None


def test_rows_without_a_label_for_the_evaluator_are_not_counted() -> None:
    other = Labelled("q", ("p",), "a", {"context_relevance": True})
    found = agree([other, row("a", True), row("abc", False)], Length())
    assert (found.n, found.unlabelled) == (2, 1)
    with pytest.raises(ValueError, match="no row has a label"):
        agree([other], Length())
