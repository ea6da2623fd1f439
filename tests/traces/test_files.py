import gzip
import io
import json
import os
import sys
import tempfile
import time
import zipfile
from dataclasses import replace
from pathlib import Path
from threading import Thread
from types import SimpleNamespace

import pytest

from groundwire.errors import MissingLibrary, SinkError, SourceError
from groundwire.model import SpanRecord
from groundwire.traces import open_sink, open_source
from groundwire.traces.compression import zstd
from groundwire.traces.otlp_json import encode
from stored import request


def span(n: int, trace: int = 1) -> SpanRecord:
    return SpanRecord(f"{trace:032x}", f"{n:016x}", f"span {n}", n, n + 1, attributes={"n": n})


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_trace_over_many_lines_with_children_first_is_read(here: Path) -> None:
    (here / "t.jsonl").write_text(encode([span(2)]) + "\n\n" + encode([span(1)]) + "\n")

    assert list(open_source("t.jsonl")) == [span(2), span(1)]


def test_half_written_line_is_reported_and_the_rest_is_read(here: Path) -> None:
    whole = encode([span(3)])
    (here / "t.jsonl").write_text(f"{encode([span(1)])}\n{whole}\nnot json\n{encode([span(2)])}\n{whole[:70]}")
    source = open_source("t.jsonl")

    assert list(source) == [span(1), span(3), span(2)]
    assert [str(p) for p in source.problems] == [
        "t.jsonl:3: no JSON: Expecting value at column 1",
        "t.jsonl:5: half a line: the JSON breaks off",
    ]


def test_file_that_begins_with_half_a_line_is_read(here: Path) -> None:
    (here / "t.jsonl").write_text(f"{encode([span(1)])[40:]}\n{encode([span(2)])}\n")
    source = open_source("t.jsonl")

    assert list(source) == [span(2)]
    assert [p.line for p in source.problems] == [1]


def test_line_that_is_not_utf8_is_reported(here: Path) -> None:
    (here / "t.jsonl").write_bytes(encode([span(1)]).encode() + b"\n\xff\xfe{}\n" + encode([span(2)]).encode())
    source = open_source("t.jsonl")

    assert len(list(source)) == 2
    assert source.problems[0].line == 2


def test_other_signals_are_told_apart_from_garbage(here: Path) -> None:
    (here / "t.jsonl").write_text('{"resourceMetrics": []}\n{"a": 1}\n7\n' + encode([span(1)]))
    source = open_source("t.jsonl")

    assert list(source) == [span(1)]
    assert [p.message for p in source.problems] == [
        "holds metrics, not traces",
        "expected resourceSpans, found the keys a",
        "expected an object with resourceSpans, found a number",
    ]


@pytest.mark.parametrize("indent", [None, 2])
def test_one_object_pretty_or_not_is_read(here: Path, indent: int | None) -> None:
    (here / "t.json").write_text(json.dumps(json.loads(encode([span(1), span(2)])), indent=indent))

    assert list(open_source("t.json")) == [span(1), span(2)]


def test_pretty_objects_one_after_the_other_are_read(here: Path) -> None:
    text = "\n".join(json.dumps(json.loads(encode([span(n)])), indent=1) for n in (1, 2))
    (here / "t.json").write_text("\ufeff" + text)

    assert list(open_source("t.json")) == [span(1), span(2)]


def test_gzip_is_recognised_by_its_content(here: Path) -> None:
    (here / "t.jsonl").write_bytes(gzip.compress(encode([span(1)]).encode()))

    assert list(open_source("t.jsonl")) == [span(1)]


def test_gzip_that_breaks_off_gives_what_is_whole(here: Path) -> None:
    lines = "".join(encode([span(n)]) + "\n" for n in range(1, 2000))
    (here / "t.jsonl.gz").write_bytes(gzip.compress(lines.encode())[:-2000])
    source = open_source("t.jsonl.gz")

    assert len(list(source)) > 100
    assert "breaks off" in str(source.problems[-1])


def test_zstd_is_recognised_by_its_content(here: Path) -> None:
    (here / "t.jsonl").write_bytes(zstd("test").compress(encode([span(1)]).encode()))

    assert list(open_source("t.jsonl")) == [span(1)]


@pytest.mark.parametrize("name", ["t.jsonl", "t.jsonl.gz", "t.jsonl.zst"])
def test_file_is_packed_as_its_name_says(here: Path, name: str) -> None:
    sink = open_sink(name)
    sink.write([span(1)])
    sink.close()

    magic = {".gz": b"\x1f\x8b", ".zst": b"\x28\xb5\x2f\xfd"}.get(Path(name).suffix, b"{")
    assert Path(name).read_bytes().startswith(magic)
    assert list(open_source(name)) == [span(1)]


def test_zstd_without_a_library_names_the_extra(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "compression.zstd", None)
    monkeypatch.setitem(sys.modules, "backports.zstd", None)
    (here / "t.jsonl.zst").write_bytes(b"\x28\xb5\x2f\xfd....")

    with pytest.raises(MissingLibrary, match=r"groundwire\[zstd\]"):
        list(open_source("t.jsonl.zst"))


