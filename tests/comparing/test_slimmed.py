"""Requests made small tell comparisons all that the whole ones do."""

from dataclasses import replace
from pathlib import Path

from groundwire.comparing import compare, regressions, run_of
from groundwire.comparing.runs import run_of_traces
from groundwire.comparing.slimmed import Slimmer
from groundwire.drifting import drift
from groundwire.trace import read_traces
from groundwire.traces import open_source
from runs import Asked, run_spans, write_run

LONG = "long " * 100


def asked(n: int, value: float) -> list[Asked]:
    evidence = [
        {"text": "It is 56 metres tall.", "verdict": "unsupported" if value < 0.5 else "supported", "passage": 0}
    ]
    rows = [
        Asked(f"What is {i}?", {"faithfulness": value + i / 100, "relevance": None}, evidence=evidence,
              attributes={"team": LONG, "prompt.template": LONG}, resource={"app.version": "1"})
        for i in range(n)
    ]  # fmt: skip
    return [*rows, replace(rows[0], error=True)]


def test_comparison_and_drift_are_the_same() -> None:
    spans = [run_spans(asked(8, value), salt) for salt, value in ((1, 0.8), (2, 0.3))]
    whole = [run_of("run", s) for s in spans]
    slim = [run_of_traces("run", read_traces(s), Slimmer(["team"])) for s in spans]
    found = [
        compare(*runs, by=["team", "app.version", "model"], fail_on=["cost:+1%", "faithfulness"], min_n=5)
        for runs in (whole, slim)
    ]

    assert found[0].as_json() == found[1].as_json()
    worst = [[r.as_json() for r in regressions(f, "faithfulness")] for f in found]
    assert worst[0] == worst[1]
    assert worst[0][0]["changed"]
    assert drift(*whole, min_n=5).as_json() == drift(*slim, min_n=5).as_json()


def test_runs_are_made_from_sources_too(tmp_path: Path) -> None:
    write_run(tmp_path / "run.jsonl", asked(4, 0.8))

    assert len(run_of("run", open_source(str(tmp_path / "run.jsonl"))).answers) == 4


def test_content_is_gone_and_passages_are_shared() -> None:
    run = run_of_traces("run", read_traces(run_spans(asked(4, 0.8))), Slimmer(["team"]))
    spans = [s.span for a in run.answers for s in a.trace.stages] + [s.span for t in run.errors for s in t.stages]

    assert len(run.errors) == 1
    assert {k for s in spans for k, v in s.attributes.items() if len(str(v)) > 200} == {"team"}
    assert not any(a.trace.spans or (s.call and s.call.prompt) for a in run.answers for s in a.trace.stages)
    first, other = (run.answers[i].chain.passages[0] for i in (0, 3))
    assert first is other
    assert run.answers[0].span.resource is run.answers[3].span.resource
