"""Trace stores over HTTP: Tempo, Zipkin and Phoenix, by loopback stand-ins for what they answer."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from groundwire.errors import SourceError
from groundwire.model import SpanRecord
from groundwire.traces import Source, open_source
from groundwire.traces.otlp_encode import encode
from groundwire.traces.phoenix_api import PhoenixSource
from groundwire.traces.tempo import TempoSource
from groundwire.traces.zipkin_api import ZipkinSource
from traces.test_otlp_proto import RICH, message, varint

OTHER = replace(RICH, trace_id="0" * 31 + "7", span_id="0" * 15 + "8")
PAGES = json.loads((Path(__file__).parent / "exports" / "phoenix-spans.json").read_text())["data"]


class Store:
    """Answers by path, and remembers what it was asked."""

    def __init__(self, answers: dict[str, Callable[[httpx.Request], httpx.Response] | httpx.Response]) -> None:
        self.asked: list[httpx.Request] = []
        self._answers = answers
        self.transport = httpx.MockTransport(self._answer)

    def _answer(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        answer = self._answers.get(request.url.path, httpx.Response(404, text="not found"))
        return answer if isinstance(answer, httpx.Response) else answer(request)


def wrapped(spans: list[SpanRecord], more: bytes = b"") -> httpx.Response:
    trace = message(spans)
    return httpx.Response(
        200, content=b"\x0a" + varint(len(trace)) + trace + more, headers={"content-type": "application/protobuf"}
    )


FOUND = httpx.Response(200, json={"traces": [{"traceID": RICH.trace_id[1:]}, {"traceID": "7"}], "metrics": {}})


def test_tempo_is_searched_and_its_traces_read_whole() -> None:
    store = Store({
        "/api/search": FOUND, f"/api/v2/traces/{RICH.trace_id}": wrapped([RICH]),
        f"/api/v2/traces/{OTHER.trace_id}": wrapped([OTHER], b"\x18\x01"),
    })  # fmt: skip
    source = TempoSource(
        "tempo+http://tempo:3200?q={ span.gen_ai.operation.name = \"chat\" }&lookback=2h&tenant=team&limit=2",
        transport=store.transport,
    )  # fmt: skip

    assert list(source) == [RICH, OTHER]
    assert [p.message for p in source.problems] == ["the trace is not whole: Tempo does not say why"]
    search = store.asked[0]
    assert search.url.params["q"] == '{ span.gen_ai.operation.name = "chat" }'
    assert int(search.url.params["end"]) - int(search.url.params["start"]) == pytest.approx(7200, abs=2)
    assert store.asked[1].headers["accept"] == "application/protobuf"
    assert {r.headers["x-scope-orgid"] for r in store.asked} == {"team"}


def test_tempo_without_version_2_is_asked_as_before() -> None:
    in_base64 = json.loads(encode([RICH]).replace(RICH.trace_id, "CvdlGRbNQ92ESOshHIAxnA=="))
    for answer in (
        httpx.Response(200, content=message([RICH]), headers={"content-type": "application/protobuf"}),
        httpx.Response(200, json={"batches": in_base64["resourceSpans"]}),
    ):
        store = Store({f"/api/traces/{RICH.trace_id}": answer})
        source = TempoSource(f"tempo+http://tempo:3200?trace_id={RICH.trace_id}", transport=store.transport)

        [span] = source
        assert isinstance(span, SpanRecord)
        assert (span.trace_id, span.attributes) == (RICH.trace_id, RICH.attributes)


def test_tempo_that_has_no_such_trace_says_so() -> None:
    source = TempoSource("tempo+http://tempo:3200?trace_id=7", transport=Store({}).transport)

    with pytest.raises(SourceError, match="no trace 7"):
        list(source)


def test_zipkin_is_asked_for_a_service() -> None:
    spans = [{"traceId": RICH.trace_id, "id": RICH.span_id, "name": "chat", "timestamp": 5, "duration": 2}]
    store = Store({"/api/v2/traces": httpx.Response(200, json=[spans, spans])})
    source = ZipkinSource("zipkin+http://zipkin:9411?service=rag&limit=5&lookback=1h", transport=store.transport)

    assert [s.span_id for s in source if isinstance(s, SpanRecord)] == [RICH.span_id] * 2
    assert dict(store.asked[0].url.params) | {"endTs": ""} == {
        "limit": "5", "endTs": "", "lookback": "3600000", "serviceName": "rag",
    }  # fmt: skip


def pages(request: httpx.Request) -> httpx.Response:
    at, limit = int(request.url.params.get("cursor", "0")), int(request.url.params["limit"])
    rows = PAGES[at : at + min(limit, 7)]
    following = at + len(rows)
    return httpx.Response(200, json={"data": rows, "next_cursor": str(following) if following < len(PAGES) else None})


def test_phoenix_is_read_page_by_page(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PHOENIX_API_KEY", "key")
    store = Store({"/v1/projects/my rag/spans": pages})
    source = PhoenixSource("phoenix+http://phoenix:6006?project=my%20rag&lookback=7d", transport=store.transport)

    assert len(list(source)) == len(PAGES) == source.tally.spans
    assert [r.url.params.get("cursor") for r in store.asked] == [None, "7", "14"]
    assert {r.headers["authorization"] for r in store.asked} == {"Bearer key"}
    assert "start_time" in store.asked[0].url.params


def test_phoenix_stops_at_the_limit() -> None:
    store = Store({"/v1/projects/default/spans": pages})

    assert len(list(PhoenixSource("phoenix+http://phoenix:6006?limit=10", transport=store.transport))) == 10


def test_phoenix_names_the_projects_that_it_has() -> None:
    store = Store({"/v1/projects": httpx.Response(200, json={"data": [{"name": "shop"}], "next_cursor": None})})

    with pytest.raises(SourceError, match="no project 'rag'; it has shop"):
        list(PhoenixSource("phoenix+http://phoenix:6006?project=rag", transport=store.transport))


@pytest.mark.parametrize("make", [TempoSource, ZipkinSource, PhoenixSource])
@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(200, text="<html>"),
        httpx.Response(200, json={"a": 1}),
        httpx.Response(200, json=[]),
        httpx.Response(401, text="who are you"),
        httpx.Response(200, json=None),
        httpx.Response(200, text="[" * 100_000),
    ],
)
def test_server_of_another_kind_is_one_clear_line(make: Callable[..., Source], answer: httpx.Response) -> None:
    name = make.__name__.removesuffix("Source").lower()
    transport = httpx.MockTransport(lambda request: httpx.Response(answer.status_code, content=answer.content))

    with pytest.raises(SourceError) as raised:
        list(make(f"{name}+http://somewhere:80", transport=transport))
    assert "somewhere" in str(raised.value)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("status", [429, 503])
def test_overloaded_store_is_asked_again(status: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    told: list[Any] = []

    def answer(request: httpx.Request) -> httpx.Response:
        told.append(request)
        return pages(request) if len(told) > 2 else httpx.Response(status)

    store = Store({"/v1/projects/default/spans": answer})
    assert list(PhoenixSource("phoenix+http://phoenix:6006?limit=3", transport=store.transport))


@pytest.mark.parametrize("store", ["tempo", "zipkin", "phoenix"])
@pytest.mark.parametrize(
    "rest", ["host:3200?nonsense=1", "host:99999", "?limit=5", "host?limit=0", "host?lookback=soon", "host?start=x"]
)
def test_address_that_makes_no_sense_is_told(store: str, rest: str) -> None:
    with pytest.raises(SourceError, match=f"{store}\\+http"):
        open_source(f"{store}+http://{rest}")


@pytest.mark.parametrize("store", ["tempo", "zipkin", "phoenix"])
def test_nobody_there_is_one_clear_line_without_the_password(store: str) -> None:
    with pytest.raises(SourceError, match=r"nothing answers at http://127\.0\.0\.1:1 ") as raised:
        list(open_source(f"{store}+http://user:secret@127.0.0.1:1"))
    assert "secret" not in str(raised.value)
