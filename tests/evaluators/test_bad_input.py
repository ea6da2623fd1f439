"""What nobody should send and somebody will: every judge gives a score or a reason, in time linear in the text."""

import gc
import tracemalloc
from collections.abc import Callable
from time import thread_time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from groundwire.model import Evaluator, Passage, RagChain, Score, Skipped
from groundwire_evaluators.answer_relevance import AnswerRelevance
from groundwire_evaluators.context_relevance import ContextRelevance
from groundwire_evaluators.faithfulness import Faithfulness

LEXICAL = Faithfulness(tier="lexical")
JUDGES: tuple[Evaluator, ...] = (LEXICAL, ContextRelevance(), AnswerRelevance())
TOWER = "The Eiffel Tower is 330 metres tall. It was completed in 1889."
QUESTION = "How tall is the Eiffel Tower?"
ODD = {
    "one word": "tower",
    "one digit": "7",
    "punctuation": "?!... --- ///",
    "emoji": "\U0001f600\U0001f468\u200d\U0001f469\u200d\U0001f467 \U0001f1eb\U0001f1f7 330",
    "right to left": "\u05d4\u05de\u05d2\u05d3\u05dc \u05d2\u05d1\u05d5\u05d4 330. \u202eabc\u202c",
    "Arabic": "\u0627\u0631\u062a\u0641\u0627\u0639 \u0627\u0644\u0628\u0631\u062c \u0663\u0663\u0660\u061f",
    "Chinese": "\u57c3\u83f2\u5c14\u94c1\u5854\u9ad8\u4e09\u767e\u7c73\u3002\u5efa\u4e8e1889\u5e74",
    "Thai": "\u0e2b\u0e2d\u0e44\u0e2d\u0e40\u0e1f\u0e25\u0e2a\u0e39\u0e07 330 \u0e40\u0e21\u0e15\u0e23",
    "Hindi": "\u091f\u0949\u0935\u0930 \u0969\u0969\u0966 \u092e\u0940\u091f\u0930 \u0939\u0948\u0964",
    "code": "```python\ndef tall(x):\n    return x['m'] + 330  # metres\n```",
    "an open fence": "```\nx = 1",
    "a table": "| City | Height |\n|---|---|\n| Paris | 330 m |\n| Lyon | 20 m |",
    "half a table": "|||\n|-|\n||a|",
    "CSV": 'city,height,year\nParis,330,1889\n"Lyon, FR",20,1901\n',
    "HTML": "<div class='x'><p>The tower is 330&nbsp;m.</p><script>alert(1)</script></div>",
    "broken JSON": '{"a": [1, {"b": "c\\", "d": tru',
    "nested JSON": '{"a":' * 3_000,
    "a dictionary in a string": '{"parking": "{\'lot\': False, \'x\': \\"y", "u": "u\'no\'"}',
    "control characters": "\x00\x01\x1b[31mtower\x1b[0m\x07 330\x7f",
    "lone surrogates": "tower \ud800 330 \udfff\ud83d",
    "zero width": "to\u200bwer\u00ad \ufeff3\u200d30 \u2060",
    "accents alone": "\u0301\u0301\u0301 e\u0301",
    "full width": "\uff34\uff4f\uff57\uff45\uff52 \uff13\uff13\uff10 \uff4d\uff0e",
    "fractions": "\u00bd \u2153 1/0 0/0 1/2/3/4/5 99/99/9999",
    "odd numbers": "1e999 9" + "9" * 400 + " 1.2.3.4 1,2,3 ,, 12:99 \u00b2 \u2167 nan inf -0",
    "odd dates": "May 99, May May, 31 February 0000, 2021-99-99, 5/5/5/5, January",
    "line ends": "a\r\nb\rc\u2028d\u2029e\x0bf\x0cg\x85h",
    "marks": "**__``~~[[((",
    "address": "https://a.org/x?y=1&z=2#frag.Bar mailto:a@b.c ftp://",
}  # fmt: skip


def judged(judge: Evaluator, answer: str, *passages: str, question: str | None = QUESTION) -> Score | Skipped:
    result = judge.evaluate(RagChain(question, tuple(Passage(p) for p in passages), answer))
    assert isinstance(result, Skipped) or 0.0 <= result.value <= 1.0
    assert not isinstance(result, Skipped) or result.reason
    return result


