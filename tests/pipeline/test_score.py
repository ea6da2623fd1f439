"""`groundwire score` from its source to its output, as a user sees it."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from groundwire.chain import chains
from groundwire.checks import is_evaluation
from groundwire.model import LogEvent, SpanEvent, SpanRecord
from groundwire.pipeline import spool
from groundwire.scoring import evaluation_record, scored
from groundwire.scoring import score as evaluate_all
from groundwire.traces import open_source
from pipeline import judges
from pipeline.conftest import Score, judged
from pipeline.corpus import corpus, request, without_content, write

Start = Callable[..., "subprocess.Popen[str]"]


def spans_in(path: Path | str) -> dict[tuple[str, str], SpanRecord]:
    return {(s.trace_id, s.span_id): s for s in open_source(str(path)) if isinstance(s, SpanRecord)}


def in_one_go(spans: list[SpanRecord]) -> dict[tuple[str, str], SpanRecord]:
    """What must come out: everything read at once, nothing sorted, nothing spooled."""
    written = {(s.trace_id, s.span_id): s for s in spans}
    for evaluation in evaluate_all(chains(spans).chains, [judges.hashed]):
        key = evaluation.chain.trace_id, evaluation.chain.span_id
        record = evaluation_record(evaluation, written[key])
        written[key] = scored(written[key], [evaluation])
        written[record.trace_id, record.span_id] = record
    return written


def sorted_lines(path: Path | str) -> list[str]:
    return sorted(Path(path).read_text().splitlines())


@pytest.fixture
def on_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """As for sources that do not fit into memory: everything is spooled, and every bucket is sorted again."""
    monkeypatch.setattr(spool, "IN_MEMORY", 20_000)
    monkeypatch.setattr(spool, "LARGEST", 6_000)


# --- nothing is lost, nothing is told twice ---


def test_all_spans_come_out_with_their_scores(score: Score, place: Path) -> None:
    spans = corpus(60)
    write(place / "t.jsonl", spans)
    result = score("t.jsonl", "-o", "out.jsonl", "-e", "judges:hashed", "--json")

    assert result.code == 0, result.err
    assert spans_in("out.jsonl") == in_one_go(spans)
    assert result.json["spans"] == len(spans)
    assert result.json["answers"] == 54
    assert result.json["not_answers"] == {"no_passages": 6}
    assert not list(place.glob(".*"))


def test_large_sources_give_the_same_from_disk(score: Score, place: Path, on_disk: None) -> None:
    spans = corpus(300)
    write(place / "t.jsonl", spans)
    result = score("t.jsonl", "-o", "out.jsonl", "-e", "judges:hashed")

    assert result.code == 0, result.err
    assert spans_in("out.jsonl") == in_one_go(spans)


def test_small_and_large_sources_give_the_same_lines(
    score: Score, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(place / "t.jsonl", corpus(200))
    score("t.jsonl", "-o", "small.jsonl", "-e", "judges:hashed")
    monkeypatch.setattr(spool, "IN_MEMORY", 20_000)
    monkeypatch.setattr(spool, "LARGEST", 6_000)
    score("t.jsonl", "-o", "large.jsonl", "-e", "judges:hashed")

    assert sorted_lines("small.jsonl") == sorted_lines("large.jsonl")
    assert len({json.dumps(json.loads(line)) for line in sorted_lines("small.jsonl")}) > 100


def test_order_of_the_source_is_kept_where_it_fits_into_memory(score: Score, place: Path) -> None:
    spans = [s for n in range(50) for s in request(n)]
    write(place / "t.jsonl", spans)
    score("t.jsonl", "-o", "out.jsonl", "-e", "judges:hashed")

    assert list(dict.fromkeys(k[0] for k in spans_in("out.jsonl"))) == list(dict.fromkeys(s.trace_id for s in spans))


def test_span_that_comes_twice_counts_once_and_is_told(score: Score, place: Path) -> None:
    spans = request(1)
    write(place / "t.jsonl", [*spans, *spans])
    result = score("t.jsonl", "-o", "out.jsonl", "-e", "judges:hashed", "--json")

    assert result.json["spans"] == 3
    assert result.json["repeated_spans"] == 3
    assert len(spans_in("out.jsonl")) == 4


def test_trace_over_many_files_is_one(score: Score, place: Path) -> None:
    (place / "runs").mkdir()
    spans = corpus(30)
    for i in range(5):
        write(place / "runs" / f"{i}.jsonl", spans[i::5])
    score("runs", "-o", "out.jsonl", "-e", "judges:hashed")

    assert spans_in("out.jsonl") == in_one_go(spans)


# --- what was judged is not judged again ---


def test_judgements_of_the_source_are_kept(score: Score, place: Path) -> None:
    write(place / "t.jsonl", corpus(30))
    score("t.jsonl", "-o", "once.jsonl", "-e", "judges:hashed")
    before = judged(place)
    result = score("once.jsonl", "-o", "twice.jsonl", "-e", "judges:hashed", "-e", "judges:other", "--json")

    assert {k: n for k, n in judged(place).items() if k.startswith("hashed")} == before
    assert result.json["written"] == {"to": "twice.jsonl", "evaluate_spans": 27, "unchanged": 27}
    assert result.json["evaluators"]["hashed"]["scored"] == 27
    assert result.json["evaluators"]["hashed"]["mean"] == result.json["evaluators"]["other"]["mean"]
    assert spans_in("once.jsonl").keys() < spans_in("twice.jsonl").keys()


def test_another_version_judges_again(score: Score, place: Path) -> None:
    write(place / "t.jsonl", request(1))
    score("t.jsonl", "-o", "t.jsonl", "-e", "judges:hashed")
    score("t.jsonl", "-o", "t.jsonl", "-e", "judges:newer")

    assert judged(place).total() == 2
    versions = {s.attributes["groundwire.evaluation.version"] for s in spans_in("t.jsonl").values() if is_evaluation(s)}
    assert versions == {"1", "2"}


def test_force_judges_again(score: Score, place: Path) -> None:
    write(place / "t.jsonl", request(1))
    score("t.jsonl", "-o", "t.jsonl", "-e", "judges:hashed")
    once = spans_in("t.jsonl")
    result = score("t.jsonl", "-o", "t.jsonl", "-e", "judges:hashed", "--force", "--json")

    assert judged(place).total() == 2
    assert result.json["written"]["unchanged"] == 1
    assert spans_in("t.jsonl") == once


def test_what_broke_is_tried_again(score: Score, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    n = next(n for n in range(100) if int(request(n)[0].trace_id, 16) % 3 == 0)
    write(place / "t.jsonl", request(n))

    assert score("t.jsonl", "-o", "t.jsonl", "-e", "judges:breaking").code == 3
    assert score("t.jsonl", "-o", "t.jsonl", "-e", "judges:breaking").code == 3
    assert judged(place).total() == 2


# --- choosing ---


@pytest.mark.parametrize(
    ("options", "answers", "left"),
    [
        (["--where", "model=model-1"], 10, {"where": 10}),
        (["--where", "app.version=2", "--where", "gen_ai.request.model=model-0"], 3, {"where": 17}),
        (["--where", "deployment.environment!=test"], 0, {}),
        (["--where", "question~thing 1\\d?\\?"], 11, {"where": 9}),
        (["--limit", "4"], 4, {"limit": 16}),
        (["--since", "2025-06-15T15:06:45Z"], 15, {"since": 5}),
        (["--until", "2025-06-15T15:06:45+00:00"], 5, {"until": 15}),
        (["--since", "1d"], 0, {}),
    ],
)
def test_answers_are_chosen(score: Score, place: Path, options: list[str], answers: int, left: dict[str, int]) -> None:
    write(place / "t.jsonl", [s for n in range(20) for s in request(n)])
    result = score("t.jsonl", "-o", "out.jsonl", "-e", "judges:hashed", "--json", *options)

    if not answers:
        assert result.code == 2
        assert "20 RAG answers are left out" in result.err
        return
    assert result.json["answers"] == answers
    assert result.json["left_out"] == left
    assert sum(is_evaluation(s) for s in spans_in("out.jsonl").values()) == answers
    assert len(spans_in("out.jsonl")) == 60 + answers


def test_sample_takes_the_traces_that_are_taken_live(score: Score, place: Path) -> None:
    from groundwire.scorer import chosen

    spans = [s for n in range(60) for s in request(n)]
    write(place / "t.jsonl", spans)
    score("t.jsonl", "-o", "out.jsonl", "-e", "judges:hashed", "--sample", "0.3")
    taken = {s.trace_id for s in spans_in("out.jsonl").values() if is_evaluation(s)}

    assert taken == {s.trace_id for s in spans if chosen(int(s.trace_id, 16), 0.3)}
    assert 5 < len(taken) < 35


def test_limit_takes_the_same_answers_whatever_the_memory(score: Score, place: Path, on_disk: None) -> None:
    write(place / "t.jsonl", corpus(100))
    score("t.jsonl", "-o", "a.jsonl", "-e", "judges:hashed", "--limit", "9")
    score("t.jsonl", "-o", "b.jsonl", "-e", "judges:hashed", "--limit", "9", "--workers", "2")

    assert sum(is_evaluation(s) for s in spans_in("a.jsonl").values()) == 9
    assert spans_in("a.jsonl") == spans_in("b.jsonl")


# --- gates, errors, nothing ---


@pytest.mark.parametrize(
    ("rule", "code"),
    [
        ("hashed:mean:0.1", 0), ("hashed:mean:0.9", 1), ("hashed:passed:0.1", 0), ("hashed:passed:0.9", 1),
        ("hashed:scored:1", 0), ("hashed:0", 0), ("hashed:0.9", 1), ("hashed", 1),
    ],
)  # fmt: skip
def test_gate_decides(score: Score, place: Path, rule: str, code: int) -> None:
    write(place / "t.jsonl", corpus(30))

    assert score("t.jsonl", "-e", "judges:hashed", "--fail-on", rule).code == code


def test_gate_on_a_figure_that_nothing_was_scored_for_does_not_hold(score: Score, place: Path) -> None:
    write(place / "t.jsonl", request(1, question="Please skip thing 1?"))
    result = score("t.jsonl", "-e", "judges:hashed", "-e", "judges:paid", "--fail-on", "hashed:mean:0.1")

    assert result.code == 1
    assert "nothing was scored by hashed" in result.err


@pytest.mark.parametrize("rule", ["hashed:median:0.5", "hashed:mean:", "hashed:mean:x", "hashed:1.5", "cool:mean:0.5"])
def test_gate_that_is_none_is_told_before_anything_is_read(score: Score, place: Path, rule: str) -> None:
    result = score("nowhere.jsonl", "-e", "judges:hashed", "--fail-on", rule)

    assert result.code == 2
    assert "--fail-on" in result.err
    assert "nowhere" not in result.err


def test_errors_are_allowed_up_to_a_number(score: Score, place: Path) -> None:
    write(place / "t.jsonl", [s for n in range(30) for s in request(n)])
    broken = sum(int(request(n)[0].trace_id, 16) % 3 == 0 for n in range(30))

    assert score("t.jsonl", "-e", "judges:breaking").code == 3
    assert score("t.jsonl", "-e", "judges:breaking", "--max-errors", str(broken)).code == 0
    result = score("t.jsonl", "-o", "out.jsonl", "-e", "judges:breaking", "--max-errors", "2", "--json")
    assert result.code == 3
    assert "3 judgements broke, and 2 were allowed" in result.json["stopped"]
    assert result.json["left_out"]["stopped"] > 0
    assert len([s for s in spans_in("out.jsonl").values() if not is_evaluation(s)]) == 90


def test_content_that_was_not_exported_is_told(score: Score, place: Path) -> None:
    write(place / "t.jsonl", [*request(1), *without_content(2)])
    result = score("t.jsonl", "-e", "judges:hashed", "--json")

    assert result.code == 0
    assert result.json["not_answers"] == {"no_content": 1}
    write(place / "t.jsonl", without_content(2))
    result = score("t.jsonl", "-e", "judges:hashed", "--json")
    assert result.code == 2
    assert result.json["not_answers"] == {"no_content": 1}
    assert "1 no content" in result.err


def test_log_records_reach_their_spans_and_lonely_ones_are_counted() -> None:
    import groundwire

    spans = request(1)
    chat = spans[0]
    events = [
        LogEvent(chat.trace_id, chat.span_id, SpanEvent("said", 5, {"body": "x"})),
        LogEvent("ab" * 16, "cd" * 8, SpanEvent("said", 6, {"body": "y"})),
    ]
    result = groundwire.score([events[0], *spans, events[1]], [judges.hashed])
    (answer,) = result

    assert [e.name for e in answer.span.events] == ["said"]
    assert result.summary.unmatched == 1


# --- money ---


def test_dry_run_tells_and_scores_nothing(score: Score, place: Path) -> None:
    write(place / "t.jsonl", corpus(30))
    result = score("t.jsonl", "-o", "out.jsonl", "-e", "judges:hashed", "--dry-run", "--json")

    assert result.code == 0
    assert result.json["evaluators"] == {"hashed": {"answers": 27}}
    assert not judged(place)
    assert not (place / "out.jsonl").exists()


# --- interruption ---


@pytest.mark.parametrize("workers", [1, 2])
def test_ten_kills_at_random_moments_lose_and_repeat_nothing(
    score: Score, start: Start, place: Path, workers: int
) -> None:
    write(place / "t.jsonl", corpus(400))
    assert score("t.jsonl", "-o", "whole.jsonl", "-e", "judges:hashed", "-e", "judges:other").code == 0
    (place / "judged.txt").unlink()
    moment = random.Random(workers)
    call = ["t.jsonl", "-o", "out.jsonl", "-e", "judges:slow", "-e", "judges:other", "--workers", str(workers)]
    kills = 0
    for _ in range(60):
        process = start(*call)
        before = judged(place).total()
        # Starting takes most of a second: the moment is counted from the first answer on, sometimes from before.
        until = time.monotonic() + 20
        if moment.random() < 0.8:
            while process.poll() is None and judged(place).total() == before and time.monotonic() < until:
                time.sleep(0.005)
        time.sleep(moment.random() * 0.15)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        kills += process.returncode == -signal.SIGKILL
        if process.returncode == 0:
            break
        if kills == 10:
            process = start(*call)
            _, said = process.communicate(timeout=60)
            assert process.returncode == 0, said
            assert "judgements of a run that was broken off are kept" in said
            break

    assert kills == 10
    assert sorted_lines("out.jsonl") == sorted_lines("whole.jsonl")
    again = {key: times for key, times in judged(place).items() if times > 1}
    assert sum(times - 1 for times in again.values()) <= 10 * workers  # those that a kill hit before they were written
    assert not list(place.glob(".*"))


def test_interrupt_keeps_what_was_done_and_says_so(start: Start, place: Path) -> None:
    write(place / "t.jsonl", corpus(400))
    process = start("t.jsonl", "-o", "out.jsonl", "-e", "judges:slow", start_new_session=True)
    while judged(place).total() < 30:
        time.sleep(0.005)
    os.killpg(process.pid, signal.SIGINT)
    _, said = process.communicate(timeout=20)

    assert process.returncode == 130
    assert "interrupted" in said
    assert "the same command goes on" in said
    assert not (place / "out.jsonl").exists()


@pytest.mark.skipif(sys.platform != "linux", reason="looks for the children in /proc")
def test_interrupt_while_workers_begin_prints_no_traceback(start: Start, place: Path) -> None:
    write(place / "t.jsonl", corpus(20))
    process = start("t.jsonl", "-o", "out.jsonl", "-e", "judges:slow", "--workers", "2", start_new_session=True)
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    while len(children.read_text().split()) < 3:  # two workers, and what tracks shared memory
        time.sleep(0.001)
    os.killpg(process.pid, signal.SIGINT)
    _, said = process.communicate(timeout=20)

    assert process.returncode == 130
    assert "Traceback" not in said


@pytest.mark.parametrize("more", [["-o", "out.jsonl"], ["--dry-run"]])
def test_terminated_run_leaves_nothing_where_temporary_files_are(start: Start, place: Path, more: list[str]) -> None:
    (place / "tmp").mkdir()
    os.mkfifo(place / "t.jsonl")
    variables = {**os.environ, "TMPDIR": str(place / "tmp")}
    process = start("t.jsonl", "-e", "judges:hashed", *more, env=variables)
    with (place / "t.jsonl").open("wb") as pipe:
        write(place / "some.jsonl", corpus(20))
        pipe.write((place / "some.jsonl").read_bytes())
        pipe.flush()
        while "--dry-run" in more and not os.listdir(place / "tmp"):
            time.sleep(0.005)
        process.terminate()
        _, said = process.communicate(timeout=20)

    assert process.returncode == 143
    assert "Traceback" not in said
    assert not os.listdir(place / "tmp")
    assert not list(place.glob(".*"))


def broken_off(start: Start, place: Path) -> None:
    write(place / "t.jsonl", corpus(200))
    process = start("t.jsonl", "-o", "out.jsonl", "-e", "judges:slow")
    while judged(place).total() < 30:
        time.sleep(0.005)
    process.kill()
    process.communicate()


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["-e", "judges:other"], "evaluators"),
        (["-e", "judges:slow", "--sample", "0.5"], "choice of answers"),
        (["-e", "judges:slow", "--where", "model=x"], "choice of answers"),
    ],
)
def test_unfinished_run_of_something_else_is_not_thrown_away(
    start: Start, score: Score, place: Path, more: list[str], said: str
) -> None:
    broken_off(start, place)
    result = score("t.jsonl", "-o", "out.jsonl", *more)

    assert result.code == 2
    assert said in result.err
    assert "--restart" in result.err
    if said == "evaluators":
        assert score("t.jsonl", "-o", "out.jsonl", *more, "--restart").code == 0


def test_changed_source_is_told(start: Start, score: Score, place: Path) -> None:
    broken_off(start, place)
    write(place / "t.jsonl", corpus(201))
    result = score("t.jsonl", "-o", "out.jsonl", "-e", "judges:slow")

    assert result.code == 2
    assert "contents of its source" in result.err


def test_two_processes_do_not_write_the_same_output(start: Start, score: Score, place: Path) -> None:
    write(place / "t.jsonl", corpus(400))
    process = start("t.jsonl", "-o", "out.jsonl", "-e", "judges:slow")
    while judged(place).total() < 5:
        time.sleep(0.005)
    result = score("t.jsonl", "-o", "out.jsonl", "-e", "judges:slow")
    process.kill()
    process.communicate()

    assert result.code == 2
    assert "another process is scoring" in result.err


# --- workers ---


@pytest.mark.parametrize("anew", [False, True])
def test_folder_that_was_taken_away_while_it_was_locked_is_not_used(
    score: Score, place: Path, monkeypatch: pytest.MonkeyPatch, anew: bool
) -> None:
    fcntl = pytest.importorskip("fcntl")
    lock = fcntl.flock

    def finished_meanwhile(handle: int, how: int) -> None:
        lock(handle, how)
        (place / ".out.jsonl.groundwire" / "lock").unlink()
        if anew:
            (place / ".out.jsonl.groundwire" / "lock").touch()

    write(place / "t.jsonl", corpus(5))
    monkeypatch.setattr(fcntl, "flock", finished_meanwhile)
    result = score("t.jsonl", "-o", "out.jsonl", "-e", "judges:hashed")

    assert result.code == 2
    assert "another process is scoring" in result.err


def test_workers_give_what_one_gives(score: Score, place: Path, on_disk: None) -> None:
    write(place / "t.jsonl", corpus(200))
    names = ["-e", "judges:hashed", "-e", "judges:breaking", "-e", "judges:many"]
    one = score("t.jsonl", "-o", "one.jsonl", *names, "--json")
    two = score("t.jsonl", "-o", "two.jsonl", *names, "--json", "--workers", "2")

    assert one.code == two.code == 3
    assert Path("one.jsonl").read_bytes() == Path("two.jsonl").read_bytes()
    assert {**one.json, "written": 0} == {**two.json, "written": 0}


def test_worker_that_dies_is_replaced(score: Score, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(place / "t.jsonl", corpus(60))
    monkeypatch.setenv("DIE_ONCE", str(place / "died"))
    result = score("t.jsonl", "-o", "out.jsonl", "-e", "dying:dying", "--workers", "2", "--json")

    assert result.code == 0, result.err
    assert result.json["evaluators"]["dying"]["scored"] == 54
    assert (place / "died").exists()


def test_evaluator_that_kills_every_worker_ends_the_run(
    score: Score, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(place / "t.jsonl", corpus(40))
    monkeypatch.setenv("DIE_ALWAYS", "1")
    result = score("t.jsonl", "-o", "out.jsonl", "-e", "dying:dying", "--workers", "2")

    assert result.code == 2
    assert "died 3 times" in result.err


# --- other outputs ---


def test_table_has_a_row_for_every_answer_linked_ones_too(score: Score, place: Path) -> None:
    import csv

    write(place / "t.jsonl", corpus(60))
    result = score("t.jsonl", "-o", "out.csv", "-e", "judges:hashed")
    rows = list(csv.DictReader(Path("out.csv").read_text(encoding="utf-8").splitlines()))

    assert result.code == 0, result.err
    assert len(rows) == 54
    assert all(float(row["hashed"]) >= 0 for row in rows)
    assert {row["trace_id"] for row in rows} == {c.trace_id for c in chains(corpus(60)).chains}


def test_standard_input_and_output(place: Path) -> None:
    write(place / "t.jsonl", corpus(40))
    call = [sys.executable, "-c", "from groundwire.cli import main; main()", "score", "-", "-o", "-"]
    done = subprocess.run(
        [*call, "-e", "judges:hashed"], input=Path("t.jsonl").read_text(), capture_output=True, text=True, check=False
    )
    Path("out.jsonl").write_text(done.stdout)

    assert done.returncode == 0
    assert spans_in("out.jsonl") == in_one_go(corpus(40))
    assert "36 answers" in done.stderr


def test_full_disk_is_told_and_the_run_can_go_on(start: Start, score: Score, place: Path) -> None:
    import resource

    def no_large_files() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (3_000, 3_000))

    write(place / "t.jsonl", corpus(300))
    call = ["t.jsonl", "-o", "out.jsonl", "-e", "judges:hashed", "-e", "judges:other"]
    process = start(*call, preexec_fn=no_large_files)
    _, said = process.communicate(timeout=60)

    assert process.returncode == 2
    assert "cannot keep what is being scored" in said
    assert "the same command goes on" in said
    assert said.count("\n") == 1
    before = judged(place)
    assert score(*call).code == 0
    assert spans_in("out.jsonl").keys() > spans_in("t.jsonl").keys()
    assert sum(n - 1 for n in judged(place).values()) <= 1 < before.total()


@pytest.mark.parametrize("order", [("hashed", "newer"), ("newer", "hashed"), ("hashed", "newer", "tenth")])
def test_last_version_that_judged_is_the_one_that_counts(score: Score, place: Path, order: tuple[str, ...]) -> None:
    from groundwire.checks import checks

    write(place / "t.jsonl", corpus(20))
    for name in order:
        assert score("t.jsonl", "-o", "t.jsonl", "-e", f"judges:{name}").code == 0
    spans = list(spans_in("t.jsonl").values())
    found = [check for by_answer in checks(spans).values() for check in by_answer if check.name == "hashed"]
    versions = {"hashed": "1", "newer": "2", "tenth": "10"}

    assert len(found) == 18
    assert {check.version for check in found} == {versions[order[-1]]}
    without = [replace(s, attributes={}) if not is_evaluation(s) else s for s in spans]
    found = [check for by_answer in checks(without).values() for check in by_answer if check.name == "hashed"]
    assert {check.version for check in found} == {max((versions[n] for n in order), key=int)}


def test_kill_after_the_source_was_replaced_by_its_result(start: Start, score: Score, place: Path) -> None:
    write(place / "t.jsonl", corpus(200))
    assert score("t.jsonl", "-o", "whole.jsonl", "-e", "judges:hashed").code == 0
    process = start("t.jsonl", "-o", "t.jsonl", "-e", "judges:slow")
    before = judged(place).total()
    while judged(place).total() < before + 30:
        time.sleep(0.005)
    process.kill()
    process.communicate()
    assert list(place.glob(".t.jsonl*"))
    Path("whole.jsonl").replace("t.jsonl")  # what the killed process would have done next
    whole = sorted_lines("t.jsonl")
    result = score("t.jsonl", "-o", "t.jsonl", "-e", "judges:slow", "--json")

    assert result.code == 0, result.err
    assert result.json["written"] == {"to": "t.jsonl", "evaluate_spans": 0, "unchanged": 180}
    assert sorted_lines("t.jsonl") == whole
    assert not list(place.glob(".t.jsonl*"))


def test_traces_come_whole_out_of_a_store_that_was_cut_anywhere(score: Score, place: Path) -> None:
    spans = corpus(40)
    write(place / "a.jsonl", spans[:50])
    write(place / "b.jsonl", spans[50:])
    data = Path("b.jsonl").read_bytes()
    Path("b.jsonl").write_bytes(data[: len(data) // 2])
    result = score("*.jsonl", "-o", "out/scored.jsonl", "-e", "judges:hashed", "--json")

    assert result.code == 2, "the folder is not there"
    Path("out").mkdir()
    result = score("*.jsonl", "-o", "out/scored.jsonl", "-e", "judges:hashed", "--json")
    assert result.code == 3
    assert result.json["rejected"] == 1
    assert result.json["complete"] is False
    assert score("*.jsonl", "-e", "judges:hashed", "--max-errors", "1").code == 0


def test_output_beside_its_sources_is_no_source_of_the_run_that_goes_on(
    start: Start, score: Score, place: Path
) -> None:
    Path("runs").mkdir()
    write(place / "runs" / "t.jsonl", corpus(200))
    assert score("runs", "-o", "whole.jsonl", "-e", "judges:hashed").code == 0
    before = judged(place).total()
    process = start("runs", "-o", "runs/out.jsonl", "-e", "judges:slow")
    while judged(place).total() < before + 30:
        time.sleep(0.005)
    process.kill()
    process.communicate()
    result = score("runs", "-o", "runs/out.jsonl", "-e", "judges:slow", "--json")

    assert result.code == 0, result.err + result.out
    assert result.json["resumed"] >= 29
    assert sorted_lines("runs/out.jsonl") == sorted_lines("whole.jsonl")
