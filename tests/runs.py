"""Stored runs of any size: questions with scores, costs and times that a test chooses."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from groundwire.model import SpanRecord
from groundwire.traces.otlp_json import encode
from stored import messages

START_NS = 1_700_000_000_000_000_000
PASSAGES = (("d1", 0.9, "The tower of Pisa is 56 metres tall."), ("d2", 0.4, "Pisa lies in Tuscany."))


@dataclass(frozen=True)
class Asked:
    """One request of a run."""

    question: str
    scores: dict[str, float | None] = field(default_factory=dict[str, float | None])
    """None: declined, for `reason`."""
    answer: str = "It is 56 metres tall."
    cost: float | None = 0.001
    latency_ms: float = 100.0
    tokens: tuple[int, int] | None = (100, 20)
    version: str = "1"
    reason: str = "refusal"
    evidence: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    passages: Sequence[tuple[str, float, str]] = PASSAGES
    model: str = "gpt-4o-mini"
    at_s: float = 0.0
    error: bool = False
    attributes: dict[str, Any] = field(default_factory=dict[str, Any])
    resource: dict[str, Any] = field(default_factory=dict[str, Any])


def spans_of(asked: Asked, trace: str) -> list[SpanRecord]:
    start = START_NS + round(asked.at_s * 1e9)
    end = start + round(asked.latency_ms * 1e6)
    root, retrieval, chat = (trace[:15] + digit for digit in "abc")
    usage: dict[str, Any] = {}
    if asked.tokens is not None:
        usage = {"gen_ai.usage.input_tokens": asked.tokens[0], "gen_ai.usage.output_tokens": asked.tokens[1]}
    if asked.cost is not None:
        usage["gen_ai.usage.cost"] = asked.cost
    context = "\n".join(text for _, _, text in asked.passages)
    found = [
        SpanRecord(
            trace, root, "invoke_workflow ask", start, end, status="error" if asked.error else "unset",
            attributes={"gen_ai.operation.name": "invoke_workflow"}, resource=asked.resource,
        ),
        SpanRecord(
            trace, retrieval, "retrieval kb", start, start, root, "client", resource=asked.resource,
            attributes={
                "gen_ai.operation.name": "retrieval", "gen_ai.retrieval.query.text": asked.question,
                "gen_ai.retrieval.documents": json.dumps(
                    [{"id": i, "score": s, "content": t} for i, s, t in asked.passages]
                ),
            },
        ),
        SpanRecord(
            trace, chat, "chat", start, end, root, "client", status="error" if asked.error else "unset",
            attributes={
                "gen_ai.operation.name": "chat", "gen_ai.request.model": asked.model,
                "gen_ai.input.messages": messages("user", f"Context:\n{context}\n\nQuestion: {asked.question}"),
                **({} if asked.error else {"gen_ai.output.messages": messages("assistant", asked.answer)}),
                **usage, **asked.attributes,
            },
            resource=asked.resource,
        ),
    ]  # fmt: skip
    for number, (name, value) in enumerate(asked.scores.items()):
        attributes: dict[str, Any] = {
            "gen_ai.operation.name": "evaluate", "gen_ai.evaluation.name": name,
            "groundwire.evaluation.version": asked.version,
            "groundwire.evaluation.evidence": json.dumps(asked.evidence if name == "faithfulness" else []),
        }  # fmt: skip
        if value is None:
            attributes["groundwire.evaluation.status"] = f"skipped: {asked.reason}"
        else:
            attributes["gen_ai.evaluation.score.value"] = value
            attributes["gen_ai.evaluation.score.label"] = "faithful" if value >= 0.5 else "unfaithful"
            attributes["groundwire.evaluation.passed"] = value >= 0.5
        found.append(
            SpanRecord(trace, f"{trace[:14]}e{number}", f"evaluate {name}", end, end, chat, attributes=attributes)
        )
    return found


def run_spans(asked: Sequence[Asked], salt: int = 1) -> list[SpanRecord]:
    return [s for n, one in enumerate(asked, 1) for s in spans_of(one, f"{salt * 1_000_000 + n:032x}"[::-1])]


def write_run(path: Path | str, asked: Sequence[Asked], salt: int = 1) -> None:
    with Path(path).open("w") as file:
        for n, one in enumerate(asked, 1):
            file.write(encode(spans_of(one, f"{salt * 1_000_000 + n:032x}"[::-1])) + "\n")
