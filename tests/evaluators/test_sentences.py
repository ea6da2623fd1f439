import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from groundwire_evaluators.sentences import sentences


def cut(text: str) -> list[str]:
    return [text[a:b] for a, b in sentences(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("It is tall. It is old.", ["It is tall.", "It is old."]),
        ("Dr. Smith met J. K. Rowling. They spoke.", ["Dr. Smith met J. K. Rowling.", "They spoke."]),
        ("It costs $2.50. Version 1.2.3 is out.", ["It costs $2.50.", "Version 1.2.3 is out."]),
        ("The U.S. economy grew. It fell.", ["The U.S. economy grew.", "It fell."]),
        ("Use fruit, e.g. apples. Or not.", ["Use fruit, e.g. apples.", "Or not."]),
        ("See https://a.org/x.html?q=1. Then go.", ["See https://a.org/x.html?q=1.", "Then go."]),
        ('"Stop!" she said. He left.', ['"Stop!" she said.', "He left."]),
        ("It was built.[1] It fell [2].", ["It was built.[1]", "It fell [2]."]),
        ("1. First\n2. Second", ["First", "Second"]),
        ("- one\n- two\n\n* three", ["one", "two", "three"]),
        ("# Title\nBody text.", ["Title", "Body text."]),
        ("**Bold.** Then plain.", ["Bold.", "Then plain."]),
        ("A line that\ngoes on here.", ["A line that\ngoes on here."]),
        ("Really?! Yes...", ["Really?!", "Yes..."]),
        ("It opens at 5 p.m. on Monday. Come.", ["It opens at 5 p.m. on Monday.", "Come."]),
        ("Code:\n```\nx = 1. Y\n```\nDone.", ["Code:", "```\nx = 1. Y\n```", "Done."]),
        ("Paid per year.The next one.", ["Paid per year.", "The next one."]),
        ("No. We do not. See No. 5, Fig. 3.", ["No.", "We do not.", "See No. 5, Fig. 3."]),
        (
            "He lives on Main St. The house is old. St. Louis is big.",
            ["He lives on Main St.", "The house is old.", "St. Louis is big."],
        ),
        ("See https://a.org/foo.Bar for it. Done.", ["See https://a.org/foo.Bar for it.", "Done."]),
        ("> Quoted. More.\n\n| A | B |\n|---|---|\n| 1 | 2 |", ["Quoted.", "More.", "A | B", "1 | 2"]),
        ("<p>One is here.</p><p>Two is there.</p>", ["One is here.", "Two is there."]),
        ("Wait... What? Yes\u2026 No.", ["Wait...", "What?", "Yes\u2026", "No."]),
        ("He said (it was late.) Then he left.", ["He said (it was late.)", "Then he left."]),
        ("Use `a.b()`. Then `c`.", ["Use `a.b()`.", "Then `c`."]),
        ("1) one\n2) two\na) three", ["one", "two", "three"]),
        ("\u6771\u4eac\u3067\u3059\u3002\u591a\u3044\u3002", ["\u6771\u4eac\u3067\u3059\u3002", "\u591a\u3044\u3002"]),
        (
            "\u092f\u0939 \u0939\u0948\u0964 \u0935\u0939 \u0939\u0948\u0964",
            ["\u092f\u0939 \u0939\u0948\u0964", "\u0935\u0939 \u0939\u0948\u0964"],
        ),
        (
            "\u0647\u0644 \u0647\u0630\u0627\u061f \u0646\u0639\u0645.",
            ["\u0647\u0644 \u0647\u0630\u0627\u061f", "\u0646\u0639\u0645."],
        ),
        (
            "The tower was designed by the French engineer and built by\nGustave Eiffel.\nParis is old.",
            ["The tower was designed by the French engineer and built by\nGustave Eiffel.", "Paris is old."],
        ),
        (
            "the cat sat . it was j. doe 's mat . ask mr. smith at 5 p.m. on sundays . why ?",
            ["the cat sat .", "it was j. doe 's mat .", "ask mr. smith at 5 p.m. on sundays .", "why ?"],
        ),
        (
            "iPhone sales rose. The firm, e.g. its head, said so.",
            ["iPhone sales rose.", "The firm, e.g. its head, said so."],
        ),
        ("", []),
        (" \n\t ", []),
        ("... --- !!!", []),
    ],
)
def test_text_is_cut_where_a_reader_would(text: str, expected: list[str]) -> None:
    assert [s.rstrip("*") for s in cut(text)] == [s.rstrip("*") for s in expected]


@given(st.text())
def test_spans_are_ordered_apart_and_inside(text: str) -> None:
    at = 0
    for start, end in sentences(text):
        assert at <= start < end <= len(text)
        assert any(c.isalnum() for c in text[start:end])
        at = end


@given(st.text(alphabet="ab1. \n-*\"'[]!?AB"))
def test_no_letter_or_digit_but_a_list_mark_is_lost(text: str) -> None:
    kept = sum(len(t) for t in cut(text))
    assert kept <= len(text)


@pytest.mark.parametrize(
    "bad", ["." * 300_000 + "x", " " * 300_000 + "x", "a\n" * 150_000, "[1" * 150_000, "-" * 300_000]
)
def test_long_runs_of_one_character_take_linear_time(bad: str) -> None:
    began = time.perf_counter()
    sentences(bad)
    assert time.perf_counter() - began < 5
