import pytest
from hypothesis import given
from hypothesis import strategies as st

from groundwire_evaluators.dates import Day, dates, numeric_dates, unsupported_dates
from groundwire_evaluators.passages import index_passages
from groundwire_evaluators.words import read_words


def read(text: str) -> list[tuple[str, tuple[Day, ...]]]:
    words = read_words(text, 0, len(text))
    return [(" ".join(words.raw[d.start : d.end]), d.readings) for d in dates(words.raw, words.stems)]


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("on 3rd of May 2021", Day(5, 3, 2021)),
        ("on May 3, 2021", Day(5, 3, 2021)),
        ("on Jan. 5th, 1999", Day(1, 5, 1999)),
        ("in September 2001", Day(9, None, 2001)),
        ("in Sept 2001", Day(9, None, 2001)),
        ("on 14 December", Day(12, 14)),
    ],
)
def test_a_date_is_read_as_it_is_written(text: str, day: Day) -> None:
    assert read(text)[0][1] == (day,)


def test_a_short_year_may_be_a_day() -> None:
    assert read("in May '21")[0][1] == (Day(5, 21), Day(5, None, 2021))


@pytest.mark.parametrize("text", ["you may 3 times", "May", "March on", "in 1999", "may 5"])
def test_no_date_without_a_month_and_a_figure(text: str) -> None:
    assert read(text) == []


def test_dates_in_digits_are_read_both_ways_where_both_can_be() -> None:
    assert numeric_dates("2021-05-03") == [Day(5, 3, 2021)]
    assert set(numeric_dates("5/3/2021")) == {Day(5, 3, 2021), Day(3, 5, 2021)}
    assert numeric_dates("14/03/99") == [Day(3, 14, 1999)]
    assert numeric_dates("1/2 and 99/99/99 and 12-34-56") == []


def unsupported(passage: str, claim: str) -> int:
    words = read_words(claim, 0, len(claim))
    return len(unsupported_dates(dates(words.raw, words.stems), index_passages([passage]).days))


@pytest.mark.parametrize(
    ("passage", "claim"),
    [
        ("It began on 2021-05-03.", "It began on 3 May 2021."),
        ("It began on 5/3/2021.", "It began on May 3, 2021."),
        ("It began on May 3, 2021.", "It began in May 2021."),
        ("It began on May 3.", "It began on the 3rd of May, 2021."),
        ("It began in 2021.", "It began in May 2021."),  # the month is new: that is for other checks
    ],
)
def test_a_date_that_agrees_passes(passage: str, claim: str) -> None:
    assert unsupported(passage, claim) == 0


@pytest.mark.parametrize(
    ("passage", "claim"),
    [
        ("It began on May 3, 2021 and ended on June 9, 2022.", "It began on May 9, 2021."),
        ("It began on May 3, 2021 and ended on June 9, 2022.", "It ended in June 2021."),
        ("It began on 2021-05-03.", "It began on 5 May 2021."),
    ],
)
def test_day_month_and_year_must_stand_together(passage: str, claim: str) -> None:
    assert unsupported(passage, claim) == 1


@given(st.text(alphabet="May June 0123456789-/.,' thrdof\n"))
def test_any_text_gives_dates_inside_it(text: str) -> None:
    words = read_words(text, 0, len(text))
    for d in dates(words.raw, words.stems):
        assert 0 <= d.start < d.end <= len(words.raw)
    assert all(1 <= d.month <= 12 for d in numeric_dates(text))
