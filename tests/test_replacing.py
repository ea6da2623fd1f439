"""Files that commands write: links stay links, and what is no file never becomes one."""

import os
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from threading import Thread

import pytest

from groundwire.cli import run
from groundwire.datasets.case import Case
from groundwire.datasets.file import added
from groundwire.replacing import Replacement, is_device, replace, sweep
from groundwire.traces import open_sink
from stored import request


@pytest.fixture
def pipe(tmp_path: Path) -> Path:
    path = tmp_path / "pipe.jsonl"
    os.mkfifo(path)
    return path


def _through(path: Path, write: Callable[[], object]) -> bytes:
    """What comes out at the other end of a pipe."""
    found: list[bytes] = []
    reader = Thread(target=lambda: found.append(path.read_bytes()), daemon=True)
    reader.start()
    write()
    reader.join(20)
    assert stat.S_ISFIFO(path.stat().st_mode)
    assert os.listdir(path.parent) == [path.name]
    return found[0]


def test_file_appears_when_it_is_whole_and_keeps_its_mode(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"old")
    path.chmod(0o640)
    new = Replacement(path)
    new.file.write(b"new")
    assert path.read_bytes() == b"old"
    new.keep()
    new.discard()
    assert path.read_bytes() == b"new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert os.listdir(tmp_path) == ["a"]


def test_link_stays_a_link_and_what_it_leads_to_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    link, target = tmp_path / "link", tmp_path / "there" / "file"
    link.symlink_to(target)
    replace(link, b"1")  # where it leads to nothing yet
    replace(link, b"2")
    assert link.is_symlink()
    assert target.read_bytes() == b"2"
    assert os.listdir(target.parent) == ["file"]


def test_pipe_takes_the_bytes_and_stays_one(pipe: Path) -> None:
    assert _through(pipe, lambda: replace(pipe, b"all of it")) == b"all of it"


def test_what_the_system_answers_for_is_never_replaced(tmp_path: Path) -> None:
    assert is_device(Path("/dev/fd/63"))
    assert is_device(Path("/proc/self/fd/1"))
    assert not is_device(Path("/dev/shm/traces.jsonl"))
    assert not is_device(tmp_path / "nothing yet")
    linked = tmp_path / "null"
    linked.symlink_to(os.devnull)  # a link, so that a mistake here costs nothing
    assert is_device(linked)


def test_traces_and_cases_go_into_a_pipe(pipe: Path) -> None:
    def write() -> None:
        sink = open_sink(str(pipe))
        sink.write(request())
        sink.close()

    assert _through(pipe, write).startswith(b'{"resourceSpans"')
    assert b'"Why?"' in _through(pipe, lambda: added(pipe, [Case("Why?")]))


@pytest.mark.parametrize("name", ["scores.csv", "scores.parquet"])
def test_tables_go_into_a_pipe(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    os.mkfifo(path)

    def write() -> None:
        sink = open_sink(str(path))
        sink.write(request())
        sink.close()

    assert len(_through(path, write)) > 100


def test_sink_that_is_tried_and_given_up_says_nothing_to_a_pipe(pipe: Path) -> None:
    open_sink(str(pipe)).abandon()  # would wait for ever for a reader if it opened the pipe
    assert os.listdir(pipe.parent) == [pipe.name]


def test_what_a_killed_process_left_is_swept_where_the_link_leads(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / ".out.jsonl.abcd_123").write_text("half")
    (tmp_path / "there" / ".out.jsonl.groundwire").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "there" / "out.jsonl")
    sweep(tmp_path / "link")
    assert os.listdir(tmp_path / "there") == [".out.jsonl.groundwire"]


def test_standard_output_by_its_name_is_standard_output(tmp_path: Path) -> None:
    """`-o /dev/stdout > file` must neither write over the file nor mix the summary into it."""
    sink = open_sink(str(tmp_path / "t.jsonl"))
    sink.write(request())
    sink.close()
    call = [sys.executable, "-c", "from groundwire.cli import main; main()", "score", "t.jsonl", "-e", "faithfulness"]
    for name in ("-", "/dev/stdout"):
        with (tmp_path / "out.jsonl").open("wb") as out:
            done = subprocess.run([*call, "-o", name], cwd=tmp_path, stdout=out, stderr=subprocess.PIPE, check=False)
        assert done.returncode == 0, done.stderr
        assert b"evaluate span" in done.stderr
        (tmp_path / "out.jsonl").rename(tmp_path / f"out{len(name)}")
    assert (tmp_path / "out1").read_bytes() == (tmp_path / "out11").read_bytes() != b""


@pytest.mark.parametrize("options", [["--json"], ["-o", "-"]])
def test_what_programs_read_is_utf8_on_any_terminal(tmp_path: Path, options: list[str]) -> None:
    sink = open_sink(str(tmp_path / "größe.jsonl"))
    sink.write(request("Der 東京タワー ist groß."))
    sink.close()
    call = [sys.executable, "-c", "from groundwire.cli import main; main()", "score", "größe.jsonl", *options]
    variables = {**os.environ, "PYTHONIOENCODING": "ascii", "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(call, cwd=tmp_path, env=variables, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    assert ("größe" if options == ["--json"] else "東京タワー") in done.stdout.decode()


def test_message_cannot_steer_the_terminal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("ev\x1b[31mil.jsonl").write_text('{"resourceSpans": [')
    for verb in ("score", "show", "chains", "report", "drift"):
        assert run([verb, "ev\x1b[31mil.jsonl", *(["ev\x1b[31mil.jsonl"] if verb == "drift" else [])]) == 2
    said = capsys.readouterr()
    assert "\x1b" not in said.err + said.out
    assert "ev\ufffd[31mil.jsonl" in said.err
