"""The pytest plugin. Every pytest run imports it, so it imports nothing of ours until a test asks for something.

It stands in this package, and not beside `groundwire.testing`, because importing any module of `groundwire` loads the
OpenTelemetry SDK.
"""

import sys
from collections import Counter
from collections.abc import Generator
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from groundwire.testing import CapturedAnswers

_RECORDING = "groundwire.testing.recording"
_OPTION = "--groundwire-report"
_LOWEST = 5


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--groundwire-report`."""
    parser.getgroup("groundwire", "answers judged by groundwire").addoption(
        _OPTION,
        metavar="FILE",
        help="Write every answer that a test judged, with its scores, as OTLP/JSON lines, for groundwire compare.",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Open the report; workers of pytest-xdist send theirs to whoever started them."""
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(_Session(config.getoption(_OPTION)), "groundwire-session")


@pytest.fixture(name="groundwire")
def _groundwire() -> "Generator[CapturedAnswers]":
    """What is traced in this test: `groundwire.answer` is its last RAG answer. Nothing is exported or scored."""
    from groundwire.capturing import capturing
    from groundwire.testing import CapturedAnswers
    from groundwire.testing.recording import watching

    with capturing(service_name="pytest") as capture, watching(capture):
        yield CapturedAnswers(capture)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, Any, Any]:
    """What the assertions of a test said goes with its report: across processes, and into JUnit XML."""
    recording = sys.modules.get(_RECORDING)
    taken: dict[str, Any] | None = None
    trouble: Exception | None = None
    try:
        taken = None if recording is None else recording.take(item.nodeid)
    except Exception as error:  # a report that cannot be made fails nobody's test
        trouble = error
    if taken is not None:
        for name, value, _, status in taken["scores"]:
            item.user_properties.append((f"groundwire.{name}", status if value is None else round(value, 4)))
    report = yield
    if taken is not None:
        report.groundwire = taken
    if trouble is not None:
        report.sections.append(("groundwire", f"not in the report: {type(trouble).__name__}: {trouble}"))
    return report


class _Session:
    """What all tests of a run said."""

    def __init__(self, path: str | None) -> None:
        self._scores: list[tuple[str, str, float | None, bool, str]] = []
        self._answers = 0
        self._path = path
        self._file: IO[str] | None = None
        if path is not None:
            try:
                self._file = Path(path).open("w", encoding="utf-8")  # noqa: SIM115
            except OSError as error:
                raise pytest.UsageError(f"{_OPTION} {path}: cannot be written: {error.strerror}") from error

    def pytest_runtest_logreport(self, report: Any) -> None:
        """Keep it; write what is to be written at once, a killed run leaves whole lines."""
        said: dict[str, Any] | None = getattr(report, "groundwire", None)
        if said is None:
            return
        self._scores += [(report.nodeid, *row) for row in said["scores"]]
        self._answers += said["answers"]
        if self._file is not None:
            self._file.write(said["lines"])
            self._file.flush()

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """A table by evaluator, and the lowest values; nothing where nothing was judged."""
        if self._scores:
            answers = f"{self._answers} answer{'s' * (self._answers != 1)}"
            terminalreporter.section(f"groundwire: {answers} judged")
            for line in self._lines():
                terminalreporter.write_line(line)

    def pytest_unconfigure(self) -> None:
        """Close the report."""
        if self._file is not None:
            self._file.close()

    def _lines(self) -> Generator[str]:
        names = list(dict.fromkeys(name for _, name, *_ in self._scores))
        width = max(len("evaluator"), *map(len, names))
        yield f"{'evaluator':<{width}}  {'scored':>6}  {'mean':>5}  {'lowest':>6}  {'failed':>6}  not scored"
        for name in names:
            rows = [row for row in self._scores if row[1] == name]
            values = [value for _, _, value, _, _ in rows if value is not None]
            mean, lowest = (f"{sum(values) / len(values):.2f}", f"{min(values):.2f}") if values else ("", "")
            failed = sum(not good for *_, good, _ in rows)
            missing = Counter(s.removeprefix("skipped: ").replace("_", " ") for *_, v, _, s in rows if v is None)
            told = ", ".join(f"{count} {why}" for why, count in missing.most_common())
            yield f"{name:<{width}}  {len(values):>6}  {mean:>5}  {lowest:>6}  {failed:>6}  {told}".rstrip()
        below = sorted((v, name, test) for test, name, v, good, _ in self._scores if v is not None and not good)
        for value, name, test in below[:_LOWEST]:
            yield f"{value:.2f} {name}  {test}"
        if self._path is not None:
            yield f"written to {self._path}; next: groundwire compare BASE.jsonl {self._path}"
