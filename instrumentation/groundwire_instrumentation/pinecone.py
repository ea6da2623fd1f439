"""Pinecone: `query`, `query_namespaces`, `search` of records and of documents; REST and gRPC, sync and async.

What its hosted models embed and rerank is traced too. The data source is the namespace; a client knows the host of its
index and not its name. A match carries text where metadata (or fields) were asked for. Whether a greater score is
better depends on the metric, which a client does not know either: it is told by the order of the matches.
"""

from collections.abc import Iterable, Mapping
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit

from groundwire.documents import from_row, scores_descend
from groundwire.model import Document, Operation, Provider, Request, Response
from groundwire_instrumentation import _pinecone_inference

_CLIENTS = ("pinecone:Index", "pinecone:AsyncIndex", "pinecone.grpc:GrpcIndex")
_DOCUMENTS = ("pinecone.client.documents:Documents", "pinecone.async_client.documents:AsyncDocuments")


def _targets(method: str, classes: Iterable[str] = _CLIENTS) -> tuple[str, ...]:
    return tuple(f"{name}.{method}" for name in classes)


def _common(index: Any, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """What every request has: the namespace, how many, and the host of the index."""
    parts = urlsplit(str(getattr(index, "_host", "")))
    names = arguments.get("namespaces") or [arguments.get("namespace")]
    return {
        "top_k": arguments.get("top_k"),
        "data_source": ",".join(name for name in names if name) or None,
        "server_address": parts.hostname,
        "server_port": parts.port,
    }


def _query(index: Any, arguments: Mapping[str, Any]) -> Request:
    return Request(**_common(index, arguments))


def _queries(arguments: Mapping[str, Any]) -> bool:
    return arguments.get("path") == "/query"


def _posted(http: Any, arguments: Mapping[str, Any]) -> Request:
    body = arguments["json"]
    common = _common(SimpleNamespace(_host=http._config.host), {**body, "top_k": body.get("topK")})
    return Request(**common)


def _records(index: Any, arguments: Mapping[str, Any]) -> Request:
    query = arguments.get("query")
    inputs = arguments.get("inputs") or _value(query, "inputs")
    common = _common(index, arguments)
    if common["top_k"] is None:
        common["top_k"] = _value(query, "top_k")
    return Request(query=_value(inputs, "text"), **common)


def _clauses(documents: Any, arguments: Mapping[str, Any]) -> Request:
    texts = (_value(clause, "query") for clause in arguments["score_by"])
    return Request(query=[t for t in texts if isinstance(t, str)] or None, **_common(documents, arguments))


def _value(holder: Any, name: str) -> Any:
    return holder.get(name) if isinstance(holder, Mapping) else getattr(holder, name, None)


def _matches(result: Any) -> Response:
    documents = [from_row(match.metadata or {}, match.id, match.score) for match in result.matches]
    return _answer(documents)


def _body(result: Any) -> Response:
    matches = result.json()["matches"]
    return _answer([from_row(match.get("metadata") or {}, match.get("id"), match.get("score")) for match in matches])


def _hits(result: Any) -> Response:
    hits = result.result.hits
    return _answer([from_row(hit.fields, _value(hit, "id"), _value(hit, "score")) for hit in hits])


def _found(result: Any) -> Response:
    rows = [match.to_dict() for match in result.matches]
    return _answer([from_row({k: v for k, v in r.items() if k != "_score"}, None, r.get("_score")) for r in rows])


def _answer(documents: list[Document]) -> Response:
    return Response(documents=documents, higher_is_better=scores_descend(documents))


PROVIDER = Provider(
    name="pinecone",
    module="pinecone",
    distribution="pinecone",
    operations=(
        Operation("retrieval", _targets("query"), _query, _matches),
        # An index takes hold of its own `query` when it is made: one made before is met here.
        Operation("retrieval", ("pinecone._internal.http_client:HTTPClient.post",), _posted, _body, applies=_queries),
        Operation("retrieval", _targets("query_namespaces"), _query, _matches, iterables=("namespaces",)),
        Operation("retrieval", _targets("search"), _records, _hits),
        Operation("retrieval", _targets("search_records"), _records, _hits),
        Operation("retrieval", _targets("search", _DOCUMENTS), _clauses, _found, iterables=("score_by",)),
        *_pinecone_inference.OPERATIONS,
    ),
    executors=("pinecone.index:ThreadPoolExecutor", "pinecone.grpc:ThreadPoolExecutor"),
)
