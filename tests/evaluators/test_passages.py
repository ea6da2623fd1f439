"""Passages are read once, and what is known of them survives a fork."""

import os
import signal
import sys
import threading
from typing import Any

import pytest

from groundwire_evaluators import passages
from groundwire_evaluators.passages import index_passages


def test_what_is_asked_for_twice_is_worked_out_once() -> None:
    index = index_passages(["The tower is 330 m tall. It was built in 1889."])
    for name in ("known", "pairs", "triples", "prefixes", "postings", "numbers", "flags", "days", "idf"):
        assert getattr(index, name) is getattr(index, name)


def test_a_passage_is_read_once_however_many_ask(monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []
    statements = passages.statements
    monkeypatch.setattr(passages, "statements", lambda text: read.append(text) or statements(text))
    one, other = "Bears sleep in winter.", "Whales sing in summer."
    index_passages([one, other])
    index_passages([other])
    index_passages([other, one])
    assert read == [one, other]


def test_no_more_than_so_many_characters_are_kept() -> None:
    kept: Any = passages._Lately(100)
    for number in range(20):
        kept.read(f"It is {number:>30}.")
    assert sum(map(len, kept._known)) == kept._held <= 100
    assert f"It is {19:>30}." in kept._known


@pytest.mark.skipif(sys.platform == "win32", reason="there is no fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_a_child_that_is_forked_while_a_passage_is_read_reads_on() -> None:
    reading, forked = threading.Event(), threading.Event()

    def read() -> None:
        with passages._LATELY._lock:
            reading.set()
            forked.wait(30)

    thread = threading.Thread(target=read)
    thread.start()
    reading.wait(30)
    child = os.fork()
    if not child:
        signal.alarm(20)  # a child that waits for ever is killed
        os._exit(0 if index_passages(["Only the child reads this."]).known else 1)
    forked.set()
    thread.join()
    assert os.waitpid(child, 0)[1] == 0
