"""The benchmark of the judges: what counts as unseen, its baselines, and one small run as a shell sees it."""

import importlib
import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from groundwire.labelled import Labelled
from groundwire.model import Passage, RagChain, Score

ROOT = Path(__file__).parents[2]
BENCHMARK = ROOT / "benchmarks/judgement"


Load = Callable[[str], Any]


@pytest.fixture
def module(monkeypatch: pytest.MonkeyPatch) -> Load:
    monkeypatch.syspath_prepend(str(BENCHMARK))
    return importlib.import_module


def rows(n: int) -> list[Labelled]:
    return [Labelled(None, ("p",), "a", {"faithfulness": True}, source=str(i)) for i in range(n)]


def test_a_fifth_of_the_sources_is_held_out_and_stays_so(module: Load) -> None:
    splits = module("splits")
    held_out = [i for i in range(1000) if splits.is_dev(str(i))]
    assert 170 < len(held_out) < 230
    assert held_out[:5] == [1, 8, 10, 12, 16]


def test_figures_come_from_held_out_rows_of_sets_that_were_fitted_on(module: Load) -> None:
    splits = module("splits")
    there = rows(100)
    dev = tuple(r for r in there if splits.is_dev(r.source))
    trained, other = "faithfulness-ragtruth", "summaries-frank"
    assert splits.unseen(trained, there, {}) == splits.Part(dev, "dev")
    assert splits.unseen(trained, there, {trained: 100 - len(dev)}).split == "dev"
    assert splits.unseen(other, there, {}) == splits.Part(tuple(there), "all")


def test_rows_that_the_weights_have_seen_claim_nothing(module: Load) -> None:
    splits = module("splits")
    there = rows(100)
    part = splits.unseen("faithfulness-ragtruth", there, {"faithfulness-ragtruth": 100})
    assert (part.split, part.why) == ("seen", "weights say they were fitted on 100 of its 100 rows")
    assert splits.unseen("summaries-frank", there, {"summaries-frank": 1}).split == "seen"


def test_weights_tell_what_they_were_fitted_on(module: Load) -> None:
    found = module("splits").fitted_rows("context_relevance")
    assert found["relevance-qnli"] > 0
    assert "claims-factcg" not in found


def test_word_overlap_marks_the_words_that_are_new(module: Load) -> None:
    chain = RagChain(None, (Passage("The tower is 330 metres tall."),), "The tower is 350 metres tall.")
    found = module("baselines").Overlap().evaluate(chain)
    assert isinstance(found, Score)
    assert found.value == pytest.approx(3 / 4)
    assert [chain.answer[f.start : f.end] for e in found.evidence for f in e.flaws] == ["350"]
    novelty = module("baselines").Novelty().evaluate(chain)
    assert novelty.value == pytest.approx(5 / 6)


def test_overlap_of_a_question_is_that_of_the_best_passage(module: Load) -> None:
    chain = RagChain("How tall is the tower?", (Passage("Bananas."), Passage("The tower is tall.")), "")
    assert module("baselines").Overlap("context_relevance").evaluate(chain).value == 1


def test_the_blind_baseline_finds_labels_that_leak_and_no_others(module: Load) -> None:
    blind_auc = module("baselines").blind_auc
    leaking = [replace(r, answer="never so" if i % 2 else "always so") for i, r in enumerate(rows(200))]
    labels = [i % 2 == 0 for i in range(200)]
    assert blind_auc(leaking, labels) == 1
    assert blind_auc([replace(r, answer="the same") for r in leaking], labels) == pytest.approx(0.5, abs=0.1)
    assert blind_auc(leaking, [True] * 200) is None


def test_the_threshold_of_a_baseline_is_the_best_one(module: Load) -> None:
    best = module("baselines").best_f1_threshold
    assert best([0.1, 0.2, 0.6, 0.8], [False, False, True, True]) == pytest.approx(0.4)
    assert 0.2 < best([0.2, 0.2, 0.6], [False, True, True]) <= 0.6


def test_one_command_prints_the_table(tmp_path: Path) -> None:
    shutil.copy(ROOT / "tests/data/ragtruth-sample.jsonl.gz", tmp_path / "faithfulness-ragtruth.jsonl.gz")
    command = [sys.executable, str(BENCHMARK / "run.py"), str(tmp_path), "--quick"]
    printed = subprocess.run(command, capture_output=True, text=True, timeout=300)
    found = json.loads(subprocess.run([*command, "--json"], capture_output=True, text=True, timeout=300).stdout)

    assert printed.returncode == 3, printed.stderr
    assert "not there: claims-wice" in printed.stdout
    assert "\nRAGTruth, all " in printed.stdout
    assert max(map(len, printed.stdout.splitlines())) <= 80
    first = found["targets"][0]
    assert (first["set"], first["figure"], first["goal"]) == ("faithfulness-ragtruth", "auc", 0.88)
    assert 0 < first["n"] < 60
    assert first["verdict"] in ("seen", "reached", "missed")
    assert [s["set"] for s in found["sets"]] == ["faithfulness-ragtruth"]


def test_an_empty_directory_is_a_mistake(tmp_path: Path) -> None:
    run = subprocess.run(
        [sys.executable, str(BENCHMARK / "run.py"), str(tmp_path)], capture_output=True, text=True, timeout=300
    )
    assert run.returncode == 2
    assert "no *.jsonl.gz in" in run.stderr
