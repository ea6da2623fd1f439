"""Voyage AI: embeddings of texts, of chunks in their context, of texts with images; and rerank. Sync and async.

The tokens that Voyage counts are all input; pixels of images and videos are billed apart, and stand beside them. A
model that runs on this machine is traced as any other, with no server. Results do not say which model made them.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from groundwire.hosts import server
from groundwire.model import Document, Operation, Provider, Request, Response, Usage

_ATTRIBUTES: Mapping[str, str] = {
    "input_type": "voyageai.request.input_type",
    "output_dimension": "gen_ai.embeddings.dimension.count",
}
_DEFAULT_MODEL = "voyage-2"
"""Of `embed` without a model, which the SDK warns about."""


def _targets(*methods: str) -> tuple[str, ...]:
    clients = ("voyageai.client:Client", "voyageai.client_async:AsyncClient")
    return tuple(f"{client}.{method}" for method in methods for client in clients)


def _common(client: Any, arguments: Mapping[str, Any]) -> dict[str, Any]:
    base_url = client._params.get("base_url")  # None: no key, so a model on this machine
    _, address, port = server(base_url) if base_url else (None, None, None)
    attributes: dict[str, Any] = {
        name: arguments[key] for key, name in _ATTRIBUTES.items() if arguments.get(key) is not None
    }
    if arguments.get("output_dtype"):
        attributes["gen_ai.request.encoding_formats"] = (arguments["output_dtype"],)
    return {
        "model": arguments.get("model") or _DEFAULT_MODEL,
        "server_address": address,
        "server_port": port,
        "attributes": attributes,
    }


def _embed_request(client: Any, arguments: Mapping[str, Any]) -> Request:
    return Request(**_common(client, arguments))


def _embed_response(result: Any) -> Response:
    pixels = {
        f"voyageai.usage.{name}": count
        for name in ("image_pixels", "video_pixels")
        if (count := getattr(result, name, None))
    }
    return Response(usage=Usage(result.total_tokens), attributes=pixels)


def _rerank_request(client: Any, arguments: Mapping[str, Any]) -> Request:
    documents = arguments["documents"]
    return Request(
        query=arguments["query"],
        documents=[Document(text) for text in documents] if isinstance(documents, Sequence) else None,
        top_k=arguments.get("top_k"),
        **_common(client, arguments),
    )


def _rerank_response(result: Any) -> Response:
    return Response(
        documents=[Document(row.document, score=row.relevance_score) for row in result.results],
        higher_is_better=True,
        usage=Usage(result.total_tokens),
    )


PROVIDER = Provider(
    name="voyageai",
    module="voyageai",
    distribution="voyageai",
    operations=(
        Operation(
            "embeddings",
            _targets("embed", "contextualized_embed", "multimodal_embed"),
            _embed_request,
            _embed_response,
        ),
        Operation("rerank", _targets("rerank"), _rerank_request, _rerank_response),
    ),
)
