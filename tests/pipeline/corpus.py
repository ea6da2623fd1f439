"""Stored requests by number: several to a trace, linked ones, other calls, in any order."""

import json
import random
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

from groundwire.model import SpanLink, SpanRecord
from groundwire.traces.otlp_json import encode

BEGIN = 1_750_000_000_000_000_000


def messages(role: str, text: str) -> str:
    return json.dumps([{"role": role, "parts": [{"type": "text", "content": text}]}])


def ids(n: int, kind: str = "") -> tuple[str, str]:
    digest = sha256(f"{n}{kind}".encode()).hexdigest()
    return digest[:32], digest[32:48]


def request(n: int, *, linked: bool = False, question: str | None = None) -> list[SpanRecord]:
    """A root, a retrieval and an answer; or, linked, a retrieval and an answer in traces of their own."""
    trace, root = ids(n, "root")
    own, retrieval = ids(n, "retrieval")
    asked = question or f"What is the number of thing {n}?"
    passage = f"Thing {n} has the number {n * 17}. It is kept in room {n % 7}."
    begin = BEGIN + n * 1_000_000_000
    found = SpanRecord(
        own if linked else trace, retrieval, "retrieval things", begin + 1_000, begin + 2_000, None if linked else root,
        attributes={
            "gen_ai.operation.name": "retrieval",
            "gen_ai.retrieval.query.text": asked,
            "gen_ai.retrieval.documents": json.dumps([{"id": f"d{n}", "score": 0.5, "content": passage}]),
        },
        resource={"service.name": "things", "deployment.environment": "test"},
    )  # fmt: skip
    answer = SpanRecord(
        trace, ids(n, "chat")[1], "chat m", begin + 3_000, begin + 9_000, None if linked else root,
        attributes={
            "gen_ai.operation.name": "chat",
            "gen_ai.request.model": f"model-{n % 2}",
            "gen_ai.input.messages": messages("user", f"{passage}\n\n{asked}"),
            "gen_ai.output.messages": messages("assistant", f"The number of thing {n} is {n * 17}."),
        },
        links=(SpanLink(own, retrieval),) if linked else (),
        resource={"service.name": "things", "deployment.environment": "test"},
    )  # fmt: skip
    if linked:
        return [answer, found]
    whole = SpanRecord(
        trace, root, "invoke_workflow ask", begin, begin + 10_000, attributes={"app.version": str(n % 3)},
        resource={"service.name": "things", "deployment.environment": "test"},
    )  # fmt: skip
    return [answer, found, whole]


def plain_chat(n: int) -> list[SpanRecord]:
    """A chat call that rests on nothing."""
    span = request(n)[0]
    said = {"gen_ai.input.messages": messages("user", "Hello!"), "gen_ai.output.messages": messages("assistant", "Hi!")}
    return [replace(span, parent_id=None, attributes={**span.attributes, **said})]


def without_content(n: int) -> list[SpanRecord]:
    """A request of an application that exports no texts."""
    spans = request(n)
    return [
        replace(s, attributes={k: v for k, v in s.attributes.items() if "messages" not in k and "documents" not in k})
        for s in spans
    ]


def corpus(count: int, seed: int = 0) -> list[SpanRecord]:
    """The spans of so many requests of every kind, shuffled."""
    spans: list[SpanRecord] = []
    for n in range(count):
        spans += plain_chat(n) if n % 10 == 9 else request(n, linked=n % 3 == 1)
    random.Random(seed).shuffle(spans)
    return spans


def write(path: Path, spans: list[SpanRecord], per_line: int = 7) -> None:
    lines = [encode(spans[i : i + per_line]) + "\n" for i in range(0, len(spans), per_line)]
    path.write_text("".join(lines))
