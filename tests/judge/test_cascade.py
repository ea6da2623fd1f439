"""A cheap evaluator first, a dear one for what it is not sure of, within a share."""

import threading
from dataclasses import dataclass, field
from typing import Any

import pytest

from groundwire.errors import ConfigurationError, JudgeError
from groundwire.judge import Cascade, Judge
from groundwire.model import Passage, RagChain, Score, Skipped
from judge.server import Hang, JudgeServer, row


def chain(text: str = "Cats sleep a lot.") -> RagChain:
    return RagChain(None, (Passage("Cats sleep a lot."),), text)


@dataclass(frozen=True)
class Local:
    """Says what the answer says: `0.55` gives 0.55."""

    threshold: float | None = 0.5
    name: str = "faithfulness"
    version: str = "local"

    def evaluate(self, case: RagChain, /) -> Score | Skipped:
        if case.answer == "boom":
            raise RuntimeError(case.answer)
        if not case.answer[0].isdigit():
            return Skipped(case.answer)
        return Score(float(case.answer), "faithful", "locally", model="lexical")


SURE = Score(1.0, "faithful", "dearly", model="dear")


@dataclass(frozen=True)
class Dear:
    result: Any = SURE
    name: str = "faithfulness"
    version: str = "dear"
    threshold: float = 0.8
    seen: list[str] = field(default_factory=list, compare=False)

    def evaluate(self, case: RagChain, /) -> Score | Skipped:
        self.seen.append(case.answer)
        if isinstance(self.result, Exception):
            raise self.result
        return self.result


def test_only_uncertain_answers_are_sent_on() -> None:
    dear = Dear()
    cascade = Cascade(Local(), dear, share=1.0, band=0.1)
    results = [cascade.evaluate(chain(v)) for v in ("0.1", "0.45", "0.55", "0.65", "0.9")]
    assert dear.seen == ["0.45", "0.55"]
    assert [r.model for r in results if isinstance(r, Score)] == ["lexical", "dear", "dear", "lexical", "lexical"]
    assert [r.details["tier"] for r in results if isinstance(r, Score)] == [0.0, 1.0, 1.0, 0.0, 0.0]
    assert isinstance(results[1], Score)
    assert results[1].details["first_value"] == 0.45


def test_the_share_is_never_passed_but_by_the_first() -> None:
    dear = Dear()
    cascade = Cascade(Local(), dear, share=0.2, band=0.1)
    for n in range(1, 101):
        cascade.evaluate(chain("0.5"))
        assert len(dear.seen) <= max(1, 0.2 * n)
    assert len(dear.seen) == 20


def test_whether_an_answer_is_uncertain_depends_on_it_alone() -> None:
    values = ["0.5", "0.1", "0.52", "0.9", "0.48"]
    for order in (values, values[::-1]):
        dear = Dear()
        cascade = Cascade(Local(), dear, share=1.0, band=0.1)
        for value in order:
            cascade.evaluate(chain(value))
        assert sorted(dear.seen) == ["0.48", "0.5", "0.52"]


@pytest.mark.parametrize(("share", "width"), [(0.0, 0.0), (0.1, 0.07), (1.0, 0.7)])
def test_the_band_follows_the_share(share: float, width: float) -> None:
    assert Cascade(Local(threshold=0.7), Dear(), share=share).width == pytest.approx(width)


def test_share_zero_asks_nobody_and_share_one_asks_about_everything() -> None:
    none, all_ = Dear(), Dear()
    for value in ("0", "0.5", "1"):
        Cascade(Local(), none, share=0.0).evaluate(chain(value))
        Cascade(Local(), all_, share=1.0).evaluate(chain(value))
    assert none.seen == []
    assert all_.seen == ["0", "0.5", "1"]


def test_a_judge_that_fails_leaves_the_first_word_and_says_so() -> None:
    result = Cascade(Local(), Dear(JudgeError("secret")), band=0.1).evaluate(chain("0.5"))
    assert isinstance(result, Score)
    assert (result.value, result.model) == (0.5, "lexical")
    assert result.explanation == "locally; a second evaluator failed (JudgeError)"
    assert result.details["second_failed"] == 1.0
    assert result.details["tier"] == 0.0


def test_a_judge_that_declines_leaves_the_first_word_and_says_so() -> None:
    result = Cascade(Local(), Dear(Skipped("budget", "5 USD")), band=0.1).evaluate(chain("0.5"))
    assert isinstance(result, Score)
    assert result.explanation == "locally; a second evaluator skipped (budget)"
    assert result.details["second_skipped"] == 1.0


