"""`groundwire score`: stored traces are scored, and the scores written to a file or back to where the traces are."""

import sys
from argparse import ArgumentParser
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from groundwire.cli.judging import judge_options
from groundwire.cli.progress import Progress
from groundwire.cli.reading import report
from groundwire.cli.scoring_options import scoring_options
from groundwire.cli.summary import Summary, plan_json, plan_lines
from groundwire.errors import ConfigurationError, GroundwireError, SinkError, SourceError
from groundwire.pipeline.collecting import rarely_collecting
from groundwire.pipeline.gates import Gate, minimums
from groundwire.pipeline.order import Form, Order, Recipe
from groundwire.pipeline.run import Limits, Result, execute
from groundwire.pipeline.selection import Selection, instant_ns
from groundwire.pipeline.workspace import Workspace, contents, workspace_of
from groundwire.replacing import sweep
from groundwire.terminal import json_line
from groundwire.traces import Sink, open_sink, open_source

_ABOUT = """\
Score the RAG answers in stored traces, whoever's SDK wrote them.

A file gets all spans, the scores on them and in `evaluate` spans. An OTLP
endpoint gets the `evaluate` spans alone, which join the stored traces there.
What an answer was judged by before is not judged again. A run that was broken
off goes on where it was when the same command is given again.

Exit code 0: every answer was scored or declined with a reason; 1: --fail-on;
2: nothing to score; 3: something broke, could not be read or was not reached."""
_EXAMPLE = """\
Example:
  groundwire score "jaeger+http://localhost:16686?service=rag" \\
    -o otlp+http://localhost:4318
  groundwire score runs/ -o scored.jsonl --where app.version=2 --since 24h \\
    --workers 2 --fail-on faithfulness:mean:0.8"""


def options(parser: ArgumentParser) -> None:
    """What the command takes."""
    parser.description, parser.epilog = _ABOUT, _EXAMPLE
    scoring_options(parser)
    judge_options(parser)


@rarely_collecting()
def score(
    *,
    source: str,
    out: str | None,
    evaluators: list[str] | None,
    fail_on: list[str] | None,
    as_json: bool,
    where: list[str] | None,
    sample: float,
    since: str | None,
    until: str | None,
    limit: int | None,
    force: bool,
    dry_run: bool,
    max_cost: float | None,
    max_errors: int | None,
    workers: int,
    engine: str,
    ray_address: str | None,
    work: str | None,
    restart: bool,
    judge: str | None,
    judge_url: str | None,
    judge_budget: float | None,
) -> int:
    """Score the RAG answers in stored traces; the exit code."""
    from groundwire.filters import conditions
    from groundwire.pipeline.expected import asks_a_model

    recipe = Recipe(
        None if not evaluators else tuple(evaluators), judge=judge, judge_url=judge_url, judge_budget=judge_budget,
        run_budget=max_cost, dry=dry_run,
    )  # fmt: skip
    scorers = recipe.make()
    gates = [Gate.of(text, scorers) for text in fail_on or ()]
    wanted = conditions(where)
    moments = {
        "since_ns": None if since is None else instant_ns(since, "--since"),
        "until_ns": None if until is None else instant_ns(until, "--until"),
    }
    selection = Selection(wanted, sample, **moments, limit=limit)
    if max_cost is not None and not any(map(asks_a_model, scorers)):
        raise ConfigurationError("--max-cost limits what judging by a model costs, and no evaluator asks one")
    if engine == "ray" and (max_cost is not None or limit is not None):
        raise ConfigurationError("--max-cost and --limit are counted in one place: use --engine local")
    if engine == "ray" and workers > 1:
        raise ConfigurationError("--workers are processes of this machine: Ray has its own, leave it out")
    if engine != "ray" and ray_address is not None:
        raise ConfigurationError("--ray-address is for --engine ray, which was not asked for")
    opened = open_source(source)
    order = Order(recipe, selection, force=force, dry=dry_run, in_cost=max_cost is not None, minimums=minimums(gates))
    progress = Progress()
    if dry_run:
        with _unkept() as folder:
            result = execute(opened, order, scorers, workspace=folder, watcher=progress)
            progress.clear()
            _some_answer(source, result)
            _print(plan_json(source, result.tally) if as_json else plan_lines(source, result.tally))
            report(opened.problems)
            folder.leave(finished=True)
        return 3 if _rejected(opened) > (max_errors or 0) else 0
    form: Form = "nothing"
    if out is not None:
        sink = open_sink(out)
        form = _form(sink)
        sink.abandon()  # it can be written: that is all to know before the work is done
    order = Order(recipe, selection, form, force, False, order.in_cost, order.minimums)
    asked = {
        "source": source,
        "files": contents(source, out),
        "out": out,
        "evaluators": [[e.name, e.version] for e in scorers],
        "selection": [list(map(str, wanted)), sample, since, until, limit],
        "force": force,
    }
    workspace = Workspace(workspace_of(asked, out, work), asked, moments, restart=restart)
    try:
        order = _at_its_moments(order, workspace)
        if workspace.resumed:
            print(f"going on: {workspace.resumed:,} judgements of a run that was broken off are kept", file=sys.stderr)
        result = execute(
            opened, order, scorers, workspace=workspace, workers=workers, watcher=progress,
            engine=_ray(order, ray_address) if engine == "ray" else None, limits=Limits(max_cost, max_errors),
        )  # fmt: skip
        progress.clear()
        summary = Summary(
            source, result.tally, [e.name for e in scorers], opened.problems, _rejected(opened), stopped=result.stopped
        )
        _some_answer(source, result, summary if as_json else None)
        if out is not None:
            summary.written_to = _write(out, result, resumed=workspace.resumed > 0)
    except BaseException as error:
        progress.clear()
        kept = workspace.kept
        workspace.leave(finished=False)
        goes_on = f"{kept:,} judgements are kept in {workspace.folder}: the same command goes on"
        if kept and isinstance(error, KeyboardInterrupt):
            print(f"groundwire score: interrupted; {goes_on}", file=sys.stderr)
        elif kept and type(error) in (GroundwireError, SinkError, SourceError):
            raise type(error)(f"{error}; {goes_on}") from error
        raise
    workspace.leave(finished=result.stopped is None)
    to_stderr = out == "-"
    _print(summary.as_json() if as_json else summary.lines(), to_stderr=to_stderr)
    if not as_json:
        report(opened.problems)
    if result.stopped is not None:
        print(f"groundwire score: stopped, {result.stopped}; the same command with a higher limit goes on",
              file=sys.stderr)  # fmt: skip
    return _code(summary, gates, max_errors or 0)


