"""Tables of answers: a row an answer, a group of columns an evaluator; and back."""

import csv
import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import stored
from groundwire.answers import answers
from groundwire.errors import MissingLibrary, SinkError
from groundwire.model import Failed, RagChain, Score, Skipped, SpanRecord
from groundwire.scoring import evaluate, evaluation_record
from groundwire.traces import open_sink, open_source
from groundwire.traces.sink import LinkedSink
from groundwire.traces.table import TableFile


class _Says:
    version = "7"
    threshold = 0.5

    def __init__(self, name: str, outcome: Score | Skipped | Exception) -> None:
        self.name = name
        self._outcome = outcome

    def evaluate(self, chain: RagChain) -> Score | Skipped:
        if isinstance(self._outcome, Exception):
            raise self._outcome
        return self._outcome


def judged(spans: list[SpanRecord], *evaluators: _Says) -> list[SpanRecord]:
    [answer] = answers(spans)
    return [*spans, *(evaluation_record(evaluate(answer.chain, e), answer.span) for e in evaluators)]


SPANS = judged(
    stored.request("=2+2; \"quoted\",\nand a line. It is 330 metres."),
    _Says("faithfulness", Score(0.25, "unfaithful", "1 of 2", passed=False, model="lexical")),
    _Says("relevance", Skipped("no_question")),
    _Says("broken", ValueError("no")),
)  # fmt: skip


def written(path: Path, *traces: list[SpanRecord]) -> None:
    sink = open_sink(str(path))
    for trace in traces:
        sink.write(trace)
    sink.close()


def rows(path: Path) -> list[dict[str, Any]]:
    if path.suffix == ".parquet":
        found: list[dict[str, Any]] = pq.read_table(path).to_pylist()
        return found
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("name", ["t.parquet", "t.csv"])
def test_row_holds_the_answer_and_every_outcome(tmp_path: Path, name: str) -> None:
    written(tmp_path / name, SPANS)

    [row] = rows(tmp_path / name)
    typed = (lambda text: text) if name == "t.parquet" else (lambda text: "" if text is None else str(text))
    assert row["trace_id"] == stored.TRACE
    assert row["span_id"] == stored.CHAT
    assert row["question"] == stored.QUESTION
    assert row["input_tokens"] == typed(128)
    assert row["faithfulness"] == typed(0.25)
    assert row["faithfulness.label"] == "unfaithful"
    assert str(row["faithfulness.passed"]).lower() == "false"
    assert row["faithfulness.model"] == "lexical"
    assert row["faithfulness.version"] == "7"
    assert row["relevance"] == typed(None)
    assert row["relevance.reason"] == "no_question"
    assert row["broken.reason"] == "failed: ValueError: no"
    assert list(row)[16:18] == ["broken", "broken.label"]


def test_parquet_has_types_and_the_passages_as_they_are(tmp_path: Path) -> None:
    written(tmp_path / "t.parquet", SPANS)
    schema = pq.read_schema(tmp_path / "t.parquet")

    assert str(schema.field("faithfulness").type) == "double"
    assert str(schema.field("faithfulness.passed").type) == "bool"
    assert str(schema.field("input_tokens").type) == "int64"
    [row] = rows(tmp_path / "t.parquet")
    assert [(p["id"], p["in_prompt"]) for p in row["passages"]] == [("d1", True), ("d2", True), ("d3", True)]


def test_what_a_spreadsheet_would_run_is_text(tmp_path: Path) -> None:
    written(tmp_path / "t.csv", SPANS)

    [row] = rows(tmp_path / "t.csv")
    assert row["answer"].startswith("'=2+2")


@pytest.mark.parametrize("name", ["t.parquet", "t.csv", "t.csv.gz"])
def test_table_is_a_source_of_the_same_answers_and_scores(tmp_path: Path, name: str) -> None:
    written(tmp_path / name, SPANS)
    source = open_source(str(tmp_path / name))

    [back] = answers(s for s in source if isinstance(s, SpanRecord))
    [before] = answers(SPANS)

    assert source.problems == []
    assert (back.chain.question, back.chain.answer) == (before.chain.question, before.chain.answer)
    assert (back.chain.trace_id, back.chain.span_id) == (before.chain.trace_id, before.chain.span_id)
    assert [(p.text, p.id, p.score) for p in back.chain.passages] == [
        (p.text, p.id, p.score) for p in before.chain.context
    ]
    assert back.chain.usage == before.chain.usage
    assert back.cost_usd == before.cost_usd
    assert {k: (c.value, c.label, c.passed, c.reason, c.version, c.threshold) for k, c in back.checks.items()} == {
        k: (c.value, c.label, c.passed, c.reason, c.version, c.threshold) for k, c in before.checks.items()
    }


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.text(st.characters(exclude_categories=["Cs"]), min_size=1)
    | st.text(st.sampled_from("'=+-@\t\r\n\",\0 []{}x"), min_size=1)
)
def test_any_text_comes_back_as_it_was(tmp_path: Path, text: str) -> None:
    from groundwire.traces.answer_rows import row_of

    [answer] = answers(stored.request())
    odd = replace(answer, chain=replace(answer.chain, answer=text, question=text, model=text))
    for name in ("t.csv", "t.parquet"):
        sink = TableFile(tmp_path / name)
        sink.add(row_of(odd), ())
        sink.close()
        [call] = (s for s in open_source(str(tmp_path / name)) if isinstance(s, SpanRecord))
        assert call.attributes["gen_ai.response.model"] == text
        assert call.attributes["gen_ai.retrieval.query.text"] == text
        assert json.loads(call.attributes["gen_ai.output.messages"])[0]["parts"][0]["content"] == text


