import pytest

from groundwire_evaluators.claims import FEATURES, Claim, read_claim
from groundwire_evaluators.passages import index_passages
from groundwire_evaluators.words import negated

MATCH = "Brazil beat Germany 2-1 on July 8, 2014. The crowd did not leave. \u201cWe were lucky,\u201d the coach said."


def read(answer: str, *passages: str) -> Claim:
    return read_claim(answer, (0, len(answer)), index_passages(passages), frozenset(), {"": 0.3}, {})


def marked(answer: str, *passages: str) -> set[tuple[str, str]]:
    return {(answer[m.start : m.end], m.reason) for m in read(answer, *passages).marks}


def measure(answer: str, name: str, *passages: str) -> float:
    return read(answer, *passages).measures[FEATURES.index(name)]


def test_a_lead_in_and_a_passage_number_are_nothing_new() -> None:
    for answer in (
        "Based on the provided passages, Brazil beat Germany (Passage 7).",
        "However, it is important to note that Brazil beat Germany.",
        "According to the report, Brazil beat Germany 2-1 [Source 4].",
    ):
        assert marked(answer, MATCH) == set()
        assert measure(answer, "novel_count", MATCH) == 0
        assert measure(answer, "numbers_unknown", MATCH) == 0


def test_a_lead_in_hides_no_claim() -> None:
    answer = "According to the report, France beat Germany 5-1."
    assert {("France", "name"), ("5", "number")} <= marked(answer, MATCH)


def test_an_evidence_span_keeps_its_lead_in() -> None:
    claim = read("Based on the passages, Brazil won.", MATCH)
    assert (claim.words.start, claim.words.end) == (0, 34)


def test_who_beat_whom_is_told() -> None:
    assert ("Germany", "opposite") in marked("Germany beat Brazil 2-1.", MATCH)
    assert measure("Germany beat Brazil 2-1.", "opposites", MATCH) == 1
    assert measure("Brazil beat Germany 2-1.", "opposites", MATCH) == 0


def test_a_date_must_stand_together() -> None:
    other = "It rained on May 3, 2016."
    assert ("July 3, 2014", "date") in marked("Brazil beat Germany on July 3, 2014.", MATCH, other)
    assert measure("Brazil beat Germany on July 3, 2014.", "numbers_unknown", MATCH, other) == 1
    assert marked("Brazil beat Germany on 8 July 2014.", MATCH, other) == set()


def test_a_denied_word_is_marked() -> None:
    assert ("leave", "negation") in marked("The crowd did leave.", MATCH)
    assert marked("The crowd didn\u2019t leave.", MATCH) == set()


@pytest.mark.parametrize(
    ("quoted", "known"),
    [
        ("We were lucky", True),
        ("We were lucky,", True),
        ("We were very lucky", False),
        ("lucky were we all", False),
        ("Brazil beat Germany ... The crowd did not leave", True),
        ("Brazil beat Germany. We were lucky", True),
    ],
)
def test_a_quotation_is_compared_word_for_word(quoted: str, known: bool) -> None:
    found = {text for text, reason in marked(f'He said: "{quoted}"', MATCH) if reason == "quote"}
    assert bool(found) == (not known)


def test_every_measure_is_finite_and_named() -> None:
    claim = read("Brazil beat Germany.", MATCH)
    assert len(claim.measures) < len(FEATURES)
    assert all(abs(value) < 100 for value in claim.measures)


def test_not_only_denies_nothing() -> None:
    assert not negated(["It", "runs", "not", "only", "in", "Paris"])
    assert negated(["It", "does", "not", "run", "in", "Paris"])
