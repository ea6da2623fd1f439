"""Metrics that count the verdicts of others: worked out by hand over a judge whose verdicts are written down."""

import doctest
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

import groundwire
from groundwire.model import Evaluator, Evidence, Passage, RagChain, Score, Skipped, Usage
from groundwire.plugins import evaluator, evaluator_names
from groundwire_evaluators.answerability import Answerability
from groundwire_evaluators.completeness import Completeness
from groundwire_evaluators.context_diversity import ContextDiversity
from groundwire_evaluators.context_precision import ContextPrecision
from groundwire_evaluators.context_recall import ContextRecall
from groundwire_evaluators.context_utilization import ContextUtilization
from groundwire_evaluators.declined import Refusal
from groundwire_evaluators.noise_sensitivity import NoiseSensitivity
from groundwire_evaluators.rerank_lift import RerankLift

TOWER = "The Eiffel Tower is 330 metres tall. It was completed in 1889."
LOUVRE = "The Louvre in Paris is the most visited museum in the world."
FRUIT = "Bananas are rich in potassium and are grown in tropical regions."
QUESTION = "How tall is the Eiffel Tower?"
MODULES = (
    "answerability", "citation_support", "citations", "completeness", "context_diversity", "context_precision",
    "context_recall", "context_utilization", "declined", "noise_sensitivity", "rerank_lift",
)  # fmt: skip


@dataclass(frozen=True)
class Rated:
    """A relevance judge that knows the passages by their first letter: capital, relevant."""

    name: str = "rated"
    version: str = "1"
    threshold: float = 0.5

    def evaluate(self, chain: RagChain, /) -> Score | Skipped:
        if not chain.question:
            return Skipped("no_question")
        evidence = tuple(
            Evidence(p.text, 0, len(p.text), "relevant" if _chance(p.text) >= 0.5 else "irrelevant", _chance(p.text), i)
            for i, p in enumerate(chain.passages)
            if p.in_prompt
        )
        if not evidence:
            return Skipped("no_passages")
        return Score(max(e.probability for e in evidence), "x", "", evidence, passed=any(
            e.verdict == "relevant" for e in evidence
        ), model="rater", usage=Usage(10, 1), cost_usd=0.25)  # fmt: skip


def _chance(text: str) -> float:
    return {"A": 1.0, "B": 0.75, "C": 0.5, "a": 0.25, "b": 0.0}[text[0]]


@dataclass(frozen=True)
class Held:
    """A support judge by exact words: a sentence (a word here) is supported by the passages that hold it."""

    name: str = "held"
    version: str = "1"

    def evaluate(self, chain: RagChain, /) -> Score | Skipped:
        if not chain.context:
            return Skipped("no_passages")
        evidence: list[Evidence] = []
        at = 0
        for word in chain.answer.split():
            at = chain.answer.index(word, at)
            places = [i for i, p in enumerate(chain.passages) if p.in_prompt and word in p.text.split()]
            place = places[0] if places else None
            start = chain.passages[place].text.index(word) if place is not None else None
            evidence.append(
                Evidence(
                    word, at, at + len(word), "supported" if places else "unsupported", 1.0 if places else 0.0,
                    place, start, None if start is None else start + len(word),
                )
            )  # fmt: skip
            at += len(word)
        if not evidence:
            return Skipped("empty_answer")
        return Score(0.5, "x", "", tuple(evidence))


def chain(
    *texts: str, answer: str = "x", reference: str | None = None, dropped: tuple[str, ...] = (), question: str = "q"
) -> RagChain:
    passages = (*(Passage(t) for t in texts), *(Passage(t, in_prompt=False) for t in dropped))
    return RagChain(question, passages, answer, reference)


def scored(result: Score | Skipped) -> Score:
    assert isinstance(result, Score), result
    return result


def reason(result: Score | Skipped) -> str:
    assert isinstance(result, Skipped), result
    return result.reason


@pytest.mark.parametrize("module", MODULES)
def test_the_worked_examples_hold(module: str) -> None:
    outcome = doctest.testmod(import_module(f"groundwire_evaluators.{module}"))
    assert outcome.attempted > 0
    assert outcome.failed == 0


