import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from groundwire.model import Evaluator, Passage, RagChain, Score, Skipped
from groundwire_evaluators.answer_relevance import AnswerRelevance
from groundwire_evaluators.context_relevance import ContextRelevance, average_precision
from groundwire_evaluators.questions import read_question

TOWER = "The Eiffel Tower is 330 metres tall. It was completed in 1889."
REFUND = "Refunds are accepted within 30 days of purchase. Items must be unused."
OFFICE = "Our office is open from 9 am to 5 pm, Monday to Friday."
FRUIT = "Bananas are rich in potassium and are grown in tropical regions."
SDK = "Groundwire is a tracing SDK. It supports OpenAI, Chroma and Qdrant."


def context(question: str | None, *passages: str) -> Score | Skipped:
    return ContextRelevance(tier="lexical").evaluate(RagChain(question, tuple(Passage(p) for p in passages), "x"))


def answer(question: str | None, text: str, *passages: str) -> Score | Skipped:
    return AnswerRelevance().evaluate(RagChain(question, tuple(Passage(p) for p in passages), text))


ANSWERED = [
    ("How tall is the Eiffel Tower?", TOWER),
    ("When was the Eiffel Tower completed?", TOWER),
    ("What is the refund policy?", REFUND),
    ("How many days do I have to return an item?", REFUND),
    ("Which vector stores does Groundwire support?", SDK),
    ("eiffel tower height", TOWER),
]


@pytest.mark.parametrize(("question", "good"), ANSWERED)
def test_with_the_local_model_too_the_passage_that_answers_ranks_first(question: str, good: str) -> None:
    passages = [p for p in (TOWER, REFUND, SDK, FRUIT) if p != good] + [good]
    result = ContextRelevance(tier="local").evaluate(RagChain(question, tuple(map(Passage, passages)), "x"))
    assert isinstance(result, Score)
    assert max(result.evidence, key=lambda e: e.probability).passage == 3
    assert [e.verdict for e in result.evidence[:3]] == ["irrelevant"] * 3


@pytest.mark.parametrize(("question", "good"), ANSWERED)
def test_the_passage_that_answers_ranks_above_the_others_and_is_relevant(question: str, good: str) -> None:
    others = [p for p in (TOWER, REFUND, SDK, FRUIT) if p != good]
    result = context(question, *others, good)
    assert isinstance(result, Score)
    assert result.label == "relevant"
    assert result.passed
    assert [e.verdict for e in result.evidence] == ["irrelevant"] * 3 + ["relevant"]
    assert result.value == result.evidence[3].probability
    assert result.details["precision"] == 0.25
    assert result.details["average_precision"] == 0.25


def test_a_prompt_without_a_relevant_passage_fails() -> None:
    result = context("How tall is the Eiffel Tower?", FRUIT, REFUND)
    assert isinstance(result, Score)
    assert (result.label, result.passed) == ("irrelevant", False)
    assert result.value < 0.3
    assert result.details["average_precision"] == 0


def test_only_passages_in_the_prompt_are_judged_under_their_place_in_the_chain() -> None:
    chain = RagChain("How tall is the tower?", (Passage(TOWER, in_prompt=False), Passage(FRUIT), Passage(TOWER)), "x")
    result = ContextRelevance().evaluate(chain)
    assert isinstance(result, Score)
    assert [e.passage for e in result.evidence] == [1, 2]


@pytest.mark.parametrize(
    ("question", "passages", "reason"),
    [
        (None, (TOWER,), "no_question"),
        ("  ", (TOWER,), "no_question"),
        ("Why?", (TOWER,), "no_question"),
        ("How tall?", (), "no_passages"),
        ("東京はどこですか", (TOWER,), "language"),
        ("Какая высота у Эйфелевой башни?", (TOWER,), "language"),
    ],
)
def test_context_that_cannot_be_judged_is_skipped(question: str | None, passages: tuple[str, ...], reason: str) -> None:
    result = context(question, *passages)
    assert isinstance(result, Skipped)
    assert result.reason == reason


