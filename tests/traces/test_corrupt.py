"""Broken input of every shape: nothing crashes, and what is not read is told.

Ten thousand cases in a run. GROUNDWIRE_FUZZ=10 takes ten times as many, other ones each time.
"""

import copy
import gzip
import io
import json
import os
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import stored
from groundwire.chain import chains
from groundwire.errors import SourceError
from groundwire.traces import joined, open_source
from groundwire.traces.compression import zstd
from groundwire.traces.files import TraceFiles
from groundwire.traces.otlp_encode import encode
from traces.test_joining import LOGS
from traces.test_otlp_proto import FRAMES, message

_FACTOR = int(os.environ.get("GROUNDWIRE_FUZZ", "1"))
_EXPORTS = Path(__file__).parent / "exports"


def cases(count: int) -> Callable[[Any], Any]:
    return settings(
        max_examples=count * _FACTOR, deadline=None, database=None, derandomize=_FACTOR == 1,
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip


SPANS = stored.request()
LINES = [encode([span]).encode() for span in SPANS]
JAEGER = json.dumps({"data": [{"traceID": "a1", "spans": [
    {"traceID": "a1", "spanID": f"{n}", "operationName": "chat", "references": [
        {"refType": "CHILD_OF", "traceID": "a1", "spanID": "1"}], "startTime": 5, "duration": 3,
     "tags": [{"key": "n", "type": "int64", "value": n}], "logs": [{"timestamp": 6, "fields": [
         {"key": "event", "type": "string", "value": "e"}]}], "processID": "p1"} for n in range(1, 4)],
    "processes": {"p1": {"serviceName": "rag", "tags": []}}}]}).encode()  # fmt: skip
ZIPKIN = json.dumps([{"traceId": "a1", "id": f"{n}", "name": "chat", "timestamp": 5, "duration": 3, "kind": "CLIENT",
                      "tags": {"k": "v"}, "annotations": [{"timestamp": 6, "value": "e"}],
                      "localEndpoint": {"serviceName": "rag"}} for n in range(1, 4)]).encode()  # fmt: skip


def head(name: str, lines: int = 3) -> bytes:
    return b"\n".join((_EXPORTS / name).read_bytes().splitlines()[:lines])


def zipped(data: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("t.jsonl", data)
    return out.getvalue()


CORPUS: dict[str, bytes] = {
    "lines": b"\n".join(LINES),
    "logs": LINES[0] + b"\n" + LOGS.encode(),
    "pretty": json.dumps(json.loads(encode(SPANS)), indent=1).encode(),
    "protobuf": message(SPANS),
    "framed": FRAMES["big"]([message(SPANS[:2]), message(SPANS[2:])]),
    "jaeger": JAEGER,
    "zipkin": ZIPKIN,
    "phoenix": json.dumps({"data": json.loads((_EXPORTS / "phoenix-spans.json").read_bytes())["data"][:3]}).encode(),
    "frame": b"\n".join((_EXPORTS / "phoenix-frame.csv").read_bytes().splitlines()[:3]),
    "parquet": (_EXPORTS / "phoenix-frame.parquet").read_bytes(),
    "langfuse": head("langfuse.jsonl"),
    "langsmith": head("langsmith.jsonl"),
    "mlflow": head("mlflow.jsonl", 1),
    "gzip": gzip.compress(b"\n".join(LINES)),
    "zstd": zstd("test").compress(b"\n".join(LINES)),
    "zip": zipped(b"\n".join(LINES)),
}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("corrupt") / "t"


def read(place: Path, data: bytes) -> TraceFiles:
    """Read to the end, chains and all; the source, with its tally."""
    place.write_bytes(data)
    source = open_source(str(place))
    assert isinstance(source, TraceFiles)
    found: list[Any] = []
    try:
        found += source
    except SourceError as error:
        refusal = str(error)
    else:
        refusal = ""
    assert not (found and refusal)
    assert "\n" not in refusal
    chains(joined(found))
    tally = source.tally
    assert tally.read == len(found)
    assert tally.read + tally.rejected == tally.total
    assert len(source.problems) == min(1000, tally.rejected)
    return source


@st.composite
def damaged(draw: st.DrawFn, data: bytes) -> bytes:
    """Cut, flipped, overwritten, repeated or mixed bytes."""
    broken = bytearray(data)
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, max(0, len(broken) - 1)))
        match draw(st.sampled_from(["cut", "flip", "write", "insert", "drop", "repeat"])):
            case "cut":
                del broken[at:]
            case "flip" if broken:
                broken[at] ^= 1 << draw(st.integers(0, 7))
            case "write":
                junk = draw(st.binary(max_size=8))
                broken[at : at + len(junk)] = junk
            case "insert":
                broken[at:at] = draw(
                    st.sampled_from([b"\0", b"\n", b'"', b"{", b"]", b"\xff", b"null", b"NaN", b"1e999"])
                )
            case "drop":
                del broken[at : at + draw(st.integers(1, 40))]
            case "repeat":
                broken[at:at] = broken[at : at + draw(st.integers(1, 40))]
            case _:
                pass
    return bytes(broken)


