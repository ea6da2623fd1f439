"""OpenInference: the conventions of Arize Phoenix and of the instrumentors that write for it.

Read after openinference-semantic-conventions 0.1.42: lists are spread over attributes, such as
`llm.input_messages.0.message.content`; prompt tokens include cached ones. Where the conventions' own attributes stand
on the span as well, which is a switch of OpenInference, these hold.
"""

from collections.abc import Mapping
from typing import Any

from groundwire import semconv
from groundwire.dialects import call_bodies, conventions, found_documents
from groundwire.dialects.chat_messages import message
from groundwire.dialects.conventions import count
from groundwire.dialects.flattened import listed, rows
from groundwire.dialects.token_counts import inclusive
from groundwire.finite import finite
from groundwire.model import Document, Message, SpanRecord, Usage

KIND = "openinference.span.kind"
_HIDDEN = "__REDACTED__"
"""Stands where content is missing by policy."""
_CALLS = {"TOOL": "execute_tool", "AGENT": "invoke_agent"}


def translate(record: SpanRecord) -> Mapping[str, Any] | None:
    """The conventions' attributes for a span of OpenInference; None where it is none."""
    attributes = record.attributes
    kind = attributes.get(KIND)
    if not isinstance(kind, str):
        return None
    kind = kind.upper()
    if _HIDDEN in attributes.values():
        attributes = {key: value for key, value in attributes.items() if value != _HIDDEN}
    if kind == "LLM":
        found = _chat(attributes)
    elif kind == "RETRIEVER":
        found = _retrieval(attributes)
    elif kind == "RERANKER":
        found = _rerank(attributes)
    elif kind == "EMBEDDING":
        model = attributes.get("embedding.model_name") or attributes.get("llm.model_name")
        found = conventions.embeddings(
            model=model, provider=_provider(attributes), usage=_usage(attributes), cost_usd=_cost(attributes)
        )
    else:
        found = _around(record.name, attributes, kind)
    if "evaluations.0.evaluation.name" in attributes or "evaluations" in attributes:
        found |= _judgements(attributes)
    held = found.keys() & attributes.keys()
    return {key: value for key, value in found.items() if attributes.get(key) is None} if held else found


def _chat(attributes: Mapping[str, Any]) -> dict[str, Any]:
    prompt = _messages(attributes, "llm.input_messages", "user") or _prompts(attributes)
    output = _messages(attributes, "llm.output_messages", "assistant") or _choices(attributes)
    return conventions.chat(
        prompt or call_bodies.asked(attributes.get(semconv.INPUT_VALUE)),
        output or call_bodies.replied(attributes.get(semconv.OUTPUT_VALUE)),
        request_model=attributes.get("llm.request.model_name") or attributes.get("llm.model_name"),
        response_model=attributes.get("llm.response.model_name"),
        provider=_provider(attributes),
        usage=_usage(attributes),
        cost_usd=_cost(attributes),
    )


def _retrieval(attributes: Mapping[str, Any]) -> dict[str, Any]:
    found = _documents(attributes, "retrieval.documents") or _documents(attributes, "output.documents")
    if not found or all(d.id is None for d in found):
        whole = found_documents.documents(attributes.get(semconv.OUTPUT_VALUE))
        if not found or [d.text for d in whole] == [d.text for d in found]:
            found = whole  # of LangChain: only there are the ids
    return conventions.search("retrieval", conventions.text_in(attributes.get(semconv.INPUT_VALUE)), found)


def _rerank(attributes: Mapping[str, Any]) -> dict[str, Any]:
    query = attributes.get("reranker.query")
    return conventions.search(
        "rerank",
        query if isinstance(query, str) else conventions.text_in(attributes.get(semconv.INPUT_VALUE)),
        _documents(attributes, "reranker.output_documents") or _documents(attributes, "output.documents"),
        model=attributes.get("reranker.model_name"),
    )


def _around(name: str, attributes: Mapping[str, Any], kind: str) -> dict[str, Any]:
    """A chain, an agent, a tool: what it was given and returned stands where the conventions would have it already."""
    named = (
        found_documents.named_search(name, attributes.get(semconv.OUTPUT_VALUE)) if kind in ("CHAIN", "TOOL") else None
    )
    if named is not None:
        return conventions.search(named[0], conventions.text_in(attributes.get(semconv.INPUT_VALUE)), named[1])
    return {semconv.OPERATION: _CALLS.get(kind, semconv.WORKFLOW)}


# --- messages -------------------------------------------------------------------------------------------------------


def _messages(attributes: Mapping[str, Any], prefix: str, role: str) -> list[Message]:
    return [m for entry in rows(attributes, prefix) if (m := _message(entry, role)) is not None]


