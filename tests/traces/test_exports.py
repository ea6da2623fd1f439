"""Exports of other products hold the same answers as the spans that their SDKs send; how they were made: exports/."""

import json
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from groundwire.chain import chains
from groundwire.model import RagChain, SpanEvent, SpanLink, SpanRecord
from groundwire.traces import joined, open_source
from groundwire.traces.foreign import span_id, time_ns, trace_id
from groundwire.traces.shapes import decode

HERE = Path(__file__).parent
RECORDINGS = HERE.parent / "recordings"


def plain(found: Iterable[RagChain]) -> list[RagChain]:
    """Without what an export cannot know: counts of nothing, and digits beyond the tenth."""
    return [
        replace(
            chain,
            passages=tuple(replace(p, score=None if p.score is None else round(p.score, 10)) for p in chain.passages),
            usage=chain.usage
            and replace(
                chain.usage,
                reasoning_tokens=chain.usage.reasoning_tokens or None,
                cache_read_tokens=chain.usage.cache_read_tokens or None,
            ),
        )
        for chain in found
    ]


@pytest.mark.parametrize(
    ("export", "recording"),
    [
        ("langfuse.jsonl", "langfuse"),
        ("langsmith.jsonl", "langsmith"),
        ("mlflow.jsonl", "mlflow"),
        ("phoenix-spans.json", "openinference"),
        ("phoenix-otlpv1.json", "openinference"),
        ("phoenix-frame.parquet", "openinference"),
        ("phoenix-frame.json", "openinference"),
        ("phoenix-frame.csv", "openinference"),
    ],
)
def test_export_holds_the_answers_of_the_recorded_spans(export: str, recording: str) -> None:
    recorded = list(joined(open_source(str(RECORDINGS / f"{recording}.jsonl"))))
    source = open_source(str(HERE / "exports" / export))
    exported = list(joined(source))

    assert source.problems == []
    assert {(s.trace_id, s.span_id, s.parent_id, s.name) for s in exported} == {
        (s.trace_id, s.span_id, s.parent_id, s.name) for s in recorded
    }
    assert len(chains(recorded).chains) == 4
    assert plain(chains(exported).chains) == plain(chains(recorded).chains)
    assert [r.reason for r in chains(exported).rejected] == [r.reason for r in chains(recorded).rejected]


def test_export_as_one_list_is_read_like_lines(tmp_path: Path) -> None:
    lines = (HERE / "exports" / "langsmith.jsonl").read_text().splitlines()
    (tmp_path / "lines.json").write_text("\n".join(lines))
    for name, text in {
        "list": f"[{', '.join(lines)}]",
        "pretty": json.dumps([json.loads(line) for line in lines], indent=2),
        "envelope": json.dumps({"runs": [json.loads(line) for line in lines], "cursors": {"next": None}}),
        "a-line-each": "[\n" + ",\n".join(lines) + "\n]\n",
    }.items():
        (tmp_path / f"{name}.json").write_text(text)
        assert list(open_source(str(tmp_path / f"{name}.json"))) == list(open_source(str(tmp_path / "lines.json"))), (
            name
        )


def spans_of(document: Any) -> list[SpanRecord]:
    complaints: list[str] = []
    found = [item for item in decode(document, complaints.append) if isinstance(item, SpanRecord)]
    assert complaints == []
    return found


def test_langfuse_trace_with_its_observations_is_read() -> None:
    observation = {
        "id": "clx0obs1", "type": "GENERATION", "startTime": "2024-05-01T10:00:00.250Z", "endTime": None,
        "name": "llm", "level": "ERROR", "statusMessage": "rate limit", "input": {"q": 1}, "output": "text",
        "model": "gpt-4o", "usage": {"input": 7, "output": 3, "total": 10, "unit": "TOKENS"},
        "calculatedTotalCost": 0.25,
    }  # fmt: skip
    [span] = spans_of({
        "id": "5f6c8b2e-0c4f-4a7e-9a39-0c2b8e7d1f00", "name": "chat", "userId": "u1", "tags": ["a", "b"],
        "observations": [observation], "scores": [],
    })  # fmt: skip

    assert span.trace_id == "5f6c8b2e0c4f4a7e9a390c2b8e7d1f00"
    assert len(span.span_id) == 16
    assert (span.start_ns, span.end_ns) == (1714557600250000000, 1714557600250000000)
    assert (span.status, span.status_message) == ("error", "rate limit")
    assert span.attributes == {
        "langfuse.observation.type": "generation",
        "langfuse.observation.id": "clx0obs1",
        "langfuse.trace.name": "chat",
        "user.id": "u1",
        "langfuse.trace.tags": ("a", "b"),
        "langfuse.observation.level": "ERROR",
        "langfuse.observation.status_message": "rate limit",
        "langfuse.observation.model.name": "gpt-4o",
        "langfuse.observation.input": '{"q": 1}',
        "langfuse.observation.output": "text",
        "langfuse.observation.usage_details": '{"input": 7, "output": 3, "total": 10}',
        "langfuse.observation.cost_details": '{"total": 0.25}',
    }


