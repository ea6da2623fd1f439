import pytest

from groundwire_evaluators.refusal import abstention, declines
from groundwire_evaluators.sentences import sentences


def kind(text: str) -> str:
    return abstention([text[a:b] for a, b in sentences(text)])


@pytest.mark.parametrize(
    "text",
    [
        "I don't know.",
        "I’m sorry, but I cannot answer that.",
        "The passages do not mention his salary.",
        "The provided context does not contain information about this. Please consult the website.",
        "There is no information about the price in the documents.",
        "Unable to answer based on given passages.",
        "I could not find an answer to your question. Could you rephrase it?",
        "Unfortunately, I do not have information on that.",
        "Unanswerable",
        "This is not specified in the text.",
        "As an AI language model, I can't help with that.",
        "None of the documents mention the tower.",
    ],
)
def test_an_answer_that_only_declines_is_an_abstention(text: str) -> None:
    assert kind(text) == "whole"


@pytest.mark.parametrize(
    "text",
    [
        "The tower is 330 metres tall. The passages do not say who built it.",
        "The passages do not say who built it, but the tower was completed in the year 1889.",
        "I don't know the exact figure. The report of 2019 puts the population of the town at 12,000.",
    ],
)
def test_content_beside_a_refusal_is_still_content(text: str) -> None:
    assert kind(text) == "partial"


@pytest.mark.parametrize(
    "text",
    [
        "Bats do not have feathers.",
        "The law does not apply to students.",
        "The tower is not known for its colour.",
        "You cannot park here.",
        "It does not have outdoor seating.",
        "He said that he was sorry.",
        "No, the shop is closed on Sundays.",
        "The treaty contains no clause on fishing.",
        "",
    ],
)
def test_a_negative_fact_is_no_refusal(text: str) -> None:
    assert kind(text) == "none"


def test_a_single_sentence_can_be_asked_about() -> None:
    assert declines("The article doesn't say.")
    assert not declines("The article says so.")
