"""What a dialect has read of a span, as attributes of the GenAI conventions. What is not known is left out."""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from groundwire import semconv
from groundwire.dialects.chat_messages import from_json
from groundwire.finite import finite
from groundwire.model import Document, Message, Usage


def chat(
    prompt: Sequence[Message],
    output: Sequence[Message],
    *,
    request_model: Any = None,
    response_model: Any = None,
    provider: Any = None,
    usage: Usage | None = None,
    cost_usd: float | None = None,
) -> dict[str, Any]:
    """Attributes of one call of a language model."""
    found: dict[str, Any] = {semconv.OPERATION: "chat"}
    if prompt:
        found[semconv.INPUT_MESSAGES] = list(prompt)
    if output:
        found[semconv.OUTPUT_MESSAGES] = list(output)
    return found | billed(request_model, response_model, provider, usage, cost_usd)


def embeddings(
    *, model: Any = None, provider: Any = None, usage: Usage | None = None, cost_usd: float | None = None
) -> dict[str, Any]:
    """Attributes of one embedding call."""
    return {semconv.OPERATION: "embeddings"} | billed(model, None, provider, usage, cost_usd)


def search(
    kind: Literal["retrieval", "rerank"], query: str | None, documents: Sequence[Document], *, model: Any = None
) -> dict[str, Any]:
    """Attributes of one retrieval or rerank, with its documents best first."""
    found: dict[str, Any] = {semconv.OPERATION: kind}
    if query:
        found[semconv.RETRIEVAL_QUERY] = query
    if documents:
        found[semconv.RETRIEVAL_DOCUMENTS] = [_row(document) for document in documents]
    if isinstance(model, str) and model:
        found[semconv.REQUEST_MODEL] = model
    return found


def around(operation: str, given: str | None, returned: str | None) -> dict[str, Any]:
    """Attributes of a span around calls: what went into it, and what came out of it."""
    found: dict[str, Any] = {semconv.OPERATION: operation}
    if given:
        found[semconv.INPUT_VALUE] = given
    if returned:
        found[semconv.OUTPUT_VALUE] = returned
    return found


def billed(
    request_model: Any, response_model: Any, provider: Any, usage: Usage | None, cost_usd: float | None
) -> dict[str, Any]:
    """Models, provider, tokens and cost of a call."""
    told = (
        (semconv.REQUEST_MODEL, request_model),
        (semconv.RESPONSE_MODEL, response_model),
        (semconv.PROVIDER, provider),
    )
    found: dict[str, Any] = {key: value for key, value in told if isinstance(value, str) and value}
    if usage is not None:
        found |= semconv.usage_attributes(usage)
    if cost_usd is not None:
        found[semconv.COST] = cost_usd
    return found


def text_in(value: Any) -> str | None:
    """The one text in what a function was given or has returned, where there is no doubt which it is.

    That is the value itself; the only text of an object, also as Langfuse and others write the arguments of a function
    (`{"args": [...], "kwargs": {...}}`); else the one under a name such as `question` or `answer`.
    """
    value = from_json(value)
    for _ in range(4):
        if isinstance(value, str):
            return value if value.strip() else None
        if isinstance(value, list | tuple):
            texts = [entry for entry in value if isinstance(entry, str) and not is_description(entry)]
            if len(value) != 1 and len(texts) != 1:
                return None
            value = texts[0] if len(texts) == 1 else value[0]
        elif isinstance(value, Mapping):
            if value and set(value) <= {"args", "kwargs"}:
                args, kwargs = value.get("args"), value.get("kwargs")
                named = dict(kwargs) if isinstance(kwargs, Mapping) else {}
                value = named if named and not args else args if not named else [text_in(args) or text_in(named)]
                continue
            key = next((name for name in _NAMES if value.get(name)), None)
            texts = [entry for entry in value.values() if isinstance(entry, str) and entry.strip()]
            value = value[key] if key is not None else texts[0] if len(texts) == 1 else None
        else:
            return None
    return None


def is_description(text: str) -> bool:
    """Whether a text is what Python says of an object, `<shop.Retriever object at 0x7f0b>`, and nobody's words."""
    return _DESCRIPTION.fullmatch(text) is not None


def unquoted(value: Any) -> Any:
    """A text out of its JSON quotes; any other value as it is."""
    if not isinstance(value, str) or not value.startswith('"'):
        return value
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        return value


def count(value: Any) -> int | None:
    """A number of tokens; None where it is none."""
    number = finite(value)
    return int(number) if number is not None and number >= 0 else None


_NAMES = (
    *("question", "query", "query_str", "query_bundle", "user_input", "input", "inputs"),
    *("answer", "output", "response", "result", "content", "text"),
)
"""Names under which functions take a question and return an answer, in the order of preference."""


_DESCRIPTION = re.compile(r"<?\w+\(.*\)>?\s*|<[\w.]+ object at 0x[0-9a-f]+>", re.DOTALL)


def _row(document: Document) -> dict[str, Any]:
    told = (
        ("id", document.id),
        ("content", document.text),
        ("score", document.score),
        ("metadata", document.metadata),
    )
    return {key: value for key, value in told if value is not None}
