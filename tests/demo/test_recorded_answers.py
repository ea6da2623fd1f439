"""The recorded answers are what their README says they are."""

from collections import Counter

from groundwire.demo.answers import recorded_answers


def test_there_are_three_of_each_kind_for_each_model() -> None:
    kinds = Counter((entry.generator, entry.hallucinated) for entry in recorded_answers())
    assert len(kinds) == 12
    assert set(kinds.values()) == {3}
    assert len(recorded_answers()) == 36


def test_every_question_has_a_source_and_three_passages_of_its_own() -> None:
    answers = recorded_answers()
    assert len({entry.source_id for entry in answers}) == len(answers)
    assert len({entry.question for entry in answers}) == len(answers)
    assert all(len(entry.passages) == 3 and all(entry.passages) for entry in answers)


def test_marks_are_inside_their_answers() -> None:
    marks = [(entry, mark) for entry in recorded_answers() for mark in entry.marks]
    assert len(marks) >= 18
    assert all(0 <= mark.start < mark.end <= len(entry.answer) for entry, mark in marks)
    assert {mark.type for _, mark in marks} <= {
        "Evident Conflict",
        "Evident Baseless Info",
        "Subtle Conflict",
        "Subtle Baseless Info",
    }
