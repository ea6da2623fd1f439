"""Weaviate: what `query` and `generate` of a collection find, sync and async, of any tenant and in groups.

`generate` has the server ask a model about what it found. With a task for all objects together that is an answer, told
as a chat that lists its passages: all properties that the model is given. With a prompt for each object, it is told as
the retrieval that it is, each text beside its object. `fetch_objects` is a retrieval where it has a filter, else it
lists the store. Scores are there where metadata were asked for: a reranker's, else that of words, else a vector's
distance or certainty.
"""

from collections.abc import Collection, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from groundwire.documents import from_row
from groundwire.hosts import COMPATIBLE, server
from groundwire.model import Document, Operation, Provider, Request, Response, Usage

_SEARCHES = ("near_text", "near_vector", "near_object", "near_image", "near_media", "hybrid", "bm25")
_SCORES = (("rerank_score", True), ("score", True), ("distance", False), ("certainty", True))
"""Fields of an object's metadata that may hold its score, and whether more of it is better."""
_NAMES = {"aws": "aws.bedrock", "mistral": "mistral_ai", "palm": "gcp.vertex_ai", "xai": "x_ai"}
_LONGEST = 4000
"""Characters of a property; longer ones are images and the like."""
_INPUT = ("prompt_tokens", "input_tokens", "prompt_token_count")
_OUTPUT = ("completion_tokens", "output_tokens", "candidates_token_count")


def _targets(space: str, *methods: str) -> tuple[str, ...]:
    owner = f"weaviate.collections.{space}:_{space.title()}Collection"
    return tuple(f"{owner}{kind}.{method}" for kind in ("", "Async") for method in methods)


def _request(collection: Any, arguments: Mapping[str, Any], **asked: Any) -> Request:
    address = collection._connection._connection_params.grpc
    tenant = getattr(collection, "_BaseExecutor__tenant", None)
    return Request(
        query=arguments.get("query"),
        top_k=arguments.get("limit"),
        data_source=collection._name,
        server_address=address.host,
        server_port=address.port,
        attributes={} if tenant is None else {"weaviate.tenant": tenant},
        **asked,
    )


def _task(collection: Any, arguments: Mapping[str, Any]) -> Request:
    task, model = arguments["grouped_task"], arguments.get("generative_provider")
    message = {"role": "user", "parts": [{"type": "text", "content": getattr(task, "prompt", task)}]}
    read = partial(_answer, arguments.get("grouped_properties") or ())
    return _request(collection, arguments, messages=[message], read=read, **_model(model))


def _model(model: Any) -> dict[str, Any]:
    """Which model the server is to ask; where the call does not say, the schema does, which is not read."""
    kind = getattr(model, "generative", "")
    kind = str(getattr(kind, "value", kind)).removeprefix("generative-")
    url = getattr(model, "base_url", None) or getattr(model, "api_endpoint", None)
    answers = server(str(url))[0] if url else "azure.ai.openai" if getattr(model, "is_azure", False) else None
    if answers is None or (answers == COMPATIBLE and kind != "openai"):
        answers = _NAMES.get(kind, kind) or None
    return {"model": getattr(model, "model", None), "provider": answers}


def _has_task(arguments: Mapping[str, Any]) -> bool:
    return arguments.get("grouped_task") is not None


def _has_filter(arguments: Mapping[str, Any]) -> bool:
    return arguments.get("filters") is not None


def _found(result: Any) -> Response:
    objects = getattr(result, "objects", [] if result is None else [result])  # of one that was fetched by its id
    # Asked for everything, a server gives a search by vectors a score of 0.
    held = ((n, up) for n, up in _SCORES if any(s or (s == 0 and n != "score") for s in _metadata(objects, n)))
    field, higher = next(held, ("", None))
    scores = _metadata(objects, field)
    groups = getattr(result, "groups", {})
    documents = [_document(each, score, groups) for each, score in zip(objects, scores, strict=True)]
    return Response(documents=documents, higher_is_better=higher)


def _metadata(objects: Any, name: str) -> list[Any]:
    return [getattr(each.metadata, name, None) for each in objects]


def _document(found: Any, score: float | None, groups: Mapping[str, Any]) -> Document:
    document = from_row(found.properties, found.uuid, score)
    group = groups.get(getattr(found, "belongs_to_group", ""))  # a prompt is asked once for each of them
    text = getattr(getattr(found, "generative", None), "text", None) or getattr(group, "generated", None)
    # Beside a task for all, servers give every object a text that is empty.
    return replace(document, metadata={**(document.metadata or {}), "generated": text}) if text else document


def _answer(names: Collection[str], result: Any) -> Response:
    found = _found(result)
    told = getattr(result, "generative", None)
    text = getattr(told, "text", None) or result.generated  # in groups, there is the text alone
    message = {"role": "assistant", "parts": [{"type": "text", "content": text}]}
    usage = _usage(getattr(told, "metadata", None))
    documents = [_given(each, names) for each in found.documents or () if isinstance(each, Document)]
    return replace(found, documents=documents, messages=None if text is None else [message], usage=usage)


def _given(document: Document, names: Collection[str]) -> Document:
    """What the model was given of an object: its properties, or those of them that are named."""
    fields = ((k, v) for k, v in (document.metadata or {}).items() if k != "generated" and (k in names or not names))
    lines = [f"{k}: {v}" for k, v in fields if isinstance(v, str | int | float | list) and len(str(v)) <= _LONGEST]
    return replace(document, text="\n".join([*filter(None, [document.text]), *lines]) or None)


def _usage(metadata: Any) -> Usage | None:
    """What the model's own server counted, under its names; it is there where the task asked for metadata."""
    told = {} if metadata is None else {field.name: value for field, value in metadata.ListFields()}
    counts = next((told[n] for n in ("usage", "usage_metadata", "billed_units") if n in told), None)
    return None if counts is None else Usage(_count(counts, _INPUT), _count(counts, _OUTPUT))


def _count(counts: Any, names: tuple[str, ...]) -> int | None:
    fields = [f for f in counts.DESCRIPTOR.fields if f.name in names]
    told = (getattr(counts, f.name) for f in fields if not f.has_presence or counts.HasField(f.name))
    return next(map(int, told), None)


_FETCHES = ("fetch_objects", "fetch_objects_by_ids")
_GENERATE = _targets("generate", *_SEARCHES, *_FETCHES)
_QUERY = _targets("query", *_SEARCHES, "fetch_object_by_id", "fetch_objects_by_ids")
PROVIDER = Provider(
    name="weaviate",
    module="weaviate",
    distribution="weaviate-client",
    operations=(
        Operation("chat", _GENERATE, _task, partial(_answer, ()), applies=_has_task),
        Operation("retrieval", _GENERATE + _QUERY, _request, _found),
        Operation("retrieval", _targets("query", "fetch_objects"), _request, _found, applies=_has_filter),
    ),
)
