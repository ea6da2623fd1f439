"""Whatever a store or a retriever returns, as documents."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import repeat
from typing import Any

from groundwire.model import Document

_TEXT = (
    "text",
    "page_content",  # LangChain
    "page-content",
    "content",
    "chunk",
    "chunk_text",
    "passage",
    "body",
    "document",  # after the others: elsewhere it is the name of a file
)
_NODE = "_node_content"
"""Where LlamaIndex keeps a whole node, as JSON."""
_ID = ("id", "id_", "doc_id", "document_id", "langchain_id", "_id", "pk", "key", "uuid")
_SCORE = ("score", "similarity", "distance", "relevance_score", "_score", "_distance")
_METADATA = ("metadata", "meta")
_PAYLOAD = (*_METADATA, "payload", "entity", "_source", "properties")
_PLAIN = frozenset({str, int, float, bool, type(None)})
"""Types of values that are no vectors: to look into the others takes longer."""
_FEW = 32
"""Whole numbers that are no vector: pages, counts."""
_ROWS = ("documents", "points", "nodes", "source_nodes", "source_documents", "matches", "results", "hits", "objects")


def as_documents(found: Any) -> list[Document]:
    """Documents from texts, mappings, objects with a text attribute, or (document, score) pairs, however nested.

    A mapping or an object without a text that holds a list (`{"matches": [...]}`) is that list. What is none of these
    is passed over; None and empty give an empty list.
    """
    if found is None:
        return []
    if isinstance(found, list | tuple):
        return _flat(map(_entry, found))
    if isinstance(found, str | bytes | Document):
        return _some(_document(found))
    if hasattr(found, "iterrows"):  # pandas: iterating would give the names of the columns
        return as_documents(found.to_dict("records"))
    if isinstance(found, Mapping) and isinstance(found.get("ids"), list):
        return _flat(from_columns(found))
    rows = next((v for name in _ROWS if isinstance(v := _value(found, name), list | tuple | Mapping)), None)
    one = _document(found) if rows is None else None
    if one is None and rows is None:
        fields = found if isinstance(found, Mapping) else getattr(found, "__dict__", {})
        rows = next((v for v in fields.values() if isinstance(v, list | tuple) and v), None)
    if rows is not None:
        return as_documents(rows)
    if one is None and isinstance(found, Iterable) and not isinstance(found, Mapping):
        # But for pydantic: that would give names and values, as an object would give its names.
        return [] if hasattr(found, "model_fields_set") else _flat(map(_entry, found))
    return _some(one)


def from_columns(table: Mapping[str, Any]) -> list[Document] | list[list[Document]]:
    """Documents of parallel columns, as Chroma returns them: one list, or one for each query.

    Args:
        table: `ids`, and where they were asked for `documents`, `distances` or `scores`, `metadatas`.
    """
    ids = table["ids"]
    columns = (table.get("documents"), table.get("distances") or table.get("scores"), table.get("metadatas"))
    if ids and isinstance(ids[0], list):
        return [_rows(some, *(column[i] if column else None for column in columns)) for i, some in enumerate(ids)]
    return _rows(ids, *columns)


def passage(payload: Mapping[str, Any]) -> tuple[str | None, Mapping[str, Any] | None]:
    """The text in what a store keeps of a document, and the rest of it.

    The text is under one of the usual keys, or else the longest prose there is.
    """
    key = None
    for name in _TEXT:
        if isinstance(payload.get(name), str):
            key = name
            break
    if key is None and (text := _node_text(payload.get(_NODE))) is not None:
        return text, {k: v for k, v in payload.items() if k != _NODE} or None
    if key is None:
        prose = (k for k, v in payload.items() if isinstance(v, str) and " " in v)
        key = max(prose, key=lambda k: len(payload[k]), default=None)
    if key is None:
        nested = next((v for k in _PAYLOAD if isinstance(v := payload.get(k), Mapping)), None)
        return (None, payload or None) if nested is None else (passage(nested)[0], payload)
    rest = {k: v for k, v in payload.items() if k != key}
    return payload[key], (_inner(rest) if len(rest) == 1 else rest) or None


def _inner(rest: Mapping[str, Any]) -> Mapping[str, Any]:
    for name in _METADATA:
        value: Any = rest.get(name)
        if value is not None and isinstance(value, Mapping):  # of nothing that takes long to find out
            return value
    return rest


def from_row(row: Mapping[str, Any], identity: Any = None, score: Any = None) -> Document:
    """The document in a row of a table or an object of a search engine, its vectors left out.

    Args:
        row: fields by name; one of them is the text.
        identity: where the store gives an id beside the fields; else it is the field `id`, `_id`, `doc_id` ...
        score: likewise; a field that holds it stays where it is.
    """
    fields: dict[str, Any] = _bare(row)
    if identity is None:
        for key in _ID:
            if fields.get(key) is not None:
                identity = fields.pop(key)
                break
    text, rest = passage(fields)
    return Document(text, None if identity is None else str(identity), _number(score), rest)


def scores_descend(documents: Sequence[Document] | Sequence[Sequence[Document]]) -> bool | None:
    """Whether a greater score is a better one, told by documents that come best first; None where none tells.

    Args:
        documents: of one query, or a list for each of several; where these differ (distances of one, ranks fused of
            another), nothing holds for all.
    """
    scores: list[float] = []
    orders: set[bool] = set()
    for entry in documents:
        if not isinstance(entry, Document):
            if (order := scores_descend(entry)) is not None:
                orders.add(order)
        elif entry.score is not None:
            scores.append(entry.score)
    if scores and scores[0] != scores[-1]:
        orders.add(scores[0] > scores[-1])
    return orders.pop() if len(orders) == 1 else None


def _bare(value: Any) -> Any:
    """A mapping, or a list of them, without vectors: passages in a field of their document have theirs beside them."""
    if isinstance(value, Mapping):
        kept = ((k, v) for k, v in value.items() if type(v) in _PLAIN or not _is_vector(v))
        return {k: v if type(v) in _PLAIN else _bare(v) for k, v in kept}
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return [_bare(each) for each in value]
    return value


def _is_vector(value: Any) -> bool:
    """Whether it says nothing to a reader: numbers of an embedding, or bytes."""
    if isinstance(value, bytes | bytearray | memoryview) or hasattr(value, "dtype"):
        return True
    if isinstance(value, dict):  # weights of words, of a sparse one
        return len(value) > _FEW and all(type(weight) is float for weight in value.values())
    if not isinstance(value, list | tuple) or not all(isinstance(v, float) or type(v) is int for v in value[:8]):
        return False
    # Where JSON held it, some numbers of a vector may have no point, and those of a vector of bytes have none.
    return len(value) > _FEW or any(isinstance(v, float) for v in value[:8])


def _rows(ids: Sequence[Any], texts: Any, scores: Any, metadatas: Any) -> list[Document]:
    columns = zip(ids, texts or repeat(None), scores or repeat(None), metadatas or repeat(None), strict=False)
    return [Document(text, str(identity), score, metadata) for identity, text, score, metadata in columns]


def _node_text(node: Any) -> str | None:
    if not isinstance(node, str):
        return None
    try:
        text = json.loads(node).get("text")
    except (ValueError, AttributeError):
        return None
    return text if isinstance(text, str) else None


def _entry(entry: Any) -> Document | list[Document] | None:
    if isinstance(entry, int | float | bytes | Iterator):  # an iterator is the application's to read
        return None
    return _document(entry) if _is_pair(entry) else as_documents(entry)


def _is_pair(entry: Any) -> bool:
    """Whether it is (document, score)."""
    if not isinstance(entry, tuple | list) or len(entry) != 2 or isinstance(entry[0], list | tuple):
        return False
    return _number(entry[0]) is None and _number(entry[1]) is not None


def _document(entry: Any) -> Document | None:
    if isinstance(entry, Document):
        return entry
    if isinstance(entry, str):
        return Document(text=entry)
    if _is_pair(entry):
        inner = _document(entry[0])
        return None if inner is None else Document(inner.text, inner.id, _number(entry[1]), inner.metadata)
    node = _value(entry, "node")  # a scored node around the document (LlamaIndex)
    if node is not None and node is not entry and not isinstance(node, str):
        inner = _document(node)
        score = _number(_value(entry, "score"))
        return None if inner is None else Document(inner.text, inner.id, score, inner.metadata)
    text = next((v for name in _TEXT if isinstance(v := _value(entry, name), str)), None)
    identity = _first(entry, _ID)
    metadata = next((v for name in _PAYLOAD if isinstance(v := _value(entry, name), Mapping)), None)
    if text is None and metadata is not None:
        text, metadata = passage(metadata)
    if text is None and identity is None:
        return None
    return Document(text, None if identity is None else str(identity), _number(_first(entry, _SCORE)), metadata)


def _first(entry: Any, names: Iterable[str]) -> Any:
    return next((v for name in names if (v := _value(entry, name)) is not None), None)


def _value(entry: Any, name: str) -> Any:
    value = entry.get(name) if isinstance(entry, Mapping) else getattr(entry, name, None)
    return None if callable(value) else value


def _number(value: Any) -> float | None:
    try:
        return None if isinstance(value, bool | str | bytes | None) else float(value)
    except (TypeError, ValueError):
        return None


def _some(document: Document | None) -> list[Document]:
    return [] if document is None else [document]


def _flat(entries: Iterable[Document | list[Document] | None]) -> list[Document]:
    out: list[Document] = []
    for entry in entries:
        if isinstance(entry, Document):
            out.append(entry)
        elif entry is not None:
            out += entry
    return out
