"""OpenLIT: `openlit.init()`, and openai and chromadb as they are."""

import json
from pathlib import Path

import chromadb
import openai
import openlit
from chromadb.utils.embedding_functions import OpenAIEmbeddingFunction
from opentelemetry import trace

from recordings import shop, truth

PRICES = Path("prices.json")
PRICES.write_text(
    json.dumps(
        {
            "chat": {truth.MODEL: {"promptPrice": 0.00015, "completionPrice": 0.0006}},
            "embeddings": {},
            "images": {},
            "audio": {},
        }
    )
)
"""Dollars for 1,000 tokens: its own price list is fetched from the network, and there is none here."""

collection = chromadb.EphemeralClient().create_collection(
    truth.COLLECTION,
    embedding_function=OpenAIEmbeddingFunction(model_name=truth.EMBEDDING_MODEL),
    metadata={"hnsw:space": "cosine"},
)
collection.add(ids=list(truth.CORPUS), documents=list(truth.CORPUS.values()))
openlit.init(
    application_name="shop", environment="test", pricing_json=str(PRICES.resolve()), disabled_instrumentors=["httpx"]
)
client = openai.OpenAI()


def search(text: str, count: int) -> list[str]:
    return collection.query(query_texts=[text], n_results=count)["ids"][0]


def chat(messages: shop.Messages, stream: bool) -> str:
    if not stream:
        return client.chat.completions.create(model=truth.MODEL, messages=messages).choices[0].message.content
    chunks = client.chat.completions.create(
        model=truth.MODEL, messages=messages, stream=True, stream_options={"include_usage": True}
    )
    return "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)


@openlit.trace
def serve(request: truth.Request) -> str:
    return shop.answer(request, search, chat)


shop.run(serve)
trace.get_tracer_provider().shutdown()
