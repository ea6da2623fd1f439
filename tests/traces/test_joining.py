import json
from pathlib import Path

import pytest

from groundwire.cli.reading import read
from groundwire.model import LogEvent, SpanEvent, SpanRecord
from groundwire.traces import joined, open_source
from groundwire.traces.otlp_json import encode

TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
CALL = SpanRecord(TRACE, SPAN, "chat", 10, 90, events=(SpanEvent("own", 50),))
LOGS = json.dumps(
    {"resourceLogs": [{"scopeLogs": [{"logRecords": [
        {"traceId": TRACE, "spanId": SPAN, "timeUnixNano": "80", "eventName": "gen_ai.choice",
         "body": {"kvlistValue": {"values": [{"key": "index", "value": {"intValue": "0"}}]}}},
        {"traceId": TRACE, "spanId": SPAN, "observedTimeUnixNano": "20", "body": {"stringValue": "hello"},
         "attributes": [{"key": "event.name", "value": {"stringValue": "gen_ai.user.message"}}]},
        {"timeUnixNano": "5", "body": {"stringValue": "the application says something"}},
    ]}]}]}
)  # fmt: skip
JOINED = (
    SpanEvent("gen_ai.user.message", 20, {"body": "hello"}),
    SpanEvent("own", 50),
    SpanEvent("gen_ai.choice", 80, {"body": {"index": 0}}),
)


@pytest.mark.parametrize("order", [1, -1])
@pytest.mark.parametrize("files", [1, 2])
def test_log_records_become_events_of_their_span(tmp_path: Path, files: int, order: int) -> None:
    parts = [encode([CALL]), LOGS][::order]
    for n, text in enumerate(parts if files == 2 else ["\n".join(parts)]):
        (tmp_path / f"{n}.jsonl").write_text(text)
    left: list[LogEvent] = []

    [call] = joined(open_source(str(tmp_path)), left.append)

    assert call.events == JOINED
    assert [(e.trace_id, e.span_id, e.event.attributes) for e in left] == [
        ("", "", {"body": "the application says something"})
    ]


def test_spans_and_logs_of_one_line_are_joined(tmp_path: Path) -> None:
    (tmp_path / "t.jsonl").write_text(json.dumps(json.loads(encode([CALL])) | json.loads(LOGS)))

    [call] = joined(open_source(str(tmp_path)))

    assert call.events == JOINED


def test_record_that_stands_in_two_files_is_one_event() -> None:
    event = LogEvent(TRACE, SPAN, SpanEvent("e", 1))

    assert [s.events for s in joined([event, CALL, event])] == [(event.event, *CALL.events)]


def test_reading_tells_how_many_records_belong_to_no_span(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "t.jsonl").write_text(f"{encode([CALL])}\n{LOGS}\n")

    spans, problems = read(str(tmp_path))

    assert [s.events for s in spans] == [JOINED]
    assert problems == []
    assert "1 log record of no span in" in capsys.readouterr().err
