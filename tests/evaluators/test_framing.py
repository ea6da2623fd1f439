import pytest

from groundwire_evaluators.framing import claimed_words, lead_in


def claimed(text: str) -> str:
    return " ".join(claimed_words(text, 0, len(text)).raw)


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("Based on the given passages, the tower is old.", "the tower is old"),
        ("Based on the information provided in Passage 2, it is old.", "it is old"),
        ("According to the manual, press the button.", "press the button"),
        ("However, it's important to note that not all agree.", "not all agree"),
        ("Please note that it rains.", "it rains"),
        ("The article states that he left.", "he left"),
        ("The tower is old (Passages 1 and 3).", "The tower is old"),
        ("The tower is old [Source 2].", "The tower is old"),
        ("As stated in the text, it is old.", "it is old"),
    ],
)
def test_what_leads_to_a_claim_is_left_out(text: str, left: str) -> None:
    assert claimed(text) == left


@pytest.mark.parametrize(
    "text",
    [
        "The passage of time heals.",
        "According to Ada Lovelace, it is old.",
        "He documents 3000 cases.",
        "It is important to eat well.",
        "Note the 3 rules.",
        "Information is power.",
    ],
)
def test_a_claim_about_such_words_stays_whole(text: str) -> None:
    assert claimed(text) == " ".join(text.replace(",", "").replace(".", "").split())


def test_bounds_and_places_stay_those_of_the_sentence() -> None:
    text = "Well. According to the text, 330 metres (Passage 1) it is."
    words = claimed_words(text, 6, len(text))
    assert (words.start, words.end) == (6, len(text))
    assert [text[at : at + len(raw)] for at, raw in zip(words.starts, words.raw, strict=True)] == list(words.raw)
    assert [q.value for q in words.numbers] == [330.0]
    assert [words.raw[i] for i in words.content] == ["330", "metres"]


def test_a_sentence_that_only_leads_in_keeps_its_words() -> None:
    text = "According to the passages, "
    assert lead_in(text, 0, len(text)) == 0


def test_assent_and_denial_before_a_claim_are_no_part_of_it() -> None:
    for text, claim in (
        ("No, it is open on Sundays.", "it is open on Sundays."),
        ("Yes \u2014 the tower is tall.", "the tower is tall."),
        ("No pets are allowed.", "No pets are allowed."),
    ):
        assert text[lead_in(text, 0, len(text)) :] == claim