@pytest.mark.parametrize(
    ("hits", "expected"),
    [([], 0.0), ([False], 0.0), ([True], 1.0), ([True, False, True], (1 + 2 / 3) / 2), ([False, True], 0.5)],
)
def test_average_precision_by_hand(hits: list[bool], expected: float) -> None:
    assert average_precision(hits) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("question", "text", "passages"),
    [
        ("How tall is the Eiffel Tower?", "The Eiffel Tower is 330 m tall.", (TOWER,)),
        ("How tall is the Eiffel Tower?", "330 metres", (TOWER,)),
        ("When was it completed?", "1889", (TOWER,)),
        ("What is the refund policy?", "You can return unused items within 30 days for a refund.", (REFUND,)),
        ("Can I return used items?", "No, items must be unused.", (REFUND,)),
        ("Are you open on Sunday?", "No, the office is only open Monday to Friday.", (OFFICE,)),
        ("Are you open on Sunday?", "Yes.", (OFFICE,)),
    ],
)
def test_an_answer_to_the_question_is_relevant(question: str, text: str, passages: tuple[str, ...]) -> None:
    result = answer(question, text, *passages)
    assert isinstance(result, Score)
    assert (result.label, result.passed) == ("relevant", True)


@pytest.mark.parametrize(
    ("question", "text"),
    [
        ("How tall is the Eiffel Tower?", "Bananas are rich in potassium."),
        ("How tall is the Eiffel Tower?", "It was completed in 1889."),
        ("What is the refund policy?", "The weather in Lisbon is mild."),
    ],
)
def test_an_answer_to_something_else_is_not(question: str, text: str) -> None:
    result = answer(question, text, TOWER, REFUND)
    assert isinstance(result, Score)
    assert (result.label, result.passed) == ("irrelevant", False)


@pytest.mark.parametrize("text", ["I don't know.", "The passages do not mention it."])
def test_a_refusal_serves_nobody(text: str) -> None:
    result = answer("How tall is the Eiffel Tower?", text, TOWER)
    assert isinstance(result, Score)
    assert (result.value, result.label, result.passed) == (0.0, "refusal", False)


@pytest.mark.parametrize(
    ("question", "text", "reason"),
    [(None, "x", "no_question"), ("How tall?", " ", "empty_answer"), ("How tall is it?", "とても高いです", "language")],
)
def test_an_answer_that_cannot_be_judged_is_skipped(question: str | None, text: str, reason: str) -> None:
    result = answer(question, text, TOWER)
    assert isinstance(result, Skipped)
    assert result.reason == reason


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("How many people live there?", "number"),
        ("When did it open?", "time"),
        ("Who wrote it?", "name"),
        ("Where is it?", "place"),
        ("Why did it fall?", "reason"),
        ("How does it work?", "manner"),
        ("Is it open?", "yes_no"),
        ("What is a neutron?", "thing"),
    ],
)
def test_questions_ask_for_something(text: str, kind: str) -> None:
    assert read_question(text).kind == kind


ODD = st.text(max_size=60) | st.sampled_from(["\ud800", "\0", "😀", "when 12", "Who is Ada?", "שלום", "{}", TOWER])


@settings(deadline=None, max_examples=120)
@given(ODD, ODD, st.lists(ODD, max_size=3))
def test_any_input_gives_a_judgement_in_range(question: str, text: str, passages: list[str]) -> None:
    chain = RagChain(question, tuple(Passage(p) for p in passages), text)
    for evaluator in (ContextRelevance(), AnswerRelevance()):
        assert isinstance(evaluator, Evaluator)
        result = evaluator.evaluate(chain)
        if isinstance(result, Score):
            assert 0 <= result.value <= 1
            assert result.passed == (result.label == "relevant")
            assert result == evaluator.evaluate(chain)


def test_the_order_of_passages_does_not_change_the_value() -> None:
    one, other = context("How tall is it?", TOWER, FRUIT), context("How tall is it?", FRUIT, TOWER)
    assert isinstance(one, Score)
    assert isinstance(other, Score)
    assert one.value == other.value
