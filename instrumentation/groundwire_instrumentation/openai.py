"""OpenAI and every server that its client talks to: chat completions, responses, bare completions, embeddings.

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
    options = arguments["options"]
    body: Mapping[str, Any] = options.json_data or {}
    if isinstance(extra := getattr(options, "extra_json", None), Mapping):
        body = {**body, **extra}
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


def members(part: Any) -> Mapping[str, Any]:
    """Everything of an SDK's object, undeclared things too, or of one that came as JSON; empty for anything else.

    To ask these objects for an attribute that they lack takes microseconds, and streams have thousands.
    """
    if isinstance(part, dict):
        return part
    extra = getattr(part, "__pydantic_extra__", None)
    own: Mapping[str, Any] = getattr(part, "__dict__", _NOTHING)
    return {**own, **extra} if extra else own


_NOTHING: Mapping[str, Any] = {}


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
    if isinstance(content, str) and len(message) == 2:
        return {"role": role, "parts": [{"type": "text", "content": content}]}
    return {"role": role, "parts": _said(message)}


def _said(message: Mapping[str, Any]) -> list[dict[str, Any]]:
    """A message of a prompt or of an answer: thoughts, which other makers' servers add, text, sound, calls."""
    parts: list[dict[str, Any]] = []
    if thought := _thought(message):
        parts.append({"type": "reasoning", "content": thought})
    parts += _parts(message.get("content"))
    if refusal := message.get("refusal"):
        parts.append({"type": "text", "content": refusal, "refusal": True})
    if audio := members(message.get("audio")):
        spoken = audio.get("transcript")
        parts.append({"type": "text", "content": spoken} if spoken else file_part("audio", audio.get("id")))
    if called := message.get("function_call"):
        parts.append(_tool_call(None, members(called)))
    for call in map(members, message.get("tool_calls") or ()):
        parts.append(_tool_call(call.get("id"), members(call.get("function") or call.get("custom"))))
    return parts


def _thought(message: Mapping[str, Any]) -> str:
    thought = message.get("reasoning_content") or message.get("reasoning")
    return thought if isinstance(thought, str) else ""


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


def usage_of(usage: Any, result: Any = None) -> Usage | None:
    """Of either API, and of whoever speaks it.

    OpenAI counts cached and reasoning tokens as subsets, as the conventions do; some others count thoughts beside.

    Args:
        usage: the counts.
        result: the answer or the last chunk, which tells the tier and the model.
    """
    counts = members(usage)
    if usage is None and (corner := members(result).get("x_groq")) is not None:
        counts = members(members(corner).get("usage"))
    if usage is None and not counts:
        return None
    given = members(counts.get("prompt_tokens_details") or counts.get("input_tokens_details"))
    made = members(counts.get("completion_tokens_details") or counts.get("output_tokens_details"))
    total = _first(counts, "prompt_tokens", "input_tokens")
    output = _first(counts, "completion_tokens", "output_tokens")
    thought, cited, apart = made.get("reasoning_tokens"), counts.get("citation_tokens"), {}
    if isinstance(cited, int):  # Perplexity's deep research
        thought = counts.get("reasoning_tokens") or 0
        output, apart["output_citation_tokens"] = output + thought + cited, cited
    elif isinstance(output, int) and isinstance(total, int):
        rest = (counts.get("total_tokens") or 0) - total - output
        if thought is None and rest > 0 and str(members(result).get("model")).startswith(("gemini", "google/gemini")):
            thought = rest
        if thought and thought in (rest, max(thought, output + 1)):
            output += thought
    searches = counts.get("num_search_queries") or members(counts.get("server_tool_use")).get("web_search_requests")
    beside = {
        "input_audio_tokens": given.get("audio_tokens"),
        "output_audio_tokens": made.get("audio_tokens"),
        "web_searches": searches,
    }
    apart |= {name: count for name, count in beside.items() if count}
    said = members(result)
    tier = None if "x_groq" in said else said.get("service_tier")  # Groq's cost the same
    return Usage(
        total,
        output,
        cache_read_tokens=_first(given, "cached_tokens", otherwise=_first(counts, "cached_tokens", *_CACHED)),
        cache_creation_tokens=_first(
            given, "cache_write_tokens", "cache_creation_tokens", otherwise=counts.get("cache_creation_input_tokens")
        ),
        reasoning_tokens=thought,
        cache_creation_1h_tokens=members(given.get("cache_creation_token_details")).get("ephemeral_1h_input_tokens"),
        apart=apart,
        terms={"service_tier": tier} if tier in _TIERS else {},
    )


_CACHED = ("prompt_cache_hit_tokens",)
"""Where DeepSeek has them."""
_TIERS = ("flex", "priority", "fast", "scale")
"""Those with prices of their own."""


def _first(counts: Mapping[str, Any], *names: str, otherwise: Any = None) -> Any:
    return next((counts[name] for name in names if counts.get(name) is not None), otherwise)


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


_FINISH: Mapping[str, str] = {"tool_calls": "tool_call", "function_call": "tool_call", "eos": "stop"}


