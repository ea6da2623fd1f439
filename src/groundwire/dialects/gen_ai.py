"""Spans of the OpenTelemetry GenAI conventions: our own, and those of the official instrumentations."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import field
from typing import Any, Literal, TypeAlias, cast

from groundwire import semconv
from groundwire.model import Document, Message, SpanRecord, Usage
from groundwire.unchanging import unchanging

CallKind: TypeAlias = Literal["chat", "embeddings", "retrieval", "rerank", "evaluate"]

_KINDS: Mapping[str, CallKind] = {
    "chat": "chat",
    "text_completion": "chat",
    "generate_content": "chat",
    "embeddings": "embeddings",
    "retrieval": "retrieval",
    "rerank": "rerank",
    "evaluate": "evaluate",
}


_OBJECTS = (dict, Mapping)
"""Of what JSON calls an object: whether something is a `Mapping` takes ten times as long to find out as of a `dict`."""


@unchanging
class CallView:
    """One LLM, embedding, retrieval or rerank call, as a span tells it."""

    record: SpanRecord
    kind: CallKind
    model: str | None = None
    provider: str | None = None
    prompt: tuple[Message, ...] = ()
    """System instructions first, where they are given apart."""
    output: tuple[Message, ...] = ()
    query: str | None = None
    documents: tuple[Document, ...] = ()
    candidates: tuple[Document, ...] = ()
    """What a rerank was given, in that order."""
    usage: Usage | None = None
    has_content: bool = field(default=False)
    """Whether the span carries messages or documents at all: content may be absent by policy."""


def kind_of(attributes: Mapping[str, Any]) -> CallKind | None:
    """What kind of call a span is; None where it is none."""
    return _KINDS.get(str(attributes.get(semconv.OPERATION)))


def view(record: SpanRecord) -> CallView | None:
    """The call that a span describes; None where it describes none. Odd values are read as far as they go."""
    attributes = record.attributes
    kind = kind_of(attributes)
    if kind is None:
        return None
    prompt = messages_in(attributes.get(semconv.INPUT_MESSAGES))
    instructions = _list(attributes.get(semconv.SYSTEM_INSTRUCTIONS))
    if instructions:
        prompt = ({"role": "system", "parts": instructions}, *prompt)
    output = messages_in(attributes.get(semconv.OUTPUT_MESSAGES))
    documents = _documents(attributes.get(semconv.RETRIEVAL_DOCUMENTS))
    return CallView(
        record=record,
        kind=kind,
        model=_text(attributes.get(semconv.RESPONSE_MODEL)) or _text(attributes.get(semconv.REQUEST_MODEL)),
        provider=_text(attributes.get(semconv.PROVIDER)),
        prompt=prompt,
        output=output,
        query=_text(attributes.get(semconv.RETRIEVAL_QUERY)),
        documents=documents,
        candidates=_documents(attributes.get(semconv.RERANK_INPUT)) if kind == "rerank" else (),
        usage=usage(attributes),
        has_content=bool(prompt or output or documents),
    )


def usage(attributes: Mapping[str, Any]) -> Usage | None:
    """Token counts of a span; None where it has none. Reads `cache_write` as well as `cache_creation`."""
    given, made = _count(attributes.get(semconv.INPUT_TOKENS)), _count(attributes.get(semconv.OUTPUT_TOKENS))
    if given is None and made is None:
        return None
    created = _count(attributes.get(semconv.CACHE_CREATION_TOKENS))
    if created is None:
        created = _count(attributes.get("gen_ai.usage.cache_write.input_tokens"))
    return Usage(
        given,
        made,
        _count(attributes.get(semconv.CACHE_READ_TOKENS)),
        created,
        _count(attributes.get(semconv.REASONING_TOKENS)),
        estimated=attributes.get(semconv.USAGE_SOURCE) == "estimated",
    )


def message_text(message: Message, between: str = "") -> str:
    """The prose of a message: its text parts, refusals and reasoning left out.

    Args:
        message: in the shape of the conventions.
        between: what stands between parts. Models write on from one part to the next; applications do not.
    """
    return between.join(
        part["content"]
        for part in parts_of(message)
        if part.get("type", "text") == "text" and isinstance(part.get("content"), str) and not part.get("refusal")
    )


def handed_over(message: Message) -> list[Document]:
    """The documents and search results that are parts of a message of their own, as Anthropic and Cohere take them."""
    return [
        Document(
            text,
            None if (identity := part.get("id")) is None else str(identity),
            metadata={"title": part["title"]} if part.get("title") else None,
        )
        for part in parts_of(message)
        if (text := document_text(part))
    ]


def document_text(part: Mapping[str, Any]) -> str | None:
    """Text of such a part; None where it is none, or a file."""
    if part.get("type") not in ("document", "search_result"):
        return None
    inner = part.get("source")
    held = inner if isinstance(inner, _OBJECTS) else part
    text = held.get("content", held.get("data") if held.get("type") == "text" else None)
    if isinstance(text, list | tuple):
        text = "\n\n".join(b["text"] for b in text if isinstance(b, _OBJECTS) and isinstance(b.get("text"), str))
    return text if isinstance(text, str) and text.strip() else None


def first_choice(output: Sequence[Message]) -> str:
    """Text of the first generated message that has any."""
    return next((text for message in output if (text := message_text(message))), "")


def output_text(value: Any) -> str:
    """The same, of output messages as they stand on a span."""
    return first_choice(messages_in(value))


def tool_results(message: Message) -> list[str]:
    """Texts that tools returned in this message."""
    results: list[str] = []
    for part in parts_of(message):
        if part.get("type") == "tool_call_response":
            value = part.get("response", part.get("result"))
            if value is not None:
                results.append(value if isinstance(value, str) else json.dumps(value, default=str, ensure_ascii=False))
    return results


def is_refusal(message: Message) -> bool:
    """Whether the provider marked the message as a refusal."""
    return any(part.get("refusal") for part in parts_of(message))


def parts_of(message: Message) -> list[Mapping[str, Any]]:
    """The parts of a message; a plain `content` is one."""
    parts = message.get("parts")
    if type(parts) is list or (isinstance(parts, Sequence) and not isinstance(parts, str)):
        return [part for part in parts if isinstance(part, _OBJECTS)]
    content = message.get("content")
    return [{"type": "text", "content": content}] if isinstance(content, str) else []


def messages_in(value: Any) -> tuple[Message, ...]:
    """Messages as they stand on a span; none where that is not to be read."""
    return tuple([entry for entry in _list(value) if isinstance(entry, _OBJECTS)])


def _list(value: Any) -> list[Any]:
    """A list given as JSON text or as structure; empty where it is neither, for instance JSON cut in the middle."""
    if value is None:
        return []
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            return []
    if isinstance(value, list | tuple):
        return list(cast(Sequence[Any], value))
    return [value] if isinstance(value, _OBJECTS) else []


def _documents(value: Any) -> tuple[Document, ...]:
    documents: list[Document] = []
    for row in _list(value):
        if not isinstance(row, _OBJECTS):
            continue
        text = row.get("content")
        if not isinstance(text, str):
            text = next((row[k] for k in ("text", "page_content") if isinstance(row.get(k), str)), None)
        score = row.get("score")
        identity = row.get("id")
        documents.append(
            Document(
                text=text,
                id=None if identity is None else str(identity),
                score=float(score) if isinstance(score, int | float) and not isinstance(score, bool) else None,
                metadata=metadata if isinstance(metadata := row.get("metadata"), _OBJECTS) else None,
            )
        )
    return tuple(documents)


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def _count(value: Any) -> int | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return int(value) if 0 <= value < math.inf else None
