"""What a retriever or a reranker has returned, as SDKs record it, as documents."""

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Literal

from groundwire.dialects.chat_messages import from_json
from groundwire.dialects.conventions import is_description
from groundwire.documents import as_documents
from groundwire.finite import finite
from groundwire.model import Document

_IDS = ("id", "_id", "doc_id", "document_id")
_SCORES = ("relevance_score", "score", "_score", "similarity_score")
_RETRIEVES = re.compile(r"retriev|search", re.IGNORECASE)
_RERANK = re.compile(r"re[\s_-]?rank", re.IGNORECASE)


def documents(value: Any) -> list[Document]:
    """Documents in a function's result: a list of texts or objects, or an object with such a list; also as JSON."""
    value = from_json(value)
    if isinstance(value, str):
        return []  # a text is an answer about documents, or one that was cut
    if isinstance(value, list | tuple):
        if all(type(entry) is dict and isinstance(entry.get("page_content"), str) for entry in value):
            return [_of_langchain(entry) for entry in value]  # the usual ones, read in a tenth of the time
        value = [_without_node(entry) for entry in value]
    try:
        found = as_documents(value)
    except RecursionError:
        return []
    return [_completed(d) for d in found if d.text is None or not is_description(d.text)]


def document(content: Any, identity: Any, score: Any, metadata: Any) -> Document | None:
    """A document whose parts are known; its text may stand in its metadata, under one of the usual names."""
    about = from_json(metadata)
    about = about if isinstance(about, Mapping) else None
    text = content if isinstance(content, str) and content else None
    if text is None and about is not None:
        text = next((about[k] for k in ("text", "content", "page_content", "chunk") if _is_text(about.get(k))), None)
    if text is None and identity is None and about is None:
        return None
    return _completed(Document(text, None if identity is None else str(identity), finite(score), about))


def named_search(name: str, returned: Any) -> tuple[Literal["retrieval", "rerank"], list[Document]] | None:
    """What a plain function has found that its author calls a search, a retriever or a reranker; None where it is none.

    It returns documents and nothing else: one that answers as well is no search.
    """
    again = is_rerank(name)
    if not again and _RETRIEVES.search(name) is None:
        return None
    returned = from_json(returned)
    if (
        not again
        and not isinstance(returned, list | tuple)
        and not (isinstance(returned, Mapping) and len(returned) == 1)
    ):
        return None
    found = documents(returned)
    return ("rerank" if again else "retrieval", found) if any(d.text for d in found) else None


def is_rerank(name: str) -> bool:
    """Whether a function that returns documents puts others' into a new order, by its name: most SDKs have no kind."""
    return _RERANK.search(name) is not None


def _of_langchain(entry: Mapping[str, Any]) -> Document:
    identity, metadata = entry.get("id"), entry.get("metadata")
    return _completed(
        Document(
            entry["page_content"],
            None if identity is None else str(identity),
            finite(entry.get("score")),
            metadata if type(metadata) is dict and metadata else None,
        )
    )


def _without_node(entry: Any) -> Any:
    """LlamaIndex puts a scored node around a document."""
    node = entry.get("node") if isinstance(entry, Mapping) else None
    return {**node, "score": entry.get("score")} if isinstance(node, Mapping) else entry


def _completed(one: Document) -> Document:
    """With the id and the score that frameworks put into the metadata of a document, for want of a better place."""
    if one.metadata is None or (one.id is not None and one.score is not None):
        return one
    identity = next((one.metadata[k] for k in _IDS if isinstance(one.metadata.get(k), str | int)), None)
    score = next((s for k in _SCORES if (s := finite(one.metadata.get(k))) is not None), None)
    return replace(
        one,
        id=str(identity) if one.id is None and identity is not None else one.id,
        score=score if one.score is None else one.score,
    )


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value)
