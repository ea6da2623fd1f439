import pytest

from groundwire_evaluators.quantities import QuantityIndex, quantities
from groundwire_evaluators.tokens import TOKEN


def index(text: str) -> QuantityIndex:
    made = QuantityIndex()
    made.add(quantities(TOKEN.findall(text), ordinals=True))
    return made


def supported(passage: str, claim: str) -> bool:
    known = index(passage)
    found = quantities(TOKEN.findall(claim))
    assert found
    return all(known.supports(q) for q in found)


@pytest.mark.parametrize(
    ("passage", "claim"),
    [
        ("330 metres", "330 m"),
        ("330 metres", "330"),
        ("about 23.70 dollars", "about 24"),
        ("23.7 percent", "23.70%"),
        ("49,400 a year", "49400"),
        ("2.5 million people", "2,500,000"),
        ("2,483,112 people", "2.5 million"),
        ("twenty-three people", "23"),
        ("one hundred and five", "105"),
        ("a dozen eggs", "12 eggs"),
        ("3 doses", "three doses"),
        ("17:0-21:0", "5 PM to 9 PM"),
        ("open until 5 p.m.", "until 17:00"),
        ("from 9:00 am", "9 am"),
        ("in the 1990s", "1990"),
        ("2020-01-09", "9 2020"),
        ("2,100 visitors", "roughly 2,000"),
        ("36 eggs", "three dozen eggs"),
        ("two friends", "a couple of friends"),
        ("half of them", "50 %"),
        ("66.7 %", "two-thirds"),
        ("2/3 of it", "two thirds of it"),
        ("58 %", "more than half of it"),
        ("29.6 %", "about 30 %"),
        ("29.6 %", "30%"),
        ("1,200,000 people", "over 1 million people"),
        ("1,960,000", "nearly 2 million"),
        ("5 kilometres", "5 km"),
        ("60 km/h", "60 km per hour"),
        ("60 mph", "60 miles per hour"),
        ("third place", "3rd place"),
        ("2\u00bd cups", "2.5 cups"),
        ("\u00bd cup", "1/2 cup"),
        ("two and a half hours", "2.5 hours"),
        ("4 out of 5", "4/5"),
        ("$5 million", "5 million dollars"),
        ("\u00a35m", "5 million pounds"),
        ("1.234.567", "1234567"),
        ("12,34,567", "1,234,567"),
        ("17:0-21:0", "5-9 PM"),
        ("noon", "12 PM"),
        ("5.30pm", "17:30"),
        ("2021-05-03", "5/3/2021"),
        ("5/3/2021", "2021"),
        ("\u0663\u0664\u0665", "345"),
        ("\uff13\uff14\uff15", "345"),
    ],
)
def test_the_same_amount_written_otherwise_is_supported(passage: str, claim: str) -> None:
    assert supported(passage, claim)


@pytest.mark.parametrize(
    ("passage", "claim"),
    [
        ("330 metres", "350 metres"),
        ("1889", "1887"),
        ("1889.4", "1889 and 1890"),
        ("330 metres", "330 feet"),
        ("17:0-21:0", "6 PM"),
        ("2.5 million", "3.5 million"),
        ("5 people", "50 people"),
        ("", "7"),
        ("330 km", "330 miles"),
        ("60 mph", "60 km/h"),
        ("$5", "\u20ac5"),
        ("1,200,000", "over 3 million"),
        ("900", "over 1000"),
        ("29.6 %", "35 %"),
        ("40 %", "half of them"),
        ("a third of them", "half of them"),
        ("1/2", "1/3"),
    ],
)
def test_another_amount_is_not(passage: str, claim: str) -> None:
    assert not supported(passage, claim)


def test_a_figure_in_another_unit_is_told_apart_from_one_that_is_absent() -> None:
    known = index("The tower is 330 metres tall")
    (feet,) = quantities(TOKEN.findall("330 feet"))
    (more,) = quantities(TOKEN.findall("350 metres"))
    assert known.clashes_in_unit(feet)
    assert not known.clashes_in_unit(more)


@pytest.mark.parametrize(
    "text",
    [
        "one",
        "thousands of people",
        "the first one",
        "no numbers",
        "",
        "in half",
        "a third person",
        "the second half",
        "Passage 2",
    ],
)
def test_vague_words_are_no_figures(text: str) -> None:
    assert quantities(TOKEN.findall(text)) == []


@pytest.mark.parametrize("text", ["9" * 500, "1.2.3.4", "٣٤", "²", "99:99:99:99", "one hundred " * 400, "1e400"])
def test_odd_figures_do_no_harm(text: str) -> None:
    known = index(text)
    for q in quantities(TOKEN.findall(text)):
        assert known.supports(q)


@pytest.mark.parametrize(
    "text", ["²A", "①", "1.234,5", "1.2,3.4", "1,2.3,4", "x² is 4", "½ cup", "3² m", "²/³", "12²:30"]
)
def test_superscripts_and_circled_digits_are_no_figures_and_break_nothing(text: str) -> None:
    quantities(TOKEN.findall(text))