def test_every_metric_is_found_by_its_name() -> None:
    names = set(evaluator_names())
    for name in (
        "answerability", "citation_support", "completeness", "context_diversity", "context_precision", "context_recall",
        "context_utilization", "noise_sensitivity", "refusal", "rerank_lift",
    ):  # fmt: skip
        assert name in names
        assert evaluator(name).name == name


def test_the_page_on_metrics_tells_of_each_and_of_its_labels() -> None:
    page = (Path(__file__).parents[2] / "docs" / "metrics.md").read_text(encoding="utf-8")
    for name in (m for m in MODULES if m not in ("citations", "declined")):
        assert page.count(f"`{name}`") >= 2, name
    for label in (
        "relevant_first",
        "some_used",
        "dropped",
        "unjustified",
        "partly",
        "sensitive",
        "worsened",
        "repetitive",
    ):
        assert f"`{label}`" in page


# --- context precision ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("texts", "value", "precision", "label"),
    [
        (("A", "B"), 1.0, 1.0, "all_relevant"),
        (("A", "b"), 1.0, 0.5, "relevant_first"),
        (("b", "A"), 0.5, 0.5, "mixed"),
        (("A", "b", "B"), (1 + 2 / 3) / 2, 2 / 3, "mixed"),
        (("b", "a", "C", "A"), (1 / 3 + 2 / 4) / 2, 0.5, "mixed"),
        (("a", "b"), 0.0, 0.0, "none_relevant"),
    ],
)
def test_precision_counts_places(texts: tuple[str, ...], value: float, precision: float, label: str) -> None:
    score = scored(ContextPrecision(relevance=Rated()).evaluate(chain(*texts)))
    assert score.value == pytest.approx(value)
    assert score.details["precision"] == pytest.approx(precision)
    assert score.label == label
    assert [e.text for e in score.evidence] == list(texts)


def test_precision_looks_at_what_reached_the_prompt() -> None:
    score = scored(ContextPrecision(relevance=Rated()).evaluate(chain("b", "A", dropped=("A", "A"))))
    assert score.details["passages"] == 2
    assert score.details["first_relevant"] == 2


# --- context utilization --------------------------------------------------------------------------------------------


def test_a_passage_is_used_where_it_supports_a_sentence_best() -> None:
    score = scored(
        ContextUtilization(support=Held()).evaluate(
            chain("one two", "two", "three", answer="two four", dropped=("four",))
        )
    )
    assert score.value == pytest.approx(1 / 3)
    assert [e.verdict for e in score.evidence] == ["used", "unused", "unused", "dropped"]
    assert score.details == {
        "used": 1, "passages": 3, "characters": pytest.approx(3 / 15), "dropped": 1, "reached": 0.75,
    }  # fmt: skip
    assert score.label == "some_used"
    assert score.explanation == "1 of 3 passages used: 1; 1 more never reached the prompt"


def test_an_answer_from_nowhere_uses_nothing_and_equal_passages_count_once() -> None:
    nothing = scored(ContextUtilization(support=Held()).evaluate(chain("one", answer="nine")))
    assert (nothing.value, nothing.label) == (0.0, "none_used")
    twice = scored(ContextUtilization(support=Held()).evaluate(chain("one", "one", answer="one one")))
    assert (twice.value, twice.label) == (1.0, "all_used")
    assert [e.verdict for e in twice.evidence] == ["used", "used"]
    assert twice.details["characters"] == 1.0


# --- recall and completeness ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reference", "value", "label"),
    [("one two", 1.0, "complete"), ("one six", 0.5, "partial"), ("six", 0.0, "missing")],
)
def test_recall_is_the_share_of_the_reference_in_the_passages(reference: str, value: float, label: str) -> None:
    score = scored(ContextRecall(support=Held()).evaluate(chain("one", "two", answer="nine", reference=reference)))
    assert (score.value, score.label) == (value, label)
    assert [e.text for e in score.evidence] == reference.split()


def test_recall_names_passages_by_their_place_in_the_chain() -> None:
    mixed = RagChain("q", (Passage("two", in_prompt=False), Passage("one")), "x", "one two")
    score = scored(ContextRecall(support=Held()).evaluate(mixed))
    assert [(e.verdict, e.passage) for e in score.evidence] == [("supported", 1), ("unsupported", None)]
    assert (score.value, score.details["retrieved"]) == (0.5, 1.0)


