"""`groundwire.score`: stored traces from Python."""

import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import groundwire
from groundwire.answers import answers
from groundwire.errors import ConfigurationError, MissingLibrary, SourceError
from groundwire.model import RagChain, SpanRecord
from groundwire.pipeline import spool
from pipeline import judges
from pipeline.conftest import judged
from pipeline.corpus import corpus, request, write


@pytest.fixture(params=["in memory", "on disk"])
def size(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "on disk":
        monkeypatch.setattr(spool, "IN_MEMORY", 10_000)
        monkeypatch.setattr(spool, "LARGEST", 5_000)


def test_answers_come_with_their_scores(size: None, place: Path) -> None:
    spans = corpus(60)
    scored = groundwire.score(spans, [judges.hashed, judges.other])
    found = list(scored)

    assert len(found) == 54
    assert {a.chain.span_id for a in found} == {c.span_id for c in groundwire.chains(spans).chains}
    by_span = {c.span_id: c for c in groundwire.chains(spans).chains}
    for answer in found:
        assert answer.chain == by_span[answer.chain.span_id]
        expected: Any = judges.hashed.evaluate(answer.chain)
        assert answer.score("hashed") == answer.score("other") == expected.value
        assert answer.checks["hashed"].passed is expected.passed
    assert [a.chain.span_id for a in scored] == [a.chain.span_id for a in found], "it can be gone through again"
    assert scored.summary.answers == 54
    assert scored.summary.rejected == {"no_passages": 6}
    scored.close()


def test_a_file_by_its_name_and_only_some_of_it(place: Path) -> None:
    write(place / "t.jsonl", [s for n in range(20) for s in request(n)])
    scored = groundwire.score(place / "t.jsonl", ["judges:hashed"], where="app.version=2", limit=4)

    assert len(list(scored)) == 4
    assert {a.attribute("app.version") for a in scored} == {"2"}
    assert scored.summary.left == {"where": 14, "limit": 2}
    assert scored.problems == []


def test_rows_are_flat_and_tell_why_there_is_no_score(place: Path) -> None:
    spans = [*request(1), *request(2, question="Please skip thing 2?")]
    rows = {row["question"]: row for row in groundwire.score(spans, [judges.hashed]).rows()}

    assert list(rows) == ["What is the number of thing 1?", "Please skip thing 2?"]
    one, other = rows.values()
    assert one["hashed"] > 0
    assert one["hashed_label"] in ("good", "bad")
    assert one["hashed_reason"] is None
    assert one["passages"] == 1
    assert one["cost_usd"] is None
    assert other["hashed"] is None
    assert other["hashed_reason"] == "no_question"


def test_dataframes_are_made_by_the_library_that_is_there(monkeypatch: pytest.MonkeyPatch, place: Path) -> None:
    made: list[Any] = []
    fake = SimpleNamespace(DataFrame=lambda rows, **more: made.append((rows, more)) or "a frame")
    monkeypatch.setitem(sys.modules, "pandas", fake)
    scored = groundwire.score(request(1), [judges.hashed])

    assert scored.to_pandas() == "a frame"
    rows, more = made[0]
    assert list(rows[0]) == more["columns"] == scored.columns
    monkeypatch.setitem(sys.modules, "polars", None)
    with pytest.raises(MissingLibrary, match="polars"):
        scored.to_polars()


def test_run_that_broke_off_goes_on(place: Path) -> None:
    write(place / "t.jsonl", corpus(40))

    class Stop(Exception):
        pass

    seen = 0

    def interrupted(evaluate: Any) -> Any:
        def again(self: Any, chain: RagChain, /) -> Any:
            nonlocal seen
            seen += 1
            if seen == 20:
                raise KeyboardInterrupt
            return evaluate(self, chain)

        return again

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(judges.Hashed, "evaluate", interrupted(judges.Hashed.evaluate))
        with pytest.raises(KeyboardInterrupt):
            list(groundwire.score("t.jsonl", [judges.hashed], work="kept"))
    scored = groundwire.score("t.jsonl", [judges.hashed], work="kept")

    assert len(list(scored)) == 36
    assert scored.summary.resumed == 19
    assert max(judged(place).values()) == 1
    assert not Path("kept").exists()


def test_workers_serve_python_too(place: Path) -> None:
    write(place / "t.jsonl", corpus(40))
    script = place / "script.py"
    script.write_text(
        "import groundwire\n"
        "if __name__ == '__main__':\n"
        "    scored = groundwire.score('t.jsonl', ['judges:hashed'], workers=2)\n"
        "    print(len(list(scored)), scored.summary.answers)\n"
    )
    done = subprocess.run([sys.executable, "script.py"], cwd=place, capture_output=True, text=True, check=False)

    assert done.stdout.split() == ["36", "36"], done.stderr


def test_mistakes_are_told(place: Path) -> None:
    with pytest.raises(SourceError, match=r"nowhere\.jsonl"):
        groundwire.score("nowhere.jsonl")
    with pytest.raises(ConfigurationError, match="sample"):
        groundwire.score([], sample=1.5)
    with pytest.raises(ConfigurationError, match="is no condition"):
        groundwire.score([], where="model")
    with pytest.raises(ConfigurationError, match="must be a list"):
        groundwire.score([], "faithfulness")
    with pytest.raises(ConfigurationError, match=r"groundwire\.scoring\.score"):
        list(groundwire.score([RagChain("?", (), "!")], [judges.hashed]))  # type: ignore[list-item]
    with pytest.raises(ConfigurationError, match="since"):
        groundwire.score([], since="yesterday")


def test_odd_values_survive_the_way() -> None:
    spans = request(1)
    odd: dict[str, Any] = {
        "lone": "\ud800 surrogate", "nul": "\0", "big": 2**80, "nan": float("inf"), "list": [1, [2, "x"]],
        "bytes": b"\x00\xff", "map": {"a": {"b": None}}, "none": None, "set": frozenset([1]), "foreign": Path("x"),
    }  # fmt: skip
    spans[0] = SpanRecord(**{**{f: getattr(spans[0], f) for f in SpanRecord.__slots__},
                             "attributes": {**spans[0].attributes, **odd}})  # fmt: skip
    (answer,) = groundwire.score(spans, [judges.hashed])

    assert answer.score("hashed") is not None
    assert answer.span.attributes["nul"] == "\0"
    assert answer.span.attributes["lone"] in ("\ud800 surrogate", "\ufffd surrogate")
    assert list(answers([])) == []
