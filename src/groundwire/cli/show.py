"""`groundwire show`: stored traces as text, the worst first."""

import sys
from argparse import ArgumentParser
from collections import Counter
from collections.abc import Sequence
from typing import Any

from groundwire.checks import Check
from groundwire.cli.reading import read, report
from groundwire.console import render_trace
from groundwire.errors import SourceError
from groundwire.figures import plural
from groundwire.terminal import json_line, page_of
from groundwire.trace import SEVERITY, Trace, Verdict, read_traces

_UNFOLDED = 5
_LISTED = 20
_SAID: dict[Verdict, str] = {
    "failed": "failed", "error": "ended in an error", "doubtful": "passed with unsupported sentences",
    "not_scored": "not scored", "passed": "passed", "unchecked": "without checks",
}  # fmt: skip


_ABOUT = """\
Print stored traces, the worst first: what failed unfolds, what passed takes one
line.

Traces without any LLM, embedding, retrieval or rerank call are left out."""
_EXAMPLE = """\
Example:
  groundwire show traces.jsonl --trace 4bf92f35"""


def options(parser: ArgumentParser) -> None:
    """What the command takes."""
    parser.description, parser.epilog = _ABOUT, _EXAMPLE
    parser.add_argument(
        "source",
        help="A file, folder or pattern; -; {jaeger,tempo,zipkin,phoenix}+http://host:port; a trace's URL in Jaeger.",
    )
    parser.add_argument("--trace", metavar="ID", help="Only this trace, in full; the beginning of its id will do.")
    parser.add_argument("--all", dest="everything", action="store_true", help="All traces, not only the worst.")
    parser.add_argument("--json", dest="as_json", action="store_true", help="One JSON object a trace, worst first.")


def show(*, source: str, trace: str | None, everything: bool, as_json: bool) -> int:
    """Print stored traces, the worst first; the exit code."""
    spans, problems = read(source)
    found = [t for t in read_traces(spans) if any(s.call is not None for s in t.stages) or t.checks]
    if trace is not None:
        found = _matching(found, trace, source)
    if as_json:
        for one in found:
            print(json_line(_object(one)))
    elif found:
        _print(found, source, in_full=trace is not None or len(found) == 1, everything=everything)
    else:
        raise SourceError(f"{source}: {len(spans)} spans, not one LLM, embedding, retrieval or rerank call among them")
    report(problems)
    return 0


def _matching(traces: Sequence[Trace], trace_id: str, source: str) -> list[Trace]:
    found = [t for t in traces if any(s.trace_id.startswith(trace_id.lower()) for s in t.spans)]
    if not found:
        raise SourceError(f"{source}: no trace {trace_id} with calls in it; groundwire show {source} --all lists them")
    return found


def _print(traces: Sequence[Trace], source: str, *, in_full: bool, everything: bool) -> None:
    page = page_of(sys.stdout)
    shown = traces if everything or in_full else traces[:_LISTED]
    unfolded = 0
    for i, trace in enumerate(shown):
        unfold = in_full or (everything and trace.verdict in ("failed", "error", "doubtful"))
        fold = not unfold and unfolded >= _UNFOLDED
        block = render_trace(trace, page, full=in_full, fold=fold, identify=True)
        if i and ("\n" in block or unfolded == i):
            print()
        unfolded += "\n" in block
        print(block)
    if in_full and len(traces) == 1:
        return
    counts = Counter(t.verdict for t in traces)
    told = ", ".join(f"{counts[v]} {_SAID[v]}" for v in SEVERITY if counts[v])
    print(f"\n{len(traces)} {plural('trace', len(traces))}: {told}")
    if len(shown) < len(traces):
        print(f"{len(traces) - len(shown)} more: groundwire show {source} --all")
    if not in_full:
        print(f"next: groundwire show {source} --trace {traces[0].trace_id[:8]}")


def _object(trace: Trace) -> dict[str, Any]:
    tokens = trace.tokens
    return {
        "trace_id": trace.trace_id,
        "name": trace.title,
        "verdict": trace.verdict,
        "question": trace.question,
        "answer": trace.answer,
        "duration_ms": trace.duration_ms,
        "input_tokens": None if tokens is None else tokens[0],
        "output_tokens": None if tokens is None else tokens[1],
        "cost_usd": trace.cost_usd,
        "checks": [_check(stage.span.span_id, check) for stage in trace.stages for check in stage.checks],
        "stages": [
            {
                "span_id": s.span.span_id,
                "parent_id": s.span.parent_id,
                "name": s.span.name,
                "kind": None if s.call is None else s.call.kind,
                "model": None if s.call is None else s.call.model,
                "duration_ms": s.duration_ms,
                "cost_usd": s.cost_usd,
                "status": s.span.status,
            }
            for s in trace.stages
        ],
    }


def _check(span_id: str, check: Check) -> dict[str, Any]:
    return {
        "span_id": span_id,
        "name": check.name,
        "version": check.version or None,
        "value": check.value,
        "label": check.label or None,
        "passed": check.passed,
        "not_scored": check.reason or None,
        "explanation": check.explanation or None,
        "unsupported": [e.get("text") for e in check.unsupported],
    }
