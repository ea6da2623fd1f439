import json
import random
import subprocess
import sys
import threading
from hashlib import sha256
from importlib.resources import files
from pathlib import Path

import pytest

from groundwire.labelled import Labelled, labelled
from groundwire.model import Passage, RagChain, Score
from groundwire_evaluators.context_relevance import ContextRelevance
from groundwire_evaluators.evidence import EvidenceReader
from groundwire_evaluators.faithfulness import Faithfulness
from groundwire_evaluators.local_model import LocalModel, SentenceOdds, local_model, strongest
from groundwire_evaluators.passages import index_passages
from groundwire_evaluators.sentences import sentences

DATA = Path(__file__).parent.parent / "data"
WEIGHTS = files("groundwire_evaluators") / "weights"
ROWS = labelled(DATA / "ragtruth-sample.jsonl.gz").rows


@pytest.fixture(scope="module")
def model() -> LocalModel:
    found = local_model("local")
    assert found is not None
    return found


def value(row: Labelled | RagChain, evaluator: Faithfulness | None = None) -> float:
    chain = row.chain if isinstance(row, Labelled) else row
    result = (evaluator or Faithfulness(tier="local")).evaluate(chain)
    assert isinstance(result, Score), result
    return result.value


def test_the_weights_are_those_that_were_exported_and_fit_into_the_wheel() -> None:
    facts = json.loads((WEIGHTS / "local.json").read_text("utf-8"))
    for name, digest in facts["sha256"].items():
        assert sha256((WEIGHTS / name).read_bytes()).hexdigest() == digest
    assert sum(f.stat().st_size for f in Path(str(WEIGHTS)).iterdir()) <= 25_000_000


def test_what_is_shipped_agrees_with_the_network_that_was_trained(model: LocalModel) -> None:
    known = json.loads((DATA / "local-parity.json").read_text("utf-8"))
    found: list[list[float]] = []
    for row in ROWS[:: known["every"]]:
        reader = EvidenceReader(index_passages([p for p in row.passages if p.strip()]), model.pieces)
        for window in reader.windows(row.answer, sentences(row.answer), row.question)[: known["windows"]]:
            found.append([one.unsupported for one in model.read(window)])
    assert [len(w) for w in found] == [len(w) for w in known["unsupported"]]
    gaps = [abs(a - b) for w, k in zip(found, known["unsupported"], strict=True) for a, b in zip(w, k, strict=True)]
    assert sum(gaps) / len(gaps) < 0.2  # eight bits cost a little; a wrong table or flag costs ten times that
    assert max(gaps) < 2.5


def test_a_score_does_not_depend_on_what_is_scored_beside_it(model: LocalModel) -> None:
    rows = list(ROWS[:12])
    first = [value(r) for r in rows]
    order = list(range(len(rows)))
    random.Random(1).shuffle(order)
    again = {i: value(rows[i]) for i in order}
    assert [again[i] for i in range(len(rows))] == pytest.approx(first, abs=1e-6)


def test_threads_give_the_same_scores(model: LocalModel) -> None:
    rows = list(ROWS[:6])
    expected = [value(r) for r in rows]
    found: dict[int, list[float]] = {}

    def work(k: int) -> None:
        found[k] = [value(r) for r in rows]

    threads = [threading.Thread(target=work, args=(k,)) for k in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert all(found[k] == pytest.approx(expected, abs=1e-6) for k in range(4))


def test_both_tiers_say_which_they_are() -> None:
    chain = next(r.chain for r in ROWS if r.question)
    for tier in ("local", "lexical"):
        for evaluator in (Faithfulness(tier=tier), ContextRelevance(tier=tier)):
            result = evaluator.evaluate(chain)
            assert isinstance(result, Score)
            assert result.model == tier
            assert evaluator.version.endswith(tier)


def test_the_lexical_tier_serves_where_there_is_no_runtime(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("groundwire_evaluators.local_model.runtime_installed", lambda: False)
    evaluator = Faithfulness()
    result = evaluator.evaluate(ROWS[0].chain)
    assert isinstance(result, Score)
    assert (result.model, evaluator.version) == ("lexical", "2-lexical")
    assert evaluator.threshold == Faithfulness(tier="lexical").threshold


def test_marked_words_lie_in_their_sentence_and_labels_follow_from_the_verdicts() -> None:
    for row in ROWS[:20]:
        result = Faithfulness(tier="local").evaluate(row.chain)
        if not isinstance(result, Score):
            continue
        bad = [e for e in result.evidence if e.verdict in ("unsupported", "contradicted")]
        assert (result.label == "faithful") == (not bad)
        assert (result.label == "unfaithful") == (result.passed is False)
        for e in result.evidence:
            assert row.answer[e.start : e.end] == e.text
            assert all(e.start <= f.start < f.end <= e.end for f in e.flaws)
            assert not e.flaws or e in bad


def test_of_a_sentence_read_in_parts_the_part_in_doubt_counts() -> None:
    parts = [SentenceOdds(3, -1.0, 0.5, ((0, 2, -2.0),)), SentenceOdds(3, 2.0, -0.5, ((2, 4, 3.0),))]
    assert strongest(parts) == {3: SentenceOdds(3, 2.0, -0.5, ((0, 2, -2.0), (2, 4, 3.0)))}


def test_a_changed_number_lowers_the_value() -> None:
    tower = Passage("The Eiffel Tower is 330 metres tall. It was completed in 1889 and stands in Paris.")
    true = RagChain("How tall is it?", (tower,), "The Eiffel Tower is 330 metres tall.")
    false = RagChain("How tall is it?", (tower,), "The Eiffel Tower is 350 metres tall.")
    assert value(true) > value(false) + 0.2


ENDING = """
import threading, time
from groundwire_evaluators.evidence import EvidenceReader
from groundwire_evaluators.passages import index_passages
from groundwire_evaluators.local_model import local_model

model = local_model("local")
text = "The tower was built in 1889 by Gustave Eiffel in Paris near the river. " * 3
windows = EvidenceReader(index_passages([text]), model.pieces).windows(text, [(0, len(text))])
def read():
    while True:
        for window in windows:
            model.read(window)
for _ in range(2):
    threading.Thread(target=read, daemon=True).start()
time.sleep(0.2)
"""


def test_an_interpreter_ends_in_peace_while_daemon_threads_read() -> None:
    for _ in range(3):
        ended = subprocess.run([sys.executable, "-c", ENDING], capture_output=True, text=True, timeout=60)
        assert (ended.returncode, ended.stderr) == (0, "")
