"""Whatever the chain, a context metric gives a score in range or says why there is none, in bounded time."""

import math
import threading
from random import Random
from time import process_time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from groundwire.model import Evaluator, Passage, RagChain, Score, Skipped
from groundwire.plugins import evaluator

NAMES = (
    "answerability", "citation_support", "completeness", "context_diversity", "context_precision", "context_recall",
    "context_utilization", "noise_sensitivity", "refusal", "rerank_lift",
)  # fmt: skip
TOWER = "The Eiffel Tower is 330 metres tall. It was completed in 1889."
TEXTS = st.text(max_size=80) | st.sampled_from(
    [
        *(TOWER, "It is 330 metres tall [1].", "Tall [1, 9][2-4] (Passage 2). It was completed in 1900¹."),
        *("I don't know.", "The passages do not say.", "How tall is the Eiffel Tower?", "[1]", "```\nx[1]\n```"),
        *("\ud800", "\0", "😀 [1]", "שלום עולם", "東京は日本の首都です", "{}", "\n\n", "a" * 300),
        *('{"name": "Tower", "open": false}', "| a | b |\n|---|---|\n| 1 | 2 |"),
    ]
)
PASSAGES = st.builds(
    Passage,
    TEXTS,
    id=st.none() | st.sampled_from(["1", "2", "x"]),
    in_prompt=st.booleans(),
    source=st.sampled_from(["given", "rerank", "retrieval", "prompt"]),
    retrieved_rank=st.none() | st.integers(1, 4),
)
CHAINS = st.builds(
    RagChain,
    st.none() | TEXTS,
    st.lists(PASSAGES, max_size=4).map(tuple),
    TEXTS,
    st.none() | TEXTS,
    refused=st.booleans(),
)


def check(metric: Evaluator, chain: RagChain) -> None:
    result = metric.evaluate(chain)
    if isinstance(result, Skipped):
        assert result.reason.replace("_", "").isalpha()
        assert result.reason.islower()
        return
    assert 0.0 <= result.value <= 1.0
    assert result.label.replace("_", "").isalpha()
    assert all(math.isfinite(v) for v in result.details.values())
    longest = max(map(len, [chain.answer, chain.reference or "", *(p.text for p in chain.passages)]))
    for e in result.evidence:
        assert 0 <= e.start <= e.end <= longest
        assert 0.0 <= e.probability <= 1.0
        assert e.passage is None or 0 <= e.passage < len(chain.passages)
        assert all(e.start <= f.start < f.end <= e.end for f in e.flaws)
    assert metric.evaluate(chain) == result


@settings(deadline=None, max_examples=300)
@given(CHAINS)
def test_any_chain_gives_a_score_in_range_or_a_reason(chain: RagChain) -> None:
    for name in NAMES:
        check(evaluator(name), chain)


@settings(deadline=None, max_examples=60)
@given(CHAINS, st.randoms())
def test_what_was_judged_before_changes_nothing(chain: RagChain, random: Random) -> None:
    metrics = [evaluator(name) for name in NAMES]
    once = {m.name: m.evaluate(chain) for m in metrics}
    random.shuffle(metrics)
    assert {m.name: m.evaluate(chain) for m in metrics} == once


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "text",
    [" " * 1_000_000, "a" * 1_000_000, "word " * 200_000, "It is 3 [1]. " * 20_000, "😀" * 200_000, "- [1]\n" * 50_000],
    ids=["blank", "one word", "words", "sentences", "emoji", "marks"],
)
def test_a_megabyte_takes_seconds_not_minutes(name: str, text: str) -> None:
    started = process_time()
    check(evaluator(name), RagChain("How tall is it?", (Passage(TOWER), Passage(text[:100_000])), text, TOWER))
    assert process_time() - started < 30


def test_threads_share_what_was_judged_without_mixing_it_up() -> None:
    said = [f"Tower {n} is {n} metres tall." for n in range(40)]
    chains = [RagChain(f"How tall is tower {n}?", (Passage(text),), text) for n, text in enumerate(said)]
    metrics = [evaluator(name) for name in ("context_precision", "context_utilization", "answerability")]
    expected = [[m.evaluate(c) for m in metrics] for c in chains]
    wrong: list[int] = []

    def work(offset: int) -> None:
        for i in range(len(chains)):
            n = (i + offset) % len(chains)
            if [m.evaluate(chains[n]) for m in metrics] != expected[n]:
                wrong.append(n)

    threads = [threading.Thread(target=work, args=(k * 7,)) for k in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert wrong == []
    assert all(isinstance(r, Score) for row in expected for r in row)
