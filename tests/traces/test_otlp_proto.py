"""OTLP in protobuf, as it is sent and as the collector's file exporter writes it."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from google.protobuf import json_format
from hypothesis import assume, given
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.logs.v1.logs_pb2 import LogsData
from opentelemetry.proto.metrics.v1.metrics_pb2 import MetricsData

from groundwire.budget import encodable
from groundwire.model import SpanEvent, SpanLink, SpanRecord
from groundwire.traces import joined, open_source
from groundwire.traces.compression import zstd
from groundwire.traces.otlp_encode import encode
from groundwire.traces.otlp_proto import decode, framing, wrapped_trace
from groundwire.traces.otlp_proto_encode import encode as encode_binary
from traces.test_otlp_json import records

TRACE = "0af7651916cd43dd8448eb211c80319c"
RICH = SpanRecord(
    TRACE, "b7ad6b7169203331", "chat ☃", 1700000000000000001, 1700000000000000009, "00000000000000a1", "client",
    "error", "boom", {"s": "x", "i": -(2**63), "f": 0.5, "b": True, "l": ("a", 1), "m": {"k": "v"}, "y": b"\0\1",
    "n": None},
    (SpanEvent("e", 1700000000000000002, {"k": 1}),), (SpanLink(TRACE, "00000000000000a2", {"k": 2}),),
    "groundwire", "1", {"service.name": "rag"},
)  # fmt: skip


@given(records)
def test_what_is_sent_in_protobuf_is_read_back_the_same(written: SpanRecord) -> None:
    assume(encodable(repr(written)) == repr(written))  # lone surrogates are replaced
    assume("\\ud" not in repr(written))
    assume(written.end_ns or not written.start_ns)  # an end of 0 is none there
    complaints: list[str] = []

    assert list(decode(encode_binary([written, written, RICH]), complaints.append)) == [written, written, RICH]
    assert complaints == []


def test_what_protobuf_cannot_hold_becomes_what_it_can() -> None:
    odd = SpanRecord(TRACE, "b7ad6b7169203331", "a\ud800", 1, 2, attributes={"big": 2**70, "text": "b\udfff", "o": {1}})

    [read] = decode(encode_binary([odd]), print)
    assert isinstance(read, SpanRecord)
    assert (read.name, read.attributes) == ("a?", {"big": str(2**70), "text": "b?", "o": (1,)})


def many(count: int) -> list[SpanRecord]:
    return [
        SpanRecord(TRACE, f"{n:016x}", f"span {n}", n, n + 1, attributes={"text": "x" * n}) for n in range(1, count + 1)
    ]


def message(spans: list[SpanRecord], kind: Callable[[], Any] = ExportTraceServiceRequest) -> bytes:
    document = json.loads(encode(spans))
    return json_format.ParseDict(in_base64(document), kind()).SerializeToString()


def in_base64(value: Any) -> Any:
    """protobuf's own JSON mapping has ids in base64, OTLP's in hex."""
    import base64

    if isinstance(value, dict):
        return {
            key: base64.b64encode(bytes.fromhex(entry)).decode() if key in ("traceId", "spanId", "parentSpanId") else
            in_base64(entry) for key, entry in value.items()
        }  # fmt: skip
    return [in_base64(entry) for entry in value] if isinstance(value, list) else value


def varint(number: int) -> bytes:
    out = b""
    while number > 0x7F:
        out += bytes([number & 0x7F | 0x80])
        number >>= 7
    return out + bytes([number])


FRAMES: dict[str, Callable[[list[bytes]], bytes]] = {
    "none": b"".join,  # messages of one type that follow one another are one message
    "big": lambda messages: b"".join(len(m).to_bytes(4, "big") + m for m in messages),
    "little": lambda messages: b"".join(len(m).to_bytes(4, "little") + m for m in messages),
    "varint": lambda messages: b"".join(varint(len(m)) + m for m in messages),
}


@pytest.mark.parametrize("how", FRAMES)
def test_messages_are_read_however_they_are_told_apart(tmp_path: Path, how: str) -> None:
    parts = [[RICH], many(40), many(3)[2:]]
    (tmp_path / "t.bin").write_bytes(FRAMES[how]([message(part) for part in parts]))
    source = open_source(str(tmp_path / "t.bin"))

    assert list(source) == [span for part in parts for span in part]
    assert source.problems == []


@pytest.mark.parametrize("count", [1, 2, 5, 9, 17, 33, 126, 127, 128, 300])
@pytest.mark.parametrize("how", FRAMES)
def test_framing_is_told_whatever_the_size(how: str, count: int) -> None:
    data = FRAMES[how]([message([SpanRecord(TRACE, "b7ad6b7169203331", "x" * count, 1, 2)])] * 2)

    assert framing(data[:4096]) == how


@pytest.mark.parametrize("packed", [True, False])
@pytest.mark.parametrize("form", ["json", "proto"])
def test_collector_with_compression_packs_each_message(tmp_path: Path, form: str, packed: bool) -> None:
    messages = [encode([RICH]).encode() if form == "json" else message([RICH]) for _ in range(3)]
    if packed:
        messages = [zstd("test").compress(m) for m in messages]
    (tmp_path / "t").write_bytes(FRAMES["big"](messages))

    assert list(open_source(str(tmp_path / "t"))) == [RICH] * 3


def test_packed_as_a_whole_is_read(tmp_path: Path) -> None:
    (tmp_path / "t.zst").write_bytes(zstd("test").compress(FRAMES["big"]([message(many(5)), message([RICH])])))

    assert list(open_source(str(tmp_path / "t.zst"))) == [*many(5), RICH]


@pytest.mark.parametrize("how", FRAMES)
def test_file_that_breaks_off_gives_what_is_whole_and_says_so(tmp_path: Path, how: str) -> None:
    (tmp_path / "t.pb").write_bytes(FRAMES[how]([message(many(3)), message([RICH])])[:-5])
    source = open_source(str(tmp_path / "t.pb"))

    assert list(source) == many(3)
    assert len(source.problems) == 1
    assert "break" in source.problems[0].message
    assert (source.tally.read, source.tally.rejected) == (3, 1)


def test_log_records_are_joined_and_metrics_are_told(tmp_path: Path) -> None:
    record = {"traceId": "CvdlGRbNQ92ESOshHIAxnA==", "spanId": "t61rcWkgMzE=", "eventName": "gen_ai.choice",
              "timeUnixNano": "1700000000000000003", "body": {"kvlistValue": {"values": [
                  {"key": "index", "value": {"intValue": "0"}}]}}}  # fmt: skip
    logs = json_format.ParseDict({"resourceLogs": [{"scopeLogs": [{"logRecords": [record]}]}]}, LogsData())
    point = {"gauge": {"dataPoints": [{"asDouble": 1.5}]}, "name": "load"}
    metrics = json_format.ParseDict({"resourceMetrics": [{"scopeMetrics": [{"metrics": [point]}]}]}, MetricsData())
    (tmp_path / "a.pb").write_bytes(logs.SerializeToString())
    (tmp_path / "b.pb").write_bytes(message([RICH]))
    (tmp_path / "c.pb").write_bytes(metrics.SerializeToString())
    source = open_source(str(tmp_path))

    [span] = joined(source)

    assert span.events == (*RICH.events, SpanEvent("gen_ai.choice", 1700000000000000003, {"body": {"index": 0}}))
    assert source.tally.rejected == len(source.problems) == 1


def test_span_without_ids_is_left_out_and_its_neighbours_are_read(tmp_path: Path) -> None:
    request = ExportTraceServiceRequest.FromString(message(many(3)))
    request.resource_spans[0].scope_spans[0].spans[1].trace_id = b"short"
    (tmp_path / "t.pb").write_bytes(request.SerializeToString())
    source = open_source(str(tmp_path / "t.pb"))

    assert list(source) == [many(3)[0], many(3)[2]]
    assert [p.message for p in source.problems] == ["span 'span 2' left out: no trace id"]


def test_answer_of_tempo_tells_whether_the_trace_is_whole() -> None:
    trace = message([RICH])
    complaints: list[str] = []
    answer = b"\x0a" + varint(len(trace)) + trace + b"\x12\x00\x18\x01" + b"\x22\x08too long"

    assert list(wrapped_trace(answer, complaints.append)) == [RICH]
    assert complaints == ["the trace is not whole: too long"]


@pytest.mark.parametrize("text", ["\n{\n  ", "\n\n\n\n{}", "{", "\x00\x00\x00\x00", "hello", "\n\x05hello"])
def test_what_is_no_protobuf_is_none(text: str) -> None:
    head = text.encode()

    assert framing(head) is None or not set(head) & (set(range(32)) - {9, 10, 13})
