"""Spans of OpenLIT: messages and tokens as today's conventions have them, vector stores as `vectordb` operations.

Its vector stores tell the query and never what was found. A cost of 0 means that the model is not in its price list,
and is unknown here. Where a provider reports no tokens it counts them itself, and does not say so.

Source: openlit 1.45.0 as installed; events `gen_ai.content.prompt` of its earlier releases are read as well.
"""

from collections.abc import Mapping
from typing import Any

from groundwire import semconv
from groundwire.dialects import conventions, gen_ai_events
from groundwire.dialects.chat_messages import from_json
from groundwire.dialects.conventions import count
from groundwire.dialects.gen_ai import kind_of
from groundwire.dialects.python_text import literal
from groundwire.finite import finite
from groundwire.model import SpanRecord

_SEARCHES = ("GET", "SEARCH", "QUERY", "SELECT")
_STORES = ("chroma", "qdrant", "pinecone", "milvus", "astra", "weaviate")
_TEXTS = "texts="
_LONGEST = 20_000


def translate(record: SpanRecord) -> Mapping[str, Any] | None:
    """What is to be put right; None where nothing is."""
    attributes = record.attributes
    if not _is_of_openlit(record):
        return None
    if attributes.get(semconv.OPERATION) == "vectordb":
        return _search(attributes)
    if kind_of(attributes) is None:
        return None
    found = dict(gen_ai_events.translate(record) or {})
    if kind_of(attributes) == "retrieval":
        found |= _first_three(attributes)
    cost = finite(attributes.get(semconv.COST))
    if cost is not None and cost <= 0:
        found[semconv.COST] = None
    return found or None


def _is_of_openlit(record: SpanRecord) -> bool:
    """Zipkin's format puts the resource's attributes among the span's: any SDK's name may stand there."""
    told = record.attributes.get("telemetry.sdk.name")
    versions = ("gen_ai.sdk.version", "db.sdk.version")
    return told == "openlit" or record.scope.startswith("openlit") or any(key in record.attributes for key in versions)


def _first_three(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """Of a LangChain retriever's documents the first three are told: if there were more, those in the prompt count."""
    told = from_json(attributes.get(semconv.RETRIEVAL_DOCUMENTS))
    number = count(attributes.get("gen_ai.retrieval.document_count"))
    if not isinstance(told, list | tuple) or number is None or number <= len(told):
        return {}
    rows = [{"id": row["id"]} for row in told if isinstance(row, Mapping) and row.get("id") is not None]
    return {semconv.RETRIEVAL_DOCUMENTS: rows}


def _search(attributes: Mapping[str, Any]) -> Mapping[str, Any] | None:
    operation, store = attributes.get("db.operation.name"), attributes.get("db.system.name")
    ranked = attributes.get("db.vector.query.top_k") is not None
    if store not in _STORES or not (ranked or (isinstance(operation, str) and operation.upper() in _SEARCHES)):
        return None
    return conventions.search("retrieval", _query(attributes.get("db.query.text"), store), [])


def _query(value: Any, store: Any) -> str | None:
    """Chroma's query is a list of texts, behind a word; Pinecone's a text or a vector; the others' no text."""
    if not isinstance(value, str) or len(value) > _LONGEST:
        return None
    if store == "pinecone":
        return None if value[:1] in ("[", "{") else value or None
    if not value.startswith(_TEXTS):
        return None
    texts = literal(value[len(_TEXTS) :])
    texts = [texts] if isinstance(texts, str) else texts
    told = [text for text in texts if isinstance(text, str)] if isinstance(texts, list | tuple) else []
    return "\n".join(told) or None
