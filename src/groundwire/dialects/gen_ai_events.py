"""The GenAI conventions of OpenTelemetry where content is not in attributes: as events, and under older names.

Content came as one event a message (`gen_ai.user.message`, `gen_ai.choice`, with the message as body), before that as
span events `gen_ai.content.prompt` and `gen_ai.content.completion`, and comes as one event a call today,
`gen_ai.client.inference.operation.details`. Events are span events, or log records that name the span: those are known
only where logs are read with the traces, and never in the running process.

Sources: opentelemetry-instrumentation-openai-v2 2.4b0, -genai-openai 1.3b0, -google-genai 1.3b0 and
opentelemetry-util-genai 1.3b0 as installed; Azure's clients and Strands put the body elsewhere (`_body`).
"""

from collections.abc import Mapping
from typing import Any

from groundwire import semconv
from groundwire.dialects.chat_messages import from_json, message, messages, parts, structured
from groundwire.dialects.gen_ai import kind_of
from groundwire.model import Message, SpanEvent, SpanRecord

DETAILS = "gen_ai.client.inference.operation.details"
_ROLES: Mapping[str, str] = {
    "gen_ai.system.message": "system",
    "gen_ai.user.message": "user",
    "gen_ai.assistant.message": "assistant",
    "gen_ai.tool.message": "tool",
}
_CHOICE = "gen_ai.choice"
_BODY = frozenset(("content", "message", "role", "index", "tool_calls", "parts", "finish_reason"))
_PROMPT, _COMPLETION = "gen_ai.content.prompt", "gen_ai.content.completion"
_OLDER_NAMES = (
    (semconv.PROVIDER, "gen_ai.system"),
    (semconv.INPUT_TOKENS, "gen_ai.usage.prompt_tokens"),
    (semconv.OUTPUT_TOKENS, "gen_ai.usage.completion_tokens"),
    (semconv.REASONING_TOKENS, "gen_ai.usage.reasoning_tokens"),
)
_CONTENT = (semconv.INPUT_MESSAGES, semconv.OUTPUT_MESSAGES, semconv.SYSTEM_INSTRUCTIONS)


def translate(record: SpanRecord) -> Mapping[str, Any] | None:
    """What the events and the older attributes of a call say; None where they add nothing."""
    attributes = record.attributes
    found: dict[str, Any] = {}
    kind = kind_of(attributes)
    without = semconv.OPERATION not in attributes and "gen_ai.system" in attributes
    if without and any(event.name in (_PROMPT, _COMPLETION, _CHOICE) for event in record.events):
        kind = found[semconv.OPERATION] = "chat"  # before there were operations
    if kind is None:
        return None
    for name, older in _OLDER_NAMES:
        if name not in attributes and attributes.get(older) is not None:
            found[name] = attributes[older]
    if kind == "chat":
        said = content_of(record.events)
        for name, key in ((semconv.INPUT_MESSAGES, "gen_ai.prompt"), (semconv.OUTPUT_MESSAGES, "gen_ai.completion")):
            if not said.get(name) and isinstance(attributes.get(key), str | list | tuple):
                said[name] = messages(attributes[key], "user" if key == "gen_ai.prompt" else "assistant")
        found.update((name, value) for name, value in said.items() if value and not attributes.get(name))
    return found or None


def content_of(events: tuple[SpanEvent, ...]) -> dict[str, list[Any]]:
    """Messages and instructions that the events of one call carry, in order; choices by their index."""
    given: list[Message] = []
    choices: list[tuple[int, Message]] = []
    details: dict[str, list[Any]] = {}
    for event in events:
        if event.name == DETAILS:
            for name, value in _details(event.attributes).items():
                details[name] = details.get(name) or value
        elif event.name in _ROLES:
            body = _body(event.attributes)
            if (one := message(body, _ROLES[event.name])) is not None:
                given.append(one)
        elif event.name == _CHOICE:
            body = _body(event.attributes)
            if (one := _choice(body)) is not None:
                index = body.get("index") if isinstance(body, Mapping) else None
                choices.append((index if isinstance(index, int) else len(choices), one))
        elif event.name == _PROMPT:
            given += messages(event.attributes.get("gen_ai.prompt"))
        elif event.name == _COMPLETION:
            choices += [(len(choices), m) for m in messages(event.attributes.get("gen_ai.completion"), "assistant")]
    choices.sort(key=lambda choice: choice[0])
    found: dict[str, list[Any]] = {
        semconv.INPUT_MESSAGES: list(given),
        semconv.OUTPUT_MESSAGES: [said for _, said in choices],
    }
    return {**found, **{name: value for name, value in details.items() if value}}


def _details(attributes: Mapping[str, Any]) -> dict[str, list[Any]]:
    """The content of the one event that today's conventions have: in its attributes, for some in its body."""
    body = from_json(attributes.get("body"))
    found: dict[str, list[Any]] = {}
    for name in _CONTENT:
        value = attributes.get(name)
        if value is None and isinstance(body, Mapping):
            value = body.get(name)
        if value is not None:
            role = "assistant" if name == semconv.OUTPUT_MESSAGES else "user"
            found[name] = (
                parts(structured(value)) if name == semconv.SYSTEM_INSTRUCTIONS else list(messages(value, role))
            )
    return found


def _body(attributes: Mapping[str, Any]) -> Any:
    """The body of an event: of a log record, in Azure's attribute, or spread over the event's own attributes."""
    for key in ("body", "gen_ai.event.content", "event_body"):
        if attributes.get(key) not in (None, ""):
            body = from_json(attributes[key])
            return body if isinstance(body, Mapping) and not _BODY.isdisjoint(body) else structured(attributes[key])
    return {key: structured(value) if key in ("message", "content") else value for key, value in attributes.items()}


def _choice(body: Any) -> Message | None:
    if not isinstance(body, Mapping):
        return message(body, "assistant")
    inner = body.get("message", body.get("content"))
    if isinstance(inner, Mapping):
        said = message({**inner, "role": inner.get("role") or "assistant"}, "assistant")
    else:
        said = message({"role": "assistant", "content": inner, "tool_calls": body.get("tool_calls")}, "assistant")
    finish = body.get("finish_reason")
    return {**said, "finish_reason": finish} if said is not None and isinstance(finish, str) else said
