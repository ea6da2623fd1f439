"""What judging by a model costs: told before, limited while it goes on. The judge is on loopback."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from groundwire.checks import is_evaluation
from judge.server import JudgeServer
from pipeline.conftest import Score
from pipeline.corpus import request, write
from pipeline.test_score import spans_in

MODEL = "gpt-4.1-mini"  # has a list price


@pytest.fixture
def server() -> Iterator[JudgeServer]:
    with JudgeServer() as running:
        yield running


def by_judge(server: JudgeServer, *more: str, model: str = MODEL) -> list[str]:
    return ["t.jsonl", "-e", "faithfulness", "--judge", model, "--judge-url", server.url, *more]


def cost(path: str) -> float:
    records = [s for s in spans_in(path).values() if is_evaluation(s)]
    return sum(s.attributes["groundwire.evaluation.cost"] for s in records)


def test_dry_run_estimates_and_asks_nobody(score: Score, place: Path, server: JudgeServer) -> None:
    write(place / "t.jsonl", [s for n in range(10) for s in request(n)])
    told = score(*by_judge(server, "--dry-run", "--json")).json["evaluators"]["faithfulness"]
    text = score(*by_judge(server, "--dry-run")).out

    assert server.asked == []
    assert told["answers"] == 10
    assert 10 * 100 < told["input_tokens"] < 10 * 3000
    assert told["cost_usd"] == pytest.approx(
        told["input_tokens"] * 0.4e-6 + told["output_tokens"] * 1.6e-6
    )  # list price of the model, USD a million tokens
    assert re.search(r"faithfulness\s+10\s+[\d.]+k?\s+[\d.]+k?\s+\$0\.0", text)
    assert max(map(len, text.splitlines())) <= 80


def test_dry_run_needs_no_key(score: Score, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    write(place / "t.jsonl", request(1))
    dry = score("t.jsonl", "--judge", MODEL, "--dry-run", "--json")

    assert dry.code == 0
    assert dry.json["evaluators"]["faithfulness"]["cost_usd"] > 0
    refused = score("t.jsonl", "--judge", MODEL)
    assert refused.code == 2
    assert "OPENAI_API_KEY" in refused.err


def test_dry_run_counts_only_what_is_missing(score: Score, place: Path, server: JudgeServer) -> None:
    write(place / "t.jsonl", [s for n in range(6) for s in request(n)])
    score(*by_judge(server, "-o", "some.jsonl", "--limit", "4"))
    told = score("some.jsonl", *by_judge(server, "--dry-run", "--json")[1:]).json

    assert told["evaluators"]["faithfulness"]["answers"] == 2
    assert told["unchanged"] == 4


@pytest.mark.parametrize("workers", ["1", "2"])
def test_no_more_is_spent_than_was_allowed_and_the_rest_can_follow(
    score: Score, place: Path, server: JudgeServer, workers: str
) -> None:
    write(place / "t.jsonl", [s for n in range(30) for s in request(n)])
    assert score(*by_judge(server, "-o", "whole.jsonl")).code == 0
    whole = cost("whole.jsonl")
    for file in (place / "cache").rglob("*"):
        if file.is_file():
            file.unlink()  # no reply may come from there
    asked = len(server.asked)
    limit = whole / 3 + 1e-6
    first = score(*by_judge(server, "-o", "out.jsonl", "--workers", workers, "--max-cost", f"{limit:.6f}", "--json"))

    assert first.code == 3
    assert "would pass" in first.json["stopped"]
    assert 0 < cost("out.jsonl") <= limit
    assert first.json["left_out"]["stopped"] > 0
    assert len([s for s in spans_in("out.jsonl").values() if not is_evaluation(s)]) == 90
    done = len(server.asked) - asked
    assert done == first.json["answers"]

    second = score(*by_judge(server, "-o", "out.jsonl", "--workers", workers, "--max-cost", "5", "--json"))
    assert second.code == 0
    assert second.json["resumed"] == done
    assert len(server.asked) - asked == 30, "nobody is asked twice"
    assert cost("out.jsonl") == pytest.approx(whole)


def test_limit_without_a_price_judges_nothing(score: Score, place: Path, server: JudgeServer) -> None:
    write(place / "t.jsonl", request(1))
    result = score(*by_judge(server, "--max-cost", "1", "--json", model="house-model"))

    assert result.code == 3
    assert "no price is known" in result.json["stopped"]
    assert server.asked == []


def test_limit_without_a_judge_is_a_mistake(score: Score, place: Path) -> None:
    write(place / "t.jsonl", request(1))
    result = score("t.jsonl", "-e", "judges:hashed", "--max-cost", "1")

    assert result.code == 2
    assert "--max-cost" in result.err
