from hypothesis import given, settings
from hypothesis import strategies as st

from groundwire_evaluators.evidence import (
    ELSEWHERE,
    FUNCTION,
    HELD,
    NEW,
    NEW_NAME,
    NEW_NUMBER,
    OTHER_NUMBER,
    SHARED,
    WINDOW,
    EvidenceReader,
    Window,
)  # fmt: skip
from groundwire_evaluators.passages import index_passages
from groundwire_evaluators.sentences import sentences
from groundwire_evaluators.wordpiece import WordPiece

LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789"
PIECES = WordPiece(["[PAD]", "[UNK]", "[CLS]", "[SEP]", *LETTERS, *("##" + c for c in LETTERS), ".", ",", ":"])
"""Every letter is a piece: windows fill up soon."""
WORDS = WordPiece(
    ["[PAD]", "[UNK]", "[CLS]", "[SEP]", ".", "the", "tower", "is", "330", "350", "metres", "tall", "it", "stands",
     "in", "paris", "lyon", "and", "was", "built", "by", "eiffel", "how", "wide"]
)  # fmt: skip


def windows(answer: str, passages: list[str], question: str | None = None, pieces: WordPiece = WORDS) -> list[Window]:
    return EvidenceReader(index_passages(passages), pieces).windows(answer, sentences(answer), question)


def matches(window: Window, pieces: WordPiece = WORDS) -> dict[str, int]:
    names = [pieces.tokens[i] for i in window.ids]
    return dict(zip(names[window.first :], window.matches[window.first :], strict=True))


def test_every_word_of_the_answer_says_whether_the_passages_hold_it() -> None:
    (window,) = windows("The tower is 350 metres wide in Lyon.", ["The tower is 330 metres tall. It stands in Paris."])
    found = matches(window)
    assert (found["tower"], found["metres"]) == (HELD, HELD)
    assert (found["the"], found["in"]) == (FUNCTION, FUNCTION)
    assert (found["350"], found["wide"], found["lyon"]) == (NEW_NUMBER, NEW, NEW_NAME)


def test_every_word_of_the_evidence_says_whether_the_answer_holds_it() -> None:
    (window,) = windows("The tower is 350 metres tall.", ["The tower is 330 metres tall."])
    names = [WORDS.tokens[i] for i in window.ids[: window.first]]
    there = dict(zip(names, window.matches, strict=False))
    assert (there["tower"], there["330"]) == (SHARED, OTHER_NUMBER)


def test_the_question_stands_before_the_evidence() -> None:
    (window,) = windows("The tower is tall.", ["The tower is tall."], "How tall is it?")
    names = [WORDS.tokens[i] for i in window.ids]
    assert names[:3] == ["[CLS]", "how", "tall"]
    assert window.segments == [0] * window.first + [1] * (len(window.ids) - window.first)


def test_a_word_in_a_statement_that_found_no_room_is_elsewhere() -> None:
    near = ["the tower is tall " + "and " * 10 + f"{i} ." for i in range(30)]
    answer = "The tower is tall in Paris."
    (window,) = windows(answer, [*near, "it stands " + "and " * 85 + "in paris."])
    assert matches(window)["paris"] in (ELSEWHERE, HELD)
    assert len(window.ids) <= WINDOW


def test_a_long_answer_is_read_whole_in_windows_that_keep_their_size() -> None:
    answer = " ".join(f"Sentence number {i} says that the tower is tall." for i in range(40))
    passages = [" ".join(f"The tower number {i} is tall." for i in range(200))]
    found = windows(answer, passages, pieces=PIECES)
    covered = {number for window in found for number, _, _ in window.sentences}
    assert covered == set(range(40))
    assert all(len(w.ids) <= WINDOW for w in found)


def test_a_sentence_longer_than_a_window_is_read_in_parts() -> None:
    answer = "the tower " * 400
    found = windows(answer, ["the tower is tall."], pieces=PIECES)
    ends = [e for w in found for e in w.ends]
    assert max(ends) == len(answer.rstrip())
    assert all(len(w.ids) <= WINDOW for w in found)
    assert {n for w in found for n, _, _ in w.sentences} == {0}


def test_order_of_equal_passages_changes_nothing() -> None:
    one = windows("The tower is tall.", ["The tower is tall.", "The tower is tall."])
    assert one == windows("The tower is tall.", ["The tower is tall."])


@settings(max_examples=60, deadline=None)
@given(st.lists(st.text(max_size=200), max_size=4), st.text(max_size=300), st.none() | st.text(max_size=80))
def test_windows_of_any_texts_hold_together(passages: list[str], answer: str, question: str | None) -> None:
    for window in windows(answer, passages, question, PIECES):
        n = len(window.ids)
        assert n <= WINDOW
        assert n == len(window.segments) == len(window.matches) == len(window.neighbours)
        assert window.first + len(window.starts) + 1 == n
        assert all(0 <= a < b <= len(answer) for a, b in zip(window.starts, window.ends, strict=True))
        assert [s[1] for s in window.sentences[1:]] == [s[2] for s in window.sentences[:-1]]
