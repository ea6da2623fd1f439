"""What judging may cost: limits hold among threads and processes, for a run and for a day."""

import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from groundwire.errors import ConfigurationError, JudgeError
from groundwire.judge import Budget, Judge, Rubric, spending
from groundwire.model import Passage, RagChain, Score, Skipped
from judge.server import Hang, JudgeServer, Raw, Says, error, honest, row


def chain(n: int = 0) -> RagChain:
    return RagChain("How tall?", (Passage(f"Tower {n} is tall."),), f"Tower {n} is tall.")


def judge(server: JudgeServer, budget: Budget, **settings: Any) -> Judge:
    return Judge("m", **{"base_url": server.url, "retries": 0, "budget": budget, "price": (1.0, 1.0), **settings})


def test_calls_of_a_run_are_limited() -> None:
    with JudgeServer() as server:
        judged = judge(server, Budget(calls_per_run=2))
        results = [judged.evaluate(chain(n)) for n in range(4)]
        assert len(server.asked) == 2
    assert [type(r) for r in results] == [Score, Score, Skipped, Skipped]
    assert results[2] == Skipped("budget", "2 calls a run would be passed")


def test_money_of_a_run_is_limited_and_what_was_spent_is_known() -> None:
    budget = Budget(usd_per_run=0.003)  # a call costs (1000 + 200) / 1e6 USD
    with JudgeServer() as server:
        judged = judge(server, budget)
        results = [judged.evaluate(chain(n)) for n in range(4)]
    assert [type(r) for r in results] == [Score, Score, Skipped, Skipped]
    assert budget.run.usd == pytest.approx(0.0024)
    assert budget.run.calls == 2
    assert budget.today.usd == pytest.approx(0.0024)


def test_what_is_cached_costs_nothing() -> None:
    budget = Budget(calls_per_run=1)
    with JudgeServer() as server:
        assert isinstance(judge(server, budget).evaluate(chain()), Score)
        assert isinstance(judge(server, budget).evaluate(chain()), Score)
    assert budget.run.calls == 1


def test_a_day_is_shared_by_all_budgets_and_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    with JudgeServer() as server:
        assert isinstance(judge(server, Budget(calls_per_day=1)).evaluate(chain(1)), Score)
        assert judge(server, Budget(calls_per_day=1)).evaluate(chain(2)) == Skipped(
            "budget", "1 calls a day would be passed"
        )
        monkeypatch.setattr(spending, "_today", lambda: "2999-01-01")
        assert isinstance(judge(server, Budget(calls_per_day=1)).evaluate(chain(2)), Score)


def test_a_day_is_shared_by_processes(tmp_path: Path) -> None:
    program = f"""
from groundwire.judge import Budget
budget = Budget(calls_per_day=1000, ledger={str(tmp_path)!r})
for _ in range(25):
    assert budget.set_aside(0.01) is None
    budget.settle(0.01, 0.02)
"""
    workers = [subprocess.Popen([sys.executable, "-c", program]) for _ in range(2)]
    assert [w.wait(60) for w in workers] == [0, 0]
    spent = Budget(ledger=tmp_path).today
    assert spent.calls == 50
    assert spent.usd == pytest.approx(1.0)


def test_threads_cannot_spend_the_same_cent() -> None:
    budget = Budget(usd_per_run=0.05)
    allowed: list[str | None] = []

    def spend() -> None:
        for _ in range(5):
            allowed.append(budget.set_aside(0.01))

    threads = [threading.Thread(target=spend) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert allowed.count(None) == 5


def test_a_call_that_was_refused_is_given_back_and_one_that_hung_is_not() -> None:
    refused, hung, busy = (Budget(calls_per_run=9) for _ in range(3))
    with JudgeServer(error(429, "busy", headers={"Retry-After": "9"})) as server, pytest.raises(JudgeError):
        judge(server, busy, timeout_s=2, retries=1).evaluate(chain())
    with JudgeServer(error(401, "no")) as server, pytest.raises(JudgeError):
        judge(server, refused).evaluate(chain())
    with JudgeServer(Hang()) as server, pytest.raises(JudgeError):
        judge(server, hung, timeout_s=0.2).evaluate(chain())
    assert (refused.run.calls, refused.run.usd) == (0, 0.0)
    assert busy.run.calls == 0
    assert hung.run.calls == 1
    assert hung.run.usd > 0


def test_a_repair_is_a_call_and_without_budget_it_is_left_out() -> None:
    case = RagChain(None, (Passage("Cats sleep a lot. Dogs bark."),), "Cats sleep a lot. Dogs bark.")
    with JudgeServer([row(1, quote="Cats sleep")]) as server:
        result = judge(server, Budget(calls_per_run=1)).evaluate(case)
        assert len(server.asked) == 1
    assert isinstance(result, Score)
    assert result.details["unjudged"] == 1.0


def test_money_cannot_be_limited_where_the_price_is_unknown() -> None:
    with JudgeServer() as server:
        result = judge(server, Budget(usd_per_day=5.0), price=None).evaluate(chain())
        assert server.asked == []
        assert isinstance(result, Skipped)
        assert result.reason == "budget"
        assert "price" in result.detail
        assert isinstance(judge(server, Budget(calls_per_day=5), price=None).evaluate(chain()), Score)


def test_a_budget_is_shared_by_judges_and_rubrics() -> None:
    budget = Budget(calls_per_run=1)
    with JudgeServer(honest) as server:
        judge(server, budget).evaluate(chain())
        rubric = Rubric("short", "Answers are short.", model="m", base_url=server.url, budget=budget)
        assert isinstance(rubric.evaluate(chain()), Skipped)


def test_usage_that_is_not_told_is_charged_as_expected() -> None:
    budget = Budget(usd_per_run=1.0)
    nothing = Says('{"sentences": []}', usage=None)
    with JudgeServer(nothing, Raw(500, {"error": "x"})) as server, pytest.raises(JudgeError):
        judge(server, budget).evaluate(chain())
    assert budget.run.usd > 0


@pytest.mark.parametrize("limit", [-1, float("nan")])
def test_a_limit_is_no_negative_number(limit: float) -> None:
    with pytest.raises(ConfigurationError, match="usd_per_day"):
        Budget(usd_per_day=limit)


def test_a_limit_of_zero_allows_nothing() -> None:
    with JudgeServer() as server:
        assert isinstance(judge(server, Budget(calls_per_run=0)).evaluate(chain()), Skipped)
        assert server.asked == []


def test_a_ledger_that_cannot_be_written_is_said_once_and_counted_here(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("in the way")
    budget = Budget(calls_per_day=2, ledger=tmp_path / "file" / "x")
    assert [budget.set_aside(0.1) for _ in range(3)] == [None, None, "2 calls a day"]
    assert len([r for r in caplog.records if "in this process alone" in r.message]) == 1


@pytest.mark.parametrize("garbage", ["", "[]", '{"usd": "x", "calls": null}', '{"usd": -5, "calls": -1}', "{" * 9])
def test_a_broken_ledger_starts_from_nothing(tmp_path: Path, garbage: str) -> None:
    budget = Budget(calls_per_day=1, ledger=tmp_path)
    (tmp_path / f"{spending._today()}.json").write_text(garbage)
    assert budget.set_aside(0.0) is None
    assert budget.set_aside(0.0) == "1 calls a day"


def test_it_shows_its_limits() -> None:
    assert repr(Budget(usd_per_day=2.0, calls_per_run=5)) == "Budget(calls_per_run=5, usd_per_day=2.0)"
