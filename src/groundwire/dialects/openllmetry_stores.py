"""Vector stores as OpenLLMetry traces them: what was found is one span event a document.

Chroma's events carry the passage; Pinecone's and Milvus's have it in the metadata, as `str` of a dictionary; Marqo's
and Milvus's `query` put the fields of a hit straight into the event. Qdrant, Weaviate and LanceDB tell that a search
took place and not what it found.

Source: the packages 0.62.4 as installed; opentelemetry-semantic-conventions-ai 0.5.1 for the names.
"""

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from groundwire.dialects import conventions
from groundwire.dialects.chat_messages import from_json
from groundwire.dialects.conventions import count
from groundwire.dialects.found_documents import document
from groundwire.dialects.python_text import literal
from groundwire.finite import finite
from groundwire.model import Document, SpanEvent, SpanRecord

_STORES = ("chroma", "pinecone", "qdrant", "weaviate", "milvus", "marqo", "lancedb")
_SEARCHES = ("query", "search", "search_batch", "query_points", "query_batch", "query_batch_points", "recommend")
_RESULTS = ("db.query.result", "db.search.result")
_TEXTS = ("document", "text", "content", "page_content", "chunk")
_OLD = re.compile(r"0\.(?:[0-9]|[1-5][0-9]|6[01])\.|$")
"""Versions before 0.62; and where none is told."""


def translate(record: SpanRecord) -> Mapping[str, Any] | None:
    """The retrieval; None where the span is none."""
    attributes = record.attributes
    results = [event for event in record.events if event.name in _RESULTS]
    store, operation = attributes.get("db.system"), attributes.get("db.operation")
    if not results and not (store in _STORES and _is_search(operation, record.name)):
        return None
    query = attributes.get("db.marqo.search.query")
    found = [one for event in results if (one := _document(event)) is not None]
    if _is_only_the_first(record, len(results)):
        found = [replace(one, text=None) for one in found]  # passages are then cut out of the prompt
    return conventions.search("retrieval", query if isinstance(query, str) else None, found)


def _is_only_the_first(record: SpanRecord, results: int) -> bool:
    """Chroma's instrumentor told one result a query until 0.62: a list that leaves out what the model was shown."""
    attributes = record.attributes
    if attributes.get("db.system") != "chroma" or not _OLD.match(record.scope_version):
        return False
    queries = count(attributes.get("db.chroma.query.texts_count")) or count(
        attributes.get("db.chroma.query.embeddings_count")
    )
    return results == (queries or 1) and attributes.get("db.chroma.query.n_results") != 1


def _is_search(operation: Any, name: str) -> bool:
    told = operation if isinstance(operation, str) else name.rpartition(".")[2]
    return told.lower() in _SEARCHES


def _document(event: SpanEvent) -> Document | None:
    prefix = event.name + "."
    told = {key[len(prefix) :]: value for key, value in event.attributes.items() if key.startswith(prefix)}
    if not told:  # the fields of the hit itself
        told = dict(event.attributes)
        text = next((told[key] for key in _TEXTS if isinstance(told.get(key), str)), None)
        return document(text, told.get("_id", told.get("id")), told.get("_score", told.get("distance")), told)
    about = _about(told.get("metadata", told.get("entity")))
    score = told.get("score", told.get("distance"))
    return document(told.get("document"), told.get("id"), _number(score), about)


def _about(value: Any) -> Mapping[str, Any] | None:
    """The metadata, given as JSON or as `str` of a dictionary; LlamaIndex keeps its node in there as JSON."""
    found = from_json(value)
    if isinstance(found, str) and found.startswith("{"):
        found = literal(found)
    if not isinstance(found, Mapping):
        return None
    about = {str(key): entry for key, entry in found.items()}
    node = from_json(about.get("_node_content"))
    if isinstance(node, Mapping) and isinstance(node.get("text"), str) and "text" not in about:
        return {**about, "text": node["text"]}
    inner = about.get("entity")  # Milvus's hits are objects in objects
    return {**inner, **about} if isinstance(inner, Mapping) and all(isinstance(k, str) for k in inner) else about


def _number(value: Any) -> float | None:
    """Milvus writes distances as text."""
    if isinstance(value, str):
        try:
            return finite(float(value))
        except ValueError:
            return None
    return finite(value)
