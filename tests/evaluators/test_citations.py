"""Citations: where they stand, what they cite, and whether that supports the sentence."""

from dataclasses import dataclass
from time import process_time

import pytest

from groundwire.model import Evidence, Passage, RagChain, Score, Skipped
from groundwire_evaluators.citation_support import CitationSupport
from groundwire_evaluators.citations import markers, statements

TOWER = "The Eiffel Tower is 330 metres tall."
LOUVRE = "The Louvre in Paris is the most visited museum in the world."
FRUIT = "Bananas are rich in potassium."


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("It is tall [1].", [(1,)]),
        ("It is tall [1][2].", [(1,), (2,)]),
        ("It is tall [1, 3] and old [2-4].", [(1, 3), (2, 3, 4)]),
        ("It is tall [1; 2] and old [2–3].", [(1, 2), (2, 3)]),
        ("It is tall [^1] and old [Passage 2] or [doc 3].", [(1,), (2,), (3,)]),
        ("It is tall (Passage 1). It is old (see passages 2 and 3).", [(1,), (2, 3)]),
        ("It is tall (source: Document [2]).", [(2,)]),
        ("It is tall¹ and old.²³", [(1,), (23,)]),
        ("It is tall【4†source】and old【5】.", [(4,), (5,)]),
        ("It is tall [1](https://example.org/a?b=1).", [(1,)]),
        ("According to Passage 2, it is tall; passages 1 and 3 agree.", [(2,), (1, 3)]),
        ("It is tall [1, 1].", [(1,)]),
        ("It is tall [4-2].", [(4, 2)]),
    ],
)
def test_marks_of_every_style_are_read(text: str, numbers: list[tuple[int, ...]]) -> None:
    assert [m.numbers for m in markers(text)] == numbers


@pytest.mark.parametrize(
    "text",
    [
        "It was built in [1889].",
        "It covers 30 m² and 10⁻³ of it.",
        "Use `a[1]` here.",
        "```\na[1]\n```",
        "```\na[1]",
        "The documents 3 days ago.",
        "Version 1.2 of source 2.5 [x] [] [ ]",
        "[^1]: Eiffel, page 3",
        "Sources:\n[1] Eiffel\n\n- [2] Louvre",
        "**References**\n1. Eiffel [1]",
        "Sources: [1], [2]",
    ],
)
def test_what_looks_like_a_mark_and_cites_nothing_is_left_alone(text: str) -> None:
    assert markers(text) == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("It is tall [1]. It is old [2].", [("It is tall.", (1,)), ("It is old.", (2,))]),
        ("It is tall.[1] It is old.[2]", [("It is tall.", (1,)), ("It is old.", (2,))]),
        ("It is tall. [1] It is old. [2]", [("It is tall.", (1,)), ("It is old.", (2,))]),
        ("It is tall. (Passage 1) It is old.", [("It is tall.", (1,)), ("It is old.", ())]),
        ("[1] It is tall.\n[2] It is old.", [("It is tall.", (1,)), ("It is old.", (2,))]),
        ("- fatigue [1]\n- nausea [2]", [("fatigue", (1,)), ("nausea", (2,))]),
        ("It is tall. Passage 2 says it is old.", [("It is tall.", ()), ("Passage says it is old.", (2,))]),
        ("It is tall [1], and old [2].", [("It is tall, and old.", (1, 2))]),
    ],
)
def test_a_mark_belongs_to_the_sentence_in_or_behind_which_it_stands(
    text: str, expected: list[tuple[str, tuple[int, ...]]]
) -> None:
    assert [(s.text, tuple(n for m in s.markers for n in m.numbers)) for s in statements(text)] == expected


@dataclass(frozen=True)
class Held:
    """A sentence is supported where the passages together hold each of its words; three dots make no claim."""

    name: str = "held"
    version: str = "1"

    def evaluate(self, chain: RagChain, /) -> Score | Skipped:
        if not chain.context:
            return Skipped("no_passages")
        known = {w for p in chain.context for w in p.text.split()}
        evidence: list[Evidence] = []
        at = 0
        for line in chain.answer.replace(". ", ".\n").split("\n"):
            words = [w.strip(".") for w in line.split("[")[0].split()]
            if words and "..." not in line:
                held = known.issuperset(words)
                verdict = "supported" if held else "unsupported"
                evidence.append(Evidence(line, at, at + len(line), verdict, float(held)))
            at += len(line) + 1
        return Score(0.5, "x", "", tuple(evidence)) if evidence else Skipped("nothing_checkable")


def support(answer: str, *passages: str) -> Score:
    score = CitationSupport(Held()).evaluate(RagChain("q", tuple(Passage(p) for p in passages), answer))
    assert isinstance(score, Score), score
    return score


@pytest.mark.parametrize(
    ("answer", "precision", "recall", "citations"),
    [
        ("Ada [1]. Bob [2].", 1.0, 1.0, 2),
        ("Ada [1]. Bob.", 1.0, 0.5, 1),
        ("Ada [2]. Bob [2].", 0.5, 0.5, 2),
        ("Ada [2]. Bob [1].", 0.0, 0.0, 2),
        ("Ada [1, 2].", 0.5, 1.0, 2),  # the second adds nothing
        ("Ada Bob [1, 2].", 1.0, 1.0, 2),  # neither is enough alone
        ("Ada Bob [1, 2, 3].", 2 / 3, 1.0, 3),  # the third is not needed
        ("Ada Bob [1-3].", 2 / 3, 1.0, 3),
        ("Ada Zed [1, 2].", 0.0, 0.0, 2),
        ("Ada [1]. Bob [9].", 0.5, 0.5, 2),
        ("Ada [1, 9].", 0.5, 1.0, 2),
        ("Ada [1]. Hm...well [2].", 1.0, 1.0, 1),
    ],
)
def test_precision_and_recall_by_hand(answer: str, precision: float, recall: float, citations: int) -> None:
    score = support(answer, "Ada", "Bob", "Cy")
    assert score.details["precision"] == pytest.approx(precision)
    assert score.details["recall"] == pytest.approx(recall)
    assert score.details["citations"] == citations
    both = precision + recall
    assert score.value == pytest.approx(2 * precision * recall / both if both else 0.0)
    assert score.label == ("supported" if precision == 1 else "partly" if precision else "unsupported")
    assert score.passed == (score.label != "unsupported")


