"""Stored traces to measure with: requests as `groundwire.instrument()` writes them, of recorded answers."""

import json
from collections.abc import Iterator
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

from groundwire.demo.answers import RecordedAnswer, recorded_answers
from groundwire.model import SpanRecord
from groundwire.traces.otlp_json import encode

START_NS = 1_750_000_000_000_000_000
RESOURCE = {"service.name": "shop", "service.version": "1.4.2", "telemetry.sdk.language": "python"}
SPANS = 4
"""Of each request: root, embeddings, retrieval, chat."""


def _text(role: str, text: str) -> str:
    return json.dumps([{"role": role, "parts": [{"type": "text", "content": text}]}])


def request(n: int, recorded: RecordedAnswer, *, linked: bool = False) -> list[SpanRecord]:
    """The spans of one request, in the order in which they end.

    Args:
        n: makes its ids and times.
        recorded: what was asked, found and answered.
        linked: as of a plain script: no root, the retrieval in a trace of its own that the answer links to.
    """
    from groundwire.model import SpanLink

    digest = sha256(str(n).encode()).hexdigest()
    trace, other = digest[:32], digest[32:] if linked else digest[:32]
    ids = [f"{digest[i : i + 8]}{n:07x}{i}" for i in range(4)]
    begin = START_NS + n * 1_000_000_000
    root = None if linked else ids[0]
    passages = "\n\n".join(recorded.passages)
    prompt = f"Answer from these passages alone.\n\n{passages}\n\nQuestion: {recorded.question}"
    documents = [{"id": f"{n}-{i}", "score": 0.9 - i / 10, "content": p} for i, p in enumerate(recorded.passages)]
    scope = {"scope": "groundwire", "scope_version": "0.1", "resource": RESOURCE}
    embeddings = SpanRecord(
        other, ids[1], "embeddings hashed", begin + 1_000_000, begin + 3_000_000, root, "client",
        attributes={
            "gen_ai.operation.name": "embeddings", "gen_ai.provider.name": "openai",
            "gen_ai.request.model": "text-embedding-3-small", "gen_ai.usage.input_tokens": 12,
        }, **scope,
    )  # fmt: skip
    retrieval = SpanRecord(
        other, ids[2], "retrieval passages", begin + 4_000_000, begin + 9_000_000, root, "client",
        attributes={
            "gen_ai.operation.name": "retrieval", "gen_ai.data_source.id": "passages", "gen_ai.retrieval.top_k": 3,
            "gen_ai.retrieval.query.text": recorded.question, "gen_ai.retrieval.documents": json.dumps(documents),
        }, **scope,
    )  # fmt: skip
    chat = SpanRecord(
        trace, ids[3], f"chat {recorded.generator}", begin + 10_000_000, begin + 900_000_000, root, "client",
        attributes={
            "gen_ai.operation.name": "chat", "gen_ai.provider.name": "openai",
            "gen_ai.request.model": recorded.generator, "gen_ai.response.model": recorded.generator,
            "gen_ai.usage.input_tokens": len(prompt) // 4, "gen_ai.usage.output_tokens": len(recorded.answer) // 4,
            "gen_ai.input.messages": _text("user", prompt),
            "gen_ai.output.messages": _text("assistant", recorded.answer),
        },
        links=(SpanLink(other, ids[2]),) if linked else (), **scope,
    )  # fmt: skip
    if linked:
        return [embeddings, retrieval, chat]
    whole = SpanRecord(
        trace, ids[0], "invoke_workflow answer", begin, begin + 901_000_000, None, "internal",
        attributes={
            "gen_ai.operation.name": "invoke_workflow", "gen_ai.agent.name": "answer",
            "input.value": recorded.question, "output.value": recorded.answer, "app.version": f"{n % 3}",
        }, **scope,
    )  # fmt: skip
    return [embeddings, retrieval, chat, whole]


def requests(count: int, *, linked: bool = False, again: bool = False) -> Iterator[list[SpanRecord]]:
    """So many requests, each with texts of its own.

    Args:
        count: how many.
        linked: as for `request`.
        again: their texts are those of the few recorded answers, over and over.
    """
    recorded = recorded_answers()
    return (
        request(n, some if again else _as_its_own(some, n), linked=linked)
        for n in range(count)
        for some in (recorded[n % len(recorded)],)
    )


def _as_its_own(recorded: RecordedAnswer, n: int) -> RecordedAnswer:
    """With a number in all its texts: nothing that was read of others is known of them."""
    return replace(
        recorded,
        question=f"{recorded.question} ({n})",
        passages=tuple(f"{passage} ({n})" for passage in recorded.passages),
        answer=f"{recorded.answer} ({n})",
    )


def write(path: Path, count: int, *, batch: int = 5, linked: bool = False, again: bool = False) -> None:
    """So many requests as OTLP/JSON lines, several traces in a line, as a batching exporter writes them."""
    with path.open("w") as file:
        held: list[SpanRecord] = []
        for n, spans in enumerate(requests(count, linked=linked, again=again), 1):
            held += spans
            if n % batch == 0:
                file.write(encode(held) + "\n")
                held = []
        if held:
            file.write(encode(held) + "\n")
