"""What a judge's verdicts become: value, label, evidence, explanation, usage and cost."""

import json
from dataclasses import replace
from typing import Any

import pytest

from groundwire.errors import ConfigurationError, JudgeError
from groundwire.judge import Judge
from groundwire.model import Passage, RagChain, Score, Skipped
from judge.server import JudgeServer, Says, honest, row

TOWER = Passage("The Eiffel Tower is 330 metres tall. It was completed in 1889.")
LOUVRE = Passage("The Louvre opened in 1793 as a museum.")
ANSWER = "The Eiffel Tower is 330 metres tall. It was finished in 1925. I hope this helps!"
CHAIN = RagChain("How tall is the tower?", (TOWER, LOUVRE), ANSWER)
ROWS = [
    row(1, "supported", "The Eiffel Tower is 330 metres tall"),
    row(2, "contradicted", "It was completed in 1889."),
    row(3, "not_checkable", "", 0),
]


def judge(server: JudgeServer, **settings: Any) -> Judge:
    return Judge("test-model", **{"base_url": server.url, "retries": 0, **settings})


def test_the_whole_score() -> None:
    with JudgeServer(ROWS) as server:
        result = judge(server, price=(1.0, 4.0)).evaluate(CHAIN)
    assert isinstance(result, Score)
    assert (result.value, result.label, result.passed) == (0.5, "unfaithful", False)
    assert [e.verdict for e in result.evidence] == ["supported", "contradicted", "not_checkable"]
    first, second, third = result.evidence
    assert (first.passage, TOWER.text[first.passage_start : first.passage_end]) == (
        0,
        "The Eiffel Tower is 330 metres tall",
    )
    assert TOWER.text[second.passage_start : second.passage_end] == "It was completed in 1889."
    assert [ANSWER[e.start : e.end] for e in result.evidence] == [e.text for e in result.evidence]
    assert (first.probability, second.probability, third.passage) == (1.0, 0.0, None)
    assert result.explanation == '1 of 2 sentences not supported: "It was finished in 1925." (against the passages)'
    assert result.details["supported_ratio"] == 0.5
    assert result.details["checkable"] == 2.0
    assert result.details["sentences"] == 3.0
    assert result.details["contradicted"] == 1.0
    assert result.details["unjudged"] == 0.0
    assert result.model == "test-model"
    assert result.usage is not None
    assert (result.usage.input_tokens, result.usage.output_tokens) == (1000, 200)
    assert result.cost_usd == pytest.approx((1000 * 1.0 + 200 * 4.0) / 1e6)


def test_one_call_an_answer() -> None:
    with JudgeServer(ROWS) as server:
        judge(server).evaluate(CHAIN)
        assert len(server.asked) == 1


def test_an_answer_that_is_all_supported_is_faithful() -> None:
    chain = replace(CHAIN, answer="The Eiffel Tower is 330 metres tall. The Louvre opened in 1793 as a museum.")
    with JudgeServer() as server:
        result = judge(server).evaluate(chain)
    assert isinstance(result, Score)
    assert (result.value, result.label, result.passed) == (1.0, "faithful", True)
    assert [e.passage for e in result.evidence] == [0, 1]
    assert result.explanation == "2 of 2 sentences supported"


def test_one_bad_sentence_of_many_is_partly() -> None:
    facts = [f"Hall {n} has {n} lamps." for n in range(1, 10)]
    chain = RagChain(None, (Passage(" ".join(facts)),), " ".join([*facts, "Hall 99 has chairs."]))
    with JudgeServer() as server:
        result = judge(server).evaluate(chain)
    assert isinstance(result, Score)
    assert (result.value, result.label, result.passed) == (0.9, "partly", True)


def test_only_passages_that_reached_the_prompt_are_shown_and_counted_by_their_own_index() -> None:
    dropped = Passage("Nothing of this was seen.", in_prompt=False)
    chain = replace(CHAIN, passages=(dropped, LOUVRE, TOWER), answer="The Eiffel Tower is 330 metres tall.")
    with JudgeServer() as server:
        result = judge(server).evaluate(chain)
        assert server.asked[0].passages == [LOUVRE.text, TOWER.text]
    assert isinstance(result, Score)
    assert result.evidence[0].passage == 2


def test_a_quote_from_a_miscounted_passage_is_found_where_it_is() -> None:
    chain = replace(CHAIN, answer="The Louvre opened in 1793 as a museum.")
    with JudgeServer([row(1, quote="The Louvre opened in 1793", passage=1)]) as server:
        result = judge(server).evaluate(chain)
    assert isinstance(result, Score)
    assert (result.value, result.evidence[0].passage) == (1.0, 1)


def test_typography_and_white_space_of_a_quote_do_not_matter() -> None:
    passage = Passage("He said:  “the – first”\nof its  kind’s sort.")
    chain = RagChain(None, (passage,), "It was the first of its kind.")
    with JudgeServer([row(1, quote='"the - first" of its kind\'s')]) as server:
        result = judge(server).evaluate(chain)
    assert isinstance(result, Score)
    assert result.value == 1.0
    assert passage.text[result.evidence[0].passage_start : result.evidence[0].passage_end] == (
        "the – first”\nof its  kind’s"
    )


