"""Assertions on answers, wherever they come from."""

from dataclasses import dataclass
from typing import Any

import pytest

import groundwire
from groundwire.answers import answers
from groundwire.errors import ConfigurationError, UnknownPlugin
from groundwire.model import Evidence, Flaw, Passage, RagChain, Score, Skipped
from groundwire.testing import assert_faithful, assert_relevant, assert_score
from stored import request

TOWER = "The Eiffel Tower is 330 metres tall. It was completed in 1889."
RIGHT, WRONG = "It is 330 metres tall.", "It is 350 metres tall."


@dataclass(frozen=True)
class Says:
    """Gives what it is told to give."""

    result: Any
    name: str = "says"
    version: str = "3"
    threshold: float | None = None

    def evaluate(self, chain: RagChain, /) -> Score | Skipped:
        if isinstance(self.result, Exception):
            raise self.result
        return self.result  # type: ignore[no-any-return]


def message(call: Any) -> str:
    with pytest.raises(AssertionError) as caught:
        call()
    return str(caught.value)


# --- what holds ---


@pytest.mark.parametrize(
    ("answer", "passages"),
    [
        (RIGHT, [TOWER]),
        (RIGHT, TOWER),
        (RIGHT, ({"text": TOWER, "id": "d1"},)),
        (RIGHT, [Passage(TOWER)]),
        (RagChain("How tall?", (Passage(TOWER),), RIGHT), None),
        (RagChain("How tall?", (Passage("Bananas."),), RIGHT), [TOWER]),
    ],
)
def test_an_answer_is_anything_that_knows_its_text(answer: Any, passages: Any) -> None:
    score = assert_faithful(answer, passages)

    assert isinstance(score, Score)
    assert score.label == "faithful"


def test_stored_answers_and_rows_of_experiments_know_their_passages() -> None:
    (stored,) = answers(request(RIGHT))
    assert_faithful(stored)
    (row,) = groundwire.experiment(lambda q: (RIGHT, [TOWER]), ["How tall is it?"], []).rows
    assert_faithful(row)
    assert_relevant(row)
    with pytest.raises(AssertionError, match="below"):
        assert_faithful(stored, ["Bananas are yellow."])


def test_a_failed_row_has_nothing_to_judge() -> None:
    def fails(question: str) -> str:
        raise LookupError("gone")

    (row,) = groundwire.experiment(fails, ["Q?"], []).rows
    assert "no answer to judge: LookupError: gone" in message(lambda: assert_faithful(row))


def test_other_scores_have_their_names_and_references() -> None:
    assert_score("context_relevance", "x", [TOWER], "How tall is the Eiffel Tower?")
    assert_score("completeness", RIGHT, reference="It is 330 metres tall.", min=0.9)
    assert_score("context_recall", RIGHT, [TOWER], reference="It was completed in 1889.", min=1)


def test_a_minimum_replaces_the_threshold() -> None:
    low = Says(Score(0.3, "low", passed=False), threshold=0.5)
    high = Says(Score(0.6, "high", passed=True), threshold=0.5)

    assert_score(low, "x", min=0.3)
    assert "says 0.60, below 0.7: high" in message(lambda: assert_score(high, "x", min=0.7))
    assert "says 0.30, below 0.5: low" in message(lambda: assert_score(low, "x"))
    assert "says 0.6999, below 0.7" in message(lambda: assert_score(Says(Score(0.6999, "x")), "x", min=0.7))


# --- what does not ---


def test_a_lie_is_quoted_beside_the_nearest_passage() -> None:
    said = message(lambda: assert_faithful(f"{RIGHT} {WRONG}", ["Bananas are yellow.", TOWER], "How tall is it?"))

    assert 'unsupported: "It is 350 metres tall."' in said
    assert 'nearest, passage 2: "The Eiffel Tower is 330 metres tall. It was completed in 1889."' in said
    assert 'unsupported: "It is 330 metres tall."' not in said
    assert 'question: "How tall is it?"' in said


def test_without_a_nearest_passage_shared_words_tell_it() -> None:
    evidence = Evidence("Cats purr at night.", 0, 19, "unsupported", 0.1)
    passages = [Passage("Dogs bark."), Passage("Cats sleep at night.", "cats"), Passage("Cats purr.", in_prompt=False)]
    chain = RagChain(None, tuple(passages), "Cats purr at night.")
    said = message(lambda: assert_score(Says(Score(0.1, "bad", "x", (evidence,), passed=False)), chain))

    assert 'nearest, passage 2 [cats]: "Cats sleep at night."' in said


def test_a_long_passage_is_shown_where_it_is_nearest() -> None:
    passage = f"{'Filler words here. ' * 50}The tower is 330 m tall. {'More of it. ' * 50}"
    at = passage.index("The tower")
    flaw = Flaw(14, 17, "number")
    evidence = Evidence("The tower is 350 m tall.", 0, 24, "contradicted", 0.1, 0, at, at + 24, (flaw,))
    chain = RagChain(None, (Passage(passage),), "The tower is 350 m tall.")
    said = message(lambda: assert_score(Says(Score(0.1, "bad", "x", (evidence,), passed=False)), chain))

    assert "The tower is 330 m tall." in said
    assert 'contradicted: "The tower is 350 m tall."  (number: ' in said
    assert max(map(len, said.splitlines())) < 300


def test_what_cannot_be_judged_does_not_hold() -> None:
    assert message(lambda: assert_faithful("I don't know.", [TOWER])).startswith(
        "faithfulness could not be judged: refusal; allow=['refusal'] lets it pass"
    )
    assert "it has no passages: give passages=" in message(lambda: assert_faithful(RIGHT))
    assert "it has no question: give question=" in message(lambda: assert_relevant(RIGHT))
    assert isinstance(assert_faithful("I don't know.", [TOWER], allow=["refusal"]), Skipped)
    assert isinstance(assert_faithful("I don't know.", [TOWER], allow="refusal"), Skipped)
    with pytest.raises(AssertionError):
        assert_faithful("I don't know.", [TOWER], allow=["language"])


def test_a_broken_evaluator_does_not_hold() -> None:
    said = message(lambda: assert_score(Says(ZeroDivisionError("by \x1b[31mnothing")), "x"))

    assert said.startswith("says/3 broke: ZeroDivisionError: by ")
    assert "\x1b" not in said


def test_hostile_text_is_inert_and_giant_text_is_cut() -> None:
    said = message(
        lambda: assert_faithful("\x1b[31mIt is 350 metres tall.\x07 " + "Lies. " * 9_000, ["\x1b[2J" + TOWER])
    )

    assert "\x1b" not in said
    assert "\x07" not in said
    assert len(said) < 5_000


# --- mistakes ---


def test_mistakes_in_the_arguments_are_told() -> None:
    with pytest.raises(ConfigurationError, match="says has no threshold of its own: say what will do"):
        assert_score(Says(Score(0.5, "x")), "x")
    with pytest.raises(ConfigurationError, match=r"min is 80; scores are in \[0, 1\]"):
        assert_faithful(RIGHT, [TOWER], min=80)
    with pytest.raises(ConfigurationError, match=r"an answer is a text.*got dict"):
        assert_faithful({"answer": RIGHT}, [TOWER])
    with pytest.raises(ConfigurationError, match="passages hold no text"):
        assert_faithful(RIGHT, [1, 2])
    with pytest.raises(UnknownPlugin, match="unknown evaluator 'vibes'"):
        assert_score("vibes", RIGHT)