def test_langfuse_trace_with_ids_of_observations_only_is_told() -> None:
    complaints: list[str] = []

    assert list(decode({"id": "t", "observations": ["o1", "o2"]}, complaints.append)) == []
    assert complaints == [
        "observation 'o1' left out: only its id is there",
        "observation 'o2' left out: only its id is there",
    ]


def test_langfuse_table_in_snake_case_is_read(tmp_path: Path) -> None:
    (tmp_path / "o.csv").write_text(
        "id,trace_id,type,start_time,end_time,name,input,output,usage_details,provided_model_name\n"
        "00000000000000a1,0af7651916cd43dd8448eb211c80319c,GENERATION,2026-01-02 03:04:05.006,2026-01-02 03:04:06,llm,"
        '"[{""role"": ""user""}]",yes,"{""input"": ""12""}",gpt-4o\n'
    )
    [span] = open_source(str(tmp_path / "o.csv"))

    assert isinstance(span, SpanRecord)
    assert span.end_ns - span.start_ns == 994_000_000
    assert span.attributes["langfuse.observation.input"] == '[{"role": "user"}]'
    assert span.attributes["langfuse.observation.usage_details"] == '{"input": 12}'


def test_langsmith_parents_repeat_no_tokens_and_children_inside_are_read() -> None:
    child = {"id": "019a0000-0000-7000-8000-000000000002", "name": "llm", "run_type": "llm",
             "start_time": "2026-01-01T00:00:00",
             "parent_run_id": "019a0000-0000-7000-8000-000000000001", "prompt_tokens": 5, "total_cost": "0.002",
             "dotted_order": "20260101T000000000000Z019a0000-0000-7000-8000-000000000001.20260101T0"}  # fmt: skip
    root = {"id": "019a0000-0000-7000-8000-000000000001", "name": "chain", "run_type": "chain", "prompt_tokens": 5,
            "start_time": 1767225600000, "error": "ValueError('no')", "child_runs": [child]}  # fmt: skip
    first, second = spans_of(root)

    assert first.trace_id == second.trace_id == "019a000000007000800000000000000" + "1"
    assert (first.span_id, second.span_id, second.parent_id) == (
        "8000000000000001",
        "8000000000000002",
        "8000000000000001",
    )
    assert "gen_ai.usage.input_tokens" not in first.attributes
    assert (second.attributes["gen_ai.usage.input_tokens"], second.attributes["gen_ai.usage.cost"]) == (5, 0.002)
    assert (first.status, first.status_message) == ("error", "ValueError('no')")
    assert first.start_ns == second.start_ns == 1767225600 * 10**9


def test_console_exporter_of_the_sdk_is_read() -> None:
    [span] = spans_of({
        "name": "chat", "context": {"trace_id": "0x0af7651916cd43dd8448eb211c80319c", "span_id": "0xb7ad6b7169203331",
        "trace_state": "[]"}, "kind": "SpanKind.CLIENT", "parent_id": "0x00000000000000a1",
        "start_time": "2026-11-25T16:00:00.000001Z", "end_time": "2026-11-25T16:00:01.500000Z",
        "status": {"status_code": "ERROR", "description": "boom"}, "attributes": {"n": 3},
        "events": [{"name": "exception", "timestamp": "2026-11-25T16:00:01Z", "attributes": {"exception.type": "E"}}],
        "links": [{"context": {"trace_id": "0x0af7651916cd43dd8448eb211c80319d", "span_id": "0x00000000000000a2"},
                   "attributes": {}}],
        "resource": {"attributes": {"service.name": "rag"}, "schema_url": ""},
    })  # fmt: skip

    start = 1795622400 * 10**9
    assert span == SpanRecord(
        "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331", "chat", start + 1000, start + 1_500_000_000,
        "00000000000000a1", "client", "error", "boom", {"n": 3},
        (SpanEvent("exception", start + 10**9, {"exception.type": "E"}),),
        (SpanLink("0af7651916cd43dd8448eb211c80319d", "00000000000000a2"),), resource={"service.name": "rag"},
    )  # fmt: skip


def test_phoenix_attributes_are_flattened_however_deep() -> None:
    [span] = spans_of({
        "name": "r", "context": {"trace_id": "0af7651916cd43dd8448eb211c80319c", "span_id": "b7ad6b7169203331"},
        "span_kind": "RETRIEVER", "start_time": "2026-11-25T16:00:00+01:00", "end_time": None, "status_code": "OK",
        "attributes": {"retrieval": {"documents": [{"document": {"content": "a", "score": 0.5, "metadata": {"k": 1}}}]},
                       "llm.token_count": {"prompt": 12.0}, "tag": {"tags": ["x"]}, "metadata": {"a": {"b": None}}},
    })  # fmt: skip

    assert span.attributes == {
        "openinference.span.kind": "RETRIEVER",
        "retrieval.documents.0.document.content": "a",
        "retrieval.documents.0.document.score": 0.5,
        "retrieval.documents.0.document.metadata": '{"k": 1}',
        "llm.token_count.prompt": 12,
        "tag.tags": ("x",),
        "metadata": '{"a": {"b": null}}',
    }