@pytest.mark.parametrize(
    ("chain", "reason"),
    [
        (replace(CHAIN, answer="  \n"), "empty_answer"),
        (replace(CHAIN, refused=True), "refusal"),
        (replace(CHAIN, passages=()), "no_passages"),
        (replace(CHAIN, passages=(replace(TOWER, in_prompt=False), Passage("  "))), "no_passages"),
        (replace(CHAIN, answer="... !!"), "nothing_checkable"),
    ],
)
def test_what_cannot_be_judged_is_skipped_without_a_call(chain: RagChain, reason: str) -> None:
    with JudgeServer() as server:
        result = judge(server).evaluate(chain)
        assert server.asked == []
    assert isinstance(result, Skipped)
    assert result.reason == reason


def test_an_answer_without_statements_has_no_value() -> None:
    chain = replace(CHAIN, answer="Hello! How can I help you?")
    with JudgeServer(lambda asked: [row(n, "not_checkable") for n in range(1, len(asked.sentences) + 1)]) as server:
        assert judge(server).evaluate(chain) == Skipped("nothing_checkable")


@pytest.mark.parametrize(
    "answer",
    [
        "🎉🎉 It is 330 metres!",
        "ارتفاع برج إيفل 330 مترا. اكتمل عام 1889.",
        "エッフェル塔の高さは330メートルです。1889年に完成しました。",
        "```python\nprint(330)\n```\nIt prints 330.",
        "| tower | height |\n|---|---|\n| Eiffel | 330 |",
        "<b>The tower</b> is 330 metres.\x00\x07",
        "lone surrogate \ud800 here is 330.",
        "word " * 20_000,
    ],
)
def test_whatever_an_answer_holds_there_is_a_score(answer: str) -> None:
    chain = replace(CHAIN, answer=answer)
    with JudgeServer(lambda asked: [row(n, quote="330 metres tall") for n in range(1, 400)]) as server:
        result = judge(server).evaluate(chain)
    assert isinstance(result, Score | Skipped)


def test_a_question_that_is_too_long_is_not_asked_and_not_cut() -> None:
    chain = replace(CHAIN, passages=(Passage("metre " * 2000),))
    with JudgeServer() as server:
        result = judge(server, max_input_tokens=1000).evaluate(chain)
        assert server.asked == []
    assert isinstance(result, Skipped)
    assert result.reason == "too_long"


def test_the_value_does_not_depend_on_how_often_or_where_it_is_asked() -> None:
    with JudgeServer(ROWS) as one, JudgeServer(ROWS) as other:
        results = [judge(one).evaluate(CHAIN), judge(one).evaluate(CHAIN), judge(other, cache=False).evaluate(CHAIN)]
    assert results[0] == results[1] == results[2]


def test_several_answers_are_judged_at_once_and_come_back_in_their_order() -> None:
    chains = [replace(CHAIN, answer=f"The hall has {n} lamps.", passages=(Passage(f"The hall has {n % 2} lamps."),))
              for n in range(6)]  # fmt: skip
    with JudgeServer() as server:
        results = judge(server, concurrency=3).evaluate_many(chains)
    assert [r.value for r in results if isinstance(r, Score)] == [1.0, 1.0, 0.0, 0.0, 0.0, 0.0]


def test_one_failure_of_a_batch_is_one_failure() -> None:
    def mind(asked: Any) -> Any:
        return Says("sorry") if "3 lamps" in asked.user else honest(asked)

    chains = [replace(CHAIN, answer=f"The hall has {n} lamps.") for n in range(5)]
    with JudgeServer(mind) as server:
        results = judge(server).evaluate_many(chains)
    assert [type(r).__name__ for r in results] == ["Score", "Score", "Score", "JudgeError", "Score"]
    assert isinstance(results[3], JudgeError)


def test_versions_of_different_models_differ() -> None:
    with JudgeServer() as server:
        assert judge(server).version != replace(judge(server), model="another").version


@pytest.mark.parametrize(
    "settings",
    [
        {"model": " "},
        {"base_url": "localhost:8000"},
        {"base_url": "https://user:pw@host/v1"},
        {"base_url": "https://host/v1?x=1"},
        {"base_url": "http://host:99999/v1"},
        {"api": "grpc"},
        {"timeout_s": 0},
        {"timeout_s": float("nan")},
        {"concurrency": 0},
        {"retries": -1},
        {"threshold": 1.5},
        {"price": (1.0, -1.0)},
        {"api_key": "two\nlines"},
    ],
)
def test_mistakes_in_settings_are_told_at_once(settings: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError):
        Judge(**{"model": "m", "base_url": "http://127.0.0.1:9/v1", **settings})


def test_a_vendor_needs_a_key_and_the_message_names_its_variable() -> None:
    for model, name in (("gpt-4.1-mini", "OPENAI"), ("claude-haiku-4-5", "ANTHROPIC"), ("gemini-2.5-flash", "G")):
        with pytest.raises(ConfigurationError, match=f"{name}.*_API_KEY"):
            Judge(model)


def test_the_prompt_is_the_same_for_the_same_chain() -> None:
    with JudgeServer() as server:
        for _ in range(2):
            judge(server, cache=False).evaluate(CHAIN)
        assert json.dumps(server.asked[0].body) == json.dumps(server.asked[1].body)
