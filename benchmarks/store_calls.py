"""The searches that `clients.py` measures: five of a thousand passages, and a rerank of eight.

As in `client_calls.py`; what is written by hand are ids, scores and texts of the documents as JSON, and what was asked.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from typing import Any

from client_calls import INPUT, PARAGRAPH, SYSTEM, Calls

QUERY = "How long is the warranty, and from which day on?"
TEXTS = [f"Passage {n}. {PARAGRAPH * 5}" for n in range(1000)]
SIZE, TOP = 384, 5


@cache
def vectors() -> Any:
    import numpy

    return numpy.random.default_rng(7).random((1000, SIZE), dtype=numpy.float32)


def asked(kind: str, provider: str, what: Mapping[str, Any]) -> Callable[[], dict[str, Any]]:
    return lambda: {"gen_ai.operation.name": kind, "gen_ai.provider.name": provider, **what}


def listed(rows: Iterable[tuple[Any, Any, Any]]) -> dict[str, Any]:
    documents = [{"id": identity, "score": score, "content": text} for identity, score, text in rows]
    return {"gen_ai.retrieval.documents": json.dumps(documents)}


def _search(
    provider: str, name: str, call: Callable[[], Any], answered: Callable[[Any], dict[str, Any]], **what: Any
) -> Calls:
    written = {"gen_ai.data_source.id": name, "gen_ai.retrieval.top_k": TOP, **what}
    return Calls(provider, name, call, asked("retrieval", provider, written), answered, what="retrieval")


def chroma() -> Calls:
    import chromadb

    docs = chromadb.EphemeralClient().get_or_create_collection("bench", embedding_function=None)
    ids = [f"d{n}" for n in range(1000)]
    docs.upsert(ids=ids, embeddings=vectors().tolist(), documents=TEXTS, metadatas=[{"page": n} for n in range(1000)])
    query = [vectors()[3].tolist()]

    def answered(found: Any) -> dict[str, Any]:
        return listed(zip(found["ids"][0], found["distances"][0], found["documents"][0], strict=True))

    return _search("chroma", "bench", lambda: docs.query(query_embeddings=query, n_results=TOP), answered)


def qdrant() -> Calls:
    from qdrant_client import QdrantClient, models

    client = QdrantClient(":memory:")
    client.create_collection("bench", models.VectorParams(size=SIZE, distance=models.Distance.COSINE))
    points = [
        models.PointStruct(id=n, vector=vector, payload={"text": TEXTS[n], "page": n})
        for n, vector in enumerate(vectors().tolist())
    ]
    client.upsert("bench", points)
    query = vectors()[3].tolist()

    def answered(found: Any) -> dict[str, Any]:
        return listed((point.id, point.score, point.payload["text"]) for point in found.points)

    return _search("qdrant", "bench", lambda: client.query_points("bench", query=query, limit=TOP), answered)


def faiss() -> Calls:
    import faiss as library

    import groundwire

    index = library.IndexFlatL2(SIZE)
    index.add(vectors())
    groundwire.texts_for(index, TEXTS, name="bench")
    query = vectors()[3:4]

    def answered(found: Any) -> dict[str, Any]:
        distances, numbers = found
        return listed((int(n), float(d), TEXTS[n]) for n, d in zip(numbers[0], distances[0], strict=True))

    return _search("faiss", "bench", lambda: index.search(query, TOP), answered)


def voyageai() -> Calls:
    from conformance import voyageai_cases as cases

    documents = TEXTS[:8]
    rows = [{"index": n, "relevance_score": 1 - n / 10} for n in (3, 1, 0, 2, 4)]
    cases.BODIES["rerank"] |= {"data": rows, "usage": {"total_tokens": INPUT}}
    client = cases._opens(False)("answer", int)

    def write() -> dict[str, Any]:
        return {
            "gen_ai.operation.name": "rerank",
            "gen_ai.provider.name": "voyageai",
            "gen_ai.request.model": "rerank-2.5",
            "gen_ai.retrieval.top_k": TOP,
            "gen_ai.retrieval.query.text": SYSTEM + QUERY,
            "server.address": "api.voyageai.com",
            "groundwire.rerank.input_documents": json.dumps([{"content": text} for text in documents]),
        }

    def answered(found: Any) -> dict[str, Any]:
        ranked = listed((row.index, row.relevance_score, row.document) for row in found.results)
        return {**ranked, "gen_ai.usage.input_tokens": found.total_tokens}

    def call() -> Any:
        return client.rerank(SYSTEM + QUERY, documents, "rerank-2.5", top_k=TOP)

    return Calls("voyageai", "rerank-2.5", call, write, answered, what="rerank")