def chat_response(result: Any) -> Response:
    """Of a whole chat completion, or of a text that goes on from a bare prompt."""
    result = whole(result)
    choices = [members(c) for c in result.choices or () if c is not None]
    messages: list[Message] = []
    for choice in choices:
        message = members(choice.get("message")) or {"content": choice.get("text")}
        messages.append({"role": message.get("role") or "assistant", "parts": _said(message)})
    return Response(
        model=result.model,
        id=result.id,
        messages=messages,
        finish_reasons=[_FINISH.get(reason, reason) for c in choices if (reason := c.get("finish_reason"))],
        usage=usage_of(getattr(result, "usage", None), result),
        attributes=_tier(result),
    )


class _Choice:
    __slots__ = ("calls", "finish", "refusal", "text", "thoughts")

    def __init__(self) -> None:
        self.text: list[str] = []
        self.thoughts: list[str] = []
        self.refusal: list[str] = []
        self.calls: dict[int, list[Any]] = {}
        self.finish: str | None = None

    def add_call(self, call: Mapping[str, Any]) -> None:
        position, identity = call.get("index"), call.get("id")
        function = members(call.get("function") or call.get("custom"))
        if position is None:  # some servers do not number them: a new id is a new call
            position = len(self.calls) if identity or not self.calls else len(self.calls) - 1
        elif identity and function.get("name") and self.calls.get(position, (identity,))[0] not in (None, identity):
            position = len(self.calls)  # and some give all of them one number
        entry = self.calls.setdefault(position, [None, None, []])
        entry[0] = identity or entry[0]
        entry[1] = function.get("name") or entry[1]
        entry[2].append(function.get("arguments") or function.get("input") or "")

    def parts(self) -> list[dict[str, Any]]:
        message = {"reasoning": "".join(self.thoughts), "refusal": "".join(self.refusal)}
        text = "".join(piece for piece in self.text if isinstance(piece, str))
        parts = _said(message | {"content": text or None})
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
            known = self._choices.get(choice.index) or self._choices.setdefault(choice.index, _Choice())
            if choice.finish_reason:
                known.finish = choice.finish_reason
            delta = members(choice.delta)
            if text := delta.get("content"):
                known.text.append(text)
            if thought := _thought(delta):
                known.thoughts.append(thought)
            if refusal := delta.get("refusal"):
                known.refusal.append(refusal)
            for call in delta.get("tool_calls") or ():
                known.add_call(members(call))
            if called := delta.get("function_call"):
                known.add_call({"index": 0, "function": called})
            if audio := delta.get("audio"):
                known.text.append(members(audio).get("transcript") or "")

    def response(self) -> Response:
        choices = [self._choices[index] for index in sorted(self._choices, key=lambda index: index or 0)]
        return Response(
            model=getattr(self._last, "model", None) or None,
            id=getattr(self._last, "id", None) or None,
            messages=[{"role": "assistant", "parts": c.parts()} for c in choices],
            finish_reasons=[_FINISH.get(c.finish, c.finish) for c in choices if c.finish],
            usage=usage_of(self._usage, self._last),
            attributes=_tier(self._last),
        )


# --- texts that go on from a bare prompt ----------------------------------------------------------------------------


def text_request(client: Any, arguments: Mapping[str, Any]) -> Request:
    """Of one prompt or several; those that come as numbers of tokens are not written down."""
    body, common = request_parts(client, arguments)
    given = body.get("prompt")
    prompts = [given] if isinstance(given, str) else given or ()
    return Request(messages=[{"role": "user", "parts": _parts(p)} for p in prompts if isinstance(p, str)], **common)


class TextChunks(ChatChunks):
    """Chunks of a text."""

    def add(self, chunk: Any) -> None:
        self._last = chunk
        self._usage = chunk.usage or self._usage
        for choice in map(members, chunk.choices or ()):
            known = self._choices.setdefault(choice.get("index") or 0, _Choice())
            known.text.append(choice.get("text") or members(choice.get("delta")).get("content") or "")
            known.finish = choice.get("finish_reason") or members(chunk).get("finish_reason") or known.finish


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
    # Of a conversation that was made shorter, what the user said comes back.
    items = [item for item in map(_item, map(_plain, result.output or ())) if item["role"] != "user"]
    parts = [part for item in items for part in item["parts"]]
    return Response(
        model=getattr(result, "model", None),
        id=result.id,
        messages=[{"role": "assistant", "parts": parts}] if parts else None,
        finish_reasons=_finish(result, parts),
        usage=usage_of(getattr(result, "usage", None), result),
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
            usage=usage_of(getattr(whole, "usage", None), whole),
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
        Operation("chat", _TARGETS, _responses_request, _responses_response, applies=posted_to("/responses/compact")),
        Operation("chat", _TARGETS, text_request, chat_response, stream=TextChunks, applies=posted_to("/completions")),
        Operation("embeddings", _TARGETS, embeddings_request, embeddings_response, applies=posted_to("/embeddings")),
    ),
)
