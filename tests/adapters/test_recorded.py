"""The adapters without their libraries: doubles that answer in the shapes that the real ones gave.

Recorded from lettucedetect 0.2.3, transformers 5.24, ragas 0.4.3 and deepeval 4.3.1, whose own tests are beside this
file (`make test-adapters`). Each double has what the adapter touches, and nothing else.
"""

import re
import sys
from collections.abc import Callable, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

import groundwire
from groundwire.model import Failed, Flaw, Passage, RagChain, Score, Skipped
from groundwire_evaluators.adapters import lettucedetect, library, nli
from groundwire_evaluators.adapters.deepeval import DeepEvalMetric
from groundwire_evaluators.adapters.ragas import RagasMetric

ANSWER = "\nThe tower is 350 metres tall. It was built in Paris. I hope this helps!"
CHAIN = RagChain(
    "How tall is it?",
    (Passage("Bananas."), Passage("Dropped: 350 metres.", in_prompt=False), Passage("The tower is 330 metres tall.")),
    ANSWER,
    reference="330 m",
)


@pytest.fixture
def install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[Mapping[str, Mapping[str, Any]]], None]:
    """Put modules where the adapters look for them; their first parts can be found as if they were installed."""

    def put(modules: Mapping[str, Mapping[str, Any]]) -> None:
        for name in modules:
            top = name.partition(".")[0]
            (tmp_path / f"{top}.py").touch()
            for known in [m for m in sys.modules if m.partition(".")[0] == top]:
                monkeypatch.delitem(sys.modules, known)
        monkeypatch.syspath_prepend(tmp_path)
        for name, members in modules.items():
            module = ModuleType(name)
            module.__spec__ = find_spec(name.partition(".")[0])
            vars(module).update(members)
            monkeypatch.setitem(sys.modules, name, module)

    monkeypatch.setattr(lettucedetect, "_shelf", library.Shelf[Any]())
    monkeypatch.setattr(nli, "_shelf", library.Shelf[Any]())
    return put


# --- LettuceDetect --------------------------------------------------------------------------------------------------


class Detector:
    """Judges words: those of `marked` are unsupported. One more token closes the answer, as in the real one."""

    marked: Mapping[str, float] = {"350": 0.9, "built": 0.2, "Paris": 0.75, "hope": 0.99}
    made: list[tuple[str, dict[str, Any]]] = []  # noqa: RUF012
    asked: list[tuple[list[str], str, str | None]] = []  # noqa: RUF012

    def __init__(self, model_path: str, **settings: Any) -> None:
        if not Path(model_path).is_dir():
            raise OSError(f"{model_path} is not a local folder and is not a valid model identifier")
        self.made.append((model_path, settings))

    def tokenizer(self, text: str, **settings: Any) -> dict[str, list[Any]]:
        found = list(re.finditer(r"\w+|[^\w\s]", text))
        return {"input_ids": [1] * len(found), "offset_mapping": [m.span() for m in found]}

    def predict(
        self, context: list[str], answer: str, question: str | None, output_format: str
    ) -> list[dict[str, Any]]:
        assert output_format == "tokens"
        self.asked.append((context, answer, question))
        words = re.findall(r"\w+|[^\w\s]", answer)
        chances = [self.marked.get(word, 0.03125) for word in words]
        judged = [{"token": w, "pred": int(p >= 0.5), "prob": p} for w, p in zip(words, chances, strict=True)]
        return [*judged, {"token": "[SEP]", "pred": 0, "prob": 0.5}]


@pytest.fixture
def detectors(install: Callable[..., None]) -> type[Detector]:
    class Fresh(Detector):
        made: list[tuple[str, dict[str, Any]]] = []  # noqa: RUF012
        asked: list[tuple[list[str], str, str | None]] = []  # noqa: RUF012

    install({"lettucedetect": {}, "lettucedetect.detectors.transformer": {"TransformerDetector": Fresh}})
    return Fresh