def test_zipkin_gives_back_what_opentelemetry_put_into_tags() -> None:
    [span] = spans_of([[{
        "traceId": "8448eb211c80319c", "id": "b7ad6b7169203331", "parentId": "a1", "name": "chat gpt-4o",
        "kind": "CLIENT", "timestamp": 1700000000000001, "duration": 1500, "localEndpoint": {"serviceName": "rag"},
        "tags": {"gen_ai.usage.input_tokens": "12", "gen_ai.evaluation.score.value": "0.5", "gen_ai.response.id": "123",
                 "otel.status_code": "ERROR", "error": "boom", "otel.scope.name": "s", "otel.scope.version": "1",
                 "otlp.link.0": "0af7651916cd43dd8448eb211c80319c|00000000000000a2||{}|0"},
        "annotations": [{"timestamp": 1700000000000002, "value": 'gen_ai.choice|{"index":0}|0'},
                        {"timestamp": 1700000000000003, "value": "cs"}],
    }]])  # fmt: skip

    assert span == SpanRecord(
        "00000000000000008448eb211c80319c", "b7ad6b7169203331", "chat gpt-4o", 1700000000000001000, 1700000000001501000,
        "00000000000000a1", "client", "error", "boom",
        {"gen_ai.usage.input_tokens": 12, "gen_ai.evaluation.score.value": 0.5, "gen_ai.response.id": "123",
         "error": "boom"},
        (SpanEvent("gen_ai.choice", 1700000000000002000, {"index": 0}), SpanEvent("cs", 1700000000000003000)),
        (SpanLink("0af7651916cd43dd8448eb211c80319c", "00000000000000a2"),), "s", "1", {"service.name": "rag"},
    )  # fmt: skip


def test_trulens_row_is_read() -> None:
    [span] = spans_of({
        "event_id": "1",
        "record": {"name": "retrieve", "kind": 1, "parent_span_id": "161", "status": "STATUS_CODE_ERROR"},
        "record_attributes": json.dumps({"ai.observability.span_type": "retrieval"}), "record_type": "SPAN",
        "resource_attributes": {"service.name": "rag"}, "start_timestamp": "2026-11-25 16:00:00",
        "timestamp": "2026-11-25 16:00:01.25",
        "trace": {"trace_id": str(0x0AF7651916CD43DD8448EB211C80319C), "span_id": str(0xB7AD6B7169203331),
                  "parent_id": ""},
    })  # fmt: skip

    assert (span.trace_id, span.span_id) == ("0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331")
    assert (span.parent_id, span.status) == ("00000000000000a1", "error")
    assert span.end_ns - span.start_ns == 1_250_000_000
    assert span.attributes == {"ai.observability.span_type": "retrieval"}


def test_mlflow_frame_of_traces_is_read() -> None:
    [trace] = [json.loads(line) for line in (HERE / "exports" / "mlflow.jsonl").read_text().splitlines()[:1]]

    assert spans_of({"trace_id": "tr-1", "request": "?", "spans": trace["data"]["spans"]})


def test_ids_of_any_form_become_ids() -> None:
    assert trace_id("0AF7651916CD43DD8448EB211C80319C") == "0af7651916cd43dd8448eb211c80319c"
    assert trace_id("0af76519-16cd-43dd-8448-eb211c80319c") == "0af7651916cd43dd8448eb211c80319c"
    assert span_id("0af76519-16cd-43dd-8448-eb211c80319c") == "8448eb211c80319c"
    assert span_id("clx0obs1") == span_id("clx0obs1") != span_id("clx0obs2")
    for nothing in (None, "", "0" * 16):
        with pytest.raises(ValueError, match="no span id"):
            span_id(nothing)


@pytest.mark.parametrize(
    ("written", "nanoseconds"),
    [
        ("2026-11-25T16:00:00Z", 1795622400 * 10**9),
        ("2026-11-25 17:00:00.123456789+01:00", 1795622400_123456789),
        ("2026-11-25T16:00:00,5", 1795622400_500000000),
        (1795622400, 1795622400 * 10**9),
        (1795622400.5, 1795622400_500000000),
        (1795622400123, 1795622400_123000000),
        ("1795622400123456", 1795622400_123456000),
        (1795622400123456789, 1795622400_123456789),
        (None, None),
    ],
)
def test_times_of_any_unit_are_read(written: object, nanoseconds: int | None) -> None:
    assert time_ns(written) == nanoseconds


@pytest.mark.parametrize(
    "written", ["yesterday", "2026-13-40T00:00:00Z", float("nan"), True, [], -5, "1900-01-01T00:00:00Z"]
)
def test_what_is_no_time_is_told(written: object) -> None:
    with pytest.raises(ValueError, match=r"time|month|day"):
        time_ns(written)
