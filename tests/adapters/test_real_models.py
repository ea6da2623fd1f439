"""The adapters of models, with the real libraries and tiny random models: `make test-adapters`."""

import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")

import groundwire
from adapters.tiny_models import save
from groundwire.model import Evaluator, Passage, RagChain, Score, Skipped
from groundwire_evaluators.adapters.nli import TransformersNLI

pytestmark = pytest.mark.filterwarnings("default")

TOWER = "The Eiffel tower is 330 metres tall. It was completed in 1889."
BANANAS = "Bananas are rich in potassium."
ANSWER = "The tower is 350 metres tall. It was built in Paris, in 1889! I hope this helps!"
CHAIN = RagChain("How tall is the tower?", (Passage(BANANAS), Passage(TOWER)), ANSWER)
THREE = ["entailment", "neutral", "contradiction"]


@pytest.fixture(autouse=True)
def nothing_is_fetched(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Any]]:
    """Whoever opens a connection fails the test, even if the library swallows the error."""
    tried: list[Any] = []

    def refuse(self: socket.socket, address: Any) -> None:
        tried.append(address)
        raise OSError("no network in this test")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    yield tried
    assert not tried


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("models")


@pytest.fixture(scope="module")
def nli(folder: Path) -> str:
    (folder / "nli").mkdir()
    return save(folder / "nli", "sequence", THREE, seed=4)


@pytest.fixture(scope="module")
def token_model(folder: Path) -> str:
    (folder / "token").mkdir()
    return save(folder / "token", "token", ["supported", "hallucinated"], seed=1)


def score(judge: Evaluator, chain: RagChain = CHAIN) -> Score:
    result = judge.evaluate(chain)
    assert isinstance(result, Score), result
    for entry in result.evidence:
        assert chain.answer[entry.start : entry.end] == entry.text
        for flaw in entry.flaws:
            assert entry.start <= flaw.start < flaw.end <= entry.end
            assert not chain.answer[flaw.start].isspace()
    return result


def by_hand(model: str, premise: str, sentence: str) -> list[float]:
    """What the model says of one pair, without us."""
    import torch
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(model)
    with torch.no_grad():
        logits = AutoModelForSequenceClassification.from_pretrained(model)(
            **tokenizer(premise, sentence, return_tensors="pt")
        ).logits
    found: list[float] = torch.softmax(logits, -1)[0].tolist()
    return found


# --- NLI ------------------------------------------------------------------------------------------------------------


def test_a_sentence_has_the_highest_chance_that_a_passage_or_all_of_them_give(nli: str) -> None:
    result = score(TransformersNLI(nli))
    premises = [BANANAS, TOWER, f"{BANANAS}\n\n{TOWER}"]
    for entry, sentence in zip(
        result.evidence[:2], ("The tower is 350 metres tall.", "It was built in Paris, in 1889!"), strict=True
    ):
        assert entry.text == sentence
        chances = [by_hand(nli, premise, sentence)[0] for premise in premises]
        assert entry.probability == pytest.approx(max(chances), abs=1e-5)
        assert entry.passage == [0, 1, None][chances.index(max(chances))]
        assert entry.verdict in (("supported",) if max(chances) >= 0.5 else ("unsupported", "contradicted"))
    assert result.value == min(e.probability for e in result.evidence[:2])
    assert result.evidence[2].verdict == "not_checkable"
    assert result.model == nli


