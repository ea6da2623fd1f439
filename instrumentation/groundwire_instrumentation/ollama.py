"""Ollama: chat, generate, embed and web search, of a client or of the module, local or in the cloud, sync and async.

The module's own functions (`ollama.chat`) are bound when it is imported, so what is traced is the one method that all
of them pass through: its body is the final one, tools and images in the shape of the wire. Counts of tokens come with
the last chunk. Models that run here have no price.
"""

from collections.abc import Callable, Mapping
from typing import Any

from groundwire.documents import as_documents
from groundwire.media import blob_part
from groundwire.model import Message, Operation, Provider, Request, Response, Usage

_TARGETS = ("ollama._client:Client._request", "ollama._client:AsyncClient._request")
_OPTIONS: Mapping[str, str] = {
    "temperature": "gen_ai.request.temperature",
    "top_p": "gen_ai.request.top_p",
    "top_k": "gen_ai.request.top_k",
    "num_predict": "gen_ai.request.max_tokens",
    "seed": "gen_ai.request.seed",
    "presence_penalty": "gen_ai.request.presence_penalty",
    "frequency_penalty": "gen_ai.request.frequency_penalty",
}


def _gives(*results: str) -> Callable[[Mapping[str, Any]], bool]:
    return lambda arguments: getattr(arguments["cls"], "__name__", None) in results


def _request(client: Any, arguments: Mapping[str, Any], **rest: Any) -> Request:
    body: Mapping[str, Any] = arguments["json"]
    options: Mapping[str, Any] = body.get("options") or {}
    attributes = {_OPTIONS[k]: v for k, v in options.items() if k in _OPTIONS and v is not None}
    if stop := options.get("stop"):
        attributes["gen_ai.request.stop_sequences"] = (stop,) if isinstance(stop, str) else tuple(stop)
    if body.get("format"):
        attributes["gen_ai.output.type"] = "json"
    if "dimensions" in body:
        attributes["gen_ai.embeddings.dimension.count"] = body["dimensions"]
    url = client._client.base_url
    return Request(
        model=body.get("model"),
        server_address=url.host or None,
        server_port=url.port,
        stream=body.get("stream") is True,
        attributes=attributes,
        **rest,
    )


def _chat(client: Any, arguments: Mapping[str, Any]) -> Request:
    body = arguments["json"]
    tools = [{"type": "function", **(tool.get("function") or {})} for tool in body.get("tools") or ()]
    return _request(client, arguments, messages=[_message(m) for m in body.get("messages") or ()], tools=tools)


def _generate(client: Any, arguments: Mapping[str, Any]) -> Request:
    body = arguments["json"]
    given = [text for name in ("prompt", "suffix") if (text := body.get(name))]  # before a gap, and after it
    parts = [{"type": "text", "content": text} for text in given]
    system = body.get("system")
    instructions = [{"type": "text", "content": system}] if system else None
    messages = [{"role": "user", "parts": parts + _images(body)}]
    return _request(client, arguments, messages=messages, instructions=instructions)


def _search(_: Any, arguments: Mapping[str, Any]) -> Request:
    body = arguments["json"]
    return Request(query=body["query"], top_k=body.get("max_results"), data_source="web", server_address="ollama.com")


def _message(message: Any) -> Message:
    """A message of the wire, or of an answer."""
    role = message.get("role") or "assistant"
    content = message.get("content")
    if role == "tool":
        answer = {"type": "tool_call_response", "id": None, "name": message.get("tool_name"), "response": content}
        return {"role": role, "parts": [answer]}
    return {
        "role": role,
        "parts": _parts(message.get("thinking"), content, message.get("tool_calls")) + _images(message),
    }


def _images(message: Any) -> list[dict[str, Any]]:
    return [blob_part("image", "image/unknown", data) for data in message.get("images") or ()]


def _parts(thinking: Any, content: Any, calls: Any) -> list[dict[str, Any]]:
    parts = [{"type": "reasoning", "content": thinking}] if thinking else []
    if content:
        parts.append({"type": "text", "content": content})
    for call in calls or ():
        function = call["function"]
        parts.append({"type": "tool_call", "id": None, "name": function["name"], "arguments": function["arguments"]})
    return parts


class _Text:
    """An answer of generate, whole or in pieces; the last piece has the counts."""

    def __init__(self) -> None:
        self._last: Any = None
        self._role = "assistant"
        self._thinking: list[str] = []
        self._text: list[str] = []
        self._calls: list[Any] = []

    def add(self, chunk: Any) -> None:
        self._last = chunk
        self._text.append(chunk.response or "")
        self._thinking.append(chunk.thinking or "")

    def response(self) -> Response:
        last = self._last
        if last is None:
            return Response()
        parts = _parts("".join(self._thinking), "".join(self._text), self._calls)
        reason = last.done_reason
        return Response(
            model=last.model,
            messages=[{"role": self._role, "parts": parts}],
            finish_reasons=() if not reason else ("tool_call" if self._calls and reason == "stop" else reason,),
            usage=_usage(last),
        )


class _Chat(_Text):
    """An answer of chat, likewise."""

    def add(self, chunk: Any) -> None:
        self._last = chunk
        message = chunk.message
        if text := message.content:
            self._text.append(text)
        if (thought := message.thinking) is not None:
            self._thinking.append(thought)
        if (calls := message.tool_calls) is not None:
            self._calls += calls

    def response(self) -> Response:
        self._role = (self._last and self._last.message.role) or self._role
        return super().response()


def _usage(result: Any) -> Usage | None:
    """Where the whole prompt was in the cache, servers leave its count out: then it is unknown."""
    given, made = getattr(result, "prompt_eval_count", None), getattr(result, "eval_count", None)
    return None if given is None and made is None else Usage(given, made)


def _answered(result: Any) -> Response:
    chat = _Chat()
    chat.add(result)
    return chat.response()


def _generated(result: Any) -> Response:
    text = _Text()
    text.add(result)
    return text.response()


def _embedded(result: Any) -> Response:
    return Response(model=getattr(result, "model", None), usage=_usage(result))


def _found(result: Any) -> Response:
    rows = [{"id": r.url, "content": r.content, "metadata": {"title": r.title}} for r in result.results]
    return Response(documents=as_documents(rows))


PROVIDER = Provider(
    name="ollama",
    module="ollama",
    distribution="ollama",
    operations=(
        Operation("chat", _TARGETS, _chat, _answered, stream=_Chat, applies=_gives("ChatResponse")),
        Operation("chat", _TARGETS, _generate, _generated, stream=_Text, applies=_gives("GenerateResponse")),
        Operation("embeddings", _TARGETS, _request, _embedded, applies=_gives("EmbedResponse", "EmbeddingsResponse")),
        Operation("retrieval", _TARGETS, _search, _found, applies=_gives("WebSearchResponse")),
    ),
)
