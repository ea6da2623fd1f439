"""Replies are paid for once; what is kept is closed to others, bounded, and holds no key."""

import json
import os
import stat
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from groundwire.judge import Judge
from groundwire.judge.cache import Cache, Entry, key_of
from groundwire.judge.folders import cache_folder
from groundwire.model import Passage, RagChain, Score, Usage
from judge.server import JudgeServer, Says, row

CHAIN = RagChain("How tall?", (Passage("The tower is 330 metres tall."),), "The tower is 330 metres tall.")
GOOD = [row(1, quote="330 metres tall")]
ENTRY = Entry(("{}",), Usage(1, 2), 0.5)


def judge(server: JudgeServer, **settings: Any) -> Judge:
    return Judge("m", **{"base_url": server.url, "retries": 0, **settings})


def test_the_second_time_nobody_is_asked_and_the_score_is_the_same() -> None:
    with JudgeServer(GOOD) as server:
        first = judge(server, price=(1.0, 1.0)).evaluate(CHAIN)
        second = judge(server, price=(1.0, 1.0)).evaluate(CHAIN)
        assert len(server.asked) == 1
    assert first == second
    assert isinstance(second, Score)
    assert second.cost_usd == pytest.approx(0.0012)


def test_a_repaired_judgement_is_read_again_whole() -> None:
    chain = replace(CHAIN, answer="The tower is 330 metres tall. The tower is tall.")
    with JudgeServer([row(1, quote="330 metres tall")], [row(2, quote="metres tall")]) as server:
        first = judge(server).evaluate(chain)
        assert judge(server).evaluate(chain) == first
        assert len(server.asked) == 2


@pytest.mark.parametrize(
    "other",
    [
        replace(CHAIN, question="How high?"),
        replace(CHAIN, answer="The tower is 330 metres tall!"),
        replace(CHAIN, passages=(*CHAIN.passages, Passage("More."))),
        replace(CHAIN, passages=tuple(reversed((*CHAIN.passages, Passage("More."))))),
    ],
)
def test_whatever_changes_the_question_is_asked_anew(other: RagChain) -> None:
    with JudgeServer(GOOD) as server:
        judge(server).evaluate(CHAIN)
        judge(server).evaluate(other)
        assert len(server.asked) == 2


@pytest.mark.parametrize("settings", [{"seed": 1}, {"model": "n"}, {"cache": False}])
def test_another_model_seed_or_no_cache_is_asked_anew(settings: dict[str, Any]) -> None:
    with JudgeServer(GOOD) as server:
        judge(server).evaluate(CHAIN)
        replace(judge(server), **settings).evaluate(CHAIN)
        assert len(server.asked) == 2


def test_the_key_changes_nothing_and_a_folder_of_ones_own_is_used(tmp_path: Path) -> None:
    with JudgeServer(GOOD) as server:
        judge(server, cache=tmp_path / "own", api_key="one").evaluate(CHAIN)
        judge(server, cache=str(tmp_path / "own"), api_key="two").evaluate(CHAIN)
        assert len(server.asked) == 1
    assert len(list((tmp_path / "own").glob("*.reply"))) == 1
    assert not cache_folder().exists()


@pytest.mark.skipif(os.name != "posix", reason="modes are POSIX's")
def test_what_is_kept_is_closed_to_others() -> None:
    (cache_folder() / "judge").mkdir(parents=True, mode=0o755)
    with JudgeServer(GOOD) as server:
        judge(server).evaluate(CHAIN)
    folder = cache_folder() / "judge"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    (file,) = folder.iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_refusal_or_a_failure_is_not_kept() -> None:
    with JudgeServer(Says("", "content_filter"), Says("no"), Says("no"), GOOD) as server:
        judge(server).evaluate(CHAIN)
        with pytest.raises(Exception, match="no verdict"):
            judge(server).evaluate(CHAIN)
        assert isinstance(judge(server).evaluate(CHAIN), Score)


@pytest.mark.parametrize(
    "garbage",
    [b"", b"{", b"null", b"[]", b'{"format": 1}', b'{"format": 1, "replies": [7]}', b'{"format": 0, "replies": ["{}"]}',
     b"\xff", b"[" * 100_000, json.dumps({"format": 1, "replies": ["nonsense"]}).encode()],
    ids=range(10),
)  # fmt: skip
def test_a_broken_entry_is_no_entry(garbage: bytes) -> None:
    with JudgeServer(GOOD) as server:
        first = judge(server).evaluate(CHAIN)
        (file,) = (cache_folder() / "judge").iterdir()
        file.write_bytes(garbage)
        assert judge(server).evaluate(CHAIN) == first
        assert len(server.asked) == 2


def test_a_cached_reply_is_checked_again() -> None:
    with JudgeServer(GOOD) as server:
        judge(server).evaluate(CHAIN)
        (file,) = (cache_folder() / "judge").iterdir()
        stored = json.loads(file.read_text())
        stored["replies"] = [json.dumps({"sentences": [row(1, quote="9999 metres tall")]})]
        file.write_text(json.dumps(stored))
        result = judge(server).evaluate(CHAIN)
    assert isinstance(result, Score)
    assert result.value == 0.0


def test_a_folder_that_cannot_be_written_is_no_cache(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "file").write_text("in the way")
    with JudgeServer(GOOD) as server:
        for _ in range(3):
            assert isinstance(judge(server, cache=tmp_path / "file" / "x").evaluate(CHAIN), Score)
    assert [r.message.partition(":")[0] for r in caplog.records if r.name.startswith("groundwire")] == [
        "judgements are not cached"
    ]


def test_an_entry_comes_back_as_it_was_put(tmp_path: Path) -> None:
    cache = Cache(tmp_path / "c", 1_000_000)
    cache.put("a" * 64, ENTRY)
    assert cache.get("a" * 64) == ENTRY
    assert cache.get("b" * 64) is None


def test_the_oldest_entries_go_when_it_is_full(tmp_path: Path) -> None:
    cache = Cache(tmp_path, 20_000)
    for n in range(101):
        cache.put(key_of(n=n), Entry(("x" * 900,)))
        os.utime(tmp_path / f"{key_of(n=n)}.reply", (n, n))
    kept = [n for n in range(101) if cache.get(key_of(n=n)) is not None]
    assert 5 <= len(kept) <= 25
    assert 100 in kept
    assert 0 not in kept


def test_many_writers_leave_whole_entries_and_nothing_else(tmp_path: Path) -> None:
    cache = Cache(tmp_path, 10_000_000)

    def work() -> None:
        for n in range(30):
            cache.put(key_of(n=n % 5), Entry(("y" * 500,)))
            assert cache.get(key_of(n=n % 5)) is not None

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(f.name for f in tmp_path.iterdir()) == sorted(f"{key_of(n=n)}.reply" for n in range(5))
