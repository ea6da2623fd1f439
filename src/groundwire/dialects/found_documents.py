"""What a retriever or a reranker has returned, as SDKs record it, as documents."""

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from groundwire.dialects.chat_messages import from_json
from groundwire.documents import as_documents
from groundwire.model import Document

_REPR = re.compile(r"<?\w+\(.*\)>?\s*|<[\w.]+ object at 0x[0-9a-f]+>", re.DOTALL)
"""`str` of an object: no text of a document."""
_RERANK = re.compile(r"re[\s_-]?rank", re.IGNORECASE)


def documents(value: Any) -> list[Document]:
    """Documents in a function's result: a list of texts or objects, or an object with such a list; also as JSON."""
    value = from_json(value)
    if isinstance(value, str):
        return []  # a text is an answer about documents, or one that was cut
    try:
        found = as_documents(value)
    except RecursionError:
        return []
    return [
        d if d.id is not None or d.metadata is None else replace(d, id=_identity(d.metadata))
        for d in found
        if d.text is None or not _REPR.fullmatch(d.text)
    ]


def document(content: Any, identity: Any, score: Any, metadata: Any) -> Document | None:
    """A document whose parts are known; its text may stand in its metadata, under one of the usual names."""
    about = from_json(metadata)
    about = about if isinstance(about, Mapping) else None
    text = content if isinstance(content, str) and content else None
    if text is None and about is not None:
        text = next((about[k] for k in ("text", "content", "page_content", "chunk") if _is_text(about.get(k))), None)
    if identity is None and about is not None:
        identity = _identity(about)
    if text is None and identity is None and about is None:
        return None
    valid = isinstance(score, int | float) and not isinstance(score, bool)
    return Document(text, None if identity is None else str(identity), score if valid else None, about)


def is_rerank(name: str) -> bool:
    """Whether a function that returns documents puts others' into a new order, by its name: most SDKs have no kind."""
    return _RERANK.search(name) is not None


def _identity(metadata: Mapping[str, Any]) -> str | None:
    found = next((metadata[k] for k in ("id", "_id", "doc_id", "document_id") if metadata.get(k) is not None), None)
    return str(found) if isinstance(found, str | int) else None


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value)
