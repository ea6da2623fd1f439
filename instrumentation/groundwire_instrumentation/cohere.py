"""Cohere: chat, streamed or not, embeddings and reranking of the v2 API; embeddings and reranking of the v1 API.

All clients of the SDK, sync and async, made before instrumentation or after it, pass through its raw clients, which
`with_raw_response` gives away too; only v1 embeddings are taken above them, because the client cuts them into batches
for a pool of threads. Tokens are those billed. Documents handed to a chat are put before its messages as results of a
tool, which is how Cohere shows them to the model. A rerank answers with places in the list that it was given.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from groundwire.documents import passage
from groundwire.hosts import COMPATIBLE, server
from groundwire.media import uri_part
from groundwire.model import Document, Message, Operation, Provider, Request, Response, Usage

_V2 = ("cohere.v2.raw_client:RawV2Client", "cohere.v2.raw_client:AsyncRawV2Client")
_V1 = ("cohere.raw_base_client:RawBaseCohere", "cohere.raw_base_client:AsyncRawBaseCohere")
_EMBED = (*(f"{client}.embed" for client in _V2), "cohere.client:Client.embed", "cohere.client:AsyncClient.embed")
_ONCE = ("messages", "documents", "tools")
_PARAMETERS: Mapping[str, str] = {
    "temperature": "gen_ai.request.temperature",
    "p": "gen_ai.request.top_p",
    "k": "gen_ai.request.top_k",
    "max_tokens": "gen_ai.request.max_tokens",
    "frequency_penalty": "gen_ai.request.frequency_penalty",
    "presence_penalty": "gen_ai.request.presence_penalty",
    "seed": "gen_ai.request.seed",
    "output_dimension": "gen_ai.embeddings.dimension.count",
}
_LISTS: Mapping[str, str] = {
    "stop_sequences": "gen_ai.request.stop_sequences",
    "embedding_types": "gen_ai.request.encoding_formats",
}
_FINISH: Mapping[str, str] = {
    "COMPLETE": "stop",
    "STOP_SEQUENCE": "stop",
    "MAX_TOKENS": "length",
    "TOOL_CALL": "tool_call",
    "ERROR": "error",
    "TIMEOUT": "error",
}


def _common(client: Any, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """What every request has; parameters that were left out are an ellipsis in this SDK."""
    attributes: dict[str, Any] = {
        name: arguments[key] for key, name in _PARAMETERS.items() if isinstance(arguments.get(key), int | float)
    }
    attributes |= {name: tuple(arguments[key]) for key, name in _LISTS.items() if _rows(arguments.get(key))}
    provider, address, port = server(client._client_wrapper.get_base_url())
    return {
        "model": _text(arguments.get("model")),
        "provider": None if provider == COMPATIBLE else provider,  # a proxy before Cohere, or a private deployment
        "server_address": address,
        "server_port": port,
        "attributes": attributes,
    }


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _rows(value: Any) -> Sequence[Any]:
    return value if isinstance(value, list | tuple) else ()


def _plain(value: Any) -> Mapping[str, Any]:
    """A message, tool or document as a mapping: applications pass objects of the SDK or dictionaries."""
    return value if isinstance(value, Mapping) else value.model_dump(exclude_none=True, warnings=False)


# --- chat -----------------------------------------------------------------------------------------------------------


def _chat_request(client: Any, arguments: Mapping[str, Any]) -> Request:
    shown = [_shown(document) for document in _rows(arguments.get("documents"))]
    messages: list[Message] = [{"role": "tool", "parts": shown}] if shown else []
    messages += [_message(_plain(message)) for message in arguments["messages"]]
    tools = [_plain(tool) for tool in _rows(arguments.get("tools"))]
    return Request(
        messages=messages,
        tools=[{"type": "function", **(tool.get("function") or {})} for tool in tools],
        **_common(client, arguments),
    )


def _stream_request(client: Any, arguments: Mapping[str, Any]) -> Request:
    return replace(_chat_request(client, arguments), stream=True)


def _shown(document: Any) -> dict[str, Any]:
    """A document of a chat as the result of a tool: its text, or all its fields where it has more than that."""
    if isinstance(document, str):
        return {"type": "tool_call_response", "id": None, "response": document}
    given = _plain(document)
    data = given.get("data", given)
    if isinstance(data, Mapping):
        text, rest = passage(data)
        data = text if text is not None and not rest else "\n".join(f"{key}: {value}" for key, value in data.items())
    return {"type": "tool_call_response", "id": given.get("id"), "response": str(data)}


def _message(message: Mapping[str, Any]) -> Message:
    role, content = message.get("role") or "user", message.get("content")
    items = [content] if isinstance(content, str) else _rows(content)
    if role == "tool":
        result = "\n".join(_shown(_document(item))["response"] for item in items)
        return {
            "role": role,
            "parts": [{"type": "tool_call_response", "id": message.get("tool_call_id"), "response": result}],
        }
    plan = message.get("tool_plan")
    parts = [_reasoning(plan)] if plan else []
    parts += [_part(item) for item in items]
    parts += [_tool_call(_plain(call)) for call in message.get("tool_calls") or ()]
    return {"role": role, "parts": parts}


def _document(item: Any) -> Any:
    """What a tool returned, out of its content block."""
    block = item if isinstance(item, str) else _plain(item)
    return block if isinstance(block, str) else block.get("document") or block.get("text") or ""


def _reasoning(text: str) -> dict[str, Any]:
    return {"type": "reasoning", "content": text}


def _part(item: Any) -> dict[str, Any]:
    """One content block of a message."""
    if isinstance(item, str):
        return {"type": "text", "content": item}
    block = _plain(item)
    kind = block.get("type")
    if kind == "thinking":
        return _reasoning(block.get("thinking") or "")
    if kind == "image_url":
        return uri_part("image", _plain(block.get("image_url") or {}).get("url"))
    return {"type": "text", "content": block.get("text") or ""} if kind == "text" else {"type": str(kind)}


def _tool_call(call: Mapping[str, Any]) -> dict[str, Any]:
    function = _plain(call.get("function") or {})
    named = {"name": function.get("name"), "arguments": function.get("arguments")}
    return {"type": "tool_call", "id": call.get("id"), **named}


def _usage(given: Any) -> Usage | None:
    """Billed tokens; where the bill names none, those that were used. The SDK has them as floats."""
    billed, used = (_fields(getattr(given, name, None)) for name in ("billed_units", "tokens"))
    inputs, outputs = (_count(billed.get(name, used.get(name))) for name in ("input_tokens", "output_tokens"))
    if inputs is None and outputs is None:
        return None
    return Usage(inputs, outputs, _count(getattr(given, "cached_tokens", None)))


def _count(tokens: Any) -> int | None:
    return None if tokens is None else int(tokens)


def _fields(value: Any) -> Mapping[str, Any]:
    return {} if value is None else _plain(value)


def _chat_response(result: Any) -> Response:
    answer = result.data
    return Response(
        id=answer.id,
        messages=[_message(_plain(answer.message))],
        finish_reasons=_finish(answer.finish_reason),
        usage=_usage(answer.usage),
    )


def _finish(reason: Any) -> Sequence[str]:
    return (_FINISH.get(reason, str(reason).lower()),) if reason else ()


class _ChatEvents:
    """Events of one streamed chat: blocks of text and thought by index, a plan, tool calls by index."""

    def __init__(self) -> None:
        self._id: str | None = None
        self._plan: list[str] = []
        self._blocks: dict[int, tuple[list[str], list[str]]] = {}
        self._calls: dict[int, tuple[Any, list[str]]] = {}
        self._end: Any = None

    def add(self, event: Any) -> None:
        kind, delta = event.type, getattr(event, "delta", None)
        message = getattr(delta, "message", None)
        if kind in ("content-delta", "content-start"):
            thoughts, texts = self._blocks.setdefault(event.index or 0, ([], []))
            if message is not None and message.content is not None:
                thoughts.append(getattr(message.content, "thinking", None) or "")
                texts.append(getattr(message.content, "text", None) or "")
        elif kind == "tool-plan-delta" and message is not None:
            self._plan.append(message.tool_plan or "")
        elif kind == "tool-call-start" and message is not None:
            self._calls[event.index or 0] = (message.tool_calls, [message.tool_calls.function.arguments or ""])
        elif kind == "tool-call-delta" and message is not None:
            self._calls[event.index or 0][1].append(message.tool_calls.function.arguments or "")
        elif kind == "message-start":
            self._id = event.id
        elif kind == "message-end":
            self._end = delta

    def response(self) -> Response:
        parts = [_reasoning("".join(self._plan))] if self._plan else []
        for _, (thoughts, texts) in sorted(self._blocks.items()):
            parts += [_reasoning(thought)] if (thought := "".join(thoughts)) else []
            parts += [{"type": "text", "content": text}] if (text := "".join(texts)) else []
        for _, (call, pieces) in sorted(self._calls.items()):
            parts.append({**_tool_call(_plain(call)), "arguments": "".join(pieces)})
        return Response(
            id=self._id,
            messages=[{"role": "assistant", "parts": parts}] if parts else None,
            finish_reasons=_finish(getattr(self._end, "finish_reason", None)),
            usage=_usage(getattr(self._end, "usage", None)),
        )


# --- embeddings and reranking ---------------------------------------------------------------------------------------


def _embed_request(client: Any, arguments: Mapping[str, Any]) -> Request:
    return Request(**_common(client, arguments))


def _embed_response(result: Any) -> Response:
    found = getattr(result, "data", result)
    return Response(id=found.id, usage=_usage(found.meta))


def _rerank_request(client: Any, arguments: Mapping[str, Any]) -> Request:
    before = [_candidate(document) for document in arguments["documents"]]
    top_n = arguments.get("top_n")

    def read(result: Any) -> Response:
        found = result.data
        units = _fields(getattr(found.meta, "billed_units", None)).get("search_units")
        return Response(
            id=found.id,
            documents=[replace(before[row.index], score=row.relevance_score) for row in found.results],
            higher_is_better=True,
            usage=_usage(found.meta),
            attributes={} if units is None else {"cohere.usage.search_units": units},
        )

    return Request(
        query=arguments["query"],
        documents=before,
        top_k=top_n if isinstance(top_n, int) else None,
        read=read,
        **_common(client, arguments),
    )


def _candidate(document: Any) -> Document:
    if isinstance(document, str):
        return Document(document)
    fields = _plain(document)
    text, rest = passage({key: value for key, value in fields.items() if key != "id"})
    return Document(text, _text(fields.get("id")), metadata=rest)


def _nothing(_: Any) -> Response:
    return Response()  # the request says how its result is read


PROVIDER = Provider(
    name="cohere",
    module="cohere",
    distribution="cohere",
    operations=(
        Operation("chat", tuple(f"{c}.chat" for c in _V2), _chat_request, _chat_response, iterables=_ONCE),
        Operation(
            "chat",
            tuple(f"{c}.chat_stream" for c in _V2),
            _stream_request,
            _chat_response,
            stream=_ChatEvents,
            iterables=_ONCE,
        ),
        Operation("embeddings", _EMBED, _embed_request, _embed_response),
        Operation(
            "rerank",
            tuple(f"{c}.rerank" for c in (*_V2, *_V1)),
            _rerank_request,
            _nothing,
            iterables=("documents",),
        ),
    ),
)
