"""Traces built by hand, span by span."""

import json
from typing import Any

from groundwire.chain import Assembly, chains
from groundwire.model import RagChain, SpanRecord

TOWER = "The Eiffel Tower is 330 metres tall and was completed in 1889."
BANANA = "Bananas are yellow fruits that grow in bunches in the tropics."
LOUVRE = "The Louvre in Paris is the most visited museum in the world."
QUESTION = "How tall is the Eiffel Tower?"
ANSWER = "It is 330 metres tall."


class Trace:
    """Writes spans one after the other, each ending before the next starts."""

    def __init__(self, trace_id: str = "a" * 32) -> None:
        self.trace_id = trace_id
        self.now = 1_000
        self.spans: list[SpanRecord] = []

    def span(self, attributes: dict[str, Any], **changes: Any) -> SpanRecord:
        record = SpanRecord(
            trace_id=self.trace_id,
            span_id=changes.pop("span_id", f"{len(self.spans) + 1:016x}"),
            name=str(attributes.get("gen_ai.operation.name")),
            start_ns=changes.pop("start_ns", self.now),
            end_ns=changes.pop("end_ns", self.now + 10),
            attributes=attributes,
            **changes,
        )
        self.now = max(self.now, record.end_ns) + 10
        self.spans.append(record)
        return record

    def retrieval(
        self, *texts: str | None, query: str | None = QUESTION, kind: str = "retrieval", **changes: Any
    ) -> SpanRecord:
        rows = [{"id": f"d{n}", "score": 0.5, **({} if t is None else {"content": t})} for n, t in enumerate(texts)]
        attributes = {"gen_ai.operation.name": kind, "gen_ai.retrieval.documents": json.dumps(rows)}
        if query is not None:
            attributes["gen_ai.retrieval.query.text"] = query
        return self.span(attributes, **changes)

    def chat(self, prompt: str | list[dict[str, Any]], answer: str | None = ANSWER, **changes: Any) -> SpanRecord:
        messages = [message("user", prompt)] if isinstance(prompt, str) else prompt
        output = [] if answer is None else [message("assistant", answer)]
        attributes = {
            "gen_ai.operation.name": "chat",
            "gen_ai.request.model": "gpt-4o-mini",
            "gen_ai.input.messages": json.dumps(messages),
            "gen_ai.output.messages": json.dumps(output),
            **changes.pop("attributes", {}),
        }
        return self.span(attributes, **changes)

    @property
    def assembly(self) -> Assembly:
        return chains(self.spans)

    @property
    def chain(self) -> RagChain:
        (chain,) = self.assembly.chains
        return chain

    @property
    def reasons(self) -> list[str]:
        return [r.reason for r in self.assembly.rejected]


def message(role: str, text: str) -> dict[str, Any]:
    return {"role": role, "parts": [{"type": "text", "content": text}]}


def prompt(*passages: str, question: str = QUESTION) -> str:
    context = "\n\n".join(passages)
    return f"Answer the question from the context only.\n\nContext:\n{context}\n\nQuestion: {question}\nAnswer:"
