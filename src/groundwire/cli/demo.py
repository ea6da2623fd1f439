"""`groundwire demo`: a real RAG application over recorded answers of real models, our verdicts beside people's."""

import os
import socket
from argparse import ArgumentParser, ArgumentTypeError
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any
from urllib.parse import urlsplit

from rich.console import Console
from rich.table import Table
from rich.text import Text

from groundwire.agreement import auc
from groundwire.demo.answers import recorded_answers
from groundwire.demo.run import SERVICE_NAME, Outcome, run
from groundwire.errors import ConfigurationError, GroundwireError, SinkError
from groundwire.terminal import json_line

_LIVE_QUESTIONS = 6
_WIDTH = 80
_STYLES = {"faithful": "green", "partly": "yellow", "unfaithful": "red"}


_ABOUT = """\
Run a small RAG application and see its answers traced and scored. No key, no
server, no download.

Exit code 0: every answer was judged, or declined with a reason; 2: the demo
could not run; 3: some judgement broke or came too late."""
_EXAMPLE = """\
Example:
  groundwire demo && groundwire show groundwire-demo.jsonl"""


def options(parser: ArgumentParser) -> None:
    """What the command takes."""
    parser.description, parser.epilog = _ABOUT, _EXAMPLE
    parser.add_argument(
        "--live", action="store_true",
        help="Ask your own endpoint (OPENAI_BASE_URL, OPENAI_API_KEY), not the recordings.",
    )  # fmt: skip
    parser.add_argument("--model", metavar="NAME", help="With --live: the chat model. [default: gpt-4o-mini]")
    parser.add_argument(
        "--embedding-model", metavar="NAME",
        help="With --live: embed with this model of your endpoint. [default: hashed words]",
    )  # fmt: skip
    parser.add_argument(
        "--endpoint", metavar="URL",
        help="Also send the traces there, by OTLP: http://127.0.0.1:4318, grpc://127.0.0.1:4317.",
    )  # fmt: skip
    parser.add_argument("--n", metavar="N", type=_at_least_1, help="Ask only the first so many questions.")
    parser.add_argument(
        "--out", metavar="FILE", type=Path, default=Path("groundwire-demo.jsonl"),
        help="Where the traces are written, replacing that file. [default: %(default)s]",
    )  # fmt: skip
    parser.add_argument("--json", dest="as_json", action="store_true", help="Print one JSON object.")


def demo(
    *,
    live: bool,
    model: str | None,
    embedding_model: str | None,
    endpoint: str | None,
    n: int | None,
    out: Path,
    as_json: bool,
) -> int:
    """Run the demo application and show its answers, traced and scored; the exit code."""
    chosen = recorded_answers()[: n or (_LIVE_QUESTIONS if live else None)]
    if live and not (os.environ.get("OPENAI_API_KEY") or os.environ.get("OPENAI_BASE_URL")):
        raise ConfigurationError(
            "--live needs your endpoint: set OPENAI_API_KEY (and OPENAI_BASE_URL, unless it is OpenAI's own)"
        )
    if not live and (model or embedding_model):
        raise ConfigurationError("--model and --embedding-model choose models of your own endpoint: add --live")
    if endpoint is not None:
        _check_endpoint(endpoint)
    console = Console(highlight=False, soft_wrap=True)
    try:
        out.write_bytes(b"")  # the exporter appends
    except OSError as error:
        raise SinkError(f"cannot write traces to {out}: {error.strerror or error}") from error
    try:
        targets: list[str | Path] = [out] if endpoint is None else [out, endpoint]
        with Console(stderr=True).status("starting") as status:
            outcomes = run(
                chosen,
                targets,
                live=live,
                model=model,
                embedding_model=embedding_model,
                asking=lambda number: status.update(f"question {number} of {len(chosen)}"),
            )
    except ModuleNotFoundError as error:
        raise GroundwireError(f'the demo needs {error.name}: pip install "groundwire[demo]"') from error
    except Exception as error:
        # A live endpoint may refuse in many ways; with recordings nothing is expected to.
        if not live or type(error).__module__.partition(".")[0] != "openai":
            raise
        raise GroundwireError(f"your endpoint refused: {error}") from error
    figures = _figures(outcomes, live)
    if as_json:
        print(json_line(_as_json(outcomes, figures, out, live), indent=2))
    else:
        _show(console, outcomes, figures, out, endpoint, live)
    return 3 if any(_is_broken(o) for o in outcomes) else 0


