"""Cohere: chat, streamed or not, embeddings and reranking of the v2 and of the v1 API.

All clients of the SDK, sync and async, made before instrumentation or after it, pass through its raw clients, which
`with_raw_response` gives away too; only v1 embeddings are taken above them, because the client cuts them into batches
for a pool of threads. Tokens are those billed. Documents handed to a chat are put before its messages as results of a
tool, which is how Cohere shows them to the model. A rerank answers with places in the list that it was given.
"""

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from groundwire.documents import passage
from groundwire.hosts import COMPATIBLE, server
from groundwire.model import Document, Message, Operation, Provider, Request, Response
from groundwire_instrumentation import _cohere_chat, _cohere_v1

_V2 = ("cohere.v2.raw_client:RawV2Client", "cohere.v2.raw_client:AsyncRawV2Client")
_V1 = ("cohere.raw_base_client:RawBaseCohere", "cohere.raw_base_client:AsyncRawBaseCohere")
_EMBED = (*(f"{client}.embed" for client in _V2), "cohere.client:Client.embed", "cohere.client:AsyncClient.embed")
_ONCE = ("messages", "documents", "tools")
_ONCE_V1 = ("chat_history", "documents", "tools", "tool_results")
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
_NUMBERS = (int, float)
_LISTS: Mapping[str, str] = {
    "stop_sequences": "gen_ai.request.stop_sequences",
    "embedding_types": "gen_ai.request.encoding_formats",
}


def _common(client: Any, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """What every request has; parameters that were left out are an ellipsis in this SDK."""
    attributes: dict[str, Any] = {
        name: value
        for name, value in zip(_PARAMETERS.values(), map(arguments.get, _PARAMETERS), strict=True)
        if value is not ... and isinstance(value, _NUMBERS)
    }
    for key, name in _LISTS.items():
        if given := _cohere_chat.rows(arguments.get(key)):
            attributes[name] = tuple(given)
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


def _chat_request(client: Any, arguments: Mapping[str, Any], *, stream: bool = False) -> Request:
    messages: list[Message] = [_cohere_chat.message_of(_cohere_chat.plain(m)) for m in arguments["messages"]]
    if documents := _cohere_chat.rows(arguments.get("documents")):
        messages.insert(0, {"role": "tool", "parts": [_cohere_chat.shown(document) for document in documents]})
    tools = _cohere_chat.rows(arguments.get("tools"))
    return Request(
        messages=messages,
        tools=[_cohere_chat.tool(tool) for tool in tools] if tools else None,
        stream=stream,
        **_common(client, arguments),
    )


def _chat_v1_request(client: Any, arguments: Mapping[str, Any], *, stream: bool = False) -> Request:
    return Request(**_cohere_v1.asked(arguments), stream=stream, **_common(client, arguments))


# --- embeddings and reranking ---------------------------------------------------------------------------------------


def _embed_request(client: Any, arguments: Mapping[str, Any]) -> Request:
    return Request(**_common(client, arguments))


def _embed_response(result: Any) -> Response:
    found = getattr(result, "data", result)
    return Response(id=found.id, usage=_cohere_chat.usage_of(found.meta))


def _rerank_request(client: Any, arguments: Mapping[str, Any]) -> Request:
    before = [_candidate(document) for document in arguments["documents"]]
    top_n = arguments.get("top_n")

    def read(result: Any) -> Response:
        found = result.data
        units = _cohere_chat.fields(getattr(found.meta, "billed_units", None)).get("search_units")
        return Response(
            id=found.id,
            documents=[replace(before[row.index], score=row.relevance_score) for row in found.results],
            higher_is_better=True,
            usage=_cohere_chat.usage_of(found.meta),
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
    fields = _cohere_chat.plain(document)
    text, rest = passage({key: value for key, value in fields.items() if key != "id"})
    return Document(text, _text(fields.get("id")), metadata=rest)


def _nothing(_: Any) -> Response:
    return Response()  # the request says how its result is read


PROVIDER = Provider(
    name="cohere",
    module="cohere",
    distribution="cohere",
    operations=(
        Operation("chat", tuple(f"{c}.chat" for c in _V2), _chat_request, _cohere_chat.chat_response, iterables=_ONCE),
        Operation(
            "chat",
            tuple(f"{c}.chat_stream" for c in _V2),
            partial(_chat_request, stream=True),
            _cohere_chat.chat_response,
            stream=_cohere_chat.ChatEvents,
            iterables=_ONCE,
        ),
        Operation("chat", tuple(f"{c}.chat" for c in _V1), _chat_v1_request, _cohere_v1.answered, iterables=_ONCE_V1),
        Operation(
            "chat",
            tuple(f"{c}.chat_stream" for c in _V1),
            partial(_chat_v1_request, stream=True),
            _cohere_v1.answered,
            stream=_cohere_v1.Events,
            iterables=_ONCE_V1,
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