def test_marked_words_are_flaws_of_their_sentence(detectors: type[Detector], tmp_path: Path) -> None:
    judge = lettucedetect.LettuceDetect(str(tmp_path))
    result = judge.evaluate(CHAIN)
    assert isinstance(result, Score)
    assert result.value == pytest.approx(0.1)
    assert (result.label, result.passed, result.model) == ("unfaithful", False, str(tmp_path))
    assert result.explanation == (
        '2 of 2 sentences not supported; "The tower is 350 metres tall."; "It was built in Paris."'
    )
    assert [(e.text, e.verdict, round(e.probability, 4)) for e in result.evidence] == [
        ("The tower is 350 metres tall.", "unsupported", 0.1),
        ("It was built in Paris.", "unsupported", 0.25),
        ("I hope this helps!", "not_checkable", 1.0),
    ]
    assert [[ANSWER[f.start : f.end] for f in e.flaws] for e in result.evidence] == [["350"], ["Paris"], []]
    assert result.evidence[0].flaws == (Flaw(14, 17, "model"),)
    assert result.details == {"supported_ratio": 0.0, "checkable": 2.0, "unsupported": 2.0}
    assert detectors.asked == [(["Bananas.", "The tower is 330 metres tall."], ANSWER, "How tall is it?")]
    ((_, settings),) = detectors.made
    assert settings["local_files_only"] is True, "nothing is fetched unless told to"


def test_a_lower_threshold_marks_less(detectors: type[Detector], tmp_path: Path) -> None:
    result = lettucedetect.LettuceDetect(str(tmp_path), threshold=0.2).evaluate(CHAIN)
    assert isinstance(result, Score)
    assert [e.verdict for e in result.evidence] == ["unsupported", "supported", "not_checkable"]
    assert result.evidence[1].flaws == ()


def test_texts_beyond_the_window_come_in_parts(detectors: type[Detector], tmp_path: Path) -> None:
    sentence = "The tower is 330 metres tall. "
    chain = RagChain(None, (Passage(sentence * 30),), "Bananas are yellow. " * 20 + "It is 350 m tall.")
    result = lettucedetect.LettuceDetect(str(tmp_path), max_length=64).evaluate(chain)
    assert isinstance(result, Score)
    assert "".join(detectors.asked[0][0]) == sentence * 30
    assert "".join(answer for _, answer, _ in detectors.asked) == chain.answer
    assert len(detectors.asked) > 1
    ((flaw,),) = [e.flaws for e in result.evidence if e.flaws]
    assert chain.answer[flaw.start : flaw.end] == "350"


def test_a_model_is_loaded_once_for_all_judges_of_its_settings(detectors: type[Detector], tmp_path: Path) -> None:
    for name in ("a", "b"):
        lettucedetect.LettuceDetect(str(tmp_path), name=name).evaluate(CHAIN)
    assert len(detectors.made) == 1
    lettucedetect.LettuceDetect(str(tmp_path), max_length=64).evaluate(CHAIN)
    assert len(detectors.made) == 2


@pytest.mark.usefixtures("detectors")
def test_a_model_that_is_not_there_is_told_of() -> None:
    judge = lettucedetect.LettuceDetect("nowhere/at-all")
    with pytest.raises(groundwire.ConfigurationError, match=r"cannot load 'nowhere/at-all'.*allow download=True"):
        judge.evaluate(CHAIN)


@pytest.mark.usefixtures("detectors")
@pytest.mark.parametrize(
    ("chain", "reason"),
    [
        (RagChain("q", (), "yes"), "no_passages"),
        (RagChain("q", (Passage("p", in_prompt=False),), "yes"), "no_passages"),
        (RagChain("q", (Passage("p"),), " \n"), "empty_answer"),
        (RagChain("q", (Passage("p"),), "No.", refused=True), "refusal"),
        (RagChain("q", (Passage("p"),), "The passages do not mention his salary."), "refusal"),
        (RagChain("q", (Passage("p"),), "I hope this helps!"), "nothing_checkable"),
        (RagChain("q", (Passage("p"),), "?!"), "nothing_checkable"),
    ],
)
def test_what_cannot_be_judged_is_skipped(chain: RagChain, reason: str) -> None:
    result = lettucedetect.LettuceDetect().evaluate(chain)
    assert isinstance(result, Skipped)
    assert result.reason == reason