@pytest.mark.parametrize("judge", JUDGES, ids=lambda j: j.name)
@pytest.mark.parametrize("text", ODD.values(), ids=ODD)
def test_odd_text_anywhere_gives_a_score_or_a_reason(judge: Evaluator, text: str) -> None:
    for chain in ((text, TOWER), (TOWER, text), (text, text), (TOWER, TOWER, text), (text, text, TOWER)):
        first = judged(judge, *chain)
        assert judged(judge, *chain) == first
        judged(judge, *chain, question=text)


@pytest.mark.parametrize("judge", JUDGES, ids=lambda j: j.name)
@pytest.mark.parametrize("blank", ["", " ", "\n\t ", "\u00a0\u2003", "\u3000"])
def test_blank_texts_are_skipped(judge: Evaluator, blank: str) -> None:
    judged(judge, blank, blank, question=blank)
    if judge.name != "context_relevance":
        assert judged(judge, blank, TOWER) == Skipped("empty_answer")
    if judge.name != "answer_relevance":
        assert judged(judge, TOWER, blank) == Skipped("no_passages")


@pytest.mark.parametrize("judge", JUDGES[1:], ids=lambda j: j.name)
@pytest.mark.parametrize("question", [None, "", " ", "?", "the"])
def test_relevance_without_a_question_is_skipped(judge: Evaluator, question: str | None) -> None:
    result = judged(judge, TOWER, TOWER, question=question)
    assert isinstance(result, Skipped)
    assert result.reason == "no_question"


def test_faithfulness_needs_no_question() -> None:
    assert isinstance(judged(LEXICAL, TOWER, TOWER, question=None), Score)


@pytest.mark.parametrize("text", [TOWER, ODD["a table"], ODD["CSV"], ODD["full width"], ODD["HTML"], ODD["Hindi"]])
def test_an_answer_that_is_a_passage_is_faithful(text: str) -> None:
    result = judged(LEXICAL, text, text)
    assert isinstance(result, Score)
    assert result.passed


@pytest.mark.parametrize("name", ["Chinese", "Thai"])
def test_a_language_without_spaces_is_never_scored(name: str) -> None:
    for judge in (LEXICAL, AnswerRelevance()):
        for passage in (ODD[name], TOWER):
            result = judged(judge, ODD[name], passage)
            assert isinstance(result, Skipped)
            assert result.reason == "language"
    buried = "The tower. " * 1_000 + ODD[name] * 1_000  # not to be seen at the beginning
    assert isinstance(judged(LEXICAL, buried, TOWER), Skipped)


def test_identical_passages_count_once() -> None:
    for answer in (TOWER, "The tower is 350 metres tall."):
        one, many = judged(LEXICAL, answer, TOWER), judged(LEXICAL, answer, *[TOWER] * 100)
        assert isinstance(one, Score)
        assert isinstance(many, Score)
        assert many.value == one.value


@pytest.mark.parametrize("judge", JUDGES, ids=lambda j: j.name)
def test_a_hundred_passages_are_read(judge: Evaluator) -> None:
    others = [f"Tower number {i} of city {i * 7} stands {i + 10} metres tall." for i in range(99)]
    result = judged(judge, "The Eiffel Tower is 330 metres tall.", *others, TOWER)
    assert isinstance(result, Score)
    assert result.passed


