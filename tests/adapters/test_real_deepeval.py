"""The adapter of deepeval, with the real library and an LLM on loopback: `make test-adapters`."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("deepeval")

import groundwire
from adapters.openai_double import Double, serving
from groundwire.model import Failed, RagChain, Score, Skipped
from groundwire_evaluators.adapters.deepeval import DeepEvalMetric

pytestmark = pytest.mark.filterwarnings("default")

CHAIN = {"question": "How tall is it?", "passages": ["It is 330 m tall."], "answer": "It is 330 m tall. Built in 1889."}


def said(request: str) -> Any:
    wanted = json.loads(request).get("response_format", {}).get("json_schema", {}).get("schema", {})
    replies: dict[str, Any] = {
        "truths": ["It is 330 m tall."],
        "claims": ["It is 330 m tall.", "It was built in 1889."],
        "verdicts": [{"verdict": "yes", "reason": None}, {"verdict": "no", "reason": "no year is given"}],
        "reason": "one claim has no support",
        "steps": ["read it"],
        "score": 7,
    }
    return {key: value for key, value in replies.items() if key in wanted.get("properties", ("score", "reason"))}


@pytest.fixture
def llm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Double]:
    monkeypatch.chdir(tmp_path)  # it leaves a folder where it runs
    with serving(said) as double:
        yield double


def model(double: Double) -> Any:
    from deepeval.models import GPTModel

    return GPTModel(model="gpt-4o-mini", base_url=double.url, api_key="none")


def faithfulness(double: Double, **settings: Any) -> Any:
    from deepeval.metrics import FaithfulnessMetric

    return FaithfulnessMetric(model=model(double), **settings)


@pytest.mark.parametrize("async_mode", [True, False])
def test_a_metric_judges_a_chain(llm: Double, async_mode: bool, capfd: pytest.CaptureFixture[str]) -> None:
    evaluator = DeepEvalMetric(faithfulness(llm, async_mode=async_mode, threshold=0.6))
    assert (evaluator.name, evaluator.version, evaluator.threshold) == ("deepeval_faithfulness", "4.3.1", 0.6)
    result = groundwire.evaluate(**CHAIN, evaluators=[evaluator])["deepeval_faithfulness"]  # type: ignore[arg-type]
    assert isinstance(result, Score), result
    assert (result.value, result.label, result.passed) == (0.5, "fail", False)
    assert result.explanation == "one claim has no support"
    assert result.model == "gpt-4o-mini"
    assert result.usage == groundwire.Usage(400, 80)
    assert result.cost_usd is not None
    assert 0 < result.cost_usd < 0.01
    assert len(llm.asked) == 4
    assert "It is 330 m tall." in str(llm.asked)
    assert "Evaluating" not in capfd.readouterr().err, "no progress bar in an application's log"


def test_threads_do_not_meet_in_the_metric_object(llm: Double) -> None:
    metric = faithfulness(llm, include_reason=False)
    evaluator = DeepEvalMetric(metric)
    chains = [RagChain("How tall?", (groundwire.Passage("330 m"),), f"answer {i}") for i in range(8)]
    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(evaluator.evaluate, chains))
    assert [isinstance(r, Score) and r.value for r in results] == [0.5] * 8
    assert metric.score is None, "the user's object is as it was"


async def test_it_judges_inside_a_running_loop(llm: Double) -> None:
    evaluator = DeepEvalMetric(faithfulness(llm))
    result = groundwire.evaluate(**CHAIN, evaluators=[evaluator])["deepeval_faithfulness"]  # type: ignore[arg-type]
    assert isinstance(result, Score), result


def test_what_a_chain_lacks_is_skipped_without_a_call(llm: Double) -> None:
    from deepeval.metrics import ExactMatchMetric

    evaluator = DeepEvalMetric(faithfulness(llm), name="it")
    assert groundwire.evaluate(answer="x", evaluators=[evaluator]) == {"it": Skipped("no_question")}
    assert groundwire.evaluate(question="q", answer="x", evaluators=[evaluator]) == {"it": Skipped("no_passages")}
    exact = DeepEvalMetric(ExactMatchMetric(), name="exact")
    assert groundwire.evaluate(**CHAIN, evaluators=[exact]) == {"exact": Skipped("no_reference")}  # type: ignore[arg-type]
    same = groundwire.evaluate(question="q", answer="yes", reference="yes", evaluators=[exact])["exact"]
    assert isinstance(same, Score)
    assert (same.value, same.cost_usd, same.usage) == (1.0, None, None)
    assert llm.asked == []


def test_a_criterion_in_words_has_a_name_that_fits_into_an_attribute(llm: Double) -> None:
    from deepeval.metrics import GEval
    from deepeval.test_case import SingleTurnParams

    metric = GEval(
        name="Polite tone!", criteria="Is it polite?", evaluation_params=[SingleTurnParams.ACTUAL_OUTPUT],
        model=model(llm),
    )  # fmt: skip
    evaluator = DeepEvalMetric(metric)
    assert evaluator.name == "deepeval_polite_tone_geval"
    result = groundwire.evaluate(**CHAIN, evaluators=[evaluator])[evaluator.name]  # type: ignore[arg-type]
    assert isinstance(result, Score), result
    assert result.value == pytest.approx(0.7)


def test_a_judge_that_cannot_be_read_fails_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with serving(lambda request: "no JSON of that kind") as broken:
        evaluator = DeepEvalMetric(faithfulness(broken))
        results = groundwire.evaluate(**CHAIN, evaluators=[evaluator, "faithfulness"])  # type: ignore[arg-type]
    assert isinstance(results["deepeval_faithfulness"], Failed)
    assert isinstance(results["faithfulness"], Score)


def test_a_metric_that_requires_more_than_an_answer_is_refused(llm: Double) -> None:
    from deepeval.metrics import FaithfulnessMetric, ToolCorrectnessMetric

    with pytest.raises(groundwire.ConfigurationError, match="requires tools_called, expected_tools"):
        DeepEvalMetric(ToolCorrectnessMetric(model=model(llm)))
    with pytest.raises(groundwire.ConfigurationError, match="wants a metric object"):
        DeepEvalMetric(FaithfulnessMetric)