def test_standard_input_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    stdin = SimpleNamespace(buffer=io.BufferedReader(io.BytesIO(gzip.compress(encode([span(1)]).encode()))))  # type: ignore[arg-type]
    monkeypatch.setattr("sys.stdin", stdin)

    assert list(open_source("-")) == [span(1)]


def test_folder_and_pattern_read_every_trace_file(here: Path) -> None:
    (here / "runs" / "deep").mkdir(parents=True)
    (here / "runs" / "a.jsonl").write_text(encode([span(1)]))
    (here / "runs" / "deep" / "b.json").write_text(encode([span(2)]))
    (here / "runs" / "notes.txt").write_text("hello")

    assert list(open_source("runs")) == [span(1), span(2)]
    assert list(open_source("runs/*.jsonl")) == [span(1)]


@pytest.mark.parametrize("content", ["", "hello\n", '{"a": 1}', "[1, 2]", "[[[["])
def test_file_without_a_trace_says_what_is_accepted(here: Path, content: str) -> None:
    (here / "t.json").write_text(content)

    with pytest.raises(SourceError, match=r"t\.json: no trace in it .*expected OTLP/JSON"):
        list(open_source("t.json"))


def test_empty_trace_is_a_trace(here: Path) -> None:
    (here / "t.json").write_text('{"resourceSpans": []}')

    assert list(open_source("t.json")) == []


@pytest.mark.parametrize("spec", ["nowhere.jsonl", "no/*.jsonl", "ftp://x/y", "http://localhost:16686/", "empty"])
def test_source_that_is_not_there_is_one_clear_line(here: Path, spec: str) -> None:
    (here / "empty").mkdir()

    with pytest.raises(SourceError) as raised:
        list(open_source(spec))
    assert "\n" not in str(raised.value)
    assert spec in str(raised.value)


@pytest.mark.parametrize("indent", [None, 1])
def test_list_that_breaks_off_or_is_broken_gives_its_other_elements(here: Path, indent: int | None) -> None:
    elements = [json.dumps(json.loads(encode([span(n)])), indent=indent) for n in range(1, 5)]
    whole = "[\n" + ",\n".join(elements) + "\n]\n"
    for text, left in {
        whole: {1, 2, 3, 4},
        whole[: whole.rindex("]")]: {1, 2, 3, 4},
        whole[:-60]: {1, 2, 3},
        whole.replace('"span 2"', '"span 2'): {1, 3, 4},
        whole.replace('"span 2"', "span 2"): {1, 3, 4},
    }.items():
        (here / "t.json").write_text(text)
        source = open_source("t.json")

        assert list(source) == [span(n) for n in sorted(left)]
        assert len(source.problems) == (text != whole)


