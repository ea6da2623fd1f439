"""A small RAG application: Qdrant in memory, OpenAI for embeddings and answers, and one line for groundwire.

    pip install "groundwire[openai,qdrant]"
    export OPENAI_API_KEY=...
    python examples/rag_app.py notes.txt "What did we decide about the roof?"

`groundwire demo` runs this very file over recorded answers of real models; then no key is needed.
"""

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from openai import OpenAI
from qdrant_client import QdrantClient, models

import groundwire

CHAT_MODEL = os.environ.get("CHAT_MODEL", "gpt-4o-mini")
EMBEDDING_MODEL = os.environ.get("EMBEDDING_MODEL", "text-embedding-3-small")
PROMPT = """Briefly answer the following question, strictly based on the passages below.
If they do not hold the answer, reply with: "Unable to answer based on given passages."

Question: {question}

Passages:
{passages}"""

chat = OpenAI()
embeddings = OpenAI(base_url=os.environ.get("EMBEDDINGS_BASE_URL"))
store = QdrantClient(":memory:")


def embed(texts: Sequence[str]) -> list[list[float]]:
    result = embeddings.embeddings.create(model=EMBEDDING_MODEL, input=list(texts))
    return [row.embedding for row in result.data]


def index(passages: Sequence[tuple[str, int]]) -> None:
    """Put passages into the store, each with the number of the source that it comes from."""
    vectors = embed([text for text, _ in passages])
    cosine = models.VectorParams(size=len(vectors[0]), distance=models.Distance.COSINE)
    store.create_collection("passages", vectors_config=cosine)
    store.upsert(
        "passages",
        [
            models.PointStruct(id=number, vector=vector, payload={"text": text, "source": source})
            for number, ((text, source), vector) in enumerate(zip(passages, vectors, strict=True))
        ],
    )


@groundwire.workflow
def answer(question: str, source: int | None = None) -> str:
    """Answer from the three nearest passages: of one source, or of all."""
    only = models.FieldCondition(key="source", match=models.MatchValue(value=source or 0))
    hits = store.query_points(
        "passages",
        query=embed([question])[0],
        query_filter=None if source is None else models.Filter(must=[only]),
        limit=3,
    ).points
    passages = "\n\n".join(f"passage {n}: {hit.payload['text']}" for n, hit in enumerate(hits, 1) if hit.payload)
    prompt = PROMPT.format(question=question, passages=passages)
    reply = chat.chat.completions.create(model=CHAT_MODEL, messages=[{"role": "user", "content": prompt}])
    return reply.choices[0].message.content or ""


if __name__ == "__main__":
    groundwire.instrument()
    paragraphs = Path(sys.argv[1]).read_text(encoding="utf-8").split("\n\n")
    index([(text.strip(), 0) for text in paragraphs if text.strip()])
    print(answer(sys.argv[2]))
