"""`groundwire score`: stored traces are scored, and the scores written to a file or back to where the traces are."""

import json
import sys
from argparse import ArgumentParser
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from groundwire import semconv
from groundwire.cli.judging import judge_options, with_judge
from groundwire.cli.reading import counted, read, report
from groundwire.cli.summary import Summary
from groundwire.errors import ConfigurationError, SourceError
from groundwire.model import Evaluation, Evaluator, Failed, RagChain, Score, SpanRecord
from groundwire.traces import Sink

_ABOUT = """\
Score the RAG answers in stored traces, whoever's SDK wrote them.

A file gets all spans, the scores on them and in `evaluate` spans. An OTLP
endpoint gets the `evaluate` spans alone, which join the stored traces there.
Scoring again changes nothing.

Exit code 0: every answer was scored or declined with a reason; 1: --fail-on;
2: nothing to score; 3: an evaluator broke, or a part of the source could not be
read."""
_EXAMPLE = """\
Example:
  groundwire score "jaeger+http://localhost:16686?service=rag" \\
    -o otlp+http://localhost:4318"""


def options(parser: ArgumentParser) -> None:
    """What the command takes."""
    parser.description, parser.epilog = _ABOUT, _EXAMPLE
    parser.add_argument("source", help="A file, folder or pattern; -; jaeger+http://host:16686?service=NAME.")
    parser.add_argument(
        "-o", "--out", metavar="OUT",
        help="Where the scores go: a file (scored.jsonl), - or otlp+http://host:4318. "
        "Without it: only the summary is printed.",
    )  # fmt: skip
    parser.add_argument(
        "-e", "--evaluator", dest="evaluators", metavar="NAME", action="append",
        help="Instead of the defaults; may be repeated. A name, or package.module:object for one of your own.",
    )  # fmt: skip
    parser.add_argument(
        "--fail-on", metavar="NAME[:MIN]", action="append",
        help="Exit with 1 if an answer scores below MIN; without MIN, below the evaluator's own threshold.",
    )  # fmt: skip
    parser.add_argument("--json", dest="as_json", action="store_true", help="Print the summary as one JSON object.")
    judge_options(parser)


def score(
    *,
    source: str,
    out: str | None,
    evaluators: list[str] | None,
    fail_on: list[str] | None,
    as_json: bool,
    judge: str | None,
    judge_url: str | None,
    judge_budget: float | None,
) -> int:
    """Score the RAG answers in stored traces; the exit code."""
    from groundwire.chain import chains
    from groundwire.plugins import evaluators as load_evaluators
    from groundwire.traces import open_sink

    scorers = with_judge(load_evaluators(evaluators or None), judge, judge_url, judge_budget)
    gates = [_Gate.of(text, scorers) for text in fail_on or ()]
    spans, problems = read(source)
    assembly = chains(spans)
    rejected = Counter(r.reason for r in assembly.rejected)
    if not assembly.chains:
        report(problems)
        raise SourceError(_no_answer(source, spans, rejected))
    summary = Summary(source, len(spans), len({s.trace_id for s in spans}), rejected, problems)
    sink = None if out is None else open_sink(out)
    try:
        results = list(counted(_scored(assembly.chains, scorers), "answers scored", len(assembly.chains)))
        for evaluations in results:
            summary.add(evaluations)
        if sink is not None:
            summary.written, summary.unchanged = _write(sink, spans, results)
            summary.written_to = sink.name
            sink.close()
    except BaseException:
        if sink is not None:
            sink.abandon()
        raise
    if as_json:
        print(json.dumps(summary.as_json(), ensure_ascii=False), file=sys.stderr if out == "-" else sys.stdout)
    else:
        print("\n".join(summary.lines()), file=sys.stderr if out == "-" else sys.stdout)
        report(problems)
    broken_gates = [gate for gate in gates if gate.broken(results)]
    for gate in broken_gates:
        print(f"groundwire score: --fail-on {gate.text}: {gate.broken(results)} answers below", file=sys.stderr)
    if broken_gates:
        return 1
    return 3 if summary.incomplete else 0


