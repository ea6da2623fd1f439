"""Spans of OpenLLMetry, which is Traceloop's.

Its LLM instrumentors wrote numbered attributes, `gen_ai.prompt.0.content` and `gen_ai.completion.0.content`, and some
still do (Cohere, Voyage); the others write the messages of today's conventions. Rerankers are such calls as well:
documents are system messages, the query is the user's, results are texts `Doc 3, Score: 0.9`. Frameworks put input and
output of their parts into `traceloop.entity.*`. Vector stores: `groundwire.dialects.openllmetry_stores`.

Source: the packages 0.47.5 and 0.62.4 as installed, for openai, langchain, cohere, voyageai, anthropic and bedrock.
"""

import json
import re
from collections.abc import Mapping
from typing import Any

from groundwire import semconv
from groundwire.dialects import conventions, gen_ai_events, openllmetry_stores
from groundwire.dialects.chat_messages import from_json, message, structured
from groundwire.dialects.conventions import count, text_in
from groundwire.dialects.flattened import listed, rows
from groundwire.dialects.found_documents import documents, is_rerank
from groundwire.dialects.gen_ai import kind_of
from groundwire.finite import finite
from groundwire.model import Document, Message, SpanRecord

_KINDS = {
    "chat": "chat",
    "text_completion": "chat",
    "generate_content": "chat",
    "completion": "chat",
    "embedding": "embeddings",
    "embeddings": "embeddings",
    "rerank": "rerank",
}
_COUNTS = (
    (semconv.INPUT_TOKENS, "gen_ai.usage.prompt_tokens"),
    (semconv.OUTPUT_TOKENS, "gen_ai.usage.completion_tokens"),
    (semconv.CACHE_READ_TOKENS, "gen_ai.usage.cache_read_input_tokens"),
    (semconv.CACHE_CREATION_TOKENS, "gen_ai.usage.cache_creation_input_tokens"),
    (semconv.REASONING_TOKENS, "gen_ai.usage.reasoning_tokens"),
    (semconv.REASONING_TOKENS, "llm.usage.reasoning_tokens"),
)
_RANKED = re.compile(r"Doc (\d{1,6}), Score: (\S+)(?:\n(.*))?", re.DOTALL)
_RETRIEVES = re.compile(r"retriev|search", re.IGNORECASE)
_BEDROCK = "opentelemetry.instrumentation.bedrock"
"""It alone passes on counts that leave the cached tokens out."""


def translate(record: SpanRecord) -> Mapping[str, Any] | None:
    """The call, retrieval or workflow that a span describes; None where there is none, or nothing to add."""
    attributes = record.attributes
    found = openllmetry_stores.translate(record)
    if found is not None:
        return found
    kind = _kind(attributes)
    if kind is None:
        return _part_of_a_workflow(attributes)
    call = dict(gen_ai_events.translate(record) or {}) | _billed(record)
    if kind_of(attributes) != kind:
        call[semconv.OPERATION] = kind
    prompt, output = rows(attributes, "gen_ai.prompt"), rows(attributes, "gen_ai.completion")
    if kind == "rerank":
        return call | (_reranked(prompt, output) if output else _rerank_of_a_framework(attributes))
    if kind == "chat":
        for name, given, role in (
            (semconv.INPUT_MESSAGES, prompt, "user"),
            (semconv.OUTPUT_MESSAGES, output, "assistant"),
        ):
            told = [m for row in given if (m := _message(row, role)) is not None]
            if told and not attributes.get(name):
                call[name] = told
    return call or None


def _kind(attributes: Mapping[str, Any]) -> str | None:
    for key in ("llm.request.type", semconv.OPERATION):
        told = attributes.get(key)
        if isinstance(told, str) and told:
            return _KINDS.get(told.lower())
    if "gen_ai.completion.0.content" in attributes or "gen_ai.completion.0.role" in attributes:
        return "chat"
    return None


def _message(row: Any, role: str) -> Message | None:
    """A numbered message; blocks of a content are JSON text."""
    if not isinstance(row, Mapping):
        return None
    calls = [call for call in listed(row.get("tool_calls")) if isinstance(call, Mapping)]
    function = row.get("function_call")
    if isinstance(function, Mapping):
        calls.append(function)
    content = row.get("content")
    content = None if content == '""' else structured(content)  # so LangChain's calls of tools, until 0.47
    said = {**row, "content": content, "tool_calls": calls}
    if not isinstance(said.get("role"), str):
        said["role"] = role
    one = message(said, role)
    finish = row.get("finish_reason")
    return {**one, "finish_reason": finish} if one is not None and isinstance(finish, str) else one


