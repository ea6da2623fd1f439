"""`groundwire chains`: what our reading of stored traces is, before any judgement."""

import sys
from argparse import ArgumentParser
from collections.abc import Mapping
from typing import Any

from groundwire.cli.reading import read, report
from groundwire.model import NoChain, RagChain
from groundwire.terminal import Line, Page, json_line, page_of

_ABOUT = """\
Print question, passages and answer of every RAG call in stored traces, and why
the other chat calls are none.

JSON lines: a chain has trace_id, span_id, question, passages [{id, text, score,
in_prompt, source}], answer, model, input_tokens, output_tokens. A chat call
that is no RAG answer has trace_id, span_id, reason, detail; only those have the
key reason, and they come last."""
_EXAMPLE = """\
Example:
  groundwire chains traces.jsonl --json |
    jq -r 'select(.reason == null) | .question'"""


def options(parser: ArgumentParser) -> None:
    """What the command takes."""
    parser.description, parser.epilog = _ABOUT, _EXAMPLE
    parser.add_argument("source", help="A file, folder or pattern; -; {jaeger,tempo,zipkin,phoenix}+http://host:port.")
    parser.add_argument("--json", dest="as_json", action="store_true", help="One JSON object a line; see above.")


def chains(*, source: str, as_json: bool) -> int:
    """Print the RAG calls in stored traces; the exit code."""
    from groundwire.chain import chains as assemble

    spans, problems = read(source)
    assembly = assemble(spans)
    if as_json:
        for chain in assembly.chains:
            print(json_line(chain_object(chain)))
        for rejected in assembly.rejected:
            print(json_line(rejected_object(rejected)))
    else:
        page = page_of(sys.stdout)
        for chain in assembly.chains:
            print(_block(chain, page))
        for rejected in assembly.rejected:
            detail = f": {rejected.detail}" if rejected.detail else ""
            text = f"{rejected.trace_id[:8]}  no RAG answer, {rejected.reason.replace('_', ' ')}{detail}"
            print(page.draw(Line.of((page.cut(text, page.width), "dim"))))
        print(f"\n{len(assembly.chains)} RAG answers, {len(assembly.rejected)} other chat calls, {len(spans)} spans")
    report(problems)
    return 0


def chain_object(chain: RagChain) -> Mapping[str, Any]:
    """One chain, ready for `json.dumps`."""
    return {
        "trace_id": chain.trace_id,
        "span_id": chain.span_id,
        "question": chain.question,
        "passages": [
            {"id": p.id, "text": p.text, "score": p.score, "in_prompt": p.in_prompt, "source": p.source}
            for p in chain.passages
        ],
        "answer": chain.answer,
        "model": chain.model,
        "input_tokens": None if chain.usage is None else chain.usage.input_tokens,
        "output_tokens": None if chain.usage is None else chain.usage.output_tokens,
    }


def rejected_object(rejected: NoChain) -> Mapping[str, Any]:
    """A chat call that is no answer, ready for `json.dumps`."""
    return {
        "trace_id": rejected.trace_id,
        "span_id": rejected.span_id,
        "reason": rejected.reason,
        "detail": rejected.detail,
    }


def _block(chain: RagChain, page: Page) -> str:
    rows = [(f"{chain.trace_id[:8]}  ", chain.question or "(no question found)")]
    for passage in chain.passages:
        place = passage.source if passage.in_prompt else f"{passage.source}, not in the prompt"
        rows.append(("          ", f"[{place}] {f'{passage.id}: ' if passage.id else ''}{passage.text.strip()}"))
    rows.append(("       A  ", chain.answer))
    return "\n".join(page.draw(Line.of((lead, "dim"), (page.cut(text, page.width - 10), ""))) for lead, text in rows)