def test_a_long_passage_is_read_in_windows_to_its_end(nli: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from groundwire_evaluators.adapters import nli as adapter

    windows: list[list[int]] = []
    real = adapter._Classifying._classified

    def watched(self: Any, rows: list[dict[str, Any]]) -> Any:
        windows.extend(row["input_ids"] for row in rows)
        return real(self, rows)

    monkeypatch.setattr(adapter._Classifying, "_classified", watched)
    text = " ".join(f"{i} metres" for i in range(1, 400)) + " potassium"
    score(TransformersNLI(nli, max_length=100), RagChain(None, (Passage(text),), "The tower is 350 metres tall."))
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(nli)
    whole: list[int] = tokenizer(text, add_special_tokens=False)["input_ids"]
    sentence: list[int] = tokenizer("The tower is 350 metres tall.", add_special_tokens=False)["input_ids"]
    assert all(len(window) <= 100 and window[-len(sentence) - 1 : -1] == sentence for window in windows)
    parts = [window[1 : -len(sentence) - 2] for window in windows]
    read = {
        i
        for part in parts
        for i in range(len(whole))
        if whole[i : i + len(part)] == part
        for i in range(i, i + len(part))
    }
    assert read == set(range(len(whole)))


def test_the_class_that_means_support_may_be_named(nli: str) -> None:
    sentence = RagChain(None, (Passage(TOWER),), "The tower is 350 metres tall.")
    expected = by_hand(nli, TOWER, "The tower is 350 metres tall.")
    for label in (2, "Contradiction"):
        assert score(TransformersNLI(nli, supported_label=label), sentence).value == pytest.approx(
            expected[2], abs=1e-5
        )


def test_labels_that_tell_nothing_are_asked_about(folder: Path) -> None:
    (folder / "unnamed").mkdir(exist_ok=True)
    model = save(folder / "unnamed", "sequence", ["LABEL_0", "LABEL_1"])
    with pytest.raises(groundwire.ConfigurationError, match=r"not clear; the model has 0 'LABEL_0', 1 'LABEL_1'"):
        TransformersNLI(model).evaluate(CHAIN)
    with pytest.raises(groundwire.ConfigurationError, match="no class 'entailment'"):
        TransformersNLI(model, supported_label="entailment").evaluate(CHAIN)
    assert 0 <= score(TransformersNLI(model, supported_label=1)).value <= 1


def test_a_model_with_one_class_gives_its_sigmoid(folder: Path) -> None:
    import torch
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    (folder / "single").mkdir(exist_ok=True)
    model = save(folder / "single", "sequence", ["score"], seed=2)
    encoded = AutoTokenizer.from_pretrained(model)(TOWER, "The tower is tall.", return_tensors="pt")
    with torch.no_grad():
        logit = AutoModelForSequenceClassification.from_pretrained(model)(**encoded).logits
    result = score(TransformersNLI(model), RagChain(None, (Passage(TOWER),), "The tower is tall."))
    assert result.value == pytest.approx(float(torch.sigmoid(logit[0, 0])), abs=1e-5)


def test_a_model_that_sees_little_reads_what_it_can_in_parts(folder: Path) -> None:
    (folder / "narrow").mkdir(exist_ok=True)
    model = save(folder / "narrow", "sequence", THREE, window=48)
    long = RagChain(None, (Passage(f"{TOWER} " * 20),), "The tower is tall and high and built in Paris " * 10)
    assert 0.0 <= score(TransformersNLI(model), long).value <= 1.0


def test_the_order_and_company_of_sentences_change_nothing(nli: str) -> None:
    judge = TransformersNLI(nli)
    one = score(judge, RagChain(None, CHAIN.passages, "The tower is 350 metres tall."))
    turned = score(judge, RagChain(None, CHAIN.passages[::-1], ANSWER))
    assert one.value == pytest.approx(score(judge).evidence[0].probability, abs=1e-6)
    alone = {e.text: e.probability for e in score(judge).evidence if e.passage is not None}
    again = {e.text: e.probability for e in turned.evidence}
    assert all(again[text] == pytest.approx(chance, abs=1e-6) or again[text] > chance for text, chance in alone.items())


def test_threads_that_need_a_model_load_it_once(nli: str, monkeypatch: pytest.MonkeyPatch) -> None:
    import transformers

    loads: list[str] = []
    real = transformers.AutoModelForSequenceClassification.from_pretrained

    def counted(name: str, **settings: Any) -> Any:
        loads.append(name)
        return real(name, **settings)

    monkeypatch.setattr(transformers.AutoModelForSequenceClassification, "from_pretrained", counted)
    judge = TransformersNLI(nli, max_length=300)
    with ThreadPoolExecutor(8) as pool:
        values = {round(found.value, 6) for found in pool.map(lambda _: score(judge), range(16))}
    assert len(values) == 1
    assert loads == [nli]


@pytest.mark.parametrize(
    "answer", ["x", "?! ... #", "😀 " * 50, "word " * 5_000, "表" * 2_000, "\x00\x07 tower", "a" * 3_000]
)
def test_strange_answers_give_a_score_or_a_reason(nli: str, token_model: str, answer: str) -> None:
    judges: list[Evaluator] = [TransformersNLI(nli)]
    if find_spec("lettucedetect"):
        from groundwire_evaluators.adapters.lettucedetect import LettuceDetect

        judges.append(LettuceDetect(token_model, max_length=512))
    for evaluation in groundwire.scoring.score([RagChain("Who?", (Passage(TOWER),), answer)], judges):
        assert isinstance(evaluation.result, Score | Skipped), evaluation.result


def test_a_model_that_is_not_here_is_not_fetched() -> None:
    with pytest.raises(groundwire.ConfigurationError, match="give the folder that holds it, or allow download=True"):
        TransformersNLI("nobody/no-such-model").evaluate(CHAIN)


# --- LettuceDetect --------------------------------------------------------------------------------------------------


def test_flaws_are_the_words_that_the_library_marks(token_model: str) -> None:
    inference = pytest.importorskip("lettucedetect.models.inference")
    from groundwire_evaluators.adapters.lettucedetect import LettuceDetect

    detector = inference.HallucinationDetector(method="transformer", model_path=token_model, max_length=512)
    result = score(LettuceDetect(token_model, max_length=512))
    spans = detector.predict([BANANAS, TOWER], ANSWER, CHAIN.question, output_format="spans")
    theirs = {i for span in spans for i in range(span["start"], span["end"])}
    ours = {i for e in result.evidence for f in e.flaws for i in range(f.start, f.end)}
    judged = {i for e in result.evidence if e.verdict != "not_checkable" for i in range(e.start, e.end)}
    assert ours == theirs & judged
    assert ours
    assert ours != judged, "the model must tell words apart for this test to mean something"
    tokens = detector.predict([BANANAS, TOWER], ANSWER, CHAIN.question, output_format="tokens")
    assert result.value >= 1.0 - max(token["prob"] for token in tokens) - 1e-6
    assert result.label == ("unfaithful" if ours else "faithful")


def test_white_space_before_the_answer_moves_no_flaw(token_model: str) -> None:
    pytest.importorskip("lettucedetect")
    from groundwire_evaluators.adapters.lettucedetect import LettuceDetect

    judge = LettuceDetect(token_model, max_length=512)
    moved = score(judge, RagChain(CHAIN.question, CHAIN.passages, f"\n\n  {ANSWER}"))
    plain = score(judge)
    assert moved.value == pytest.approx(plain.value, abs=1e-6)
    assert [(f.start - 4, f.end - 4) for e in moved.evidence for f in e.flaws] == [
        (f.start, f.end) for e in plain.evidence for f in e.flaws
    ]


def test_passages_beyond_the_window_are_read_to_their_end(token_model: str) -> None:
    pytest.importorskip("lettucedetect")
    from groundwire_evaluators.adapters.lettucedetect import LettuceDetect

    judge = LettuceDetect(token_model, max_length=160)
    long = "Bananas are rich in potassium and bananas are tall. " * 40
    seen: list[list[str]] = []
    import groundwire_evaluators.adapters.lettucedetect as adapter

    score(judge)  # loads the model
    (model,) = [m for key, m in adapter._shelf._models.items() if 160 in key]
    real = model.value.predict

    def watched(passages: list[str], *args: Any, **settings: Any) -> Any:
        seen.append(passages)
        return real(passages, *args, **settings)

    model.value.predict = watched
    score(judge, RagChain(CHAIN.question, (Passage(long + TOWER),), ANSWER))
    assert "".join(seen[0]) == long + TOWER
    assert max(len(model.value.tokenizer(part)["input_ids"]) for part in seen[0]) <= 42


def test_an_entry_point_finds_it(token_model: str) -> None:
    pytest.importorskip("lettucedetect")
    from groundwire.plugins import evaluator

    assert evaluator("lettucedetect").name == "lettucedetect"
    with pytest.raises(groundwire.ConfigurationError, match="LettuceDetect cannot load"):
        evaluator("lettucedetect").evaluate(CHAIN)