def test_evaluators_of_other_rows_are_empty_columns(tmp_path: Path) -> None:
    other = "f" * 32
    second = [replace(s, trace_id=other) for s in stored.request()]
    written(tmp_path / "t.csv", second, SPANS)

    first, last = rows(tmp_path / "t.csv")
    assert (first["faithfulness"], last["faithfulness"]) == ("", "0.25")
    assert set(first) == set(last)


def test_answer_that_rests_on_another_trace_has_its_passages(tmp_path: Path) -> None:
    from groundwire.model import SpanLink

    elsewhere = stored.retrieval("e" * 32, None)
    call = replace(stored.chat(parent_id=None), links=(SpanLink("e" * 32, stored.RETRIEVAL),))
    sink = open_sink(str(tmp_path / "t.parquet"))
    assert isinstance(sink, LinkedSink)
    sink.write_linked([call], [elsewhere])
    sink.close()

    [row] = rows(tmp_path / "t.parquet")
    assert [p["span_id"] for p in row["passages"]] == [stored.RETRIEVAL] * 3


def test_nothing_is_left_behind_by_a_table_that_is_given_up(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("before")
    sink = open_sink(str(tmp_path / "t.csv"))
    sink.write(SPANS)
    sink.abandon()

    assert [p.name for p in tmp_path.iterdir()] == ["t.csv"]
    assert (tmp_path / "t.csv").read_text() == "before"


def test_table_of_nothing_has_its_columns(tmp_path: Path) -> None:
    for name in ("t.parquet", "t.csv"):
        written(tmp_path / name)
        assert rows(tmp_path / name) == []
    assert pq.read_schema(tmp_path / "t.parquet").names[:2] == ["trace_id", "span_id"]


def test_lone_surrogates_do_not_lose_the_table(tmp_path: Path) -> None:
    for name in ("t.parquet", "t.csv"):
        written(tmp_path / name, stored.request("It is 330 metres \ud800 tall."))
        assert rows(tmp_path / name)[0]["answer"] == "It is 330 metres ? tall."


@pytest.mark.parametrize("name", ["t.parquet", "t.csv"])
def test_odd_values_do_not_lose_the_table(tmp_path: Path, name: str) -> None:
    odd = [
        replace(
            s,
            resource={"service.name": 7},
            attributes={**s.attributes, "gen_ai.usage.input_tokens": 10**30, "gen_ai.usage.cost": float("inf")},
        )
        for s in stored.request()
    ]
    odd = [replace(s, attributes={k: v.replace("0.91", "NaN").replace("0.55", "1e999") if isinstance(v, str) else v
                                  for k, v in s.attributes.items()}) for s in odd]  # fmt: skip
    written(tmp_path / name, odd)

    [row] = rows(tmp_path / name)
    assert row["service"] == "7"
    assert not row["input_tokens"]
    assert float(row["request_cost_usd"]) == 0.00004  # as the root says


def test_parquet_without_its_library_names_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    (tmp_path / "there.parquet").write_bytes(b"PAR1....")

    with pytest.raises(MissingLibrary, match=r"groundwire\[parquet\]"):
        open_sink(str(tmp_path / "t.parquet"))
    with pytest.raises(MissingLibrary, match=r"groundwire\[parquet\]"):
        list(open_source(str(tmp_path / "there.parquet")))


def test_folder_that_is_not_there_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(SinkError, match="cannot write"):
        open_sink(str(tmp_path / "no" / "t.csv"))


def test_times_of_nanoseconds_are_read_out_of_parquet(tmp_path: Path) -> None:
    import pyarrow as pa

    moment = 1795622400_123456789
    rows = pa.table({
        "name": ["chat"], "context.trace_id": ["a" * 32], "context.span_id": ["b" * 16],
        "start_time": pa.array([moment], pa.timestamp("ns", "UTC")),
        "end_time": pa.array([moment // 1000 + 1], pa.timestamp("us")),
    })  # fmt: skip
    pq.write_table(rows, tmp_path / "t.parquet")

    [span] = open_source(str(tmp_path / "t.parquet"))
    assert isinstance(span, SpanRecord)
    assert (span.start_ns, span.end_ns) == (moment, moment // 1000 * 1000 + 1000)


def test_failed_outcome_is_a_reason_and_no_value() -> None:
    assert isinstance(evaluate(next(answers(SPANS)).chain, _Says("broken", ValueError("no"))).result, Failed)
