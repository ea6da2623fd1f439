"""Evaluators that judge many chains at once: same scores, same order, and a broken chain breaks alone."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

import groundwire
from groundwire.model import Failed, RagChain, Score, Skipped


def answers(count: int) -> list[RagChain]:
    return [RagChain(None, (), f"answer {i}") for i in range(count)]


@groundwire.evaluator
def even(answer: str) -> bool:
    return int(answer.split()[1]) % 2 == 0


@dataclass(frozen=True)
class Batches:
    """Judges at once; breaks as it is told to."""

    name: str = "batches"
    version: str = "1"
    threshold: float = 0.25
    raises_at: int | None = None
    broken: int | None = None
    drops: bool = False
    sizes: list[int] = field(default_factory=list)
    alone: list[str] = field(default_factory=list)

    def evaluate(self, chain: RagChain, /) -> Score | Skipped:
        self.alone.append(chain.answer)
        if chain.answer == f"answer {self.broken}":
            raise LookupError("this one")
        return Score(1.0, chain.answer)

    def evaluate_many(self, chains: Sequence[RagChain], /) -> Sequence[Score | Skipped | Exception]:
        self.sizes.append(len(chains))
        found: list[Any] = []
        for chain in chains:
            if chain.answer == f"answer {self.raises_at}":
                raise RuntimeError("the whole batch")
            broken = chain.answer == f"answer {self.broken}"
            found.append(LookupError("this one") if broken else Score(1.0, chain.answer))
        return found[1:] if self.drops else found


def test_a_batch_evaluator_is_told_by_its_method() -> None:
    assert isinstance(Batches(), groundwire.BatchEvaluator)
    assert not isinstance(even, groundwire.BatchEvaluator)


def test_chains_are_judged_in_batches_and_come_back_in_order() -> None:
    judge = Batches()
    found = list(groundwire.scoring.score(answers(70), [even, judge]))
    assert judge.sizes == [32, 32, 6]
    assert judge.alone == []
    assert [e.name for e in found] == ["even", "batches"] * 70
    assert [e.chain.answer for e in found] == [f"answer {i}" for i in range(70) for _ in range(2)]
    for i, (parity, batched) in enumerate(zip(found[::2], found[1::2], strict=True)):
        assert isinstance(parity.result, Score)
        assert parity.result.value == (i % 2 == 0)
        assert batched.result == Score(1.0, f"answer {i}")
        assert batched.threshold == 0.25
        assert batched.duration_ms is not None


def test_a_chain_that_breaks_in_a_batch_breaks_alone() -> None:
    judge = Batches(broken=3)
    found = [e.result for e in groundwire.scoring.score(answers(5), [judge])]
    assert found[3] == Failed("LookupError", "this one")
    assert all(isinstance(r, Score) for i, r in enumerate(found) if i != 3)
    assert judge.alone == []


@pytest.mark.parametrize("settings", [{"raises_at": 2, "broken": 2}, {"drops": True, "broken": 2}])
def test_a_batch_that_breaks_is_judged_chain_by_chain(
    settings: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    judge = Batches(**settings)
    found = [e.result for e in groundwire.scoring.score(answers(4), [judge])]
    assert judge.alone == [f"answer {i}" for i in range(4)]
    assert found[2] == Failed("LookupError", "this one")
    assert [r for r in found if isinstance(r, Score)] == [Score(1.0, f"answer {i}") for i in (0, 1, 3)]
    assert "judges its chains one by one" in caplog.text


def test_what_is_no_judgement_fails_in_its_place() -> None:
    @dataclass(frozen=True)
    class Sloppy(Batches):
        def evaluate_many(self, chains: Sequence[RagChain], /) -> Any:
            return (0.5 if i == 1 else Skipped("poem") for i, _ in enumerate(chains))

    found = [e.result for e in groundwire.scoring.score(answers(3), [Sloppy()])]
    assert found[0] == found[2] == Skipped("poem")
    assert found[1] == Failed("TypeError", "evaluate() returned float, not Score or Skipped")


def test_one_chain_is_no_batch() -> None:
    judge = Batches()
    list(groundwire.scoring.score(answers(1), [judge]))
    assert (judge.sizes, judge.alone) == ([], ["answer 0"])


def test_without_a_batch_evaluator_chains_are_taken_one_by_one() -> None:
    taken: list[int] = []

    def stream() -> Iterator[RagChain]:
        for i, chain in enumerate(answers(50)):
            taken.append(i)
            yield chain

    evaluations = groundwire.scoring.score(stream(), [even])
    next(evaluations)
    assert taken == [0]


def test_a_threshold_that_raises_fails_the_evaluation_and_stops_nothing() -> None:
    class Broken:
        name, version = "broken", "1"

        @property
        def threshold(self) -> float:
            raise FileNotFoundError("weights")

        def evaluate(self, chain: RagChain, /) -> Score | Skipped:
            return Score(1.0, "good")

    found = groundwire.evaluate(answer="answer 2", evaluators=[Broken(), even])
    assert found == {"broken": Failed("FileNotFoundError", "weights"), "even": Score(1.0, "pass", passed=True)}