def test_a_language_that_the_first_cannot_read_is_for_the_second() -> None:
    result = Cascade(Local(), Dear()).evaluate(chain("language"))
    assert isinstance(result, Score)
    assert result.model == "dear"
    assert "first_value" not in result.details


@pytest.mark.parametrize("reason", ["refusal", "no_passages", "empty_answer", "nothing_checkable"])
def test_what_cannot_be_judged_at_all_is_not_sent_on(reason: str) -> None:
    dear = Dear()
    assert Cascade(Local(), dear).evaluate(chain(reason)) == Skipped(reason)
    assert dear.seen == []


def test_a_first_that_breaks_is_replaced_and_raises_where_there_is_no_second_opinion() -> None:
    assert isinstance(Cascade(Local(), Dear()).evaluate(chain("boom")), Score)
    with pytest.raises(RuntimeError, match="boom"):
        Cascade(Local(), Dear(Skipped("budget"))).evaluate(chain("boom"))
    with pytest.raises(RuntimeError, match="boom"):
        Cascade(Local(), Dear(), share=0.0).evaluate(chain("boom"))


def test_any_number_of_tiers() -> None:
    middle, last = Local(threshold=0.5, version="middle"), Dear()
    cascade = Cascade(Local(), Cascade(middle, last, share=1.0, band=0.05), share=1.0, band=0.2)
    tiers = [cascade.evaluate(chain(v)).details["tier"] for v in ("0.1", "0.6", "0.52")]  # type: ignore[union-attr]
    assert tiers == [0.0, 1.0, 2.0]
    assert cascade.version == "cascade-1(local,cascade-1(middle,dear))"


def test_many_answers_are_judged_as_one_by_one() -> None:
    values = ["0.5", "0.1", "language", "0.52", "refusal", "0.45", "boom"]
    one_by_one, together = (Cascade(Local(), Dear(), share=0.5, band=0.1) for _ in range(2))
    expected: list[Any] = []
    for value in values:
        try:
            expected.append(one_by_one.evaluate(chain(value)))
        except RuntimeError as error:
            expected.append(error)
    results = together.evaluate_many([chain(v) for v in values])
    assert [r if not isinstance(r, Exception) else str(r) for r in results] == [
        r if not isinstance(r, Exception) else str(r) for r in expected
    ]


def test_those_sent_on_are_judged_at_once() -> None:
    barrier = threading.Barrier(3)

    def mind(asked: Any) -> Any:
        barrier.wait(10)  # answers only when three have asked
        return [row(1, quote="Cats sleep")]

    with JudgeServer(mind) as server:
        judge = Judge("m", base_url=server.url, retries=0, concurrency=3, bearing=False)
        cascade = Cascade(Local(), judge, share=1.0, band=0.2)
        results = cascade.evaluate_many([chain(f"0.5{n}") for n in range(3)])
    assert [type(r) for r in results] == [Score, Score, Score]


def test_with_a_real_first_and_a_judge_that_hangs() -> None:
    case = RagChain("How tall?", (Passage("The tower is 330 metres tall."),), "The tower is 350 metres tall.")
    with JudgeServer(Hang()) as server:
        judge = Judge("m", base_url=server.url, retries=0, timeout_s=0.3)
        result = Cascade("faithfulness", judge, share=1.0).evaluate(case)
    assert isinstance(result, Score)
    assert result.details["second_failed"] == 1.0
    assert result.label == "unfaithful"


def test_with_a_real_first_and_a_judge() -> None:
    case = RagChain("How tall?", (Passage("The tower is 330 metres tall."),), "The tower is 350 metres tall.")
    with JudgeServer([row(1, "contradicted", "330 metres tall")]) as server:
        judge = Judge("m", base_url=server.url, retries=0)
        result = Cascade("faithfulness", judge, share=1.0).evaluate(case)
    assert isinstance(result, Score)
    assert (result.model, result.value) == ("m", 0.0)


@pytest.mark.parametrize(
    "settings",
    [
        {"second": Dear(name="other")},
        {"share": 1.1},
        {"share": float("nan")},
        {"band": -0.1},
        {"first": Local(threshold=None)},
        {"first": "no_such_evaluator"},
    ],
)
def test_mistakes_are_told_at_once(settings: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError):
        Cascade(**{"first": Local(), "second": Dear(), **settings})