def test_a_number_that_no_passage_has_is_a_flaw() -> None:
    answer = "Ada [1]. Bob [9]."
    score = support(answer, "Ada", "Bob")
    assert score.details["out_of_range"] == 1
    assert [answer[f.start : f.end] for e in score.evidence for f in e.flaws] == ["[9]"]
    assert "no passage has the number 9" in score.explanation


def test_a_sentence_that_another_passage_supports_was_cited_wrongly() -> None:
    score = support("Ada [2]. Bob [2].", "Ada", "Bob")
    assert score.details["cited_elsewhere"] == 1
    assert [(e.verdict, e.passage) for e in score.evidence] == [("unsupported", 1), ("supported", 1)]


def test_counting_begins_at_zero_where_zero_is_cited() -> None:
    assert support("Ada [0]. Bob [1].", "Ada", "Bob").value == 1.0
    assert support("Bob [1]. Ada [2].", "Ada", "Bob").value == 0.0


def test_numbers_count_what_reached_the_prompt() -> None:
    passages = (Passage("Zed", in_prompt=False), Passage("Ada"), Passage("Bob"))
    score = CitationSupport(Held()).evaluate(RagChain("q", passages, "Ada [1]. Bob [2]."))
    assert isinstance(score, Score)
    assert score.value == 1.0


def test_numbers_count_in_the_order_of_the_prompt_where_that_is_known() -> None:
    ranked = (Passage("Ada", prompt_rank=2), Passage("Bob", prompt_rank=1))
    score = CitationSupport(Held()).evaluate(RagChain("q", ranked, "Bob [1]. Ada [2]."))
    assert isinstance(score, Score)
    assert score.value == 1.0
    assert [e.passage for e in score.evidence] == [1, 0]


def test_numbers_that_the_prompt_itself_gave_hold() -> None:
    passages = (Passage("Ada", id="7", source="prompt"), Passage("Bob", id="3", source="prompt"))
    score = CitationSupport(Held()).evaluate(RagChain("q", passages, "Ada [7]. Bob [3]."))
    assert isinstance(score, Score)
    assert score.value == 1.0
    stored = tuple(Passage(p.text, p.id, source="retrieval") for p in passages)
    score = CitationSupport(Held()).evaluate(RagChain("q", stored, "Ada [1]. Bob [2]."))
    assert isinstance(score, Score)
    assert score.value == 1.0


@pytest.mark.parametrize(
    ("answer", "passages", "reason"),
    [
        ("The tower is tall.", (TOWER,), "no_citations"),
        (" ", (TOWER,), "empty_answer"),
        ("The tower is tall [1].", (), "no_passages"),
        ("The passages do not say [1].", (TOWER,), "refusal"),
        ("[1]", (TOWER,), "no_citations"),
    ],
)
def test_what_has_nothing_to_check_is_skipped(answer: str, passages: tuple[str, ...], reason: str) -> None:
    result = CitationSupport().evaluate(RagChain("q", tuple(Passage(p) for p in passages), answer))
    assert isinstance(result, Skipped)
    assert result.reason == reason


def test_the_real_judge_tells_right_citations_from_wrong_ones() -> None:
    passages = (Passage(FRUIT), Passage(TOWER), Passage(LOUVRE))
    answer = (
        "The Eiffel Tower is 330 metres tall [{}]. The Louvre is the most visited museum in the world (Passage {})."
    )
    question = "How tall is the Eiffel Tower?"
    right = CitationSupport().evaluate(RagChain(question, passages, answer.format(2, 3)))
    wrong = CitationSupport().evaluate(RagChain(question, passages, answer.format(1, 1)))
    assert isinstance(right, Score)
    assert isinstance(wrong, Score)
    assert (right.value, right.label) == (1.0, "supported")
    assert (wrong.value, wrong.label, wrong.details["cited_elsewhere"]) == (0.0, "unsupported", 2)


@pytest.mark.parametrize(
    "text",
    [
        "[1" * 50_000, "[1]" * 30_000, "(see passage 1, 2 and " * 5_000, "passage " * 20_000, "`" * 100_000,
        "source\n" * 20_000, "sources:\n" + "[1\n" * 30_000, "¹" * 50_000, "_" * 100_000, "\n" * 100_000,
        "[1](a" * 20_000, "【1†" * 20_000, "[" + "1, " * 30_000, "sources" + " " * 100_000,
    ],
)  # fmt: skip
def test_marks_are_found_in_linear_time(text: str) -> None:
    started = process_time()
    statements(text)
    assert process_time() - started < 5


def test_many_citations_cost_a_bounded_time() -> None:
    passages = tuple(Passage(f"Fact number {n} holds in town {n}.") for n in range(60))
    answer = " ".join(f"Fact {n} holds in town {n} [{n % 50 + 1}-{n % 50 + 12}]." for n in range(200))
    started = process_time()
    result = CitationSupport().evaluate(RagChain("What holds?", passages, answer))
    assert process_time() - started < 10
    assert isinstance(result, Score)
    assert result.details["unchecked"] > 0
