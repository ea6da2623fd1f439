"""OpenAI and every server that its client talks to: chat completions, responses, embeddings.

All resources of the client, sync and async, plain, raw and streamed, parsed or not, pass through one public method,
`OpenAI.request`, whose options hold the path and the final body. Clients made before instrumentation are covered.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from groundwire.hosts import server
from groundwire.media import blob_part, file_part, uri_part
from groundwire.model import Message, Operation, Provider, Request, Response, Usage
from groundwire.wire import fields, parse_document

_TARGETS = ("openai:OpenAI.request", "openai:AsyncOpenAI.request")
_PARAMETERS: Mapping[str, str] = {
    "temperature": "gen_ai.request.temperature",
    "top_p": "gen_ai.request.top_p",
    "max_tokens": "gen_ai.request.max_tokens",
    "max_completion_tokens": "gen_ai.request.max_tokens",
    "max_output_tokens": "gen_ai.request.max_tokens",
    "frequency_penalty": "gen_ai.request.frequency_penalty",
    "presence_penalty": "gen_ai.request.presence_penalty",
    "seed": "gen_ai.request.seed",
    "n": "gen_ai.request.choice.count",
    "reasoning_effort": "gen_ai.request.reasoning.level",
    "service_tier": "openai.request.service_tier",
    "previous_response_id": "gen_ai.request.previous_response.id",
    "dimensions": "gen_ai.embeddings.dimension.count",
}
_SCALARS = (int, float, str)


def posted_to(path: str) -> Callable[[Mapping[str, Any]], bool]:
    """Whether a request of an SDK of this make goes to that path."""

    def applies(arguments: Mapping[str, Any]) -> bool:
        options = arguments["options"]
        return bool(options.method.lower() == "post" and options.url.partition("?")[0].rstrip("/").endswith(path))

    return applies


def request_parts(client: Any, arguments: Mapping[str, Any]) -> tuple[Mapping[str, Any], dict[str, Any]]:
    """The body of the call, and what every kind of request has in common."""
    body: Mapping[str, Any] = arguments["options"].json_data or {}
    attributes: dict[str, Any] = {
        _PARAMETERS[key]: value for key, value in body.items() if key in _PARAMETERS and isinstance(value, _SCALARS)
    }
    if body.get("n") == 1:
        del attributes[_PARAMETERS["n"]]
    if stop := body.get("stop"):
        attributes["gen_ai.request.stop_sequences"] = (stop,) if isinstance(stop, str) else tuple(stop)
    provider, address, port = server(client.base_url, type(client).__name__)
    return body, {
        "model": body.get("model"),
        "provider": provider,
        "server_address": address,
        "server_port": port,
        "stream": bool(arguments.get("stream")),
        "attributes": attributes,
    }


# --- chat completions -----------------------------------------------------------------------------------------------


def chat_request(client: Any, arguments: Mapping[str, Any]) -> Request:
    """Of a chat completion."""
    body, common = request_parts(client, arguments)
    return Request(
        messages=[_message(m) for m in body.get("messages") or ()],
        tools=[_tool(t) for t in body.get("tools") or ()],
        **common,
    )


def _tool(tool: Any) -> Mapping[str, Any]:
    if not isinstance(tool, Mapping):
        return {"type": str(tool)}
    function = tool.get("function")
    return {"type": "function", **function} if isinstance(function, Mapping) else tool


def _message(message: Any) -> Message:
    if not isinstance(message, Mapping):
        return {"role": "user", "parts": _parts(message)}
    role = message.get("role") or "user"
    content = message.get("content")
    if role == "tool":
        return {"role": role, "parts": [_tool_result(message.get("tool_call_id"), content)]}
    if isinstance(content, str) and "tool_calls" not in message:
        return {"role": role, "parts": [{"type": "text", "content": content}]}
    parts = _parts(content)
    if message.get("refusal"):
        parts.append({"type": "text", "content": message["refusal"], "refusal": True})
    calls = [call for call in message.get("tool_calls") or () if isinstance(call, Mapping)]
    parts += [_tool_call(c.get("id"), c.get("function") or c.get("custom") or {}) for c in calls]
    return {"role": role, "parts": parts}


def _tool_result(identity: Any, content: Any) -> dict[str, Any]:
    if not isinstance(content, str | None):
        content = "".join(part.get("content", "") for part in _parts(content))
    return {"type": "tool_call_response", "id": identity, "response": content}


def _tool_call(identity: Any, function: Mapping[str, Any]) -> dict[str, Any]:
    arguments = function.get("arguments") if "arguments" in function else function.get("input")
    return {"type": "tool_call", "id": identity, "name": function.get("name"), "arguments": arguments}


def _parts(content: Any) -> list[dict[str, Any]]:
    if content is None:
        return []
    return [_part(part) for part in (content if isinstance(content, list | tuple) else (content,))]


def _part(part: Any) -> dict[str, Any]:
    """One content part of either API, by its `type`."""
    if not isinstance(part, Mapping):
        return {"type": "text", "content": str(part)}
    kind = part.get("type")
    if kind in ("text", "input_text", "output_text", "refusal"):
        text = {"type": "text", "content": part.get("text") or part.get("refusal") or ""}
        return text | {"refusal": True} if kind == "refusal" else text
    if kind in ("image_url", "input_image"):
        image = part.get("image_url")
        url = image.get("url") if isinstance(image, Mapping) else image
        return uri_part("image", url) if url else file_part("image", part.get("file_id"))
    if kind == "input_audio":
        audio = part.get("input_audio") or {}
        return blob_part("audio", f"audio/{audio.get('format', 'unknown')}", audio.get("data") or "")
    if kind in ("file", "input_file"):
        file = part.get("file") or part
        url = file.get("file_data") or file.get("file_url")
        return uri_part("document", url) if url else file_part("document", file.get("file_id"))
    return {"type": str(kind)}


def usage_of(usage: Any) -> Usage | None:
    """Of either API: OpenAI counts cached and reasoning tokens as subsets, as the conventions do."""
    if usage is None:
        return None
    total_input = getattr(usage, "prompt_tokens", None)
    if total_input is None:
        total_input = getattr(usage, "input_tokens", None)
    output = getattr(usage, "completion_tokens", None)
    if output is None:
        output = getattr(usage, "output_tokens", None)
    given = getattr(usage, "prompt_tokens_details", None) or getattr(usage, "input_tokens_details", None)
    made = getattr(usage, "completion_tokens_details", None) or getattr(usage, "output_tokens_details", None)
    return Usage(
        total_input,
        output,
        cache_read_tokens=getattr(given, "cached_tokens", None),
        cache_creation_tokens=getattr(given, "cache_write_tokens", None),
        reasoning_tokens=getattr(made, "reasoning_tokens", None),
    )


def _tier(result: Any) -> dict[str, Any]:
    attributes: dict[str, Any] = {}
    if tier := getattr(result, "service_tier", None):
        attributes["openai.response.service_tier"] = tier
    if fingerprint := getattr(result, "system_fingerprint", None):
        attributes["openai.response.system_fingerprint"] = fingerprint
    return attributes


def whole(result: Any) -> Any:
    """The answer, read by attributes: a bare `client.post` gives whatever its `cast_to` says."""
    if isinstance(result, dict):
        return fields(result)
    return parse_document(result.text) if hasattr(type(result), "iter_bytes") else result


_FINISH: Mapping[str, str] = {"tool_calls": "tool_call", "function_call": "tool_call"}


def chat_response(result: Any) -> Response:
    """Of a whole chat completion."""
    result = whole(result)
    choices = [c for c in result.choices or () if c is not None]
    messages: list[Message] = []
    for choice in choices:
        message = choice.message
        parts = _parts(getattr(message, "content", None))
        if refusal := getattr(message, "refusal", None):
            parts.append({"type": "text", "content": refusal, "refusal": True})
        for call in getattr(message, "tool_calls", None) or ():
            function = getattr(call, "function", None) or getattr(call, "custom", None)
            arguments = getattr(function, "arguments", None) or getattr(function, "input", None)
            named = {"name": getattr(function, "name", None), "arguments": arguments}
            parts.append(_tool_call(getattr(call, "id", None), named))
        messages.append({"role": getattr(message, "role", None) or "assistant", "parts": parts})
    return Response(
        model=result.model,
        id=result.id,
        messages=messages,
        finish_reasons=[_FINISH.get(c.finish_reason, c.finish_reason) for c in choices if c.finish_reason],
        usage=usage_of(getattr(result, "usage", None)),
        attributes=_tier(result),
    )


class _Choice:
    __slots__ = ("calls", "finish", "refusal", "text")

    def __init__(self) -> None:
        self.text: list[str] = []
        self.refusal: list[str] = []
        self.calls: dict[int, list[Any]] = {}
        self.finish: str | None = None

    def add_call(self, call: Any) -> None:
        position = call.index
        if position is None:  # some servers do not number them: a new id is a new call
            position = len(self.calls) if call.id or not self.calls else len(self.calls) - 1
        entry = self.calls.setdefault(position, [None, None, []])
        entry[0] = call.id or entry[0]
        if call.function is not None:
            entry[1] = call.function.name or entry[1]
            entry[2].append(call.function.arguments or "")

    def parts(self) -> list[dict[str, Any]]:
        text = "".join(piece for piece in self.text if isinstance(piece, str))
        parts: list[dict[str, Any]] = [{"type": "text", "content": text}] if text else []
        if self.refusal:
            parts.append({"type": "text", "content": "".join(self.refusal), "refusal": True})
        for _, (identity, name, pieces) in sorted(self.calls.items()):
            parts.append(_tool_call(identity, {"name": name, "arguments": "".join(pieces)}))
        return parts


class ChatChunks:
    """Chunks of one streamed chat completion; choices may come interleaved."""

    def __init__(self) -> None:
        self._choices: dict[int, _Choice] = {}
        self._last: Any = None
        self._usage: Any = None

    def add(self, chunk: Any) -> None:
        self._last = chunk
        if chunk.usage is not None:
            self._usage = chunk.usage
        for choice in chunk.choices or ():
            known = self._choices.get(choice.index) or self.choice(choice.index)
            if choice.finish_reason:
                known.finish = choice.finish_reason
            delta = choice.delta
            if delta is None:
                continue
            if delta.content:
                known.text.append(delta.content)
            if getattr(delta, "refusal", None):  # only OpenAI itself has it
                known.refusal.append(delta.refusal)
            if delta.tool_calls:
                for call in delta.tool_calls:
                    known.add_call(call)

    def choice(self, index: int) -> _Choice:
        """What is known of a choice so far."""
        known = self._choices.get(index)
        if known is None:
            known = self._choices[index] = _Choice()
        return known

    def response(self) -> Response:
        choices = [self._choices[index] for index in sorted(self._choices, key=lambda index: index or 0)]
        return Response(
            model=getattr(self._last, "model", None) or None,
            id=getattr(self._last, "id", None) or None,
            messages=[{"role": "assistant", "parts": c.parts()} for c in choices],
            finish_reasons=[_FINISH.get(c.finish, c.finish) for c in choices if c.finish],
            usage=usage_of(self._usage),
            attributes=_tier(self._last),
        )


# --- responses ------------------------------------------------------------------------------------------------------


def _responses_request(client: Any, arguments: Mapping[str, Any]) -> Request:
    body, common = request_parts(client, arguments)
    given = body.get("input")
    instructions = body.get("instructions")
    reasoning = body.get("reasoning")
    if isinstance(reasoning, Mapping) and isinstance(reasoning.get("effort"), str):
        common["attributes"]["gen_ai.request.reasoning.level"] = reasoning["effort"]
    items = [{"role": "user", "content": given}] if isinstance(given, str) else given or ()
    return Request(
        messages=[_item(item) for item in items],
        instructions=[{"type": "text", "content": instructions}] if isinstance(instructions, str) else None,
        tools=body.get("tools") or (),
        **common,
    )


def _item(item: Mapping[str, Any]) -> Message:
    """One input or output item of the responses API."""
    kind = item.get("type") or "message"
    if kind == "message":
        return {"role": item.get("role") or "assistant", "parts": _parts(item.get("content"))}
    if kind in ("function_call", "custom_tool_call"):
        return {"role": "assistant", "parts": [_tool_call(item.get("call_id"), item)]}
    if kind in ("function_call_output", "custom_tool_call_output"):
        return {"role": "tool", "parts": [_tool_result(item.get("call_id"), item.get("output"))]}
    if kind == "reasoning":
        summary = "\n".join(s.get("text") or "" for s in item.get("summary") or ())
        return {"role": "assistant", "parts": [{"type": "reasoning", "content": summary}]}
    return {"role": "assistant", "parts": [{"type": str(kind), "id": item.get("id")}]}


def _plain(value: Any) -> Any:
    """An SDK object as plain data."""
    # The SDK types parsed items as plain ones; its serializer would warn about that, in the application.
    return value if isinstance(value, Mapping) else value.to_dict(warnings=False)


def _finish(result: Any, parts: Sequence[Mapping[str, Any]]) -> Sequence[str]:
    status = getattr(result, "status", None)
    reason = getattr(getattr(result, "incomplete_details", None), "reason", None)
    if status == "completed":
        return ("tool_call",) if any(p["type"] == "tool_call" for p in parts) else ("stop",)
    if reason is not None:
        return ("length" if reason == "max_output_tokens" else reason,)
    return ("error",) if status == "failed" else ()


def _responses_response(result: Any) -> Response:
    result = whole(result)
    items = [_item(_plain(item)) for item in result.output or ()]
    parts = [part for item in items for part in item["parts"]]
    return Response(
        model=result.model,
        id=result.id,
        messages=[{"role": "assistant", "parts": parts}] if parts else None,
        finish_reasons=_finish(result, parts),
        usage=usage_of(getattr(result, "usage", None)),
        attributes=_tier(result),
    )


class _ResponseEvents:
    """Events of one streamed response. The last one holds the whole; before it there are only deltas."""

    def __init__(self) -> None:
        self._whole: Any = None
        self._texts: dict[tuple[int, int], list[str]] = {}
        self._refusals: list[str] = []
        self._calls: dict[int, list[Any]] = {}

    def add(self, event: Any) -> None:
        kind = event.type
        if kind == "response.output_text.delta":
            self._texts.setdefault((event.output_index, event.content_index), []).append(event.delta)
        elif kind == "response.refusal.delta":
            self._refusals.append(event.delta)
        elif kind == "response.output_item.added" and event.item.type in (
            "function_call",
            "custom_tool_call",
        ):
            self._calls[event.output_index] = [event.item.call_id, event.item.name, []]
        elif kind in ("response.function_call_arguments.delta", "response.custom_tool_call_input.delta"):
            self._calls.setdefault(event.output_index, [None, None, []])[2].append(event.delta)
        elif getattr(event, "response", None) is not None:
            self._whole = event.response

    def response(self) -> Response:
        whole = self._whole
        if whole is not None and whole.output:
            return _responses_response(whole)
        parts: list[dict[str, Any]] = [{"type": "text", "content": "".join(t)} for _, t in sorted(self._texts.items())]
        if self._refusals:
            parts.append({"type": "text", "content": "".join(self._refusals), "refusal": True})
        for _, (identity, name, pieces) in sorted(self._calls.items()):
            parts.append(_tool_call(identity, {"name": name, "arguments": "".join(pieces)}))
        return Response(
            model=getattr(whole, "model", None),
            id=getattr(whole, "id", None),
            messages=[{"role": "assistant", "parts": parts}] if parts else None,
            finish_reasons=_finish(whole, parts),
            usage=usage_of(getattr(whole, "usage", None)),
            attributes=_tier(whole),
        )


# --- embeddings -----------------------------------------------------------------------------------------------------


def embeddings_request(client: Any, arguments: Mapping[str, Any]) -> Request:
    """Of embeddings."""
    body, common = request_parts(client, arguments)
    if isinstance(body.get("encoding_format"), str):
        common["attributes"]["gen_ai.request.encoding_formats"] = (body["encoding_format"],)
    return Request(**common)


def embeddings_response(result: Any) -> Response:
    """Of embeddings, which are not looked at."""
    result = whole(result)
    return Response(model=result.model, usage=usage_of(getattr(result, "usage", None)))


PROVIDER = Provider(
    name="openai",
    module="openai",
    distribution="openai",
    operations=(
        Operation(
            "chat",
            _TARGETS,
            chat_request,
            chat_response,
            stream=ChatChunks,
            applies=posted_to("/chat/completions"),
        ),
        Operation(
            "chat",
            _TARGETS,
            _responses_request,
            _responses_response,
            stream=_ResponseEvents,
            applies=posted_to("/responses"),
        ),
        Operation("embeddings", _TARGETS, embeddings_request, embeddings_response, applies=posted_to("/embeddings")),
    ),
)
