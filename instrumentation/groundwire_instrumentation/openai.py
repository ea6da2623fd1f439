"""OpenAI and every server that its client talks to: chats, responses, bare completions, embeddings, vector stores.

All resources of the client, sync and async, plain, raw and streamed, parsed or not, pass through one public method,
`OpenAI.request`, whose options hold the path and the final body. Clients made before instrumentation are covered.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import unquote

from groundwire.hosts import server
from groundwire.model import Document, Operation, Provider, Request, Response
from groundwire.wire import members
from groundwire_instrumentation import _openai_chat, _openai_chunks, _openai_responses
from groundwire_instrumentation._openai_usage import usage_of, whole

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
    url = client.__dict__.get("_base_url") or client.base_url  # OpenAI's imports a module to tell it
    return body, described(body, url, type(client).__name__, stream=bool(arguments.get("stream")))


def described(body: Mapping[str, Any], base_url: Any, client: str = "", *, stream: bool = False) -> dict[str, Any]:
    """What a body in OpenAI's words says of any kind of request, sent there by a client of that class."""
    attributes: dict[str, Any] = {
        _PARAMETERS[key]: value for key, value in body.items() if key in _PARAMETERS and isinstance(value, _SCALARS)
    }
    if body.get("n") == 1:
        del attributes[_PARAMETERS["n"]]
    if stop := body.get("stop"):
        attributes["gen_ai.request.stop_sequences"] = (stop,) if isinstance(stop, str) else tuple(stop)
    provider, address, port = server(base_url, client)
    return {
        "model": body.get("model"),
        "provider": provider,
        "server_address": address,
        "server_port": port,
        "stream": stream,
        "attributes": attributes,
    }


def chat_request(client: Any, arguments: Mapping[str, Any]) -> Request:
    """Of a chat completion."""
    return chat(*request_parts(client, arguments))


def chat(body: Mapping[str, Any], common: Mapping[str, Any]) -> Request:
    """A chat, out of its body and what is said of that; documents beside the messages come first."""
    messages = [_openai_chat.message(m) for m in body.get("messages") or ()]
    if isinstance(documents := body.get("documents"), list | tuple) and documents:
        messages = [{"role": "tool", "parts": [_openai_chat.shown(d) for d in documents]}, *messages]
    return Request(
        messages=messages,
        tools=[_openai_chat.tool(t) for t in body.get("tools") or ()],
        **common,
    )


def text_request(client: Any, arguments: Mapping[str, Any]) -> Request:
    """Of a text that goes on from a bare prompt."""
    return text(*request_parts(client, arguments))


def text(body: Mapping[str, Any], common: Mapping[str, Any]) -> Request:
    """One prompt or several; those that come as numbers of tokens are not written down."""
    given = body.get("prompt")
    prompts = [given] if isinstance(given, str) else given or ()
    messages = [{"role": "user", "parts": _openai_chat.parts_of(p)} for p in prompts if isinstance(p, str)]
    return Request(messages=messages, **common)


def _responses_request(client: Any, arguments: Mapping[str, Any]) -> Request:
    return response(*request_parts(client, arguments))


def response(body: Mapping[str, Any], common: Mapping[str, Any]) -> Request:
    """A response, out of its body and what is said of that."""
    reasoning = body.get("reasoning")
    if isinstance(reasoning, Mapping) and isinstance(reasoning.get("effort"), str):
        common["attributes"]["gen_ai.request.reasoning.level"] = reasoning["effort"]
    return Request(**_openai_responses.asked(body), **common)


def embeddings_request(client: Any, arguments: Mapping[str, Any]) -> Request:
    """Of embeddings."""
    body, common = request_parts(client, arguments)
    if isinstance(body.get("encoding_format"), str):
        common["attributes"]["gen_ai.request.encoding_formats"] = (body["encoding_format"],)
    return Request(**common)


def embeddings_response(result: Any) -> Response:
    """Of embeddings, which are not looked at."""
    said = whole(result)
    return Response(model=said.get("model"), usage=usage_of(said.get("usage")))


# --- vector stores that OpenAI keeps --------------------------------------------------------------------------------

_SEARCH = re.compile(r"/vector_stores/([^/?]+)/search/?(?:\?|$)")


_posted_search = posted_to("/search")


def _searches(arguments: Mapping[str, Any]) -> bool:
    return _posted_search(arguments) and _SEARCH.search(arguments["options"].url) is not None


def _search_request(client: Any, arguments: Mapping[str, Any]) -> Request:
    body, common = request_parts(client, arguments)
    store = _SEARCH.search(arguments["options"].url)
    return Request(
        query=body.get("query"),
        top_k=body.get("max_num_results"),
        data_source=unquote(store[1]) if store else None,
        **common,
    )


def _found(result: Any) -> Response:
    documents = [
        Document(
            "\n".join(piece.get("text") or "" for piece in map(members, row.get("content") or ())),
            row.get("file_id"),
            row.get("score"),
            {"filename": row.get("filename"), **(row.get("attributes") or {})},
        )
        for row in map(members, whole(result).get("data") or ())
    ]
    return Response(documents=documents, higher_is_better=True)


PROVIDER = Provider(
    name="openai",
    module="openai",
    distribution="openai",
    operations=(
        Operation(
            "chat",
            _TARGETS,
            chat_request,
            _openai_chat.answered,
            stream=_openai_chunks.Chunks,
            applies=posted_to("/chat/completions"),
        ),
        Operation(
            "chat",
            _TARGETS,
            _responses_request,
            _openai_responses.answered,
            stream=_openai_responses.Events,
            applies=posted_to("/responses"),
        ),
        Operation(
            "chat", _TARGETS, _responses_request, _openai_responses.answered, applies=posted_to("/responses/compact")
        ),
        Operation(
            "chat",
            _TARGETS,
            text_request,
            _openai_chat.answered,
            stream=_openai_chunks.TextChunks,
            applies=posted_to("/completions"),
        ),
        Operation("embeddings", _TARGETS, embeddings_request, embeddings_response, applies=posted_to("/embeddings")),
        Operation("retrieval", _TARGETS, _search_request, _found, applies=_searches),
    ),
)
