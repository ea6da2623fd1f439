import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from groundwire.model import SpanEvent, SpanLink, SpanRecord
from groundwire.traces.otlp_json import decode, encode

any_text = st.text(alphabet=st.characters())  # lone surrogates too
scalars = st.one_of(
    any_text,
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False),
    st.binary(max_size=20),
    st.none(),
)
values = st.recursive(
    scalars,
    lambda inner: st.one_of(st.lists(inner, max_size=3).map(tuple), st.dictionaries(any_text, inner, max_size=3)),
    max_leaves=8,
)
attributes = st.dictionaries(any_text, values, max_size=4)


def ids(digits: int) -> st.SearchStrategy[str]:
    return st.integers(1, 16**digits - 1).map(lambda n: f"{n:0{digits}x}")


times = st.integers(0, 2**63 - 1)
records = st.builds(
    SpanRecord,
    trace_id=ids(32),
    span_id=ids(16),
    name=any_text,
    start_ns=times,
    end_ns=times,
    parent_id=st.none() | ids(16),
    kind=st.sampled_from(["internal", "server", "client", "producer", "consumer"]),
    status=st.sampled_from(["unset", "ok", "error"]),
    status_message=any_text,
    attributes=attributes,
    events=st.lists(st.builds(SpanEvent, any_text, times, attributes), max_size=2).map(tuple),
    links=st.lists(st.builds(SpanLink, ids(32), ids(16), attributes), max_size=2).map(tuple),
    scope=any_text,
    scope_version=any_text,
    resource=attributes,
)


def spans_of(document: Any) -> list[SpanRecord]:
    complaints: list[str] = []
    found = list(decode(document, complaints.append))
    assert complaints == []
    return found


def exact(value: Any) -> Any:
    """Tells 1, 1.0 and True apart, which `==` does not."""
    if isinstance(value, dict):
        return {k: exact(v) for k, v in value.items()}
    if isinstance(value, tuple):
        return tuple(exact(v) for v in value)
    return type(value).__name__, value


@given(st.lists(records, max_size=4))
def test_what_was_written_is_read_back_the_same(written: list[SpanRecord]) -> None:
    line = encode(written)
    read = spans_of(json.loads(line.encode()))

    assert read == written
    assert [exact(dict(r.attributes)) for r in read] == [exact(dict(w.attributes)) for w in written]
    assert "\n" not in line


def test_numbers_that_json_has_no_word_for_are_kept() -> None:
    odd = {"nan": float("nan"), "inf": float("inf"), "minus": float("-inf"), "big": 2**53 + 1}
    [read] = spans_of(json.loads(encode([SpanRecord("1" * 32, "2" * 16, "s", 0, 0, attributes=odd)])))

    assert read.attributes["nan"] != read.attributes["nan"]
    assert read.attributes["inf"] == float("inf")
    assert read.attributes["minus"] == float("-inf")
    assert read.attributes["big"] == 9007199254740993


def test_integer_beyond_64_bits_becomes_text() -> None:
    [read] = spans_of(json.loads(encode([SpanRecord("1" * 32, "2" * 16, "s", 0, 0, attributes={"n": 2**64})])))

    assert read.attributes["n"] == "18446744073709551616"


def test_written_line_has_the_shape_of_the_collectors_file_exporter() -> None:
    span = SpanRecord(
        "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331", "chat", 5, 9,
        kind="client", status="error", status_message="boom",
        attributes={"n": 7, "tags": ("a", "b")},
        scope="groundwire", scope_version="1", resource={"service.name": "rag"},
    )  # fmt: skip

    assert json.loads(encode([span])) == {
        "resourceSpans": [{
            "resource": {"attributes": [{"key": "service.name", "value": {"stringValue": "rag"}}]},
            "scopeSpans": [{
                "scope": {"name": "groundwire", "version": "1"},
                "spans": [{
                    "traceId": "0af7651916cd43dd8448eb211c80319c",
                    "spanId": "b7ad6b7169203331",
                    "name": "chat",
                    "kind": 3,
                    "startTimeUnixNano": "5",
                    "endTimeUnixNano": "9",
                    "attributes": [
                        {"key": "n", "value": {"intValue": "7"}},
                        {"key": "tags", "value": {"arrayValue": {"values": [
                            {"stringValue": "a"}, {"stringValue": "b"}]}}},
                    ],
                    "status": {"code": 2, "message": "boom"},
                }],
            }],
        }]
    }  # fmt: skip


