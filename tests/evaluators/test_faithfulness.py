from concurrent.futures import ThreadPoolExecutor
from dataclasses import FrozenInstanceError
from pathlib import Path
from time import perf_counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from groundwire.agreement import agree, labelled
from groundwire.model import Evaluator, Passage, RagChain, Score, Skipped
from groundwire_evaluators.faithfulness import Faithfulness

SAMPLE = Path(__file__).parent.parent / "data/ragtruth-sample.jsonl.gz"
TOWER = "The Eiffel Tower is 330 metres tall. It was completed in 1889."
REFUND = "Refunds are accepted within 30 days of purchase. Items must be unused."
CURIE = "Marie Curie won the Nobel Prize in Physics in 1903 and in Chemistry in 1911."
PARIS = "Paris is the capital of France. It has about 2.1 million inhabitants."
SDK = "Groundwire is a tracing SDK. It supports OpenAI, Chroma and Qdrant."
PLACE = (
    '{"name": "Finch & Fork", "hours": {"Monday": "17:30-23:0", "Tuesday": "17:0-21:0"}, '
    '"attributes": {"WiFi": "free", "OutdoorSeating": false}, "business_stars": 4.0}'
)


def judge(answer: str, *passages: str, question: str | None = None) -> Score | Skipped:
    return Faithfulness().evaluate(RagChain(question, tuple(Passage(p) for p in passages), answer))


def scored(answer: str, *passages: str, question: str | None = None) -> Score:
    result = judge(answer, *passages, question=question)
    assert isinstance(result, Score), result
    return result


@pytest.mark.parametrize(
    ("passage", "answer", "question"),
    [
        (TOWER, "The Eiffel Tower is 330 m tall.", "How tall is the Eiffel Tower?"),
        (TOWER, "The Eiffel Tower is 330 metres tall and was completed in 1889.", None),
        (TOWER, "330 metres", "How tall is it?"),
        (TOWER, "1889", "When was it completed?"),
        (TOWER, "The Eiffel Tower is 330 metres tall. The passages do not say who built it.", None),
        (REFUND, "You can return unused items within 30 days for a refund.", "What is the refund policy?"),
        (CURIE, "Marie Curie won two Nobel Prizes, in Physics (1903) and in Chemistry (1911).", None),
        (PARIS, "Paris, the capital of France, has about 2.1 million inhabitants.", None),
        (PARIS, "Paris has roughly two million inhabitants.", "How many people live in Paris?"),
        (PLACE, "Finch & Fork offers free WiFi. It does not have outdoor seating.", None),
        (PLACE, "Finch & Fork is open on Monday from 5:30 PM to 11 PM.", None),
    ],
)
def test_a_supported_answer_passes(passage: str, answer: str, question: str | None) -> None:
    result = scored(answer, passage, question=question)
    assert result.passed
    assert result.label == "faithful"


@pytest.mark.parametrize(
    ("passage", "answer", "named"),
    [
        (TOWER, "The Eiffel Tower is 350 metres tall.", ["350"]),
        (TOWER, "It was completed in 1887 by Napoleon", ["1887", "Napoleon"]),
        (TOWER, "It was completed in 1887.", ["1887"]),
        (TOWER, "Gustave Eiffel was born in Paris.", ["Paris"]),
        (TOWER, "The Eiffel Tower is 330 feet tall.", ["330 feet"]),
        (TOWER, "The Eiffel Tower was not completed in 1889.", ["not"]),
        (TOWER, "350 metres", ["350"]),
        (TOWER, "The Eiffel Tower is 330 metres tall. It has 5 million visitors a year.", ["5 million"]),
        (REFUND, "You can return items within 60 days for a full refund.", ["60 days"]),
        (CURIE, "Marie Curie won the Nobel Prize in Literature in 1911.", ["Literature"]),
        (PARIS, "Paris is the capital of Germany.", ["Germany"]),
        (SDK, "Groundwire supports OpenAI, Chroma, Qdrant and Pinecone.", ["Pinecone"]),
        (PLACE, "Finch & Fork offers outdoor seating.", ["outdoor seating"]),
        (PLACE, "Finch & Fork is open on Monday from 9 AM to 11 PM.", ["Monday from 9 AM"]),
    ],
)
def test_an_invention_fails_and_is_named(passage: str, answer: str, named: list[str]) -> None:
    result = scored(answer, passage)
    assert result.label == "unfaithful"
    assert result.passed is False
    assert all(word in result.explanation for word in named)
    marked = " ".join(answer[f.start : f.end] for e in result.evidence for f in e.flaws)
    assert all(word in marked for word in named)


@pytest.mark.parametrize(
    ("answer", "passages", "reason"),
    [
        ("", (TOWER,), "empty_answer"),
        (" \n", (TOWER,), "empty_answer"),
        ("It is tall.", (), "no_passages"),
        ("It is tall.", ("", " "), "no_passages"),
        ("I don't know.", (TOWER,), "refusal"),
        ("The passages do not say who built it.", (TOWER,), "refusal"),
        ("Yes.", (TOWER,), "nothing_checkable"),
        ("I hope this helps! Is there anything else?", (TOWER,), "nothing_checkable"),
        ("東京は日本の首都です。", ("日本の首都は東京です。",), "language"),
        ("กรุงเทพเป็นเมืองหลวง", (TOWER,), "language"),
        ("Париж является столицей Франции и большим городом", (TOWER,), "language"),
    ],
)
def test_what_cannot_be_judged_is_skipped_with_a_reason(answer: str, passages: tuple[str, ...], reason: str) -> None:
    result = judge(answer, *passages)
    assert isinstance(result, Skipped)
    assert result.reason == reason


