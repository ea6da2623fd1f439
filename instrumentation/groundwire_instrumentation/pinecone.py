"""Pinecone: `query`, `query_namespaces`, `search` of records and of documents; REST and gRPC, sync and async.

What its hosted models embed and rerank is traced too. The data source is the namespace; a client knows the host of its
index and not its name. A match carries text where metadata (or fields) were asked for. Whether a greater score is
better depends on the metric, which a client does not know either: it is told by the order of the matches.
"""

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

from groundwire.documents import from_row
from groundwire.model import Operation, Provider, Request, Response
from groundwire_instrumentation import _pinecone_inference, _pinecone_records
from groundwire_instrumentation._pinecone_records import answer, common, targets


def _query(index: Any, arguments: Mapping[str, Any]) -> Request:
    return Request(**common(index, arguments))


def _queries(arguments: Mapping[str, Any]) -> bool:
    return arguments.get("path") == "/query"


def _posted(http: Any, arguments: Mapping[str, Any]) -> Request:
    body = arguments["json"]
    return Request(**common(SimpleNamespace(_host=http._config.host), {**body, "top_k": body.get("topK")}))


def _matches(result: Any) -> Response:
    documents = [from_row(match.metadata or {}, match.id, match.score) for match in result.matches]
    return answer(documents)


def _body(result: Any) -> Response:
    matches = result.json()["matches"]
    return answer([from_row(match.get("metadata") or {}, match.get("id"), match.get("score")) for match in matches])


PROVIDER = Provider(
    name="pinecone",
    module="pinecone",
    distribution="pinecone",
    operations=(
        Operation("retrieval", targets("query"), _query, _matches),
        # An index takes hold of its own `query` when it is made: one made before is met here.
        Operation("retrieval", ("pinecone._internal.http_client:HTTPClient.post",), _posted, _body, applies=_queries),
        Operation("retrieval", targets("query_namespaces"), _query, _matches, iterables=("namespaces",)),
        *_pinecone_records.OPERATIONS,
        *_pinecone_inference.OPERATIONS,
    ),
    executors=("pinecone.index:ThreadPoolExecutor", "pinecone.grpc:ThreadPoolExecutor"),
)
