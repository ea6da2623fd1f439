"""Several judges: majority per sentence, mean value, and how far they agree."""

from dataclasses import dataclass
from typing import Any

import pytest
from opentelemetry import context as otel_context

from groundwire.errors import ConfigurationError, JudgeError
from groundwire.judge import Judge, Jury
from groundwire.model import Evidence, Passage, RagChain, Score, Skipped, Usage, Verdict
from groundwire.untraced import untraced
from judge.server import JudgeServer, Says, row

CHAIN = RagChain("How tall?", (Passage("Cats sleep a lot. Dogs bark."),), "Cats sleep a lot. Dogs bark.")


def evidence(*verdicts: Verdict) -> tuple[Evidence, ...]:
    spans = ((0, 17), (18, 28))
    return tuple(
        Evidence(CHAIN.answer[a:b], a, b, verdict, float(verdict == "supported"))
        for (a, b), verdict in zip(spans, verdicts, strict=False)
    )


@dataclass(frozen=True)
class Juror:
    result: Any
    name: str = "faithfulness"
    version: str = "1"
    threshold: float = 0.8

    def evaluate(self, chain: RagChain, /) -> Score | Skipped:
        if isinstance(self.result, Exception):
            raise self.result
        return self.result


def juror(value: float, *verdicts: Verdict, version: str = "1", **fields: Any) -> Juror:
    return Juror(Score(value, "x", evidence=evidence(*verdicts), **fields), version=version)


def test_the_whole_score() -> None:
    jury = Jury(
        [
            juror(1.0, "supported", "supported", version="a", usage=Usage(10, 1), cost_usd=0.1),
            juror(0.5, "supported", "unsupported", version="b", usage=Usage(20, 2), cost_usd=0.2),
            juror(0.5, "supported", "contradicted", version="c"),
        ]
    )
    result = jury.evaluate(CHAIN)
    assert isinstance(result, Score)
    assert result.value == pytest.approx(2 / 3)
    assert result.label == "unfaithful"
    assert [e.verdict for e in result.evidence] == ["supported", "contradicted"]  # one vote each: the most severe
    assert result.evidence[1].probability == pytest.approx(1 / 3)
    assert dict(result.details) == {"jurors": 3.0, "failed": 0.0, "spread": 0.5, "agreement": 0.5}
    assert result.usage == Usage(30, 3)
    assert result.cost_usd == pytest.approx(0.3)
    assert result.explanation == '3 jurors: 1 of 2 sentences not supported: "Dogs bark." (against the passages)'


def test_most_votes_decide() -> None:
    jury = Jury([juror(1.0, "supported"), juror(1.0, "supported"), juror(0.0, "contradicted")])
    result = jury.evaluate(CHAIN)
    assert isinstance(result, Score)
    assert result.evidence[0].verdict == "supported"


def test_one_judge_that_sits_several_times_tells_how_often_it_flips() -> None:
    cats = row(1, quote="Cats sleep")
    good, bad = [cats, row(2, quote="Dogs bark")], [cats, row(2, "unsupported")]
    with JudgeServer(good, bad, good) as server:
        jury = Jury.repeated(Judge("m", base_url=server.url, retries=0, concurrency=1), times=3)
        result = jury.evaluate(CHAIN)
        assert sorted(a.body["seed"] for a in server.asked) == [0, 1, 2]
        again = jury.evaluate(CHAIN)
        assert len(server.asked) == 3
    assert isinstance(result, Score)
    assert result == again
    assert result.details["flip_rate"] == 0.5
    assert result.details["agreement"] == 0.5
    assert result.label == "faithful"  # by two votes to one
    assert result.value == pytest.approx(2.5 / 3)


def test_different_judges_have_no_flip_rate() -> None:
    result = Jury([juror(1.0, "supported", version="a"), juror(1.0, "supported", version="b")]).evaluate(CHAIN)
    assert isinstance(result, Score)
    assert "flip_rate" not in result.details
    assert result.details["agreement"] == 1.0


def test_jurors_who_decline_are_left_out() -> None:
    result = Jury([Juror(Skipped("language")), juror(1.0, "supported")]).evaluate(CHAIN)
    assert isinstance(result, Score)
    assert result.details["jurors"] == 1.0
    assert "agreement" not in result.details


def test_if_all_decline_the_first_reason_holds() -> None:
    assert Jury([Juror(Skipped("language")), Juror(Skipped("budget"))]).evaluate(CHAIN) == Skipped("language")


def test_one_of_three_may_fail_two_may_not() -> None:
    broken = Juror(RuntimeError("boom"))
    result = Jury([broken, juror(1.0, "supported"), juror(1.0, "supported")]).evaluate(CHAIN)
    assert isinstance(result, Score)
    assert result.details["failed"] == 1.0
    with pytest.raises(JudgeError, match="2 of 3 jurors failed; boom"):
        Jury([broken, broken, juror(1.0, "supported")]).evaluate(CHAIN)


def test_a_cost_that_one_juror_does_not_know_is_not_known() -> None:
    jury = Jury([juror(1.0, usage=Usage(10, 1), cost_usd=0.1), juror(1.0, usage=Usage(20, 2))])
    result = jury.evaluate(CHAIN)
    assert isinstance(result, Score)
    assert (result.usage, result.cost_usd) == (Usage(30, 3), None)


def test_local_and_model_sit_together() -> None:
    with JudgeServer([row(1, quote="Cats sleep"), row(2, quote="Dogs bark")]) as server:
        jury = Jury(["faithfulness", Judge("m", base_url=server.url, retries=0)])
        result = jury.evaluate(CHAIN)
    assert isinstance(result, Score)
    assert result.details["agreement"] == 1.0
    assert len(result.evidence) == 2


@pytest.mark.parametrize("judges", [[], [juror(1.0)], [juror(1.0), Juror(None, name="other")]])
def test_a_jury_is_two_or_more_of_one_metric(judges: list[Any]) -> None:
    with pytest.raises(ConfigurationError):
        Jury(judges)


def test_jurors_sit_in_the_context_of_their_caller() -> None:
    seen: list[Any] = []

    @dataclass(frozen=True)
    class Looks(Juror):
        def evaluate(self, chain: RagChain, /) -> Score | Skipped:
            seen.append(otel_context.get_value("suppress_instrumentation"))
            return self.result

    with untraced():
        Jury([Looks(Score(1.0, "x")), Looks(Score(1.0, "x"))]).evaluate(CHAIN)
    assert seen == [True, True]


def test_a_jury_of_one_broken_judge_says_why() -> None:
    with JudgeServer(Says("no")) as server:
        jury = Jury.repeated(Judge("m", base_url=server.url, retries=0), times=2)
        with pytest.raises(JudgeError, match="no verdict that can be used"):
            jury.evaluate(CHAIN)
