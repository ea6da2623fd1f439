"""`groundwire demo` on the screen."""

import json
import re
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

import groundwire
from groundwire.cli import run
from groundwire.demo.server import ReplayServer

pytest.importorskip("openai")
pytest.importorskip("qdrant_client")


@pytest.fixture(autouse=True)
def _stopped() -> Iterator[None]:
    yield
    groundwire.shutdown()


@pytest.fixture
def invoke(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> "Invoke":
    monkeypatch.chdir(tmp_path)
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("COLUMNS", "80")
    return Invoke(capsys)


class Invoke:
    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    def __call__(self, *arguments: str, code: int = 0) -> tuple[str, str]:
        found = run(["demo", *arguments])
        text = self._capsys.readouterr()
        assert found == code, text
        return text.out, text.err


def test_it_says_what_is_recorded_and_sets_people_beside_us(invoke: Invoke) -> None:
    printed, _ = invoke()
    assert printed.startswith("Recorded answers of real LLMs (RAGTruth, MIT)")
    rows = re.findall(r"(?m)^(?:faithful|partly|unfaithful|not scored) .*$", printed)
    assert len(rows) == 36
    assert sum("hallucinated" in row for row in rows) == 18
    agree, of = map(int, re.findall(r"agreement  (\d+) of (\d+)", printed)[0])
    assert agree == sum("✓" in row for row in rows)
    assert of - agree == sum("✗" in row for row in rows)
    assert "One of them in full" in printed
    assert "groundwire show groundwire-demo.jsonl" in printed
    assert max(map(len, printed.splitlines())) <= 80


def test_it_says_so_where_the_evaluators_were_fitted_on_these_rows(invoke: Invoke) -> None:
    from groundwire_evaluators.forest import stored_weights

    fitted_on_most = stored_weights("faithfulness")["provenance"]["rows"]["faithfulness-ragtruth"] > 1742 / 2
    printed, _ = invoke("--n", "1")
    assert ("most are among the rows" in printed) == fitted_on_most


def test_json_has_every_answer_and_the_summary(invoke: Invoke, tmp_path: Path) -> None:
    printed, _ = invoke("--json", "--n", "5", "--out", "mine.jsonl")
    found = json.loads(printed)
    assert found["recorded"] is True
    assert len(found["answers"]) == found["summary"]["answers"] == 5
    assert all(isinstance(answer["human_hallucinated"], bool) for answer in found["answers"])
    a = found["summary"]["agreement"]
    assert a["agree"] == a["flagged_hallucinated"] + a["passed_correct"]
    text = (tmp_path / "mine.jsonl").read_text(encoding="utf-8")
    assert all(answer["trace_id"] in text for answer in found["answers"])


def test_a_second_run_replaces_the_traces_of_the_first(invoke: Invoke, tmp_path: Path) -> None:
    first = json.loads(invoke("--json", "--n", "1")[0])["answers"][0]["trace_id"]
    second = json.loads(invoke("--json", "--n", "1")[0])["answers"][0]["trace_id"]
    text = (tmp_path / "groundwire-demo.jsonl").read_text(encoding="utf-8")
    assert first not in text
    assert second in text


def test_live_asks_the_endpoint_of_the_user_and_shows_no_human_labels(
    invoke: Invoke, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ReplayServer() as endpoint:
        monkeypatch.setenv("OPENAI_BASE_URL", endpoint.url)
        monkeypatch.setenv("OPENAI_API_KEY", "mine")
        printed, _ = invoke("--live", "--model", "my-model")
        assert printed.startswith("6 answers of your endpoint")
        assert "people" not in printed
        found = json.loads(invoke("--live", "--json", "--n", "2")[0])
    assert found["recorded"] is False
    assert "agreement" not in found["summary"]
    assert "human_hallucinated" not in found["answers"][0]


def test_live_without_an_endpoint_says_what_to_set(invoke: Invoke) -> None:
    _, error = invoke("--live", code=2)
    assert "set OPENAI_API_KEY" in error


def test_live_names_the_endpoint_that_refuses(invoke: Invoke, monkeypatch: pytest.MonkeyPatch) -> None:
    with ReplayServer(answers=()) as endpoint:
        monkeypatch.setenv("OPENAI_BASE_URL", endpoint.url)
        monkeypatch.setenv("OPENAI_API_KEY", "mine")
        _, error = invoke("--live", code=2)
    assert "your endpoint refused" in error
    assert "Traceback" not in error


def test_an_endpoint_where_nobody_listens_is_told_at_once(invoke: Invoke) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    _, error = invoke("--endpoint", f"http://127.0.0.1:{port}", code=2)
    assert f"nothing answers at http://127.0.0.1:{port}" in error
    assert "no address" in invoke("--endpoint", "jaeger", code=2)[1]


def test_a_file_that_cannot_be_written_is_named(invoke: Invoke) -> None:
    assert "no/such/folder.jsonl" in invoke("--out", "no/such/folder.jsonl", code=2)[1]


def test_options_of_a_live_endpoint_need_one(invoke: Invoke) -> None:
    assert "add --live" in invoke("--model", "gpt-4o", code=2)[1]


def test_a_missing_library_is_named_with_the_command_that_installs_it(
    invoke: Invoke, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "qdrant_client", None)
    _, error = invoke(code=2)
    assert 'pip install "groundwire[demo]"' in error