def test_recall_tells_what_was_lost_before_the_prompt() -> None:
    score = scored(ContextRecall(support=Held()).evaluate(chain("one", reference="one two six", dropped=("two",))))
    assert score.value == pytest.approx(1 / 3)
    assert score.details["retrieved"] == pytest.approx(2 / 3)


@pytest.mark.parametrize(
    ("answer", "value", "label"), [("one two nine", 1.0, "complete"), ("two", 0.5, "partial"), ("nine", 0.0, "missing")]
)
def test_completeness_is_the_share_of_the_reference_in_the_answer(answer: str, value: float, label: str) -> None:
    score = scored(Completeness(support=Held()).evaluate(chain(answer=answer, reference="one two")))
    assert (score.value, score.label) == (value, label)
    assert all(e.passage is None for e in score.evidence)


def test_a_refusal_is_as_incomplete_as_can_be() -> None:
    score = scored(Completeness().evaluate(chain(TOWER, answer="I don't know.", reference="It is 330 metres tall.")))
    assert (score.value, score.label) == (0.0, "refusal")


@pytest.mark.parametrize("metric", [ContextRecall(), Completeness(), NoiseSensitivity()])
def test_without_a_reference_there_is_nothing_to_compare_with(metric: Evaluator) -> None:
    assert reason(metric.evaluate(chain(TOWER, answer="It is 330 metres tall."))) == "no_reference"
    assert reason(metric.evaluate(chain(TOWER, answer="It is 330 metres tall.", reference=" "))) == "no_reference"
    unanswerable = chain(TOWER, answer="It is red.", reference="The passages do not say.")
    assert reason(metric.evaluate(unanswerable)) == "reference_refuses"


def test_the_real_judge_tells_a_complete_answer_from_a_partial_one() -> None:
    reference = "The Eiffel Tower is 330 metres tall. It was completed in 1889."
    whole = scored(Completeness().evaluate(chain(answer=reference, reference=reference, question=QUESTION)))
    part = scored(Completeness().evaluate(chain(answer="It is red.", reference=reference, question=QUESTION)))
    assert (whole.value, part.value) == (1.0, 0.0)
    recall = scored(ContextRecall().evaluate(chain(TOWER, reference=reference + " It is red.", question=QUESTION)))
    assert recall.value == pytest.approx(2 / 3)


# --- answerability and refusal --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("texts", "dropped", "value", "label", "retrieved"),
    [
        (("a", "B"), (), 0.75, "answerable", 0.75),
        (("a", "B"), ("A",), 0.75, "answerable", 1.0),
        (("a", "b"), ("A",), 0.25, "dropped", 1.0),
        (("a", "b"), ("b",), 0.25, "unanswerable", 0.25),
    ],
)
def test_answerable_or_not(
    texts: tuple[str, ...], dropped: tuple[str, ...], value: float, label: str, retrieved: float
) -> None:
    score = scored(Answerability(relevance=Rated()).evaluate(chain(*texts, dropped=dropped)))
    assert (score.value, score.label, score.details["retrieved"]) == (value, label, retrieved)
    assert score.passed == (label == "answerable")
    assert len(score.evidence) == len(texts) + len(dropped)


@pytest.mark.parametrize(
    ("answer", "text", "value", "label", "passed"),
    [
        ("It is tall.", "A", 1.0, "answered", True),
        ("I don't know.", "A", 0.0, "unjustified", False),
        ("I don't know.", "B", 0.25, "unjustified", False),
        ("I don't know.", "a", 0.75, "justified", True),
        ("I don't know.", "b", 1.0, "justified", True),
        ("The tower is 330 metres tall. The passages do not say who built it.", "A", 0.5, "partial", True),
    ],
)
def test_a_refusal_is_measured_by_what_there_was(
    answer: str, text: str, value: float, label: str, passed: bool
) -> None:
    score = scored(Refusal(relevance=Rated()).evaluate(chain(text, answer=answer)))
    assert (score.value, score.label, score.passed) == (value, label, passed)


