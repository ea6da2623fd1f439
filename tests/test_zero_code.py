"""Applications that are traced without a line in them run as Python runs them, to the letter."""

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from time import sleep
from typing import Any

import pytest
from opentelemetry.trace import NoOpTracerProvider

from groundwire import ScoringSpanProcessor
from groundwire.cli import run
from groundwire.opentelemetry_instrumentor import GroundwireInstrumentor
from groundwire.zero_code import Settings, environment

BIN = Path(sys.executable).parent
LOOKS = """
import os, pickle, sys
class Here: pass
print(__name__, sys.argv, sys.path, sys.orig_argv[1:], __file__, type(__spec__).__name__)
print(pickle.loads(pickle.dumps(Here)))
print(sys.modules["__main__"].Here is Here, sys.flags, flush=True)
what = sys.argv[1] if len(sys.argv) > 1 else ""
if what == "raise":
    raise LookupError("mine")
if what == "exit":
    sys.exit(7)
if what == "say":
    sys.exit("said")
"""
ASKS = """
import sys
from concurrent.futures import ThreadPoolExecutor
import httpx2, openai

def ask(passage="The Eiffel Tower is 330 metres tall."):
    message = {"role": "assistant", "content": "It is 350 metres tall."}
    body = {"id": "1", "object": "chat.completion", "created": 1, "model": "gpt-4o-mini"}
    body |= {"choices": [{"index": 0, "message": message, "finish_reason": "stop"}]}
    transport = httpx2.MockTransport(lambda request: httpx2.Response(200, json=body))
    prompt = f"Context:\\n[1] {passage}\\n\\nQuestion: How tall is it?"
    client = openai.OpenAI(api_key="sk", http_client=httpx2.Client(transport=transport))
    return client.chat.completions.create(model="gpt-4o-mini", messages=[{"role": "user", "content": prompt}])
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "app.py").write_text(LOOKS)
    (tmp_path / "package").mkdir()
    (tmp_path / "package" / "__init__.py").write_text("")
    (tmp_path / "package" / "__main__.py").write_text(LOOKS)
    return tmp_path


def started(folder: Path, *command: str, **variables: str) -> subprocess.CompletedProcess[str]:
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("OTEL_", "GROUNDWIRE_", "PYTHONPATH"))}
    return subprocess.run(
        command, cwd=folder, capture_output=True, text=True, env=clean | variables, timeout=60, check=False
    )


def under_groundwire(folder: Path, *command: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return started(folder, str(BIN / "groundwire"), "run", *command, **variables)


def spans_in(path: Path) -> list[dict[str, Any]]:
    return [
        {**span, "keys": {a["key"] for a in span.get("attributes", ())}, "resource": json.dumps(resource["resource"])}
        for line in path.read_text().splitlines()
        for resource in json.loads(line)["resourceSpans"]
        for scope in resource["scopeSpans"]
        for span in scope["spans"]
    ]


# --- as Python ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "command",
    [
        ("app.py", "--port", "8000", "-m", "x", "--export", "y", "--help"),
        ("app.py", "raise"),
        ("app.py", "exit"),
        ("-m", "package", "say", "--no-scoring"),
        ("-m", "package.__main__", "raise"),
        ("-c", "import sys; print(sys.argv, sys.path[0]); 1 / 0", "-c", "x"),
        ("nothing.py",),
        ("-m", "nothing"),
        ("package",),
    ],
    ids=" ".join,
)
def test_an_application_cannot_tell_the_difference(folder: Path, command: tuple[str, ...]) -> None:
    plain, traced = started(folder, sys.executable, *command), under_groundwire(folder, *command)
    assert traced.returncode == plain.returncode
    assert traced.stdout == plain.stdout
    assert traced.stderr == plain.stderr


def test_another_sitecustomize_is_still_read(folder: Path) -> None:
    theirs = folder / "theirs"
    theirs.mkdir()
    (theirs / "sitecustomize.py").write_text("print('theirs', flush=True)\n")
    done = under_groundwire(folder, "-c", "import sitecustomize; print(sitecustomize.__file__)", PYTHONPATH=str(theirs))
    # The command reads it as well, before it becomes the application.
    assert done.stdout.splitlines() == ["theirs", "theirs", str(theirs / "sitecustomize.py")]
    assert done.stderr == ""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="Windows has no signals to tell apart")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_as_it_ends_python(folder: Path, number: signal.Signals) -> None:
    (folder / "waits.py").write_text("import time\nprint('ready', flush=True)\ntime.sleep(60)\n")
    ends: list[tuple[int, str]] = []
    for command in ([sys.executable], [str(BIN / "groundwire"), "run", "--export", "traces.jsonl"]):
        with subprocess.Popen(
            [*command, "waits.py"], cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        ) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            sleep(0.3)  # until it sleeps
            process.send_signal(number)
            ends.append((process.wait(30), process.stderr.read() if process.stderr else ""))
    assert ends[0] == ends[1]
    assert ends[0][0] == -number


# --- traced ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", [("shop.py",), ("-m", "shop")])
def test_its_calls_are_traced_and_scored(folder: Path, command: tuple[str, ...]) -> None:
    (folder / "shop.py").write_text(ASKS + "ask(); sys.exit(3)")
    done = under_groundwire(folder, "--export", "traces.jsonl", "-e", "faithfulness", *command)
    assert (done.returncode, done.stderr) == (3, "")
    spans = {span["name"]: span for span in spans_in(folder / "traces.jsonl")}
    assert set(spans) == {"chat gpt-4o-mini", "evaluate faithfulness"}
    assert '"shop"' in spans["chat gpt-4o-mini"]["resource"]


def test_settings_reach_it(folder: Path) -> None:
    (folder / "shop.py").write_text(ASKS + "ask()")
    options = ("--export", "a.jsonl", "--export", "b.jsonl", "--service-name", "till", "--no-scoring")
    assert under_groundwire(folder, *options, "--capture", "off", "shop.py").stderr == ""
    for name in ("a.jsonl", "b.jsonl"):
        (span,) = spans_in(folder / name)
        assert '"till"' in span["resource"]
        assert "gen_ai.input.messages" not in span["keys"]
    assert under_groundwire(folder, "--export", "c.jsonl", "--exclude", "openai", "shop.py").stderr == ""
    assert not (folder / "c.jsonl").exists() or spans_in(folder / "c.jsonl") == []


@pytest.mark.parametrize("method", ["spawn", "forkserver"])
def test_workers_of_multiprocessing_are_traced_and_other_programs_are_not(folder: Path, method: str) -> None:
    (folder / "shop.py").write_text(
        ASKS
        + "import groundwire, multiprocessing, subprocess\n"
        + "def work(_):\n    ask(); groundwire.flush()\n"
        + "if 'alone' in sys.argv:\n    ask(); sys.exit()\n"
        + "if __name__ == '__main__':\n"
        + f"    with multiprocessing.get_context({method!r}).Pool(1) as pool: pool.map(work, [1])\n"
        + "    subprocess.run([sys.executable, __file__, 'alone'], check=True)\n"
    )
    done = under_groundwire(folder, "--export", "traces.jsonl", "--no-scoring", "shop.py")
    assert (done.returncode, done.stderr) == (0, "")
    assert [span["name"] for span in spans_in(folder / "traces.jsonl")] == ["chat gpt-4o-mini"]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="Windows forks nothing")
@pytest.mark.parametrize("method", ["fork", "forkserver"])
def test_answers_of_a_child_that_ends_at_once_are_scored(folder: Path, method: str) -> None:
    (folder / "shop.py").write_text(
        ASKS
        + "import multiprocessing\n"
        + "if __name__ == '__main__':\n"
        + f"    child = multiprocessing.get_context({method!r}).Process(target=ask)\n"
        + "    child.start(); child.join(); sys.exit(child.exitcode)\n"
    )
    done = under_groundwire(folder, "--export", "traces.jsonl", "-e", "faithfulness", "shop.py")
    assert done.returncode == 0, done.stderr
    assert {span["name"] for span in spans_in(folder / "traces.jsonl")} == {"chat gpt-4o-mini", "evaluate faithfulness"}


# --- mistakes -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ((), "nothing to run: name a script, or -m and a module"),
        (("-m",), "nothing to run"),
        (("--", "-m"), "nothing to run"),
        (("--unknown", "app.py"), "No such option: --unknown"),
        (("--sample", "2", "app.py"), "'2' is no share between 0 and 1"),
        (("--no-scoring", "-e", "faithfulness", "app.py"), "--evaluator and --no-scoring exclude each other"),
        (("-e", "nope", "app.py"), "unknown evaluator 'nope'; installed: "),
        (("--export", "http://", "app.py"), "no host in 'http://'"),
        (("--exclude", "nope", "app.py"), "unknown provider 'nope'"),
    ],
)
def test_a_mistake_is_told_in_a_line_before_the_application_begins(
    folder: Path, command: tuple[str, ...], said: str
) -> None:
    done = under_groundwire(folder, *command)
    assert (done.returncode, done.stdout) == (2, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith("groundwire run: ")
    assert said in line


def test_help_is_ours_before_the_script_and_its_own_after(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["run", "--help"]) == 0
    assert "groundwire run [OPTIONS] (SCRIPT | -m MODULE | -c CODE) [ARGUMENTS]" in capsys.readouterr().out


def test_what_is_handed_over_comes_back_and_is_not_added_twice() -> None:
    once = environment(Settings(), {"PYTHONPATH": "/a"})
    twice = environment(Settings(export=("x",)), once)
    assert once["PYTHONPATH"] == twice["PYTHONPATH"]
    assert once["PYTHONPATH"].endswith(f"{os.pathsep}/a")


@pytest.mark.parametrize("value", ["", "{}", "no json", '{"pid": null, "settings": {"unheard": 1}}', "[]", '"x"'])
def test_a_variable_that_means_nothing_is_passed_over(folder: Path, value: str) -> None:
    variables = environment(Settings()) | {"GROUNDWIRE_RUN": value}
    done = started(folder, sys.executable, "-c", "print(1)", PYTHONPATH=variables["PYTHONPATH"], GROUNDWIRE_RUN=value)
    assert (done.stdout, done.stderr) == ("1\n", "")


# --- opentelemetry-instrument ---------------------------------------------------------------------------------------


def test_opentelemetry_instrument_starts_ours_with_the_others(folder: Path) -> None:
    (folder / "shop.py").write_text(
        ASKS
        + "from opentelemetry import trace\n"
        + "with trace.get_tracer('shop').start_as_current_span('GET /'), ThreadPoolExecutor(1) as pool:\n"
        + "    pool.submit(ask).result()\n"
    )
    variables = {f"OTEL_{kind}_EXPORTER": "none" for kind in ("METRICS", "LOGS")} | {"OTEL_TRACES_EXPORTER": "console"}

    def names(disabled: str) -> list[str]:
        variables["OTEL_PYTHON_DISABLED_INSTRUMENTATIONS"] = disabled
        command = (str(BIN / "opentelemetry-instrument"), sys.executable, "shop.py")
        done = started(folder, *command, **variables)
        assert (done.returncode, done.stderr) == (0, "")
        return sorted(re.findall(r'^    "name": "(.+)"', done.stdout, re.MULTILINE))

    scores = ["evaluate answer_relevance", "evaluate context_relevance", "evaluate faithfulness"]
    assert names("openai") == sorted(["GET /", "chat gpt-4o-mini", *scores])
    assert names("") == sorted(["ChatCompletion", "GET /", *scores])
    assert names("groundwire") == ["ChatCompletion", "GET /"]


def test_without_its_package_the_instrumentor_is_the_same() -> None:
    program = (
        "import sys\n"
        "sys.modules['opentelemetry.instrumentation'] = None\n"
        "from groundwire.instrument import provider_in_force\n"
        "from groundwire.opentelemetry_instrumentor import GroundwireInstrumentor as ours\n"
        "one = ours(); one.instrument(skip_dep_check=True); one.instrument()\n"
        "assert ours() is one and one.is_instrumented_by_opentelemetry and provider_in_force()\n"
        "assert one.instrumentation_dependencies() == ()\n"
        "one.uninstrument(); one.uninstrument()\n"
        "assert provider_in_force() is None and not one.is_instrumented_by_opentelemetry\n"
    )
    subprocess.run([sys.executable, "-W", "error", "-c", program], check=True, timeout=60)


def test_a_mistake_keeps_no_other_instrumentor_from_starting(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Or a processor that an earlier test left to the collector would make one of ours needless.
    monkeypatch.setattr(ScoringSpanProcessor, "is_in_use", staticmethod(lambda: False))
    GroundwireInstrumentor().instrument(skip_dep_check=True, tracer_provider=NoOpTracerProvider())
    GroundwireInstrumentor().uninstrument()
    assert "groundwire could not start" in caplog.text