# --- a model with a predict of its own ------------------------------------------------------------------------------


class Predicting:
    """As HHEM-2.1: `predict` takes (text, sentence) pairs and gives a tensor, here a list. Words in common decide."""

    def __init__(self) -> None:
        self.pairs: list[tuple[str, str]] = []

    def to(self, device: str) -> "Predicting":
        return self

    eval = lambda self: self  # noqa: E731

    def predict(self, pairs: Sequence[tuple[str, str]]) -> list[float]:
        self.pairs += pairs
        words = [(set(re.findall(r"\w+", a)), re.findall(r"\w+", b)) for a, b in pairs]
        return [sum(word in text for word in sentence) / len(sentence) for text, sentence in words]


@pytest.fixture
def predicting(install: Callable[..., None]) -> Predicting:
    model = Predicting()

    def from_pretrained(name: str, **settings: Any) -> Predicting:
        assert settings == {"local_files_only": True, "trust_remote_code": True}
        return model

    auto = SimpleNamespace(from_pretrained=from_pretrained)
    install({"transformers": {"AutoModelForSequenceClassification": auto}, "torch": {}})
    return model


def test_a_sentence_is_as_good_as_its_best_passage(predicting: Predicting) -> None:
    result = nli.TransformersNLI("hhem", trust_remote_code=True, name="hhem").evaluate(CHAIN)
    assert isinstance(result, Score)
    assert [(e.verdict, round(e.probability, 3), e.passage) for e in result.evidence] == [
        ("supported", 0.833, 2),
        ("unsupported", 0.0, 0),
        ("not_checkable", 1.0, None),
    ]
    assert (result.value, result.label) == (0.0, "unfaithful")
    premises = {text for text, _ in predicting.pairs}
    assert premises == {"Bananas.", "The tower is 330 metres tall.", "Bananas.\n\nThe tower is 330 metres tall."}


def test_a_sentence_may_rest_on_two_passages(predicting: Predicting) -> None:
    chain = RagChain(None, (Passage("tall tower"), Passage("built in Paris")), "tall tower built in Paris")
    result = nli.TransformersNLI("hhem", trust_remote_code=True).evaluate(chain)
    assert isinstance(result, Score)
    assert (result.value, result.evidence[0].passage) == (1.0, None)


def test_long_texts_are_read_to_their_ends(predicting: Predicting) -> None:
    long = "Bananas are yellow. " * 1_000 + "The tower is tall."
    result = nli.TransformersNLI("hhem", trust_remote_code=True).evaluate(RagChain(None, (Passage(long),), "tower"))
    assert isinstance(result, Score)
    assert result.value == 1.0
    assert "".join(text for text, _ in predicting.pairs) == long
    assert max(len(text) for text, _ in predicting.pairs) <= 4_000
    before = len(predicting.pairs)
    sentence = "tower " * 500 + "castle"
    weak = nli.TransformersNLI("hhem", trust_remote_code=True).evaluate(RagChain(None, (Passage("tower"),), sentence))
    assert isinstance(weak, Score)
    assert "".join(part for _, part in predicting.pairs[before:]) == sentence
    assert weak.value < 1.0, "the part with the castle decides"


# --- ragas ----------------------------------------------------------------------------------------------------------


class Result:
    """A `MetricResult`."""

    def __init__(self, value: Any, reason: str | None = None) -> None:
        self.value, self.reason = value, reason


class Modern:
    """A metric of `ragas.metrics.collections`."""

    name = "faithfulness"
    llm = SimpleNamespace(model="gpt-4o-mini")

    def __init__(self, value: Any) -> None:
        self.value = value
        self.asked: dict[str, Any] = {}

    async def ascore(self, user_input: str, response: str, retrieved_contexts: list[str]) -> Result:
        self.asked = {"user_input": user_input, "response": response, "retrieved_contexts": retrieved_contexts}
        if isinstance(self.value, Exception):
            raise self.value
        return Result(self.value, "as it is")


