"""`groundwire experiment`: an application is run over a dataset, and judged."""

import os
import sys
from argparse import ArgumentParser
from collections.abc import Generator
from contextlib import contextmanager

from groundwire.cli.judging import judge_options
from groundwire.cli.progress import Progress
from groundwire.errors import ConfigurationError
from groundwire.experiments.result import Row
from groundwire.terminal import json_line

_ABOUT = """\
Run an application over a dataset, and judge its answers.

TARGET is a function of yours: package.module:function. It takes the question,
or the whole case if its parameter is called case, and returns the answer: text;
or a mapping with answer and passages; or nothing, if its calls are traced. It
may be async. Every case becomes a trace with its scores in OUT, which compare,
score, show and report take like any other. A run that was broken off is gone on
with; cases whose target failed are run again.

Exit code 0: done; 1: --fail-on; 2: a mistake, or nothing was answered; 3: the
target failed on more cases than --max-errors allows, or an evaluator broke."""
_EXAMPLE = """\
Example:
  groundwire experiment my_app:answer cases.jsonl -o candidate.jsonl \\
    --repeats 3 --fail-on faithfulness:mean:0.8
  groundwire compare base.jsonl candidate.jsonl"""
_EXPORT = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_TRACES_EXPORTER")


def options(parser: ArgumentParser) -> None:
    """What the command takes."""
    parser.description, parser.epilog = _ABOUT, _EXAMPLE
    parser.add_argument("target", help="package.module:function; a module of the folder you are in will do.")
    parser.add_argument("dataset", help="A file of cases: .jsonl, .csv, .json; .gz too.")
    parser.add_argument(
        "-o", "--out", metavar="OUT",
        help="Where the traces go: a file (run.jsonl) or otlp+http://host:4318. [default: nowhere]",
    )  # fmt: skip
    parser.add_argument(
        "-e", "--evaluator", dest="evaluators", metavar="NAME", action="append",
        help="Instead of the defaults; may be repeated. A name, or package.module:object for one of your own.",
    )  # fmt: skip
    parser.add_argument("--repeats", metavar="N", type=int, default=1, help="Run each case so often. [default: 1]")
    parser.add_argument("--concurrency", metavar="N", type=int, default=1, help="Cases at once. [default: 1]")
    parser.add_argument("--timeout", metavar="S", type=float, help="Seconds that a case may take. [default: any]")
    parser.add_argument("--name", help="Of the experiment. [default: that of the function]")
    parser.add_argument("--app-version", metavar="TEXT", help="What is under experiment: app.version of every trace.")
    parser.add_argument("--fresh", action="store_true", help="Write over what is in OUT instead of going on with it.")
    parser.add_argument(
        "--fail-on", metavar="RULE", action="append",
        help="Exit with 1 unless it holds: NAME (no answer below the evaluator's threshold), NAME:0.5 (none below "
        "0.5), NAME:mean:0.8, NAME:passed:0.95, NAME:scored:0.9. May be repeated.",
    )  # fmt: skip
    parser.add_argument("--max-errors", metavar="N", type=int, default=0, help="Failed cases allowed. [default: 0]")
    parser.add_argument("--json", dest="as_json", action="store_true", help="Print the summary as one JSON object.")
    judge_options(parser)


def experiment(
    *,
    target: str,
    dataset: str,
    out: str | None,
    evaluators: list[str] | None,
    repeats: int,
    concurrency: int,
    timeout: float | None,
    name: str | None,
    app_version: str | None,
    fresh: bool,
    fail_on: list[str] | None,
    max_errors: int,
    as_json: bool,
    judge: str | None,
    judge_url: str | None,
    judge_budget: float | None,
) -> int:
    """Run an application over a dataset, and judge its answers; the exit code."""
    from groundwire.cli.experiment_text import object_of, tally_of, told
    from groundwire.datasets.file import dataset as read_dataset
    from groundwire.experiments.run import default_evaluators
    from groundwire.experiments.run import experiment as run
    from groundwire.pipeline.gates import Gate, minimums
    from groundwire.pipeline.order import Recipe

    cases = read_dataset(dataset)
    names = tuple(evaluators or default_evaluators(cases))
    scorers = Recipe(names, judge=judge, judge_url=judge_url, judge_budget=judge_budget).make()
    gates = [Gate.of(text, scorers) for text in fail_on or ()]
    if max_errors < 0:
        raise ConfigurationError("--max-errors must be 0 or more")
    counter = _Counter()
    try:
        with _without_console():
            result = run(
                target, cases, scorers, repeats=repeats, name=name, out=out, max_concurrency=concurrency,
                timeout_s=timeout, app_version=app_version, resume=not fresh, progress=counter,
            )  # fmt: skip
    except KeyboardInterrupt:
        if counter.seen and out is not None and out != "-" and "://" not in out:
            print(
                f"groundwire experiment: {counter.done} cases are in {out}; the same command goes on", file=sys.stderr
            )
        raise
    finally:
        counter.clear()
    tally = tally_of(result, minimums(gates))
    broken = [(gate, why) for gate in gates if (why := gate.broken(tally)) is not None]
    stream = sys.stderr if out == "-" else sys.stdout
    if as_json:
        print(json_line(object_of(result, tally, [(g.text, why) for g, why in broken])), file=stream)
    else:
        print("\n".join(told(result, tally, len(cases))), file=stream)
    for gate, why in broken:
        print(f"groundwire experiment: --fail-on {gate.text}: {why}", file=sys.stderr)
    if not any(row.answer is not None for row in result):
        print("groundwire experiment: not one case was answered", file=sys.stderr)
        return 2
    if broken:
        return 1
    return 3 if len(result.failures) > max_errors or tally.broke else 0


class _Counter:
    """Tells on stderr how far it is."""

    def __init__(self) -> None:
        self.seen = 0
        """Cases that were run."""
        self.done = 0
        """Those that an earlier run has done included."""
        self._progress = Progress("groundwire experiment")

    def __call__(self, row: Row, done: int, total: int) -> None:
        """One more."""
        self.seen, self.done = self.seen + 1, done
        self._progress.scoring(self.seen, self.seen / (total - done + self.seen))

    def clear(self) -> None:
        """Take the line away."""
        self._progress.clear()


@contextmanager
def _without_console() -> Generator[None]:
    """Applications that call `instrument()` print every trace where no endpoint is set: not a thousand of them here."""
    quiet = not any(os.environ.get(name) for name in _EXPORT)
    if quiet:
        os.environ["OTEL_TRACES_EXPORTER"] = "none"
    try:
        yield
    finally:
        if quiet:
            os.environ.pop("OTEL_TRACES_EXPORTER", None)