def test_a_refusal_marked_by_the_provider_counts_whatever_it_says() -> None:
    marked = replace(chain("A", answer="No can do."), refused=True)
    assert scored(Refusal(relevance=Rated()).evaluate(marked)).label == "unjustified"


def test_a_refusal_in_another_language_is_not_taken_for_an_answer() -> None:
    german = "Das ist in den Quellen nicht zu finden, und die Dokumente sagen auch nichts von der Höhe des Turms."
    assert reason(Refusal().evaluate(chain("A", answer=german))) == "language"
    assert reason(Refusal().evaluate(chain("A", answer="К сожалению, я не знаю ответа."))) == "language"


def test_whether_a_refusal_is_justified_needs_a_question_and_passages_but_an_answer_needs_neither() -> None:
    assert reason(Refusal().evaluate(chain(answer="I don't know."))) == "no_passages"
    assert reason(Refusal().evaluate(chain(TOWER, answer="I don't know.", question=""))) == "no_question"
    assert scored(Refusal().evaluate(chain(answer="It is 330 metres tall."))).label == "answered"


# --- noise ----------------------------------------------------------------------------------------------------------


def test_noise_is_what_passages_say_and_the_reference_does_not() -> None:
    metric = NoiseSensitivity(support=Held(), relevance=Rated())
    judged = chain("A one two", "b three", answer="one two three nine", reference="one")
    score = scored(metric.evaluate(judged))
    assert score.value == 0.5
    assert score.label == "sensitive"
    assert score.details == {"wrong": 0.75, "sentences": 4, "relevant_noise": 0.25, "irrelevant_noise": 0.25}
    assert [(e.verdict, e.passage) for e in score.evidence] == [
        ("supported", 0), ("unsupported", 0), ("unsupported", 1), ("unsupported", None),
    ]  # fmt: skip
    right = scored(metric.evaluate(replace(judged, answer="one nine")))
    assert (right.value, right.label, right.details["wrong"]) == (1.0, "robust", 0.5)


def test_noise_without_a_question_is_not_split_by_relevance() -> None:
    metric = NoiseSensitivity(support=Held(), relevance=Rated())
    score = scored(metric.evaluate(chain("two", answer="two", reference="one", question="")))
    assert score.value == 0.0
    assert "relevant_noise" not in score.details


# --- rerank lift ----------------------------------------------------------------------------------------------------


def reranked(*passages: tuple[str, int | None, bool]) -> RagChain:
    return RagChain(
        "q",
        tuple(Passage(t, in_prompt=i, source="rerank" if i else "retrieval", retrieved_rank=r) for t, r, i in passages),
        "x",
    )


def test_a_relevant_passage_moved_up_is_a_gain_and_moved_down_a_loss() -> None:
    up = scored(RerankLift(relevance=Rated()).evaluate(reranked(("A", 2, True), ("b", 1, True))))
    assert up.details["before"] == pytest.approx(0.6309, abs=1e-4)  # 1 / log2(3)
    assert up.value == pytest.approx((1 + 1 - 0.63093) / 2, abs=1e-4)
    assert up.label == "improved"
    down = scored(RerankLift(relevance=Rated()).evaluate(reranked(("b", 2, True), ("A", 1, True))))
    assert down.value == pytest.approx(1 - up.value)
    assert down.label == "worsened"
    same = scored(RerankLift(relevance=Rated()).evaluate(reranked(("A", 1, True), ("b", 2, True))))
    assert (same.value, same.label) == (0.5, "unchanged")


def test_what_the_rerank_cut_off_counts() -> None:
    score = scored(RerankLift(relevance=Rated()).evaluate(reranked(("b", 3, True), ("A", 1, False), ("b", 2, False))))
    assert (score.value, score.details["before"], score.details["after"]) == (0.0, 1.0, 0.0)


