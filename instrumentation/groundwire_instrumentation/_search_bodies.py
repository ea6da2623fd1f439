"""What Elasticsearch and OpenSearch have in common: searches, the words in a query body, the hits of an answer."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from groundwire.documents import from_row, passage
from groundwire.model import Document, Operation, Request, Response

_MATCHES = frozenset({"match", "match_phrase", "match_phrase_prefix", "match_bool_prefix"})
"""Clauses that have the text under the name of a field."""
_WORDS = frozenset({"query", "model_text", "query_text", "inference_text"})
"""Keys under which other clauses have it: multi_match, semantic, neural, knn with an embedding model, rerankers."""
_APART = frozenset({"filter", "must_not", "post_filter", "sort", "aggs", "aggregations", "highlight", "script"})
"""Parts of a body that narrow or arrange; nobody asks in them."""


def operations(
    targets: Callable[[str], tuple[str, ...]],
    common: Callable[[Any, Mapping[str, Any]], dict[str, Any]],
    search: Callable[[Any, Mapping[str, Any]], Request],
) -> tuple[Operation, ...]:
    """The searches of a client.

    Args:
        targets: a method of each kind of client.
        common: what every request has, of (client, arguments).
        search: of one search, likewise.
    """

    def several(client: Any, arguments: Mapping[str, Any]) -> Request:
        return Request(**{**common(client, arguments), **_asked_of_several(arguments)})

    def template(client: Any, arguments: Mapping[str, Any]) -> Request:
        return Request(**common(client, arguments))

    return (
        Operation("retrieval", targets("search"), search, _found, applies=_finds),
        Operation("retrieval", targets("msearch") + targets("msearch_template"), several, _found_many),
        Operation("retrieval", targets("search_template"), template, _found),
    )


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


def body_of(arguments: Mapping[str, Any]) -> Mapping[str, Any]:
    """The body of a search, which may come as JSON; empty where there is none."""
    body = _parsed(arguments.get("body"))
    return body if isinstance(body, Mapping) else {}


def _parsed(part: Any) -> Any:
    try:
        return json.loads(part) if isinstance(part, str | bytes) else part
    except ValueError:  # the server will say it
        return None


def _finds(arguments: Mapping[str, Any]) -> bool:
    """Whether a search looks for documents: not for aggregations alone, nor through a whole index by scrolling."""
    given = {**(arguments.get("params") or {}), **arguments}
    return given.get("size", body_of(arguments).get("size")) not in (0, "0") and given.get("scroll") is None


def index_name(index: Any) -> str | None:
    """The index, or the indexes, that are searched; None: all."""
    return index if isinstance(index, str | None) else ",".join(map(str, index))


def _found(result: Any) -> Response:
    """The hits of one search."""
    documents = _hits(result)
    return Response(documents=documents, higher_is_better=_order(documents))


def _asked_of_several(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """What a multi-search asks for: all its texts, its index, and how many hits where that is the same for each."""
    lines = next((v for k in ("searches", "search_templates", "body") if (v := arguments.get(k)) is not None), None)
    lines = [line for line in lines.splitlines() if line.strip()] if isinstance(lines, str | bytes) else lines
    read = [_parsed(line) for line in lines] if isinstance(lines, Sequence) else []
    headers, bodies = ([line for line in read[n::2] if isinstance(line, Mapping)] for n in (0, 1))
    indexes = {index_name(header.get("index")) for header in headers}
    sizes = {body.get("size") for body in bodies}
    return {
        "query": query_texts([body for body in bodies if "params" not in body]),
        "top_k": sizes.pop() if len(sizes) == 1 else None,
        "data_source": index_name(arguments.get("index")) or (indexes.pop() if len(indexes) == 1 else None),
    }


def _found_many(result: Any) -> Response:
    """The hits of each search of a multi-search; none of one that failed."""
    lists = [_hits(answer) if "hits" in answer else [] for answer in result["responses"]]
    return Response(documents=lists, higher_is_better=_order([d for documents in lists for d in documents]))


def _hits(result: Any) -> list[Document]:
    return [from_row(_fields(hit), hit.get("_id"), hit.get("_score")) for hit in result["hits"]["hits"]]


def _fields(hit: Mapping[str, Any]) -> Mapping[str, Any]:
    """What the hit holds of its document. Fields that were asked for one by one come as lists."""
    shown = {k: "\n".join(v) for k, v in (hit.get("highlight") or {}).items()}
    inner = [row for part in (hit.get("inner_hits") or {}).values() for row in part["hits"]["hits"]]
    pieces = "\n".join(filter(None, map(_piece, inner)))
    return {
        **({"passage": pieces} if pieces else {}),
        **shown,
        **_single(hit.get("fields") or {}),
        **{name: _given(value) for name, value in (hit.get("_source") or {}).items()},
    }


def _given(value: Any) -> Any:
    """What a field was given: servers before 8.18 return a `semantic_text` with all that was inferred from it."""
    return value["text"] if isinstance(value, dict) and value.keys() == {"text", "inference"} else value


def _single(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {k: v[0] if isinstance(v, list) and len(v) == 1 else v for k, v in fields.items()}


def _piece(row: Mapping[str, Any]) -> str | None:
    """The text of one part of a document that matched; its fields stand under the name of the parts."""
    parts = [_fields(row), *(_single(v) for v in _single(row.get("fields") or {}).values() if isinstance(v, Mapping))]
    return next((text for part in parts if (text := passage(part)[0]) is not None), None)


def _order(documents: Sequence[Document]) -> bool | None:
    return True if any(document.score is not None for document in documents) else None
