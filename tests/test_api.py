"""Scoring without tracing: what a caller gives becomes the chain that evaluators read."""

from dataclasses import dataclass, field

import groundwire
from groundwire.model import Passage, RagChain, Score

TOWER = "The Eiffel Tower is 330 metres tall."
LOUVRE = "The Louvre is a museum."
FRUIT = "Bananas are fruits."


@dataclass(frozen=True)
class Keeper:
    seen: list[RagChain] = field(default_factory=list)
    name: str = "keeper"
    version: str = "1"

    def evaluate(self, chain: RagChain, /) -> Score:
        self.seen.append(chain)
        return Score(1.0, "kept")


def passages(given: list[object], retrieved: list[object]) -> list[tuple[str, bool, int | None]]:
    keeper = Keeper()
    groundwire.evaluate(answer="x", passages=given, retrieved=retrieved, evaluators=[keeper])
    return [(p.text, p.in_prompt, p.retrieved_rank) for p in keeper.seen[0].passages]


def test_what_was_retrieved_and_not_given_is_listed_last_and_marked_as_dropped() -> None:
    assert passages([LOUVRE, TOWER], [FRUIT, TOWER, LOUVRE]) == [
        (LOUVRE, True, 3),
        (TOWER, True, 2),
        (FRUIT, False, 1),
    ]


def test_without_a_retrieval_no_passage_has_a_place_in_one() -> None:
    assert passages([TOWER], []) == [(TOWER, True, None)]


def test_a_passage_that_was_not_retrieved_has_no_place_and_a_repeated_one_its_best() -> None:
    assert passages([TOWER, FRUIT], ["the Eiffel tower is 330 metres tall", TOWER]) == [
        (TOWER, True, 1),
        (FRUIT, True, None),
    ]


def test_passages_keep_their_order_ids_and_scores() -> None:
    keeper = Keeper()
    groundwire.evaluate(
        answer="x",
        passages=[{"text": TOWER, "id": 7, "score": 0.5}],
        retrieved=[{"text": LOUVRE, "id": 8}],
        evaluators=[keeper],
    )
    assert keeper.seen[0].passages == (
        Passage(TOWER, "7", 0.5),
        Passage(LOUVRE, "8", None, in_prompt=False, retrieved_rank=1),
    )