def _at_least_1(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise ArgumentTypeError(f"{text!r} is no number from 1 on")
    return int(text)


def _check_endpoint(endpoint: str) -> None:
    """Fail now, with the reason, where nobody listens: exporters would only log it, at the end."""
    parts = urlsplit(endpoint)
    if parts.scheme not in ("http", "https", "grpc", "grpcs") or not parts.hostname:
        raise ConfigurationError(f"--endpoint {endpoint!r} is no address; use for instance http://127.0.0.1:4318")
    try:
        port = parts.port or {"http": 80, "https": 443}.get(parts.scheme, 4317)
        socket.create_connection((parts.hostname, port), timeout=5).close()
    except (OSError, ValueError) as error:
        raise SinkError(f"nothing answers at {endpoint} ({error}); is Jaeger or a collector running there?") from error


def _is_broken(outcome: Outcome) -> bool:
    return outcome.value is None and not outcome.status.startswith("skipped")


# --- figures ---


def _figures(outcomes: Sequence[Outcome], live: bool) -> dict[str, Any]:
    """What the summary says; agreement only where people have judged these very answers."""
    scored = [o for o in outcomes if o.value is not None and o.passed is not None]
    priced = [o.cost_usd for o in outcomes if o.cost_usd is not None]
    times = [o.scoring_ms for o in scored if o.scoring_ms is not None]
    figures: dict[str, Any] = {
        "answers": len(outcomes),
        "scored": len(scored),
        "not_scored": dict(Counter(o.status for o in outcomes if o.value is None)),
        "flagged": sum(o.passed is False for o in scored),
        "tokens": {"input": sum(o.tokens[0] for o in outcomes), "output": sum(o.tokens[1] for o in outcomes)},
        "cost_usd": sum(priced) if priced else None,
        "priced_answers": len(priced),
        "scoring_ms_p50": median(times) if times else None,
    }
    if not live:
        kinds = Counter((o.passed is False, o.recorded.hallucinated) for o in scored)
        figures["agreement"] = {
            "agree": kinds[True, True] + kinds[False, False],
            "of": len(scored),
            "auc": auc([o.value or 0.0 for o in scored], [not o.recorded.hallucinated for o in scored]),
            "flagged_hallucinated": kinds[True, True],
            "flagged_correct": kinds[True, False],
            "passed_hallucinated": kinds[False, True],
            "passed_correct": kinds[False, False],
        }
    return figures


def _as_json(outcomes: Sequence[Outcome], figures: dict[str, Any], out: Path, live: bool) -> dict[str, Any]:
    answers: list[dict[str, Any]] = []
    for o in outcomes:
        row: dict[str, Any] = {
            "question": o.recorded.question,
            "answer": o.answer,
            "model": o.model,
            "faithfulness": o.value,
            "label": o.label,
            "passed": o.passed,
            "status": o.status,
            "trace_id": o.spans[0].trace_id if o.spans else None,
        }
        if not live:
            row |= {"id": o.recorded.id, "human_hallucinated": o.recorded.hallucinated}
        answers.append(row)
    return {"recorded": not live, "answers": answers, "summary": figures, "traces": str(out)}


# --- the screen ---


def _show(
    console: Console, outcomes: Sequence[Outcome], figures: dict[str, Any], out: Path, endpoint: str | None, live: bool
) -> None:
    unicode = (console.encoding or "").lower().startswith("utf")
    if live:
        console.print(f"{len(outcomes)} answers of your endpoint; nobody has judged them but us.\n")
    else:
        console.print("Recorded answers of real LLMs (RAGTruth, MIT), replayed on loopback; the labels")
        console.print("under 'people' are human. Retrieval, calls, traces and scores are made now.\n")
    console.print(_table(outcomes, live, unicode, min(console.width, 100)))
    failing = _failing(outcomes, live)
    if failing is not None:
        console.print("\nOne of them in full:\n")
        _unfold(console, failing, unicode, live)
    console.print()
    for line in _summary(figures, live):
        console.print(line)
    if endpoint is not None:
        console.print(f"\nsent to    {endpoint}, service {SERVICE_NAME}; in Jaeger search for the tag")
        console.print("           gen_ai.evaluation.faithfulness.score.label=unfaithful")
    console.print(f"\nnext       groundwire show {out}\n           groundwire score {out}")


def _table(outcomes: Sequence[Outcome], live: bool, unicode: bool, width: int) -> Table:
    yes, no = ("✓", "✗") if unicode else ("yes", "no")
    table = Table(box=None, padding=(0, 1, 0, 0), width=width, header_style="dim", pad_edge=False)
    table.add_column("verdict", no_wrap=True)
    table.add_column("value", justify="right", no_wrap=True)
    if not live:
        table.add_column("people", no_wrap=True)
        table.add_column("agree", justify="center", no_wrap=True)
    table.add_column("model", no_wrap=True)
    table.add_column("question", no_wrap=True, overflow="ellipsis" if unicode else "crop", ratio=1)
    for o in outcomes:
        label = o.label or "not scored"
        cells: list[Text | str] = [
            Text(label, _STYLES.get(label, "dim")),
            "-" if o.value is None else f"{o.value:.2f}",
        ]
        if not live:
            cells.append("hallucinated" if o.recorded.hallucinated else "correct")
            agree = (o.passed is False) == o.recorded.hallucinated
            cells.append("" if o.passed is None else Text(yes if agree else no, "green" if agree else "red"))
        table.add_row(*cells, o.model, o.recorded.question)
    return table


def _failing(outcomes: Sequence[Outcome], live: bool) -> Outcome | None:
    """The first answer that we flagged; with recordings rather one that people flagged too."""
    flagged = [o for o in outcomes if o.passed is False]
    both = [o for o in flagged if not live and o.recorded.hallucinated]
    return next(iter(both or flagged), None)


def _unfold(console: Console, outcome: Outcome, unicode: bool, live: bool) -> None:
    from groundwire.console import render

    block = render(outcome.spans, width=_WIDTH, color=console.color_system is not None, unicode=unicode)
    console.print(Text.from_ansi(block.rstrip("\n")))
    if not live:
        for mark in outcome.recorded.marks[:2]:
            words = " ".join(outcome.recorded.answer[mark.start : mark.end].split())
            dots = "…" if unicode else "..."
            short = words if len(words) <= 56 else words[:55].rstrip() + dots
            console.print(Text(f'  people marked  "{short}"', "dim"))


def _summary(figures: dict[str, Any], live: bool) -> list[str]:
    lines: list[str] = []
    scored, answers = figures["scored"], figures["answers"]
    if live:
        lines.append(f"flagged    {figures['flagged']} of {scored} answers scored")
    elif scored:
        a = figures["agreement"]
        area = "" if a["auc"] is None else f"; AUC {a['auc']:.2f} on these rows"
        lines += [
            f"agreement  {a['agree']} of {a['of']} answers{area}",
            "                       hallucinated   correct   (people)",
            f"           flagged     {a['flagged_hallucinated']:>12}   {a['flagged_correct']:>7}",
            f"           passed      {a['passed_hallucinated']:>12}   {a['passed_correct']:>7}",
        ]
    if answers > scored:
        why = ", ".join(f"{count} {reason}" for reason, count in figures["not_scored"].items())
        lines.append(f"not scored {answers - scored} of {answers}: {why}")
    if figures["scoring_ms_p50"] is not None:
        lines.append(
            f"scoring    {figures['scoring_ms_p50']:.1f} ms an answer (p50), here, without a key or a download"
        )
    tokens = figures["tokens"]
    source = "as the endpoint counted" if live else "estimated from the texts"
    lines.append(f"tokens     {tokens['input']:,} in, {tokens['output']:,} out, {source}")
    if figures["cost_usd"] is None:
        lines.append("cost       no list price is known for these models")
    else:
        some = f"{figures['priced_answers']} of {answers}"
        lines.append(
            f"cost       ${figures['cost_usd']:.4f} at list price ({some} answers are by models that have one)"
        )
    if not live:
        lines += [
            "",
            f"{answers} rows are a demonstration, no measurement: half of all were drawn because they",
            "hallucinate, and most are among the rows that the evaluators were fitted on.",
        ]
    return lines
