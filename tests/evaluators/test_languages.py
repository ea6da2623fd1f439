import pytest

from groundwire_evaluators.languages import language_conflict, writes_without_spaces
from groundwire_evaluators.tokens import TOKEN, plain, stem, token_pattern

ENGLISH = "The Eiffel Tower is 330 metres tall. It was completed in 1889 and it stands in the city of Paris."
GERMAN = "Der Turm ist 330 Meter hoch und wurde im Jahr 1889 von der Firma Eiffel in Paris gebaut."
FRENCH = "La tour fait 330 m\u00e8tres de haut et elle est dans la ville de Paris, sur le Champ-de-Mars."
NAMES = "Paris Berlin Madrid Rome London Vienna Lisbon Athens Dublin Oslo Helsinki Warsaw Prague 1889 330 Budapest"
QUESTION = (
    "Which European capitals host museums showing Greek sculptures, Roman coins, Egyptian mummies, Chinese vases?"
)


@pytest.mark.parametrize(("one", "other"), [(ENGLISH, GERMAN), (GERMAN, ENGLISH), (ENGLISH, FRENCH), (FRENCH, GERMAN)])
def test_two_languages_conflict(one: str, other: str) -> None:
    assert language_conflict(one, other)


@pytest.mark.parametrize("text", [ENGLISH, GERMAN, FRENCH, NAMES, QUESTION, "330", "", "Der Turm"])
def test_a_language_does_not_conflict_with_itself_nor_with_names(text: str) -> None:
    assert not language_conflict(text, text)
    assert not language_conflict(NAMES, text)
    assert not language_conflict(QUESTION, ENGLISH)


@pytest.mark.parametrize(
    "text",
    [
        "why am i not getting a toned body if i do exercise every day",
        "oh really ? i do have a truck and a dog",
        "Can we do that, or do I need a lawyer?",
    ],
)
def test_everyday_english_is_no_polish(text: str) -> None:
    assert not language_conflict(text, ENGLISH)


@pytest.mark.parametrize(
    "text",
    [
        "Warum ist der Turm so hoch, und wer hat ihn gebaut, der in Paris steht?",
        "Wat is de hoogte van de toren en wie heeft het gebouwd in de stad?",
        "Cu\u00e1l es la altura de la torre y qui\u00e9n la construy\u00f3 en la ciudad de Par\u00eds?",
        "Jaka jest wysoko\u015b\u0107 wie\u017cy i kto j\u0105 zbudowa\u0142 w tym mie\u015bcie, i do kiedy?",
    ],
)
def test_a_question_in_another_language_conflicts(text: str) -> None:
    assert language_conflict(text, ENGLISH)


def test_scripts_conflict() -> None:
    assert language_conflict("\u041f\u0430\u0440\u0438\u0436 \u0441\u0442\u043e\u043b\u0438\u0446\u0430", ENGLISH)


def test_a_script_without_spaces_is_told_wherever_it_stands() -> None:
    chinese = "\u6771\u4eac\u306f\u65e5\u672c\u306e\u9996\u90fd\u3067\u3059\u3002"
    assert writes_without_spaces(chinese)
    assert writes_without_spaces(ENGLISH * 300 + chinese * 3_000)
    assert not writes_without_spaces(ENGLISH + chinese)
    assert not writes_without_spaces("330 ...")


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("caf\u00e9", "cafe\u0301"),
        ("co\u00adoperate", "cooperate"),
        ("to\u200bwer", "tower"),
        ("\uff34\uff4f\uff57\uff45\uff52", "Tower"),
        ("don\u2019t", "don't"),
        ("\u0643\u0650\u062a\u0627\u0628", "\u0643\u062a\u0627\u0628"),
        ("\ufb01nal", "final"),
    ],
)
def test_one_word_written_two_ways_is_one_stem(written: str, meant: str) -> None:
    for text in (written, meant):
        assert TOKEN.findall(text) == [text]
    assert stem(written) == stem(meant)


def test_digits_of_any_script_are_digits() -> None:
    assert [plain(t) for t in TOKEN.findall("\u0663\u0663\u0660 \uff13\uff13\uff10 \u0969\u0969\u0966")] == ["330"] * 3


def test_the_quick_pattern_finds_what_the_full_one_finds() -> None:
    text = "Don't pay $2.50 for 1,000 [1, 2] it_is 5% 3/14/2021 10:30 a-b [x] \x00"
    assert token_pattern(text) is not TOKEN
    assert token_pattern(text).findall(text) == TOKEN.findall(text)