def test_a_refusal_marked_by_the_provider_is_skipped() -> None:
    assert Faithfulness().evaluate(RagChain(None, (Passage(TOWER),), "No.", refused=True)) == Skipped(
        "refusal", "marked by the provider"
    )


def test_a_passage_that_missed_the_prompt_supports_nothing() -> None:
    seen, dropped = Passage(REFUND), Passage(TOWER, in_prompt=False)
    result = Faithfulness().evaluate(RagChain(None, (dropped, seen), "The Eiffel Tower is 330 metres tall."))
    assert isinstance(result, Score)
    assert result.label == "unfaithful"


def test_evidence_points_at_the_passage_by_its_place_in_the_chain() -> None:
    chain = RagChain(
        None, (Passage("x", in_prompt=False), Passage(REFUND), Passage(TOWER)), "It was completed in 1889."
    )
    result = Faithfulness().evaluate(chain)
    assert isinstance(result, Score)
    (e,) = result.evidence
    assert e.passage == 2
    assert TOWER[e.passage_start : e.passage_end] == "It was completed in 1889."


def test_details_count_sentences() -> None:
    result = scored(
        "The Eiffel Tower is 330 metres tall. It was built by Martians from Jupiter. I hope this helps!", TOWER
    )
    assert result.details["sentences"] == 3
    assert result.details["checkable"] == 2
    assert result.details["unsupported"] == 1
    assert result.details["supported_ratio"] == 0.5
    assert [e.verdict for e in result.evidence] == ["supported", "unsupported", "not_checkable"]


def test_it_is_a_frozen_evaluator() -> None:
    evaluator = Faithfulness()
    assert isinstance(evaluator, Evaluator)
    assert 0 < evaluator.threshold < 1
    with pytest.raises(FrozenInstanceError):
        evaluator.name = "other"  # type: ignore[misc]


_WORDS = "The tower Eiffel 330 350 metres tall not in 1889 Paris was . - I don't know ? [1]"
WORDS = st.sampled_from([*_WORDS.split(), "\n", "\ud800", "\0", "😀"])
ANSWERS = st.lists(WORDS, max_size=30).map(" ".join) | st.text(max_size=80)
PASSAGES = st.lists(ANSWERS | st.just(TOWER) | st.just(PLACE), max_size=4)


@settings(deadline=None, max_examples=150)
@given(ANSWERS, PASSAGES, st.none() | ANSWERS)
def test_any_input_gives_a_coherent_judgement(answer: str, passages: list[str], question: str | None) -> None:
    result = judge(answer, *passages, question=question)
    if isinstance(result, Skipped):
        return
    assert 0 <= result.value <= 1
    bad = [e for e in result.evidence if e.verdict in ("unsupported", "contradicted")]
    assert result.passed == (result.value >= Faithfulness().threshold) == (result.label != "unfaithful")
    assert bool(bad) == (result.label != "faithful")
    assert result.details["unsupported"] == len(bad)
    for e in result.evidence:
        assert answer[e.start : e.end] == e.text
        assert 0 <= e.probability <= 1
        assert all(e.start <= f.start < f.end <= e.end for f in e.flaws)
        if e.passage is not None:
            assert 0 <= (e.passage_start or 0) < (e.passage_end or 0) <= len(passages[e.passage])


@settings(deadline=None, max_examples=60)
@given(
    st.permutations([TOWER, REFUND, CURIE, PARIS, PLACE]), st.sampled_from([TOWER, CURIE, "Paris is 330 metres tall."])
)
def test_the_order_of_passages_does_not_change_the_value(passages: list[str], answer: str) -> None:
    assert scored(answer, *passages).value == pytest.approx(scored(answer, *sorted(passages)).value, abs=1e-9)


@pytest.mark.parametrize("answer", [TOWER, "Paris is 350 metres tall.", "Curie was born in 1867."])
def test_repeated_passages_do_not_change_the_value(answer: str) -> None:
    assert scored(answer, TOWER, CURIE, TOWER, CURIE).value == scored(answer, TOWER, CURIE).value


def test_the_explanation_quotes_the_sentence_and_names_the_words() -> None:
    answer = "The tower is 330 metres tall. It opens from 17:00 to 21:00."
    result = Faithfulness(tier="lexical").evaluate(RagChain(None, (Passage(TOWER),), answer))
    assert isinstance(result, Score)
    assert result.explanation == (
        '1 of 2 sentences not supported: "It opens from 17:00 to 21:00." (17:00, 21:00, opens not in any passage)'
    )


def test_threads_agree() -> None:
    rows = labelled(SAMPLE).rows[:20]
    alone = [Faithfulness().evaluate(r.chain) for r in rows]
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(lambda r: Faithfulness().evaluate(r.chain), rows)) == alone


def test_labelled_rows_are_ranked_as_people_ranked_them() -> None:
    agreement = agree(labelled(SAMPLE).rows, Faithfulness())
    assert agreement.n == 60
    assert agreement.auc["all"] is not None
    assert agreement.auc["all"] > 0.7
    assert agreement.f1 is not None
    assert agreement.f1 > 0.55
    assert agreement.span_f1 is not None
    assert agreement.span_f1 > 0.2


def test_a_megabyte_against_a_megabyte_takes_seconds() -> None:
    words = [f"{a}{b}{i % 97}" for i, (a, b) in enumerate(zip("abcdefghij" * 1000, "qrstuvwxyz" * 1000, strict=True))]
    text = " ".join(w.title() + "." if i % 15 == 0 else w for i, w in enumerate(words * 25))
    assert len(text) > 1_000_000
    began = perf_counter()
    scored(text, text, TOWER)
    assert perf_counter() - began < 20
