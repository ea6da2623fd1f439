import pytest

from groundwire_evaluators.swaps import Swaps, find_swaps
from groundwire_evaluators.words import Words, read_words


def words(text: str) -> Words:
    return read_words(text, 0, len(text))


def swaps(sentence: str, statement: str) -> Swaps:
    return find_swaps(words(sentence), words(statement), near_copy=True)


@pytest.mark.parametrize(
    ("statement", "sentence"),
    [
        ("Brazil beat Germany 7-1.", "Germany beat Brazil 7-1."),
        ("Irene Joliot taught Marie Curie physics.", "Marie Curie taught Irene Joliot."),
        ("Acme has acquired Globex for cash.", "Globex has acquired Acme."),
        ("Brazil was beaten by Germany.", "Germany was beaten by Brazil."),
    ],
)
def test_a_subject_that_was_the_object_is_found(statement: str, sentence: str) -> None:
    assert swaps(sentence, statement).names


@pytest.mark.parametrize(
    ("statement", "sentence"),
    [
        ("Brazil beat Germany 7-1.", "Brazil beat Germany."),
        ("Brazil beat Germany.", "Germany was beaten by Brazil."),
        ("In Berlin, Spain beat France.", "Spain beat France in Berlin."),
        ("Rome and Paris joined London.", "Paris and Rome joined London."),
        ("Alice met Bob in Rome. Bob left.", "Alice met Bob."),
    ],
)
def test_another_order_with_the_same_meaning_is_not(statement: str, sentence: str) -> None:
    assert not swaps(sentence, statement).names


def test_numbers_that_changed_owners_are_found() -> None:
    statement = "The Lakers have 7 wins and the Bulls have 5 wins."
    assert len(swaps("The Lakers have 5 wins and the Bulls have 7 wins.", statement).numbers) == 2
    assert not swaps("The Bulls have 5 wins and the Lakers have 7 wins.", statement).numbers


@pytest.mark.parametrize(
    ("statement", "sentence", "named"),
    [
        ("The shop is open on Sunday.", "The shop is not open on Sunday.", "open"),
        ("Dogs are not allowed inside.", "Dogs are allowed inside.", "allowed"),
        ("The drug didn\u2019t help patients.", "The drug helped patients.", "helped"),
    ],
)
def test_what_is_denied_on_one_side_alone_is_found(statement: str, sentence: str, named: str) -> None:
    read = words(sentence)
    assert [read.raw[i] for i in find_swaps(read, words(statement), near_copy=True).denied] == [named]


def test_negations_of_a_loose_match_are_not_compared() -> None:
    found = find_swaps(words("The shop is not open."), words("The shop is open."), near_copy=False)
    assert not found.denied


def test_a_negation_on_both_sides_agrees() -> None:
    assert not swaps("Dogs are never allowed.", "Dogs are not allowed inside.").denied


@pytest.mark.parametrize("text", ["", "A", "not", "A A A", "A 1 A 1", "No no. No, not 3."])
def test_a_text_against_itself_has_no_swaps(text: str) -> None:
    assert swaps(text, text) == Swaps()