class Older:
    """A metric of `ragas.metrics`."""

    name = "string_similarity"
    required_columns: Mapping[str, set[str]] = {"SINGLE_TURN": {"response", "reference", "user_input:optional"}}

    async def single_turn_ascore(self, sample: Any) -> float:
        assert vars(sample) == {"response": ANSWER, "reference": "330 m", "user_input": "How tall is it?"}
        return 0.25


@pytest.fixture
def ragas(install: Callable[..., None], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RAGAS_DO_NOT_TRACK", raising=False)
    install({"ragas": {}, "ragas.dataset_schema": {"SingleTurnSample": SimpleNamespace}})


def adapted(metric: Any, chain: RagChain = CHAIN, **settings: Any) -> Score | Skipped | Failed:
    (evaluation,) = groundwire.scoring.score([chain], [RagasMetric(metric, version="0.4.3", **settings)])
    return evaluation.result


@pytest.mark.usefixtures("ragas")
def test_a_ragas_metric_gets_what_the_model_saw() -> None:
    import os

    metric = Modern(0.75)
    assert adapted(metric) == Score(0.75, "pass", "as it is", details={"ragas": 0.75}, passed=True, model="gpt-4o-mini")
    assert metric.asked == {
        "user_input": "How tall is it?",
        "response": ANSWER,
        "retrieved_contexts": ["Bananas.", "The tower is 330 metres tall."],
    }
    assert os.environ["RAGAS_DO_NOT_TRACK"] == "true"


@pytest.mark.usefixtures("ragas")
def test_an_older_ragas_metric_gets_a_sample() -> None:
    assert adapted(Older()) == Score(0.25, "fail", details={"ragas": 0.25}, passed=False)
    assert adapted(Older(), RagChain("q", (), "yes")) == Skipped("no_reference")


@pytest.mark.usefixtures("ragas")
@pytest.mark.parametrize(
    ("value", "settings", "expected"),
    [
        (float("nan"), {}, Skipped("nothing_checkable", "ragas gave NaN")),
        (
            0.2,
            {"better": "lower"},
            Score(0.8, "pass", "as it is", details={"ragas": 0.2}, passed=True, model="gpt-4o-mini"),
        ),
        (
            2,
            {"scale": (1, 5)},
            Score(0.25, "fail", "as it is", details={"ragas": 2.0}, passed=False, model="gpt-4o-mini"),
        ),
        ("good", {"labels": ("bad", "good")}, Score(1.0, "good", "as it is", passed=True)),
    ],
)
def test_what_a_ragas_metric_gives_becomes_a_score(value: Any, settings: Any, expected: Score | Skipped) -> None:
    assert adapted(Modern(value), **settings) == expected


@pytest.mark.usefixtures("ragas")
@pytest.mark.parametrize(
    ("value", "error", "message"),
    [
        (7.26e9, "ValueError", "outside 0.0 to 1.0; give scale="),
        ("good", "TypeError", "give labels="),
        (TimeoutError("too slow"), "TimeoutError", "too slow"),
    ],
)
def test_what_is_no_judgement_of_ragas_fails(value: Any, error: str, message: str) -> None:
    result = adapted(Modern(value))
    assert isinstance(result, Failed)
    assert result.error_type == error
    assert message in result.message


# --- deepeval -------------------------------------------------------------------------------------------------------


class Measuring:
    """A metric of deepeval: its verdict is left in the object."""

    __name__ = "Answer Relevancy"
    _required_params = (SimpleNamespace(value="input"), SimpleNamespace(value="actual_output"))
    score: Any = None
    reason: str | None = None
    error: str | None = None
    skipped = False
    async_mode = True
    threshold: float | None = 0.7
    evaluation_model: str | None = "gpt-4o-mini"
    evaluation_cost: float | None = 0.0
    input_tokens: int | None = 0
    output_tokens: int | None = 0

    def __init__(self, **outcome: Any) -> None:
        self.outcome = outcome
        self.cases: list[Any] = []

    async def a_measure(self, test_case: Any, _show_indicator: bool = True) -> float:
        return self.measure(test_case, _show_indicator)

    def measure(self, test_case: Any, _show_indicator: bool = True) -> float:
        assert not _show_indicator, "no progress bar in an application's log"
        self.cases.append(test_case)
        for key, value in self.outcome.items():
            setattr(self, key, value)
        return float(self.score or 0)

    def is_successful(self) -> bool | None:
        return None if self.threshold is None else self.score >= self.threshold


@pytest.fixture
def deepeval(install: Callable[..., None], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DEEPEVAL_TELEMETRY_OPT_OUT", raising=False)
    install({"deepeval": {}, "deepeval.test_case": {"LLMTestCase": SimpleNamespace}})


def measured(metric: Measuring, chain: RagChain = CHAIN) -> Score | Skipped | Failed:
    (evaluation,) = groundwire.scoring.score([chain], [DeepEvalMetric(metric, version="4.3.1")])
    assert evaluation.name == "deepeval_answer_relevancy"
    assert evaluation.threshold == metric.threshold
    return evaluation.result


@pytest.mark.usefixtures("deepeval")
@pytest.mark.parametrize("async_mode", [True, False])
def test_a_copy_of_a_deepeval_metric_judges(async_mode: bool) -> None:
    import os

    metric = Measuring(score=0.5, reason="half of it", evaluation_cost=0.002, input_tokens=300, output_tokens=40)
    metric.async_mode = async_mode
    assert measured(metric) == Score(
        0.5, "fail", "half of it", passed=False, model="gpt-4o-mini", usage=groundwire.Usage(300, 40), cost_usd=0.002
    )
    assert metric.score is None, "the user's object is as it was"
    (case,) = metric.cases
    passages = ["Bananas.", "The tower is 330 metres tall."]
    assert vars(case) == {
        "input": "How tall is it?", "actual_output": ANSWER, "retrieval_context": passages, "context": passages,
        "expected_output": "330 m",
    }  # fmt: skip
    assert os.environ["DEEPEVAL_TELEMETRY_OPT_OUT"] == "1"


@pytest.mark.usefixtures("deepeval")
def test_a_deepeval_metric_without_a_threshold_only_measures() -> None:
    metric = Measuring(score=1)
    metric.threshold = None
    assert measured(metric) == Score(1.0, "measured", model="gpt-4o-mini")


@pytest.mark.usefixtures("deepeval")
def test_a_deepeval_metric_that_gave_no_score_says_why() -> None:
    assert measured(Measuring(score=0.9), RagChain(None, (), "yes")) == Skipped("no_question")
    assert measured(Measuring(skipped=True, reason="no tools")) == Skipped("not_applicable", "no tools")
    for outcome, message in (
        ({"error": "no JSON"}, "no JSON"),
        ({"score": 1.5}, "in [0, 1]"),
        ({"score": float("nan")}, "nan"),
    ):
        result = measured(Measuring(**outcome))
        assert isinstance(result, Failed)
        assert message in result.message


# --- what is missing ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (
            lambda: lettucedetect.LettuceDetect(),
            "LettuceDetect needs lettucedetect, which is not installed: pip install",
        ),
        (lambda: nli.TransformersNLI("m"), "TransformersNLI needs transformers, which is not installed: pip install"),
        (lambda: RagasMetric(Modern(1)), "RagasMetric needs ragas"),
        (lambda: DeepEvalMetric(Measuring()), "DeepEvalMetric needs deepeval"),
    ],
)
def test_a_missing_library_is_told_of_when_the_evaluator_is_made(
    make: Callable[[], Any], told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(library, "find_spec", lambda name: None)
    with pytest.raises(groundwire.MissingLibrary, match=told):
        make()