def test_no_lift_without_a_rerank_or_anything_relevant() -> None:
    retrieved = tuple(Passage(t, source="retrieval", retrieved_rank=r) for r, t in enumerate("Ab", 1))
    metric = RerankLift(relevance=Rated())
    assert reason(metric.evaluate(RagChain("q", retrieved, "x"))) == "no_rerank"
    assert reason(metric.evaluate(reranked(("A", None, True), ("b", None, True)))) == "no_rerank"
    assert reason(metric.evaluate(reranked(("A", 1, True)))) == "one_passage"
    assert reason(metric.evaluate(reranked(("a", 1, True), ("b", 2, True)))) == "none_relevant"


def test_the_order_of_a_retrieval_can_be_given() -> None:
    scores = groundwire.evaluate(
        question=QUESTION,
        passages=[TOWER, LOUVRE],
        retrieved=[FRUIT, LOUVRE, TOWER],
        answer="It is 330 metres tall.",
        evaluators=["rerank_lift", "context_utilization", "answerability"],
    )
    lift, use = scores["rerank_lift"], scores["context_utilization"]
    assert isinstance(lift, Score)
    assert lift.label == "improved"
    assert isinstance(use, Score)
    assert [e.verdict for e in use.evidence] == ["used", "unused", "dropped"]


# --- diversity ------------------------------------------------------------------------------------------------------


def test_a_passage_said_twice_is_found() -> None:
    score = scored(ContextDiversity().evaluate(chain(TOWER, LOUVRE, TOWER)))
    runs = [len(t.split()) - 4 for t in (TOWER, LOUVRE)]
    assert score.value == pytest.approx(sum(runs) / (sum(runs) + runs[0]))
    assert (score.label, [e.passage for e in score.evidence]) == ("repetitive", [2])
    assert scored(ContextDiversity().evaluate(chain(TOWER, LOUVRE, FRUIT))).value == 1.0
    assert reason(ContextDiversity().evaluate(chain(TOWER))) == "one_passage"
    assert reason(ContextDiversity().evaluate(chain(dropped=(TOWER, LOUVRE)))) == "no_passages"
    assert reason(ContextDiversity().evaluate(chain("東京は日本の首都です", "東京は日本の首都です"))) == "language"


# --- what the judging took ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Counting:
    """Counts how often it is asked; equal to others of the same key."""

    key: int
    asked: list[int] = field(default_factory=list, compare=False)
    name: str = "counting"
    version: str = "1"

    def evaluate(self, chain: RagChain, /) -> Score | Skipped:
        self.asked.append(1)
        return Rated().evaluate(chain)


@pytest.fixture
def counting() -> Counting:
    return Counting(id(object()))


def test_a_chain_is_judged_once_and_paid_once(counting: Counting) -> None:
    metrics: list[Any] = [ContextPrecision(counting), Answerability(counting), RerankLift(counting)]
    texts = (("A", 2, True), ("b", 1, True))
    scores = [scored(m.evaluate(reranked(*texts))) for m in metrics]
    assert len(counting.asked) == 1
    assert [s.model for s in scores] == ["rater"] * 3
    assert [s.cost_usd for s in scores] == [0.25, None, None]
    assert [s.usage for s in scores] == [Usage(10, 1), None, None]
    metrics[0].evaluate(replace(reranked(*texts), question="another"))
    assert len(counting.asked) == 2


def test_a_judge_that_cannot_be_hashed_is_asked_every_time() -> None:
    class Unhashable(Counting):
        __hash__ = None  # type: ignore[assignment]

    judge = Unhashable(1)
    for _ in range(2):
        assert scored(ContextPrecision(judge).evaluate(chain("A"))).value == 1.0
    assert len(judge.asked) == 2


def test_a_judge_without_evidence_is_no_judge_of_single_passages() -> None:
    @dataclass(frozen=True)
    class Mute:
        name: str = "mute"
        version: str = "1"

        def evaluate(self, chain: RagChain, /) -> Score:
            return Score(0.5, "x")

    found: Mapping[str, Score | Skipped] = {
        m.name: m.evaluate(chain("A", answer="one", reference="one"))
        for m in (
            ContextPrecision(Mute()), Answerability(Mute()), ContextUtilization(Mute()), ContextRecall(Mute()),
            Completeness(Mute()), NoiseSensitivity(Mute(), Mute()),
        )
    }  # fmt: skip
    assert {name: reason(result) for name, result in found.items()} == dict.fromkeys(found, "no_evidence")
