"""LlamaIndex, Chroma and Anthropic: a query engine over a collection, and one line for groundwire.

pip install "groundwire[llama-index,chroma,anthropic]" llama-index-vector-stores-chroma
ANTHROPIC_API_KEY=... python examples/llama_index_chroma_anthropic.py
"""

import os
import re
import sys
from collections.abc import Iterator, Sequence
from typing import Any
from zlib import crc32

import chromadb
from anthropic import Anthropic
from llama_index.core import StorageContext, VectorStoreIndex
from llama_index.core.embeddings import BaseEmbedding
from llama_index.core.llms import CompletionResponse, CustomLLM, LLMMetadata
from llama_index.core.schema import TextNode
from llama_index.vector_stores.chroma import ChromaVectorStore

import groundwire

MODEL = os.environ.get("CHAT_MODEL", "claude-sonnet-4-5")
QUESTION = "how long to bake bratwurst in the oven"
NOTES = [
    "Bake bratwurst at 400 degrees Fahrenheit for 20 to 25 minutes, turning them half-way.",
    "Bratwurst is done when its centre has 160 degrees Fahrenheit.",
    "An oil stain on concrete comes off with baking soda, warm water and a stiff brush.",
]


class Claude(CustomLLM):
    """`Anthropic` of `llama-index-llms-anthropic` 0.12 does the same, with versions 0 of Anthropic's client."""

    @property
    def metadata(self) -> LLMMetadata:
        return LLMMetadata(model_name=MODEL, context_window=200_000)

    def complete(self, prompt: str, formatted: bool = False, **_: Any) -> CompletionResponse:
        reply = Anthropic().messages.create(**asked(prompt))
        return CompletionResponse(text="".join(block.text for block in reply.content if block.type == "text"))

    def stream_complete(self, prompt: str, formatted: bool = False, **_: Any) -> Iterator[CompletionResponse]:
        text = ""
        with Anthropic().messages.stream(**asked(prompt)) as stream:
            for piece in stream.text_stream:
                text += piece
                yield CompletionResponse(text=text, delta=piece)


def asked(prompt: str) -> dict[str, Any]:
    return {"model": MODEL, "max_tokens": 500, "messages": [{"role": "user", "content": prompt}]}


class Words(BaseEmbedding):
    """Counts of words: put the embedding model that you use in its place."""

    def _get_text_embedding(self, text: str) -> list[float]:
        hashes = [crc32(word.encode()) % 256 for word in re.findall(r"\w{4,}", text.lower())]
        return [float(hashes.count(n)) for n in range(256)]

    _get_query_embedding = _get_text_embedding

    async def _aget_query_embedding(self, query: str) -> list[float]:
        return self._get_text_embedding(query)


def index(notes: Sequence[str] = NOTES) -> VectorStoreIndex:
    store = ChromaVectorStore(chroma_collection=chromadb.EphemeralClient().get_or_create_collection("notes"))
    storage = StorageContext.from_defaults(vector_store=store)
    return VectorStoreIndex([TextNode(text=note) for note in notes], storage_context=storage, embed_model=Words())


if __name__ == "__main__":
    groundwire.instrument()
    engine = index().as_query_engine(llm=Claude(), similarity_top_k=2, streaming=True)
    for piece in engine.query(sys.argv[1] if len(sys.argv) > 1 else QUESTION).response_gen:
        print(piece, end="", flush=True)
    print()
