"""What a user sees of a long run, before its end."""

import pytest

from groundwire.cli import progress
from groundwire.cli.progress import Progress


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_a_line_every_ten_seconds_where_there_is_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    clock = Clock()
    told = Progress(clock=clock)
    for second in range(25):
        clock.now = 1000.0 + second
        told.read(second * 20_000)
    told.scoring(0, 0.0)
    for second in range(25, 50):
        clock.now = 1000.0 + second
        told.scoring((second - 24) * 500, (second - 24) / 100)
    told.clear()

    assert capsys.readouterr().err.splitlines() == [
        "groundwire score: 200,000 spans read, 20,000/s",
        "groundwire score: 400,000 spans read, 20,000/s",
        "groundwire score: 3,000 answers scored, 500/s, 6 %, 2 min left",
        "groundwire score: 8,000 answers scored, 500/s, 16 %, 84 s left",
    ]


def test_a_short_run_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    told = Progress(clock=Clock())
    told.read(100)
    told.scoring(20, 1.0)
    told.clear()

    assert capsys.readouterr().err == ""


def test_one_line_that_changes_on_a_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    clock = Clock()
    told = Progress(clock=clock)
    clock.now += 1
    told.read(2_000)
    clock.now += 1
    told.scoring(10, 0.5)
    clock.now += 1
    told.scoring(1_010, 0.5)
    told.clear()
    said = capsys.readouterr().err

    assert "\n" not in said
    assert said.endswith("\r\x1b[2K")
    assert "1,010 answers scored, 1,010/s, 50 %, 1 s left" in said


@pytest.mark.parametrize(("seconds", "told"), [(8, "8 s"), (200, "3 min"), (9_000, "2.5 h"), (400_000, "4.6 d")])
def test_times_are_told_as_people_tell_them(seconds: float, told: str) -> None:
    assert progress.duration(seconds) == told
