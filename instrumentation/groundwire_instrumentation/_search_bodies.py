"""What Elasticsearch and OpenSearch have in common: the words in a query body, and the hits of an answer."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from groundwire.documents import from_row
from groundwire.model import Document, Response

_MATCHES = frozenset({"match", "match_phrase", "match_phrase_prefix", "match_bool_prefix"})
"""Clauses that have the text under the name of a field."""
_WORDS = frozenset({"query", "model_text", "query_text", "inference_text"})
"""Keys under which other clauses have it: multi_match, semantic, neural, knn with an embedding model, rerankers."""
_APART = frozenset({"filter", "must_not", "post_filter", "sort", "aggs", "aggregations", "highlight", "script"})
"""Parts of a body that narrow or arrange; nobody asks in them."""


def query_texts(body: Any) -> list[str] | None:
    """The texts that a query body searches for, each once, in its order; None where it holds none."""
    return list(dict.fromkeys(_texts(body))) or None


def _texts(part: Any) -> Iterator[str]:
    if isinstance(part, Mapping):
        for key, value in part.items():
            if key in _APART:
                continue
            if key in _MATCHES and isinstance(value, Mapping):
                yield from (text for clause in value.values() if isinstance(text := _text(clause), str))
            elif key in _WORDS and isinstance(value, str):
                yield value
            else:
                yield from _texts(value)
    elif isinstance(part, list | tuple) and not (part and isinstance(part[0], int | float)):
        for entry in part:
            yield from _texts(entry)


def _text(clause: Any) -> Any:
    return clause.get("query") if isinstance(clause, Mapping) else clause


def finds(arguments: Mapping[str, Any]) -> bool:
    """Whether a search looks for documents: not for aggregations alone, nor through a whole index by scrolling."""
    body = arguments.get("body")
    size = arguments.get("size", body.get("size") if isinstance(body, Mapping) else None)
    return size != 0 and arguments.get("scroll") is None


def index_name(arguments: Mapping[str, Any]) -> str | None:
    """The index, or the indexes, that are searched; None: all."""
    index = arguments.get("index")
    return index if isinstance(index, str | None) else ",".join(map(str, index))


def searches(lines: Any) -> list[Mapping[str, Any]]:
    """The bodies of a multi-search, whose lines are a header and a body in turn."""
    return [line for line in lines[1::2] if isinstance(line, Mapping)] if isinstance(lines, Sequence) else []


def found(result: Any) -> Response:
    """The hits of one search."""
    documents = _hits(result)
    return Response(documents=documents, higher_is_better=_order(documents))


def asked_of_several(bodies: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """What a multi-search asks for: all its texts, and how many hits where that is the same for each."""
    sizes = {body.get("size") for body in bodies}
    return {"query": query_texts(bodies), "top_k": sizes.pop() if len(sizes) == 1 else None}


def found_many(result: Any) -> Response:
    """The hits of each search of a multi-search; none of one that failed."""
    lists = [_hits(answer) if "hits" in answer else [] for answer in result["responses"]]
    return Response(documents=lists, higher_is_better=_order([d for documents in lists for d in documents]))


def _hits(result: Any) -> list[Document]:
    return [from_row(_fields(hit), hit.get("_id"), hit.get("_score")) for hit in result["hits"]["hits"]]


def _fields(hit: Mapping[str, Any]) -> Mapping[str, Any]:
    """What the hit holds of its document. Fields that were asked for one by one come as lists."""
    picked = hit.get("fields") or hit.get("highlight") or {}
    single = {key: value[0] if isinstance(value, list) and len(value) == 1 else value for key, value in picked.items()}
    return {**single, **(hit.get("_source") or {})}


def _order(documents: Sequence[Document]) -> bool | None:
    return True if any(document.score is not None for document in documents) else None
