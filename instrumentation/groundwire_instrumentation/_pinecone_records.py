"""Pinecone's records and documents, searched by text or by vector; and what all its searches have in common."""

from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import urlsplit

from groundwire.documents import from_row, scores_descend
from groundwire.model import Document, Operation, Request, Response

_CLIENTS = ("pinecone:Index", "pinecone:AsyncIndex", "pinecone.grpc:GrpcIndex")
_DOCUMENTS = ("pinecone.client.documents:Documents", "pinecone.async_client.documents:AsyncDocuments")


def targets(method: str, classes: Iterable[str] = _CLIENTS) -> tuple[str, ...]:
    """A method of each kind of index."""
    return tuple(f"{name}.{method}" for name in classes)


def common(index: Any, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """What every request has: the namespace, how many, and the host of the index."""
    parts = urlsplit(str(getattr(index, "_host", "")))
    names = arguments.get("namespaces") or [arguments.get("namespace")]
    return {
        "top_k": arguments.get("top_k"),
        "data_source": ",".join(name for name in names if name) or None,
        "server_address": parts.hostname,
        "server_port": parts.port,
    }


def _records(index: Any, arguments: Mapping[str, Any]) -> Request:
    query = arguments.get("query")
    inputs = arguments.get("inputs") or _value(query, "inputs")
    asked = common(index, arguments)
    if asked["top_k"] is None:
        asked["top_k"] = _value(query, "top_k")
    return Request(query=_value(inputs, "text"), **asked)


def _clauses(documents: Any, arguments: Mapping[str, Any]) -> Request:
    texts = (_value(clause, "query") for clause in arguments["score_by"])
    return Request(query=[t for t in texts if isinstance(t, str)] or None, **common(documents, arguments))


def _value(holder: Any, name: str) -> Any:
    return holder.get(name) if isinstance(holder, Mapping) else getattr(holder, name, None)


def _hits(result: Any) -> Response:
    hits = result.result.hits
    return answer([from_row(hit.fields, _value(hit, "id"), _value(hit, "score")) for hit in hits])


def _found(result: Any) -> Response:
    rows = [match.to_dict() for match in result.matches]
    return answer([from_row({k: v for k, v in r.items() if k != "_score"}, None, r.get("_score")) for r in rows])


def answer(documents: list[Document]) -> Response:
    """Documents, best first, whose order tells what scores mean."""
    return Response(documents=documents, higher_is_better=scores_descend(documents))


OPERATIONS = (
    Operation("retrieval", targets("search") + targets("search_records"), _records, _hits),
    Operation("retrieval", targets("search", _DOCUMENTS), _clauses, _found, iterables=("score_by",)),
)
