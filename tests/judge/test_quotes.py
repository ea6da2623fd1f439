"""Quotations are found where they stand, and nowhere else."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from groundwire.judge.quotes import Searchable, content, locate

TEXT = "On 3 May 2019, the “Café Zürich” – a co-op –\n sold 1,330 cups… of coffee (ﬁne).  It's 50% off."


@pytest.mark.parametrize(
    "quote",
    [
        "the “Café Zürich”",
        '"Café Zürich"',
        "CAFÉ zürich",
        "a co-op - sold 1,330 cups",
        "A CO-OP",
        "coffee (fine)",
        "It’s 50% off.",
        "sold 1,330 cups… of coffee",
        "sold 1,330 cups... of coffee",
        "the “Café Zürich” ... of coffee (fine)",
        "On 3 May 2019 [...] sold 1,330",
        "  3 May\n2019  ",
    ],
)
def test_a_quotation_is_found(quote: str) -> None:
    assert Searchable.of(TEXT).find(quote) is not None


@pytest.mark.parametrize(
    "quote",
    [
        "",
        " ",
        "...",
        "a",
        "of",
        "330 cups",
        "sold 1",
        "1,33",
        "the Café Bern",
        "coffee ... On 3 May 2019",
        "off ... sold",
    ],
)
def test_what_is_not_there_is_not_found(quote: str) -> None:
    assert Searchable.of(TEXT).find(quote) is None


def test_offsets_are_those_of_the_original() -> None:
    span = Searchable.of(TEXT).find("a co-op - sold")
    assert span is not None
    assert TEXT[slice(*span)] == "a co-op –\n sold"
    ligature = Searchable.of(TEXT).find("(fine)")
    assert ligature is not None
    assert TEXT[slice(*ligature)] == "(ﬁne)"


def test_a_quotation_in_a_script_without_spaces_is_found() -> None:
    text = "塔の高さは330メートルです。"
    span = Searchable.of(text).find("高さは330メートル")
    assert span is not None
    assert text[slice(*span)] == "高さは330メートル"


def test_a_long_passage_takes_no_longer_than_its_length() -> None:
    def seconds(length: int) -> float:
        text = "Näive word's " * (length // 13)
        started = time.thread_time()
        Searchable.of(text).find("not there at all")
        return time.thread_time() - started

    seconds(1000)
    assert seconds(800_000) < 40 * max(seconds(80_000), 0.01)


@pytest.mark.parametrize("quote", [" " * 200_000, "a " * 100_000, "... " * 50_000, "[" * 200_000, "\u200b" * 100_000])
def test_a_huge_quotation_takes_no_time(quote: str) -> None:
    started = time.thread_time()
    assert Searchable.of(TEXT).find(quote) is None
    assert time.thread_time() - started < 0.5


def test_the_named_passage_is_looked_at_first_and_a_wrong_number_does_no_harm() -> None:
    texts = [Searchable.of(t) for t in ("one fact here", "one fact here too")]
    assert locate("one fact here", texts, 1) == (1, 0, 13)
    assert locate("one fact here", texts, 7) == (0, 0, 13)
    assert locate("one fact here", texts, -1) == (0, 0, 13)
    assert locate("another fact", texts, 0) is None


@given(st.text(max_size=60), st.text(max_size=20), st.text(max_size=20))
def test_whatever_stands_between_spaces_is_found_at_its_place(middle: str, before: str, after: str) -> None:
    text = f"{before} {middle} {after}"
    span = Searchable.of(text).find(middle)
    if span is not None:
        start, end = span
        assert 0 <= start < end <= len(text)
        assert Searchable.of(text[start:end]).text.strip(" \"'")


@given(st.text(max_size=200), st.text(max_size=40))
def test_looking_never_fails(text: str, quote: str) -> None:
    found = Searchable.of(text)
    assert len(found.places) == len(found.text) + 1
    found.find(quote)
    content(text)