def _code(summary: Summary, gates: Sequence[Gate], allowed: int) -> int:
    """The exit code."""
    tally = summary.tally
    errors = tally.broke + summary.rejected_parts
    if not tally.scored and not tally.broke and summary.stopped is None:
        print("groundwire score: nothing was scored", file=sys.stderr)
        return 2
    broken = [(gate, why) for gate in gates if (why := gate.broken(tally)) is not None]
    for gate, why in broken:
        print(f"groundwire score: --fail-on {gate.text}: {why}", file=sys.stderr)
    if broken:
        return 1
    return 3 if errors > allowed or summary.stopped is not None else 0


def _some_answer(source: str, result: Result, summary: Summary | None = None) -> None:
    tally = result.tally
    if tally.answers or tally.left:
        if not tally.answers and not result.stopped:
            why = ", ".join(f"{count} by --{rule}" for rule, count in tally.left.items())
            raise SourceError(f"{source}: nothing to score, {tally.left.total()} RAG answers are left out: {why}")
        return
    if summary is not None:
        _print(summary.as_json())
    raise SourceError(_no_answer(source, tally.spans, tally.rejected))


def _no_answer(source: str, spans: int, rejected: Counter[str]) -> str:
    if not rejected:
        return f"{source}: nothing to score, {spans} spans but no chat call; groundwire chains {source} lists them"
    why = ", ".join(f"{count} {reason.replace('_', ' ')}" for reason, count in rejected.most_common())
    return (
        f"{source}: nothing to score, {rejected.total()} chat calls but no RAG answer ({why}); "
        f"groundwire chains {source} tells more"
    )


def _form(sink: Sink) -> Form:
    """What a sink needs."""
    from groundwire.traces.sink import LineSink

    if not sink.holds_traces:
        return "judgements"
    return "lines" if isinstance(sink, LineSink) else "traces"


def _write(out: str, result: Result, *, resumed: bool) -> str:
    """Hand everything over; what the user called the place."""
    from groundwire.pipeline.records import records, with_linked
    from groundwire.traces.sink import LineSink, LinkedSink

    if resumed and "://" not in out and out != "-":
        sweep(Path(out))
    sink = open_sink(out)
    try:
        for piece in result.pieces():
            if result.form == "lines" and isinstance(sink, LineSink):
                sink.write_lines(piece)
            elif isinstance(sink, LinkedSink):
                sink.write_linked(*with_linked(piece))
            else:
                sink.write(records(piece))
        sink.close()
    except BaseException:
        sink.abandon()
        raise
    return sink.name


def _at_its_moments(order: Order, workspace: Workspace) -> Order:
    """The order with the times of when it was first given."""
    from dataclasses import replace

    moments = workspace.moments
    chosen = replace(order.selection, since_ns=moments.get("since_ns"), until_ns=moments.get("until_ns"))
    return replace(order, selection=chosen)


def _ray(order: Order, address: str | None) -> Any:
    from groundwire.pipeline.on_ray import OnRay

    return lambda: OnRay(order.recipe, address)


def _unkept() -> Any:
    from groundwire.pipeline.workspace import unkept

    return unkept()


def _rejected(opened: Any) -> int:
    tally = getattr(opened, "tally", None)
    return len(opened.problems) if tally is None else max(len(opened.problems), tally.rejected)


def _print(told: dict[str, Any] | list[str], *, to_stderr: bool = False) -> None:
    text = "\n".join(told) if isinstance(told, list) else json_line(told)
    print(text, file=sys.stderr if to_stderr else sys.stdout)