def _no_answer(source: str, spans: Sequence[SpanRecord], rejected: Counter[Any]) -> str:
    if not rejected:
        return f"{source}: nothing to score, {len(spans)} spans but no chat call; groundwire chains {source} lists them"
    why = ", ".join(f"{count} {reason.replace('_', ' ')}" for reason, count in rejected.most_common())
    return (
        f"{source}: nothing to score, {rejected.total()} chat calls but no RAG answer ({why}); "
        f"groundwire chains {source} tells more"
    )


def _scored(chains: Sequence[RagChain], evaluators: Sequence[Evaluator]) -> Iterator[list[Evaluation]]:
    """The evaluations of each chain."""
    from groundwire.scoring import score as evaluate_all

    evaluations = evaluate_all(chains, evaluators)
    for _ in chains:
        yield list(islice(evaluations, len(evaluators)))


def _write(sink: Sink, spans: Sequence[SpanRecord], results: Sequence[Sequence[Evaluation]]) -> tuple[int, int]:
    """Write spans and scores, a trace at a time; how many `evaluate` spans were written, and how many were there."""
    from groundwire.scoring import evaluation_record, scored

    known = {(s.trace_id, s.span_id): s for s in spans}
    new: dict[tuple[str, str], SpanRecord] = {}
    replaced: dict[tuple[str, str], SpanRecord] = {}
    unchanged = 0
    for evaluations in results:
        if not evaluations:
            continue
        answer = known[evaluations[0].chain.trace_id, evaluations[0].chain.span_id]
        replaced[answer.trace_id, answer.span_id] = scored(answer, evaluations)
        for evaluation in evaluations:
            if isinstance(evaluation.result, Failed) and not sink.holds_traces:
                continue  # backends keep what they get: the judgement that follows the repair has the same span id
            record = evaluation_record(evaluation, answer)
            before = known.get((record.trace_id, record.span_id))
            if before is not None and _same(before, record):
                unchanged += 1
            else:
                new[record.trace_id, record.span_id] = record
    if not sink.holds_traces:
        if new:
            sink.write(list(new.values()))
        return len(new), unchanged
    by_trace: dict[str, list[SpanRecord]] = {}
    for key, span in ({**known, **replaced, **new}).items():
        by_trace.setdefault(key[0], []).append(span)
    for members in by_trace.values():
        sink.write(members)
    return len(new), unchanged


def _same(before: SpanRecord, after: SpanRecord) -> bool:
    """Whether a stored judgement says what the new one says; how long it took does not matter."""
    said = {key: value for key, value in after.attributes.items() if key != semconv.EVALUATION_DURATION}
    return all(before.attributes.get(key) == value for key, value in said.items())


@dataclass(frozen=True, slots=True)
class _Gate:
    text: str
    name: str
    minimum: float | None

    @classmethod
    def of(cls, text: str, evaluators: Sequence[Evaluator]) -> "_Gate":
        name, _, limit = text.partition(":")
        if name not in {e.name for e in evaluators}:
            known = ", ".join(e.name for e in evaluators)
            raise ConfigurationError(f"--fail-on {text}: {name!r} is not among the evaluators: {known}")
        try:
            return cls(text, name, float(limit) if limit else None)
        except ValueError:
            raise ConfigurationError(f"--fail-on {text}: {limit!r} is no number; use for instance {name}:0.5") from None

    def broken(self, results: Sequence[Sequence[Evaluation]]) -> int:
        """How many answers are below."""
        found = [e.result for es in results for e in es if e.name == self.name]
        if self.minimum is None:
            return sum(isinstance(r, Score) and r.passed is False for r in found)
        return sum(isinstance(r, Score) and r.value < self.minimum for r in found)
