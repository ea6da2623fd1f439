"""The adapter of ragas, with the real library and an LLM on loopback: `make test-adapters`."""

from collections.abc import Iterator
from typing import Any

import pytest

pytest.importorskip("ragas")

from openai import AsyncOpenAI

import groundwire
from adapters.openai_double import Double, serving
from groundwire.model import Failed, Score, Skipped
from groundwire_evaluators.adapters.ragas import RagasMetric

pytestmark = pytest.mark.filterwarnings("default")

CHAIN = {"question": "How tall is it?", "passages": ["It is 330 m tall."], "answer": "It is 330 m tall. Built in 1889."}


def said(request: str) -> Any:
    if "verdict" in request:
        one, two = ({"statement": s, "reason": "r", "verdict": v} for s, v in (("330 m", 1), ("1889", 0)))
        return {"statements": [one, two]}
    return {"statements": ["330 m", "1889"]}


@pytest.fixture
def llm() -> Iterator[Double]:
    with serving(said) as double:
        yield double


def modern(double: Double) -> Any:
    from ragas.llms import llm_factory
    from ragas.metrics.collections import Faithfulness

    client = AsyncOpenAI(base_url=double.url, api_key="none", max_retries=0)
    return Faithfulness(llm=llm_factory("gpt-4o-mini", client=client))


def judge(metric: Any, **settings: Any) -> Score | Skipped | Failed:
    evaluator = RagasMetric(metric, **settings)
    return groundwire.evaluate(**CHAIN, evaluators=[evaluator])[evaluator.name]  # type: ignore[arg-type]


def test_a_metric_of_the_collections_judges_a_chain(llm: Double) -> None:
    evaluator = RagasMetric(modern(llm))
    assert (evaluator.name, evaluator.version) == ("ragas_faithfulness", "0.4.3")
    result = groundwire.evaluate(**CHAIN, evaluators=["faithfulness", evaluator])  # type: ignore[arg-type]
    assert result["ragas_faithfulness"] == Score(0.5, "pass", passed=True, details={"ragas": 0.5}, model="gpt-4o-mini")
    assert len(llm.asked) == 2
    assert "It is 330 m tall." in str(llm.asked[1])


def test_a_client_survives_from_one_chain_to_the_next(llm: Double) -> None:
    evaluator = RagasMetric(modern(llm))
    chains = [groundwire.RagChain("How tall?", (groundwire.Passage("330 m"),), f"answer {i}") for i in range(3)]
    assert [e.result for e in groundwire.scoring.score(chains, [evaluator])] == [judge(modern(llm))] * 3


async def test_it_judges_inside_a_running_loop(llm: Double) -> None:
    assert isinstance(judge(modern(llm)), Score)


def test_what_a_chain_lacks_is_skipped_without_a_call(llm: Double) -> None:
    evaluator = RagasMetric(modern(llm), name="it")
    assert groundwire.evaluate(answer="x", evaluators=[evaluator]) == {"it": Skipped("no_question")}
    assert groundwire.evaluate(question="q", answer="x", evaluators=[evaluator]) == {"it": Skipped("no_passages")}
    assert groundwire.evaluate(question="q", passages=["p"], answer=" ", evaluators=[evaluator]) == {
        "it": Skipped("empty_answer")
    }
    assert llm.asked == []


def test_nan_is_skipped() -> None:
    with serving(lambda request: {"statements": []}) as nothing:
        assert judge(modern(nothing)) == Skipped("nothing_checkable", "ragas gave NaN")


def test_a_judge_that_cannot_be_read_fails_alone() -> None:
    with serving(lambda request: "no JSON of that kind") as broken:
        result = judge(modern(broken))
    assert isinstance(result, Failed)


def test_an_older_metric_judges_a_chain(llm: Double) -> None:
    from langchain_openai import ChatOpenAI
    from ragas.llms import LangchainLLMWrapper
    from ragas.metrics import Faithfulness

    chat: Any = ChatOpenAI(model="gpt-4o-mini", base_url=llm.url, api_key="none")  # type: ignore[arg-type]
    result = judge(Faithfulness(llm=LangchainLLMWrapper(chat)))
    assert isinstance(result, Score)
    assert result.value == 0.5


def test_metrics_without_a_model_judge_a_chain() -> None:
    from ragas.metrics import NonLLMStringSimilarity
    from ragas.metrics.collections import QuotedSpansAlignment

    assert judge(NonLLMStringSimilarity()) == Skipped("no_reference")
    result = judge(QuotedSpansAlignment())
    assert isinstance(result, Score)
    assert result.explanation == "No quoted spans found in response"


def test_labels_are_taken_in_the_order_that_is_given() -> None:
    from ragas.metrics import discrete_metric

    @discrete_metric(name="tone", allowed_values=["polite", "rude"])
    def tone(user_input: str, response: str) -> str:
        return "polite"

    assert judge(tone, labels=("rude", "polite")) == Score(1.0, "polite", passed=True)
    failed = judge(tone)
    assert isinstance(failed, Failed)
    assert "give labels= from the worst to the best" in failed.message


def test_lower_may_be_better_and_scales_may_be_wider() -> None:
    from ragas.metrics import numeric_metric

    @numeric_metric(name="stars", allowed_values=(1, 5))
    def stars(response: str) -> float:
        return 2.0

    result = judge(stars, scale=(1.0, 5.0), better="lower")
    assert result == Score(0.75, "pass", details={"ragas": 2.0}, passed=True)
    assert isinstance(judge(stars), Failed)


def test_a_metric_that_asks_for_more_than_an_answer_is_refused(llm: Double) -> None:
    from ragas.metrics.collections import ToolCallF1

    with pytest.raises(groundwire.ConfigurationError, match="asks for reference_tool_calls"):
        RagasMetric(ToolCallF1())
    with pytest.raises(groundwire.ConfigurationError, match="wants a metric object"):
        RagasMetric(type(modern(llm)))
