import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from groundwire.errors import SourceError
from groundwire.model import SpanEvent, SpanLink, SpanRecord
from groundwire.traces import open_source
from groundwire.traces.jaeger import JaegerSource
from groundwire.traces.otlp_json import encode

TRACE = "0af7651916cd43dd8448eb211c80319c"
SPAN = SpanRecord(TRACE, "b7ad6b7169203331", "chat", 5, 9, resource={"service.name": "rag"})
URL = "jaeger+http://127.0.0.1:16686?service=rag"

UI = {
    "data": [{
        "traceID": "af7651916cd43dd8448eb211c80319c",
        "spans": [{
            "traceID": "af7651916cd43dd8448eb211c80319c", "spanID": "7ad6b7169203331", "operationName": "chat",
            "references": [
                {"refType": "CHILD_OF", "traceID": "af7651916cd43dd8448eb211c80319c", "spanID": "1"},
                {"refType": "FOLLOWS_FROM", "traceID": "2", "spanID": "3"},
            ],
            "startTime": 1795466471163324, "duration": 900000,
            "tags": [
                {"key": "n", "type": "int64", "value": "9007199254740993"},
                {"key": "ok", "type": "bool", "value": True},
                {"key": "d", "type": "float64", "value": 1},
                {"key": "raw", "type": "binary", "value": "AAE="},
                {"key": "error", "type": "bool", "value": True},
                {"key": "otel.scope.name", "type": "string", "value": "groundwire"},
                {"key": "otel.scope.version", "type": "string", "value": "1"},
                {"key": "otel.status_code", "type": "string", "value": "ERROR"},
                {"key": "otel.status_description", "type": "string", "value": "boom"},
                {"key": "span.kind", "type": "string", "value": "client"},
            ],
            "logs": [{"timestamp": 1795466472063324, "fields": [
                {"key": "event", "type": "string", "value": "ev"}, {"key": "k", "type": "string", "value": "v"}]}],
            "processID": "p1", "warnings": None,
        }],
        "processes": {"p1": {"serviceName": "rag", "tags": [{"key": "host", "type": "string", "value": "h"}]}},
    }],
    "total": 0, "limit": 0, "offset": 0, "errors": None,
}  # fmt: skip
FROM_UI = SpanRecord(
    TRACE, "07ad6b7169203331", "chat", 1795466471163324000, 1795466472063324000, "0000000000000001",
    kind="client", status="error", status_message="boom",
    attributes={"n": 9007199254740993, "ok": True, "d": 1.0, "raw": b"\0\1"},
    events=(SpanEvent("ev", 1795466472063324000, {"k": "v"}),),
    links=(SpanLink(f"{2:032x}", f"{3:016x}"),),
    scope="groundwire", scope_version="1", resource={"service.name": "rag", "host": "h"},
)  # fmt: skip

Answer = Callable[[httpx.Request], httpx.Response]


def jaeger(spec: str, routes: dict[str, Any]) -> tuple[JaegerSource, list[httpx.Request]]:
    """A source before a Jaeger that answers these paths: text, JSON, or a response; anything else is its page."""
    asked: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        found = routes.get(request.url.path)
        if isinstance(found, httpx.Response):
            return found
        if found is None:
            return httpx.Response(200, text="<!doctype html>")
        return httpx.Response(200, text=found if isinstance(found, str) else json.dumps(found))

    return JaegerSource(spec, transport=httpx.MockTransport(answer)), asked


def v3(*spans: SpanRecord) -> str:
    return json.dumps({"result": json.loads(encode(spans))})


def test_traces_are_read_in_otlp_with_their_nanoseconds() -> None:
    source, asked = jaeger(f"{URL}&operation=chat&limit=7&lookback=2h", {"/api/v3/traces": v3(SPAN)})

    assert list(source) == [SPAN]
    query = asked[0].url.params
    assert query["query.service_name"] == "rag"
    assert query["query.operation_name"] == "chat"
    assert query["query.num_traces"] == query["query.search_depth"] == "7"
    assert query["query.start_time_min"] < query["query.start_time_max"]


def test_answer_in_several_chunks_is_put_together() -> None:
    other = SpanRecord(TRACE, "b7ad6b7169203332", "retrieval", 1, 2, resource={"service.name": "rag"})
    source, _ = jaeger(URL, {"/api/v3/traces": v3(SPAN) + "\n" + v3(other)})

    assert list(source) == [SPAN, other]


def test_stream_that_breaks_off_with_an_error_gives_what_came_before() -> None:
    error = '{"error": {"httpCode": 500, "message": "storage is gone"}}'
    source, _ = jaeger(URL, {"/api/v3/traces": v3(SPAN) + error})

    assert list(source) == [SPAN]
    assert "storage is gone" in str(source.problems[0])


def test_jaeger_without_v3_is_read_through_the_api_of_its_ui() -> None:
    source, asked = jaeger(URL, {"/api/traces": UI})

    assert list(source) == [FROM_UI]
    assert [r.url.path for r in asked] == ["/api/v3/traces", "/api/traces"]
    assert asked[1].url.params["service"] == "rag"


