"""Pinecone's hosted models: `embed`, and `rerank` of documents that any store found; sync and async."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

from groundwire.model import Document, Operation, Request, Response, Usage


def _targets(method: str) -> tuple[str, ...]:
    return (
        f"pinecone.client.inference:Inference.{method}",
        f"pinecone.async_client.inference:AsyncInference.{method}",
    )


def _common(inference: Any, arguments: Mapping[str, Any]) -> dict[str, Any]:
    parts = urlsplit(inference._http._config.host)
    model = arguments["model"]
    return {
        "model": str(getattr(model, "value", model)),
        "server_address": parts.hostname,
        "server_port": parts.port,
    }


def _embed(inference: Any, arguments: Mapping[str, Any]) -> Request:
    asked = arguments.get("parameters") or {}
    names = {"input_type": "pinecone.request.input_type", "dimension": "gen_ai.embeddings.dimension.count"}
    attributes = {name: asked[key] for key, name in names.items() if asked.get(key) is not None}
    return Request(**_common(inference, arguments), attributes=attributes)


def _embedded(result: Any) -> Response:
    return Response(model=result.model, usage=Usage(result.usage.total_tokens))


def _rerank(inference: Any, arguments: Mapping[str, Any]) -> Request:
    fields = arguments.get("rank_fields", ("text",))
    given = arguments["documents"]
    documents = [_document(each, fields) for each in given] if isinstance(given, Sequence) else []

    def read(result: Any) -> Response:
        ranked = [replace(documents[row.index], score=row.score) for row in result.data]
        units = {"pinecone.usage.rerank_units": result.usage.rerank_units}
        return Response(model=result.model, documents=ranked, higher_is_better=True, attributes=units)

    return Request(
        query=arguments["query"],
        documents=documents,
        top_k=arguments.get("top_n"),
        read=read,
        **_common(inference, arguments),
    )


def _document(given: Any, fields: Sequence[str]) -> Document:
    """One that is to be ranked; its text is in the fields that are ranked by."""
    if isinstance(given, str):
        return Document(given)
    texts = [text for field in fields if isinstance(text := given.get(field), str)]
    identity = given.get("id", given.get("_id"))
    rest = {key: value for key, value in given.items() if key not in (*fields, "id", "_id")}
    return Document("\n".join(texts) or None, None if identity is None else str(identity), None, rest or None)


def _nothing(_: Any) -> Response:
    """Of a request that could not be read."""
    return Response()


OPERATIONS = (
    Operation("embeddings", _targets("embed"), _embed, _embedded),
    Operation("rerank", _targets("rerank"), _rerank, _nothing),
)