def wrapped(span: dict[str, Any]) -> dict[str, Any]:
    return {"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]}


MINIMAL = {"traceId": "0af7651916cd43dd8448eb211c80319c", "spanId": "b7ad6b7169203331"}


def test_missing_fields_are_taken_as_empty() -> None:
    [span] = spans_of(wrapped(MINIMAL))

    assert span == SpanRecord("0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331", "", 0, 0)


def test_end_that_is_missing_is_the_start() -> None:
    [span] = spans_of(wrapped(MINIMAL | {"startTimeUnixNano": "17"}))

    assert (span.start_ns, span.end_ns) == (17, 17)


@pytest.mark.parametrize(
    "identity",
    [
        {"traceId": "0AF7651916CD43DD8448EB211C80319C", "spanId": "B7AD6B7169203331"},
        {"traceId": "CvdlGRbNQ92ESOshHIAxnA==", "spanId": "t61rcWkgMzE="},  # Tempo
        {"trace_id": "0af7651916cd43dd8448eb211c80319c", "span_id": "b7ad6b7169203331"},
    ],
)
def test_ids_are_read_in_every_spelling(identity: dict[str, str]) -> None:
    [span] = spans_of(wrapped(identity))

    assert (span.trace_id, span.span_id) == ("0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331")


@pytest.mark.parametrize("parent", ["", "0000000000000000", None, "AAAAAAAAAAA="])
def test_parent_of_nothing_is_no_parent(parent: str | None) -> None:
    [span] = spans_of(wrapped(MINIMAL | {"parentSpanId": parent}))

    assert span.parent_id is None


@pytest.mark.parametrize("kind", [3, "3", "SPAN_KIND_CLIENT", "client", 3.0])
def test_kinds_are_read_as_number_or_name(kind: object) -> None:
    [span] = spans_of(wrapped(MINIMAL | {"kind": kind, "status": {"code": "STATUS_CODE_ERROR"}}))

    assert (span.kind, span.status) == ("client", "error")


@pytest.mark.parametrize("kind", [99, -1, "SPAN_KIND_WORMHOLE", None, []])
def test_kind_that_nobody_knows_is_internal(kind: object) -> None:
    [span] = spans_of(wrapped(MINIMAL | {"kind": kind}))

    assert span.kind == "internal"


def test_snake_case_is_read_throughout() -> None:
    document = {
        "resource_spans": [{
            "resource": {"attributes": [{"key": "service.name", "value": {"string_value": "rag"}}]},
            "scope_spans": [{"scope": {"name": "s"}, "spans": [{
                "trace_id": "0af7651916cd43dd8448eb211c80319c", "span_id": "b7ad6b7169203331",
                "parent_span_id": "b7ad6b7169203332", "start_time_unix_nano": 5, "end_time_unix_nano": 7,
                "attributes": [
                    {"key": "i", "value": {"int_value": 3}},
                    {"key": "a", "value": {"array_value": {"values": [{"bool_value": True}]}}},
                    {"key": "m", "value": {"kvlist_value": {"values": [{"key": "k", "value": {"double_value": 1}}]}}},
                    {"key": "b", "value": {"bytes_value": "AAE="}},
                ],
                "events": [{"name": "e", "time_unix_nano": "6"}],
            }]}],
        }]
    }  # fmt: skip
    [span] = spans_of(document)

    assert span.parent_id == "b7ad6b7169203332"
    assert (span.start_ns, span.end_ns) == (5, 7)
    assert exact(dict(span.attributes)) == exact({"i": 3, "a": (True,), "m": {"k": 1.0}, "b": b"\0\1"})
    assert span.events == (SpanEvent("e", 6),)
    assert span.resource == {"service.name": "rag"}


@pytest.mark.parametrize(
    "around",
    [
        lambda d: {"batches": d["resourceSpans"]},  # Tempo, /api/traces
        lambda d: {"trace": d},  # Tempo, /api/v2/traces
        lambda d: {"result": d},  # Jaeger, /api/v3/traces
        lambda d: [d],
    ],
)
def test_answers_of_http_apis_are_read(around: Any) -> None:
    assert len(spans_of(around(wrapped(MINIMAL)))) == 1


def test_span_that_makes_no_sense_is_named_and_its_neighbours_are_read() -> None:
    complaints: list[str] = []
    document = {"resourceSpans": [{"scopeSpans": [{"spans": [
        {"name": "lost", "spanId": "b7ad6b7169203331"}, {"name": "odd", "traceId": "xyz", "spanId": "1"}, MINIMAL,
    ]}]}]}  # fmt: skip

    assert len(list(decode(document, complaints.append))) == 1
    assert complaints == [
        "span 'lost' left out: no trace id",
        "span 'odd' left out: id 'xyz' is neither 32 hex digits nor base64 of 16 bytes",
    ]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.sampled_from(["resourceSpans", "scopeSpans", "spans", "traceId", "spanId", "attributes", "key", "value",
                         "intValue", "doubleValue", "bytesValue", "arrayValue", "values", "kind", "status", "events",
                         "links", "result", "batches", "startTimeUnixNano"]), inner, max_size=4),
    max_leaves=25,
)  # fmt: skip


@given(json_values)
def test_any_json_is_read_without_an_error(document: Any) -> None:
    list(decode(document, lambda _: None))
    list(decode(wrapped(MINIMAL | {"attributes": document, "events": document, "status": document}), lambda _: None))
