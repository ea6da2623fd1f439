"""LangChain, Qdrant and OpenAI: a chain that searches, asks and streams, and one line for groundwire.

pip install "groundwire[langchain,qdrant,openai]" langchain-openai langchain-qdrant
OPENAI_API_KEY=... python examples/langchain_qdrant_openai.py
"""

import os
import sys
from collections.abc import Sequence

from langchain_core.documents import Document
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.retrievers import BaseRetriever
from langchain_core.runnables import Runnable, RunnablePassthrough
from langchain_openai import ChatOpenAI, OpenAIEmbeddings
from langchain_qdrant import QdrantVectorStore

import groundwire

CHAT_MODEL = os.environ.get("CHAT_MODEL", "gpt-4o-mini")
EMBEDDING_MODEL = os.environ.get("EMBEDDING_MODEL", "text-embedding-3-small")
QUESTION = "how long to bake bratwurst in the oven"
NOTES = [
    "Bake bratwurst at 400 degrees Fahrenheit for 20 to 25 minutes, turning them half-way.",
    "Bratwurst is done when its centre has 160 degrees Fahrenheit.",
    "An oil stain on concrete comes off with baking soda, warm water and a stiff brush.",
]
PROMPT = """Answer the question from these notes alone.

Notes:
{notes}

Question: {question}"""


def search(notes: Sequence[str] = NOTES) -> BaseRetriever:
    """Finds the two nearest notes."""
    embeddings = OpenAIEmbeddings(model=EMBEDDING_MODEL, check_embedding_ctx_length=False)
    store = QdrantVectorStore.from_texts(notes, embeddings, location=":memory:", collection_name="notes")
    return store.as_retriever(search_kwargs={"k": 2})


def joined(documents: Sequence[Document]) -> str:
    return "\n".join(f"- {document.page_content}" for document in documents)


def answering(found: Runnable[str, list[Document]]) -> Runnable[str, str]:
    """From a question, by way of what is found for it, to the answer."""
    return (
        {"notes": found | joined, "question": RunnablePassthrough()}
        | ChatPromptTemplate.from_template(PROMPT)
        | ChatOpenAI(model=CHAT_MODEL, stream_usage=True)
        | StrOutputParser()
    ).with_config(run_name="answer")


if __name__ == "__main__":
    groundwire.instrument()
    for piece in answering(search()).stream(sys.argv[1] if len(sys.argv) > 1 else QUESTION):
        print(piece, end="", flush=True)
    print()
