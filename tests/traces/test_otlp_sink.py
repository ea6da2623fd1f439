import json
from typing import Any

import httpx
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from groundwire.errors import SinkError
from groundwire.model import SpanRecord
from groundwire.traces.otlp_http import OtlpHttp
from groundwire.traces.otlp_json import decode

SPANS = [SpanRecord("1" * 32, f"{n:016x}", "s", 1, 2) for n in range(1, 452)]


def sink(
    answers: list[httpx.Response], spec: str = "otlp+http://127.0.0.1:4318"
) -> tuple[OtlpHttp, list[httpx.Request]]:
    asked: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return answers[min(len(asked), len(answers)) - 1]

    return OtlpHttp(spec, transport=httpx.MockTransport(answer)), asked


def ok(**partial: Any) -> httpx.Response:
    return httpx.Response(200, json={"partialSuccess": partial})


def test_spans_are_posted_as_otlp_json_in_batches() -> None:
    target, asked = sink([ok()])
    target.write(SPANS)
    target.close()

    assert [str(r.url) for r in asked] == ["http://127.0.0.1:4318/v1/traces"] * 3
    assert asked[0].headers["content-type"] == "application/json"
    assert [s for r in asked for s in decode(json.loads(r.content), print)] == SPANS


def test_other_path_is_taken_as_it_is() -> None:
    target, asked = sink([ok()], "otlp+https://host/otel/v1/traces")
    target.write(SPANS[:1])

    assert str(asked[0].url) == "https://host/otel/v1/traces"


def test_headers_of_the_environment_are_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "authorization=Basic%20abc,x-scope=1")
    target, asked = sink([ok()])
    target.write(SPANS[:1])

    assert asked[0].headers["authorization"] == "Basic abc"
    assert asked[0].headers["x-scope"] == "1"


def test_busy_endpoint_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.sleep", lambda _: None)
    target, asked = sink([httpx.Response(503), ok()])
    target.write(SPANS[:1])

    assert len(asked) == 2


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (httpx.Response(404, text="nope\nnot here"), "refused 1 spans: HTTP 404 nope not here"),
        (httpx.Response(503), "HTTP 503"),
        (ok(rejectedSpans="1", errorMessage="too old"), "all but 1 of 1 spans: too old"),
    ],
)
def test_refusal_is_one_clear_line(answer: httpx.Response, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.sleep", lambda _: None)
    with pytest.raises(SinkError, match=said) as raised:
        sink([answer])[0].write(SPANS[:1])
    assert "\n" not in str(raised.value)


def test_lone_surrogates_do_not_stop_a_batch() -> None:
    target, asked = sink([ok()])
    target.write([SpanRecord("1" * 32, "2" * 16, "half \ud83d", 0, 0)])

    assert len(asked) == 1


def test_endpoint_that_is_not_there_is_one_clear_line() -> None:
    target = OtlpHttp("otlp+http://127.0.0.1:1")
    with pytest.raises(SinkError, match=r"no OTLP endpoint at http://127\.0\.0\.1:1/v1/traces .*is it running"):
        target.write(SPANS[:1])
    target.abandon()


def test_address_without_a_host_is_refused() -> None:
    with pytest.raises(SinkError, match="no OTLP address"):
        OtlpHttp("otlp+http://")


def test_endpoint_that_takes_no_json_gets_protobuf() -> None:
    from groundwire.traces.otlp_proto import decode as decode_binary

    told = ExportTraceServiceResponse(partial_success={"rejected_spans": 2, "error_message": "full"})
    taken = httpx.Response(200, content=b"", headers={"content-type": "application/x-protobuf"})
    partial = httpx.Response(200, content=told.SerializeToString(), headers={"content-type": "application/x-protobuf"})
    target, asked = sink([httpx.Response(415, text="unsupported"), taken, taken, partial])

    with pytest.raises(SinkError, match="took all but 2 of 51 spans: full"):
        target.write(SPANS)
    assert [r.headers["content-type"] for r in asked] == ["application/json", *["application/x-protobuf"] * 3]
    assert [s for r in asked[1:] for s in decode_binary(r.content, print)] == SPANS