def test_tags_are_searched_by_the_ui_api_and_read_by_v3() -> None:
    # Jaeger 2.13 passes over attributes in v3 searches.
    source, asked = jaeger(
        f"{URL}&tag=gen_ai.evaluation.faithfulness.score.label:unfaithful",
        {"/api/traces": UI, f"/api/v3/traces/{TRACE}": v3(SPAN)},
    )

    assert list(source) == [SPAN]
    assert json.loads(asked[0].url.params["tags"]) == {"gen_ai.evaluation.faithfulness.score.label": "unfaithful"}


@pytest.mark.parametrize(
    "spec",
    [
        f"jaeger+http://127.0.0.1:16686/?trace_id={TRACE}",
        f"http://127.0.0.1:16686/trace/{TRACE}",
        f"http://127.0.0.1:16686/trace/{TRACE.upper()}?uiFind=x"[: 22 + 7 + 32],
        "http://127.0.0.1:16686/trace/af7651916cd43dd8448eb211c80319c",
    ],
)
def test_one_trace_is_read_by_id_or_by_the_address_of_its_page(spec: str) -> None:
    source, asked = jaeger(spec, {f"/api/v3/traces/{TRACE}": v3(SPAN)})

    assert list(source) == [SPAN]
    assert len(asked) == 1


def test_prefix_of_a_jaeger_behind_a_proxy_is_kept() -> None:
    source, _ = jaeger("jaeger+https://host/tools/jaeger?service=rag", {"/tools/jaeger/api/v3/traces": v3(SPAN)})

    assert list(source) == [SPAN]


def test_only_service_is_taken_where_none_is_named() -> None:
    routes = {"/api/v3/services": {"services": ["jaeger", "rag"]}, "/api/v3/traces": v3(SPAN)}
    source, asked = jaeger("jaeger+http://127.0.0.1:16686", routes)

    assert list(source) == [SPAN]
    assert asked[-1].url.params["query.service_name"] == "rag"


@pytest.mark.parametrize(
    ("spec", "routes", "said"),
    [
        ("jaeger+http://h:1", {"/api/v3/services": {"services": ["a", "b"]}}, "which service.*it knows a, b"),
        ("jaeger+http://h:1", {"/api/v3/services": {"services": []}}, "no service has sent"),
        (
            "jaeger+http://h:1?service=x",
            {"/api/v3/traces": "{}", "/api/v3/services": {"services": ["a"]}},
            "no service 'x'.*knows a",
        ),
        ("jaeger+http://h:1?service=a", {"/api/v3/traces": "", "/api/v3/services": {"services": ["a"]}}, "lookback=7d"),
        (
            f"jaeger+http://h:1?trace_id={TRACE}",
            {f"/api/v3/traces/{TRACE}": httpx.Response(404, text='{"error":{"message":"No traces found"}}')},
            f"no trace {TRACE}",
        ),
        (
            "jaeger+http://h:1?service=a",
            {"/api/v3/traces": httpx.Response(500, text='{"error":{"httpCode":500,"message":"too deep"}}')},
            r"refuses: too deep \(HTTP 500\)",
        ),
        ("jaeger+http://h:1?service=a", {}, "not as a Jaeger query API"),
        ("jaeger+http://h:1?service=a&color=red", {}, "unknown parameter 'color'"),
        ("jaeger+http://h:1?service=a&limit=many", {}, "limit 'many' is no positive number"),
        ("jaeger+http://h:1?service=a&lookback=soon", {}, "lookback 'soon'"),
        ("jaeger+http://h:1?service=a&tag=b", {}, "not of the form key:value"),
        ("jaeger+http://h:1?trace_id=xyz", {}, "'xyz' is no trace id"),
        ("http://h:1/trace/xyz", {}, "no trace id after /trace/"),
        ("jaeger+http://", {}, "no address of a Jaeger"),
    ],
)  # fmt: skip
def test_what_went_wrong_is_one_line_that_says_what_to_do(spec: str, routes: dict[str, Any], said: str) -> None:
    with pytest.raises(SourceError, match=said) as raised:
        list(jaeger(spec, routes)[0])
    assert "\n" not in str(raised.value)


def test_jaeger_that_is_not_running_is_one_clear_line() -> None:
    with pytest.raises(SourceError, match=r"no Jaeger at http://127\.0\.0\.1:1 .*is it running"):
        list(open_source("jaeger+http://127.0.0.1:1?service=rag"))


def test_limit_that_nobody_asked_for_is_told_when_it_is_reached() -> None:
    many = [SpanRecord(f"{i:032x}", "b7ad6b7169203331", "chat", 5, 9) for i in range(1, 101)]
    source, _ = jaeger(URL, {"/api/v3/traces": v3(*many)})
    assert len(list(source)) == 100
    assert "limit of 100 traces" in str(source.problems[0])

    source, _ = jaeger(f"{URL}&limit=100", {"/api/v3/traces": v3(*many)})
    assert len(list(source)) == 100
    assert source.problems == []


def test_file_saved_from_the_ui_is_read(tmp_path: Path) -> None:
    file = tmp_path / "traces.json"
    file.write_text(json.dumps(UI, indent=2))

    assert list(open_source(str(file))) == [FROM_UI]