def _prose(size: int) -> str:
    words = [f"{a}{b}{a}{i % 89}" if i % 11 == 0 else f"{a}o{b}i" for i, (a, b) in enumerate(_LETTERS)]
    text = " ".join(w.title() + "." if i % 14 == 0 else w for i, w in enumerate(words))
    return (text * (size // len(text) + 1))[:size]


_LETTERS = [(a, b) for a in "bcdfghklmnprstvw" for b in "bcdfghklmnprstvw" for _ in range(8)]
LONG: dict[str, Callable[[int], str]] = {
    "prose": _prose,
    "digits": lambda n: "7" * n,
    "digits apart": lambda n: "7 " * (n // 2),
    "numbers": lambda n: " ".join(str(i * 7919 % 1_000_003) for i in range(n // 7))[:n],
    "number words": lambda n: "one hundred and " * (n // 16),
    "dates": lambda n: "May 3, 2021. " * (n // 13),
    "names": lambda n: "Alice beat Bob. " * (n // 16),
    "JSON": lambda n: '{"a": [' + "1, " * (n // 3),
    "rows": lambda n: "|a|b|\n" * (n // 6),
    "CSV": lambda n: 'a,b,"c"\n' * (n // 8),
    "quotes": lambda n: '"abc def ghi" ' * (n // 14),
    "apostrophes": lambda n: "'" * n + "a",
    "tags": lambda n: "<p>a</p>" * (n // 8),
    "citations": lambda n: "[1]" * (n // 3) + " tower",
    "accents": lambda n: "a" + "\u0301" * n,
    "invisible": lambda n: "a\u200b" * (n // 2),
    "negations": lambda n: "not open " * (n // 9),
    "strokes": lambda n: "1/2/" * (n // 4),
    "blanks": lambda n: " " * n + "x",
    "lines": lambda n: "a\n" * (n // 2),
}


def _seconds(judge: Evaluator, text: str) -> float:
    """Of this thread's own work: neither other processes count nor collections of what other tests left behind."""
    took: list[float] = []
    gc.collect()
    gc.disable()
    try:
        for _ in range(3):
            began = thread_time()
            judged(judge, text, text, question=text)
            took.append(thread_time() - began)
    finally:
        gc.enable()
    return min(took)


@pytest.mark.parametrize("kind", LONG)
def test_twice_the_text_takes_about_twice_the_time(kind: str) -> None:
    make = LONG[kind]
    once, twice = _seconds(LEXICAL, make(15_000)), _seconds(LEXICAL, make(30_000))
    assert twice <= 2.6 * once + 0.02


@pytest.mark.parametrize("judge", JUDGES[1:], ids=lambda j: j.name)
@pytest.mark.parametrize("kind", ["prose", "numbers", "JSON", "rows"])
def test_relevance_takes_linear_time_too(judge: Evaluator, kind: str) -> None:
    once, twice = _seconds(judge, LONG[kind](15_000)), _seconds(judge, LONG[kind](30_000))
    assert twice <= 2.6 * once + 0.02


@pytest.mark.parametrize("kind", ["digits", "apostrophes", "accents", "blanks", "tags"])
def test_a_megabyte_of_nothing_much_takes_a_second(kind: str) -> None:
    text = LONG[kind](1_000_000)
    began = thread_time()
    judged(LEXICAL, text, text)
    assert thread_time() - began < 3


def test_thirty_two_thousand_tokens_take_bounded_memory() -> None:
    text = _prose(160_000)
    judged(LEXICAL, TOWER, TOWER)
    tracemalloc.start()
    try:
        judged(LEXICAL, text, text)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 80e6


_ANY = st.text(st.characters(exclude_categories=()), max_size=60)
_PIECES = st.lists(st.sampled_from([*ODD.values(), TOWER, QUESTION, "not", "330", ". ", "\n", "|", ","]), max_size=4)
TEXTS = _ANY | _PIECES.map(lambda pieces: " ".join(p[:400] for p in pieces))


@settings(deadline=None, max_examples=60)
@given(TEXTS, st.lists(TEXTS, max_size=3), st.none() | TEXTS)
def test_no_text_raises_and_the_same_text_scores_the_same(
    answer: str, passages: list[str], question: str | None
) -> None:
    for judge in JUDGES:
        first = judged(judge, answer, *passages, question=question)
        assert judged(judge, answer, *passages, question=question) == first


@settings(deadline=None, max_examples=40)
@given(TEXTS, st.lists(TEXTS, min_size=2, max_size=4), st.data())
def test_no_value_depends_on_the_order_of_the_passages(answer: str, passages: list[str], data: st.DataObject) -> None:
    others = data.draw(st.permutations(passages))
    for judge in JUDGES:
        one, other = judged(judge, answer, *passages), judged(judge, answer, *others)
        assert isinstance(one, Score) == isinstance(other, Score)
        if isinstance(one, Score) and isinstance(other, Score):
            assert one.value == pytest.approx(other.value, abs=1e-9)