def _billed(record: SpanRecord) -> dict[str, Any]:
    attributes = record.attributes
    found: dict[str, Any] = {}
    for name, older in _COUNTS:
        if name not in attributes and name not in found and (tokens := count(attributes.get(older))) is not None:
            found[name] = tokens
    provider = attributes.get("gen_ai.system")
    if semconv.PROVIDER not in attributes and isinstance(provider, str) and provider:
        found[semconv.PROVIDER] = provider.lower()
    if record.scope.startswith(_BEDROCK):
        counted = {**attributes, **found}
        read, created = (count(counted.get(k)) for k in (semconv.CACHE_READ_TOKENS, semconv.CACHE_CREATION_TOKENS))
        given = count(counted.get(semconv.INPUT_TOKENS))
        if given is not None and (read or created):
            found[semconv.INPUT_TOKENS] = given + (read or 0) + (created or 0)
    return found


def _reranked(prompt: list[Any], output: list[Any]) -> dict[str, Any]:
    given = [_text(row) for row in prompt if isinstance(row, Mapping) and row.get("role") == "system"]
    asked = [_text(row) for row in prompt if isinstance(row, Mapping) and row.get("role") == "user"]
    found: list[Document] = []
    for row in output:
        told = _RANKED.fullmatch(_text(row) or "") if isinstance(row, Mapping) else None
        if told is None:
            continue
        place = int(told[1])
        text = told[3] or (given[place] if place < len(given) else None)
        found.append(Document(text, score=finite(_number(told[2]))))
    return conventions.search("rerank", asked[-1] if asked else None, found)


def _rerank_of_a_framework(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """LlamaIndex's: the model on the span, the documents in what the function has returned."""
    given, returned = (_from_json(attributes.get(f"traceloop.entity.{key}")) for key in ("input", "output"))
    return conventions.search("rerank", _query(given), documents(_output(returned)))


def _text(row: Mapping[str, Any]) -> str | None:
    content = from_json(row.get("content"))
    if isinstance(content, Mapping):  # Cohere takes documents as objects
        content = content.get("text")
    return content if isinstance(content, str) and content else None


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _part_of_a_workflow(attributes: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """A retriever of a framework, or a function that its author calls so; else a workflow around the calls."""
    given, returned = (_from_json(attributes.get(f"traceloop.entity.{key}")) for key in ("input", "output"))
    name, kind = attributes.get("traceloop.entity.name"), attributes.get("traceloop.span.kind")
    name = name if isinstance(name, str) else ""
    operation = attributes.get(semconv.OPERATION)
    part = operation == "vector_db_retrieve" or kind in ("task", "tool")
    if part and (operation == "vector_db_retrieve" or _RETRIEVES.search(name) or is_rerank(name)):
        found = documents(_output(returned))
        if found or operation == "vector_db_retrieve":
            return conventions.search("rerank" if is_rerank(name) else "retrieval", _query(given), found)
    if kind != "workflow" or operation is not None:
        return None
    around = conventions.around("invoke_workflow", text_in(given), text_in(returned))
    return around | ({semconv.AGENT_NAME: name} if name else {})


def _from_json(value: Any) -> Any:
    """An input or output: JSON whatever it is, a text as well."""
    if isinstance(value, str) and value.startswith('"'):
        try:
            return json.loads(value)
        except ValueError:
            return value
    return from_json(value)


def _output(value: Any) -> Any:
    while isinstance(value, Mapping) and isinstance(value.get("outputs"), list | tuple | Mapping):
        value = value["outputs"]
    return [_node(entry) for entry in value] if isinstance(value, list | tuple) else value


def _node(entry: Any) -> Any:
    """A result of LlamaIndex's is JSON text in the list; other text is a passage, JSON or not."""
    found = from_json(entry)
    return found if isinstance(found, Mapping) and isinstance(found.get("node"), Mapping) else entry


def _query(value: Any) -> str | None:
    if isinstance(value, Mapping) and len(value) == 1:  # the argument, whatever its name
        (value,) = value.values()
    if isinstance(value, Mapping) and isinstance(value.get("query"), str):
        return value["query"] or None
    return text_in(value)