def _message(entry: Any, role: str) -> Message | None:
    told = entry.get("message") if isinstance(entry, Mapping) else None
    if not isinstance(told, Mapping):
        return None
    blocks = [_block(b) for b in listed(told.get("contents"))]
    content = told.get("content")
    if isinstance(content, str) and content and not any(b.get("type") == "text" for b in blocks):
        blocks = [{"type": "text", "text": content}, *blocks]
    calls = [c["tool_call"] for c in listed(told.get("tool_calls")) if isinstance(c, Mapping) and "tool_call" in c]
    if isinstance(told.get("function_call_name"), str):
        calls.append({"name": told["function_call_name"], "arguments": told.get("function_call_arguments_json")})
    return message(
        {
            "role": told.get("role") if isinstance(told.get("role"), str) else role,
            "content": blocks,
            "tool_calls": calls,
            "tool_call_id": told.get("tool_call_id"),
        },
        role,
    )


def _block(entry: Any) -> dict[str, Any]:
    """One part of a message in the shape of a chat API's."""
    told = entry.get("message_content") if isinstance(entry, Mapping) else None
    if not isinstance(told, Mapping):
        return {}
    kind = told.get("type")
    text = told.get("text")
    if kind == "document" and isinstance(told.get("document"), Mapping):
        inner = told["document"].get("document", told["document"])
        text = inner.get("content") if isinstance(inner, Mapping) else None
        if isinstance(text, str):
            return {"type": kind, "content": text}
    if isinstance(text, str):
        return {"type": kind if kind == "reasoning" else "text", "text": text}
    return {"type": kind} if isinstance(kind, str) else {}


def _prompts(attributes: Mapping[str, Any]) -> list[Message]:
    """The prompt of a completion: as text, or as a template and what was put into it."""
    texts = [
        text
        for entry in rows(attributes, "llm.prompts")
        if isinstance(text := entry if isinstance(entry, str) else _within(entry, "prompt", "text"), str)
    ]
    if not texts:
        template = attributes.get("llm.prompt_template.template")
        return call_bodies.rendered(template, attributes.get("llm.prompt_template.variables"))
    return [m for text in texts if (m := message(text)) is not None]


def _choices(attributes: Mapping[str, Any]) -> list[Message]:
    texts = (_within(entry, "completion", "text") for entry in rows(attributes, "llm.choices"))
    return [m for text in texts if (m := message(text, "assistant")) is not None]


# --- documents, counts, judgements ----------------------------------------------------------------------------------


def _documents(attributes: Mapping[str, Any], prefix: str) -> list[Document]:
    found: list[Document] = []
    for entry in rows(attributes, prefix):
        told = entry.get("document") if isinstance(entry, Mapping) else None
        if isinstance(told, Mapping):
            identity = told.get("id", told.get("name", told.get("url")))
            one = found_documents.document(told.get("content"), identity, told.get("score"), told.get("metadata"))
            found += [] if one is None else [one]
    return found


def _usage(attributes: Mapping[str, Any]) -> Usage | None:
    start = "llm.token_count."
    given, made = count(attributes.get(start + "prompt")), count(attributes.get(start + "completion"))
    if given is None and made is None:
        return None
    read = count(attributes.get(start + "prompt_details.cache_read"))
    created = count(attributes.get(start + "prompt_details.cache_write"))
    if read is None:
        read = count(attributes.get(start + "prompt_details.cache_input"))
    thought = count(attributes.get(start + "completion_details.reasoning"))
    return Usage(inclusive(given, read, created), made, read, created, thought)


def _cost(attributes: Mapping[str, Any]) -> float | None:
    total = finite(attributes.get("llm.cost.total"))
    if total is not None:
        return total
    parts = [finite(attributes.get(f"llm.cost.{part}")) for part in ("prompt", "completion")]
    known = [part for part in parts if part is not None]
    return sum(known) if len(known) == 2 else None


def _provider(attributes: Mapping[str, Any]) -> Any:
    return attributes.get("llm.provider") or attributes.get("llm.system")


def _judgements(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """Scores that others have put on the span."""
    found: dict[str, Any] = {}
    for entry in rows(attributes, "evaluations"):
        told = entry.get("evaluation") if isinstance(entry, Mapping) else None
        if not isinstance(told, Mapping) or not isinstance(told.get("name"), str):
            continue
        start = f"{semconv.EVALUATION}.{told['name']}"
        score = finite(told.get("score"))
        if score is not None:
            found[f"{start}.score.value"] = score
            for key, name in ((".score.label", "label"), (".explanation", "explanation")):
                if isinstance(told.get(name), str):
                    found[start + key] = told[name]
    return found


def _within(entry: Any, *path: str) -> Any:
    for name in path:
        entry = entry.get(name) if isinstance(entry, Mapping) else None
    return entry