def test_list_on_one_line_is_read_element_by_element(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("groundwire.traces.json_documents._LINE", 1000)
    monkeypatch.setattr("groundwire.traces.json_lists._CHUNK", 7)
    spans = [replace(span(n), name="☃é😀" * 9) for n in range(1, 60)]
    (here / "t.json").write_text(f"[{', '.join(encode([one]) for one in spans)}]\n", encoding="utf-8")

    assert list(open_source("t.json")) == spans


def test_line_that_never_ends_is_told(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("groundwire.traces.json_documents._LINE", 1000)
    monkeypatch.setattr("groundwire.traces.json_documents._LONGEST", 5000)
    (here / "t.json").write_text('{"a": "' + "x" * 10_000 + "\n" + encode([span(1)]) + "\n")
    source = open_source("t.json")

    assert list(source) == [span(1)]
    assert [(p.line, p.message[:14]) for p in source.problems] == [(1, "a line of more")]


def test_files_beside_the_traces_of_an_archive_are_passed_over(here: Path) -> None:
    with zipfile.ZipFile("t.zip", "w") as archive:
        archive.writestr("run/a.jsonl.gz", gzip.compress(encode([span(1)]).encode()))
        archive.writestr("run/README.md", "# hello")
        archive.writestr("run/b", encode([span(2)]))
    source = open_source("t.zip")

    assert list(source) == [span(1), span(2)]
    assert source.problems == []


@pytest.mark.parametrize("at", range(4, 60))
def test_archive_with_a_broken_head_is_told(here: Path, at: int) -> None:
    with zipfile.ZipFile("t.zip", "w") as archive:
        archive.writestr("a.jsonl", encode([span(1)]))
    whole = Path("t.zip").read_bytes()
    directory = whole.rindex(b"PK\x01\x02")
    broken = bytearray(whole)
    broken[directory + at - 4] ^= 0x54
    Path("t.zip").write_bytes(broken)
    source = open_source("t.zip")

    try:
        found = list(source)
    except SourceError:
        found = []
    assert found == [span(1)] or source.problems


def test_archive_with_a_password_is_told(here: Path) -> None:
    with zipfile.ZipFile("t.zip", "w") as archive:
        archive.writestr("a.jsonl", encode([span(1)]))
        archive.writestr("b.jsonl", encode([span(2)]))
    whole = bytearray(Path("t.zip").read_bytes())
    whole[whole.index(b"PK\x01\x02") + 8] |= 1  # the flag of the first entry
    Path("t.zip").write_bytes(whole)
    source = open_source("t.zip")

    assert list(source) == [span(2)]
    assert "password" in source.problems[0].message


def test_folder_is_read_by_content_and_hidden_files_are_not(here: Path) -> None:
    (here / "runs" / ".git").mkdir(parents=True)
    (here / "runs" / "a").write_text(encode([span(1)]))
    (here / "runs" / "b.log").write_text("2026-01-01 INFO hello\n")
    (here / "runs" / ".c.jsonl").write_text(encode([span(3)]))
    (here / "runs" / ".git" / "d.jsonl").write_text(encode([span(4)]))
    source = open_source("runs")

    assert list(source) == [span(1)]
    assert source.problems == []


def test_deeply_nested_json_is_a_problem_and_no_crash(here: Path) -> None:
    (here / "t.jsonl").write_text("[" * 100_000 + "\n" + encode([span(1)]))
    source = open_source("t.jsonl")

    assert list(source) == [span(1)]
    assert len(source.problems) == 1


# --- sinks ---


@pytest.mark.parametrize("name", ["out.jsonl", "out.jsonl.gz"])
def test_file_is_written_a_line_a_call_and_read_back(here: Path, name: str) -> None:
    sink = open_sink(name)
    sink.write([span(1), span(2)])
    sink.write([])
    sink.write([span(3)])
    sink.close()

    assert list(open_source(name)) == [span(1), span(2), span(3)]
    assert os.listdir(here) == [name]


def test_file_may_be_replaced_while_it_is_read(here: Path) -> None:
    (here / "t.jsonl").write_text(encode([span(1)]))
    sink = open_sink("t.jsonl")
    for found in open_source("t.jsonl"):
        sink.write([found, span(2)])
    sink.close()

    assert list(open_source("t.jsonl")) == [span(1), span(2)]


def test_abandoned_file_leaves_what_was_there(here: Path) -> None:
    (here / "t.jsonl").write_text("before")
    sink = open_sink("t.jsonl")
    sink.write([span(1)])
    sink.abandon()
    sink.abandon()

    assert (here / "t.jsonl").read_text() == "before"
    assert os.listdir(here) == ["t.jsonl"]


def test_lone_surrogates_are_written_and_read_back(here: Path) -> None:
    odd = SpanRecord("1" * 32, "2" * 16, "half \ud83d", 0, 0)
    sink = open_sink("t.jsonl")
    sink.write([odd])
    sink.close()

    assert list(open_source("t.jsonl")) == [odd]


@pytest.mark.parametrize("spec", ["no/such/folder/t.jsonl", ".", "ftp://x", "http://localhost:4318"])
def test_place_that_takes_no_spans_is_one_clear_line(here: Path, spec: str) -> None:
    with pytest.raises(SinkError) as raised:
        open_sink(spec)
    assert "\n" not in str(raised.value)


def test_pipe_that_gives_a_byte_at_a_time_is_known_by_its_content(here: Path) -> None:
    (here / "t.jsonl").write_text(encode(request()) + "\n")
    for name, packed in (("plain", False), ("packed", True)):
        content = (here / "t.jsonl").read_bytes()
        content = gzip.compress(content[:1]) + gzip.compress(content[1:]) if packed else content
        os.mkfifo(here / name)

        def trickle(path: Path = here / name, content: bytes = content) -> None:
            with path.open("wb", buffering=0) as pipe:
                for part in (content[:1], content[1:3], content[3:]):
                    pipe.write(part)
                    time.sleep(0.05)

        writer = Thread(target=trickle, daemon=True)
        writer.start()
        source = open_source(str(here / name))
        assert len(list(source)) == 4
        assert not source.problems
        writer.join(10)


def test_archive_comes_through_a_pipe(monkeypatch: pytest.MonkeyPatch) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("t.jsonl", encode(request()) + "\n")
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(packed.getvalue())))
    assert len(list(open_source("-"))) == 4


def test_what_cannot_be_looked_into_is_told() -> None:
    with tempfile.TemporaryDirectory() as name:  # not the test's own, which others may not enter
        folder = Path(name)
        folder.chmod(0o755)
        (folder / "a.jsonl").write_text(encode(request()) + "\n")
        (folder / "gone.jsonl").symlink_to(folder / "nothing")
        (folder / ".#a.jsonl").symlink_to("an editor's lock")
        (folder / "closed").mkdir(mode=0)
        user = os.geteuid()
        if user == 0:
            os.seteuid(65534)  # root may look into everything
        try:
            source = open_source(name)
            assert len(list(source)) == 4
        finally:
            os.seteuid(user)
        told = [str(p).removeprefix(f"{name}/") for p in source.problems]
        assert told == [
            "closed: cannot be read: Permission denied",
            "gone.jsonl: cannot be read: No such file or directory",
        ]
        assert source.tally.rejected == 2
