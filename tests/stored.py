"""A stored trace of one RAG request, and its judgements, with fixed ids and times."""

import json
from typing import Any

from groundwire.model import SpanRecord

TRACE = "0af7651916cd43dd8448eb211c80319c"
ROOT, EMBEDDINGS, RETRIEVAL, CHAT = (f"00000000000000a{i}" for i in range(4))
QUESTION = "How tall is the Eiffel Tower?"
ANSWER = "The tower is 330 metres tall. Gustave Eiffel was born in Paris."
DOCUMENTS = (
    ("d1", 0.91, "The Eiffel Tower is 330 metres tall. It was completed in 1889."),
    ("d2", 0.55, "Gustave Eiffel was an engineer from Dijon."),
    ("d3", 0.12, "Bananas are rich in potassium."),
)


def at_ms(milliseconds: float) -> int:
    return 1_700_000_000_000_000_000 + round(milliseconds * 1e6)


def messages(role: str, text: str) -> str:
    return json.dumps([{"role": role, "parts": [{"type": "text", "content": text}]}])


def retrieval(trace_id: str = TRACE, parent_id: str | None = ROOT) -> SpanRecord:
    return SpanRecord(
        trace_id, RETRIEVAL, "retrieval kb", at_ms(1), at_ms(56), parent_id, "client",
        attributes={
            "gen_ai.operation.name": "retrieval",
            "gen_ai.retrieval.query.text": QUESTION,
            "gen_ai.retrieval.documents": json.dumps([{"id": i, "score": s, "content": t} for i, s, t in DOCUMENTS]),
        },
    )  # fmt: skip


def chat(answer: str = ANSWER, parent_id: str | None = ROOT, **more: Any) -> SpanRecord:
    context = "\n".join(text for _, _, text in DOCUMENTS)
    return SpanRecord(
        TRACE, CHAT, "chat gpt-4o-mini", at_ms(56), at_ms(186), parent_id, "client",
        attributes={
            "gen_ai.operation.name": "chat",
            "gen_ai.request.model": "gpt-4o-mini",
            "gen_ai.usage.input_tokens": 128,
            "gen_ai.usage.output_tokens": 27,
            "gen_ai.usage.cost": 0.0000354,
            "gen_ai.input.messages": messages("user", f"Context:\n{context}\n\nQuestion: {QUESTION}"),
            "gen_ai.output.messages": messages("assistant", answer),
        } | more.pop("attributes", {}),
        **more,
    )  # fmt: skip


def request(answer: str = ANSWER) -> list[SpanRecord]:
    root = SpanRecord(
        TRACE, ROOT, "invoke_workflow rag.answer", at_ms(0), at_ms(186),
        attributes={
            "gen_ai.operation.name": "invoke_workflow",
            "gen_ai.agent.name": "rag.answer",
            "input.value": QUESTION,
            "output.value": answer,
            "groundwire.request.cost": 0.00004,
        },
    )  # fmt: skip
    embeddings = SpanRecord(
        TRACE, EMBEDDINGS, "embeddings text-embedding-3-small", at_ms(0.5), at_ms(9), ROOT, "client",
        attributes={
            "gen_ai.operation.name": "embeddings",
            "gen_ai.usage.input_tokens": 9,
            "gen_ai.usage.cost": 2e-7,
        },
    )  # fmt: skip
    return [root, embeddings, retrieval(), chat(answer)]


def judged(
    name: str,
    value: float | None,
    label: str = "",
    passed: bool | None = None,
    *,
    evidence: list[dict[str, Any]] | None = None,
    status: str = "scored",
    **more: Any,
) -> SpanRecord:
    attributes: dict[str, Any] = {
        "gen_ai.operation.name": "evaluate",
        "gen_ai.evaluation.name": name,
        "groundwire.evaluation.version": "1",
        "groundwire.evaluation.status": status,
        "groundwire.evaluation.evidence": json.dumps(evidence or []),
        "groundwire.evaluation.duration_ms": 4.2,
    }
    if value is not None:
        attributes |= {"gen_ai.evaluation.score.value": value, "gen_ai.evaluation.score.label": label}
        if passed is not None:
            attributes["groundwire.evaluation.passed"] = passed
    span_id = f"{sum(map(ord, name)):016x}"
    return SpanRecord(TRACE, span_id, f"evaluate {name}", at_ms(186), at_ms(186), CHAT, attributes=attributes | more)


UNFAITHFUL = judged(
    "faithfulness", 0.41, "unfaithful", False,
    evidence=[
        {"text": ANSWER[:29], "start": 0, "end": 29, "verdict": "supported", "probability": 0.97, "passage": 0},
        {"text": ANSWER[30:], "start": 30, "end": 63, "verdict": "unsupported", "probability": 0.1, "passage": 1,
         "flaws": [{"start": 57, "end": 62, "reason": "name"}]},
    ],
    **{
        "groundwire.evaluation.threshold": 0.5,
        "gen_ai.evaluation.explanation": '1 of 2 sentences not supported: "Gustave Eiffel was born in Paris."',
    },
)  # fmt: skip
RELEVANT = judged(
    "context_relevance", 0.62, "relevant", True,
    evidence=[
        {"text": DOCUMENTS[0][2], "verdict": "relevant", "probability": 0.9, "passage": 0},
        {"text": DOCUMENTS[2][2], "verdict": "irrelevant", "probability": 0.02, "passage": 2},
    ],
)  # fmt: skip
FAITHFUL = judged("faithfulness", 0.93, "faithful", True)
