"""Spans of Logfire, and of Pydantic AI where it writes its messages as `events`.

Today's spans carry messages as the conventions have them. Until version 4, and with `version=1`, there were the body of
the request, `request_data`, and as much of the response, `response_data`. The Responses API, and Pydantic AI, had a
list of messages in the form of OpenTelemetry's former events. A streamed call is two spans: the request, which knows
nothing of the answer, and a log of no duration when the stream ended, which has all; only that is a call here.

Source: logfire-sdk 5.4.0 as installed.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from groundwire import semconv
from groundwire.dialects import conventions, gen_ai_events
from groundwire.dialects.call_bodies import asked, replied
from groundwire.dialects.chat_messages import from_json, messages
from groundwire.dialects.gen_ai import kind_of
from groundwire.dialects.token_counts import usage
from groundwire.finite import finite
from groundwire.model import SpanEvent, SpanRecord

_NO_CALL = {semconv.OPERATION: "request"}
"""For a span beside the one that stands for the call."""
_BODIES = ("messages", "prompt", "input")


def translate(record: SpanRecord) -> Mapping[str, Any] | None:
    """The call that a span describes; None where there is none, or nothing to add."""
    attributes = record.attributes
    request = from_json(attributes.get("request_data"))
    request = request if isinstance(request, Mapping) else {}
    response = from_json(attributes.get("response_data"))
    kind = kind_of(attributes) or _kind(request, response)
    if kind not in ("chat", "embeddings"):
        return None
    if attributes.get("logfire.span_type") == "pending_span":
        return _NO_CALL
    found = dict(gen_ai_events.translate(record) or {})
    if kind_of(attributes) is None:
        found[semconv.OPERATION] = kind
        found |= conventions.billed(request.get("model"), None, attributes.get("gen_ai.system"), None, None)
    if kind == "chat":
        said = _content(request, response) | _events(from_json(attributes.get("events")))
        found.update((name, value) for name, value in said.items() if value and not attributes.get(name))
        if _is_request_of_a_stream(record, found):
            return _NO_CALL
    if semconv.INPUT_TOKENS not in attributes and isinstance(response, Mapping):
        counted = usage(response.get("usage"))
        found |= semconv.usage_attributes(counted) if counted is not None else {}
    cost = finite(attributes.get("operation.cost"))
    if cost is not None and semconv.COST not in attributes:
        found[semconv.COST] = cost
    return found or None


def _kind(request: Mapping[str, Any], response: Any) -> str | None:
    """Before spans had an operation: by the body of the request."""
    if not isinstance(request.get("model"), str):
        return None
    if request.get("messages") or request.get("prompt"):
        return "chat" if not isinstance(response, Mapping) or "images" not in response else None
    return "embeddings" if "input" in request else None


def _is_request_of_a_stream(record: SpanRecord, found: Mapping[str, Any]) -> bool:
    attributes = record.attributes
    if (
        record.status == "error"
        or attributes.get("logfire.span_type") != "span"
        or not record.scope.startswith("logfire")
    ):
        return False
    answered = (semconv.RESPONSE_ID, semconv.OUTPUT_MESSAGES, semconv.OUTPUT_TOKENS)
    return not any(attributes.get(key) or found.get(key) for key in (*answered, "response_data"))


def _content(request: Mapping[str, Any], response: Any) -> dict[str, Any]:
    if not any(request.get(key) for key in _BODIES):
        return {}
    found: dict[str, Any] = {semconv.INPUT_MESSAGES: asked(request)}
    if isinstance(response, Mapping):
        text = response.get("text", response.get("combined_chunk_content"))
        found[semconv.OUTPUT_MESSAGES] = replied(response.get("message")) or messages(text, "assistant")
    return found


def _events(value: Any) -> dict[str, Any]:
    """A list of former events: what the model says now stands last, or is called a choice."""
    if not isinstance(value, list | tuple):
        return {}
    rows = [row for row in value if isinstance(row, Mapping) and isinstance(row.get("event.name"), str)]
    said = gen_ai_events.content_of(_as_events(rows))
    given, choices = said[semconv.INPUT_MESSAGES], said[semconv.OUTPUT_MESSAGES]
    if not choices:
        while given and given[-1].get("role") == "assistant":
            choices.insert(0, given.pop())
    return {semconv.INPUT_MESSAGES: given, semconv.OUTPUT_MESSAGES: choices}


def _as_events(rows: Sequence[Mapping[str, Any]]) -> tuple[SpanEvent, ...]:
    return tuple(SpanEvent(row["event.name"], 0, {"body": row}) for row in rows)
