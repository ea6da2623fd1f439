import pytest
from hypothesis import given
from hypothesis import strategies as st

from groundwire_evaluators.wordpiece import WordPiece

WORDS = WordPiece(
    ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "paris", "is", "big", "##gest", "330", "m", ".", "cafe", "##s", "5"]
)


def pieces(text: str) -> list[tuple[str, str]]:
    cut = WORDS.encode(text)
    return [(WORDS.tokens[i], text[a:b]) for i, a, b in zip(cut.ids, cut.starts, cut.ends, strict=True)]


def test_words_are_cut_into_the_longest_known_pieces_and_keep_their_place() -> None:
    assert pieces("Paris is  biggest.") == [
        ("paris", "Paris"), ("is", "is"), ("big", "big"), ("##gest", "gest"), (".", "."),
    ]  # fmt: skip


def test_accents_and_case_do_not_matter_and_offsets_are_of_the_text_as_written() -> None:
    assert pieces("CAFÉS") == [("cafe", "CAFÉ"), ("##s", "S")]
    decomposed = "cafe\u0301s"
    assert [t for t, _ in pieces(decomposed)] == ["cafe", "[UNK]", "[UNK]"] or pieces(decomposed)[0][0] == "cafe"


def test_a_word_without_pieces_is_one_unknown() -> None:
    assert pieces("zebra m") == [("[UNK]", "zebra"), ("m", "m")]
    assert pieces("x" * 500) == [("[UNK]", "x" * 500)]


def test_a_part_of_a_text_is_cut_alone() -> None:
    cut = WORDS.encode("Paris is big", 6, 8)
    assert (cut.starts, cut.ends) == ([6], [8])


def test_ideographs_stand_alone() -> None:
    assert [text for _, text in pieces("巴黎")] == ["巴", "黎"]


@given(st.text(max_size=300))
def test_pieces_of_any_text_lie_in_order_inside_it(text: str) -> None:
    cut = WORDS.encode(text)
    assert all(0 <= a < b <= len(text) for a, b in zip(cut.starts, cut.ends, strict=True))
    assert cut.starts == sorted(cut.starts)
    assert WORDS.encode(text) == cut


def test_a_vocabulary_without_unknown_is_refused() -> None:
    with pytest.raises(KeyError):
        WordPiece(["paris"])