@pytest.mark.parametrize("name", CORPUS)
def test_corpus_is_whole(place: Path, name: str) -> None:
    source = read(place, CORPUS[name])

    assert source.problems == []
    assert source.tally.spans >= (1 if name == "logs" else 2)


@cases(5600)
@given(data=st.sampled_from(sorted(CORPUS)).flatmap(lambda name: damaged(CORPUS[name])))
def test_damaged_bytes_are_read_as_far_as_they_go(place: Path, data: bytes) -> None:
    read(place, data)


@cases(2000)
@given(data=damaged(CORPUS["lines"]))
def test_every_line_is_read_or_rejected(place: Path, data: bytes) -> None:
    tally = read(place, data).tally

    if not data[:1].isspace() and data[:1] == b"{":
        # A line may hold nothing any more, but then it says so; a document over many lines counts once.
        lines = sum(1 for line in data.split(b"\n") if line.strip())
        whole = sum(1 for line in data.split(b"\n") if line.strip() in LINES)
        assert tally.total >= min(lines, whole)
        assert tally.total >= 1


def nodes(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield path
    entries = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in entries:
        yield from nodes(inner, (*path, key))


def replaced(document: Any, path: tuple[Any, ...], by: Any) -> Any:
    if not path:
        return by
    document = copy.deepcopy(document)
    holder = document
    for key in path[:-1]:
        holder = holder[key]
    holder[path[-1]] = by
    return document


odd = st.sampled_from([7, -1, 1e308, True, "x", "9" * 5000, [7], ["x"], {"a": 1}, {"": [{}]}, "\ud800", 2**70])
DOCUMENTS: dict[str, Any] = {
    "otlp": json.loads(encode(SPANS)),
    "jaeger": json.loads(JAEGER),
    "zipkin": json.loads(ZIPKIN),
    "phoenix": json.loads(CORPUS["phoenix"]),
    "langfuse": [json.loads(line) for line in CORPUS["langfuse"].splitlines()],
    "langsmith": [json.loads(line) for line in CORPUS["langsmith"].splitlines()],
    "mlflow": json.loads(CORPUS["mlflow"]),
}
PLACES = {name: list(nodes(document)) for name, document in DOCUMENTS.items()}
_HOLDERS = frozenset({"resourceSpans", "scopeSpans", "spans", "data", "references"})


@cases(2400)
@given(data=st.data())
def test_values_of_the_wrong_type_lose_no_span_in_silence(place: Path, data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(sorted(DOCUMENTS)))
    path = data.draw(st.sampled_from(PLACES[name]))
    whole = read(place, json.dumps(DOCUMENTS[name]).encode()).tally.spans

    source = read(place, json.dumps(replaced(DOCUMENTS[name], path, data.draw(odd))).encode())

    if source.tally.spans < whole:
        assert source.tally.rejected >= 1, path
        if path and path[-1] not in _HOLDERS and len(path) > 3 and name == "otlp":
            assert source.tally.spans + source.tally.rejected >= 1
    else:
        assert source.tally.spans == whole


def test_problems_of_a_file_of_broken_lines_do_not_fill_memory(place: Path) -> None:
    source = read(place, LINES[0] + b"\n" + b"no json\n" * 5000)

    assert (source.tally.spans, source.tally.rejected) == (1, 5000)
    assert len(source.problems) == 1000
